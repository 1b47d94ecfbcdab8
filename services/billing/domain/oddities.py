"""Money that is held: why, in finance's words, and what is to be done about it (R21)."""

from collections.abc import Sequence
from enum import StrEnum

from services.billing.domain.invoices import Invoice, Payment


class Oddity(StrEnum):
    """Why a payment, or part of it, is held."""

    EXPIRED = "Came after the time to pay"
    WITHDRAWN = "Came after the case was withdrawn"
    PART = "Part of the price came, then the time to pay ended"
    CURRENCY = "In another currency than the invoice"
    TWICE = "Paid twice"
    SURPLUS = "More than the price"

    @property
    def to_do(self) -> str:
        """What finance does about it."""
        return _TO_DO[self]


_AGAIN = (
    "Does the patient still want the work? Open the invoice again, and the money is applied to it. "
    "If not, send it back."
)
_TO_DO = {
    Oddity.EXPIRED: _AGAIN,
    Oddity.WITHDRAWN: "Nothing more is done on this case: send all of it back to where it came from.",
    Oddity.PART: _AGAIN,
    Oddity.CURRENCY: "It can't be applied to this invoice. Send it back, and ask for the price in the invoice's currency.",
    Oddity.TWICE: "Everything was paid before this came: send all of it back to where it came from.",
    Oddity.SURPLUS: "Send the surplus back to where it came from. The price itself is paid.",
}


def oddity_of(invoice: Invoice, payment: Payment, others: Sequence[Payment] = ()) -> Oddity | None:
    """Return why money of this payment is held; None when none is. ``others`` are the invoice's other payments."""
    if not payment.held_minor:
        return None
    if payment.amount.currency != invoice.price.currency:
        return Oddity.CURRENCY
    if invoice.cancelled == "withdrawn":
        return Oddity.WITHDRAWN
    if invoice.cancelled == "expired":
        return Oddity.PART if payment.received_at < invoice.due_at else Oddity.EXPIRED
    earlier = any(one.id != payment.id and one.applied_minor for one in others)
    whole = payment.amount.amount_minor == payment.held_minor == invoice.price.amount_minor
    return Oddity.TWICE if earlier and whole else Oddity.SURPLUS


def twice_by(payment: Payment, others: Sequence[Payment]) -> str:
    """Return by which two roads the price came in, such as ``by wire and by card``."""
    first = next((one.method for one in others if one.id != payment.id and one.applied_minor), payment.method)
    return f"by {first} and by {payment.method}" if first != payment.method else f"by {first} both times"
