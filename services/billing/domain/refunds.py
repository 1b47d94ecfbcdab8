"""Money that goes back: by the stage of the case (``stages``), or as finance decides (``proposals``) (R21)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.billing.domain.invoices import Invoice, Method, Outcome, Payment
from services.billing.domain.ledger import Account, Entry, Posting, entry
from services.billing.domain.money import MoneyRefusedError, written
from shared.events import Money
from shared.ids import CaseId

RefundState = Literal["decided", "issued", "failed", "overtaken"]


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back to where it came from.

    ``state``: decided, issued, failed (the provider refused), or overtaken (a lost dispute took the money first).
    ``of_fee_minor`` is what was taken out of the fee for it; the rest was held, and owed back anyway.
    ``bounced``: the provider had sent it, and the card's bank gave it back; the provider never sends it again.
    ``at_provider``: the provider's name of one that somebody made there, without us.
    """

    id: UUID
    case_id: CaseId
    payment_id: UUID
    method: Method
    amount: Money
    why: Literal["withdrawn", "decision"]
    reason: str
    decided_by: str
    decided_at: datetime
    state: RefundState = "decided"
    of_fee_minor: int = 0
    bounced: bool = False
    at_provider: str | None = None


def give_back(invoice: Invoice, payment: Payment, refund: Refund, *, gone: bool = False) -> Outcome:
    """Owe a part of a payment back: what is held first, then what was applied. Raises ``MoneyRefusedError``.

    ``gone``: it has left already, so what of it was part of an unpaid price is to be paid again.
    """
    amount = refund.amount.amount_minor
    if refund.amount.currency != payment.amount.currency or amount <= 0 or amount > payment.returnable_minor:
        left = Money(amount_minor=payment.returnable_minor, currency=payment.amount.currency)
        raise MoneyRefusedError(f"At most {written(left)} of this payment can go back")
    from_held = min(amount, payment.held_minor)
    from_price = amount - from_held
    if from_price and not invoice.settled and not gone:
        raise MoneyRefusedError("Part of the price is still missing: cancel the invoice before sending its money back")
    if invoice.settled:
        price = Account.REVENUE if invoice.earned_at else Account.DEFERRED
        after = replace(invoice, returned_minor=invoice.returned_minor + from_price)
    else:
        price, after = Account.RECEIVABLE, replace(invoice, paid_minor=invoice.paid_minor - from_price)
    amounts = {Account.OVERPAYMENTS: from_held, price: from_price, Account.REFUNDS_PAYABLE: -amount}
    return Outcome(
        after,
        (
            replace(
                payment,
                applied_minor=payment.applied_minor - from_price,
                held_minor=payment.held_minor - from_held,
                returned_minor=payment.returned_minor + amount,
            ),
        ),
        entry("refund_decided", f"refund:{refund.id}", refund.amount.currency, amounts),
    )


def pay_out(refund: Refund, method: Method) -> tuple[Refund, list[Entry]]:
    """The money left, by the card provider or from the bank. Nothing happens a second time.

    When a lost dispute had taken the same money already, what leaves now is a loss. Of one that bounced the provider can
    only repeat old news, unless a person sent it there once more.
    """
    old_news = refund.bounced and method == "card" and refund.at_provider is None
    if refund.state == "issued" or old_news:
        return refund, []
    source = Account.CARD_CLEARING if method == "card" else Account.BANK
    owed = Account.DISPUTE_LOSSES if refund.state == "overtaken" else Account.REFUNDS_PAYABLE
    amounts = {owed: refund.amount.amount_minor, source: -refund.amount.amount_minor}
    cause = "issued_again" if refund.bounced else "issued"
    entries = entry("refund_issued", f"{cause}:{refund.id}", refund.amount.currency, amounts)
    return replace(refund, state="issued"), entries


def bounce(refund: Refund, issued: Sequence[Posting]) -> tuple[Refund, list[Entry]]:
    """The card's bank gave the money of a refund back, which is owed again. ``issued``: by which entry it had left.

    Nothing happens a second time, nor to what left by another road than the card.
    """
    amounts = {one.account: -one.amount_minor for one in issued}
    if refund.state != "issued" or refund.bounced or Account.CARD_CLEARING not in amounts:
        return refund, []
    state: RefundState = "overtaken" if Account.DISPUTE_LOSSES in amounts else "failed"
    entries = entry("refund_bounced", f"refund_bounced:{refund.id}", refund.amount.currency, amounts)
    return replace(refund, state=state, bounced=True), entries


def lower(invoice: Invoice, payment: Payment, refund: Refund, gone_minor: int) -> tuple[Refund, Outcome]:
    """Owe less back where the payment's money has gone otherwise: ``gone_minor`` by lost disputes and other refunds.

    What a lost dispute took of it is no loss then. A refund of which nothing is left is overtaken.
    """
    over = min(refund.amount.amount_minor, gone_minor + refund.amount.amount_minor - payment.amount.amount_minor)
    if over <= 0:
        return refund, Outcome(invoice, (payment,))
    left = refund.amount.amount_minor - over
    amounts = {Account.REFUNDS_PAYABLE: over, Account.DISPUTE_LOSSES: -over}
    entries = entry("refund_lowered", f"refund_lowered:{refund.id}:{left}", refund.amount.currency, amounts)
    if not left:
        return replace(refund, state="overtaken"), Outcome(invoice, (payment,), entries)
    less = replace(payment, returned_minor=payment.returned_minor - over, lost_minor=payment.lost_minor + over)
    amount = Money(amount_minor=left, currency=refund.amount.currency)
    return replace(refund, amount=amount), Outcome(invoice, (less,), entries)
