"""One case from request to delivered opinion, through the whole product, without any Faust process; and what it left."""

import hashlib
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

import pypdfium2
import pytest

from shared import topics
from shared.backbone.inbox import Arrival
from tests.support.installation import Installation, until
from tests.support.journey import SIX, Journey, link_path
from tests.support.service import SERVICES

pytestmark = pytest.mark.timeout(600)

PATIENT, DOCTOR, CLINIC = "Canaria Quillfeather", "Dr Ottoline Birdwhistle", "Snowfinch Hospital"
STORY = "Found as a waxwing-shaped shadow in the neck."
QUESTION = "Does the goldcrest protocol help me?"
CODE = "thyroid"
CANARIES = ("Quillfeather", "Birdwhistle", "Snowfinch", "waxwing", "goldcrest", CODE)
"""Words that no program would say by itself: a name each, a place, the illness in words and as a code, a question."""

WRITTEN = ("A made-up summary", "slides confirm the diagnosis", "present treatment", "in a case like this")
"""What case manager and specialist write on the way."""

BORN = "1971-04-03"
WORDS = {"cancer_type": CODE, "story": STORY, "questions": [QUESTION]}
OWNER = {
    "RequestSubmitted.v1": topics.INTAKE, "ServicesConfirmed.v1": topics.INTAKE, "PaymentReceived.v1": topics.BILLING,
    "RecordsComplete.v1": topics.RECORDS, "SpecialistAssigned.v1": topics.MATCHING, "OpinionDelivered.v1": topics.MATCHING,
}  # fmt: skip


@dataclass
class Whole:
    """A finished case and the documents that its readers got."""

    journey: Journey
    for_patient: bytes
    for_physician: bytes

    @property
    def case_id(self) -> str:
        return self.journey.case_id


@pytest.fixture(scope="module")
def whole(installation: Installation) -> Iterator[Whole]:
    assert "streams" not in installation.processes, "no view is needed for any fact"
    journey = Journey(installation, name=PATIENT, **WORDS)
    physician = {"name": DOCTOR, "email": journey.story.doctor_mail, "institution": CLINIC, "country": "JO"}
    journey.words["local_physician"] = physician
    try:
        yield Whole(journey, *journey.to_the_end())
    finally:
        journey.close()


def test_the_case_ends_in_the_six_facts_each_once(installation: Installation, whole: Whole) -> None:
    told = [fact for service in SERVICES for fact in installation.told(service, whole.case_id)]
    assert sorted(fact["type"] for fact in told if fact["type"] in SIX) == sorted(SIX)
    until(lambda: set(SIX) <= set(whole.journey.facts()), "the six facts in Kafka")
    assert len(installation.facts(whole.case_id)) == len([fact for fact in told if fact["topic"] in topics.FACTS])


def test_patient_and_physician_hold_the_same_signed_document(installation: Installation, whole: Whole) -> None:
    assert whole.for_patient == whole.for_physician
    delivered = next(f for f in installation.told("matching", whole.case_id) if f["type"] == "OpinionDelivered.v1")
    assert delivered["fact"]["document_sha256"] == hashlib.sha256(whole.for_patient).hexdigest()
    pages = pypdfium2.PdfDocument(io.BytesIO(whole.for_patient))
    words = " ".join(page.get_textpage().get_text_range() for page in pages)
    pages.close()
    assert PATIENT in words
    assert QUESTION in re.sub(r"\s+", " ", words)


def test_the_timeline_says_delivered(installation: Installation, whole: Whole) -> None:
    reader = whole.journey.story.people[PATIENT]

    def stage() -> bool:
        return bool(reader.get(f"/api/notify/cases/{whole.case_id}/timeline")["stage"] == "delivered")

    until(stage, "delivered on the timeline")
    entries = reader.get(f"/api/notify/cases/{whole.case_id}/timeline")["entries"]
    assert {name.removesuffix(".v1") for name in SIX} <= {entry["fact"] for entry in entries}


def test_the_history_lists_the_facts_of_all_owners_in_their_order(installation: Installation, whole: Whole) -> None:
    asked = installation.command("notify", "history", whole.case_id)
    assert asked.returncode == 0, asked.stderr
    history = [json.loads(line) for line in asked.stdout.splitlines()]
    assert [fact["type"] for fact in history if fact["type"] in SIX] == list(SIX)
    assert {fact["topic"] for fact in history} == {*topics.FACTS, topics.PARTNER_RECORDS}
    by_hand = [fact["id"] for service in SERVICES for fact in installation.told(service, whole.case_id)]
    assert sorted(fact["id"] for fact in history) == sorted(by_hand)


@pytest.mark.parametrize("service", SERVICES)
def test_reconcile_finds_no_gap(installation: Installation, whole: Whole, service: str) -> None:
    def heard() -> bool:
        return bool(installation.health(service)[1]["consumer_lag"] == 0)

    until(heard, f"{service} has heard all")
    found = until(lambda: _clean(installation, service), f"{service} without gaps", within=30)
    assert "0 gaps" in found


def _clean(installation: Installation, service: str) -> str | None:
    asked = installation.command(service, "reconcile")
    return asked.stderr if asked.returncode == 0 else None


def test_each_fact_stands_in_its_topic_with_its_cloudevents_headers(installation: Installation, whole: Whole) -> None:
    records = installation.facts(whole.case_id)
    for record in records:
        _as_the_design_says(record, whole.case_id)
    places = {dict(record.headers)["ce_type"].decode(): record.topic for record in records}
    assert {name: places[name] for name in SIX} == OWNER
    for topic in topics.FACTS:
        numbers = [int(dict(record.headers)["ce_sequence"]) for record in records if record.topic == topic]
        assert numbers == list(range(1, len(numbers) + 1)), f"{topic}: gap-free, and in Kafka in this order"


def _as_the_design_says(record: Arrival, case_id: str) -> None:
    assert len(dict(record.headers)) == len(record.headers), "no header twice"
    headers = {name: value.decode() for name, value in record.headers}
    assert record.key == case_id.encode()
    assert set(headers) == {
        "ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time", "ce_subject", "ce_sequence", "content-type",
        "traceparent",
    }  # fmt: skip
    assert (headers["ce_specversion"], headers["content-type"]) == ("1.0", "application/json")
    assert headers["ce_subject"] == case_id
    assert UUID(headers["ce_id"]).version == 7
    assert headers["ce_source"] == f"/consilium/{record.topic.split('.')[0]}"
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}", headers["traceparent"])
    assert json.loads(record.value or b"")["case_id"] == case_id


def test_no_canary_sings_outside_its_cage(installation: Installation, whole: Whole) -> None:
    """Names, addresses, illness and question stand in their owners' databases, and in no record, log, trace or in notify."""
    case_id, story = whole.case_id, whole.journey.story
    installation.start("streams", "services.intake", "streams")
    try:
        board = "SELECT 1 FROM view_funnel WHERE case_id = $1 AND stage = 'delivered'"
        until(lambda: installation.rows("intake", board, UUID(case_id)), "the funnel has the case")
    finally:
        installation.processes["streams"].terminate()
        installation.processes.pop("streams").wait(20)
    secret = [*CANARIES, *WRITTEN, BORN, story.patient_mail.split("@")[0], story.doctor_mail]
    secret += [link_path(mail).rpartition("/")[2] for mail in installation.mails(story.patient_mail)]
    owned = json.dumps(installation.everything_in("intake"))
    assert all(canary in owned for canary in (*CANARIES, BORN)), "this search finds what is there"
    owned = json.dumps([installation.everything_in(service) for service in ("records", "matching")])
    assert all(words in owned for words in WRITTEN)
    records = [f"{record.key!r} {record.value!r} {list(record.headers)!r}" for record in installation.records()]
    assert any(case_id in record for record in records)
    assert _sung(secret, records) == []
    logs = {file.name: file.read_text(errors="replace") for file in (installation.folder / "logs").iterdir()}
    assert {f"{name}.log" for name in ("web", "streams", *SERVICES)} <= set(logs)
    assert all("worker_started" in logs[f"{service}.log"] for service in SERVICES)
    assert {name: _sung(secret, [text]) for name, text in logs.items() if _sung(secret, [text])} == {}
    spans = installation.spans()
    assert any(case_id in json.dumps(span) for span in spans)
    assert _sung(secret, [json.dumps(span) for span in spans]) == []
    kept = installation.everything_in("notify")
    assert any(case_id in row for row in kept["messages"])
    assert {table: found for table, rows in kept.items() if (found := _sung(secret, rows))} == {}
    for service in SERVICES:
        for table in ("outbox", "inbox", "parked", "errands", "timers", "worker_reports"):
            assert _sung(secret, installation.everything_in(service)[table]) == [], f"{service}.{table}"


def _sung(canaries: list[str], texts: list[str]) -> list[str]:
    """Return the canaries that are in one of the texts, whatever their case and however JSON spells them."""
    return [one for one in canaries if any(one.lower() in text.lower() for text in texts)]
