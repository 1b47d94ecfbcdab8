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
    """Money that came by bank. ``closed_as``: it will never be matched, for ``closed_reason``; ``same_as``: it is that wire."""

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
    same_as: UUID | None = None


_WRITTEN = """id, bank_reference, amount_minor, currency, sender, remittance, value_on, entered_by, entered_at,
              payment_id, matched_by, matched_at"""
_RECEIPT = f"{_WRITTEN}, closed_as, closed_by, closed_reason, same_as"


async def add_receipt(tx: Tx, receipt: WireReceipt) -> bool:
    """Keep a line of the bank statement; return False when it was entered before."""
    changed = await tx.changed(
        f"""INSERT INTO wire_receipts ({_WRITTEN}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            ON CONFLICT (bank_reference) DO NOTHING""",
        receipt.id, receipt.bank_reference, receipt.amount.amount_minor, receipt.amount.currency, receipt.sender,
        receipt.remittance, receipt.value_on, receipt.entered_by, receipt.entered_at, receipt.payment_id,
        receipt.matched_by, receipt.matched_at,
    )  # fmt: skip
    return changed == 1


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
    tx: Tx, receipt_id: UUID, closed_as: Literal["set_aside", "taken_back", "payout"], by: str, reason: str
) -> None:
    """Note that a wire will never be matched, and why."""
    await tx.execute(
        "UPDATE wire_receipts SET closed_as = $2, closed_by = $3, closed_at = $4, closed_reason = $5 WHERE id = $1",
        receipt_id, closed_as, by, tx.now, reason,
    )  # fmt: skip


async def perhaps_same(tx: Tx, receipt_ids: Sequence[UUID]) -> dict[UUID, list[WireReceipt]]:
    """Return for each of these wires those that may be the same money, come by another road.

    Same amount, currency and value date, of the same account or entered by hand, and no file has both.
    """
    columns = ", ".join(f"o.{name.strip()}" for name in _RECEIPT.split(","))
    rows = await tx.fetch(
        f"""SELECT w.id AS of, {columns} FROM wire_receipts w
            JOIN wire_receipts o ON (o.value_on, o.amount_minor, o.currency) = (w.value_on, w.amount_minor, w.currency)
                AND o.id <> w.id AND (o.closed_as IS NULL OR o.closed_as = 'set_aside')
            LEFT JOIN bank_lines mine ON mine.receipt_id = w.id LEFT JOIN bank_lines l ON l.receipt_id = o.id
            WHERE w.id = ANY($1) AND NOT EXISTS (
                SELECT FROM bank_statement_lines a JOIN bank_statements s ON s.id = a.statement_id
                JOIN bank_statements t ON t.file_hash = s.file_hash JOIN bank_statement_lines b ON b.statement_id = t.id
                WHERE a.line_id = mine.id AND b.line_id = l.id)
            AND (mine.id IS NULL OR l.id IS NULL OR EXISTS (
                SELECT FROM bank_statement_lines a JOIN bank_statements s ON s.id = a.statement_id
                JOIN bank_statements t ON t.account = s.account JOIN bank_statement_lines b ON b.statement_id = t.id
                WHERE a.line_id = mine.id AND b.line_id = l.id))
            ORDER BY o.entered_at, o.id""",
        list(receipt_ids),
    )
    found: dict[UUID, list[WireReceipt]] = {}
    for row in rows:
        given = with_amount(row)
        found.setdefault(given.pop("of"), []).append(WireReceipt(**given))
    return found


async def close_as_same(tx: Tx, receipt_id: UUID, same_as: UUID, by: str, reason: str) -> None:
    """Note that a wire is in the books already as another one, which gets the bank's line if it has none."""
    await tx.execute(
        """UPDATE wire_receipts SET closed_as = 'same', same_as = $2, closed_by = $3, closed_at = $4, closed_reason = $5
           WHERE id = $1""",
        receipt_id, same_as, by, tx.now, reason,
    )  # fmt: skip
    await tx.execute(
        """UPDATE bank_lines SET receipt_id = $2 WHERE receipt_id = $1
           AND NOT EXISTS (SELECT FROM bank_lines WHERE receipt_id = $2)""",
        receipt_id, same_as,
    )  # fmt: skip


async def reopen_receipt(tx: Tx, receipt_id: UUID) -> None:
    """Put a wire that was set aside back among those to match."""
    await tx.execute(
        """UPDATE wire_receipts SET closed_as = NULL, closed_by = NULL, closed_at = NULL, closed_reason = NULL
           WHERE id = $1 AND closed_as = 'set_aside'""",
        receipt_id,
    )
