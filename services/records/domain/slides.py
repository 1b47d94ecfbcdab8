"""Slides and blocks travel by courier to the laboratory and back, counted at both ends (R26, M6)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.records.domain.people import N_, Person, Refused


@dataclass(frozen=True)
class Counts:
    """How many glass slides and tissue blocks; never negative."""

    slides: int
    blocks: int

    def __post_init__(self) -> None:
        if self.slides < 0 or self.blocks < 0:
            raise Refused("Slides and blocks are counted from 0 upwards.")

    @property
    def total(self) -> int:
        return self.slides + self.blocks


class Leg(StrEnum):
    """Which way a parcel of slides travels (R26)."""

    TO_LABORATORY = "to_laboratory"
    HOME = "home"


@dataclass(frozen=True)
class Shipment:
    """One parcel of slides and blocks: the manifest of who packed it, and the count of who opened it (R26, M6)."""

    id: UUID
    leg: Leg
    expected: Counts
    packed_by: Person
    packed_at: datetime
    courier: str = ""
    tracking: str = ""
    counted: Counts | None = None
    counted_by: Person | None = None
    counted_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.expected.total == 0:
            raise Refused(N_("A parcel holds at least one slide or block. Write what was packed."))

    @property
    def agrees(self) -> bool:
        return self.counted == self.expected


def refuse_uncounted(shipments: Iterable[Shipment]) -> None:
    """Refuse slides that aren't all in the laboratory, counted, and as many as were packed (R26)."""
    incoming = [s for s in shipments if s.leg is Leg.TO_LABORATORY]
    if not incoming or any(s.counted is None for s in incoming):
        raise Refused("The laboratory hasn't counted all slides in yet.")
    if not all(s.agrees for s in incoming):
        raise Refused("The laboratory counted another number than was packed. Correct a count, or waive by name.")


def slides_in(shipments: Iterable[Shipment]) -> int:
    """Return how many slides the laboratory counted in; blocks apart."""
    return sum(s.counted.slides for s in shipments if s.leg is Leg.TO_LABORATORY and s.counted)


def owed_home(shipments: Sequence[Shipment]) -> Counts:
    """Return what the laboratory holds and still owes back: counted in, less what was packed for home (R26)."""
    came = [s.counted for s in shipments if s.leg is Leg.TO_LABORATORY and s.counted]
    gone = [s.expected for s in shipments if s.leg is Leg.HOME]
    return Counts(
        max(0, sum(c.slides for c in came) - sum(c.slides for c in gone)),
        max(0, sum(c.blocks for c in came) - sum(c.blocks for c in gone)),
    )
