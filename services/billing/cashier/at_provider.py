"""Refunds that somebody made at the card provider itself: booked once, in the name of who found out why (R21)."""

from dataclasses import dataclass, replace

from services.billing import domain, store
from services.billing.cashier.books import invoice_of, watch_due, write
from services.billing.cashier.queues import TO_REFUND, ask_about_held, ask_to_pay_back
from services.billing.cashier.refunding import fee_in, pay_out
from services.billing.domain import MoneyRefusedError, Payment, Refund, written
from services.billing.store import CaseRow
from shared import log, staff_queue
from shared.db import Tx
from shared.events import Money
from shared.ids import new_id

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class RefundThere:
    """What the provider says of a refund that we never asked for: its name there, its payment's, and how much."""

    name: str
    payment: str
    amount: Money


async def book_refund_there(tx: Tx, seen: RefundThere, reason: str, by: str) -> Refund:
    """Book a refund that was made at the provider, once, and tell RefundIssued. Raises ``MoneyRefusedError``.

    Where as much is owed back already, because a refund of ours failed, it is that one that has gone.
    """
    known = await store.payment_of_provider(tx, seen.payment)
    if known is None:
        raise MoneyRefusedError("Its payment is not in our books: take that in first, or look at it at the provider")
    case = await store.lock_case(tx, known.case_id)
    payment = await store.payment(tx, known.id)
    assert payment is not None
    if await store.refund_at_provider(tx, seen.name):
        raise MoneyRefusedError("This refund is booked already: look at the case")
    if seen.amount.currency != payment.amount.currency:
        raise MoneyRefusedError("It is in another currency than its payment: have the accountant book it")
    refund = await _owed(tx, case, payment, seen) or await _new(tx, case, payment, seen, reason, by)
    paid = await pay_out(tx, refund.id, seen.name, f"{by}: {reason}", "card")
    await staff_queue.done(tx, TO_REFUND, f"at_provider:{seen.name}")
    _log.info("refund_there_booked", case_id=str(case.case_id))
    return paid


async def _owed(tx: Tx, case: CaseRow, payment: Payment, seen: RefundThere) -> Refund | None:
    """Return the refund of ours that this was: one of just this amount, or so much of a larger one."""
    mine = [one for one in await store.refunds_of_case(tx, case.case_id) if one.payment_id == payment.id]
    if any(one.state == "decided" for one in mine):
        raise MoneyRefusedError("The card provider is sending a refund of this payment: wait for its answer")
    failed = [one for one in mine if one.state == "failed" and one.amount.amount_minor >= seen.amount.amount_minor]
    if not failed:
        return None
    owed = min(failed, key=lambda one: one.amount.amount_minor)
    if owed.amount == seen.amount:
        await store.note_made_at_provider(tx, owed.id, seen.name)
        return owed
    return await _split(tx, owed, seen)


async def _split(tx: Tx, owed: Refund, seen: RefundThere) -> Refund:
    """Make so much of a refund that is owed one of its own. What is owed in all stays, so no entry is needed."""
    left = owed.amount.amount_minor - seen.amount.amount_minor
    part = replace(owed, id=new_id(), amount=seen.amount, of_fee_minor=0, at_provider=seen.name, bounced=False)
    less = replace(owed, amount=Money(amount_minor=left, currency=owed.amount.currency))
    await store.add_refund(tx, part)
    await store.lower_refund(tx, less)
    await ask_to_pay_back(tx, less, "by bank transfer: the rest was sent back at the provider")
    return part


async def _new(tx: Tx, case: CaseRow, payment: Payment, seen: RefundThere, reason: str, by: str) -> Refund:
    """Owe what has gone already; ``pay_out`` says the same moment that it went."""
    if seen.amount.amount_minor > payment.returnable_minor:
        left = written(Money(amount_minor=payment.returnable_minor, currency=payment.amount.currency))
        raise MoneyRefusedError(f"Of this payment {left} is left, and more went back: look at it at the provider")
    invoice = await invoice_of(tx, case, payment.invoice_id)
    fee = (await fee_in(tx, invoice, payment, seen.amount)).amount_minor
    refund = Refund(
        new_id(), case.case_id, payment.id, payment.method, seen.amount, "decision", reason, by, tx.now,
        of_fee_minor=fee, at_provider=seen.name,
    )  # fmt: skip
    outcome = domain.give_back(invoice, payment, refund, gone=True)
    await write(tx, case, outcome, by)
    await store.add_refund(tx, refund)
    await ask_about_held(tx, outcome.payments[0], "Still held")
    await watch_due(tx, case.case_id)
    return refund
