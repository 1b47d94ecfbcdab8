"""The worker as a process, on real Kafka and PostgreSQL: killed anywhere, nothing is lost and nothing done twice."""

import asyncio
import dataclasses
import signal
import time
from pathlib import Path

import pytest

from shared import topics
from shared.backbone import failpoints, outbox, parked
from shared.ids import CaseId
from tests.shared.backbone import toy as toy_module
from tests.shared.backbone.toy import FAILS
from tests.support import kafka_topics
from tests.support.facts import a_case, confirmed, paid, sign_in_requested, withdrawn
from tests.support.processes import eventually, running
from tests.support.service import ServiceUnderTest

MODULE = "tests.shared.backbone.toy"


class Stage:
    """A toy service with topics of its own, whose workers are processes."""

    def __init__(self, toy: ServiceUnderTest, bootstrap: str, prefix: str, folder: Path) -> None:
        self.toy, self.bootstrap, self.prefix, self.folder = toy, bootstrap, prefix, folder

    def worker(self, name: str = "worker", **environment: str | None):  # type: ignore[no-untyped-def]
        given = {
            "TOY_DATABASE_URL": self.toy.database_url,
            "KAFKA_BOOTSTRAP": self.bootstrap,
            "KAFKA_PREFIX": self.prefix,
        }
        return running(MODULE, "worker", log=self.folder / f"{name}.log", environment={**given, **environment})

    async def send(self, *arrivals) -> None:  # type: ignore[no-untyped-def]
        await kafka_topics.send(self.bootstrap, self.prefix, *arrivals)

    async def heard(self, case_id: CaseId) -> list[str]:
        rows = await self.toy.fetch("SELECT what FROM heard WHERE case_id = $1 ORDER BY id", case_id)
        return [row["what"] for row in rows]

    async def told(self) -> list[str]:
        found = await kafka_topics.records_in(self.bootstrap, self.prefix, topics.BILLING)
        return [str(dict(record.headers)["ce_id"], "ascii") for record in found]

    async def settled(self, expected: dict[CaseId, list[str]], *, within: float = 60.0) -> None:
        async def as_expected() -> bool:
            return all([sorted(await self.heard(case)) == sorted(what) for case, what in expected.items()])

        await eventually(as_expected, within=within, what="every fact applied once")


@pytest.fixture
async def stage(toy: ServiceUnderTest, kafka_bootstrap: str, tmp_path: Path) -> Stage:
    return Stage(toy, kafka_bootstrap, await kafka_topics.create(kafka_bootstrap), tmp_path)


WHOLE = ["confirmed", "paid 1", "wrote done", "remembered"]
DEATHS = [
    point
    for point in failpoints.POINTS
    if point.startswith(("consumer", "relay", "timers", "errands")) and point != "consumer.parking"
]


@pytest.mark.parametrize("point", DEATHS)
async def test_a_kill_at_any_step_loses_nothing_and_doubles_nothing(stage: Stage, point: str) -> None:
    cases = [a_case() for _ in range(12)]
    for case in cases:
        await stage.send(stage.toy.arrival(confirmed(case)), stage.toy.arrival(paid(case)))
    async with stage.worker(CONSILIUM_FAILPOINT=point) as doomed:
        assert await doomed.ended(within=40) == -signal.SIGKILL
    async with stage.worker(CONSILIUM_FAILPOINT=f"{point}:2") as doomed, stage.worker("second"):
        await stage.settled(dict.fromkeys(cases, WHOLE), within=90)
        if doomed.alive:
            doomed.signal(signal.SIGTERM)
    rows = await stage.toy.fetch("SELECT case_id, sequence FROM outbox")
    assert sorted(row["case_id"] for row in rows) == sorted(cases)
    assert await stage.toy.count("inbox") >= 24


async def test_every_fact_in_the_outbox_reaches_kafka_in_order_of_its_case(stage: Stage) -> None:
    cases = [a_case() for _ in range(30)]
    for _ in range(4):
        async with stage.toy.ctx.db.transaction() as tx:
            for case in cases:
                outbox.append(tx, toy_module.refund(case, tx))
    async with stage.worker() as worker:
        await worker.said("relay_active")
        await eventually(lambda: _none_unpublished(stage), what="all published")
    records = await kafka_topics.records_in(stage.bootstrap, stage.prefix, topics.BILLING)
    assert len(records) == 120
    for case in cases:
        sequence = [int(dict(r.headers)["ce_sequence"]) for r in records if r.key == str(case).encode()]
        assert sequence == [1, 2, 3, 4]


async def _none_unpublished(stage: Stage) -> bool:
    rows = await stage.toy.fetch("SELECT count(*) AS n FROM outbox WHERE published_at IS NULL AND refused IS NULL")
    return bool(rows[0]["n"] == 0)


@pytest.mark.alone
async def test_a_frozen_relay_is_replaced_and_wakes_up_harmless(stage: Stage) -> None:
    async with stage.worker("frozen") as frozen:
        await frozen.said("relay_active")
        async with stage.worker("heir") as heir:
            await heir.said("consumer_started")
            frozen.signal(signal.SIGSTOP)
            case = a_case()
            async with stage.toy.ctx.db.transaction() as tx:
                outbox.append(tx, toy_module.refund(case, tx))
            began = time.monotonic()
            await heir.said("relay_active", within=20)
            await eventually(lambda: _none_unpublished(stage), what="published by the heir")
            assert time.monotonic() - began < 15
            await asyncio.sleep(max(0.0, 30 - (time.monotonic() - began)))
            frozen.signal(signal.SIGCONT)
            await frozen.said("relay_interrupted")
            async with stage.toy.ctx.db.transaction() as tx:
                outbox.append(tx, toy_module.refund(case, tx))
            await eventually(lambda: _none_unpublished(stage), what="published after the thaw")
    told = await stage.told()
    assert len(told) == len(set(told)) == 2


async def test_a_record_that_always_fails_is_parked_with_those_behind_it_and_can_be_retried(
    stage: Stage, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    bad, good = a_case(), a_case()
    broken = stage.toy.arrival(confirmed(bad, services=(FAILS,)))
    junk = dataclasses.replace(stage.toy.arrival(paid(junk_case := a_case())), headers=[("nothing", b"\xff")])
    await stage.send(broken, junk, stage.toy.arrival(sign_in_requested(bad)), stage.toy.arrival(paid(good)))
    async with stage.worker(CONSILIUM_FAILPOINT="consumer.parking") as doomed:
        assert await doomed.ended() == -signal.SIGKILL
    async with stage.worker() as worker:
        await stage.settled({good: ["paid 1"]})
        await eventually(lambda: _parked(stage, 3), within=60, what="three parked")
        await stage.send(stage.toy.arrival(withdrawn(bad)))
        await eventually(lambda: _parked(stage, 4), within=60, what="the later one behind")
        worker.signal(signal.SIGTERM)
        assert await worker.ended(within=4) == 0
    held = await parked.listed(stage.toy.ctx.db)
    assert {(p.case_id, p.behind) for p in held} == {(bad, False), (bad, True), (junk_case, False)}
    first = next(p for p in held if p.case_id == bad and not p.behind)
    assert await _command(stage, "parked", "retry", str(first.id)) == 1
    await parked.drop(stage.toy.ctx.db, first.id, by="a test")
    second = next(p for p in held if p.case_id == bad and p.behind)
    assert await _command(stage, "parked", "retry", str(second.id)) == 0
    assert await stage.heard(bad) == ["many", "withdrawn"]
    assert await _parked(stage, 1)


async def _parked(stage: Stage, n: int) -> bool:
    return len(await parked.listed(stage.toy.ctx.db)) == n


async def _command(stage: Stage, *argv: str) -> int:
    async with running(
        MODULE, *argv, log=stage.folder / "command.log", environment={"TOY_DATABASE_URL": stage.toy.database_url},
    ) as command:  # fmt: skip
        return await command.ended()


async def test_five_parked_in_a_row_stop_the_consumer_and_nothing_more_is_drained(stage: Stage) -> None:
    await stage.send(*(stage.toy.arrival(confirmed(a_case(), services=(FAILS,))) for _ in range(40)))
    async with stage.worker() as worker:
        await worker.said("consumer_stopped")
        await asyncio.sleep(1.5)
        assert await _parked(stage, 5)

        async def red() -> bool:
            from shared.backbone import health

            found = await health.check(stage.toy.ctx.db, "toy")
            return any("consumer stopped" in problem for problem in found.problems)

        await eventually(red, what="red health")


async def test_a_reaction_that_says_retry_holds_its_partition_and_parks_nothing(stage: Stage) -> None:
    waits = a_case()
    await stage.send(stage.toy.arrival(confirmed(waits, services=("RETRY",))), stage.toy.arrival(withdrawn(waits)))
    others = [a_case() for _ in range(30)]
    await stage.send(*(stage.toy.arrival(paid(case)) for case in others))
    async with stage.worker() as worker:
        await worker.said("partition_waits")
        await eventually(lambda: _some_heard(stage, others), what="other partitions flow")
        assert await stage.heard(waits) == []
        assert await _parked(stage, 0)
    async with stage.worker("mended", TOY_MENDED="yes"):
        after = ["confirmed", "withdrawn", "wrote done"]
        await stage.settled({waits: after, **{case: ["paid 1"] for case in others}})


async def _some_heard(stage: Stage, cases: list[CaseId]) -> bool:
    return any([await stage.heard(case) for case in cases])


@pytest.mark.alone
async def test_sigterm_hands_over_within_two_seconds(stage: Stage) -> None:
    async with stage.worker("first") as first:
        await first.said("relay_active")
        await first.said("consumer_started")
        first.signal(signal.SIGTERM)
        began = time.monotonic()
        assert await first.ended(within=4) == 0
        assert time.monotonic() - began < 2
        async with stage.worker("next") as following:
            await following.said("relay_active", within=10)
            await stage.send(stage.toy.arrival(paid(case := a_case())))
            await stage.settled({case: ["paid 1"]}, within=10)


async def test_a_fact_too_large_for_kafka_holds_back_its_own_case_only(stage: Stage) -> None:
    stuck, free = a_case(), a_case()
    async with stage.toy.ctx.db.transaction() as tx:
        outbox.append(tx, toy_module.refund(free, tx))
        outbox.append(tx, toy_module.refund(stuck, tx))
        outbox.append(tx, toy_module.refund(stuck, tx))
        outbox.append(tx, toy_module.refund(free, tx))
    async with stage.toy.ctx.db.transaction() as tx:
        await tx.execute(
            "UPDATE outbox SET payload = to_json(repeat('x', 3000000)) WHERE case_id = $1 AND sequence = 1", stuck,
        )  # fmt: skip
    async with stage.worker() as worker:
        await worker.said("fact_refused")
        await eventually(lambda: _free_is_out(stage, free), what="the other case's facts are out")
    rows = await stage.toy.fetch(
        "SELECT sequence FROM outbox WHERE case_id = $1 AND published_at IS NULL ORDER BY 1", stuck
    )
    assert [row["sequence"] for row in rows] == [1, 2]


async def _free_is_out(stage: Stage, free: CaseId) -> bool:
    rows = await stage.toy.fetch("SELECT 1 FROM outbox WHERE case_id = $1 AND published_at IS NOT NULL", free)
    return len(rows) == 2
