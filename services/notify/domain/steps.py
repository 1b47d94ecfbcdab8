"""Whose move it is: what a case waits for, by its stage and its quotes."""

from collections.abc import Callable, Iterable
from datetime import datetime
from itertools import chain

from services.notify.domain.history import History, key, keys
from services.notify.domain.values import Action, Actor, Stage, Step
from shared.events import (
    CollectionOpened,
    PaymentReceived,
    QuoteDeclined,
    QuoteOffered,
    RecordsComplete,
    RefundIssued,
    RequestSubmitted,
    ServicesConfirmed,
    SpecialistAssigned,
)

_CLOSED = {Stage.DELIVERED, Stage.WITHDRAWN}
_UNSETTLED = {Stage.QUOTED, Stage.DECLINED, Stage.CONFIRMED}


def steps_of(stage: Stage, history: History, now: datetime) -> Iterable[Step]:
    """Return the moves that are awaited; a later quote (R17) waits beside the main one."""
    if stage in _CLOSED:
        return _STEPS[stage](history)
    money = _quote_steps(history, now)
    return money if stage in _UNSETTLED else chain(_STEPS[stage](history), money)


def _quote_steps(history: History, now: datetime) -> list[Step]:
    """Return what quotes wait for: the newest its answer, or a new one once it came to nothing; the agreed their payment."""
    steps = []
    quote = history.latest(QuoteOffered)
    if quote and key(quote) in keys(history, QuoteDeclined):
        steps += [Step(actor=Actor.CARE_ADVISOR, action=Action.OFFER_AGAIN)] if quote.supplements is None else []
    elif quote and key(quote) not in keys(history, ServicesConfirmed, PaymentReceived):
        over = quote.valid_until < now
        steps.append(
            Step(actor=Actor.CARE_ADVISOR, action=Action.RENEW_QUOTE)
            if over
            else Step(actor=Actor.REQUESTER, action=Action.ACCEPT_QUOTE, by=quote.valid_until)
        )
    offers = {key(one): one for one in history.all(QuoteOffered)}
    paid = keys(history, PaymentReceived)
    for agreed in history.all(ServicesConfirmed):
        if key(agreed) not in paid:
            offer = offers.get(key(agreed))
            steps.append(Step(actor=Actor.REQUESTER, action=Action.PAY, by=offer.valid_until if offer else None))
    return steps


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
