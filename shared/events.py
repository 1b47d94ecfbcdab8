"""The facts that services tell each other: the published language.

A fact is in the past tense and belongs to one owner. On the wire stand ids, codes of state, amounts and times, never
anything clinical or personal (who needs more asks the owner, by id, at the moment of use). Contracts only grow: a
reader ignores fields it doesn't know, so a new optional field breaks nobody.
"""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from shared import topics
from shared.ids import CaseId

Count = Annotated[int, Field(ge=0)]
Revision = Annotated[int, Field(ge=1)]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$")]
Channel = Literal["web", "phone", "email", "fax", "post", "courier"]


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class ProgrammeRef(_Value):
    """The version of the rules that a case began with, and keeps (R18)."""

    id: str
    version: Revision


class Money(_Value):
    """An exact amount in minor units of an ISO 4217 currency (R21)."""

    amount_minor: Count
    currency: Currency


class Fact(_Value):
    """Something that happened to one case, told by the service that owns ``topic``."""

    topic: ClassVar[str]
    version: ClassVar[int] = 1

    case_id: CaseId

    @classmethod
    def type_name(cls) -> str:
        """Return the CloudEvents type, such as ``PaymentReceived.v1``."""
        return f"{cls.__name__}.v{cls.version}"


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


class PaymentReceived(Fact):
    """Exactly the quoted amount is in: the partner may start (R20, R21)."""

    topic = topics.BILLING
    quote_id: UUID
    revision: Revision
    price: Money
    method: Literal["card", "wire"]
    received_at: AwareDatetime


class RefundIssued(Fact):
    """Money went back to the payer (R21)."""

    topic = topics.BILLING
    refund_id: UUID
    price: Money
    issued_at: AwareDatetime


class CollectionOpened(Fact):
    """The case has its case manager, and the patient is invited to send materials (R22, R23)."""

    topic = topics.RECORDS
    opened_at: AwareDatetime
    nudge_due_at: AwareDatetime


class MaterialReturned(Fact):
    """A document can't be used as it is: the reason stands at the item, for the patient to read (R23, R24)."""

    topic = topics.RECORDS
    item_id: UUID
    returned_at: AwareDatetime


class MaterialsChased(Fact):
    """A case manager has somebody of the patient's side reminded, in the words of a template (R22)."""

    topic = topics.RECORDS
    chase_id: UUID
    template: Literal["gentle", "how_to_get", "last_items", "newer_needed"]
    audience: Literal["requester", "local_physician"]
    chased_at: AwareDatetime


class CaseManagerWrote(Fact):
    """A case manager asked or answered something on a line of the checklist: it stands there, and nowhere else (R22)."""

    topic = topics.RECORDS
    message_id: UUID
    audience: Literal["requester", "local_physician"]
    wrote_at: AwareDatetime


class RecordsComplete(Fact):
    """Each needed item is in, in English, identity-checked, or waived by name; slides counted; summary signed.

    The clock of R32 starts: ``target_from`` to ``target_to`` is tracked, never promised (R24-R28).
    """

    topic = topics.RECORDS
    services: Annotated[tuple[str, ...], Field(min_length=1)]
    programme: ProgrammeRef
    needed: Count
    received: Count
    waived: Count
    slides: Count
    completed_at: AwareDatetime
    target_from: AwareDatetime
    target_to: AwareDatetime


class SpecialistAssigned(Fact):
    """A specialist accepted this very case and declared no conflict of interest (R30)."""

    topic = topics.MATCHING
    assignment_id: UUID
    specialist_id: UUID
    accepted_at: AwareDatetime


class OpinionDelivered(Fact):
    """The opinion is signed, and made available to the patient and the local physician (R31-R34)."""

    topic = topics.MATCHING
    opinion_id: UUID
    document_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    signed_at: AwareDatetime
    delivered_at: AwareDatetime


class PartnerFact(Fact):
    """What the partner's systems may know of a case: a published language of its own, told by records."""

    topic = topics.PARTNER_RECORDS
    occurred_at: AwareDatetime


class PartnerCollectionOpened(PartnerFact):
    """A paid case awaits its materials."""

    needed: Count


class PartnerItemAccepted(PartnerFact):
    """A needed item is in, usable, and belongs to the patient."""

    item_id: UUID
    requirement: str


class PartnerItemReturned(PartnerFact):
    """A needed item came, and can't be used as it is."""

    item_id: UUID
    requirement: str


class PartnerItemWaived(PartnerFact):
    """The case goes ahead without this item (R28)."""

    item_id: UUID
    requirement: str


class PartnerRecordsComplete(PartnerFact):
    """Nothing is missing any more."""

    needed: Count
    received: Count
    waived: Count
    slides: Count


class PartnerCaseClosed(PartnerFact):
    """Nothing more is expected from the partner for this case."""

    reason: Literal["delivered", "withdrawn"]


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
    PaymentReceived,
    RefundIssued,
    CollectionOpened,
    MaterialReturned,
    MaterialsChased,
    CaseManagerWrote,
    RecordsComplete,
    SpecialistAssigned,
    OpinionDelivered,
    PartnerCollectionOpened,
    PartnerItemAccepted,
    PartnerItemReturned,
    PartnerItemWaived,
    PartnerRecordsComplete,
    PartnerCaseClosed,
)
BY_TYPE_NAME: dict[str, type[Fact]] = {fact.type_name(): fact for fact in FACTS}
