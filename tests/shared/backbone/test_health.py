"""Each worker says how it does; what is wrong with any of them is seen, and no other's word hides it."""

import asyncio
import dataclasses
import json
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from deploy.local import child
from shared import telemetry
from shared.backbone import errands, health, ops, outbox, timers, worker
from shared.backbone.health import Health
from shared.db import Tx
from shared.ids import CaseId
from tests.shared.backbone import toy as toy_module
from tests.shared.backbone.stage import Stage
from tests.shared.backbone.toy import FAILS
from tests.support.facts import a_case, confirmed, paid
from tests.support.processes import eventually
from tests.support.service import A_MONDAY, ServiceUnderTest

NOWHERE = "127.0.0.1:9"


@asynccontextmanager
async def cut_off(service: ServiceUnderTest) -> AsyncIterator[None]:
    """Have a worker run that no broker answers."""
    platform = service.ctx.platform.model_copy(update={"kafka_bootstrap": NOWHERE})
    stop = asyncio.Event()
    running = asyncio.create_task(worker.run(dataclasses.replace(service.ctx, platform=platform), stop))
    try:
        yield
    finally:
        stop.set()
        await running


async def test_a_service_that_tells_nothing_is_red_too_when_it_is_cut_off(
    notify: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(health, "STANDS_STILL_AFTER", timedelta(seconds=1))
    monkeypatch.setattr(health, "REPORT_EVERY", 0.2)
    async with cut_off(notify):

        async def red() -> Health | None:
            found = await health.check(notify.ctx.db, "notify")
            words = [problem.split(" for ")[0] for problem in found.problems]
            return found if words == ["a consumer got nowhere"] else None

        found = await eventually(red, what="red health")
        assert found is not None
        assert found.consumer_lag is None


async def test_a_lane_that_stands_is_seen_though_the_other_goes_on_and_rest_is_no_standstill(
    stage: Stage, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(health, "REPORT_EVERY", 0.2)

    async def still() -> float:
        rows = await stage.toy.fetch("SELECT said FROM worker_reports")
        return float(rows[0]["said"].get("still", 0.0)) if rows else 0.0

    async with stage.working():
        await stage.send(stage.toy.arrival(paid(case := a_case())))
        await stage.settled({case: ["paid 1"]})
        await asyncio.sleep(2)
        assert await still() < 1.8
        await stage.send(stage.toy.arrival(confirmed(a_case(), services=("CLASH",))))

        async def stands() -> bool:
            return await still() > 1.8

        await eventually(stands, what="one lane stands")


async def _says(toy: ServiceUnderTest, who: str, ago: timedelta = timedelta(), **said: object) -> None:
    async with toy.ctx.db.transaction() as tx:
        await tx.execute(
            "INSERT INTO worker_reports (part, as_of, ok, said) VALUES ($1, $2, true, $3)",
            f"worker {who}", tx.now - ago, said,
        )  # fmt: skip


async def test_a_worker_that_stopped_is_not_hidden_by_one_that_works(toy: ServiceUnderTest) -> None:
    await _says(toy, "one", stopped="5 records in a row were parked", lag=4)
    await _says(toy, "two", stopped=None, lag=3)
    await _says(toy, "gone", health.SILENT_AFTER + timedelta(seconds=1), stopped="long ago", lag=100)
    found = await health.check(toy.ctx.db, "toy")
    assert found.problems == ["the consumer stopped: 5 records in a row were parked"]
    assert found.consumer_lag == 7


async def test_what_fails_again_and_again_waits_longer_each_time_and_is_seen(toy: ServiceUnderTest) -> None:
    case = a_case()

    async def fail(_case: CaseId, _tx: Tx) -> None:
        raise RuntimeError("it failed for someone@example.org")

    async with toy.ctx.db.transaction() as tx:
        await timers.set(tx, case, "remember", A_MONDAY)
        await errands.request(tx, "write", case, "k", {"word": FAILS})
    await _says(toy, "one")
    for attempt in (1, 2, 3):
        assert (await health.check(toy.ctx.db, "toy")).ok
        assert await timers.run_due(toy.ctx.db, {"remember": fail}) == 1
        assert await toy.run_errands(may_fail=True) == 1
        asked = "SELECT attempts, error, due FROM timers UNION ALL SELECT attempts, error, due FROM errands"
        for row in await toy.fetch(asked):
            assert row["attempts"] == attempt
            assert "[redacted]" in row["error"]
            wait = (row["due"] - toy.clock.at).total_seconds()
            assert 0.8 * 2 ** (attempt - 1) <= wait <= 1.2 * 2 ** (attempt - 1)
        toy.clock.advance(timedelta(seconds=1.2 * 2 ** (attempt - 1)))
    assert (await health.check(toy.ctx.db, "toy")).problems == [
        "1 timers keep failing: see the column `error`",
        "1 errands keep failing: see the column `error`",
    ]


async def test_the_metrics_tell_the_oldest_facts_age_though_nobody_asks_for_health(
    toy: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async with toy.ctx.db.transaction() as tx:
        outbox.append(tx, toy_module.refund(a_case(), tx))
    toy.clock.advance(timedelta(seconds=50))
    async with cut_off(toy):

        async def told() -> bool:
            return telemetry.UNSENT_AGE.labels("toy")._value.get() == 50

        await eventually(told, what="the gauge")


async def test_the_port_for_machines_listens_where_it_is_told_and_nowhere_else(toy: ServiceUnderTest) -> None:
    port = child.free_port()
    server = ops.serve(port, toy.ctx.db, "toy", toy.ctx.settings.ops_host)
    try:
        assert child.listens(port)
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", port), 1)
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()


def test_what_is_logged_names_nobody_whoever_logs_it() -> None:
    words = """
import logging
from shared import log
log.configure("toy")
log.get("a").info("done", patient_name="Ana", at="ana@example.org", case_id="c-1")
try:
    raise ValueError("duplicate (mail)=(ana@example.org) exists")
except ValueError:
    log.get("a").exception("failed")
logging.getLogger("a.library").warning("no answer for %s", "ana@example.org")
"""
    said = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True).stderr
    lines = [json.loads(line) for line in said.splitlines()]
    assert [line["event"] for line in lines] == ["done", "failed", "no answer for [redacted]"]
    assert lines[0]["case_id"] == "c-1"
    assert "ana" not in said.lower()
