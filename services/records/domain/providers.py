"""Hospitals and practices that have something of the patient's, and the people whom the patient lets in to help (R22)."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


@dataclass(frozen=True)
class Provider:
    """Who has something: ``country`` by ISO 3166 alpha-2, ``language`` by BCP 47, in which a letter should speak."""

    id: UUID
    name: str
    country: str
    contact: str
    language: str
    version: int = 1


class Relation(StrEnum):
    """What somebody is to the patient."""

    SPOUSE = "spouse"
    PARENT = "parent"
    CHILD = "child"
    SIBLING = "sibling"
    OTHER_FAMILY = "other_family"
    FRIEND = "friend"


class Authority(StrEnum):
    """What the patient lets them do: send things and see what they sent, or all that the patient can but inviting."""

    SENDS = "sends"
    ACTS = "acts"


@dataclass(frozen=True)
class Helper:
    """Somebody who was invited by link; nobody comes in by it once it is taken back or out of date."""

    id: UUID
    name: str
    relation: Relation
    authority: Authority
    invited_by_name: str
    invited_at: datetime
    expires_at: datetime
    came_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_welcome(self, now: datetime) -> bool:
        """Return whether the link lets them in at this instant."""
        return self.revoked_at is None and now < self.expires_at
