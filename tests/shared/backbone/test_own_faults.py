"""A fault of a reaction's own is no outage, an outage is no reason to park, and no bytes end a worker."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiokafka.partitioner import DefaultPartitioner

from shared import telemetry, topics
from shared.backbone import parked, timers
from shared.backbone.consumer import Consumer
from shared.db import Tx
from shared.ids import CaseId
from tests.shared.backbone.stage import Stage
from tests.shared.backbone.toy import FAILS, OWN_FAULTS
from tests.support.facts import a_case, confirmed, paid
from tests.support.processes import eventually
from tests.support.service import A_MONDAY, ServiceUnderTest


@asynccontextmanager
async def consuming(stage: Stage) -> AsyncIterator[asyncio.Event]:
    """Have a consumer run; lend what stops it."""
    stop, ctx = asyncio.Event(), stage.ctx
    running = asyncio.create_task(Consumer("toy", ctx.service.reactions, ctx.db, ctx.platform).run(stop))
    try:
        yield stop
    finally:
        stop.set()
        await running


async def _parked(stage: Stage, n: int) -> bool:
    return len(await parked.listed(stage.toy.ctx.db)) == n


async def test_a_reaction_with_a_fault_of_its_own_is_parked_and_others_flow(stage: Stage) -> None:
    bad = {fault: a_case() for fault in OWN_FAULTS}
    good = a_case()
    await stage.send(*(stage.toy.arrival(confirmed(case, services=(fault,))) for fault, case in bad.items()))
    await stage.send(stage.toy.arrival(paid(good)))
    async with consuming(stage):
        await eventually(lambda: _parked(stage, len(OWN_FAULTS)), what="all of them parked")
        await stage.settled({good: ["paid 1"]})
    said = {record.case_id: record.error for record in await parked.listed(stage.toy.ctx.db)}
    assert "InterfaceError" in said[bad["ARGUMENTS"]]
    assert "FileNotFoundError" in said[bad["FILE"]]
    assert "TimeoutError" in said[bad["TIME"]]


def _partition(case: CaseId) -> int:
    places = list(range(topics.PARTITIONS))
    return int(DefaultPartitioner()(str(case).encode(), places, places))


@pytest.mark.parametrize("beside", [0, 1], ids=["in its batch", "looked at alone"])
async def test_a_good_record_that_the_database_puts_off_is_not_parked_by_a_stop(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, beside: int,
) -> None:  # fmt: skip
    bad, tried = a_case(), telemetry.RETRIED.labels("toy")._value  # a counter tells nobody else
    good = next(case for case in iter(a_case, None) if _partition(case) == _partition(bad))
    before = tried.get()
    failing = [stage.toy.arrival(confirmed(bad, services=(FAILS,)))] * beside
    await stage.send(*failing, stage.toy.arrival(confirmed(good, services=("CLASH",))))
    async with consuming(stage) as stop:

        async def put_off() -> bool:
            return bool(tried.get() > before)

        await eventually(put_off, what="a deadlock")
        stop.set()
    assert await _parked(stage, beside)
    assert await stage.toy.count("inbox") == 0
    monkeypatch.setenv("TOY_MENDED", "yes")
    async with consuming(stage):
        await stage.settled({good: ["confirmed"]})
    assert await _parked(stage, beside)


async def test_any_bytes_that_kafka_takes_are_parked_whole_or_read(stage: Stage) -> None:
    whole, odd = [stage.toy.arrival(paid(a_case())) for _ in range(3)], [("a\0name %41", b"\0"), ("nothing", None)]
    null = whole[0]._replace(headers=[("ce_type", None), ("ce_subject", None), *odd])
    typed = whole[1]._replace(
        headers=[(name, b"Pay\0ment.v1" if name == "ce_type" else value) for name, value in whole[1].headers]
    )
    extra = whole[2]._replace(headers=[*whole[2].headers, *odd])
    await stage.send(null, typed, extra)
    async with consuming(stage):
        await eventually(lambda: _parked(stage, 2), what="both parked")
        await stage.settled({CaseId(a_case_of(extra.key)): ["paid 1"]})
    rows = await stage.toy.fetch("SELECT id, key, type, headers FROM parked")
    by_key = {bytes(row["key"]): row for row in rows}
    assert by_key[null.key or b""]["type"] is None
    assert by_key[typed.key or b""]["type"] == "Payment.v1"
    found = [parked._arrival(row) for row in await stage.toy.fetch("SELECT * FROM parked")]
    assert {one.key: list(one.headers) for one in found} == {one.key: list(one.headers) for one in (null, typed)}


def a_case_of(key: bytes | None) -> CaseId:
    """Return the case that a key names."""
    from uuid import UUID

    return CaseId(UUID((key or b"").decode()))


async def test_a_timer_that_fails_in_any_way_holds_up_no_other(toy: ServiceUnderTest) -> None:
    rang: list[str] = []

    async def slow(_case: CaseId, tx: Tx) -> None:
        await tx.execute("SET LOCAL statement_timeout = 1")
        await tx.fetch("SELECT pg_sleep(5)")

    async def wrong(_case: CaseId, tx: Tx) -> None:
        await tx.fetch("SELECT $1::int")

    async def late(_case: CaseId, _tx: Tx) -> None:
        raise TimeoutError

    async def good(_case: CaseId, _tx: Tx) -> None:
        rang.append("good")

    async with toy.ctx.db.transaction() as tx:
        for hours, name in enumerate(["good", "late", "wrong", "slow"]):
            await timers.set(tx, a_case(), name, A_MONDAY - timedelta(hours=hours))
    await timers.run_due(toy.ctx.db, {"slow": slow, "wrong": wrong, "late": late, "good": good})
    assert rang == ["good"]
    kept = await toy.fetch("SELECT name, attempts, error <> '', due FROM timers ORDER BY name")
    assert kept == [(name, 1, True, A_MONDAY + timedelta(seconds=1)) for name in ("late", "slow", "wrong")]


async def test_a_clock_that_was_wound_anew_while_it_failed_keeps_its_new_time(toy: ServiceUnderTest) -> None:
    case, later = a_case(), A_MONDAY + timedelta(days=3)
    winding: list[asyncio.Task[None]] = []

    async def wind() -> None:
        async with toy.ctx.db.transaction() as tx:
            await timers.set(tx, case, "remember", later)

    async def fail(_case: CaseId, _tx: Tx) -> None:
        winding.append(asyncio.create_task(wind()))
        with contextlib.suppress(TimeoutError):  # it waits for the row that we hold, and is the first to get it
            await asyncio.wait_for(asyncio.shield(winding[0]), 0.2)
        raise RuntimeError("it failed")

    async with toy.ctx.db.transaction() as tx:
        await timers.set(tx, case, "remember", A_MONDAY)
    await timers.run_due(toy.ctx.db, {"remember": fail})
    await winding[0]
    assert await toy.fetch("SELECT due, attempts, error FROM timers") == [(later, 0, None)]
