"""What billing has heard of a case; its row is the lock for all of the case's money."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.db import Tx
from shared.ids import CaseId


@dataclass(frozen=True, slots=True)
class CaseRow:
    """What billing has heard of a case. ``kept_at``: finance ruled that nothing more goes back."""

    case_id: CaseId
    case_number: str | None
    accepted_at: datetime | None
    delivered_at: datetime | None
    withdrawn_at: datetime | None
    kept_at: datetime | None
    kept_by: str | None
    kept_reason: str | None


_CASE = "case_id, case_number, accepted_at, delivered_at, withdrawn_at, kept_at, kept_by, kept_reason"


_LOCK_CASE = f"SELECT {_CASE} FROM billing_cases WHERE case_id = $1 FOR UPDATE"


async def lock_case(tx: Tx, case_id: CaseId) -> CaseRow:
    """Return the case, made on first hearing of it, and keep all others from its money until the transaction ends."""
    row = await tx.fetchrow(_LOCK_CASE, case_id)
    if row is None:
        await tx.execute("INSERT INTO billing_cases (case_id) VALUES ($1) ON CONFLICT DO NOTHING", case_id)
        row = await tx.fetchrow(_LOCK_CASE, case_id)
        assert row is not None
    return CaseRow(**row)


async def cases_of(
    tx: Tx, *, invoices: Sequence[UUID], payments: Sequence[str], refunds: Sequence[UUID]
) -> set[CaseId]:
    """Return the cases of invoices and refunds of ours and of payments by the provider's ids; of others there is none."""
    rows = await tx.fetch(
        """SELECT case_id FROM invoices WHERE id = ANY($1) UNION SELECT case_id FROM payments WHERE provider_id = ANY($2)
           UNION SELECT case_id FROM refunds WHERE id = ANY($3)""",
        invoices, payments, refunds,
    )  # fmt: skip
    return {row["case_id"] for row in rows}


async def lock_cases(tx: Tx, case_ids: Collection[CaseId]) -> dict[CaseId, CaseRow]:
    """Return cases that billing knows, each locked as by ``lock_case``, in the order of their ids."""
    if not case_ids:
        return {}
    rows = await tx.fetch(
        f"SELECT {_CASE} FROM billing_cases WHERE case_id = ANY($1) ORDER BY case_id FOR UPDATE", list(case_ids)
    )
    return {row["case_id"]: CaseRow(**row) for row in rows}


async def case(tx: Tx, case_id: CaseId) -> CaseRow | None:
    row = await tx.fetchrow(f"SELECT {_CASE} FROM billing_cases WHERE case_id = $1", case_id)
    return CaseRow(**row) if row else None


async def save_case(tx: Tx, case: CaseRow) -> None:
    await tx.execute(
        """UPDATE billing_cases SET case_number = $2, accepted_at = $3, delivered_at = $4, withdrawn_at = $5,
                  kept_at = $6, kept_by = $7, kept_reason = $8 WHERE case_id = $1""",
        case.case_id, case.case_number, case.accepted_at, case.delivered_at, case.withdrawn_at, case.kept_at,
        case.kept_by, case.kept_reason,
    )  # fmt: skip
