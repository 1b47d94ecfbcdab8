"""The facts that services tell each other: the published language.

A fact is in the past tense and belongs to one owner. On the wire stand ids, codes of state, amounts and times, never
anything clinical or personal (who needs more asks the owner, by id, at the moment of use). Contracts only grow: a
reader ignores fields it doesn't know, so a new optional field breaks nobody.
"""

from shared.events import billing, intake, matching, partner, records
from shared.events.billing import PaymentReceived, RefundIssued
from shared.events.fact import Channel, Fact, Money, ProgrammeRef
from shared.events.intake import (
    CallBackBooked,
    CallBackMissed,
    CaseWithdrawn,
    FormSaved,
    QuoteDeclined,
    QuoteLeftUnanswered,
    QuoteOffered,
    QuoteQuestionAnswered,
    RequestSubmitted,
    ServicesConfirmed,
    SignInRequested,
)
from shared.events.matching import OpinionDelivered, SpecialistAssigned
from shared.events.partner import (
    PartnerCaseClosed,
    PartnerCollectionOpened,
    PartnerFact,
    PartnerItemAccepted,
    PartnerItemReturned,
    PartnerItemWaived,
    PartnerRecordsComplete,
)
from shared.events.records import CaseManagerWrote, CollectionOpened, MaterialReturned, MaterialsChased, RecordsComplete

FACTS = (*intake.FACTS, *billing.FACTS, *records.FACTS, *matching.FACTS, *partner.FACTS)
BY_TYPE_NAME: dict[str, type[Fact]] = {fact.type_name(): fact for fact in FACTS}

__all__ = [
    "BY_TYPE_NAME",
    "FACTS",
    "CallBackBooked",
    "CallBackMissed",
    "CaseManagerWrote",
    "CaseWithdrawn",
    "Channel",
    "CollectionOpened",
    "Fact",
    "FormSaved",
    "MaterialReturned",
    "MaterialsChased",
    "Money",
    "OpinionDelivered",
    "PartnerCaseClosed",
    "PartnerCollectionOpened",
    "PartnerFact",
    "PartnerItemAccepted",
    "PartnerItemReturned",
    "PartnerItemWaived",
    "PartnerRecordsComplete",
    "PaymentReceived",
    "ProgrammeRef",
    "QuoteDeclined",
    "QuoteLeftUnanswered",
    "QuoteOffered",
    "QuoteQuestionAnswered",
    "RecordsComplete",
    "RefundIssued",
    "RequestSubmitted",
    "ServicesConfirmed",
    "SignInRequested",
    "SpecialistAssigned",
]
