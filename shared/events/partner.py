"""What the partner's systems may know of a case: a published language of its own, told by records."""

from typing import Literal
from uuid import UUID

from pydantic import AwareDatetime

from shared import topics
from shared.events.fact import Count, Fact


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
    PartnerCollectionOpened,
    PartnerItemAccepted,
    PartnerItemReturned,
    PartnerItemWaived,
    PartnerRecordsComplete,
    PartnerCaseClosed,
)
