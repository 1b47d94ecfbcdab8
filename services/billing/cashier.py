"""What happens to a case's money: where invoice, payments, refunds and ledger change, together or not at all.

Every function takes the open transaction and the locked case. PaymentReceived is told here, in ``_write``, and nowhere
else: once per invoice, by whichever road the last missing unit came in (R20, R21).
"""

from dataclasses import replace
from datetime import timedelta
from typing import Literal
from uuid import UUID

from services.billing import domain, store
from services.billing.domain import (
    CardStatus,
    Invoice,
    MoneyRefusedError,
    Outcome,
    Payment,
    Refund,
    RefundRight,
    written,
)
from services.billing.gateway import CardNotice, Message, RefundNotice
from services.billing.store import CaseRow, WireReceipt
from shared import log, staff_queue
from shared.backbone import errands, outbox, timers
from shared.db import Tx
from shared.events import Money, PaymentReceived, RefundIssued, ServicesConfirmed
from shared.ids import CaseId, new_id
from shared.staff_queue import Queue

TO_MATCH = Queue("payments-to-match", "Payments to match", ("finance", "supervisor"))
TO_REFUND = Queue("refunds-to-settle", "Refunds to settle", ("finance", "supervisor"))
REFUND_GRACE = timedelta(seconds=15)
"""How long a withdrawal waits before money goes back, so that an acceptance already under way is heard first."""
EXPIRY, REFUND_TIMER, REFUND_ERRAND = "expire_invoices", "refund_withdrawn", "refund_card"
_SYSTEM = "system"
_log = log.get(__name__)


# --- invoices --------------------------------------------------------------------------------------------------------


async def invoice_services(tx: Tx, case: CaseRow, confirmed: ServicesConfirmed, time_to_pay: timedelta) -> None:
    """Bill one quote revision, once; a supplement gets an invoice of its own, for what it added alone (R17)."""
    earlier = await store.invoices_of_case(tx, case.case_id)
    if any((one.quote_id, one.revision) == (confirmed.quote_id, confirmed.revision) for one in earlier):
        return
    invoice = Invoice(
        id=new_id(), case_id=case.case_id, quote_id=confirmed.quote_id, revision=confirmed.revision,
        ordinal=len(earlier) + 1, programme=confirmed.programme, services=confirmed.added or confirmed.services,
        price=confirmed.price, issued_at=tx.now,
        due_at=confirmed.confirmed_at + time_to_pay,
    )  # fmt: skip
    await store.add_invoice(tx, invoice)
    _log.info("invoice_issued", case_id=str(case.case_id), revision=invoice.revision)
    if case.withdrawn_at:
        await store.post(tx, case.case_id, domain.issue(invoice).entries, _SYSTEM)
        await _write(tx, case, domain.cancel(invoice, (), "withdrawn"), _SYSTEM)
        return
    await _write(tx, case, domain.issue(invoice), _SYSTEM)
    await _watch_due(tx, case.case_id)


async def expire(tx: Tx, case: CaseRow) -> None:
    """Take back what was not paid in time; what came of it is held for staff."""
    for invoice in await store.invoices_of_case(tx, case.case_id):
        if invoice.due_minor and invoice.due_at <= tx.now:
            payments = await store.payments_of_invoice(tx, invoice.id)
            outcome = domain.cancel(invoice, payments, "expired")
            await _write(tx, case, outcome, _SYSTEM)
            for payment in outcome.payments:
                await _ask_about_held(tx, payment, "Part of the price came, then the time to pay ended")
    await _watch_due(tx, case.case_id)


async def reinstate(tx: Tx, case: CaseRow, invoice_id: UUID, by: str) -> Invoice:
    """Open an expired invoice again, for as long as at first, and apply what is held. Raises ``MoneyRefusedError``."""
    invoice = await _invoice(tx, case, invoice_id)
    if case.withdrawn_at:
        raise MoneyRefusedError("The case was withdrawn: send the money back instead")
    payments = await store.payments_of_invoice(tx, invoice.id)
    outcome = domain.reinstate(replace(invoice, due_at=tx.now + (invoice.due_at - invoice.issued_at)), payments)
    written_invoice = await _write(tx, case, outcome, by)
    for payment in outcome.payments:
        await _ask_about_held(tx, payment, "More than the price")
    await _watch_due(tx, case.case_id)
    return written_invoice


async def _watch_due(tx: Tx, case_id: CaseId) -> None:
    due = [one.due_at for one in await store.invoices_of_case(tx, case_id) if one.due_minor]
    if due:
        await timers.set(tx, case_id, EXPIRY, min(due))
    else:
        await timers.cancel(tx, case_id, EXPIRY)


async def _write(tx: Tx, case: CaseRow, outcome: Outcome, by: str) -> Invoice:
    """Keep what an outcome leaves behind; tell PaymentReceived when, for the first time, exactly the price is in."""
    await store.post(tx, case.case_id, outcome.entries, by)
    for payment in outcome.payments:
        await store.save_payment(tx, payment)
    payments = await store.payments_of_invoice(tx, outcome.invoice.id)
    invoice = outcome.invoice
    if invoice.settled and invoice.received_at is None:
        invoice = replace(invoice, received_at=tx.now)
        outbox.append(tx, PaymentReceived(
            case_id=case.case_id, quote_id=invoice.quote_id, revision=invoice.revision, price=invoice.price,
            method=payments[-1].method if payments else "wire", received_at=tx.now,
        ))  # fmt: skip
    if case.delivered_at or case.kept_at:
        earned = domain.earn(invoice, tx.now)
        await store.post(tx, case.case_id, earned.entries, _SYSTEM)
        invoice = earned.invoice
    held, returned = sum(p.held_minor for p in payments), sum(p.returned_minor for p in payments)
    await store.save_invoice(tx, invoice, invoice.state(held, returned))
    return invoice


async def _invoice(tx: Tx, case: CaseRow, invoice_id: UUID) -> Invoice:
    invoice = await store.invoice(tx, invoice_id)
    if invoice is None or invoice.case_id != case.case_id:
        raise LookupError("There is no such invoice")
    return invoice


# --- money that comes in ---------------------------------------------------------------------------------------------


async def hear(tx: Tx, message: Message) -> None:
    """Do what the provider's message means: once, in whatever order; what means nothing to us does nothing."""
    if not await store.note_delivery(tx, message.webhook_id, message.kind):
        return
    if isinstance(message.about, CardNotice):
        await _hear_card(tx, message.about)
    elif isinstance(message.about, RefundNotice):
        await _hear_refund(tx, message.about)


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
    await _take(tx, case, known.id, "card", notice.payment_id, notice.amount, _SYSTEM)


async def _take(
    tx: Tx, case: CaseRow, invoice_id: UUID, method: domain.Method, provider_id: str, amount: Money, by: str
) -> Payment:
    """Count a payment in. The invoice is read here, under the case's lock."""
    invoice = await _invoice(tx, case, invoice_id)
    arrived = Payment(new_id(), case.case_id, invoice.id, method, provider_id, amount, tx.now)
    outcome = domain.receive(invoice, arrived)
    payment = outcome.payments[0]
    await _write(tx, case, outcome, by)
    late = {
        "expired": "Came after the time to pay",
        "withdrawn": "Came after the case was withdrawn",
        None: "More than the price",
    }
    await _ask_about_held(tx, payment, late[invoice.cancelled])
    await _watch_due(tx, case.case_id)
    _log.info("payment_taken", case_id=str(case.case_id), method=method, held=payment.held_minor > 0)
    return payment


async def _ask_about_held(tx: Tx, payment: Payment, why: str) -> None:
    """Put held money on finance's queue, and take it off when none is held any more."""
    key = f"held:{payment.id}"
    if not payment.held_minor:
        await staff_queue.done(tx, TO_MATCH, key)
        return
    held = written(Money(amount_minor=payment.held_minor, currency=payment.amount.currency))
    await staff_queue.put(
        tx, TO_MATCH, payment.case_id, key, f"{why}: {held} to send back or apply", due=tx.now + timedelta(days=3),
        data={"href": f"/desk/billing/cases/{payment.case_id}#payment-{payment.id}"},
    )  # fmt: skip


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


async def match_receipt(tx: Tx, receipt_id: UUID, invoice_id: UUID, by: str) -> Payment:
    """Count a wire in for an invoice. Raises ``LookupError`` or, when it was matched before, ``MoneyRefusedError``."""
    receipt, invoice = await store.receipt(tx, receipt_id, lock=True), await store.invoice(tx, invoice_id)
    if receipt is None or invoice is None:
        raise LookupError("There is no such wire or invoice")
    if receipt.payment_id:
        raise MoneyRefusedError(f"{receipt.matched_by} matched this wire already: look at its case")
    case = await store.lock_case(tx, invoice.case_id)
    payment = await _take(tx, case, invoice.id, "wire", f"wire:{receipt.bank_reference}", receipt.amount, by)
    await store.mark_matched(tx, receipt.id, payment.id, by)
    await staff_queue.done(tx, TO_MATCH, f"receipt:{receipt.id}")
    return payment


# --- money that goes back --------------------------------------------------------------------------------------------


async def withdraw(tx: Tx, case: CaseRow) -> None:
    """Cancel what is still to be paid; what was paid is ruled on after the grace time (``refund_withdrawn``)."""
    for invoice in await store.invoices_of_case(tx, case.case_id):
        if not invoice.settled:
            payments = await store.payments_of_invoice(tx, invoice.id)
            await _write(tx, case, domain.cancel(invoice, payments, "withdrawn"), _SYSTEM)
    await timers.cancel(tx, case.case_id, EXPIRY)
    await timers.set(tx, case.case_id, REFUND_TIMER, tx.now + REFUND_GRACE)


async def refund_withdrawn(tx: Tx, case: CaseRow) -> None:
    """Send all back before a specialist accepted; after that what bought no work, and finance rules on the fee."""
    assert case.withdrawn_at is not None
    right = domain.refund_right(case.accepted_at, case.withdrawn_at)
    for invoice in await store.invoices_of_case(tx, case.case_id):
        payments = await store.payments_of_invoice(tx, invoice.id)
        if right is RefundRight.FULL and invoice.settled:
            outcome = domain.cancel(invoice, payments, "withdrawn")
            await _write(tx, case, outcome, _SYSTEM)
            payments = list(outcome.payments)
        for payment in payments:
            if payment.held_minor:
                held = Money(amount_minor=payment.held_minor, currency=payment.amount.currency)
                await decide_refund(tx, case, payment.id, held, "withdrawn", "The case was withdrawn", _SYSTEM)
        if right is RefundRight.NONE and invoice.settled and not invoice.earned_at:
            await staff_queue.put(
                tx, TO_REFUND, case.case_id, f"withdrawn:{case.case_id}", "Withdrawn after a specialist accepted: rule on the fee",
                due=tx.now + timedelta(days=3), data={"href": f"/desk/billing/cases/{case.case_id}"},
            )  # fmt: skip


async def decide_refund(
    tx: Tx,
    case: CaseRow,
    payment_id: UUID,
    amount: Money,
    why: Literal["withdrawn", "decision"],
    reason: str,
    by: str,
) -> Refund:
    """Owe money back to where it came from, and start it on its way. Raises ``MoneyRefusedError``."""
    payment = await store.payment(tx, payment_id)
    if payment is None or payment.case_id != case.case_id:
        raise LookupError("There is no such payment")
    invoice = await _invoice(tx, case, payment.invoice_id)
    refund = Refund(new_id(), case.case_id, payment.id, payment.method, amount, why, reason, by, tx.now)
    outcome = domain.give_back(invoice, payment, refund)
    await _write(tx, case, outcome, by)
    await store.add_refund(tx, refund)
    await _ask_about_held(tx, outcome.payments[0], "Still held")
    if refund.method == "card":
        await errands.request(tx, REFUND_ERRAND, case.case_id, str(refund.id), {"refund_id": str(refund.id)})
    else:
        await _ask_to_pay_back(tx, refund, "by bank transfer")
    return refund


async def keep_fee(tx: Tx, case: CaseRow, reason: str, by: str) -> None:
    """Rule that nothing (more) of a withdrawn case's fee goes back. Raises ``MoneyRefusedError``."""
    if case.withdrawn_at is None:
        raise MoneyRefusedError(
            "Only the fee of a withdrawn case is ruled on: others are earned when the opinion is delivered"
        )
    case = replace(case, kept_at=tx.now, kept_by=by, kept_reason=reason)
    await store.save_case(tx, case)
    await earn(tx, case)
    await staff_queue.done(tx, TO_REFUND, f"withdrawn:{case.case_id}")


async def earn(tx: Tx, case: CaseRow) -> None:
    """Turn what is paid for into income."""
    for invoice in await store.invoices_of_case(tx, case.case_id):
        await _write(tx, case, Outcome(invoice), _SYSTEM)


async def pay_out(tx: Tx, refund_id: UUID, paid_as: str, by: str, method: domain.Method | None = None) -> Refund:
    """The money left (``method`` when by another road than it came): RefundIssued, once. Raises ``LookupError``."""
    refund = await _locked_refund(tx, refund_id)
    paid, entries = domain.pay_out(refund, method or refund.method)
    if entries:
        await store.post(tx, refund.case_id, entries, by)
        await store.settle_refund(tx, refund.id, "issued", paid_as)
        await staff_queue.done(tx, TO_REFUND, f"refund:{refund.id}")
        outbox.append(
            tx,
            RefundIssued(case_id=refund.case_id, refund_id=refund.id, price=refund.amount, issued_at=tx.now),
        )
    return paid


async def pay_out_by_bank(tx: Tx, refund_id: UUID, bank_reference: str, by: str) -> Refund:
    """Finance sent the money. Raises ``MoneyRefusedError`` while the card provider is at it, or when it is done."""
    refund = await _locked_refund(tx, refund_id)
    if refund.state == "issued":
        raise MoneyRefusedError("This refund was paid out before")
    if refund.method == "card" and refund.state == "decided":
        raise MoneyRefusedError("The card provider is sending this refund: wait for its answer")
    return await pay_out(tx, refund_id, bank_reference, by, "wire")


async def refund_failed(tx: Tx, refund_id: UUID) -> None:
    """The provider will never do it: finance pays it back by bank transfer."""
    refund = await _locked_refund(tx, refund_id)
    if refund.state == "decided":
        await store.settle_refund(tx, refund.id, "failed", None)
        await _ask_to_pay_back(tx, refund, "by bank transfer: the card provider refused")


async def _hear_refund(tx: Tx, notice: RefundNotice) -> None:
    if notice.reference is None or await store.refund(tx, notice.reference) is None:
        _log.error("refund_not_ours", provider_refund=notice.refund_id, status=notice.status)
    elif notice.status == "succeeded":
        await pay_out(tx, notice.reference, notice.refund_id, _SYSTEM)
    else:
        await refund_failed(tx, notice.reference)


async def _locked_refund(tx: Tx, refund_id: UUID) -> Refund:
    """Return the refund as it stands once nobody else can change it."""
    if (seen := await store.refund(tx, refund_id)) is None:
        raise LookupError("There is no such refund")
    await store.lock_case(tx, seen.case_id)
    refund = await store.refund(tx, refund_id)
    assert refund is not None
    return refund


async def _ask_to_pay_back(tx: Tx, refund: Refund, how: str) -> None:
    await staff_queue.put(
        tx, TO_REFUND, refund.case_id, f"refund:{refund.id}", f"Pay back {written(refund.amount)} {how}",
        due=tx.now + timedelta(days=3), data={"href": f"/desk/billing/cases/{refund.case_id}#refund-{refund.id}"},
    )  # fmt: skip
