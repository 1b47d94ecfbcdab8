"""What finance is asked to look at."""

from datetime import datetime, timedelta

from services.billing.domain import (
    Dispute,
    Payment,
    Refund,
    written,
)
from shared import staff_queue
from shared.db import Tx
from shared.events import Money
from shared.staff_queue import Queue

TO_MATCH = Queue("payments-to-match", "Payments to match", ("finance", "supervisor"))


TO_REFUND = Queue("refunds-to-settle", "Refunds to settle", ("finance", "supervisor"))


DISPUTES = Queue("card-disputes", "Disputed card payments", ("finance", "supervisor"))


async def ask_about_held(tx: Tx, payment: Payment, why: str) -> None:
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


async def ask_to_pay_back(tx: Tx, refund: Refund, how: str) -> None:
    await staff_queue.put(
        tx, TO_REFUND, refund.case_id, f"refund:{refund.id}", f"Pay back {written(refund.amount)} {how}",
        due=tx.now + timedelta(days=3), data={"href": f"/desk/billing/cases/{refund.case_id}#refund-{refund.id}"},
    )  # fmt: skip


async def ask_about_dispute(tx: Tx, dispute: Dispute) -> None:
    await _about_dispute(tx, dispute, f"Answer the dispute of {written(dispute.amount)}", dispute.evidence_due_at)


async def ask_about_lost(tx: Tx, dispute: Dispute) -> None:
    title = f"The dispute of {written(dispute.amount)} is lost: agree with the care advisor how the case goes on"
    await _about_dispute(tx, dispute, title, None)


async def _about_dispute(tx: Tx, dispute: Dispute, title: str, due: datetime | None) -> None:
    assert dispute.case_id is not None
    await staff_queue.put(
        tx, DISPUTES, dispute.case_id, f"dispute:{dispute.id}", title, due=due or tx.now + timedelta(days=3),
        data={"href": f"/desk/billing/cases/{dispute.case_id}#dispute-{dispute.id}"},
    )  # fmt: skip
