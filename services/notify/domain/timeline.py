"""A case as it stands: its stage, its history line by line, and what it waits for."""

from collections.abc import Iterable
from datetime import datetime

from services.notify.domain.history import History, happened_at, key, keys
from services.notify.domain.steps import steps_of
from services.notify.domain.values import Entry, Stage, Timeline
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
    QuoteDeclined,
    QuoteOffered,
    RecordsComplete,
    RequestSubmitted,
    ServicesConfirmed,
    SignInRequested,
    SpecialistAssigned,
)

UNLISTED = (SignInRequested, FormSaved, CallBackBooked, CallBackMissed, MaterialsChased, CaseManagerWrote)
"""Told by letter, and no step of the case: they stand on no timeline."""
_DUE: dict[type[Fact], str] = {
    RequestSubmitted: "contact_due_at",
    QuoteOffered: "valid_until",
    RecordsComplete: "target_to",
}
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
            for step in steps_of(stage, history, now)
        ),
    )


def _stage(history: History) -> Stage:
    stage = next((stage for kind, stage in _PROVES if history.latest(kind)), Stage.ANNOUNCED)
    quote = history.latest(QuoteOffered)
    return Stage.DECLINED if stage is Stage.QUOTED and quote and key(quote) in keys(history, QuoteDeclined) else stage


def _entry(fact: Fact) -> Entry:
    due = getattr(fact, _DUE.get(type(fact), ""), None)
    return Entry(fact=type(fact).__name__, at=happened_at(fact), money=getattr(fact, "price", None), due=due)
