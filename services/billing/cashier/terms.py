"""What an invoice's own programme version says of refunds (R18, R21)."""

from services.billing.domain import Invoice, RefundStage, RefundTerms
from shared import programme
from shared.events import Money


def terms_of(invoice: Invoice) -> RefundTerms:
    """Return the terms under which the invoice was agreed: a later version of the programme changes nothing for it."""
    rules = programme.load(invoice.programme)
    said = rules.refunds
    limit = said.two_people_above_minor
    return RefundTerms(
        {
            RefundStage.BEFORE_ACCEPTANCE: said.before_acceptance,
            RefundStage.IN_REVIEW: said.in_review,
            RefundStage.DELIVERED: said.delivered,
        },
        None if limit is None else Money(amount_minor=limit, currency=rules.currency),
    )
