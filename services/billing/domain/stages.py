"""What goes back when a case is withdrawn: computed before it is, and decided by the same rule after it (R21)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from services.billing.domain.invoices import Invoice, Payment
from shared.events import Money


class RefundStage(StrEnum):
    """How far the work on a case had come: the review starts when a specialist accepts."""

    BEFORE_ACCEPTANCE = "before_acceptance"
    IN_REVIEW = "in_review"
    DELIVERED = "delivered"


@dataclass(frozen=True, slots=True)
class RefundTerms:
    """What a programme's version says of refunds: ``percent`` of the fee by stage, and what one person may decide.

    ``alone_up_to``: up to so much a member of staff decides otherwise alone; None: however much it is.
    """

    percent: Mapping[RefundStage, int]
    alone_up_to: Money | None = None


@dataclass(frozen=True, slots=True)
class PaymentBack:
    """What of one payment goes back: ``unspent_minor`` bought no work, ``fee_minor`` is the stage's part of the fee."""

    payment: Payment
    unspent_minor: int
    fee_minor: int

    @property
    def amount(self) -> Money:
        return Money(amount_minor=self.unspent_minor + self.fee_minor, currency=self.payment.amount.currency)


@dataclass(frozen=True, slots=True)
class InvoiceBack:
    """What of one invoice's money goes back, and by which rule: its programme's per cent at the stage of the case.

    ``entitled_minor`` is what the stage gives of the fee, less what went back before; so much of it as a bank still has
    to decide on (a dispute) doesn't go back yet.
    """

    invoice: Invoice
    stage: RefundStage
    percent: int
    entitled_minor: int
    payments: tuple[PaymentBack, ...]

    @property
    def fee_back_minor(self) -> int:
        """What of the fee goes back by the stage's rule."""
        return sum(one.fee_minor for one in self.payments)

    @property
    def unspent_minor(self) -> int:
        """What goes back whatever the stage, in the invoice's currency: no work was ever begun for it."""
        currency = self.invoice.price.currency
        return sum(one.unspent_minor for one in self.payments if one.payment.amount.currency == currency)

    @property
    def kept_minor(self) -> int:
        """What of the fee does not go back by itself."""
        return self.invoice.paid_minor - self.invoice.returned_minor - self.entitled_minor if self.is_fee else 0

    @property
    def is_fee(self) -> bool:
        """Whether the whole price is in, so that the work it pays for could begin (R20)."""
        return self.invoice.settled and self.invoice.price.amount_minor > 0


def stage_at(accepted_at: datetime | None, delivered_at: datetime | None, at: datetime) -> RefundStage:
    """Return how far the work had come at an instant; what happened at that very instant had happened."""
    if delivered_at is not None and delivered_at <= at:
        return RefundStage.DELIVERED
    if accepted_at is not None and accepted_at <= at:
        return RefundStage.IN_REVIEW
    return RefundStage.BEFORE_ACCEPTANCE


def back_at(stage: RefundStage, percent: int, invoice: Invoice, payments: Sequence[Payment]) -> InvoiceBack:
    """Return what goes back of an invoice's payments when the case is withdrawn at this stage (R21).

    Of a fee that is wholly in, ``percent``, rounded in the payer's favour, less what went back before. Of all else,
    everything: part of a price, a surplus, late money and another currency bought no work. Nothing that is disputed.
    """
    entitled = (
        max(0, -(-invoice.price.amount_minor * percent // 100) - invoice.returned_minor) if invoice.settled else 0
    )
    left, found = entitled, list[PaymentBack]()
    for payment in payments:
        unspent = payment.free_minor if invoice.settled else payment.returnable_minor
        fee = min(left, payment.applied_minor, payment.returnable_minor - unspent)
        left -= fee
        found.append(PaymentBack(payment, unspent, fee))
    return InvoiceBack(invoice, stage, percent, entitled, tuple(found))


def totals(backs: Sequence[InvoiceBack]) -> list[Money]:
    """Return what goes back in all, an amount for each currency, none of them nothing."""
    sums: dict[str, int] = {}
    for one in (payment for back in backs for payment in back.payments):
        sums[one.amount.currency] = sums.get(one.amount.currency, 0) + one.amount.amount_minor
    return [Money(amount_minor=minor, currency=currency) for currency, minor in sorted(sums.items()) if minor]
