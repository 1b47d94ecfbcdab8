"""Money that goes back: by stage when a case is withdrawn, else as finance decides (R21)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from services.billing import domain, store
from services.billing.cashier.books import EXPIRY, REFUND_ERRAND, REFUND_TIMER, SYSTEM, earn, invoice_of, write
from services.billing.cashier.queues import (
    TO_CONFIRM,
    TO_REFUND,
    UNPAID,
    ask_about_foreign,
    ask_about_held,
    ask_to_pay_back,
)
from services.billing.cashier.terms import terms_of
from services.billing.domain import (
    Invoice,
    InvoiceBack,
    MoneyRefusedError,
    Payment,
    Refund,
    RefundStage,
)
from services.billing.gateway import RefundAnswer, RefundNotice
from services.billing.store import CaseRow
from shared import log, staff_queue
from shared.backbone import errands, outbox, timers
from shared.db import Tx
from shared.events import Money, RefundIssued
from shared.ids import new_id

_log = log.get(__name__)
REFUND_GRACE = timedelta(seconds=15)
"""How long a withdrawal waits before money goes back, so that an acceptance already under way is heard first."""
LOOK_FIRST = "by bank transfer, but look at the provider first: it refused, and money may have gone back there"
_ACCORDING_TO = {
    RefundStage.BEFORE_ACCEPTANCE: "The case was withdrawn before a specialist accepted it",
    RefundStage.IN_REVIEW: "The case was withdrawn while a specialist reviewed it",
    RefundStage.DELIVERED: "The case was withdrawn after the opinion was delivered",
}


async def withdraw(tx: Tx, case: CaseRow) -> None:
    """Cancel what is still to be paid; what was paid is ruled on after the grace time (``refund_withdrawn``)."""
    for invoice in await store.invoices_of_case(tx, case.case_id):
        if not invoice.settled:
            payments = await store.payments_of_invoice(tx, invoice.id)
            await write(tx, case, domain.cancel(invoice, payments, "withdrawn"), SYSTEM)
        await staff_queue.done(tx, UNPAID, f"unpaid:{invoice.id}")
    await timers.cancel(tx, case.case_id, EXPIRY)
    await timers.set(tx, case.case_id, REFUND_TIMER, tx.now + REFUND_GRACE)


async def refund_withdrawn(tx: Tx, case: CaseRow) -> None:
    """Send back what the stage gives and what bought no work; finance rules on a fee of which some is kept (R21)."""
    assert case.withdrawn_at is not None
    backs = await back_by_stage(tx, case, case.withdrawn_at)
    await _lapse_proposals(tx, backs)
    for back in backs:
        if back.percent == 100 and back.invoice.settled and not back.invoice.earned_at:
            payments = [one.payment for one in back.payments]
            await write(tx, case, domain.cancel(back.invoice, payments, "withdrawn"), SYSTEM)
        for one in back.payments:
            if one.amount.amount_minor:
                await decide_refund(
                    tx, case, one.payment.id, one.amount, "withdrawn", _ACCORDING_TO[back.stage], SYSTEM
                )
    if not case.kept_at and any(back.kept_minor and not back.invoice.earned_at for back in backs):
        await staff_queue.put(
            tx, TO_REFUND, case.case_id, f"withdrawn:{case.case_id}", "Withdrawn after a specialist accepted: rule on the fee",
            due=tx.now + timedelta(days=3), data={"href": f"/desk/billing/cases/{case.case_id}#by-stage"},
        )  # fmt: skip


async def back_by_stage(tx: Tx, case: CaseRow, at: datetime) -> list[InvoiceBack]:
    """Return what goes back of each invoice when the case is withdrawn at ``at``: shown before, decided by after (R21).

    Once finance has ruled that the fee is kept, nothing of it goes back by the stage any more.
    """
    stage, backs = domain.stage_at(case.accepted_at, case.delivered_at, at), []
    for invoice in await store.invoices_of_case(tx, case.case_id):
        percent = 0 if case.kept_at else terms_of(invoice).percent[stage]
        backs.append(domain.back_at(stage, percent, invoice, await store.payments_of_invoice(tx, invoice.id)))
    return backs


async def decide_refund(
    tx: Tx,
    case: CaseRow,
    payment_id: UUID,
    amount: Money,
    why: Literal["withdrawn", "decision"],
    reason: str,
    by: str,
    refund_id: UUID | None = None,
) -> Refund:
    """Owe money back to where it came from, and start it on its way. Raises ``MoneyRefusedError``."""
    payment = await payment_of(tx, case, payment_id)
    invoice = await invoice_of(tx, case, payment.invoice_id)
    fee = (await fee_in(tx, invoice, payment, amount)).amount_minor
    refund = Refund(refund_id or new_id(), case.case_id, payment.id, payment.method, amount, why, reason, by, tx.now,
                    of_fee_minor=fee)  # fmt: skip
    outcome = domain.give_back(invoice, payment, refund)
    await write(tx, case, outcome, by)
    await store.add_refund(tx, refund)
    await ask_about_held(tx, outcome.payments[0], "Still held")
    if refund.method == "card":
        await errands.request(tx, REFUND_ERRAND, case.case_id, str(refund.id), {"refund_id": str(refund.id)})
    else:
        await ask_to_pay_back(tx, refund, "by bank transfer")
    return refund


async def keep_fee(tx: Tx, case: CaseRow, reason: str, by: str) -> None:
    """Rule that nothing (more) of a withdrawn case's fee goes back. Raises ``MoneyRefusedError``."""
    if await store.proposals_waiting(tx, case.case_id):
        raise MoneyRefusedError("A refund of this case waits for a second person: have it confirmed or rejected first")
    if case.withdrawn_at is None:
        raise MoneyRefusedError(
            "Only the fee of a withdrawn case is ruled on: others are earned when the opinion is delivered"
        )
    if case.kept_at:
        raise MoneyRefusedError(f"{case.kept_by} ruled on this fee already")
    if any(back.fee_back_minor for back in await back_by_stage(tx, case, case.withdrawn_at)):
        raise MoneyRefusedError(
            "By the programme's rule a part of this fee goes back: rule on the rest when that has gone"
        )
    case = replace(case, kept_at=tx.now, kept_by=by, kept_reason=reason)
    await store.save_case(tx, case)
    await earn(tx, case)
    await staff_queue.done(tx, TO_REFUND, f"withdrawn:{case.case_id}")


async def pay_out(tx: Tx, refund_id: UUID, paid_as: str, by: str, method: domain.Method | None = None) -> Refund:
    """The money left (``method`` when by another road than it came): RefundIssued, once. Raises ``LookupError``.

    It was told already of a refund that bounced.
    """
    refund = await _locked_refund(tx, refund_id)
    paid, entries = domain.pay_out(refund, method or refund.method)
    if entries:
        await store.post(tx, refund.case_id, entries, by)
        await store.settle_refund(tx, refund.id, "issued", paid_as)
        await staff_queue.done(tx, TO_REFUND, f"refund:{refund.id}")
        await lower_failed(tx, await store.lock_case(tx, refund.case_id), refund.payment_id)
        if not refund.bounced:
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
    payment = await store.payment(tx, refund.payment_id)
    if refund.state == "overtaken" or (payment and payment.disputed_minor):
        raise MoneyRefusedError("This payment is disputed: the bank decides, and money must not go back twice")
    if refund.method == "card" and refund.state == "decided":
        raise MoneyRefusedError("The card provider is sending this refund: wait for its answer")
    return await pay_out(tx, refund_id, bank_reference, by, "wire")


async def refund_failed(tx: Tx, refund_id: UUID, provider_id: str | None = None) -> None:
    """The provider will never do it: finance pays it back by bank transfer, unless the bank decides on the payment.

    It may say so days after it said that the money left: the card's bank gave it back (``provider_id`` names it there).
    """
    refund = await _locked_refund(tx, refund_id)
    if refund.state == "issued":
        await _bounce(tx, refund, provider_id)
        return
    payment = await store.payment(tx, refund.payment_id)
    if refund.state == "decided" and not (payment and payment.disputed_minor):
        await store.settle_refund(tx, refund.id, "failed", provider_id)
        await ask_to_pay_back(tx, refund, "by bank transfer: the card did not take it" if provider_id else LOOK_FIRST)
        await lower_failed(tx, await store.lock_case(tx, refund.case_id), refund.payment_id)


async def _bounce(tx: Tx, refund: Refund, provider_id: str | None) -> None:
    """Owe a refund again whose money came back from the card. RefundIssued stays told, and is not told again."""
    back, entries = domain.bounce(refund, await store.postings_of(tx, f"issued:{refund.id}"))
    if entries:
        await store.post(tx, refund.case_id, entries, SYSTEM)
        await store.settle_refund(tx, refund.id, back.state, provider_id)
        if back.state == "failed":
            await ask_to_pay_back(tx, back, "by bank transfer: its card's bank gave it back")
        await lower_failed(tx, await store.lock_case(tx, refund.case_id), refund.payment_id)


async def lower_failed(tx: Tx, case: CaseRow, payment_id: UUID) -> None:
    """Have finance pay back no more than is left of a payment of which a lost dispute took a part."""
    mine = [one for one in await store.refunds_of_case(tx, case.case_id) if one.payment_id == payment_id]
    lost = [one for one in await store.disputes_of_case(tx, case.case_id) if one.payment_id == payment_id]
    unsent = [one for one in mine if one.state == "failed"]
    away = [one.amount for one in mine if one.state in ("issued", "decided")]
    away += [one.amount for one in lost if one.state == "lost"]
    gone = sum(one.amount_minor for one in away if unsent and one.currency == unsent[0].amount.currency)
    for refund in unsent:
        payment = await payment_of(tx, case, payment_id)
        invoice = await invoice_of(tx, case, payment.invoice_id)
        less, outcome = domain.lower(invoice, payment, refund, gone)
        gone += less.amount.amount_minor if less.state == "failed" else 0
        if not outcome.entries:
            continue
        await write(tx, case, outcome, SYSTEM)
        if less.state == "overtaken":
            await store.settle_refund(tx, less.id, "overtaken", None)
            await staff_queue.done(tx, TO_REFUND, f"refund:{less.id}")
        else:
            await store.lower_refund(tx, less)
            await ask_to_pay_back(tx, less, "by bank transfer: a lost dispute took the rest")


async def hear_refund_answer(tx: Tx, refund_id: UUID, answer: RefundAnswer | None) -> None:
    """Do what the provider answered about a refund; None: it never will send it."""
    if answer is None:
        await refund_failed(tx, refund_id)
    elif answer.status == "failed":
        await refund_failed(tx, refund_id, answer.id)
    elif answer.status == "succeeded":
        await _sent(tx, refund_id, answer.id)
    else:
        await store.note_sent(tx, refund_id, answer.id)


async def hear_refund(tx: Tx, notice: RefundNotice) -> None:
    """Do what a message about a refund means; one that was made at the provider itself comes to finance."""
    booked = await store.refund_at_provider(tx, notice.refund_id)
    refund_id = booked.id if booked else notice.reference
    if refund_id is None or await store.refund(tx, refund_id) is None:
        _log.error("refund_not_ours", provider_refund=notice.refund_id, status=notice.status)
        payment = await store.payment_of_provider(tx, notice.payment_id) if notice.payment_id else None
        if payment:
            await ask_about_foreign(tx, payment, notice)
    elif notice.status == "succeeded":
        await _sent(tx, refund_id, notice.refund_id)
    else:
        await refund_failed(tx, refund_id, notice.refund_id)


async def _sent(tx: Tx, refund_id: UUID, provider_id: str) -> None:
    """The provider sent it, unless it has said already that this very attempt failed: then its message is late."""
    await _locked_refund(tx, refund_id)
    if not await store.provider_failed(tx, refund_id, provider_id):
        await pay_out(tx, refund_id, provider_id, SYSTEM)


async def looked_at_provider(tx: Tx, case: CaseRow, provider_refund: str, by: str) -> None:
    """Finance has looked at what was sent back at the provider itself. Raises ``LookupError``."""
    if provider_refund not in await store.asked_about_at_provider(tx, case.case_id):
        raise LookupError("Nothing is asked about this refund")
    await staff_queue.done(tx, TO_REFUND, f"at_provider:{provider_refund}")
    _log.info("looked_at_provider", case_id=str(case.case_id), provider_refund=provider_refund, by=by)


async def fee_in(tx: Tx, invoice: Invoice, payment: Payment, amount: Money) -> Money:
    """Return what of a refund would be taken out of the fee."""
    return domain.of_fee(invoice, payment, amount, was_fee=await store.was_fee(tx, payment.id))


async def payment_of(tx: Tx, case: CaseRow, payment_id: UUID) -> Payment:
    """Return a payment of this very case. Raises ``LookupError``."""
    payment = await store.payment(tx, payment_id)
    if payment is None or payment.case_id != case.case_id:
        raise LookupError("There is no such payment")
    return payment


async def _lapse_proposals(tx: Tx, backs: Sequence[InvoiceBack]) -> None:
    """Set aside what waited for a second person, where the rule now gives money back by itself."""
    given = {one.payment.id for back in backs for one in back.payments if back.fee_back_minor or one.unspent_minor}
    for case_id in {back.invoice.case_id for back in backs}:
        for proposal in await store.proposals_waiting(tx, case_id):
            if proposal.payment_id in given:
                reason = "the case was withdrawn, and money went back by the stage's rule"
                await store.save_ruling(tx, domain.lapse(proposal, tx.now, reason))
                await staff_queue.done(tx, TO_CONFIRM, f"proposal:{proposal.id}")


async def _locked_refund(tx: Tx, refund_id: UUID) -> Refund:
    """Return the refund as it stands once nobody else can change it."""
    if (seen := await store.refund(tx, refund_id)) is None:
        raise LookupError("There is no such refund")
    await store.lock_case(tx, seen.case_id)
    refund = await store.refund(tx, refund_id)
    assert refund is not None
    return refund
