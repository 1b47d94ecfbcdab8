"""Who works at the desk, who has which case, who is away; and the tasks that follow a person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.db import Tx
from shared.ids import CaseId, new_id


@dataclass(frozen=True, slots=True)
class Advisor:
    """A colleague; `away_until` and `deputy` while they are absent."""

    subject: str
    name: str
    away_until: datetime | None = None
    deputy: str | None = None
    deputy_name: str | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """Who has a case, and who acts for them while they are away."""

    advisor: str
    advisor_name: str
    acting: str | None
    acting_name: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class Absence:
    absence_id: UUID
    advisor: str
    advisor_name: str
    deputy: str
    deputy_name: str
    starts: datetime
    ends: datetime
    began_at: datetime | None
    ended_at: datetime | None


async def set_advisor(tx: Tx, subject: str, name: str, *, active: bool = True) -> None:
    """Add a colleague, or bring their name up to date."""
    await tx.execute(
        """INSERT INTO advisors (subject, name, active) VALUES ($1, $2, $3)
           ON CONFLICT (subject) DO UPDATE SET name = excluded.name, active = excluded.active
           WHERE (advisors.name, advisors.active) IS DISTINCT FROM (excluded.name, excluded.active)""",
        subject, name, active,
    )  # fmt: skip


_ADVISORS = """
SELECT a.subject, a.name, b.ends AS away_until, b.deputy, d.name AS deputy_name
FROM advisors a LEFT JOIN absences b ON b.advisor = a.subject AND b.began_at IS NOT NULL AND b.ended_at IS NULL
LEFT JOIN advisors d ON d.subject = b.deputy
"""


async def advisors(tx: Tx) -> list[Advisor]:
    return [Advisor(**row) for row in await tx.fetch(_ADVISORS + "WHERE a.active ORDER BY a.name")]


async def advisor(tx: Tx, subject: str) -> Advisor | None:
    row = await tx.fetchrow(_ADVISORS + "WHERE a.subject = $1 AND a.active", subject)
    return Advisor(**row) if row else None


async def names(tx: Tx) -> dict[str, str]:
    """Return every colleague's name, those who left included."""
    return {row["subject"]: row["name"] for row in await tx.fetch("SELECT subject, name FROM advisors")}


async def holding(tx: Tx, case_id: CaseId) -> Holding | None:
    row = await tx.fetchrow(
        """SELECT c.advisor, a.name AS advisor_name, c.acting, d.name AS acting_name, c.since FROM case_advisors c
           JOIN advisors a ON a.subject = c.advisor LEFT JOIN advisors d ON d.subject = c.acting WHERE case_id = $1""",
        case_id,
    )
    return Holding(**row) if row else None


async def claimed_name(tx: Tx, case_id: CaseId, queue: str) -> str | None:
    """Return who has claimed the case on this queue, if somebody has."""
    found: str | None = await tx.fetchval(
        "SELECT claimed_name FROM queue_items WHERE queue = $1 AND item_key = $2 AND state = 'claimed'",
        queue,
        str(case_id),
    )
    return found


async def hold(tx: Tx, case_id: CaseId, advisor: str, acting: str | None) -> None:
    """Give the case to an advisor, and to whom acts for them."""
    await tx.execute(
        """INSERT INTO case_advisors (case_id, advisor, acting, since) VALUES ($1, $2, $3, $4)
           ON CONFLICT (case_id) DO UPDATE SET advisor = excluded.advisor, acting = excluded.acting, since = excluded.since""",
        case_id, advisor, acting, tx.now,
    )  # fmt: skip


async def insert_hand_over(tx: Tx, case_id: CaseId, kind: str, to: str, words: str, by: str) -> None:
    await tx.execute(
        """INSERT INTO hand_overs (hand_over_id, case_id, kind, to_advisor, words, made_by, made_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        new_id(), case_id, kind, to, words, by, tx.now,
    )  # fmt: skip


async def cases_held(tx: Tx, advisor: str) -> list[CaseId]:
    """Return the cases of an advisor that still go on, in the order in which steps lock them."""
    rows = await tx.fetch(
        """SELECT case_id FROM case_advisors JOIN cases USING (case_id) LEFT JOIN progress p USING (case_id)
           WHERE advisor = $1 AND withdrawn_at IS NULL AND p.delivered_at IS NULL ORDER BY case_id""",
        advisor,
    )
    return [CaseId(row["case_id"]) for row in rows]


async def adopt_claims(tx: Tx, advisor: str, queue: str) -> None:
    """Make the cases that an advisor has claimed on this queue, and nobody has, theirs."""
    await tx.execute(
        """INSERT INTO case_advisors (case_id, advisor, since)
           SELECT case_id, $1, $3 FROM queue_items WHERE queue = $2 AND state = 'claimed' AND claimed_by = $1
           ON CONFLICT DO NOTHING""",
        advisor, queue, tx.now,
    )  # fmt: skip


async def set_acting(tx: Tx, advisor: str, case_ids: list[CaseId], deputy: str | None) -> None:
    """Let a deputy act in these cases and in all open tasks of an advisor; None gives them back."""
    await tx.execute(
        """WITH fallen AS (UPDATE tasks SET acting = $3 WHERE assignee = $1 AND state = 'open')
           UPDATE case_advisors SET acting = $3 WHERE advisor = $1 AND case_id = ANY($2::uuid[])""",
        advisor, case_ids, deputy,
    )  # fmt: skip


async def lock_advisors(tx: Tx, *subjects: str) -> None:
    """Lock colleagues, so that two absences of theirs are entered one after the other."""
    await tx.execute("SELECT 1 FROM advisors WHERE subject = ANY($1) ORDER BY subject FOR UPDATE", list(subjects))


async def insert_absence(tx: Tx, absence: Absence, by: str) -> None:
    await tx.execute(
        """INSERT INTO absences (absence_id, advisor, deputy, starts, ends, entered_by, entered_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7)""",
        absence.absence_id, absence.advisor, absence.deputy, absence.starts, absence.ends, by, tx.now,
    )  # fmt: skip


_ABSENCES = """
SELECT absence_id, advisor, a.name AS advisor_name, deputy, d.name AS deputy_name, starts, ends, began_at, ended_at
FROM absences JOIN advisors a ON a.subject = advisor JOIN advisors d ON d.subject = deputy
"""


async def open_absences(tx: Tx) -> list[Absence]:
    """Return absences that are under way or to come."""
    return [Absence(**row) for row in await tx.fetch(_ABSENCES + "WHERE ended_at IS NULL ORDER BY starts, absence_id")]


async def lock_absence(tx: Tx, absence_id: UUID) -> Absence | None:
    row = await tx.fetchrow(_ABSENCES + "WHERE absence_id = $1 FOR UPDATE OF absences", absence_id)
    return Absence(**row) if row else None


async def begin_absence(tx: Tx, absence_id: UUID) -> None:
    await tx.execute("UPDATE absences SET began_at = $2 WHERE absence_id = $1", absence_id, tx.now)


async def end_absence(tx: Tx, absence_id: UUID) -> None:
    await tx.execute("UPDATE absences SET ended_at = $2 WHERE absence_id = $1", absence_id, tx.now)
