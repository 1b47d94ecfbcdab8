"""What got lost is named, and comes back without doing anything twice, whatever else stands in the topics."""

import argparse
import asyncio
import dataclasses
import json
from typing import Any

import pytest

from shared import main, topics
from shared.backbone import outbox, parked
from shared.backbone.inbox import Arrival
from shared.ids import CaseId
from shared.service import Context
from tests.shared.backbone import toy as toy_module
from tests.shared.backbone.stage import Stage, id_of
from tests.shared.backbone.toy import FAILS
from tests.support.facts import a_case, confirmed, paid, withdrawn
from tests.support.service import ServiceUnderTest


class Owners:
    """Asks the toy itself what each owner told, by its real interface."""

    def __init__(self, toy: ServiceUnderTest) -> None:
        self._http = toy.as_service("billing")

    async def get(self, _owner: str, path: str, **params: Any) -> Any:
        if params["topic"] != topics.BILLING:  # the toy's only topic: its own words come back to it
            return []
        answer = await self._http.get(f"/api/toy{path}", params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def close(self) -> None:
        return None


@pytest.fixture
def ctx(stage: Stage) -> Context:
    return dataclasses.replace(stage.ctx, peers=Owners(stage.toy))


async def run(ctx: Context, command: str, **options: Any) -> int:
    """Run a command as the command line does, and return its exit code."""
    asked = argparse.Namespace(**({"case": None, "since": None, "topic": None} | options))
    return await main._COMMANDS[command](ctx, asked)


async def _tell(stage: Stage, *cases: CaseId) -> None:
    async with stage.toy.ctx.db.transaction() as tx:
        for case in cases:
            outbox.append(tx, toy_module.refund(case, tx))


async def _all_heard(stage: Stage, n: int) -> None:
    async with stage.working():
        await stage.all_is_sent()
        await stage.until_count("inbox", n)


async def test_a_fact_that_was_lost_is_named_and_replayed(
    stage: Stage, ctx: Context, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    lost, whole = a_case(), a_case()
    await _tell(stage, lost, whole, lost)
    await _all_heard(stage, 3)
    assert await run(ctx, "reconcile") == 0
    async with stage.toy.ctx.db.transaction() as tx:
        await tx.execute("DELETE FROM inbox WHERE case_id = $1 AND sequence = 2", lost)
    capsys.readouterr()
    assert await run(ctx, "reconcile") == 1
    assert json.loads(capsys.readouterr().out) == {
        "topic": topics.BILLING, "case_id": str(lost), "missing": [2], "parked": False,
    }  # fmt: skip
    async with asyncio.timeout(10):
        with pytest.raises(ValueError, match=r"no topic billing\.event; it has billing\.events, intake\.events"):
            await run(ctx, "replay", source="kafka", topic=[topics.BILLING, "billing.event"])
    assert await run(ctx, "replay", source="kafka") == 0
    assert await run(ctx, "reconcile") == 0


async def test_facts_that_wait_for_kafka_are_gaps_until_they_are_sent(
    stage: Stage, ctx: Context, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("shared.backbone.reconcile.PAGE", 2)
    cases = [a_case() for _ in range(5)]
    await _tell(stage, *cases)
    assert await run(ctx, "reconcile") == 1
    said = capsys.readouterr()
    assert {json.loads(line)["case_id"] for line in said.out.splitlines()} == set(map(str, cases))
    assert "5 gaps; 5 of its own facts wait for Kafka" in said.err
    await _all_heard(stage, 5)
    assert await run(ctx, "reconcile") == 0


async def test_an_outbox_that_is_sent_again_does_nothing_twice(stage: Stage, ctx: Context) -> None:
    case = a_case()
    await stage.send(stage.toy.arrival(confirmed(case)))
    await _tell(stage, a_case())
    async with stage.working():
        await stage.settled({case: ["confirmed", "wrote done"]})
        await stage.all_is_sent()
    assert await run(ctx, "replay", source="outbox", since=stage.toy.clock.at) == 0
    async with stage.working():
        await stage.all_is_sent()
        await stage.until_told(4)
    assert len(set(map(id_of, await stage.told()))) == 2
    assert await stage.heard(case) == ["confirmed", "wrote done"]


async def test_replay_goes_past_what_cannot_be_applied_and_names_what_nobody_knows(
    stage: Stage, ctx: Context, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    good, known, dropped, unknown = [a_case() for _ in range(4)]

    def junk(case: CaseId) -> Arrival:
        return stage.toy.arrival(paid(case))._replace(value=b"{")

    await stage.send(*map(junk, (known, dropped)), stage.toy.arrival(paid(dropped)), stage.toy.arrival(paid(good)))
    async with stage.working():
        await stage.until_count("parked", 3)
        await stage.settled({good: ["paid 1"]})
    for record in await parked.listed(ctx.db):
        if record.case_id == dropped:
            async with ctx.db.transaction() as tx:
                await parked.drop(tx, record.id, by="a test")
    async with ctx.db.transaction() as tx:
        await tx.execute("DELETE FROM inbox")
        await tx.execute("DELETE FROM heard")
    assert await run(ctx, "replay", source="kafka") == 0
    assert "4 records read again, 1 facts were new here, 3 are parked or dropped" in capsys.readouterr().out
    assert await stage.heard(good) == ["paid 1"]
    assert await stage.heard(dropped) == [], "who dropped it gave it up for good"

    fails = stage.toy.arrival(confirmed(unknown, services=(FAILS,)))
    await stage.send(fails, stage.toy.arrival(withdrawn(unknown)), stage.toy.arrival(withdrawn(good)))
    assert await run(ctx, "replay", source="kafka") == 1
    said = capsys.readouterr()
    assert "7 records read again, 1 facts were new here" in said.out
    assert [line.split(": ")[1].split()[0] for line in said.err.splitlines()] == [topics.INTAKE]
    assert await stage.heard(unknown) == []
    assert await stage.heard(good) == ["paid 1", "withdrawn"]
    assert len(await parked.listed(ctx.db)) == 1


async def test_replay_without_a_broker_says_so(stage: Stage) -> None:
    away = stage.ctx.platform.model_copy(update={"kafka_bootstrap": "127.0.0.1:9"})
    with pytest.raises(ValueError, match=r"Kafka at 127\.0\.0\.1:9 doesn't answer"):
        await run(dataclasses.replace(stage.ctx, platform=away), "replay", source="kafka")


async def test_replay_parks_nothing_that_was_applied_before_a_record_of_its_case_was_parked(
    stage: Stage, ctx: Context
) -> None:
    case = a_case()
    fails = stage.toy.arrival(confirmed(case, services=(FAILS,)))
    await stage.send(stage.toy.arrival(withdrawn(case)), fails, stage.toy.arrival(withdrawn(case)))
    async with stage.working():
        await stage.until_count("parked", 2)
    before = await parked.listed(ctx.db)
    assert await run(ctx, "replay", source="kafka") == 0
    assert await parked.listed(ctx.db) == before
