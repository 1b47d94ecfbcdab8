"""What records tells: materials, from the invitation to completeness."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared import topics
from shared.events.fact import Count, Fact, ProgrammeRef


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


FACTS: tuple[type[Fact], ...] = (
    CollectionOpened,
    MaterialReturned,
    MaterialsChased,
    CaseManagerWrote,
    RecordsComplete,
)
