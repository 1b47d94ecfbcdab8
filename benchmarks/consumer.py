"""How fast facts arrive: a full topic through the real consumer, one worker process, durable commits.

* Ordinary reactions: one function a fact, in its case's order. Half of the facts meet one statement (an upsert of the
  case's row), half two (lock the row, then write it).
* The batch form (``in_batches``): one ``unnest`` statement for all facts of a batch.

Each record also costs what every record costs: its envelope and payload are read and checked, and the inbox remembers
it. Measured is the time from the first reaction until the consumer, told to stop at the last one, has committed its
offsets and left the group.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence

from benchmarks import facts
from benchmarks.report import Figure, load_per_core
from benchmarks.rig import BACKBONE, Rig
from shared.backbone.consumer import Consumer
from shared.backbone.inbox import Reactions, in_batches
from shared.clock import Clock
from shared.db import Database, Tx
from shared.events import Fact, PaymentReceived, ServicesConfirmed

_TABLE = "CREATE TABLE bench_cases (case_id uuid PRIMARY KEY, confirmed_at timestamptz, received_at timestamptz)"


class Counted:
    """Knows when the first fact came, and sets ``stop`` at the last."""

    def __init__(self, expected: int) -> None:
        self.left, self.stop, self.start = expected, asyncio.Event(), 0.0

    def count(self, number: int) -> None:
        self.start = self.start or time.monotonic()
        self.left -= number
        if self.left <= 0:
            self.stop.set()


async def run(rig: Rig, scale: float) -> AsyncIterator[Figure]:
    """Measure 40,000 facts one by one and 200,000 in batches, both times ``scale``."""
    one_by_one, together = max(2_000, int(40_000 * scale)), max(5_000, int(200_000 * scale))
    mixed = itertools.chain(facts.payments(one_by_one // 2), facts.confirmations(one_by_one // 2))
    yield await _consume(rig, "consumer: ordinary reactions", mixed, one_by_one, _ordinary, least=3_000)
    yield await _consume(rig, "consumer: batch form", facts.confirmations(together), together, _batches, least=20_000)


async def _consume(
    rig: Rig, name: str, told: Iterator[Fact], number: int, reactions: Callable[[Counted], Reactions], *, least: float
) -> Figure:
    platform = await rig.topics()
    async with rig.database(BACKBONE) as url:
        db = await Database.connect(url, Clock())
        async with db.transaction() as tx:
            await tx.execute(_TABLE)
        await facts.fill(platform, told)
        load, counted = load_per_core(), Counted(number)
        await Consumer("bench", reactions(counted), db, platform).run(counted.stop)
        took = time.monotonic() - counted.start
        async with db.reading() as tx:
            assert await tx.fetchval("SELECT count(*) FROM bench_cases") == number
        await db.close()
    return Figure(f"{name}, {number:,} records", number / took, "records/s", least=least, load=load)


def _ordinary(counted: Counted) -> Reactions:
    async def note_payment(paid: PaymentReceived, tx: Tx) -> None:
        counted.count(1)
        await tx.execute("INSERT INTO bench_cases (case_id) VALUES ($1) ON CONFLICT DO NOTHING", paid.case_id)
        await tx.execute("UPDATE bench_cases SET received_at = $2 WHERE case_id = $1", paid.case_id, paid.received_at)

    async def note_confirmation(confirmed: ServicesConfirmed, tx: Tx) -> None:
        counted.count(1)
        await tx.execute(
            """INSERT INTO bench_cases (case_id, confirmed_at) VALUES ($1, $2)
               ON CONFLICT (case_id) DO UPDATE SET confirmed_at = excluded.confirmed_at""",
            confirmed.case_id, confirmed.confirmed_at,
        )  # fmt: skip

    return {PaymentReceived: note_payment, ServicesConfirmed: note_confirmation}


def _batches(counted: Counted) -> Reactions:
    @in_batches
    async def note_confirmations(confirmed: Sequence[ServicesConfirmed], tx: Tx) -> None:
        counted.count(len(confirmed))
        await tx.execute(
            """INSERT INTO bench_cases (case_id, confirmed_at) SELECT * FROM unnest($1::uuid[], $2::timestamptz[])
               ON CONFLICT (case_id) DO UPDATE SET confirmed_at = excluded.confirmed_at""",
            [one.case_id for one in confirmed], [one.confirmed_at for one in confirmed],
        )  # fmt: skip

    return {ServicesConfirmed: note_confirmations}
