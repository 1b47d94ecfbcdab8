"""The cases as matching knows them; a case's row is locked before anything of it changes."""

from dataclasses import dataclass
from datetime import datetime

from services.matching.domain.candidates import Discipline, lead_discipline
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


_CASE = """SELECT case_id, case_number, programme_id, programme_version, services, complete_at, target_from, target_to,
                  withdrawn_at FROM cases_in_matching WHERE case_id = $1"""


def _case(row: Row) -> Case:
    ref = ProgrammeRef(id=row["programme_id"], version=row["programme_version"]) if row["programme_id"] else None
    return Case(
        case_id=row["case_id"], case_number=row["case_number"], programme=ref, services=tuple(row["services"] or ()),
        complete_at=row["complete_at"], target_from=row["target_from"], target_to=row["target_to"],
        withdrawn_at=row["withdrawn_at"],
    )  # fmt: skip


async def hold_case(tx: Tx, case_id: CaseId) -> Case:
    """Return the case, made when it is new, and locked until the transaction ends."""
    await tx.execute("INSERT INTO cases_in_matching (case_id) VALUES ($1) ON CONFLICT DO NOTHING", case_id)
    row = await tx.fetchrow(_CASE + " FOR UPDATE", case_id)
    assert row is not None
    return _case(row)


async def case(tx: Tx, case_id: CaseId) -> Case:
    """Return the case; ``LookupError`` when matching never heard of it."""
    row = await tx.fetchrow(_CASE, case_id)
    if row is None:
        raise LookupError("no such case")
    return _case(row)


async def find_case(tx: Tx, case_id: CaseId) -> Case | None:
    row = await tx.fetchrow(_CASE, case_id)
    return _case(row) if row else None


async def set_number(tx: Tx, case_id: CaseId, number: str) -> None:
    await tx.execute("UPDATE cases_in_matching SET case_number = $2 WHERE case_id = $1", case_id, number)


async def set_complete(tx: Tx, done: RecordsComplete) -> None:
    await tx.execute(
        """UPDATE cases_in_matching SET programme_id = $2, programme_version = $3, services = $4, complete_at = $5,
                  target_from = $6, target_to = $7 WHERE case_id = $1 AND complete_at IS NULL""",
        done.case_id, done.programme.id, done.programme.version, list(done.services), done.completed_at,
        done.target_from, done.target_to,
    )  # fmt: skip


async def set_withdrawn(tx: Tx, case_id: CaseId, at: datetime) -> None:
    await tx.execute(
        "UPDATE cases_in_matching SET withdrawn_at = COALESCE(withdrawn_at, $2) WHERE case_id = $1", case_id, at
    )
