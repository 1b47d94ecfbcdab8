"""Is this service well? Workers report what only they know to a table, so that any process can answer."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from shared import telemetry
from shared.backbone import parked
from shared.db import TRANSIENT, Database, Tx

if TYPE_CHECKING:
    from shared.backbone.consumer import Consumer
    from shared.backbone.relay import Relay

REPORT_EVERY = 2.0
SILENT_AFTER = timedelta(seconds=15)
UNSENT_TOO_OLD = timedelta(seconds=30)


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
        oldest = await tx.fetchval("SELECT min(created_at) FROM outbox WHERE published_at IS NULL")
        report = await tx.fetchrow("SELECT as_of, ok, said FROM worker_reports WHERE part = 'worker'")
        held = await parked.open_count(tx)
        refused = await tx.fetchval("SELECT count(*) FROM outbox WHERE refused IS NOT NULL AND published_at IS NULL")
        timers = await tx.fetchval("SELECT count(*) FROM timers WHERE error IS NOT NULL")
        errands = await tx.fetchval("SELECT count(*) FROM errands WHERE done_at IS NULL AND attempts >= 3")
        age = tx.now - oldest if oldest else timedelta()
        silent = report is None or tx.now - report["as_of"] > SILENT_AFTER
    telemetry.UNSENT_AGE.labels(service).set(max(0.0, age.total_seconds()))
    said: dict[str, Any] = report["said"] if report else {}
    problems = {
        "no worker has reported for 15 s: start one": silent,
        f"the oldest fact has waited {age.total_seconds():.0f} s for Kafka: is the broker up?": age > UNSENT_TOO_OLD,
        f"the consumer stopped: {said.get('stopped')}": bool(said.get("stopped")),
        f"{held} records are parked: see `parked list`": held > 0,
        f"Kafka refuses {refused} facts for good: see the outbox column `refused`": refused > 0,
        f"{timers} timers keep failing: see the column `error`": timers > 0,
        f"{errands} errands keep failing: see the column `error`": errands > 0,
    }
    return Health(
        service=service,
        outbox_age_seconds=max(0.0, age.total_seconds()),
        consumer_lag=None if silent else said.get("lag"),
        parked=held,
        failing_timers=timers,
        failing_errands=errands,
        problems=[sentence for sentence, wrong in problems.items() if wrong],
    )


async def report(db: Database, consumer: "Consumer", relay: "Relay", stop: asyncio.Event) -> None:
    """Keep this worker's report fresh until ``stop`` is set."""
    while not stop.is_set():
        said = {"stopped": consumer.stopped, "lag": consumer.lag, "relay": "active" if relay.active else "standing by"}
        with contextlib.suppress(*TRANSIENT):
            async with db.transaction() as tx:
                await _write(tx, ok=consumer.stopped is None, said=said)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), REPORT_EVERY)


async def _write(tx: Tx, *, ok: bool, said: dict[str, Any]) -> None:
    await tx.execute(
        """INSERT INTO worker_reports (part, as_of, ok, said) VALUES ('worker', $1, $2, $3)
           ON CONFLICT (part) DO UPDATE SET as_of = excluded.as_of, ok = excluded.ok, said = excluded.said""",
        tx.now, ok, said,
    )  # fmt: skip
