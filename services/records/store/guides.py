"""The roster of case managers, who is away, and how cases went from one to the other."""

from collections.abc import Callable, Collection
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from services.records.domain import Absence, CaseManager, HandOver, HandOverKind
from shared.db import Row, Tx
from shared.ids import CaseId, new_id

_OPEN = "opened_at IS NOT NULL AND withdrawn_at IS NULL AND delivered_at IS NULL"
_ROSTER = "records.roster"
_ABSENCE = """SELECT a.id, a.manager, m.name AS manager_name, a.deputy, d.name AS deputy_name, a.starts_at, a.ends_at,
    a.began_at, a.ended_at FROM manager_absences a JOIN case_managers m ON m.subject = a.manager
    LEFT JOIN case_managers d ON d.subject = a.deputy """


async def set_manager(tx: Tx, subject: str, name: str, languages: list[str], zone: str, *, active: bool) -> None:
    """Add a case manager to the roster, or bring their entry up to date."""
    await tx.execute(
        "INSERT INTO case_managers (subject, name, languages, zone, active) VALUES ($1, $2, $3, $4, $5)"
        " ON CONFLICT (subject) DO UPDATE SET name = $2, languages = $3, zone = $4, active = $5",
        subject, name, languages, zone, active,
    )  # fmt: skip


async def roster(tx: Tx) -> list[CaseManager]:
    """Return the active case managers with the cases they carry; two who ask at once wait for each other."""
    async with tx.alone(_ROSTER):
        return await listed(tx)


async def give_out(tx: Tx, choose: Callable[[Collection[CaseManager]], CaseManager | None]) -> CaseManager | None:
    """Have ``choose`` say who gets one case more, and return them; the roster stays as it is until this commits.

    A transaction reads it once, and counts what it gives out itself. Of others that give out at the same time it sees
    nothing: each does so evenly.
    """
    async with tx.alone(_ROSTER, beside_others=True):
        carried = tx.known.setdefault(_ROSTER, {})
        if not carried:
            carried |= {one.subject: one for one in await listed(tx)}
        chosen = choose(carried.values())
        if chosen is not None:
            carried[chosen.subject] = replace(chosen, load=chosen.load + 1)
    return chosen


async def listed(tx: Tx) -> list[CaseManager]:
    """Return the active case managers with the cases they carry, to be looked at."""
    rows = await tx.fetch(
        f"SELECT m.subject, m.name, m.languages, m.zone, count(c.case_id)::int AS load,"
        " EXISTS (SELECT FROM manager_absences a WHERE a.manager = m.subject AND a.ended_at IS NULL AND a.starts_at <= $1"
        "         AND a.ends_at > $1) AS away"
        f" FROM case_managers m LEFT JOIN collections c ON c.manager = m.subject AND {_OPEN}"
        " WHERE m.active GROUP BY m.subject ORDER BY m.name, m.subject",
        tx.now,
    )
    return [
        CaseManager(row["subject"], row["name"], frozenset(row["languages"]), row["load"], row["zone"], row["away"])
        for row in rows
    ]


async def cases_of(tx: Tx, manager: str) -> list[CaseId]:
    """Return the open cases that somebody guides, in the order in which they are to be locked."""
    rows = await tx.fetch(f"SELECT case_id FROM collections WHERE manager = $1 AND {_OPEN} ORDER BY case_id", manager)
    return [CaseId(row["case_id"]) for row in rows]


async def inactive_with_cases(tx: Tx) -> list[str]:
    """Return who left the roster and still has open cases."""
    rows = await tx.fetch(
        f"SELECT subject FROM case_managers m WHERE NOT active AND EXISTS (SELECT FROM collections c"
        f" WHERE c.manager = m.subject AND {_OPEN}) ORDER BY subject"
    )
    return [row["subject"] for row in rows]


async def add_hand_over(
    tx: Tx, case_id: CaseId, kind: HandOverKind, giver: str, to: str, *, words: str = "", by_name: str | None = None,
    absence_id: UUID | None = None,
) -> None:  # fmt: skip
    """Give a case to somebody else, and write down why."""
    await tx.execute("UPDATE collections SET manager = $2 WHERE case_id = $1", case_id, to)
    await tx.execute(
        "INSERT INTO hand_overs (id, case_id, kind, from_manager, to_manager, absence_id, words, by_name, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        new_id(), case_id, kind, giver, to, absence_id, words, by_name, tx.now,
    )  # fmt: skip


async def hand_overs_of(tx: Tx, case_id: CaseId) -> list[HandOver]:
    """Return how a case went from one to the other, the oldest first."""
    rows = await tx.fetch(
        "SELECT h.id, h.kind, h.from_manager, f.name AS from_name, h.to_manager, t.name AS to_name, h.absence_id, h.words,"
        " h.by_name, h.at FROM hand_overs h JOIN case_managers f ON f.subject = h.from_manager"
        " JOIN case_managers t ON t.subject = h.to_manager WHERE h.case_id = $1 ORDER BY h.id",
        case_id,
    )
    return [HandOver(**{**dict(row), "kind": HandOverKind(row["kind"])}) for row in rows]


async def handed_during(tx: Tx, absence_id: UUID) -> list[CaseId]:
    """Return the cases that went on because of an absence, in the order in which they are to be locked."""
    rows = await tx.fetch("SELECT DISTINCT case_id FROM hand_overs WHERE absence_id = $1 ORDER BY case_id", absence_id)
    return [CaseId(row["case_id"]) for row in rows]


async def add_absence(tx: Tx, one: Absence, by_name: str) -> None:
    """Write down that somebody will be away."""
    await tx.execute(
        "INSERT INTO manager_absences (id, manager, deputy, starts_at, ends_at, entered_by_name, entered_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        one.id, one.manager, one.deputy, one.starts_at, one.ends_at, by_name, tx.now,
    )  # fmt: skip


async def open_absences(tx: Tx) -> list[Absence]:
    """Return the absences that haven't ended, the next first."""
    return [_absence(row) for row in await tx.fetch(_ABSENCE + "WHERE a.ended_at IS NULL ORDER BY a.starts_at, a.id")]


async def lock_absence(tx: Tx, absence_id: UUID) -> Absence | None:
    """Return an absence that nobody else begins or ends until this commits."""
    row = await tx.fetchrow(_ABSENCE + "WHERE a.id = $1 FOR UPDATE OF a", absence_id)
    return None if row is None else _absence(row)


async def mark_absence(
    tx: Tx, absence_id: UUID, *, began: datetime | None = None, ended: datetime | None = None
) -> None:
    """Note that an absence began, or ended."""
    await tx.execute(
        "UPDATE manager_absences SET began_at = coalesce(began_at, $2), ended_at = coalesce(ended_at, $3) WHERE id = $1",
        absence_id, began, ended,
    )  # fmt: skip


def _absence(row: Row) -> Absence:
    return Absence(**dict(row))
