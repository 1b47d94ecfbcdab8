"""The facts of one case, in whatever order they came: each once, and when it happened."""

from collections.abc import Iterable
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from shared.events import (
    CallBackBooked,
    CallBackMissed,
    CaseManagerWrote,
    CaseWithdrawn,
    CollectionOpened,
    Fact,
    FormSaved,
    MaterialReturned,
    MaterialsChased,
    OpinionDelivered,
    PaymentReceived,
    ProgrammeRef,
    QuoteDeclined,
    QuoteLeftUnanswered,
    QuoteOffered,
    QuoteQuestionAnswered,
    RecordsComplete,
    RefundIssued,
    RequestSubmitted,
    ServicesConfirmed,
    SignInRequested,
    SpecialistAssigned,
)

F = TypeVar("F", bound=Fact)


class History:
    """The facts of one case, without doubles, found by kind; the same for every order of arrival."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        known = {(type(fact).__name__, identity(fact)): fact for fact in facts}
        self.facts = sorted(known.values(), key=lambda fact: (happened_at(fact), _RANK[type(fact)], identity(fact)))

    def all(self, kind: type[F]) -> list[F]:
        """Return the facts of this kind, earliest first."""
        return [fact for fact in self.facts if isinstance(fact, kind)]

    def latest(self, kind: type[F]) -> F | None:
        """Return the newest fact of this kind by its own time, or None."""
        return next(reversed(self.all(kind)), None)

    @property
    def programme(self) -> ProgrammeRef | None:
        """The version of the rules that the case began with (R18), from whichever fact names it."""
        told = self.latest(RequestSubmitted), self.latest(ServicesConfirmed), self.latest(RecordsComplete)
        for fact in (*told, self.latest(FormSaved)):
            if fact is not None:
                return fact.programme
        return None


def happened_at(fact: Fact) -> datetime:
    """Return the instant at which the fact became true, as its owner told it."""
    at: datetime = getattr(fact, _TIME[type(fact)])
    return at


def identity(fact: Fact) -> str:
    """Return what tells two facts of one kind and case apart; a fact that comes again has the same identity."""
    return ".".join(str(getattr(fact, field)) for field in _APART.get(type(fact), ()))


_TIME: dict[type[Fact], str] = {
    RequestSubmitted: "submitted_at",
    QuoteOffered: "offered_at",
    QuoteLeftUnanswered: "reminded_at",
    QuoteQuestionAnswered: "answered_at",
    QuoteDeclined: "declined_at",
    ServicesConfirmed: "confirmed_at",
    PaymentReceived: "received_at",
    CollectionOpened: "opened_at",
    MaterialReturned: "returned_at",
    MaterialsChased: "chased_at",
    CaseManagerWrote: "wrote_at",
    RecordsComplete: "completed_at",
    SpecialistAssigned: "accepted_at",
    OpinionDelivered: "delivered_at",
    CaseWithdrawn: "withdrawn_at",
    RefundIssued: "issued_at",
    SignInRequested: "requested_at",
    FormSaved: "saved_at",
    CallBackBooked: "booked_at",
    CallBackMissed: "missed_at",
}
_APART: dict[type[Fact], tuple[str, ...]] = {
    QuoteOffered: ("quote_id", "revision"),
    QuoteLeftUnanswered: ("quote_id", "revision"),
    QuoteQuestionAnswered: ("answer_id",),
    QuoteDeclined: ("quote_id", "revision"),
    ServicesConfirmed: ("quote_id", "revision"),
    PaymentReceived: ("quote_id", "revision"),
    RefundIssued: ("refund_id",),
    MaterialReturned: ("item_id", "returned_at"),
    MaterialsChased: ("chase_id",),
    CaseManagerWrote: ("message_id",),
    RecordsComplete: ("completed_at",),
    SpecialistAssigned: ("assignment_id",),
    OpinionDelivered: ("opinion_id",),
    SignInRequested: ("audience", "requested_at"),
    FormSaved: ("saved_at",),
    CallBackBooked: ("call_back_id",),
    CallBackMissed: ("call_back_id",),
}
_RANK = {kind: rank for rank, kind in enumerate(_TIME)}


Priced = QuoteOffered | QuoteLeftUnanswered | QuoteDeclined | ServicesConfirmed | PaymentReceived


def key(fact: Priced) -> tuple[UUID, int]:
    return fact.quote_id, fact.revision


def keys(history: History, *kinds: type[Priced]) -> set[tuple[UUID, int]]:
    return {key(fact) for kind in kinds for fact in history.all(kind)}


def supplementary(fact: Fact, history: History) -> bool:
    """Return whether a fact about a revision is about services that were added to what was agreed (R17)."""
    if not isinstance(fact, Priced):
        return False
    told: list[QuoteOffered | ServicesConfirmed] = [*history.all(QuoteOffered), *history.all(ServicesConfirmed)]
    return key(fact) in {key(one) for one in told if one.supplements is not None}


def overtaken(fact: Fact, history: History) -> bool:
    """Return whether a reminder is too late to be of use: its quote was answered, or replaced, before it went out."""
    if not isinstance(fact, QuoteLeftUnanswered):
        return False
    newest = history.latest(QuoteOffered)
    answered = key(fact) in keys(history, ServicesConfirmed, QuoteDeclined)
    return answered or (newest is not None and key(newest) != key(fact))
