"""Work that can't be in a transaction: mail, HTTP, documents. Asked for in one, done after it, at least once.

An errand is leased while it runs, so a worker that dies loses nothing: another takes it over when the lease ends. What
it does must therefore be harmless when done again with the same ``key``.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from shared import log, telemetry
from shared.backbone import failpoints, pace
from shared.db import TRANSIENT, Database, Tx
from shared.ids import CaseId, new_id

if TYPE_CHECKING:
    from shared.service import Context

LEASE = timedelta(seconds=10)
"""Renewed while the errand runs: so long after its worker died, another takes over."""
LONGEST_RUN = 120.0
_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Errand:
    """One piece of work; ``attempt`` counts from 1."""

    id: UUID
    kind: str
    key: str
    case_id: CaseId
    payload: dict[str, Any]
    attempt: int
    traceparent: str | None


ErrandRunner = Callable[[Errand, "Context"], Awaitable[None]]


_REQUEST = """
INSERT INTO errands (id, kind, key, case_id, payload, traceparent, due, requested_at)
SELECT id, kind, key, case_id, payload, traceparent, at, at
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::uuid[], $5::jsonb[], $6::text[], $7::timestamptz[])
    AS t (id, kind, key, case_id, payload, traceparent, at)
ON CONFLICT (kind, key) DO NOTHING
"""


async def request(tx: Tx, kind: str, case_id: CaseId, key: str, payload: dict[str, Any]) -> None:
    """Have the service's errand ``kind`` run once this transaction commits; the same ``key`` asks for it only once."""
    tx.at_commit(_REQUEST, new_id(), kind, key, case_id, payload, telemetry.traceparent(), tx.now)


# Leases the errands that are due: their next due time is the lease's end.
_LEASE = """
UPDATE errands SET due = $1::timestamptz + $2::interval, attempts = attempts + 1
WHERE id = ANY(ARRAY(
    SELECT id FROM errands WHERE done_at IS NULL AND due <= $1 AND kind = ANY($3)
    ORDER BY due LIMIT $4 FOR UPDATE SKIP LOCKED))
RETURNING id, kind, key, case_id, payload, attempts AS attempt, traceparent
"""


async def run_due(ctx: "Context", runners: Mapping[str, ErrandRunner], *, at_once: int = 8) -> int:
    """Run the errands that are due, up to ``at_once`` side by side, and return how many were taken.

    One that fails says why and is tried again later: about 1 s, 2 s, 4 s … up to 10 minutes, with jitter, for ever.
    """
    async with ctx.db.transaction() as tx:
        rows = await tx.fetch(_LEASE, tx.now, LEASE, list(runners), at_once)
    if rows:
        failpoints.reach("errands.leased")
        await asyncio.gather(*(_run(ctx, Errand(**row), runners) for row in rows))
    return len(rows)


async def _run(ctx: "Context", errand: Errand, runners: Mapping[str, ErrandRunner]) -> None:
    said = {"errand": errand.kind, "case_id": str(errand.case_id), "attempt": errand.attempt}
    try:
        with telemetry.continuing(errand.traceparent, f"errand {errand.kind}", case_id=str(errand.case_id)):
            async with asyncio.timeout(LONGEST_RUN):
                doing = runners[errand.kind](errand, ctx)
                await pace.alongside(doing, LEASE.total_seconds() / 3, lambda: _renew(ctx.db, errand))
    except Exception as error:  # noqa: BLE001 - kept at the errand, which is tried again
        _log.warning("errand_failed", **said, exc_info=errand.attempt % 5 == 0, problem=type(error).__name__)
        await _postpone(ctx.db, errand, log.scrub(repr(error)))
    else:
        failpoints.reach("errands.run")
        await _end(ctx.db, errand)
        failpoints.reach("errands.marked")


async def _renew(db: Database, errand: Errand) -> None:
    with suppress(*TRANSIENT):
        async with db.transaction() as tx:
            await tx.execute("UPDATE errands SET due = $2 WHERE id = $1", errand.id, tx.now + LEASE)


async def _end(db: Database, errand: Errand) -> None:
    async with db.transaction() as tx:
        await tx.execute("UPDATE errands SET done_at = $2, error = NULL WHERE id = $1", errand.id, tx.now)


async def _postpone(db: Database, errand: Errand, error: str) -> None:
    again = timedelta(seconds=pace.backoff(errand.attempt - 1))
    async with db.transaction() as tx:
        await tx.execute("UPDATE errands SET due = $2, error = $3 WHERE id = $1", errand.id, tx.now + again, error)
