"""What billing tells: money in, money back."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from shared import topics
from shared.events.fact import Fact, Money, Revision


class PaymentReceived(Fact):
    """Exactly the quoted amount is in: the partner may start (R20, R21)."""

    topic = topics.BILLING
    quote_id: UUID
    revision: Revision
    price: Money
    method: Literal["card", "wire"]
    received_at: AwareDatetime


class RefundIssued(Fact):
    """Money went back to the payer (R21)."""

    topic = topics.BILLING
    refund_id: UUID
    price: Money
    issued_at: AwareDatetime


FACTS: tuple[type[Fact], ...] = (
    PaymentReceived,
    RefundIssued,
)
