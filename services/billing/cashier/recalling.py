"""Wires that the bank took back: undone where that is still possible, else owed again, and borne when nobody pays (R21).

A recall ends the match, and the patient reads of it. Once the fee is earned, or money went back, the entries that stand
are right: what the wire had paid is to be paid again, and finance ask for it or bear the loss, with a reason.
"""

from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from services.billing import domain, store
from services.billing.cashier.books import invoice_of, watch_due, write
from services.billing.cashier.queues import TO_CONFIRM, TO_MATCH, TO_REFUND
from services.billing.cashier.wires import say_open_again, unmatch
from services.billing.domain import Invoice, Outcome, Payment, Refund, written
from services.billing.store import CaseRow, Correction, MatchRow, WireReceipt
from shared import log, programme, staff_queue
from shared.db import Tx
from shared.events import Money
from shared.ids import new_id

_log = log.get(__name__)


async def recall(tx: Tx, receipt: WireReceipt, by: str, reason: str) -> None:
    """Do to a locked wire's matches what it means that the bank took the money back."""
    matches = [one for one in await store.matches_of_receipt(tx, receipt.id) if one.undone_at is None]
    invoices = [await store.invoice(tx, one.invoice_id) for one in matches]
    for case_id in sorted({one.case_id for one in invoices if one}):
        await store.lock_case(tx, case_id)
    for match in matches:
        payment = await store.payment(tx, match.payment_id)
        assert payment is not None
        case = await store.lock_case(tx, payment.case_id)
        invoice = await invoice_of(tx, case, payment.invoice_id)
        if await _can_be_undone(tx, invoice, payment):
            await unmatch(tx, match, by, f"The bank took it back: {reason}")
        else:
            await _lose(tx, case, match, payment, by, reason)
        await store.note_recalled(tx, match.payment_id, by, f"The bank took it back: {reason}")


async def bear_loss(tx: Tx, case: CaseRow, invoice_id: UUID, reason: str, by: str) -> Invoice:
    """Ask no more for what a bank took back of an earned fee, and write down why. Raises ``MoneyRefusedError``."""
    invoice = await invoice_of(tx, case, invoice_id)
    borne = await write(tx, case, domain.bear_loss(invoice), by)
    await store.add_correction(tx, Correction(new_id(), case.case_id, invoice.id, "loss_borne", reason, by, tx.now))
    await staff_queue.done(tx, TO_MATCH, f"open-again:{invoice.id}")
    _log.info("loss_borne", case_id=str(case.case_id))
    return borne


async def _can_be_undone(tx: Tx, invoice: Invoice, payment: Payment) -> bool:
    went_back = payment.returned_minor or (payment.applied_minor and invoice.returned_minor)
    return not (invoice.earned_at or went_back or await store.has_refunds(tx, payment.id))


async def _lose(tx: Tx, case: CaseRow, match: MatchRow, payment: Payment, by: str, reason: str) -> None:
    unsent = [
        one
        for one in await store.refunds_of_case(tx, case.case_id)
        if one.payment_id == payment.id and one.state in ("decided", "failed")
    ]
    await _drop(tx, case, payment, unsent, reason)
    outcome = domain.recall(await invoice_of(tx, case, payment.invoice_id), payment, unsent)
    if payment.amount.currency != match.amount.currency:
        entries = domain.unexchanged(payment.id, match.amount, payment.amount)
        await store.post(tx, case.case_id, entries, by)
    await staff_queue.done(tx, TO_MATCH, f"held:{payment.id}")
    owed = await write(tx, case, _with_time_to_pay(tx, outcome), by)
    await watch_due(tx, case.case_id)
    if owed.due_minor:
        due = written(Money(amount_minor=owed.due_minor, currency=owed.price.currency))
        told = f"The bank took {written(payment.amount)} back: {due} is owed again. Ask for it, or bear the loss"
        await say_open_again(tx, owed, told)
    _log.info("wire_recalled", case_id=str(case.case_id), owed=owed.due_minor > 0)


async def _drop(tx: Tx, case: CaseRow, payment: Payment, unsent: list[Refund], reason: str) -> None:
    """Owe nobody any more what was decided, or proposed, to go back of money that is gone."""
    for refund in unsent:
        await store.settle_refund(tx, refund.id, "overtaken", None)
        await staff_queue.done(tx, TO_REFUND, f"refund:{refund.id}")
    for proposal in await store.proposals_waiting(tx, case.case_id):
        if proposal.payment_id == payment.id:
            await store.save_ruling(tx, domain.lapse(proposal, tx.now, f"the bank took the wire back: {reason}"))
            await staff_queue.done(tx, TO_CONFIRM, f"proposal:{proposal.id}")


def _with_time_to_pay(tx: Tx, outcome: Outcome) -> Outcome:
    """Give the payer as long again as a quote is good."""
    if not outcome.invoice.due_minor:
        return outcome
    again: timedelta = programme.load(outcome.invoice.programme).clocks.quote_valid
    return replace(outcome, invoice=replace(outcome.invoice, due_at=tx.now + again))
