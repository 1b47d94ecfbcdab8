"""Which invoices wires are for: matches with their reasons, those taken back too, and what a match is sought among."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from services.billing.domain import Refund
from services.billing.store.rows import with_amount
from shared.db import Tx
from shared.events import Money
from shared.ids import CaseId


@dataclass(frozen=True, slots=True)
class MatchRow:
    """A wire, or a part of it, counted in for an invoice; ``undone_at`` when that was wrong, or the bank took it back."""

    payment_id: UUID
    receipt_id: UUID
    invoice_id: UUID
    amount: Money
    why: str
    matched_by: str
    matched_at: datetime
    undone_by: str | None = None
    undone_at: datetime | None = None
    undone_reason: str | None = None


@dataclass(frozen=True, slots=True)
class SoughtRow:
    """An invoice that a wire may be for, with the numbers from which its reference is made."""

    invoice_id: UUID
    case_id: CaseId
    case_number: str
    ordinal: int
    due_minor: int
    currency: str
    live: bool
    payers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Payer:
    """Who sent a payment, as the bank says: a refund goes back to them, whoever the patient is (R21)."""

    name: str
    account: str


@dataclass(frozen=True, slots=True)
class Recall:
    """A wire, or a part of it, that the bank took back after it was counted in for an invoice."""

    invoice_id: UUID
    amount: Money
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class SentBack:
    """A refund by bank that a debit may be, with its case's number and whom it goes to."""

    refund: Refund
    case_number: str | None
    payer: str


_MATCH = """payment_id, receipt_id, invoice_id, amount_minor, currency, why, matched_by, matched_at, undone_by, undone_at,
            undone_reason"""
_SOUGHT = """i.id AS invoice_id, i.case_id, coalesce(c.case_number, '') AS case_number, i.ordinal,
             CASE WHEN i.cancelled IS NULL THEN i.price_minor - i.paid_minor ELSE 0 END AS due_minor, i.currency,
             i.cancelled IS NULL AND i.price_minor > i.paid_minor AS live,
             ARRAY(SELECT DISTINCT w.sender FROM wire_matches m JOIN wire_receipts w ON w.id = m.receipt_id
                   JOIN invoices o ON o.id = m.invoice_id
                   WHERE o.case_id = i.case_id AND m.undone_at IS NULL AND w.sender <> '') AS payers
             FROM invoices i JOIN billing_cases c ON c.case_id = i.case_id"""


async def add_match(tx: Tx, match: MatchRow) -> None:
    await tx.execute(
        """INSERT INTO wire_matches (payment_id, receipt_id, invoice_id, amount_minor, currency, why, matched_by, matched_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
        match.payment_id, match.receipt_id, match.invoice_id, match.amount.amount_minor, match.amount.currency,
        match.why, match.matched_by, match.matched_at,
    )  # fmt: skip


async def matches_of_receipt(tx: Tx, receipt_id: UUID) -> list[MatchRow]:
    """Return a wire's matches, those taken back too, the oldest first."""
    rows = await tx.fetch(
        f"SELECT {_MATCH} FROM wire_matches WHERE receipt_id = $1 ORDER BY matched_at, payment_id", receipt_id
    )
    return [MatchRow(**with_amount(row)) for row in rows]


async def undo_match(tx: Tx, payment_id: UUID, by: str, reason: str) -> None:
    """Note that a match was wrong; its payment is gone from then on."""
    await tx.execute(
        "UPDATE wire_matches SET undone_by = $2, undone_at = $3, undone_reason = $4 WHERE payment_id = $1",
        payment_id, by, tx.now, reason,
    )  # fmt: skip
    await tx.execute(
        "UPDATE wire_receipts SET payment_id = NULL, matched_by = NULL, matched_at = NULL WHERE payment_id = $1",
        payment_id,
    )
    await tx.execute("DELETE FROM payments WHERE id = $1", payment_id)


async def note_recalled(tx: Tx, payment_id: UUID, by: str, reason: str) -> None:
    """Note that the bank took back what was matched, and was right to be; the match ends, its payment may stay."""
    await tx.execute(
        """UPDATE wire_matches SET recalled = true, undone_by = $2, undone_at = $3, undone_reason = $4
           WHERE payment_id = $1""",
        payment_id, by, tx.now, reason,
    )  # fmt: skip
    await tx.execute(
        "UPDATE wire_receipts SET payment_id = NULL, matched_by = NULL, matched_at = NULL WHERE payment_id = $1",
        payment_id,
    )


async def recalls_of_case(tx: Tx, case_id: CaseId) -> list[Recall]:
    """Return the wires of a case that the bank took back, oldest first."""
    rows = await tx.fetch(
        """SELECT m.invoice_id, m.amount_minor, m.currency, m.undone_at AS at, m.undone_by AS by, m.undone_reason AS reason
           FROM wire_matches m JOIN invoices i ON i.id = m.invoice_id
           WHERE i.case_id = $1 AND m.recalled ORDER BY m.undone_at, m.payment_id""",
        case_id,
    )
    return [Recall(**with_amount(row)) for row in rows]


async def was_fee(tx: Tx, payment_id: UUID) -> bool:
    """Whether a payment's wire was counted in before, and taken back, for an invoice that was told to be paid."""
    return bool(
        await tx.fetchval(
            """SELECT EXISTS (SELECT FROM wire_matches m JOIN wire_matches before ON before.receipt_id = m.receipt_id
                   JOIN invoices i ON i.id = before.invoice_id
                   WHERE m.payment_id = $1 AND before.undone_at IS NOT NULL AND i.received_at IS NOT NULL)""",
            payment_id,
        )
    )


async def has_refunds(tx: Tx, payment_id: UUID) -> bool:
    """Whether money of a payment went back, or is proposed to and waits for a second person."""
    return bool(
        await tx.fetchval(
            """SELECT EXISTS (SELECT FROM refunds WHERE payment_id = $1)
                   OR EXISTS (SELECT FROM refund_proposals WHERE payment_id = $1 AND state = 'waiting')""",
            payment_id,
        )
    )


async def sought(tx: Tx) -> list[SoughtRow]:
    """Return every invoice on which something is missing: what a wire without a sound reference may be for."""
    rows = await tx.fetch(f"SELECT {_SOUGHT} WHERE i.state IN ('open', 'part_paid') ORDER BY i.due_at LIMIT 5000")
    return [SoughtRow(**{**row, "payers": tuple(row["payers"])}) for row in rows]


async def sought_by_ids(tx: Tx, invoice_ids: Sequence[UUID]) -> list[SoughtRow]:
    """Return these invoices, paid and cancelled ones too."""
    rows = await tx.fetch(f"SELECT {_SOUGHT} WHERE i.id = ANY($1)", list(invoice_ids))
    return [SoughtRow(**{**row, "payers": tuple(row["payers"])}) for row in rows]


async def payers_of_case(tx: Tx, case_id: CaseId) -> dict[UUID, Payer]:
    """Return who sent each of a case's wires."""
    rows = await tx.fetch(
        """SELECT m.payment_id, w.sender, coalesce(l.party_account, '') AS account FROM wire_matches m
           JOIN invoices i ON i.id = m.invoice_id JOIN wire_receipts w ON w.id = m.receipt_id
           LEFT JOIN bank_lines l ON l.receipt_id = w.id WHERE i.case_id = $1 AND m.undone_at IS NULL""",
        case_id,
    )
    return {row["payment_id"]: Payer(row["sender"], row["account"]) for row in rows}


async def sent_back_of_amount(tx: Tx, amount: Money) -> list[SentBack]:
    """Return refunds of this amount that are decided and to be paid by bank."""
    rows = await tx.fetch(
        """SELECT r.id, r.case_id, r.payment_id, p.method, r.amount_minor, r.currency, r.why, r.reason, r.decided_by,
               r.decided_at, r.state, c.case_number, coalesce(w.sender, '') AS payer
           FROM refunds r JOIN payments p ON p.id = r.payment_id JOIN billing_cases c ON c.case_id = r.case_id
           LEFT JOIN wire_matches m ON m.payment_id = r.payment_id LEFT JOIN wire_receipts w ON w.id = m.receipt_id
           WHERE r.amount_minor = $1 AND r.currency = $2
             AND (r.state = 'failed' OR r.state = 'decided' AND p.method = 'wire') ORDER BY r.decided_at LIMIT 20""",
        amount.amount_minor, amount.currency,
    )  # fmt: skip
    found = []
    for row in rows:
        given = with_amount(row)
        number, payer = given.pop("case_number"), given.pop("payer")
        found.append(SentBack(Refund(**given), number, payer))
    return found


async def refund_paid_as(tx: Tx, bank_reference: str, amount: Money) -> UUID | None:
    """Return the refund that finance marked as paid under this reference of the bank, if no line is it yet."""
    found: UUID | None = await tx.fetchval(
        """SELECT r.id FROM refunds r WHERE r.state = 'issued' AND r.paid_as = $1 AND r.amount_minor = $2 AND r.currency = $3
           AND NOT EXISTS (SELECT FROM bank_lines l WHERE l.refund_id = r.id)""",
        bank_reference, amount.amount_minor, amount.currency,
    )  # fmt: skip
    return found


async def received_before(tx: Tx, amount: Money, on: date) -> list[UUID]:
    """Return wires of this amount that came in the 90 days before: one of them may have been taken back."""
    rows = await tx.fetch(
        """SELECT id FROM wire_receipts WHERE amount_minor = $1 AND currency = $2
           AND (closed_as IS NULL OR closed_as IN ('set_aside', 'payout'))
           AND value_on BETWEEN $3::date - 90 AND $3 ORDER BY value_on DESC, id LIMIT 20""",
        amount.amount_minor, amount.currency, on,
    )  # fmt: skip
    return [row["id"] for row in rows]
