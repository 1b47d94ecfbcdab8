"""What finance is asked to look at."""

from datetime import datetime, timedelta

from services.billing import store
from services.billing.domain import (
    Dispute,
    DisputeState,
    Invoice,
    Oddity,
    Payment,
    Refund,
    oddity_of,
    twice_by,
    written,
)
from services.billing.gateway import RefundNotice
from services.billing.store import LineRow
from services.billing.store.matters import Matter
from shared import staff_queue
from shared.backbone.timers import NOBODY
from shared.db import Tx
from shared.events import Money
from shared.ids import CaseId
from shared.staff_queue import Queue

TO_MATCH = Queue("payments-to-match", "Payments to match", ("finance", "supervisor"))
TO_REFUND = Queue("refunds-to-settle", "Refunds to settle", ("finance", "supervisor"))
TO_CONFIRM = Queue("refunds-to-confirm", "Refunds to confirm", ("finance", "supervisor"))
DISPUTES = Queue("card-disputes", "Disputed card payments", ("finance", "supervisor"))
PROVIDER = Queue("provider-differences", "Differences with the card provider", ("finance", "supervisor"))
UNPAID = Queue("unpaid-supplements", "Supplements not paid", ("care_advisor", "supervisor"))

DIFFERENCES = {
    "missing_here": "Missing here",
    "missing_there": "Missing there",
    "amount_differs": "Amount differs",
    "currency_differs": "Currency differs",
    "state_differs": "State differs",
    "twice": "Twice",
}
"""What a difference with the card provider is called."""
_SILENCE = "report"
HELD_WITHIN = timedelta(days=3)
"""By when finance has dealt with money that is held."""


async def why_held(tx: Tx, invoice: Invoice, payment: Payment) -> str:
    """Return, in finance's words, why money of this payment is held; empty when none is."""
    others = await store.payments_of_invoice(tx, invoice.id)
    oddity = oddity_of(invoice, payment, others)
    return f"{oddity} {twice_by(payment, others)}" if oddity is Oddity.TWICE else oddity or ""


async def ask_about_debit(tx: Tx, row: LineRow) -> None:
    """Ask what money was that left the account."""
    await staff_queue.put(
        tx, TO_MATCH, CaseId(row.id), f"line:{row.id}", f"{written(row.amount)} left the account: say what it was",
        due=tx.now + timedelta(days=1), data={"href": f"/desk/billing/lines/{row.id}"},
    )  # fmt: skip


async def ask_about_unpaid(tx: Tx, invoice: Invoice) -> None:
    """Tell the care advisors that services which were added will not be worked on: their time to pay is over (R17)."""
    price = written(invoice.price)
    await staff_queue.put(
        tx, UNPAID, invoice.case_id, f"unpaid:{invoice.id}", f"Added services were not paid in time ({price}): ask the patient",
        due=tx.now + timedelta(days=2),
        data={"href": f"/desk/billing/cases/{invoice.case_id}/invoices/{invoice.id}/unpaid"},
    )  # fmt: skip


async def ask_about_held(tx: Tx, payment: Payment, why: str) -> None:
    """Put held money on finance's queue, and take it off when none is held any more."""
    key = f"held:{payment.id}"
    if not payment.held_minor:
        await staff_queue.done(tx, TO_MATCH, key)
        return
    held = written(Money(amount_minor=payment.held_minor, currency=payment.amount.currency))
    await staff_queue.put(
        tx, TO_MATCH, payment.case_id, key, f"{why}: {held} to send back or apply", due=tx.now + HELD_WITHIN,
        data={"href": f"/desk/billing/cases/{payment.case_id}#payment-{payment.id}"},
    )  # fmt: skip


async def ask_to_pay_back(tx: Tx, refund: Refund, how: str) -> None:
    await staff_queue.put(
        tx, TO_REFUND, refund.case_id, f"refund:{refund.id}", f"Pay back {written(refund.amount)} {how}",
        due=tx.now + timedelta(days=3), data={"href": f"/desk/billing/cases/{refund.case_id}#refund-{refund.id}"},
    )  # fmt: skip


async def ask_about_foreign(tx: Tx, payment: Payment, notice: RefundNotice) -> None:
    """Have finance look before anything goes back twice: somebody refunded a payment at the provider itself."""
    amount = written(notice.amount or payment.amount)
    went = notice.amount if notice.status == "succeeded" else None
    title = f"{amount} was sent back at the provider, not by us: look at the case before paying anything back"
    if notice.status == "failed":
        title = f"{amount}, sent back at the provider and not by us, came back to it: look at the case"
    await staff_queue.put(
        tx, TO_REFUND, payment.case_id, f"at_provider:{notice.refund_id}", title, due=tx.now + timedelta(days=3),
        data={"href": f"/desk/billing/cases/{payment.case_id}#payment-{payment.id}", "payment": notice.payment_id,
              "amount": went.model_dump() if went else None},
    )  # fmt: skip


async def ask_about_difference(tx: Tx, matter: Matter) -> None:
    """Put a difference with the card provider on finance's queue, until it is settled or gone."""
    one = matter.difference
    await staff_queue.put(
        tx, PROVIDER, one.case_id or CaseId(matter.id), f"matter:{matter.id}",
        f"{DIFFERENCES[one.kind]}: {one.movement.replace('_', ' ')} {one.object_id}", due=matter.found_at + HELD_WITHIN,
        data={"href": f"/desk/billing/provider/differences/{matter.id}"},
    )  # fmt: skip


async def ask_about_silence(tx: Tx) -> None:
    """Have finance know that the card provider's report can't be had; it is tried again by itself."""
    if not await staff_queue.waits(tx, PROVIDER, _SILENCE):
        await staff_queue.put(
            tx, PROVIDER, NOBODY, _SILENCE, "The card provider's report can't be had: it is tried again by itself",
            due=tx.now + timedelta(days=1), data={"href": "/desk/billing/provider"},
        )  # fmt: skip


async def hear_from_provider_again(tx: Tx) -> None:
    """Take off finance's queue that the report couldn't be had."""
    await staff_queue.done(tx, PROVIDER, _SILENCE)


async def ask_about_dispute(tx: Tx, dispute: Dispute) -> None:
    await _about_dispute(tx, dispute, f"Answer the dispute of {written(dispute.amount)}", dispute.evidence_due_at)


async def ask_about_lost(tx: Tx, dispute: Dispute) -> None:
    title = f"The dispute of {written(dispute.amount)} is lost: agree with the care advisor how the case goes on"
    await _about_dispute(tx, dispute, title, None)


async def ask_about_another_currency(tx: Tx, dispute: Dispute, payment: Payment) -> None:
    """A dispute that no entry can be made of by itself: finance asks the provider, and has it booked."""
    of, paid = written(dispute.amount), written(payment.amount)
    title = f"A dispute of {of} over a payment of {paid}: answer it, and ask the provider how much it took"
    if dispute.state is DisputeState.LOST:
        title = (
            f"A dispute of {of} over a payment of {paid} is lost: have the loss booked, and agree how the case goes on"
        )
    await _about_dispute(tx, dispute, title, dispute.evidence_due_at)


async def _about_dispute(tx: Tx, dispute: Dispute, title: str, due: datetime | None) -> None:
    assert dispute.case_id is not None
    await staff_queue.put(
        tx, DISPUTES, dispute.case_id, f"dispute:{dispute.id}", title, due=due or tx.now + timedelta(days=3),
        data={"href": f"/desk/billing/cases/{dispute.case_id}#dispute-{dispute.id}"},
    )  # fmt: skip
