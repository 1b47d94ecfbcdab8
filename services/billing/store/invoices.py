"""Invoices."""

from uuid import UUID

from services.billing.domain import Invoice, InvoiceState
from shared.db import Row, Tx
from shared.events import Money, ProgrammeRef
from shared.ids import CaseId

_INVOICE = """id, case_id, quote_id, revision, ordinal, programme_id, programme_version, services, price_minor,
              currency, issued_at, due_at, paid_minor, returned_minor, turns, cancelled, received_at, earned_at,
              written_off_minor"""


def _invoice(row: Row) -> Invoice:
    given = dict(row)
    price = Money(amount_minor=given.pop("price_minor"), currency=given.pop("currency"))
    rules = ProgrammeRef(id=given.pop("programme_id"), version=given.pop("programme_version"))
    return Invoice(price=price, programme=rules, services=tuple(given.pop("services")), **given)


async def add_invoice(tx: Tx, invoice: Invoice) -> None:
    await tx.execute(
        f"""INSERT INTO invoices ({_INVOICE}, state)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, 'open')""",
        invoice.id, invoice.case_id, invoice.quote_id, invoice.revision, invoice.ordinal, invoice.programme.id,
        invoice.programme.version, list(invoice.services),
        invoice.price.amount_minor, invoice.price.currency, invoice.issued_at, invoice.due_at, invoice.paid_minor,
        invoice.returned_minor, invoice.turns, invoice.cancelled, invoice.received_at, invoice.earned_at,
        invoice.written_off_minor,
    )  # fmt: skip


async def save_invoice(tx: Tx, invoice: Invoice, state: InvoiceState) -> None:
    await tx.execute(
        """UPDATE invoices SET due_at = $2, paid_minor = $3, returned_minor = $4, turns = $5, cancelled = $6,
                  received_at = $7, earned_at = $8, state = $9, written_off_minor = $10 WHERE id = $1""",
        invoice.id, invoice.due_at, invoice.paid_minor, invoice.returned_minor, invoice.turns, invoice.cancelled,
        invoice.received_at, invoice.earned_at, state, invoice.written_off_minor,
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
