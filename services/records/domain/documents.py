"""What came for an item of the checklist: files, what was found in them, whose they are, and translations (R24, M5)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import NewType
from uuid import UUID

from services.records.domain.people import Person, Refused

DocumentId = NewType("DocumentId", UUID)

ENGLISH = "en"
NO_WORDS = "zxx"
"""BCP 47 for "no linguistic content": right for images, wrong for anything that is read."""


class Late(StrEnum):
    """What came after the records were complete: it counts only once somebody took it in (R28)."""

    WAITS = "waits"
    TAKEN = "taken"
    ASIDE = "aside"


class Verdict(StrEnum):
    """What was found when a file was looked at, before anybody but its sender may see it."""

    WAITING = "waiting"
    CLEAN = "clean"
    QUARANTINED = "quarantined"
    SKIPPED = "skipped"


class Arrival(StrEnum):
    """How far a folder has come, which comes file by file."""

    ARRIVING = "arriving"
    WHOLE = "whole"
    BROKEN_OFF = "broken_off"


@dataclass(frozen=True)
class IdentityCheck:
    """The name and birth date on a document, compared with the patient's by a person (M5)."""

    name_matches: bool
    birth_date_matches: bool
    by: Person
    at: datetime

    @property
    def passed(self) -> bool:
        return self.name_matches and self.birth_date_matches


@dataclass(frozen=True)
class Document:
    """One uploaded file, archive or folder, or a translation tied to its original (R24).

    ``sha256`` is None for a folder, and until the file was looked at. ``reason``: why it isn't clean, as a code.
    Of a folder, ``came`` of ``expected`` files are here; it waits for as long as it is arriving.
    ``scanned``: what looked for viruses, if something did; ``unscanned``: why that left it out, or something in it, as a code.
    """

    id: DocumentId
    sha256: str | None
    name: str
    media_type: str
    size: int
    uploaded_by: Person
    uploaded_at: datetime
    pages: int | None = None
    language: str | None = None
    translation_of: DocumentId | None = None
    identity: IdentityCheck | None = None
    set_aside: bool = False
    dated_on: date | None = None
    late: Late | None = None
    late_words: str | None = None
    late_by_name: str | None = None
    late_at: datetime | None = None
    verdict: Verdict = Verdict.CLEAN
    reason: str | None = None
    contents: Mapping[str, int] = field(default_factory=dict)
    arrival: Arrival | None = None
    came: int | None = None
    expected: int | None = None
    scanned: str | None = None
    unscanned: str | None = None

    def __post_init__(self) -> None:
        if self.translation_of == self.id:
            raise Refused("A document can't be its own translation. Choose the original.")
        if self.translation_of is not None and self.language != ENGLISH:
            raise Refused("Only an English document can be tied as a translation. Set its language to English first.")

    @property
    def clean(self) -> bool:
        """Whether it was looked at and nothing speaks against it."""
        return self.verdict is Verdict.CLEAN

    @property
    def whole(self) -> bool:
        """Whether nothing of it was kept back when it was unpacked, so that it may be handed out as it came."""
        return self.contents.keys() <= {"clean", "known", "empty"}

    @property
    def waiting(self) -> bool:
        return self.verdict is Verdict.WAITING

    @property
    def files(self) -> int:
        """How many clean files came in it, when it is a folder or an archive."""
        return self.contents.get(Verdict.CLEAN, 0)

    @property
    def arriving(self) -> bool:
        """Whether more of this folder is on its way."""
        return self.arrival is Arrival.ARRIVING

    @property
    def broken_off(self) -> bool:
        """Whether files of this folder never came, and nobody said why."""
        return self.arrival is Arrival.BROKEN_OFF

    @property
    def quarantined(self) -> bool:
        """Whether it shows another person's name or birth date: such a file is never shown (M5)."""
        return self.identity is not None and not self.identity.passed

    @property
    def counts(self) -> bool:
        """Whether it may be used: it is clean, nobody found it another's, and it was taken in if it came late."""
        return self.clean and not self.quarantined and self.late in (None, Late.TAKEN)

    @property
    def day(self) -> date:
        """The day it speaks of: of the examination or letter where somebody said it, else the day it came."""
        return self.dated_on or self.uploaded_at.date()

    @property
    def belongs_to_the_patient(self) -> bool:
        return self.identity is not None and self.identity.passed
