"""The cases as matching knows them; a case's row is locked before anything of it changes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.matching.domain.candidates import Discipline, lead_discipline
from services.matching.domain.values import Unknown
from shared import programme
from shared.db import Row, Tx
from shared.events import ProgrammeRef, RecordsComplete
from shared.ids import CaseId
from shared.programme import Programme


@dataclass(frozen=True, slots=True)
class Case:
    """A case as matching knows it; ``complete_at`` is empty until all materials are in."""

    case_id: CaseId
    case_number: str | None
    programme: ProgrammeRef | None
    services: tuple[str, ...]
    complete_at: datetime | None
    target_from: datetime | None
    target_to: datetime | None
    withdrawn_at: datetime | None

    @property
    def open(self) -> bool:
        """Whether matching may work on it."""
        return self.complete_at is not None and self.withdrawn_at is None

    @property
    def rules(self) -> Programme:
        """The version of the programme that the case began with (R18)."""
        assert self.programme is not None
        return programme.load(self.programme)

    @property
    def discipline(self) -> Discipline:
        """Who writes this case's opinion."""
        return lead_discipline(self.rules.specialties(self.services))

    @property
    def title(self) -> str:
        """How queues call it: by its number, never by a name."""
        return f"Case {self.case_number}" if self.case_number else "Case (number on its way)"


_COLUMNS = """case_id, case_number, programme_id, programme_version, services, complete_at, target_from, target_to,
              withdrawn_at"""
_CASE = f"SELECT {_COLUMNS} FROM cases_in_matching WHERE case_id = $1"


def _case(row: Row) -> Case:
    ref = ProgrammeRef(id=row["programme_id"], version=row["programme_version"]) if row["programme_id"] else None
    return Case(
        case_id=row["case_id"], case_number=row["case_number"], programme=ref, services=tuple(row["services"] or ()),
        complete_at=row["complete_at"], target_from=row["target_from"], target_to=row["target_to"],
        withdrawn_at=row["withdrawn_at"],
    )  # fmt: skip


async def hold_case(tx: Tx, case_id: CaseId) -> Case:
    """Return the case, locked until the transaction ends; ``Unknown`` when matching never heard of it."""
    return await _one(tx, _CASE + " FOR UPDATE", case_id)


async def case(tx: Tx, case_id: CaseId) -> Case:
    """Return the case; ``Unknown`` when matching never heard of it."""
    return await _one(tx, _CASE, case_id)


async def _one(tx: Tx, sql: str, case_id: CaseId) -> Case:
    row = await tx.fetchrow(sql, case_id)
    if row is None:
        raise Unknown("no such case")
    return _case(row)


async def find_case(tx: Tx, case_id: CaseId) -> Case | None:
    row = await tx.fetchrow(_CASE, case_id)
    return _case(row) if row else None


async def learn_number(tx: Tx, case_id: CaseId, number: str) -> Case:
    """Keep the case's number, and return the case, held."""
    return await _upsert(
        tx,
        f"""INSERT INTO cases_in_matching (case_id, case_number) VALUES ($1, $2)
            ON CONFLICT (case_id) DO UPDATE SET case_number = excluded.case_number RETURNING {_COLUMNS}""",
        case_id, number,
    )  # fmt: skip


async def learn_complete(tx: Tx, done: RecordsComplete) -> Case:
    """Keep what RecordsComplete says, and return the case, held. Told again when services were added (R17), the later counts."""
    return await _upsert(
        tx,
        f"""INSERT INTO cases_in_matching AS c (case_id, programme_id, programme_version, services, complete_at,
                   target_from, target_to) VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (case_id) DO UPDATE SET
                   programme_id = COALESCE(c.programme_id, excluded.programme_id),
                   programme_version = COALESCE(c.programme_version, excluded.programme_version),
                   (services, complete_at, target_from, target_to) = (
                       SELECT known.* FROM (VALUES (c.services, c.complete_at, c.target_from, c.target_to),
                           (excluded.services, excluded.complete_at, excluded.target_from, excluded.target_to))
                           AS known (services, complete_at, target_from, target_to)
                       ORDER BY known.complete_at DESC NULLS LAST LIMIT 1) RETURNING {_COLUMNS}""",
        done.case_id, done.programme.id, done.programme.version, list(done.services), done.completed_at,
        done.target_from, done.target_to,
    )  # fmt: skip


async def learn_withdrawn(tx: Tx, case_id: CaseId, at: datetime) -> None:
    """Close the case, whether or not anything is known of it yet."""
    await _upsert(
        tx,
        f"""INSERT INTO cases_in_matching AS c (case_id, withdrawn_at) VALUES ($1, $2)
            ON CONFLICT (case_id) DO UPDATE SET withdrawn_at = COALESCE(c.withdrawn_at, excluded.withdrawn_at)
            RETURNING {_COLUMNS}""",
        case_id, at,
    )  # fmt: skip


async def _upsert(tx: Tx, sql: str, *args: Any) -> Case:
    row = await tx.fetchrow(sql, *args)
    assert row is not None
    return _case(row)
