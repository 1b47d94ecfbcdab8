"""What may happen to a case, by where it stands."""

from __future__ import annotations

from enum import StrEnum

from services.intake.domain.refusals import Refused
from services.intake.domain.request import Stream
from services.intake.values import N_


class Stage(StrEnum):
    """Where a case stands, as far as intake can tell from its own rows and the facts it was told."""

    REQUESTED = "requested"
    QUOTED = "quoted"
    CONFIRMED = "confirmed"
    PAID = "paid"
    DELIVERED = "delivered"
    WITHDRAWN = "withdrawn"
    CONTINUED = "continued"
    """It goes on in another case of the same patient."""


class Step(StrEnum):
    RECORD_CONTACT = "record the contact"
    MOVE_STREAM = "move the request"
    OFFER_QUOTE = "offer a quote"
    ADD_SERVICE = "add a service"
    ANSWER_QUOTE = "answer the quote"
    ASK_ABOUT_QUOTE = "ask about the quote"
    WITHDRAW = "withdraw the request"
    WORK = "work on the case"


_LIVE = frozenset(Stage) - {Stage.WITHDRAWN, Stage.CONTINUED}
MAY: dict[Step, frozenset[Stage]] = {
    Step.RECORD_CONTACT: frozenset({Stage.REQUESTED, Stage.QUOTED, Stage.CONFIRMED, Stage.PAID}),
    Step.MOVE_STREAM: frozenset({Stage.REQUESTED, Stage.QUOTED}),
    Step.OFFER_QUOTE: frozenset({Stage.REQUESTED, Stage.QUOTED}),
    Step.ADD_SERVICE: frozenset({Stage.CONFIRMED, Stage.PAID}),
    Step.ANSWER_QUOTE: _LIVE,
    Step.ASK_ABOUT_QUOTE: _LIVE - {Stage.DELIVERED},
    Step.WITHDRAW: _LIVE,
    Step.WORK: _LIVE,
}


def check_may(step: Step, stage: Stage) -> None:
    """Raise Refused when a case at `stage` can't take `step`; a withdrawn case takes none (R29, M13)."""
    if stage is Stage.WITHDRAWN:
        raise Refused(N_("This request was withdrawn; nothing more can be done with it."))
    if stage is Stage.CONTINUED:
        raise Refused(N_("This request goes on in another case of the same patient. Open that one."))
    if stage not in MAY[step]:
        raise Refused(f"It is not possible to {step.value} now: the case is {stage.value}.")


def check_move(now_in: Stream, to: Stream, reason: str) -> None:
    """R7: staff move a request over and back, each time with a reason; moving to where it is makes no history."""
    if now_in is to:
        raise Refused("The request is already in that stream.")
    if not reason.strip():
        raise Refused("Say why the request is moved.")


def check_merge(ends: Stage, goes_on: Stage) -> None:
    """Raise Refused unless a case at `ends` may go on in one at `goes_on`: before services were agreed, nothing else counts on it."""
    if Stage.CONTINUED in (ends, goes_on):
        raise Refused("One of them goes on in another case already. Compare with that one.")
    if Stage.WITHDRAWN in (ends, goes_on):
        raise Refused("One of them was withdrawn, and with it the consent. Keep them apart.")
    if ends not in (Stage.REQUESTED, Stage.QUOTED):
        raise Refused(
            f"Services were agreed in the case that would end: it is {ends.value}. Let the other one end instead."
        )
