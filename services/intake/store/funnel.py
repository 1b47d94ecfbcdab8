"""The funnel view: `streams.py` writes it as a role that may write nothing else, the desk reads it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from shared.db import Tx
from shared.ids import CaseId


@dataclass(frozen=True, slots=True)
class Row:
    stage: str
    cases: int
    oldest_since: datetime
    as_of: datetime


@dataclass(frozen=True, slots=True)
class Reached:
    """A case reached a stage; ranks order the stages, whatever order the facts come in."""

    case_id: CaseId
    stage: str
    rank: int
    since: datetime


async def note(tx: Tx, reached: Iterable[Reached]) -> None:
    """Keep the furthest stage of each case; hearing the same again, or in another order, ends the same."""
    furthest: dict[CaseId, Reached] = {}
    for one in reached:
        if one.case_id not in furthest or one.rank > furthest[one.case_id].rank:
            furthest[one.case_id] = one
    await tx.executemany(
        """INSERT INTO view_funnel AS v (case_id, stage, rank, since, as_of) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT (case_id) DO UPDATE SET stage = excluded.stage, rank = excluded.rank, since = excluded.since,
               as_of = excluded.as_of WHERE excluded.rank > v.rank""",
        [(one.case_id, one.stage, one.rank, one.since, tx.now) for one in furthest.values()],
    )


async def beat(tx: Tx) -> None:
    """Say that the view's writer is alive."""
    await tx.execute(
        """INSERT INTO view_funnel_heartbeat (as_of) VALUES ($1)
           ON CONFLICT (only_row) DO UPDATE SET as_of = excluded.as_of""",
        tx.now,
    )


async def board(tx: Tx) -> list[Row]:
    """Return count and oldest `since` per stage, the first stage first; a case that goes on in another isn't counted twice."""
    rows = await tx.fetch(
        """SELECT stage, count(*) AS cases, min(since) AS oldest_since, max(as_of) AS as_of
           FROM view_funnel v WHERE NOT EXISTS (
               SELECT FROM cases c WHERE c.case_id = v.case_id AND c.continued_in IS NOT NULL)
           GROUP BY stage, rank ORDER BY rank"""
    )
    return [Row(**row) for row in rows]


async def as_of(tx: Tx) -> datetime | None:
    """Return when the view's writer last said that it is alive."""
    seen: datetime | None = await tx.fetchval("SELECT max(as_of) FROM view_funnel_heartbeat")
    return seen
