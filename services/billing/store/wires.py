"""Lines of the bank statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from services.billing.store.rows import with_amount
from shared.db import Tx
from shared.events import Money


@dataclass(frozen=True, slots=True)
class WireReceipt:
    """Money that came by bank. ``closed_as``: it will never be matched, for ``closed_reason``."""

    id: UUID
    bank_reference: str
    amount: Money
    sender: str
    remittance: str
    value_on: date
    entered_by: str
    entered_at: datetime
    payment_id: UUID | None = None
    matched_by: str | None = None
    matched_at: datetime | None = None
    closed_as: str | None = None
    closed_by: str | None = None
    closed_reason: str | None = None


_WRITTEN = """id, bank_reference, amount_minor, currency, sender, remittance, value_on, entered_by, entered_at,
              payment_id, matched_by, matched_at"""
_RECEIPT = f"{_WRITTEN}, closed_as, closed_by, closed_reason"


async def add_receipt(tx: Tx, receipt: WireReceipt) -> bool:
    """Keep a line of the bank statement; return False when it was entered before."""
    tag = await tx.execute(
        f"""INSERT INTO wire_receipts ({_WRITTEN}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            ON CONFLICT (bank_reference) DO NOTHING""",
        receipt.id, receipt.bank_reference, receipt.amount.amount_minor, receipt.amount.currency, receipt.sender,
        receipt.remittance, receipt.value_on, receipt.entered_by, receipt.entered_at, receipt.payment_id,
        receipt.matched_by, receipt.matched_at,
    )  # fmt: skip
    return tag == "INSERT 0 1"


async def receipt(tx: Tx, receipt_id: UUID, *, lock: bool = False) -> WireReceipt | None:
    end = "FOR UPDATE" if lock else ""
    row = await tx.fetchrow(f"SELECT {_RECEIPT} FROM wire_receipts WHERE id = $1 {end}", receipt_id)
    return WireReceipt(**with_amount(row)) if row else None


async def unmatched_receipts(tx: Tx) -> list[WireReceipt]:
    rows = await tx.fetch(
        f"""SELECT {_RECEIPT} FROM wire_receipts WHERE payment_id IS NULL AND closed_as IS NULL
            ORDER BY entered_at, id LIMIT 200"""
    )
    return [WireReceipt(**with_amount(row)) for row in rows]


async def mark_matched(tx: Tx, receipt_id: UUID, payment_id: UUID, by: str) -> None:
    await tx.execute(
        "UPDATE wire_receipts SET payment_id = $2, matched_by = $3, matched_at = $4 WHERE id = $1",
        receipt_id, payment_id, by, tx.now,
    )  # fmt: skip


async def receipts_of_references(tx: Tx, references: Sequence[str]) -> dict[str, WireReceipt]:
    """Return wires by the bank's reference, among them those that were entered by hand."""
    rows = await tx.fetch(f"SELECT {_RECEIPT} FROM wire_receipts WHERE bank_reference = ANY($1)", list(references))
    return {row["bank_reference"]: WireReceipt(**with_amount(row)) for row in rows}


async def close_receipt(
    tx: Tx, receipt_id: UUID, closed_as: Literal["set_aside", "taken_back"], by: str, reason: str
) -> None:
    """Note that a wire will never be matched, and why."""
    await tx.execute(
        "UPDATE wire_receipts SET closed_as = $2, closed_by = $3, closed_at = $4, closed_reason = $5 WHERE id = $1",
        receipt_id, closed_as, by, tx.now, reason,
    )  # fmt: skip


async def reopen_receipt(tx: Tx, receipt_id: UUID) -> None:
    """Put a wire that was set aside back among those to match."""
    await tx.execute(
        """UPDATE wire_receipts SET closed_as = NULL, closed_by = NULL, closed_at = NULL, closed_reason = NULL
           WHERE id = $1 AND closed_as = 'set_aside'""",
        receipt_id,
    )
