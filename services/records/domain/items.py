"""The checklist's items: needed, uploaded, accepted, returned, waived by name, each with its documents (R23, R24, R28)."""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import NewType
from uuid import UUID

from services.records.domain.documents import ENGLISH, NO_WORDS, Document, DocumentId
from services.records.domain.people import Person, Refused

ItemId = NewType("ItemId", UUID)


class Asked(StrEnum):
    """Who is asked first for an item (R22)."""

    PATIENT = "patient"
    LOCAL_PHYSICIAN = "local_physician"
    PROVIDER = "provider"


class Kind(StrEnum):
    """What a needed item is made of, and so how it comes in."""

    DOCUMENT = "document"
    IMAGING = "imaging"
    SLIDES = "slides"
    FORM = "form"


class ItemState(StrEnum):
    """Where an item of the checklist stands; the patient sees these in words."""

    NEEDED = "needed"
    UPLOADED = "uploaded"
    ACCEPTED = "accepted"
    RETURNED = "returned"
    WAIVED = "waived"


SETTLED = frozenset({ItemState.ACCEPTED, ItemState.WAIVED})


@dataclass(frozen=True)
class Decision:
    """What was decided about an item, by whom, when, and why.

    ``code`` names the reason's template, which exists in every language of the programme. ``meaning``: what a waiver
    means for the opinion (R28).
    """

    state: ItemState
    by: Person
    at: datetime
    reason: str | None = None
    code: str | None = None
    meaning: str | None = None

    def __post_init__(self) -> None:
        if self.state not in SETTLED | {ItemState.RETURNED}:
            raise Refused("An item is decided by accepting, returning or waiving it.")
        if self.state is not ItemState.ACCEPTED and not (self.reason or "").strip():
            raise Refused("Give the reason: the patient and the specialist will read it.")
        if self.meaning and self.state is not ItemState.WAIVED:
            raise Refused("Only what is waived means something for the opinion. Leave that out.")


@dataclass(frozen=True)
class Item:
    """One line of a case's checklist: a requirement, what came for it, and what was decided (M3).

    ``about`` says, per language, ``why`` it is needed, its ``way`` from the hospital, what it means to be ``without``
    it, and how a letter words the ``request``. ``never_made``: the patient's side says that there is none.
    ``lapsed_on``: the day of what was accepted once and has become too old.
    """

    id: ItemId
    code: str
    titles: Mapping[str, str]
    kind: Kind
    needed: bool
    state: ItemState = ItemState.NEEDED
    documents: tuple[Document, ...] = ()
    decision: Decision | None = None
    hints: Mapping[str, str] = field(default_factory=dict)
    about: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    asked: Asked = Asked.PATIENT
    max_age: timedelta | None = None
    never_made: bool = False
    lapsed_on: date | None = None
    waiting_since: datetime | None = None
    providers: tuple[UUID, ...] = ()
    version: int = 1

    def __post_init__(self) -> None:
        decided = self.state in SETTLED | {ItemState.RETURNED}
        if decided != (self.decision is not None) or (self.decision and self.decision.state is not self.state):
            raise Refused("The item's state doesn't follow from its decision.")
        if self.state is ItemState.ACCEPTED and self.kind is not Kind.SLIDES:
            self._refuse_unproven()

    @property
    def title(self) -> str:
        """The English name."""
        return self.titles["en"]

    @property
    def waived(self) -> bool:
        """Whether the case goes ahead without it (R28)."""
        return self.state is ItemState.WAIVED

    def in_use(self) -> tuple[Document, ...]:
        """Documents that count: clean, the patient's own, and not set aside unless a translation rests on them."""
        originals = {d.translation_of for d in self.documents if not d.set_aside and d.counts}
        return tuple(d for d in self.documents if d.counts and (not d.set_aside or d.id in originals))

    def relied_on(self) -> tuple[Document, ...]:
        """Documents that the opinion may rest on: in use in an accepted line, each compared with the patient."""
        if self.state is not ItemState.ACCEPTED:
            return ()
        return tuple(document for document in self.in_use() if document.belongs_to_the_patient)

    def undescribed(self) -> tuple[Document, ...]:
        """Documents that wait for somebody who says their language and whose they are."""
        return tuple(
            d for d in self.documents if d.clean and not d.set_aside and d.language is None and d.identity is None
        )

    def showing(self, documents: tuple[Document, ...], decision: Decision | None) -> "Item":
        """Return the item for somebody who may see these documents alone, and this of what was decided; its state stands."""
        shown = copy(self)
        object.__setattr__(shown, "documents", documents)
        object.__setattr__(shown, "decision", decision)
        return shown

    def _refuse_unproven(self) -> None:
        documents = self.in_use()
        if not documents:
            raise Refused(f"“{self.title}” has no document to accept. Ask for one, or waive the item by name.")
        translated = {d.translation_of for d in documents if d.belongs_to_the_patient}
        for document in documents:
            if not document.belongs_to_the_patient:
                raise Refused("Compare the name and birth date on each document with the patient's before accepting.")
            if document.language is None:
                raise Refused("Say which language each document is in before accepting.")
            readable = document.language == ENGLISH or (self.kind is Kind.IMAGING and document.language == NO_WORDS)
            if not readable and document.id not in translated:
                raise Refused("A document that isn't in English needs its translation: upload it and tie it here.")


@dataclass(frozen=True)
class Standing:
    """What of an item says whether it takes a document, whatever came for it before."""

    kind: Kind
    state: ItemState


def tied(item: Item, translation: DocumentId, original: DocumentId) -> Item:
    """Return ``item`` with a translation tied to its original (R24); both must be of this item, and only one deep."""
    by_id = {d.id: d for d in item.documents}
    if translation not in by_id or original not in by_id:
        raise Refused("A translation and its original belong to the same item of the checklist.")
    if by_id[original].translation_of is not None or by_id[original].language == ENGLISH:
        raise Refused("Tie the translation to the document in the original language.")
    if any(d.translation_of == translation for d in item.documents):
        raise Refused("This document is itself the original of a translation.")
    documents = tuple(replace(d, translation_of=original) if d.id == translation else d for d in item.documents)
    return replace(item, documents=documents)
