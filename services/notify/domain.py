"""Where a case stands, who acts next and by when: pure rules over the facts that came, in whatever order they came.

The stage is the furthest one that any fact proves, never the latest to arrive, so all orders of the same facts tell the
same story. Deadlines here are clocks that are tracked (R12, R32), never promises.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from enum import StrEnum
from itertools import chain
from typing import TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

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
    Money,
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


class Stage(StrEnum):
    """How far a case has come."""

    ANNOUNCED = "announced"
    REQUESTED = "requested"
    QUOTED = "quoted"
    DECLINED = "declined"
    CONFIRMED = "confirmed"
    PAID = "paid"
    COLLECTING = "collecting"
    COMPLETE = "complete"
    ASSIGNED = "assigned"
    DELIVERED = "delivered"
    WITHDRAWN = "withdrawn"


class Actor(StrEnum):
    """Who has the next move."""

    REQUESTER = "requester"
    CARE_ADVISOR = "care_advisor"
    FINANCE = "finance"
    CASE_MANAGER = "case_manager"
    CLINICAL_TEAM = "clinical_team"
    SPECIALIST = "specialist"
    LOCAL_PHYSICIAN = "local_physician"


class Action(StrEnum):
    """What the next move is."""

    REGISTER = "register"
    CONTACT = "contact"
    ACCEPT_QUOTE = "accept_quote"
    RENEW_QUOTE = "renew_quote"
    OFFER_AGAIN = "offer_again"
    PAY = "pay"
    ASSIGN_CASE_MANAGER = "assign_case_manager"
    SEND_MATERIALS = "send_materials"
    FIND_SPECIALIST = "find_specialist"
    WRITE_OPINION = "write_opinion"
    DISCUSS_OPINION = "discuss_opinion"
    ANSWER_QUESTIONS = "answer_questions"
    REFUND = "refund"


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Step(_Value):
    """One move that is awaited. ``by`` is a tracked clock; ``earliest`` is the near end of a target window (R32)."""

    actor: Actor
    action: Action
    by: AwareDatetime | None = None
    earliest: AwareDatetime | None = None
    overdue: bool = False


class Entry(_Value):
    """One line of a case's history."""

    fact: str
    at: AwareDatetime
    money: Money | None = None
    due: AwareDatetime | None = None


class Timeline(_Value):
    """A case as it stands: the first of ``next`` is what it waits for; an empty ``next`` means that nothing is owed."""

    stage: Stage
    case_number: str | None
    programme: ProgrammeRef | None
    entries: tuple[Entry, ...]
    next: tuple[Step, ...]

    def without_amounts(self) -> "Timeline":
        """Return it for somebody to whom it is no business what the case costs."""
        told = tuple(entry.model_copy(update={"money": None}) for entry in self.entries)
        return self.model_copy(update={"entries": told})


UNLISTED = (SignInRequested, FormSaved, CallBackBooked, CallBackMissed, MaterialsChased, CaseManagerWrote)
"""Told by letter, and no step of the case: they stand on no timeline."""


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


def timeline(facts: Iterable[Fact], now: datetime) -> Timeline:
    """Say where the case stands at ``now`` and whose move it is; the order and doubles of ``facts`` change nothing."""
    history = History(facts)
    request = history.latest(RequestSubmitted)
    stage = _stage(history)
    return Timeline(
        stage=stage,
        case_number=request.case_number if request else None,
        programme=history.programme,
        entries=tuple(_entry(fact) for fact in history.facts if not isinstance(fact, UNLISTED)),
        next=tuple(
            step.model_copy(update={"overdue": step.by is not None and step.by < now})
            for step in _steps(stage, history, now)
        ),
    )


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
_DUE: dict[type[Fact], str] = {
    RequestSubmitted: "contact_due_at",
    QuoteOffered: "valid_until",
    RecordsComplete: "target_to",
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

_PROVES: tuple[tuple[type[Fact], Stage], ...] = (
    (CaseWithdrawn, Stage.WITHDRAWN),
    (OpinionDelivered, Stage.DELIVERED),
    (SpecialistAssigned, Stage.ASSIGNED),
    (RecordsComplete, Stage.COMPLETE),
    (MaterialReturned, Stage.COLLECTING),
    (CollectionOpened, Stage.COLLECTING),
    (PaymentReceived, Stage.PAID),
    (ServicesConfirmed, Stage.CONFIRMED),
    (QuoteOffered, Stage.QUOTED),
    (RequestSubmitted, Stage.REQUESTED),
)
_CLOSED = {Stage.DELIVERED, Stage.WITHDRAWN}
_UNSETTLED = {Stage.QUOTED, Stage.DECLINED, Stage.CONFIRMED}


def _stage(history: History) -> Stage:
    stage = next((stage for kind, stage in _PROVES if history.latest(kind)), Stage.ANNOUNCED)
    quote = history.latest(QuoteOffered)
    return Stage.DECLINED if stage is Stage.QUOTED and quote and _key(quote) in _keys(history, QuoteDeclined) else stage


def _entry(fact: Fact) -> Entry:
    due = getattr(fact, _DUE.get(type(fact), ""), None)
    return Entry(fact=type(fact).__name__, at=happened_at(fact), money=getattr(fact, "price", None), due=due)


def _steps(stage: Stage, history: History, now: datetime) -> Iterable[Step]:
    """Return the moves that are awaited; a later quote (R17) waits beside the main one."""
    if stage in _CLOSED:
        return _STEPS[stage](history)
    money = _quote_steps(history, now)
    return money if stage in _UNSETTLED else chain(_STEPS[stage](history), money)


_Priced = QuoteOffered | QuoteLeftUnanswered | QuoteDeclined | ServicesConfirmed | PaymentReceived


def _key(fact: _Priced) -> tuple[UUID, int]:
    return fact.quote_id, fact.revision


def _keys(history: History, *kinds: type[_Priced]) -> set[tuple[UUID, int]]:
    return {_key(fact) for kind in kinds for fact in history.all(kind)}


def _quote_steps(history: History, now: datetime) -> list[Step]:
    """Return what quotes wait for: the newest its answer, or a new one once it came to nothing; the agreed their payment."""
    steps = []
    quote = history.latest(QuoteOffered)
    if quote and _key(quote) in _keys(history, QuoteDeclined):
        steps += [Step(actor=Actor.CARE_ADVISOR, action=Action.OFFER_AGAIN)] if quote.supplements is None else []
    elif quote and _key(quote) not in _keys(history, ServicesConfirmed, PaymentReceived):
        over = quote.valid_until < now
        steps.append(
            Step(actor=Actor.CARE_ADVISOR, action=Action.RENEW_QUOTE)
            if over
            else Step(actor=Actor.REQUESTER, action=Action.ACCEPT_QUOTE, by=quote.valid_until)
        )
    offers = {_key(one): one for one in history.all(QuoteOffered)}
    paid = _keys(history, PaymentReceived)
    for agreed in history.all(ServicesConfirmed):
        if _key(agreed) not in paid:
            offer = offers.get(_key(agreed))
            steps.append(Step(actor=Actor.REQUESTER, action=Action.PAY, by=offer.valid_until if offer else None))
    return steps


def supplementary(fact: Fact, history: History) -> bool:
    """Return whether a fact about a revision is about services that were added to what was agreed (R17)."""
    if not isinstance(fact, _Priced):
        return False
    told: list[QuoteOffered | ServicesConfirmed] = [*history.all(QuoteOffered), *history.all(ServicesConfirmed)]
    return _key(fact) in {_key(one) for one in told if one.supplements is not None}


def overtaken(fact: Fact, history: History) -> bool:
    """Return whether a reminder is too late to be of use: its quote was answered, or replaced, before it went out."""
    if not isinstance(fact, QuoteLeftUnanswered):
        return False
    newest = history.latest(QuoteOffered)
    answered = _key(fact) in _keys(history, ServicesConfirmed, QuoteDeclined)
    return answered or (newest is not None and _key(newest) != _key(fact))


def _announced(_: History) -> list[Step]:
    return [Step(actor=Actor.CARE_ADVISOR, action=Action.REGISTER)]


def _requested(history: History) -> list[Step]:
    request = history.latest(RequestSubmitted)
    return [Step(actor=Actor.CARE_ADVISOR, action=Action.CONTACT, by=request.contact_due_at if request else None)]


def _paid(_: History) -> list[Step]:
    return [Step(actor=Actor.CASE_MANAGER, action=Action.ASSIGN_CASE_MANAGER)]


def _collecting(history: History) -> list[Step]:
    opened = history.latest(CollectionOpened)
    by = opened.nudge_due_at if opened else None
    return [Step(actor=Actor.REQUESTER, action=Action.SEND_MATERIALS, by=by)]


def _in_target(actor: Actor, action: Action) -> Callable[[History], list[Step]]:
    def steps(history: History) -> list[Step]:
        complete = history.latest(RecordsComplete)
        if complete is None:
            return [Step(actor=actor, action=action)]
        return [Step(actor=actor, action=action, by=complete.target_to, earliest=complete.target_from)]

    return steps


def _delivered(_: History) -> list[Step]:
    """Questions go to the local physician first (R33); the case manager stays for the rest (R22, R34)."""
    return [
        Step(actor=Actor.LOCAL_PHYSICIAN, action=Action.DISCUSS_OPINION),
        Step(actor=Actor.CASE_MANAGER, action=Action.ANSWER_QUESTIONS),
    ]


def _withdrawn(history: History) -> list[Step]:
    """Money is owed back while it was paid, not refunded, and no specialist had accepted (R21)."""
    owed = history.all(PaymentReceived) and not history.all(RefundIssued) and not history.all(SpecialistAssigned)
    return [Step(actor=Actor.FINANCE, action=Action.REFUND)] if owed else []


_STEPS: dict[Stage, Callable[[History], list[Step]]] = {
    Stage.ANNOUNCED: _announced,
    Stage.REQUESTED: _requested,
    Stage.PAID: _paid,
    Stage.COLLECTING: _collecting,
    Stage.COMPLETE: _in_target(Actor.CLINICAL_TEAM, Action.FIND_SPECIALIST),
    Stage.ASSIGNED: _in_target(Actor.SPECIALIST, Action.WRITE_OPINION),
    Stage.DELIVERED: _delivered,
    Stage.WITHDRAWN: _withdrawn,
}
