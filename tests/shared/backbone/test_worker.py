"""The worker on real Kafka and PostgreSQL: killed anywhere, frozen or told to stop, nothing is lost or done twice."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from shared.backbone import errands, failpoints, health, outbox, parked
from shared.ids import CaseId
from tests.shared.backbone import toy as toy_module
from tests.shared.backbone.stage import MODULE, Stage, id_of, sequence_of
from tests.shared.backbone.toy import FAILS, SLEEPS
from tests.support.facts import a_case, confirmed, paid, sign_in_requested, withdrawn
from tests.support.processes import Running, eventually, running

WHOLE = ["confirmed", "paid 1", "wrote done", "remembered"]
DEATHS = [
    point
    for point in failpoints.POINTS
    if point.startswith(("consumer", "relay", "timers", "errands")) and point != "consumer.parking"
]


@asynccontextmanager
async def _dying(stage: Stage) -> AsyncIterator[Running]:
    """Lend workers, one after the other: each dies at another step, at its first or at its second pass; the last lives."""
    points = [*DEATHS, *(f"{point}:2" for point in DEATHS), "-"]
    log = stage.folder / "dying.log"
    async with running(MODULE, "workers", *points, log=log, environment=stage.environment) as workers:
        yield workers
        assert workers.alive, workers.text[-3000:]
        workers.signal(signal.SIGTERM)
        assert await workers.ended() == 0


@pytest.mark.timeout(300)
async def test_a_kill_at_any_step_loses_nothing_and_doubles_nothing(stage: Stage) -> None:
    expected: dict[CaseId, list[str]] = {}
    async with _dying(stage) as workers:
        while workers.text.count('"worker_started"') <= 2 * len(DEATHS):
            assert workers.alive, workers.text[-3000:]
            by_kafka, at_once = a_case(), a_case()  # what follows from the second can die before the group has met
            expected |= {by_kafka: WHOLE, at_once: ["confirmed", "wrote done", "remembered"]}
            await stage.send(stage.toy.arrival(confirmed(by_kafka)), stage.toy.arrival(paid(by_kafka)))
            stage.toy.clock.at = datetime.now(UTC)
            await stage.toy.receives(confirmed(at_once))
            await asyncio.sleep(0.1)
        await stage.settled(expected)
        await stage.all_is_sent()
    rows = await stage.toy.fetch("SELECT event_id, case_id FROM outbox")
    assert sorted(row["case_id"] for row in rows) == sorted(expected)
    told = [record for record in await stage.told() if dict(record.headers)["ce_type"] == b"RefundIssued.v1"]
    assert {id_of(record) for record in told} == {str(row["event_id"]).encode() for row in rows}
    assert await stage.toy.count("inbox") >= 24


async def test_a_killed_worker_leaves_its_partitions_to_one_that_lives(stage: Stage) -> None:
    cases = [a_case() for _ in range(12)]
    async with stage.worker("second") as second, stage.worker(CONSILIUM_FAILPOINT="consumer.flushed") as doomed:
        await second.said("consumer_started")
        await doomed.said("consumer_started")
        for case in cases:
            await stage.send(stage.toy.arrival(confirmed(case)), stage.toy.arrival(paid(case)))
        assert await doomed.ended(within=40) == -signal.SIGKILL
        await stage.settled(dict.fromkeys(cases, WHOLE))


async def test_every_fact_in_the_outbox_reaches_kafka_in_order_of_its_case(stage: Stage) -> None:
    cases = [a_case() for _ in range(30)]
    for _ in range(4):
        async with stage.toy.ctx.db.transaction() as tx:
            for case in cases:
                outbox.append(tx, toy_module.refund(case, tx))
    async with stage.working():
        await stage.all_is_sent()
    records = await stage.told()
    assert len(records) == 120
    for case in cases:
        assert [sequence_of(record) for record in records if record.key == str(case).encode()] == [1, 2, 3, 4]


FROZEN_SECONDS = 30.0
"""Longer than anything of ours waits for one who is silent: 5 s at PostgreSQL, 8 s in a group, 15 s for an ack."""


async def test_a_relay_that_froze_with_facts_in_hand_is_replaced_and_wakes_up_harmless(stage: Stage) -> None:
    cases = [a_case() for _ in range(5)]
    async with stage.worker("frozen", CONSILIUM_FAILPOINT="relay.taken@STOP") as frozen:
        await frozen.said("relay_active")
        async with stage.worker("heir") as heir:
            await heir.said("consumer_started")
            async with stage.toy.ctx.db.transaction() as tx:
                for case in 3 * cases:
                    outbox.append(tx, toy_module.refund(case, tx))
            began = time.monotonic()
            await heir.said("relay_active", within=20)
            await stage.all_is_sent()
            async with stage.toy.ctx.db.transaction() as tx:
                for case in cases:
                    outbox.append(tx, toy_module.refund(case, tx))
            await stage.all_is_sent()
            await asyncio.sleep(max(0.0, FROZEN_SECONDS - (time.monotonic() - began)))
            frozen.signal(signal.SIGCONT)
            await frozen.said("relay_interrupted")
            await eventually(lambda: _more_told(stage, 20), what="what it had in hand was sent again")
            await eventually(lambda: _many_heard(stage, 20), what="each was heard")
    told = await stage.told()
    for case in cases:
        of_case = [record for record in told if record.key == str(case).encode()]
        assert list(dict.fromkeys(map(sequence_of, of_case))) == [1, 2, 3, 4]
        assert len(set(map(id_of, of_case))) == 4
    assert await stage.toy.fetch("SELECT count(*) FROM inbox") == [(20,)]
    assert await stage.toy.fetch("SELECT count(*) FROM parked") == [(0,)]


async def _more_told(stage: Stage, n: int) -> bool:
    return len(await stage.told()) > n


async def _many_heard(stage: Stage, n: int) -> bool:
    return await stage.toy.count("inbox") == n


async def test_a_record_that_always_fails_is_parked_with_those_behind_it_and_can_be_retried(
    stage: Stage, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    bad, good = a_case(), a_case()
    broken = stage.toy.arrival(confirmed(bad, services=(FAILS,)))
    junk = stage.toy.arrival(paid(junk_case := a_case()))._replace(headers=[("nothing", b"\xff")])
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
    async with stage.toy.ctx.db.transaction() as tx:
        await parked.drop(tx, first.id, by="a test")
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
    async with stage.working():

        async def red() -> bool:
            found = await health.check(stage.toy.ctx.db, "toy")
            return any("consumer stopped" in problem for problem in found.problems)

        await eventually(red, what="red health")
        await asyncio.sleep(0.5)  # polls go on, and nothing may come of them
        assert await _parked(stage, 5)


async def test_a_reaction_that_says_retry_holds_its_partition_and_parks_nothing(
    stage: Stage, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    waits = a_case()
    await stage.send(stage.toy.arrival(confirmed(waits, services=("RETRY",))), stage.toy.arrival(withdrawn(waits)))
    others = [a_case() for _ in range(30)]
    await stage.send(*(stage.toy.arrival(paid(case)) for case in others))
    async with stage.working():
        await eventually(lambda: _some_heard(stage, others), what="other partitions flow")
        assert await stage.heard(waits) == []
        assert await _parked(stage, 0)
    monkeypatch.setenv("TOY_MENDED", "yes")
    async with stage.working():
        after = ["confirmed", "withdrawn", "wrote done"]
        await stage.settled({waits: after, **{case: ["paid 1"] for case in others}})


async def _some_heard(stage: Stage, cases: list[CaseId]) -> bool:
    found = await stage.heard_by_case()
    return any(found[case] for case in cases)


@pytest.mark.alone
async def test_sigterm_hands_over_within_two_seconds_whatever_is_in_hand(stage: Stage) -> None:
    cases = [a_case() for _ in range(2_000)]
    stage.toy.clock.at = datetime.now(UTC)
    async with stage.toy.ctx.db.transaction() as tx:
        for case in cases:
            outbox.append(tx, toy_module.refund(case, tx))
        for case in cases[:8]:
            await errands.request(tx, "write", case, str(case), {"word": SLEEPS})
    await stage.send(*(stage.toy.arrival(paid(case)) for case in cases))
    async with stage.worker("first") as first:
        await eventually(lambda: _some_heard(stage, cases[:500]), within=40, every=0.01, what="under way")
        await _stops_in_time(first)
    async with stage.worker("next") as following:
        await following.said("relay_active", within=10)
        await stage.settled({case: ["paid 1"] for case in cases})
        await stage.all_is_sent()


@pytest.mark.alone
async def test_sigterm_waits_for_no_broker_that_is_away(stage: Stage) -> None:
    async with stage.toy.ctx.db.transaction() as tx:
        outbox.append(tx, toy_module.refund(a_case(), tx))
    async with _deaf(stage) as away, stage.worker(KAFKA_BOOTSTRAP=away) as worker:
        await worker.said("worker_started")
        await asyncio.sleep(0.5)
        await _stops_in_time(worker)


@asynccontextmanager
async def _deaf(stage: Stage) -> AsyncIterator[str]:
    """Lend the address of a broker that takes connections and never says a word."""
    callers: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: callers.append(writer), "127.0.0.1", 0)
    try:
        host, port = server.sockets[0].getsockname()
        yield f"{host}:{port}"
    finally:
        server.close()
        for caller in callers:
            caller.close()


async def _stops_in_time(worker: Running) -> None:
    worker.signal(signal.SIGTERM)
    began = time.monotonic()
    assert await worker.ended(within=10) == 0, worker.text[-3000:]
    assert time.monotonic() - began < 2


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
    async with stage.working():
        await eventually(lambda: _free_is_out(stage, free), what="the other case's facts are out")
    rows = await stage.toy.fetch(
        "SELECT sequence FROM outbox WHERE case_id = $1 AND published_at IS NULL ORDER BY 1", stuck
    )
    assert [row["sequence"] for row in rows] == [1, 2]


async def _free_is_out(stage: Stage, free: CaseId) -> bool:
    rows = await stage.toy.fetch("SELECT 1 FROM outbox WHERE case_id = $1 AND published_at IS NOT NULL", free)
    return len(rows) == 2
