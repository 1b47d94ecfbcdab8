"""Deadlines as rows: set and cancelled with the state that makes them so, run by any worker, each once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from shared import log, telemetry
from shared.backbone import failpoints, pace
from shared.db import AWAY, Database, Row, Tx
from shared.ids import CaseId

TimerReaction = Callable[[CaseId, Tx], Awaitable[None]]

NOBODY = CaseId(UUID(int=0))
"""Whose clock it is when it is of no case."""
_log = log.get(__name__)


async def set(tx: Tx, case_id: CaseId, name: str, due: datetime) -> None:  # noqa: A001 - read as timers.set
    """Have the service's timer ``name`` run for this case at ``due`` or soon after; replaces an earlier one."""
    _clocks(tx)[case_id, name] = due


async def keep_running(tx: Tx, dues: Mapping[str, datetime]) -> None:
    """Start the clocks that always run, of no case, where they don't run yet; the service's reactions wind them again."""
    await tx.executemany(
        "INSERT INTO timers (case_id, name, due) VALUES ($1, $2, $3) ON CONFLICT (case_id, name) DO NOTHING",
        [(NOBODY, name, due) for name, due in sorted(dues.items())],
    )


async def cancel(tx: Tx, case_id: CaseId, name: str) -> None:
    """Stop one clock of a case; nothing happens when it doesn't run."""
    _clocks(tx)[case_id, name] = None


async def cancel_all(tx: Tx, case_id: CaseId) -> None:
    """Stop every clock of a case."""
    for clock in [clock for clock in tx.clocks if clock[0] == case_id]:
        del tx.clocks[clock]
    await tx.execute("DELETE FROM timers WHERE case_id = $1", case_id)


def _clocks(tx: Tx) -> dict[tuple[CaseId, str], datetime | None]:
    """Return what is to become of clocks before ``tx`` commits: the last word on each counts."""
    if _wind not in tx.before_commit:
        tx.before_commit.append(_wind)
    return tx.clocks


_STOP = "DELETE FROM timers t USING unnest($1::uuid[], $2::text[]) AS s (case_id, name) WHERE (t.case_id, t.name) = (s.case_id, s.name)"
_START = """
INSERT INTO timers (case_id, name, due) SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[])
ON CONFLICT (case_id, name) DO UPDATE SET due = excluded.due, attempts = 0, error = NULL
"""


async def _wind(tx: Tx) -> None:
    stopped = [clock for clock, due in tx.clocks.items() if due is None]
    started = sorted((*clock, due) for clock, due in tx.clocks.items() if due is not None)
    if stopped:
        tx.later(_STOP, *map(list, zip(*stopped, strict=True)))
    if started:
        tx.later(_START, *map(list, zip(*started, strict=True)))


# One due timer, held until its transaction ends; other workers pass it by.
_TAKE = """SELECT case_id, name, due, attempts FROM timers WHERE due <= $1 AND name = ANY($2)
           ORDER BY due LIMIT 1 FOR UPDATE SKIP LOCKED"""
_DELETE = "DELETE FROM timers WHERE case_id = $1 AND name = $2 AND due = $3"


async def run_due(db: Database, reactions: Mapping[str, TimerReaction], stop: asyncio.Event | None = None) -> int:
    """Run every timer that is due, each in a transaction of its own, until ``stop`` is set; return how many ran.

    One that fails keeps its row, says why, and is tried again later: 1 s, 2 s, 4 s … up to 10 minutes. Others go on.
    """
    ran = 0
    while not (stop and stop.is_set()) and await _run_one(db, reactions):
        ran += 1
        failpoints.reach("timers.committed")
        await asyncio.sleep(0)
    return ran


async def _run_one(db: Database, reactions: Mapping[str, TimerReaction]) -> bool:
    taken = None
    try:
        async with db.transaction() as tx:
            taken = await tx.fetchrow(_TAKE, tx.now, list(reactions))
            if taken is None:
                return False
            failpoints.reach("timers.taken")
            await tx.execute(_DELETE, taken["case_id"], taken["name"], taken["due"])
            with telemetry.continuing(None, f"timer {taken['name']}", case_id=str(taken["case_id"])):
                await reactions[taken["name"]](taken["case_id"], tx)
            failpoints.reach("timers.handled")
    except AWAY:
        raise
    except Exception as error:  # kept at the timer, which goes off again later
        if taken is None:
            raise
        _log.error("timer_failed", timer=taken["name"], case_id=str(taken["case_id"]), exc_info=True)
        await _postpone(db, taken, log.scrub(repr(error)))
    return True


async def _postpone(db: Database, taken: Row, error: str) -> None:
    """Let a timer go off again later, unless somebody wound it anew meanwhile."""
    again = timedelta(seconds=pace.backoff(taken["attempts"], jitter=0))
    async with db.transaction() as tx:
        await tx.execute(
            """UPDATE timers SET due = $4, attempts = attempts + 1, error = $5
               WHERE case_id = $1 AND name = $2 AND due = $3""",
            taken["case_id"], taken["name"], taken["due"], tx.now + again, error,
        )  # fmt: skip
