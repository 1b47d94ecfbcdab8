"""What matching tells: who writes the opinion, and that it is there."""

from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from shared import topics
from shared.events.fact import Fact


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


FACTS: tuple[type[Fact], ...] = (
    SpecialistAssigned,
    OpinionDelivered,
)
