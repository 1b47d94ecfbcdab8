"""Refunds otherwise than by the rule: one person up to the programme's limit, two above it (R21)."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.billing.domain.invoices import Invoice, Payment
from services.billing.domain.money import MoneyRefusedError
from shared.events import Money
from shared.ids import CaseId


@dataclass(frozen=True, slots=True)
class Person:
    """Who decides: ``subject`` tells two people of one name apart."""

    subject: str
    name: str


class ProposalState(StrEnum):
    WAITING = "waiting"
    CONFIRMED = "confirmed"
    REJECTED = "rejected"
    LAPSED = "lapsed"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A refund that waits for a second person: until they confirm, nothing moves. Its id becomes the refund's.

    ``of_fee_minor`` is what would be taken out of the fee; the rest is held and owed back anyway.
    """

    id: UUID
    case_id: CaseId
    payment_id: UUID
    amount: Money
    of_fee_minor: int
    reason: str
    proposed_by: Person
    proposed_at: datetime
    state: ProposalState = ProposalState.WAITING
    ruled_by: Person | None = None
    ruled_at: datetime | None = None
    ruling: str | None = None


def of_fee(invoice: Invoice, payment: Payment, amount: Money, *, was_fee: bool = False) -> Money:
    """Return what of ``amount`` would be taken out of the fee: what is held, and owed back anyway, goes first.

    Held money is fee all the same when work began in its hope: of an invoice that was told to be paid and isn't any
    more, or of a wire that was taken back from such an invoice (``was_fee``).
    """
    was_fee = was_fee or (invoice.received_at is not None and not invoice.settled)
    owed_anyway = 0 if was_fee else payment.held_minor
    return Money(amount_minor=max(0, amount.amount_minor - owed_anyway), currency=payment.amount.currency)


def needs_second_person(limit: Money | None, decided_alone_minor: int, fee: Money) -> bool:
    """Tell whether ``fee`` is more than one person may give back of a case's fee.

    What was decided alone before counts in, so that many small amounts don't make a large one. A limit in another
    currency is no measure: then two decide.
    """
    if limit is None or not fee.amount_minor:
        return False
    return limit.currency != fee.currency or decided_alone_minor + fee.amount_minor > limit.amount_minor


def confirm(proposal: Proposal, by: Person, at: datetime) -> Proposal:
    """A second person says yes. Raises ``MoneyRefusedError`` for the first one, and when it was ruled on before."""
    _check_may_rule(proposal, by)
    return replace(proposal, state=ProposalState.CONFIRMED, ruled_by=by, ruled_at=at)


def reject(proposal: Proposal, by: Person, at: datetime, reason: str) -> Proposal:
    """A second person says no, and why. Raises as ``confirm`` does."""
    _check_may_rule(proposal, by)
    return replace(proposal, state=ProposalState.REJECTED, ruled_by=by, ruled_at=at, ruling=reason)


def lapse(proposal: Proposal, at: datetime, reason: str) -> Proposal:
    """What it was decided on is no longer so: nobody has to rule on it any more."""
    return replace(proposal, state=ProposalState.LAPSED, ruled_at=at, ruling=reason)


def _check_may_rule(proposal: Proposal, by: Person) -> None:
    if proposal.state is ProposalState.LAPSED:
        raise MoneyRefusedError(f"This refund needs no decision any more: {proposal.ruling}")
    if proposal.state is not ProposalState.WAITING:
        who = proposal.ruled_by.name if proposal.ruled_by else "Somebody"
        raise MoneyRefusedError(f"{who} {proposal.state} this refund already")
    if by.subject == proposal.proposed_by.subject:
        raise MoneyRefusedError("You proposed this refund: a second person has to confirm or reject it")
