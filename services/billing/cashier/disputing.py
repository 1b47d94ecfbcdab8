"""Disputed card payments: taken back by the provider, then ours again or lost (R21).

Nothing of it goes on the wire: PaymentReceived stays told, and the work goes on until finance and the care advisor decide
otherwise. Messages may come in any order, the payment's own included. Those about a dispute end the same; only, a payment
that was disputed before we heard of it is never told as received, and what of it is lost is to be paid again.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from services.billing import domain, store
from services.billing.cashier.books import REFUND_ERRAND, REFUND_TIMER, SYSTEM, invoice_of, watch_due, write
from services.billing.cashier.queues import (
    DISPUTES,
    TO_REFUND,
    ask_about_another_currency,
    ask_about_dispute,
    ask_about_held,
    ask_about_lost,
)
from services.billing.cashier.refunding import lower_failed
from services.billing.domain import Dispute, DisputeState, MoneyRefusedError, Outcome, Payment
from services.billing.gateway import DisputeNotice
from services.billing.store import CaseRow
from shared import log, staff_queue
from shared.backbone import errands, timers
from shared.db import Tx
from shared.ids import CaseId, new_id

_log = log.get(__name__)
TIE_ERRAND, ACCEPT_ERRAND = "tie_dispute", "accept_dispute"
_GRACE = timedelta(seconds=15)
_BLOCKS = (DisputeState.OPEN, DisputeState.LOST)


async def hear_dispute(tx: Tx, notice: DisputeNotice) -> None:
    """Do what a message about a dispute means. Its payment may not be known yet: then it waits for it."""
    case = await _case_of(tx, notice)
    known = await store.dispute_of_provider(tx, notice.dispute_id)
    payment = await store.payment_of_provider(tx, notice.payment_id)
    if payment and case is None:
        case = await store.lock_case(tx, payment.case_id)
    dispute = known or Dispute(
        new_id(), notice.dispute_id, notice.payment_id, None, None, notice.amount, notice.reason, notice.status, tx.now,
    )  # fmt: skip
    dispute = replace(dispute, evidence_due_at=notice.evidence_due_at or dispute.evidence_due_at)
    told = domain.hear_dispute(known.state if known else None, notice.status)
    if case is None or payment is None:
        await store.save_dispute(tx, replace(dispute, state=told))
        payload = {"dispute_id": str(dispute.id)}
        await errands.request(tx, TIE_ERRAND, case.case_id if case else CaseId(dispute.id), str(dispute.id), payload)
    else:
        before = known.state if known and known.payment_id else None
        await _apply(tx, case, payment, dispute, before, told)


async def tie_disputes(tx: Tx, case: CaseRow, payment: Payment) -> None:
    """Give a payment that was just counted in the disputes that were heard of before it."""
    for dispute in await store.disputes_waiting_for(tx, payment.provider_id):
        current = await store.payment(tx, payment.id)
        assert current is not None
        await _apply(tx, case, current, dispute, None, dispute.state)


async def tie_dispute(tx: Tx, dispute_id: UUID) -> bool:
    """Return whether a dispute has its payment, after looking for it once more."""
    dispute = await store.dispute(tx, dispute_id)
    if dispute is None or dispute.payment_id:
        return True
    payment = await store.payment_of_provider(tx, dispute.provider_payment)
    if payment is None:
        return False
    await tie_disputes(tx, await store.lock_case(tx, payment.case_id), payment)
    return True


async def accept_dispute(tx: Tx, case: CaseRow, dispute_id: UUID, reason: str, by: str) -> Dispute:
    """Decide not to contest: the provider is told, and its answer makes the dispute lost. Raises ``MoneyRefusedError``."""
    dispute = await _dispute_of(tx, case, dispute_id)
    if dispute.state != DisputeState.OPEN or dispute.accepted_at:
        raise MoneyRefusedError("This dispute is decided already")
    dispute = replace(dispute, accepted_at=tx.now, accepted_by=by, accepted_reason=reason)
    await store.save_dispute(tx, dispute)
    await errands.request(tx, ACCEPT_ERRAND, case.case_id, str(dispute.id), {"provider_id": dispute.provider_id})
    await staff_queue.done(tx, DISPUTES, f"dispute:{dispute.id}")
    return dispute


async def conclude_dispute(tx: Tx, case: CaseRow, dispute_id: UUID, reason: str, by: str) -> Dispute:
    """Write down what a lost dispute means for the case. Raises ``MoneyRefusedError``."""
    dispute = await _dispute_of(tx, case, dispute_id)
    if dispute.state != DisputeState.LOST:
        raise MoneyRefusedError("Only a lost dispute is concluded: wait for the bank's decision")
    dispute = replace(dispute, concluded_at=tx.now, concluded_by=by, concluded_reason=reason)
    await store.save_dispute(tx, dispute)
    await staff_queue.done(tx, DISPUTES, f"dispute:{dispute.id}")
    return dispute


async def _case_of(tx: Tx, notice: DisputeNotice) -> CaseRow | None:
    """Return the case, locked: by the payment, or by the invoice that the provider names."""
    payment = await store.payment_of_provider(tx, notice.payment_id)
    invoice = await store.invoice(tx, notice.reference) if notice.reference else None
    case_id = payment.case_id if payment else invoice.case_id if invoice else None
    return await store.lock_case(tx, case_id) if case_id else None


async def _apply(
    tx: Tx, case: CaseRow, payment: Payment, dispute: Dispute, before: DisputeState | None, after: DisputeState
) -> None:
    """Take the steps from one state to another: a dispute of which we hear the end first was open too."""
    dispute = replace(dispute, payment_id=payment.id, case_id=case.case_id, state=after)
    if before == after:
        await store.save_dispute(tx, dispute)
        return
    dispute = dispute if after == DisputeState.OPEN else replace(dispute, settled_at=tx.now)
    await store.save_dispute(tx, dispute)
    if domain.in_another_currency(payment, dispute):
        payment = await _block(tx, case, payment, before, after)
    else:
        payment = await _move(tx, case, payment, dispute, before)
        if after == DisputeState.LOST:
            await lower_failed(tx, case, payment.id)
    await _tell_finance(tx, case, payment, dispute)
    await watch_due(tx, case.case_id)
    _log.info("dispute_heard", case_id=str(case.case_id), state=after.value)


async def _move(tx: Tx, case: CaseRow, payment: Payment, dispute: Dispute, before: DisputeState | None) -> Payment:
    """Book what a dispute does to the money of its payment."""
    invoice = await invoice_of(tx, case, payment.invoice_id)
    if before is None:
        invoice, payment = await _write(tx, case, domain.open_dispute(invoice, payment, dispute))
    if dispute.state == DisputeState.WON:
        invoice, payment = await _write(tx, case, domain.win_dispute(invoice, payment, dispute))
    elif dispute.state == DisputeState.LOST:
        if before == DisputeState.WON:
            invoice, payment = await _write(tx, case, domain.reopen_dispute(invoice, payment, dispute))
        payment = await _lose(tx, case, payment, dispute)
    return payment


async def _block(tx: Tx, case: CaseRow, payment: Payment, before: DisputeState | None, after: DisputeState) -> Payment:
    """Keep a payment from going back while a dispute of it in another currency is not won: people book what it took."""
    invoice, was, now = await invoice_of(tx, case, payment.invoice_id), before in _BLOCKS, after in _BLOCKS
    if now and not was:
        _, payment = await _write(tx, case, domain.block_whole(invoice, payment))
    elif was and not now:
        _, payment = await _write(tx, case, domain.unblock_whole(invoice, payment))
    return payment


async def _write(tx: Tx, case: CaseRow, outcome: Outcome) -> tuple[domain.Invoice, Payment]:
    return await write(tx, case, outcome, SYSTEM), outcome.payments[0]


async def _lose(tx: Tx, case: CaseRow, payment: Payment, dispute: Dispute) -> Payment:
    invoice = await invoice_of(tx, case, payment.invoice_id)
    mine = [one for one in await store.refunds_of_case(tx, case.case_id) if one.payment_id == payment.id]
    settled = domain.lose_dispute(
        invoice, payment, dispute, [one for one in mine if one.state in ("decided", "failed")]
    )
    for refund in settled.overtaken:
        await store.settle_refund(tx, refund.id, "overtaken", dispute.provider_id)
        await staff_queue.done(tx, TO_REFUND, f"refund:{refund.id}")
    _, left = await _write(tx, case, settled.outcome)
    return left


async def _tell_finance(tx: Tx, case: CaseRow, payment: Payment, dispute: Dispute) -> None:
    """Put what is to be done on finance's queue; money that was only waiting for the bank's word goes on its way."""
    if domain.in_another_currency(payment, dispute) and dispute.state != DisputeState.WON:
        await ask_about_another_currency(tx, dispute, payment)
        return
    if dispute.state == DisputeState.OPEN:
        await ask_about_dispute(tx, dispute)
        return
    await ask_about_held(tx, payment, "Still held")
    if dispute.state == DisputeState.LOST:
        await ask_about_lost(tx, dispute)
    else:
        await staff_queue.done(tx, DISPUTES, f"dispute:{dispute.id}")
    if case.withdrawn_at:
        await timers.set(tx, case.case_id, REFUND_TIMER, tx.now + _GRACE)
    for refund in await store.refunds_of_case(tx, case.case_id):
        if refund.payment_id == payment.id and refund.state == "decided":
            key = f"{refund.id}:{dispute.provider_id}"
            await errands.request(tx, REFUND_ERRAND, case.case_id, key, {"refund_id": str(refund.id)})


async def _dispute_of(tx: Tx, case: CaseRow, dispute_id: UUID) -> Dispute:
    dispute = await store.dispute(tx, dispute_id)
    if dispute is None or dispute.case_id != case.case_id:
        raise LookupError("There is no such dispute")
    return dispute
