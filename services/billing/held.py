"""Money that we hold for a patient, in plain words: why, what happens next, by when (R21)."""

from dataclasses import dataclass
from datetime import datetime

from services.billing import domain, store
from services.billing.cashier import HELD_WITHIN
from services.billing.domain import Invoice, Oddity, Payment
from shared.db import Tx
from shared.events import Money
from shared.ids import CaseId
from shared.web.i18n import N_

_IF_WANTED = N_(
    "If you still want the work, tell your care advisor: the invoice is opened again and this money counts towards it. "
    "If not, we send it back to where it came from."
)
_BACK = N_("We send all of it back to where it came from. You need not do anything.")
WORDS = {
    Oddity.EXPIRED: (N_("It came after the time to pay had ended."), _IF_WANTED),
    Oddity.PART: (N_("It is part of the price, and the time to pay ended before the rest came."), _IF_WANTED),
    Oddity.WITHDRAWN: (N_("The case was withdrawn, so nothing is to be paid."), _BACK),
    Oddity.TWICE: (N_("The price was paid before: this is a second payment."), _BACK),
    Oddity.CURRENCY: (
        N_("It came in another currency than the invoice."),
        N_("We can’t use it for the invoice, so we send it back. Please pay the price in the invoice’s currency."),
    ),
    Oddity.SURPLUS: (
        N_("It is more than what was still to be paid."),
        N_("We send what is too much back to where it came from. You need not do anything."),
    ),
}


@dataclass(frozen=True, slots=True)
class Held:
    """Money that isn't used for a price; ``by`` is when finance has dealt with it."""

    payment: Payment
    oddity: Oddity
    by: datetime

    @property
    def amount(self) -> Money:
        return Money(amount_minor=self.payment.held_minor, currency=self.payment.amount.currency)

    @property
    def why(self) -> str:
        return WORDS[self.oddity][0]

    @property
    def then(self) -> str:
        return WORDS[self.oddity][1]


async def held_of(tx: Tx, case_id: CaseId) -> list[Held]:
    """Return what is held of a case's payments, the oldest first."""
    case, payments = await store.case(tx, case_id), await store.payments_of_case(tx, case_id)
    invoices = {one.id: one for one in await store.invoices_of_case(tx, case_id)}
    found = []
    for payment in payments:
        invoice = invoices[payment.invoice_id]
        others = [one for one in payments if one.invoice_id == invoice.id]
        if oddity := domain.oddity_of(invoice, payment, others):
            since = _since(oddity, invoice, payment, case.withdrawn_at if case else None)
            found.append(Held(payment, oddity, since + HELD_WITHIN))
    return found


def _since(oddity: Oddity, invoice: Invoice, payment: Payment, withdrawn_at: datetime | None) -> datetime:
    """Return since when finance has it to look at."""
    if oddity is Oddity.PART:
        return max(payment.received_at, invoice.due_at)
    if oddity is Oddity.WITHDRAWN and withdrawn_at:
        return max(payment.received_at, withdrawn_at)
    return payment.received_at
