"""What the JSON interface shows and takes: shapes without subjects, so nobody learns more than a name they may know."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from services.records.domain import (
    Arrival,
    Asked,
    Collection,
    Document,
    Item,
    Late,
    Leg,
    Missing,
    Shipment,
    Verdict,
    completeness,
    slides_in,
)
from services.records.store.access import FeedRow, ReadLine
from shared.web import Incoming

Words = Annotated[str, Field(min_length=1, max_length=2000)]
Language = Annotated[str, Field(pattern="^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$", description='BCP 47; "zxx": no words')]
Count = Annotated[int, Field(ge=0, le=10_000)]


class Describe(Incoming):
    """What a document is: its language, the original it translates (R24), its pages."""

    language: Language
    translation_of: UUID | None = None
    pages: Annotated[int, Field(gt=0, le=100_000)] | None = None
    dated_on: date | None = None


class CheckIdentity(Incoming):
    """Whether the name and the birth date on a document are the patient's (M5)."""

    name_matches: bool
    birth_date_matches: bool


class Return(Incoming):
    """Why an item is returned: a template of the programme by its code, words of one's own, or both."""

    reason: Annotated[str, Field(max_length=2000)] = ""
    code: Annotated[str, Field(pattern="^[a-z][a-z0-9_]*$", max_length=60)] | None = None

    @model_validator(mode="after")
    def _says_why(self) -> "Return":
        if not self.reason and self.code is None:
            raise ValueError("give the reason: a template's code, words, or both")
        return self


class Waive(Incoming):
    """Why the case goes ahead without an item, and what that means for the opinion; unsaid, what the programme says."""

    reason: Words
    meaning: Annotated[str, Field(max_length=2000)] = ""


class SettleLate(Incoming):
    """What becomes of a document that came after completeness: words to the specialist, or to who sent it."""

    take_in: bool
    words: Words


class Accept(Incoming):
    """Nothing to add: the name is the signed-in person's."""


class PackSlides(Incoming):
    """A parcel's manifest (R26)."""

    leg: Leg
    slides: Count
    blocks: Count = 0
    courier: Annotated[str, Field(max_length=100)] = ""
    tracking: Annotated[str, Field(max_length=100)] = ""


class CountSlides(Incoming):
    """What was in a parcel when it was opened."""

    slides: Count
    blocks: Count = 0


class WriteSummary(Incoming):
    """The case summary for the specialists (R27), as plain text."""

    text: Annotated[str, Field(min_length=1, max_length=50_000)]


class DocumentView(BaseModel):
    """One document as its readers see it. ``files``: how many came in it, when it is a folder or an archive.

    Of a folder, ``came`` of ``expected`` files are here.
    """

    id: UUID
    name: str
    media_type: str
    size: int
    sha256: str | None
    pages: int | None
    language: str | None
    translation_of: UUID | None
    identity: Literal["unchecked", "matches", "another_person"]
    set_aside: bool
    dated_on: date | None
    late: Late | None
    late_words: str | None
    uploaded_at: datetime
    verdict: Verdict
    reason: str | None
    files: int
    arrival: Arrival | None
    came: int | None
    expected: int | None
    scanned: str | None
    unscanned: str | None

    @classmethod
    def of(cls, document: Document) -> "DocumentView":
        identity: Literal["unchecked", "matches", "another_person"] = "unchecked"
        if document.identity is not None:
            identity = "matches" if document.belongs_to_the_patient else "another_person"
        return cls(
            identity=identity, **{name: getattr(document, name) for name in cls.model_fields if name != "identity"}
        )


class ItemView(BaseModel):
    """One line of the checklist. ``version`` is its ETag; ``waived_reason`` says why the case goes ahead without it.

    ``waived_meaning``: what that means for the opinion (R28). ``lapsed_on``: what was accepted was of that day, and is
    older than ``max_age_days`` by now. ``providers`` have it.
    """

    id: UUID
    code: str
    title: str
    kind: str
    needed: bool
    state: str
    reason: str | None
    reason_code: str | None
    waived_reason: str | None
    waived_meaning: str | None
    decided_by: str | None
    decided_at: datetime | None
    why: str | None
    how: str | None
    asked: Asked
    max_age_days: int | None
    lapsed_on: date | None
    never_made: bool
    providers: list[UUID]
    version: int
    documents: list[DocumentView]

    @classmethod
    def of(cls, item: Item, *, waiting: bool = True) -> "ItemView":
        decision = item.decision
        return cls(
            id=item.id, code=item.code, title=item.title, kind=item.kind, needed=item.needed, state=item.state,
            reason=decision and decision.reason, waived_reason=decision.reason if decision and item.waived else None,
            reason_code=decision and decision.code, waived_meaning=decision and decision.meaning,
            decided_by=decision and decision.by.name, decided_at=decision and decision.at, version=item.version,
            why=item.about.get("why", {}).get("en"), how=item.about.get("way", {}).get("en"), asked=item.asked,
            max_age_days=item.max_age.days if item.max_age else None, lapsed_on=item.lapsed_on,
            never_made=item.never_made, providers=list(item.providers),
            documents=[
                DocumentView.of(document) for document in item.documents
                if not document.quarantined and (document.clean or (waiting and document.waiting))
            ],
        )  # fmt: skip


class ParcelView(BaseModel):
    """One parcel of slides, with both counts."""

    id: UUID
    leg: Leg
    courier: str
    tracking: str
    expected_slides: int
    expected_blocks: int
    counted_slides: int | None
    counted_blocks: int | None
    agrees: bool

    @classmethod
    def of(cls, parcel: Shipment) -> "ParcelView":
        counted = parcel.counted
        return cls(
            id=parcel.id, leg=parcel.leg, courier=parcel.courier, tracking=parcel.tracking,
            expected_slides=parcel.expected.slides, expected_blocks=parcel.expected.blocks, agrees=parcel.agrees,
            counted_slides=counted and counted.slides, counted_blocks=counted and counted.blocks,
        )  # fmt: skip


class MissingView(BaseModel):
    """One thing that is missing, in words."""

    code: str
    sentence: str
    item: UUID | None

    @classmethod
    def of(cls, missing: Missing) -> "MissingView":
        return cls(code=missing.code, sentence=missing.sentence, item=missing.item)


class ChecklistView(BaseModel):
    """A case's collection: the proof of its completeness, requirement by requirement (M3)."""

    case_id: UUID
    case_number: str | None
    case_manager: str | None
    opened_at: datetime | None
    completed_at: datetime | None
    items: list[ItemView]
    parcels: list[ParcelView]
    missing: list[MissingView]

    @classmethod
    def of(cls, collection: Collection, *, documents: bool, waiting: bool) -> "ChecklistView":
        items = [ItemView.of(item, waiting=waiting) for item in collection.items]
        return cls(
            case_id=collection.case_id, case_number=collection.case_number,
            case_manager=collection.manager and collection.manager.name,
            opened_at=collection.opened_at, completed_at=collection.completed_at,
            items=items if documents else [item.model_copy(update={"documents": []}) for item in items],
            parcels=[ParcelView.of(parcel) for parcel in collection.shipments],
            missing=[MissingView.of(missing) for missing in completeness(collection)],
        )  # fmt: skip


class SummaryView(BaseModel):
    """The case summary and what it rests on: what matching shows the specialist (R27, R28). Text free of HTML."""

    summary_html_free_text: str | None
    version: int
    signed_by: str | None
    signed_at: datetime | None
    items: list[ItemView]
    slides: int

    @classmethod
    def of(cls, collection: Collection) -> "SummaryView":
        summary = collection.summary
        signed = summary.signed_by if summary else None
        return cls(
            summary_html_free_text=summary.text if summary else None, version=summary.version if summary else 0,
            signed_by=signed and signed.name, signed_at=summary.signed_at if summary else None,
            items=[ItemView.of(item, waiting=False) for item in collection.items], slides=slides_in(collection.shipments),
        )  # fmt: skip


class Made(BaseModel):
    """The id or the version of what was made."""

    id: UUID | None = None
    version: int | None = None


class FeedView(BaseModel):
    """A page of the partner's feed; ask again with ``cursor``, at once when ``more``."""

    events: list[FeedRow]
    cursor: str
    more: bool


class ReadsView(BaseModel):
    """Who opened which document of a case, the latest first (M13); ``total`` counts all. Ask for more with ``skip``."""

    total: int
    reads: list[ReadLine]
