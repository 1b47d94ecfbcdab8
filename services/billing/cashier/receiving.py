"""Money that comes in, by card or by wire (R21)."""

from datetime import timedelta
from uuid import UUID

from services.billing import domain, store
from services.billing.cashier.books import SYSTEM, invoice_of, watch_due, write
from services.billing.cashier.disputing import hear_dispute, tie_disputes
from services.billing.cashier.queues import TO_MATCH, ask_about_held, why_held
from services.billing.cashier.refunding import hear_refund
from services.billing.domain import (
    CardStatus,
    Invoice,
    MoneyRefusedError,
    Payment,
    written,
)
from services.billing.gateway import CardNotice, DisputeNotice, Message, Notice, RefundNotice
from services.billing.store import CaseRow, WireReceipt
from shared import log, staff_queue
from shared.db import Tx
from shared.events import Money
from shared.ids import CaseId, new_id

_log = log.get(__name__)


async def hear(tx: Tx, message: Message) -> None:
    """Do what the provider's message means: once, in whatever order; what means nothing to us does nothing."""
    if not await store.note_delivery(tx, message.webhook_id, message.kind):
        return
    if message.about:
        await hear_notice(tx, message.about)


async def hear_notice(tx: Tx, notice: Notice) -> None:
    """Do what the provider says, by message or because we asked; hearing it again changes nothing."""
    match notice:
        case CardNotice():
            await _hear_card(tx, notice)
        case RefundNotice():
            await hear_refund(tx, notice)
        case DisputeNotice():
            await hear_dispute(tx, notice)


async def _hear_card(tx: Tx, notice: CardNotice) -> None:
    checkout = await store.checkout_of_provider(tx, notice.checkout_id)
    invoice_id = checkout.invoice_id if checkout else notice.reference
    known = await store.invoice(tx, invoice_id) if invoice_id else None
    if known is None:
        _log.error("payment_for_nothing_of_ours", provider_payment=notice.payment_id, status=notice.status)
        return
    case = await store.lock_case(tx, known.case_id)
    if checkout:
        status = domain.hear(await store.attempt_status(tx, notice.payment_id), notice.status)
        await store.save_attempt(tx, notice.payment_id, checkout.id, status)
    if notice.status != CardStatus.SUCCEEDED or await store.payment_of_provider(tx, notice.payment_id):
        return
    if checkout:
        await store.close_checkout(tx, checkout.id)
    await take(tx, case, known.id, "card", notice.payment_id, notice.amount, SYSTEM)


async def take(
    tx: Tx, case: CaseRow, invoice_id: UUID, method: domain.Method, provider_id: str, amount: Money, by: str
) -> Payment:
    """Count a payment in. The invoice is read here, under the case's lock."""
    invoice = await invoice_of(tx, case, invoice_id)
    arrived = Payment(new_id(), case.case_id, invoice.id, method, provider_id, amount, tx.now)
    outcome = domain.receive(invoice, arrived)
    payment = outcome.payments[0]
    await write(tx, case, outcome, by)
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
