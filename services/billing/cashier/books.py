"""Where a case's invoice, payments and ledger change together; the only place that tells PaymentReceived (R20)."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from services.billing import domain, store
from services.billing.cashier.documents import hand_out
from services.billing.domain import (
    Invoice,
    Outcome,
    Payment,
)
from services.billing.store import CaseRow
from shared.backbone import outbox, timers
from shared.db import Tx
from shared.events import PaymentReceived
from shared.ids import CaseId

EXPIRY, REFUND_TIMER, REFUND_ERRAND = "expire_invoices", "refund_withdrawn", "refund_card"


SYSTEM = "system"


async def watch_due(tx: Tx, case_id: CaseId) -> None:
    """Set the clock by which unpaid invoices expire: never those of which PaymentReceived was told (R20)."""
    invoices = await store.invoices_of_case(tx, case_id)
    due = [one.due_at for one in invoices if one.due_minor and one.received_at is None]
    if due:
        await timers.set(tx, case_id, EXPIRY, min(due))
    else:
        await timers.cancel(tx, case_id, EXPIRY)


async def write(tx: Tx, case: CaseRow, outcome: Outcome, by: str) -> Invoice:
    """Keep what an outcome leaves behind; tell PaymentReceived when, for the first time, exactly the price is in, undisputed.

    A dispute that was heard of before its payment counts, whatever it came to: it is tied first (``tie_disputes``).
    """
    await store.post(tx, case.case_id, outcome.entries, by)
    hand_out(tx, case, outcome, outcome.entries)
    for payment in outcome.payments:
        await store.save_payment(tx, payment)
    payments = await store.payments_of_invoice(tx, outcome.invoice.id)
    invoice = outcome.invoice
    if invoice.settled and invoice.received_at is None and not await _disputed(tx, payments):
        invoice = replace(invoice, received_at=tx.now)
        outbox.append(tx, PaymentReceived(
            case_id=case.case_id, quote_id=invoice.quote_id, revision=invoice.revision, price=invoice.price,
            method=payments[-1].method if payments else "wire", received_at=tx.now,
        ))  # fmt: skip
    if case.delivered_at or case.kept_at:
        earned = domain.earn(invoice, tx.now)
        await store.post(tx, case.case_id, earned.entries, SYSTEM)
        invoice = earned.invoice
    held, returned = sum(p.held_minor for p in payments), sum(p.returned_minor + p.lost_minor for p in payments)
    await store.save_invoice(tx, invoice, invoice.state(held, returned))
    return invoice


async def _disputed(tx: Tx, payments: Sequence[Payment]) -> bool:
    if any(one.disputed_minor for one in payments):
        return True
    return await store.waits_for_payment(tx, [one.provider_id for one in payments if one.method == "card"])


async def invoice_of(tx: Tx, case: CaseRow, invoice_id: UUID) -> Invoice:
    invoice = await store.invoice(tx, invoice_id)
    if invoice is None or invoice.case_id != case.case_id:
        raise LookupError("There is no such invoice")
    return invoice


async def earn(tx: Tx, case: CaseRow) -> None:
    """Turn what is paid for into income."""
    for invoice in await store.invoices_of_case(tx, case.case_id):
        await write(tx, case, Outcome(invoice), SYSTEM)
