"""How fast facts leave a service: the real relay, in a process of its own, with durable commits and acks from Kafka.

* Latency: 200 transactions a second tell one fact each. Measured is the time from just before COMMIT is sent to the
  instant at which the relay marks the row, which it does once Kafka has acknowledged: the whole way, and a little more.
* Backlog: an outbox full of unsent facts of as many cases, as after an outage; statistics are as stale as they would be
  then. Measured is the time from starting the relay process's work until the last row is marked.
"""

import asyncio
import time
from collections.abc import AsyncIterator

import asyncpg

from benchmarks import facts
from benchmarks.report import Figure, load_per_core
from benchmarks.rig import BACKBONE, Rig, beside, eventually, percentile, settle
from shared.backbone import outbox, worker
from shared.backbone.relay import Relay
from shared.clock import Clock
from shared.db import Database, Tx
from shared.events import Fact
from shared.settings import PlatformSettings

RATE = 200


async def run(rig: Rig, scale: float) -> AsyncIterator[Figure]:
    """Measure latency for 10 s and a backlog of 200,000 facts, both times ``scale``."""
    for figure in await _latency(rig, max(1.0, 10 * scale)):
        yield figure
    yield await _backlog(rig, max(5_000, int(200_000 * scale)))


async def _latency(rig: Rig, seconds: float) -> list[Figure]:
    load = load_per_core()
    platform = await rig.topics()
    async with rig.database(BACKBONE) as url:
        with beside(_relay, url, platform):
            db = await Database.connect(url, Clock(), size=10)
            try:
                await _tell_at_rate(db, 1.0)  # what starts is not measured: processes, connections, the first batch
                await eventually(lambda: _all_sent(db), within=60)
                begun = await _tell_at_rate(db, seconds)
                await eventually(lambda: _all_sent(db), within=30)
                async with db.reading() as tx:
                    marked = await tx.fetch("SELECT event_id, published_at FROM outbox")
            finally:
                await db.close()
    took = [(r["published_at"].timestamp() - begun[r["event_id"]]) * 1000 for r in marked if r["event_id"] in begun]
    return [
        Figure(
            f"relay: commit to acknowledged at {RATE} facts/s, p50", percentile(took, 0.5), "ms", most=10, load=load
        ),
        Figure(f"relay: commit to acknowledged at {RATE} facts/s, p99", percentile(took, 0.99), "ms", load=load),
    ]


async def _tell_at_rate(db: Database, seconds: float) -> dict[object, float]:
    """Tell facts evenly for some seconds; return when each one's COMMIT was sent, by event id."""
    begun: dict[object, float] = {}

    async def tell(fact: Fact) -> None:
        async with db.transaction() as tx:
            event_id = outbox.append(tx, fact)

            async def note(_: Tx) -> None:
                begun[event_id] = time.time()

            tx.before_commit.append(note)

    start = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for number, fact in enumerate(facts.payments(int(RATE * seconds))):
            await asyncio.sleep(max(0.0, start + number / RATE - time.monotonic()))
            group.create_task(tell(fact))
    return begun


async def _backlog(rig: Rig, number: int) -> Figure:
    platform = await rig.topics()
    async with rig.database(BACKBONE) as url:
        db = await Database.connect(url, Clock())
        connection = await asyncpg.connect(url)
        rows = (facts.outbox_row(fact) for fact in facts.payments(number))
        await connection.copy_records_to_table("outbox", records=rows, columns=facts.OUTBOX)
        await connection.close()
        load, stop, start = load_per_core(), asyncio.Event(), time.monotonic()
        sending = asyncio.create_task(Relay("bench", url, platform).run(stop))
        await eventually(lambda: _all_sent(db), within=240, every=0.1)
        took = time.monotonic() - start
        stop.set()
        await sending
        await db.close()
    return Figure(f"relay: backlog of {number:,} facts", number / took, "facts/s", least=10_000, load=load)


async def _all_sent(db: Database) -> bool:
    async with db.reading() as tx:
        return not await tx.fetchval("SELECT EXISTS (SELECT FROM outbox WHERE published_at IS NULL)")


def _relay(url: str, platform: PlatformSettings) -> None:
    settle()

    async def run() -> None:
        await Relay("bench", url, platform).run(worker.stop_on_signals())

    asyncio.run(run())
