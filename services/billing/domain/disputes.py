"""Disputed card payments: a bank takes money back, then decides to whom it belongs (R21).

While it is open the money counts as paid, and can't go back by a refund as well. A lost dispute is money that went back:
of a refund not sent yet first, then of what is held, then of the price.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.billing.domain.invoices import Invoice, Outcome, Payment
from services.billing.domain.ledger import Account, Entry, entry
from services.billing.domain.refunds import Refund
from shared.events import Money
from shared.ids import CaseId


class DisputeState(StrEnum):
    OPEN = "open"
    WON = "won"
    LOST = "lost"


@dataclass(frozen=True, slots=True)
class Dispute:
    """What the provider said of one dispute, and what finance decided about it.

    ``payment_id`` and ``case_id`` are None until its payment is known. ``accepted``: finance doesn't contest it.
    ``concluded``: finance wrote down what a lost one means for the case.
    """

    id: UUID
    provider_id: str
    provider_payment: str
    payment_id: UUID | None
    case_id: CaseId | None
    amount: Money
    reason: str
    state: DisputeState
    opened_at: datetime
    evidence_due_at: datetime | None = None
    settled_at: datetime | None = None
    accepted_by: str | None = None
    accepted_reason: str | None = None
    accepted_at: datetime | None = None
    concluded_by: str | None = None
    concluded_reason: str | None = None
    concluded_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What a dispute's step leaves behind; ``overtaken`` are refunds that need not be sent any more."""

    outcome: Outcome
    overtaken: tuple[Refund, ...] = ()


def hear_dispute(known: DisputeState | None, told: DisputeState) -> DisputeState:
    """Return what is true after one more message: a later state stays, and lost is the last word."""
    order = list(DisputeState)
    return told if known is None or order.index(told) > order.index(known) else known


def open_dispute(invoice: Invoice, payment: Payment, dispute: Dispute) -> Outcome:
    """The provider took the money back; whose it is, the bank decides."""
    return Outcome(invoice, (_blocked(payment, dispute.amount.amount_minor),), _taken(dispute, "disputed"))


def win_dispute(invoice: Invoice, payment: Payment, dispute: Dispute) -> Outcome:
    """The bank decided for us: the money is back."""
    amount = dispute.amount.amount_minor
    amounts = {Account.CARD_CLEARING: amount, Account.DISPUTED: -amount}
    entries = entry("dispute_won", f"dispute:{dispute.provider_id}:won", dispute.amount.currency, amounts)
    return Outcome(invoice, (_blocked(payment, -amount),), entries)


def reopen_dispute(invoice: Invoice, payment: Payment, dispute: Dispute) -> Outcome:
    """A dispute that was won is lost in the end: the provider took the money a second time."""
    return Outcome(invoice, (_blocked(payment, dispute.amount.amount_minor),), _taken(dispute, "disputed_again"))


def in_another_currency(payment: Payment, dispute: Dispute) -> bool:
    """Whether nobody can tell how much of the payment a dispute takes: then it blocks all of it, and moves nothing."""
    return payment.amount.currency != dispute.amount.currency


def block_whole(invoice: Invoice, payment: Payment) -> Outcome:
    """A dispute in another currency is open: no refund of the payment until it is won."""
    return Outcome(invoice, (_blocked(payment, payment.amount.amount_minor),))


def unblock_whole(invoice: Invoice, payment: Payment) -> Outcome:
    """Take ``block_whole`` back."""
    return Outcome(invoice, (_blocked(payment, -payment.amount.amount_minor),))


def lose_dispute(invoice: Invoice, payment: Payment, dispute: Dispute, unsent: Sequence[Refund]) -> Settled:
    """The bank gave the money to the card's holder. ``unsent``: refunds of this payment that nobody sent yet.

    Fees not yet earned shrink; of earned ones, and of what was refunded before, a loss is left. The price of which part
    is missing is to be paid again.
    """
    left, overtaken = dispute.amount.amount_minor, []
    for refund in unsent:
        if refund.amount.amount_minor <= left:
            left -= refund.amount.amount_minor
            overtaken.append(replace(refund, state="overtaken"))
    payable = dispute.amount.amount_minor - left
    payment = _blocked(payment, -dispute.amount.amount_minor)
    from_held = min(left, payment.held_minor)
    from_price = min(left - from_held, payment.applied_minor)
    amounts = {
        Account.REFUNDS_PAYABLE: payable,
        Account.OVERPAYMENTS: from_held,
        Account.DISPUTE_LOSSES: left - from_held - from_price,
        Account.DISPUTED: -dispute.amount.amount_minor,
    }
    price_account = _of_price(invoice)
    amounts[price_account] = amounts.get(price_account, 0) + from_price
    lost = replace(
        payment,
        applied_minor=payment.applied_minor - from_price,
        held_minor=payment.held_minor - from_held,
        lost_minor=payment.lost_minor + from_price + from_held,
    )
    entries = entry("dispute_lost", f"dispute:{dispute.provider_id}:lost", dispute.amount.currency, amounts)
    return Settled(Outcome(_without(invoice, from_price), (lost,), entries), tuple(overtaken))


def fee(line_id: str, amount_minor: int, currency: str) -> list[Entry]:
    """What the provider kept for itself (below zero: gave back), as its report says."""
    amounts = {Account.PROVIDER_FEES: amount_minor, Account.CARD_CLEARING: -amount_minor}
    return entry("provider_fee", f"provider:{line_id}", currency, amounts)


def settled_in_another(line_id: str, moved: tuple[int, str], settled: tuple[int, str]) -> list[Entry]:
    """The provider changed what moved into the currency of our balance: the rest of both stands under exchange."""
    away = {Account.EXCHANGE: moved[0], Account.CARD_CLEARING: -moved[0]}
    into = {Account.CARD_CLEARING: settled[0], Account.EXCHANGE: -settled[0]}
    return [
        *entry("provider_exchanged", f"provider:{line_id}:out", moved[1], away),
        *entry("provider_exchanged", f"provider:{line_id}:in", settled[1], into),
    ]


def _taken(dispute: Dispute, kind: str) -> list[Entry]:
    amount = dispute.amount.amount_minor
    amounts = {Account.DISPUTED: amount, Account.CARD_CLEARING: -amount}
    return entry(kind, f"dispute:{dispute.provider_id}:{kind}", dispute.amount.currency, amounts)


def _blocked(payment: Payment, change: int) -> Payment:
    return replace(payment, disputed_minor=max(0, payment.disputed_minor + change))


def _whole(invoice: Invoice) -> bool:
    """Whether the whole price was in, and told to be."""
    return invoice.settled and (invoice.received_at is not None or invoice.earned_at is not None)


def _of_price(invoice: Invoice) -> Account:
    if not _whole(invoice):
        return Account.RECEIVABLE
    return Account.DISPUTE_LOSSES if invoice.earned_at else Account.DEFERRED


def _without(invoice: Invoice, from_price: int) -> Invoice:
    """A whole price is not asked for again; one of which a part was missing anyhow is."""
    if _whole(invoice):
        return replace(invoice, returned_minor=invoice.returned_minor + from_price)
    return replace(invoice, paid_minor=invoice.paid_minor - from_price)
