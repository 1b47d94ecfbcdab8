"""The port to the card provider: what billing asks of one and hears from one, whoever it is (R21).

Nothing here runs inside a transaction. Every request carries an idempotency key, so that asking again is harmless.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.billing.domain import CardStatus, DisputeState
from shared.events import Money

_Id = Annotated[str, Field(min_length=1, max_length=200)]
_Minor = Annotated[int, Field(ge=0, lt=10**15)]
_Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]


class GatewayUnavailableError(Exception):
    """The provider can't be reached or fails: the same request may work later."""


class GatewayRefusedError(Exception):
    """The provider understood and refused: the same request will never work. The text is its reason."""


class GatewayUnknownError(GatewayRefusedError):
    """The provider knows nothing by that id."""


class NotFromGatewayError(Exception):
    """A message whose signature, age or form is wrong. It is signed anew at each attempt, so a late one comes right."""


@dataclass(frozen=True, slots=True)
class CheckoutOrder:
    """What the pay page asks for. ``reference`` comes back in each message; nothing personal or clinical is in it."""

    amount: Money
    reference: str
    return_url: str
    locale: str


class HostedCheckout(BaseModel):
    id: str
    url: str
    expires_at: AwareDatetime


class RefundAnswer(BaseModel):
    id: str
    status: Literal["pending", "succeeded", "failed"]
    reason: str | None = None


class CardNotice(BaseModel):
    """An attempt to pay changed its state. ``reference``: our invoice's id."""

    model_config = ConfigDict(frozen=True)
    payment_id: Annotated[str, Field(min_length=1, max_length=100)]
    checkout_id: str
    reference: UUID | None = None
    status: CardStatus
    amount_minor: _Minor
    currency: _Currency

    @property
    def amount(self) -> Money:
        return Money(amount_minor=self.amount_minor, currency=self.currency)


class RefundNotice(BaseModel):
    """A refund reached its end; ``reference`` is our refund's id when it was us who asked.

    Others are made at the provider itself: they are known by the payment whose money went back.
    """

    model_config = ConfigDict(frozen=True)
    refund_id: str
    reference: UUID | None = None
    status: Literal["succeeded", "failed"]
    payment_id: str | None = None
    amount_minor: _Minor | None = None
    currency: _Currency | None = None

    @property
    def amount(self) -> Money | None:
        if self.amount_minor is None or self.currency is None:
            return None
        return Money(amount_minor=self.amount_minor, currency=self.currency)


class DisputeNotice(BaseModel):
    """A card's holder has their bank take a payment back. ``reference``: our invoice's id, where the provider says it."""

    model_config = ConfigDict(frozen=True)
    dispute_id: _Id
    payment_id: _Id
    reference: UUID | None = None
    status: DisputeState
    amount_minor: Annotated[int, Field(gt=0, lt=10**15)]
    currency: _Currency
    reason: Annotated[str, Field(max_length=100)] = "general"
    evidence_due_at: AwareDatetime | None = None

    @property
    def amount(self) -> Money:
        return Money(amount_minor=self.amount_minor, currency=self.currency)


Notice = CardNotice | RefundNotice | DisputeNotice


@dataclass(frozen=True, slots=True)
class Message:
    """A message that is surely the provider's. ``about`` is None for a kind that we don't know, which does nothing."""

    webhook_id: str
    kind: str
    about: Notice | None
    traceparent: str | None = None


class CheckoutStanding(BaseModel):
    """How a visit to the pay page stands. ``open``: somebody may still pay there."""

    open: bool
    attempts: tuple[CardNotice, ...] = ()


class ReportLine(BaseModel):
    """One movement of our balance at the provider: above zero to us, below zero from us.

    ``object_id`` names the payment, refund, dispute or payout that it is about; ``reference`` is ours, where there is one.
    ``bank_text``: what the bank's line of a payout says, beside its name. ``settled_minor`` of ``settled_currency``: what
    the balance moved by, where it is in another currency than what was paid.
    """

    model_config = ConfigDict(frozen=True)
    id: _Id
    kind: Literal[
        "charge",
        "fee",
        "refund",
        "refund_failure",
        "dispute",
        "dispute_reversal",
        "dispute_fee",
        "dispute_fee_reversal",
        "payout",
        "payout_failure",
        "payout_fee",
    ]
    object_id: _Id
    payment_id: str | None = None
    reference: UUID | None = None
    amount_minor: int
    currency: _Currency
    at: AwareDatetime
    bank_text: Annotated[str, Field(max_length=200)] | None = None
    settled_minor: int | None = None
    settled_currency: _Currency | None = None


class Gateway(Protocol):
    """A card provider."""

    async def open_checkout(self, order: CheckoutOrder, key: str) -> HostedCheckout:
        """Return the pay page for an order; the same key gives the same page. Raises ``Gateway…Error``."""

    async def look_up(self, checkout_id: str) -> CheckoutStanding:
        """Return what became of a visit to the pay page, for when no message comes. Raises ``Gateway…Error``."""

    async def refund(self, payment_id: str, amount: Money, reference: UUID) -> RefundAnswer:
        """Send money back once per ``reference``. Raises ``Gateway…Error``."""

    async def look_up_refund(self, refund_id: str) -> RefundAnswer:
        """Return what became of a refund, for when no message comes. Raises ``Gateway…Error``."""

    async def find_refund(self, payment_id: str, reference: UUID) -> RefundAnswer | None:
        """Return the refund of a payment that was asked for under our ``reference``, if any. Raises ``Gateway…Error``."""

    async def accept_dispute(self, dispute_id: str) -> None:
        """Leave the disputed money to the card's holder; again is harmless. Raises ``Gateway…Error``."""

    async def report(self, start: AwareDatetime, end: AwareDatetime) -> list[ReportLine]:
        """Return every movement of our balance from ``start`` until before ``end``. Raises ``Gateway…Error``."""

    def read(self, headers: Mapping[str, str], body: bytes) -> Message:
        """Return a message after checking its signature and age. Raises ``NotFromGatewayError``."""
