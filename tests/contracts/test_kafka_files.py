"""Topics and access rules as files agree with what the services declare."""

import itertools
from typing import Any

import pytest
import yaml

from deploy.contracts.__main__ import declared_services
from deploy.contracts.schemas import ROOT
from deploy.kafka import __main__ as deploy_kafka
from shared import topics
from shared.service import Service

TOPICS: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy/kafka/topics.yaml").read_text(encoding="utf-8"))["topics"]
ACLS = yaml.safe_load((ROOT / "deploy/kafka/acls.yaml").read_text(encoding="utf-8"))["principals"]
BY_USER: dict[str, dict[str, Any]] = {principal["user"]: principal for principal in ACLS}
SERVICES = declared_services()
NAMES = [service.name for service in SERVICES]


def test_the_topics_are_those_of_the_code_with_its_number_of_partitions() -> None:
    assert {topic["name"] for topic in TOPICS} == {*topics.FACTS, topics.PARTNER_RECORDS}
    assert {topic["partitions"] for topic in TOPICS} == {topics.PARTITIONS}


def test_facts_are_kept_for_ever() -> None:
    for topic in TOPICS:
        assert topic["config"] == {"cleanup.policy": "delete", "retention.ms": -1}


def test_each_topic_has_one_writer() -> None:
    writers = [(topic, principal["user"]) for principal in ACLS for topic in principal["writes"]]
    assert sorted(topic for topic, _ in writers) == sorted({*topics.FACTS, topics.PARTNER_RECORDS})


@pytest.mark.parametrize("service", SERVICES, ids=NAMES)
def test_a_service_may_write_where_it_tells_facts_and_nowhere_else(service: Service) -> None:
    assert set(BY_USER[service.name]["writes"]) == {fact.topic for fact in service.emits}


@pytest.mark.parametrize("service", SERVICES, ids=NAMES)
def test_a_service_may_read_what_it_reacts_to_and_nothing_else(service: Service) -> None:
    assert set(BY_USER[service.name]["reads"]) == {fact.topic for fact in service.reactions}
    assert f"consilium.{service.name}" in BY_USER[service.name]["groups"]


def test_a_partner_reads_the_partner_topic_alone() -> None:
    partners = [principal for principal in ACLS if principal["user"].startswith("partner-")]
    assert partners
    for partner in partners:
        assert (partner["writes"], partner["reads"]) == ([], [topics.PARTNER_RECORDS])


def test_nobody_but_a_service_writes() -> None:
    assert {principal["user"] for principal in ACLS if principal["writes"]} <= set(NAMES)


def test_views_read_facts() -> None:
    assert set(BY_USER["intake-streams"]["reads"]) == set(topics.FACTS)


def test_every_fact_is_told_by_one_service() -> None:
    told = [fact for service in SERVICES for fact in service.emits]
    assert len(told) == len(set(told))


def test_the_printed_commands_give_each_topic_to_its_owner_alone(capsys: pytest.CaptureFixture[str]) -> None:
    deploy_kafka.main(["acls", "--bootstrap", "broker:9092"])
    lines = capsys.readouterr().out.splitlines()
    writers = {
        (words[words.index("--allow-principal") + 1], topic)
        for words in map(str.split, lines)
        if "Write" in words
        for option, topic in itertools.pairwise(words)
        if option == "--topic"
    }
    assert writers == {
        ("User:intake", "intake.events"),
        ("User:billing", "billing.events"),
        ("User:records", "records.events"),
        ("User:records", "partner.records.v1"),
        ("User:matching", "matching.events"),
    }
    assert all(line.startswith("kafka-acls.sh --bootstrap-server broker:9092 --add ") for line in lines)
    assert any(
        "User:partner-demo" in line and "--group partner-demo. --resource-pattern-type prefixed" in line
        for line in lines
    )


def test_the_printed_commands_make_each_topic(capsys: pytest.CaptureFixture[str]) -> None:
    deploy_kafka.main(["topics", "--replication", "1"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(TOPICS)
    assert all("--partitions 6 --replication-factor 1" in line and "retention.ms=-1" in line for line in lines)
