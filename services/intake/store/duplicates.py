"""Pairs of cases whose patients may be one person, what staff decided about them, and which case goes on in which."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from shared.db import Row, Tx
from shared.ids import CaseId, new_id

Decision = Literal["merged", "apart", "reopened"]


@dataclass(frozen=True, slots=True)
class PatientOfCase:
    case_id: CaseId
    name: str
    latin_name: str | None
    birth_date: date
    submitted_at: datetime

    @property
    def names(self) -> list[str]:
        return [name for name in (self.name, self.latin_name) if name]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two cases that may be one patient's; `name` and `score` run from 0 to 1, `born` says how the dates compare."""

    later: CaseId
    earlier: CaseId
    name: float
    born: str
    score: float
    found_at: datetime
    state: str

    @property
    def key(self) -> str:
        return f"{self.later}:{self.earlier}"

    def other(self, case_id: CaseId) -> CaseId:
        return self.earlier if case_id == self.later else self.later


@dataclass(frozen=True, slots=True)
class Decided:
    decision: Decision
    kept: CaseId | None
    reason: str
    decided_by: str
    decided_at: datetime


async def born_on(tx: Tx, dates: Iterable[date], apart_from: CaseId) -> list[PatientOfCase]:
    """Return the patients born on one of `dates`, by the case that goes on; not of withdrawn cases, nor of this one."""
    rows = await tx.fetch(
        """SELECT p.case_id, p.name, p.latin_name, p.birth_date, c.submitted_at FROM people p JOIN cases c USING (case_id)
           WHERE p.role = 'patient' AND p.birth_date = ANY($1::date[]) AND p.case_id <> $2
             AND c.withdrawn_at IS NULL AND c.continued_in IS NULL""",
        list(dates), apart_from,
    )  # fmt: skip
    return [PatientOfCase(**row) for row in rows]


async def insert_pair(tx: Tx, pair: Pair) -> bool:
    """Keep a pair; False when it is known already, whatever was decided about it."""
    changed = await tx.changed(
        """INSERT INTO possible_duplicates (later, earlier, name, born, score, found_at) VALUES ($1, $2, $3, $4, $5, $6)
           ON CONFLICT (later, earlier) DO NOTHING""",
        pair.later, pair.earlier, pair.name, pair.born, pair.score, pair.found_at,
    )  # fmt: skip
    return changed == 1


_PAIRS = "SELECT later, earlier, name, born, score, found_at, state FROM possible_duplicates "


async def pair(tx: Tx, later: CaseId, earlier: CaseId) -> Pair | None:
    row = await tx.fetchrow(_PAIRS + "WHERE later = $1 AND earlier = $2", later, earlier)
    return None if row is None else _pair(row)


async def pairs_of(tx: Tx, case_id: CaseId) -> list[Pair]:
    """Return the pairs that a case is one of, the likeliest first."""
    rows = await tx.fetch(_PAIRS + "WHERE later = $1 OR earlier = $1 ORDER BY score DESC, found_at", case_id)
    return [_pair(row) for row in rows]


def _pair(row: Row) -> Pair:
    return Pair(**row)


async def decide(tx: Tx, pair: Pair, decision: Decision, kept: CaseId | None, reason: str, by: str) -> None:
    """Keep what was decided, by whom and why; the pair takes its state, and the history stays."""
    state = "open" if decision == "reopened" else decision
    await tx.execute(
        """WITH decided AS (UPDATE possible_duplicates SET state = $4 WHERE later = $2 AND earlier = $3)
           INSERT INTO duplicate_decisions (decision_id, later, earlier, decision, kept, reason, decided_by, decided_at)
           VALUES ($1, $2, $3, $5, $6, $7, $8, $9)""",
        new_id(), pair.later, pair.earlier, state, decision, kept, reason, by, tx.now,
    )  # fmt: skip


async def decisions(tx: Tx, pair: Pair) -> list[Decided]:
    """Return what was decided about a pair, the oldest first."""
    rows = await tx.fetch(
        """SELECT decision, kept, reason, decided_by, decided_at FROM duplicate_decisions
           WHERE later = $1 AND earlier = $2 ORDER BY decided_at, decision_id""",
        pair.later, pair.earlier,
    )  # fmt: skip
    return [Decided(**row) for row in rows]


async def continue_in(tx: Tx, case_id: CaseId, kept: CaseId | None) -> None:
    """Have a case go on in another, or by itself again."""
    await tx.execute(
        "UPDATE cases SET continued_in = $2, continued_at = $3, version = version + 1 WHERE case_id = $1",
        case_id, kept, tx.now if kept else None,
    )  # fmt: skip


async def continuing(tx: Tx, case_ids: Iterable[CaseId]) -> dict[CaseId, CaseId]:
    """Return, for each case that goes on in another, the one at the end of that way."""
    rows = await tx.fetch(
        """WITH RECURSIVE way (start, here) AS (
               SELECT case_id, continued_in FROM cases WHERE case_id = ANY($1::uuid[]) AND continued_in IS NOT NULL
               UNION SELECT way.start, c.continued_in FROM way JOIN cases c ON c.case_id = way.here
               WHERE c.continued_in IS NOT NULL)
           SELECT way.start, way.here FROM way JOIN cases c ON c.case_id = way.here WHERE c.continued_in IS NULL""",
        list(case_ids),
    )
    return {row["start"]: row["here"] for row in rows}


async def continued_here(tx: Tx, case_id: CaseId) -> list[CaseId]:
    """Return the cases that go on in this one, directly or by way of another."""
    rows = await tx.fetch(
        """WITH RECURSIVE parts (case_id) AS (
               SELECT case_id FROM cases WHERE continued_in = $1
               UNION SELECT c.case_id FROM cases c JOIN parts ON c.continued_in = parts.case_id)
           SELECT case_id FROM parts""",
        case_id,
    )
    return [row["case_id"] for row in rows]


async def end_consents(tx: Tx, case_ids: Iterable[UUID]) -> None:
    """End the consents of cases whose patient withdrew in the one that they go on in (R29)."""
    await tx.execute(
        "UPDATE consents SET withdrawn_at = $2 WHERE case_id = ANY($1::uuid[]) AND withdrawn_at IS NULL",
        list(case_ids), tx.now,
    )  # fmt: skip
