"""What each message says, and who hears of which fact.

The words stand in ``templates/mail/letters/<kind>.jinja``. Discreet on purpose: no diagnosis, no service, no hospital's
name, and the patient's name never reaches the local physician by e-mail. What a message needs to be useful stands
behind its link. Times in it are aims, never promises (R12, R32).
"""

from dataclasses import dataclass
from typing import Literal

import jinja2

from services.notify.domain import History, supplementary
from services.notify.languages import Speech
from services.notify.templating import MAIL
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

Audience = Literal["patient", "requester", "local_physician"]

KIND_OF: dict[type[Fact], str] = {
    RequestSubmitted: "request_received",
    QuoteOffered: "quote_offered",
    QuoteLeftUnanswered: "quote_reminder",
    QuoteQuestionAnswered: "question_answered",
    QuoteDeclined: "quote_declined",
    ServicesConfirmed: "services_confirmed",
    PaymentReceived: "payment_received",
    RefundIssued: "refund_issued",
    CollectionOpened: "materials_invited",
    MaterialReturned: "material_returned",
    MaterialsChased: "materials_chased",
    CaseManagerWrote: "case_manager_wrote",
    RecordsComplete: "records_complete",
    SpecialistAssigned: "specialist_assigned",
    OpinionDelivered: "opinion_delivered",
    CaseWithdrawn: "withdrawn",
    SignInRequested: "sign_in",
    FormSaved: "form_saved",
    CallBackBooked: "call_back_booked",
    CallBackMissed: "call_back_missed",
}

AFTER_WITHDRAWAL = frozenset({"withdrawn", "refund_issued", "sign_in"})
"""What may still be sent once a case is withdrawn: the notice of it, the money's way back, and the way in (M13)."""


@dataclass(frozen=True)
class Letter:
    """A message in its reader's words; ``path`` is where its button leads, after a magic link has let the reader in."""

    subject: str
    heading: str
    paragraphs: tuple[str, ...]
    button: str
    path: str
    details: tuple[tuple[str, str], ...]


def audiences(fact: Fact) -> tuple[Audience, ...]:
    """Return who hears of this fact, each in a message of their own (R34)."""
    match fact:
        case OpinionDelivered():
            return ("patient", "local_physician")
        case SignInRequested() | MaterialsChased() | CaseManagerWrote():
            return (fact.audience,)
        case CaseWithdrawn():
            return ("requester", "patient")
        case _:
            return ("requester",)


def compose(
    kind: str, fact: Fact, history: History, audience: Audience, speech: Speech, theirs: Speech | None = None
) -> Letter:
    """Return the letter of this kind about ``fact``, in the words of ``speech``; ``theirs`` tells the reader's own time."""
    known = {
        "_": speech, "speech": speech, "theirs": theirs or speech, "fact": fact, "case_id": fact.case_id,
        "number": _number(history), "complete": history.latest(RecordsComplete), "added": supplementary(fact, history),
    }  # fmt: skip
    said = vars(_template(kind, audience).make_module(known))
    return Letter(
        said["subject"], said["heading"], tuple(said["paragraphs"]), said["button"], said["path"],
        tuple(said.get("details", ())),
    )  # fmt: skip


def _template(kind: str, audience: Audience) -> jinja2.Template:
    return MAIL.select_template([f"letters/{kind}.{audience}.jinja", f"letters/{kind}.jinja"])


def _number(history: History) -> str:
    """Return the case number, kept left-to-right inside right-to-left text."""
    request = history.latest(RequestSubmitted)
    return f"\u2066{request.case_number}\u2069" if request else ""
