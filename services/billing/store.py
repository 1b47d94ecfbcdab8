"""Every SQL statement of billing. Amounts are minor units; whoever changes a case's money holds ``lock_case`` first."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from services.billing.domain import CardStatus, Entry, Invoice, InvoiceState, Payment, Refund
from shared.db import Row, Tx
from shared.events import Money, ProgrammeRef
from shared.ids import CaseId, new_id


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


@dataclass(frozen=True, slots=True)
class Checkout:
    id: UUID
    case_id: CaseId
    invoice_id: UUID
    provider_id: str
    url: str
    amount: Money
    opened_at: datetime
    expires_at: datetime
    closed_at: datetime | None


@dataclass(frozen=True, slots=True)
class WireReceipt:
    """A line of the bank statement."""

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


@dataclass(frozen=True, slots=True)
class LedgerLine:
    transaction_id: UUID
    case_id: CaseId | None
    kind: str
    entered_at: datetime
    entered_by: str
    account: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Balance:
    account: str
    currency: str
    amount_minor: int


# --- cases -----------------------------------------------------------------------------------------------------------

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


# --- invoices --------------------------------------------------------------------------------------------------------

_INVOICE = """id, case_id, quote_id, revision, ordinal, programme_id, programme_version, services, price_minor,
              currency, issued_at, due_at, paid_minor, returned_minor, turns, cancelled, received_at, earned_at"""


def _invoice(row: Row) -> Invoice:
    given = dict(row)
    price = Money(amount_minor=given.pop("price_minor"), currency=given.pop("currency"))
    rules = ProgrammeRef(id=given.pop("programme_id"), version=given.pop("programme_version"))
    return Invoice(price=price, programme=rules, services=tuple(given.pop("services")), **given)


async def add_invoice(tx: Tx, invoice: Invoice) -> None:
    await tx.execute(
        f"""INSERT INTO invoices ({_INVOICE}, state)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 'open')""",
        invoice.id, invoice.case_id, invoice.quote_id, invoice.revision, invoice.ordinal, invoice.programme.id,
        invoice.programme.version, list(invoice.services),
        invoice.price.amount_minor, invoice.price.currency, invoice.issued_at, invoice.due_at, invoice.paid_minor,
        invoice.returned_minor, invoice.turns, invoice.cancelled, invoice.received_at, invoice.earned_at,
    )  # fmt: skip


async def save_invoice(tx: Tx, invoice: Invoice, state: InvoiceState) -> None:
    await tx.execute(
        """UPDATE invoices SET due_at = $2, paid_minor = $3, returned_minor = $4, turns = $5, cancelled = $6,
                  received_at = $7, earned_at = $8, state = $9 WHERE id = $1""",
        invoice.id, invoice.due_at, invoice.paid_minor, invoice.returned_minor, invoice.turns, invoice.cancelled,
        invoice.received_at, invoice.earned_at, state,
    )  # fmt: skip


async def invoices_of_case(tx: Tx, case_id: CaseId) -> list[Invoice]:
    """Return the case's invoices, the first one first."""
    rows = await tx.fetch(f"SELECT {_INVOICE} FROM invoices WHERE case_id = $1 ORDER BY ordinal", case_id)
    return [_invoice(row) for row in rows]


async def invoice(tx: Tx, invoice_id: UUID) -> Invoice | None:
    row = await tx.fetchrow(f"SELECT {_INVOICE} FROM invoices WHERE id = $1", invoice_id)
    return _invoice(row) if row else None


async def states_of_case(tx: Tx, case_id: CaseId) -> dict[UUID, InvoiceState]:
    rows = await tx.fetch("SELECT id, state FROM invoices WHERE case_id = $1", case_id)
    return {row["id"]: InvoiceState(row["state"]) for row in rows}


async def invoice_for_reference(tx: Tx, number_without_check: str, ordinal: int) -> Invoice | None:
    """Return the invoice that a wire's reference names."""
    row = await tx.fetchrow(
        f"""SELECT {_INVOICE} FROM invoices
            WHERE ordinal = $2 AND case_id =
                (SELECT case_id FROM billing_cases WHERE starts_with(case_number, $1 || '-'))""",
        number_without_check, ordinal,
    )  # fmt: skip
    return _invoice(row) if row else None


async def invoices_of_case_number(tx: Tx, case_number: str) -> list[Invoice]:
    rows = await tx.fetch(
        f"""SELECT {_INVOICE} FROM invoices
            WHERE case_id = (SELECT case_id FROM billing_cases WHERE case_number = $1) ORDER BY ordinal""",
        case_number,
    )
    return [_invoice(row) for row in rows]


async def unpaid_of_amount(tx: Tx, amount: Money) -> list[Invoice]:
    """Return live invoices of which exactly this amount is missing: candidates for a wire without a reference."""
    rows = await tx.fetch(
        f"""SELECT {_INVOICE} FROM invoices WHERE state IN ('open', 'part_paid') AND currency = $2
            AND price_minor - paid_minor = $1 ORDER BY due_at LIMIT 10""",
        amount.amount_minor, amount.currency,
    )  # fmt: skip
    return [_invoice(row) for row in rows]


# --- card ------------------------------------------------------------------------------------------------------------

_CHECKOUT = "id, case_id, invoice_id, provider_id, url, amount_minor, currency, opened_at, expires_at, closed_at"


def _with_amount(row: Row) -> dict[str, Any]:
    given = dict(row)
    given["amount"] = Money(amount_minor=given.pop("amount_minor"), currency=given.pop("currency"))
    return given


async def add_checkout(tx: Tx, checkout: Checkout) -> None:
    """Keep a checkout; the same one a second time changes nothing."""
    await tx.execute(
        f"""INSERT INTO checkouts ({_CHECKOUT}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (provider_id) DO NOTHING""",
        checkout.id, checkout.case_id, checkout.invoice_id, checkout.provider_id, checkout.url,
        checkout.amount.amount_minor, checkout.amount.currency, checkout.opened_at, checkout.expires_at,
        checkout.closed_at,
    )  # fmt: skip


async def checkout_of_provider(tx: Tx, provider_id: str) -> Checkout | None:
    row = await tx.fetchrow(f"SELECT {_CHECKOUT} FROM checkouts WHERE provider_id = $1", provider_id)
    return Checkout(**_with_amount(row)) if row else None


async def latest_checkout(tx: Tx, invoice_id: UUID) -> Checkout | None:
    row = await tx.fetchrow(
        f"SELECT {_CHECKOUT} FROM checkouts WHERE invoice_id = $1 ORDER BY opened_at DESC, id DESC LIMIT 1", invoice_id
    )
    return Checkout(**_with_amount(row)) if row else None


async def count_checkouts(tx: Tx, invoice_id: UUID) -> int:
    count: int = await tx.fetchval("SELECT count(*) FROM checkouts WHERE invoice_id = $1", invoice_id)
    return count


async def close_checkout(tx: Tx, checkout_id: UUID) -> None:
    await tx.execute("UPDATE checkouts SET closed_at = coalesce(closed_at, $2) WHERE id = $1", checkout_id, tx.now)


async def attempt_status(tx: Tx, provider_id: str) -> CardStatus | None:
    status = await tx.fetchval("SELECT status FROM card_attempts WHERE provider_id = $1", provider_id)
    return CardStatus(status) if status else None


async def latest_attempt(tx: Tx, checkout_id: UUID) -> CardStatus | None:
    status = await tx.fetchval(
        """SELECT status FROM card_attempts WHERE checkout_id = $1
           ORDER BY status = 'succeeded' DESC, heard_at DESC LIMIT 1""",
        checkout_id,
    )
    return CardStatus(status) if status else None


async def attempt_on_invoice(tx: Tx, provider_id: str, invoice_id: UUID) -> CardStatus | None:
    """Return what was heard of one attempt, if it is one to pay this invoice."""
    status = await tx.fetchval(
        """SELECT a.status FROM card_attempts a JOIN checkouts c ON c.id = a.checkout_id
           WHERE a.provider_id = $1 AND c.invoice_id = $2""",
        provider_id, invoice_id,
    )  # fmt: skip
    return CardStatus(status) if status else None


async def save_attempt(tx: Tx, provider_id: str, checkout_id: UUID, status: CardStatus) -> None:
    await tx.execute(
        """INSERT INTO card_attempts (provider_id, checkout_id, status, heard_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (provider_id) DO UPDATE SET status = excluded.status, heard_at = excluded.heard_at""",
        provider_id, checkout_id, status, tx.now,
    )  # fmt: skip


async def note_delivery(tx: Tx, webhook_id: str, kind: str) -> bool:
    """Return whether this message is new. Two at once take turns: the second sees the first's row when it commits."""
    tag = await tx.execute(
        "INSERT INTO webhook_deliveries (webhook_id, kind, received_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        webhook_id, kind, tx.now,
    )  # fmt: skip
    return tag == "INSERT 0 1"


# --- payments --------------------------------------------------------------------------------------------------------

_PAYMENT = """id, case_id, invoice_id, method, provider_id, amount_minor, currency, received_at, applied_minor,
              held_minor, returned_minor"""


async def save_payment(tx: Tx, payment: Payment) -> None:
    """Write a payment, new or changed; where it came from never changes."""
    await tx.execute(
        f"""INSERT INTO payments ({_PAYMENT}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            ON CONFLICT (id) DO UPDATE SET applied_minor = excluded.applied_minor, held_minor = excluded.held_minor,
                returned_minor = excluded.returned_minor""",
        payment.id, payment.case_id, payment.invoice_id, payment.method, payment.provider_id,
        payment.amount.amount_minor, payment.amount.currency, payment.received_at,
        payment.applied_minor, payment.held_minor, payment.returned_minor,
    )  # fmt: skip


async def payments_of_case(tx: Tx, case_id: CaseId) -> list[Payment]:
    rows = await tx.fetch(f"SELECT {_PAYMENT} FROM payments WHERE case_id = $1 ORDER BY received_at, id", case_id)
    return [Payment(**_with_amount(row)) for row in rows]


async def payments_of_invoice(tx: Tx, invoice_id: UUID) -> list[Payment]:
    rows = await tx.fetch(f"SELECT {_PAYMENT} FROM payments WHERE invoice_id = $1 ORDER BY received_at, id", invoice_id)
    return [Payment(**_with_amount(row)) for row in rows]


async def payment(tx: Tx, payment_id: UUID) -> Payment | None:
    row = await tx.fetchrow(f"SELECT {_PAYMENT} FROM payments WHERE id = $1", payment_id)
    return Payment(**_with_amount(row)) if row else None


async def payment_of_provider(tx: Tx, provider_id: str) -> Payment | None:
    row = await tx.fetchrow(f"SELECT {_PAYMENT} FROM payments WHERE provider_id = $1", provider_id)
    return Payment(**_with_amount(row)) if row else None


# --- wires -----------------------------------------------------------------------------------------------------------

_RECEIPT = """id, bank_reference, amount_minor, currency, sender, remittance, value_on, entered_by, entered_at,
              payment_id, matched_by, matched_at"""


async def add_receipt(tx: Tx, receipt: WireReceipt) -> bool:
    """Keep a line of the bank statement; return False when it was entered before."""
    tag = await tx.execute(
        f"""INSERT INTO wire_receipts ({_RECEIPT}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
            ON CONFLICT (bank_reference) DO NOTHING""",
        receipt.id, receipt.bank_reference, receipt.amount.amount_minor, receipt.amount.currency, receipt.sender,
        receipt.remittance, receipt.value_on, receipt.entered_by, receipt.entered_at, receipt.payment_id,
        receipt.matched_by, receipt.matched_at,
    )  # fmt: skip
    return tag == "INSERT 0 1"


async def receipt(tx: Tx, receipt_id: UUID, *, lock: bool = False) -> WireReceipt | None:
    end = "FOR UPDATE" if lock else ""
    row = await tx.fetchrow(f"SELECT {_RECEIPT} FROM wire_receipts WHERE id = $1 {end}", receipt_id)
    return WireReceipt(**_with_amount(row)) if row else None


async def unmatched_receipts(tx: Tx) -> list[WireReceipt]:
    rows = await tx.fetch(
        f"SELECT {_RECEIPT} FROM wire_receipts WHERE payment_id IS NULL ORDER BY entered_at LIMIT 200"
    )
    return [WireReceipt(**_with_amount(row)) for row in rows]


async def mark_matched(tx: Tx, receipt_id: UUID, payment_id: UUID, by: str) -> None:
    await tx.execute(
        "UPDATE wire_receipts SET payment_id = $2, matched_by = $3, matched_at = $4 WHERE id = $1",
        receipt_id, payment_id, by, tx.now,
    )  # fmt: skip


# --- refunds ---------------------------------------------------------------------------------------------------------

_REFUND = """r.id, r.case_id, r.payment_id, p.method, r.amount_minor, r.currency, r.why, r.reason, r.decided_by,
             r.decided_at, r.state FROM refunds r JOIN payments p ON p.id = r.payment_id"""


async def add_refund(tx: Tx, refund: Refund) -> None:
    await tx.execute(
        """INSERT INTO refunds
               (id, case_id, payment_id, amount_minor, currency, why, reason, decided_by, decided_at, state)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)""",
        refund.id, refund.case_id, refund.payment_id, refund.amount.amount_minor, refund.amount.currency, refund.why,
        refund.reason, refund.decided_by, refund.decided_at, refund.state,
    )  # fmt: skip


async def settle_refund(tx: Tx, refund_id: UUID, state: Literal["issued", "failed"], paid_as: str | None) -> None:
    """Note how a refund ended; ``paid_as`` is the provider's or the bank's reference."""
    await tx.execute(
        "UPDATE refunds SET state = $2, paid_as = coalesce($3, paid_as), settled_at = $4 WHERE id = $1",
        refund_id, state, paid_as, tx.now,
    )  # fmt: skip


async def refund(tx: Tx, refund_id: UUID) -> Refund | None:
    row = await tx.fetchrow(f"SELECT {_REFUND} WHERE r.id = $1", refund_id)
    return Refund(**_with_amount(row)) if row else None


async def refunds_of_case(tx: Tx, case_id: CaseId) -> list[Refund]:
    rows = await tx.fetch(f"SELECT {_REFUND} WHERE r.case_id = $1 ORDER BY r.decided_at, r.id", case_id)
    return [Refund(**_with_amount(row)) for row in rows]


# --- the ledger ------------------------------------------------------------------------------------------------------


async def post(tx: Tx, case_id: CaseId | None, entries: Iterable[Entry], by: str) -> None:
    """Write entries into the ledger; the database refuses one that doesn't balance or whose source it has."""
    for entry in entries:
        transaction_id = new_id()
        await tx.execute(
            """INSERT INTO ledger_transactions (id, case_id, kind, source, entered_at, entered_by)
               VALUES ($1, $2, $3, $4, $5, $6)""",
            transaction_id, case_id, entry.kind, entry.source, tx.now, by,
        )  # fmt: skip
        await tx.executemany(
            """INSERT INTO ledger_postings (transaction_id, line, account, currency, amount_minor)
               VALUES ($1, $2, $3, $4, $5)""",
            [(transaction_id, line, p.account, p.currency, p.amount_minor) for line, p in enumerate(entry.postings, 1)],
        )


async def ledger_of_case(tx: Tx, case_id: CaseId) -> list[LedgerLine]:
    """Return the case's postings, oldest first."""
    rows = await tx.fetch(
        """SELECT t.id AS transaction_id, t.case_id, t.kind, t.entered_at, t.entered_by, p.account, p.amount_minor,
               p.currency
           FROM ledger_transactions t JOIN ledger_postings p ON p.transaction_id = t.id
           WHERE t.case_id = $1 ORDER BY t.entered_at, t.id, p.line""",
        case_id,
    )
    return [LedgerLine(**row) for row in rows]


async def trial_balance(tx: Tx) -> list[Balance]:
    """Return each account's balance per currency, debit above zero; the amounts of a currency sum to zero."""
    rows = await tx.fetch(
        """SELECT account, currency, sum(amount_minor)::bigint AS amount_minor FROM ledger_postings
           GROUP BY account, currency ORDER BY currency, account"""
    )
    return [Balance(**row) for row in rows]
