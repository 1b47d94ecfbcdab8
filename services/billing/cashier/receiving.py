"""Money that comes in, by card or by wire (R21)."""

from datetime import timedelta
from uuid import UUID

from services.billing import domain, store
from services.billing.cashier.books import invoice_of, watch_due, write
from services.billing.cashier.disputing import tie_disputes
from services.billing.cashier.queues import TO_MATCH, ask_about_held, why_held
from services.billing.domain import (
    Invoice,
    MoneyRefusedError,
    Payment,
    written,
)
from services.billing.store import CaseRow, WireReceipt
from shared import log, staff_queue
from shared.db import Tx
from shared.events import Money
from shared.ids import CaseId, new_id

_log = log.get(__name__)


async def take(
    tx: Tx, case: CaseRow, invoice_id: UUID, method: domain.Method, provider_id: str, amount: Money, by: str
) -> Payment:
    """Count a payment in. The invoice is read here, under the case's lock."""
    invoice = await invoice_of(tx, case, invoice_id)
    arrived = Payment(new_id(), case.case_id, invoice.id, method, provider_id, amount, tx.now)
    outcome = domain.receive(invoice, arrived)
    payment = outcome.payments[0]
    counted = await write(tx, case, outcome, by)
    if invoice.received_at and counted.settled:
        await staff_queue.done(tx, TO_MATCH, f"open-again:{invoice.id}")
    if payment.held_minor:
        await ask_about_held(tx, payment, await why_held(tx, outcome.invoice, payment))
    await watch_due(tx, case.case_id)
    if method == "card":
        await tie_disputes(tx, case, payment)
    _log.info("payment_taken", case_id=str(case.case_id), method=method, held=payment.held_minor > 0)
    return payment


async def enter_receipt(tx: Tx, receipt: WireReceipt) -> list[Invoice]:
    """Keep a line of the bank statement and return the invoices it may be for. Raises ``MoneyRefusedError``."""
    if not await store.add_receipt(tx, receipt):
        raise MoneyRefusedError(f"The bank reference {receipt.bank_reference} was entered before")
    await store.post(tx, None, domain.bank_receipt(receipt.id, receipt.amount), receipt.entered_by)
    candidates = await candidates_for(tx, receipt)
    case_id = candidates[0].case_id if candidates else CaseId(receipt.id)
    await staff_queue.put(
        tx, TO_MATCH, case_id, f"receipt:{receipt.id}", f"Wire of {written(receipt.amount)} to match",
        due=tx.now + timedelta(days=1), data={"href": f"/desk/billing/receipts/{receipt.id}"},
    )  # fmt: skip
    return candidates


async def candidates_for(tx: Tx, receipt: WireReceipt) -> list[Invoice]:
    """Return the invoices that a wire names by a sound reference, else those of which just this amount is missing."""
    named = [await store.invoice_for_reference(tx, *found) for found in domain.find_references(receipt.remittance)]
    return [one for one in named if one] or await store.unpaid_of_amount(tx, receipt.amount)
