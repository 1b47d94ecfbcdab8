"""Is this service well? Each worker reports what only it knows in a row of its own, so that any process can answer."""

import asyncio
import contextlib
import os
import socket
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared import telemetry
from shared.backbone import pace
from shared.db import TRANSIENT, Database, Tx

if TYPE_CHECKING:
    from shared.backbone.consumer import Consumer
    from shared.backbone.relay import Relay
    from shared.service import Context

REPORT_EVERY = 2.0
SILENT_AFTER = timedelta(seconds=15)
"""A worker that said nothing for so long is gone, and nothing that it said counts any more."""
UNSENT_TOO_OLD = timedelta(seconds=30)
STANDS_STILL_AFTER = timedelta(seconds=30)
FORGOTTEN_AFTER = timedelta(hours=1)

_TOLD = "SELECT said FROM worker_reports WHERE part LIKE 'worker %' AND as_of > $1"
_STUCK = """
SELECT (SELECT count(*) FROM parked WHERE ended IS NULL),
       (SELECT count(*) FROM outbox WHERE refused IS NOT NULL AND published_at IS NULL),
       (SELECT count(*) FROM timers WHERE attempts >= 3),
       (SELECT count(*) FROM errands WHERE done_at IS NULL AND attempts >= 3)
"""
_SAY = """
WITH gone AS (DELETE FROM worker_reports WHERE as_of < $4)
INSERT INTO worker_reports (part, as_of, ok, said) VALUES ($1, $2, $3, $5)
ON CONFLICT (part) DO UPDATE SET as_of = excluded.as_of, ok = excluded.ok, said = excluded.said
"""


@dataclass(frozen=True)
class Health:
    """``problems`` holds a sentence for each thing that a person should look at; none means well."""

    service: str
    outbox_age_seconds: float
    consumer_lag: int | None
    parked: int
    failing_timers: int
    failing_errands: int
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nobody needs to look."""
        return not self.problems


async def check(db: Database, service: str) -> Health:
    """Ask the database how the service does. Raises what the database raises when it can't be reached."""
    async with db.reading() as tx:
        age = await _unsent_age(tx, service)
        workers: list[dict[str, Any]] = [row["said"] for row in await tx.fetch(_TOLD, tx.now - SILENT_AFTER)]
        held, refused, timers, errands = (await tx.fetch(_STUCK))[0]
    stopped = next((said["stopped"] for said in workers if said.get("stopped")), None)
    still = max((said.get("still") or 0 for said in workers), default=0)
    stands = still > STANDS_STILL_AFTER.total_seconds()
    problems = {
        "no worker has reported for 15 s: start one": not workers,
        f"the oldest fact has waited {age:.0f} s for Kafka: is the broker up?": age > UNSENT_TOO_OLD.total_seconds(),
        f"the consumer stopped: {stopped}": stopped is not None,
        f"a consumer got nowhere for {still:.0f} s: is the broker up? see its worker's log": stands,
        f"{held} records are parked: see `parked list`": held > 0,
        f"Kafka refuses {refused} facts for good: see the outbox column `refused`": refused > 0,
        f"{timers} timers keep failing: see the column `error`": timers > 0,
        f"{errands} errands keep failing: see the column `error`": errands > 0,
    }
    return Health(
        service=service,
        outbox_age_seconds=age,
        consumer_lag=None if stands or not workers else sum(said.get("lag", 0) for said in workers),
        parked=held,
        failing_timers=timers,
        failing_errands=errands,
        problems=[sentence for sentence, wrong in problems.items() if wrong],
    )


async def report(ctx: "Context", consumer: "Consumer", relay: "Relay", stop: asyncio.Event) -> None:
    """Keep this worker's report fresh until ``stop`` is set; what it said of itself ends with it, or with its successor's.

    Workers on one machine are told apart by their ports for machines: who comes after a dead one writes over its words.
    """
    while not stop.is_set():
        said = {
            "stopped": consumer.stopped, "still": consumer.stands_still_for, "lag": consumer.lag,
            "relay": "active" if relay.active else "standing by",
        }  # fmt: skip
        await _say(ctx, said)
        await pace.pause(REPORT_EVERY, stop)
    await _say(ctx, {})


async def _say(ctx: "Context", said: dict[str, Any]) -> None:
    part = f"worker {socket.gethostname()}/{ctx.settings.ops_port or os.getpid()}"
    with contextlib.suppress(*TRANSIENT):
        async with ctx.db.transaction() as tx:
            await _unsent_age(tx, ctx.service.name)
            await tx.execute(_SAY, part, tx.now, not said.get("stopped"), tx.now - FORGOTTEN_AFTER, said)


async def _unsent_age(tx: Tx, service: str) -> float:
    """Return for how many seconds the oldest unsent fact waits, and keep it for who reads the metrics."""
    oldest = await tx.fetchval("SELECT min(created_at) FROM outbox WHERE published_at IS NULL")
    age: float = max(0.0, (tx.now - oldest).total_seconds()) if oldest else 0.0
    telemetry.UNSENT_AGE.labels(service).set(age)
    return age
