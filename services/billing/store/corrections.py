"""What people changed about invoices by hand, and why."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from shared.db import Tx
from shared.ids import CaseId


@dataclass(frozen=True, slots=True)
class Correction:
    """A person's change of an invoice: opened again, a supplement that nobody will pay let go, or a loss borne."""

    id: UUID
    case_id: CaseId
    invoice_id: UUID
    kind: Literal["opened_again", "let_go", "loss_borne"]
    reason: str
    made_by: str
    made_at: datetime


_CORRECTION = "id, case_id, invoice_id, kind, reason, made_by, made_at"


async def add_correction(tx: Tx, correction: Correction) -> None:
    await tx.execute(
        f"INSERT INTO corrections ({_CORRECTION}) VALUES ($1, $2, $3, $4, $5, $6, $7)",
        correction.id, correction.case_id, correction.invoice_id, correction.kind, correction.reason,
        correction.made_by, correction.made_at,
    )  # fmt: skip


async def corrections_of_case(tx: Tx, case_id: CaseId) -> list[Correction]:
    rows = await tx.fetch(f"SELECT {_CORRECTION} FROM corrections WHERE case_id = $1 ORDER BY made_at, id", case_id)
    return [Correction(**row) for row in rows]
