"""What intake tells: requests, quotes, agreements, withdrawals."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared import topics
from shared.events.fact import Channel, Fact, Money, ProgrammeRef, Revision


class RequestSubmitted(Fact):
    """A request is in: emergency notice seen, consent given; the contact clock runs (R3, R5, R8-R12, R29)."""

    topic = topics.INTAKE
    case_number: str
    programme: ProgrammeRef
    path: Literal["new_patient", "referral"]
    stream: Literal["remote", "in_person"]
    requester: Literal["patient", "caregiver", "family", "clinician"]
    channel: Channel
    consent_version: str
    emergency_notice_version: str
    submitted_at: AwareDatetime
    contact_due_at: AwareDatetime


class QuoteOffered(Fact):
    """A care advisor chose services under the programme's rules and offers them at an individual price (R17, R19).

    ``supplements`` names the accepted revision to which this one adds services; ``price`` is then what they add.
    """

    topic = topics.INTAKE
    quote_id: UUID
    revision: Revision
    price: Money
    valid_until: AwareDatetime
    offered_at: AwareDatetime
    supplements: Revision | None = None


class QuoteLeftUnanswered(Fact):
    """The quote's date is near and nobody has answered it: its reader is reminded, once (R19)."""

    topic = topics.INTAKE
    quote_id: UUID
    revision: Revision
    price: Money
    valid_until: AwareDatetime
    reminded_at: AwareDatetime


class QuoteDeclined(Fact):
    """The requester said no to this revision; why is between them and the office (R19)."""

    topic = topics.INTAKE
    quote_id: UUID
    revision: Revision
    declined_at: AwareDatetime


class QuoteQuestionAnswered(Fact):
    """A care advisor answered what was asked about a quote: both stand on the quote's page (R19)."""

    topic = topics.INTAKE
    answer_id: UUID
    answered_at: AwareDatetime


class ServicesConfirmed(Fact):
    """The advisor and the requester agreed on services that the catalogue's rules allow (R13-R17, R20).

    ``services`` is everything that is agreed by now, ``price`` what this revision is to be paid with. A supplement says
    which accepted revision it ``supplements`` and what it ``added``: its price is for these alone (R17).
    """

    topic = topics.INTAKE
    quote_id: UUID
    revision: Revision
    services: Annotated[tuple[str, ...], Field(min_length=1)]
    price: Money
    programme: ProgrammeRef
    confirmed_at: AwareDatetime
    supplements: Revision | None = None
    added: tuple[str, ...] = ()


class CaseWithdrawn(Fact):
    """The patient, or staff for them, withdrew: clocks stop, access ends, money goes back by stage (R21, R29)."""

    topic = topics.INTAKE
    by: Literal["patient", "staff"]
    withdrawn_at: AwareDatetime


class SignInRequested(Fact):
    """Somebody on the patient's side asked for a link to come back."""

    topic = topics.INTAKE
    audience: Literal["patient", "requester", "local_physician"]
    requested_at: AwareDatetime


class FormSaved(Fact):
    """Somebody saved a form that isn't sent yet, and wants a link to come back to it; its id becomes its case's."""

    topic = topics.INTAKE
    programme: ProgrammeRef
    saved_at: AwareDatetime


class CallBackBooked(Fact):
    """Somebody of a case is to be called at a time that they wished for; language and number stay with intake (R11)."""

    topic = topics.INTAKE
    call_back_id: UUID
    at: AwareDatetime
    booked_at: AwareDatetime


class CallBackMissed(Fact):
    """Nobody answered a call back, however often the programme's rule had it tried (R11)."""

    topic = topics.INTAKE
    call_back_id: UUID
    tries: Annotated[int, Field(ge=1)]
    missed_at: AwareDatetime


FACTS: tuple[type[Fact], ...] = (
    RequestSubmitted,
    QuoteOffered,
    QuoteLeftUnanswered,
    QuoteDeclined,
    QuoteQuestionAnswered,
    ServicesConfirmed,
    CaseWithdrawn,
    SignInRequested,
    FormSaved,
    CallBackBooked,
    CallBackMissed,
)
