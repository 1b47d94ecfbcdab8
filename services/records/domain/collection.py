"""One case's collection as a whole: what may still happen to it, and what is missing (R20, R22, R27, R28)."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from services.records.domain.documents import Document, Late
from services.records.domain.freshness import refuse_too_old
from services.records.domain.items import SETTLED, Decision, Item, ItemId, ItemState, Kind, Standing
from services.records.domain.people import N_, Person, Refused, Unknown
from services.records.domain.slides import Shipment, refuse_uncounted
from shared.events import ProgrammeRef
from shared.ids import CaseId

NOT_LISTED = N_("This item isn't on the checklist of this case. Open the case again.")


@dataclass(frozen=True)
class Summary:
    """One version of the case summary for the specialists (R27)."""

    version: int
    text: str
    written_by: Person
    written_at: datetime
    signed_by: Person | None = None
    signed_at: datetime | None = None

    def __post_init__(self) -> None:
        if self.signed_by is not None and not self.text.strip():
            raise Refused("An empty summary can't be signed. Write it first.")


@dataclass(frozen=True)
class Missing:
    """One thing that stands between a case and completeness, in words for the case manager."""

    code: str
    sentence: str
    item: ItemId | None = None


@dataclass(frozen=True)
class Collection:
    """One case's collection: everything its completeness depends on.

    ``paid``: the price that was agreed first is in. ``revision``: the newest that counts, since a supplement does once
    it is paid. ``request_read``: the checklist knows what the patient asked for then. ``said`` answers the programme's
    questions of what exists.
    """

    case_id: CaseId
    case_number: str | None = None
    programme: ProgrammeRef | None = None
    services: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    request_read: bool = False
    manager: Person | None = None
    paid: bool = False
    revision: int = 0
    completed_revision: int = 0
    opened_at: datetime | None = None
    completed_at: datetime | None = None
    target_from: datetime | None = None
    target_to: datetime | None = None
    delivered_at: datetime | None = None
    withdrawn_at: datetime | None = None
    said: Mapping[str, bool] = field(default_factory=dict)
    items: tuple[Item, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    summary: Summary | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing more is expected of the partner: the opinion is out, or the case withdrawn."""
        return self.delivered_at is not None or self.withdrawn_at is not None

    @property
    def grown(self) -> bool:
        """Whether services were added, and paid, since the records were complete (R17)."""
        return self.completed_at is not None and self.revision > self.completed_revision

    @property
    def complete(self) -> bool:
        """Whether RecordsComplete stands for everything that counts."""
        return self.completed_at is not None and not self.grown

    @property
    def scans_arriving(self) -> bool:
        """Whether a folder of scans is still on its way: nothing is said of what is wrong with them before."""
        return any(d.arriving for item in self.items if item.kind is Kind.IMAGING for d in item.documents)

    def item(self, item_id: UUID) -> Item:
        """Return the item, or refuse: it isn't of this case."""
        for item in self.items:
            if item.id == item_id:
                return item
        raise Unknown(NOT_LISTED)

    def refuse_unless_open(self) -> None:
        """Refuse work on a case that isn't paid and open, or was withdrawn (R20, R29)."""
        if self.withdrawn_at is not None:
            raise Refused(N_("The case was withdrawn: its materials are closed."))
        if self.opened_at is None:
            raise Refused(N_("The collection opens when the payment is in."))


def receiving(collection: Collection, item_id: UUID) -> Item:
    """Return the item that a new document may go to, or refuse.

    Once the records are complete a document may still come to any line; it then waits for a decision (``came_late``).
    """
    item = collection.item(item_id)
    refuse_unless_receiving(collection, item)
    return item


def refuse_unless_receiving(collection: Collection, line: Item | Standing) -> None:
    """Refuse a new document for this line, for which ``receiving`` refuses one."""
    collection.refuse_unless_open()
    if collection.closed:
        raise Refused(N_("The opinion is out: nothing more is read for it. Write to your case manager."))
    if line.kind is Kind.SLIDES:
        raise Refused(N_("Slides travel by courier. Write down the parcel instead of uploading a file."))
    if line.state in SETTLED and not came_late(collection):
        raise Refused(N_("This item is settled and needs nothing more. Write to your case manager if that is wrong."))


def came_late(collection: Collection) -> bool:
    """Return whether what comes now comes after the proof of completeness, so that it may not change it silently."""
    return collection.complete


def taken_in(collection: Collection, document_id: UUID, words: str, by: Person, at: datetime) -> Item:
    """Return the item with a late document taken into it, with a word to the specialist; or refuse (R28).

    The document must be the patient's own and in English, as any other: what was waived becomes accepted by it.
    """
    item, document = _waiting(collection, document_id)
    if not words.strip():
        raise Refused("Say to the specialist what is new: they may have begun.")
    taken = replace(document, late=Late.TAKEN, late_words=words, late_by_name=by.name, late_at=at)
    documents = tuple(taken if one.id == document.id else one for one in item.documents)
    decision = item.decision if item.state is ItemState.ACCEPTED else Decision(ItemState.ACCEPTED, by, at)
    return replace(item, documents=documents, state=ItemState.ACCEPTED, decision=decision)


def put_aside(collection: Collection, document_id: UUID, words: str, by: Person, at: datetime) -> Item:
    """Return the item with a late document set aside, with a reason for whoever sent it; or refuse (R28)."""
    item, document = _waiting(collection, document_id)
    if not words.strip():
        raise Refused("Give the reason: whoever sent it will read it.")
    aside = replace(document, late=Late.ASIDE, late_words=words, late_by_name=by.name, late_at=at)
    return replace(item, documents=tuple(aside if one.id == document.id else one for one in item.documents))


def _waiting(collection: Collection, document_id: UUID) -> tuple[Item, Document]:
    collection.refuse_unless_open()
    for item in collection.items:
        for document in item.documents:
            if document.id == document_id:
                if document.late is not Late.WAITS:
                    raise Refused("This was decided already. Open the case again.")
                return item, document
    raise Unknown(N_("This document isn't of this case. Open the case again."))


def decided(collection: Collection, item_id: UUID, decision: Decision) -> Item:
    """Return the item with the decision taken, or refuse (R24, R28).

    A settled item may be decided again until the records are complete; afterwards what the specialist reads stands.
    """
    collection.refuse_unless_open()
    item = collection.item(item_id)
    if item.state in SETTLED and collection.completed_at is not None:
        raise Refused("The records are complete: what the specialist reads can't change any more.")
    if decision.state is ItemState.RETURNED and not item.documents:
        raise Refused("Nothing came for this item yet, so there is nothing to return.")
    _refuse_while_waiting(item, decision)
    if decision.state is ItemState.ACCEPTED and item.kind is Kind.SLIDES:
        refuse_uncounted(collection.shipments)
    documents = item.documents
    if decision.state is ItemState.RETURNED:
        documents = tuple(d if d.waiting else replace(d, set_aside=True) for d in documents)
    settled = replace(item, state=decision.state, decision=decision, documents=documents)
    if decision.state is ItemState.ACCEPTED:
        refuse_too_old(item, decision.at)
    return settled


def _refuse_while_waiting(item: Item, decision: Decision) -> None:
    """Refuse to accept before all that came has a verdict, and to return what has none: it goes before the manager later."""
    waiting = [d for d in item.documents if d.waiting]
    accepts = decision.state is ItemState.ACCEPTED and any(not d.set_aside for d in waiting)
    returns_nothing = decision.state is ItemState.RETURNED and len(waiting) == len(item.documents)
    if not accepts and not returns_nothing:
        return
    if any(d.arriving for d in waiting):
        raise Refused("A folder is still arriving for this item. Decide once all of it is here.")
    raise Refused("A file that came for this item is still being looked at. Wait a minute, then decide.")


def describing(collection: Collection, item_id: UUID, document: Document | None = None) -> Item:
    """Return the item whose documents may be described (language, identity, translation), or refuse."""
    collection.refuse_unless_open()
    item = collection.item(item_id)
    if item.state in SETTLED and (document is None or document.late is not Late.WAITS):
        raise Refused("This item is settled. Return it first if something about its documents is wrong.")
    return item


def completeness(collection: Collection) -> list[Missing]:
    """Return everything that is missing; an empty list, and nothing else, is what RecordsComplete proves (R24-R28)."""
    missing: list[Missing] = []
    if not collection.request_read:
        missing.append(Missing("request", "The patient's request hasn't been read yet, so the checklist may grow."))
    if collection.withdrawn_at is not None:
        missing.append(Missing("withdrawn", "The case was withdrawn."))
    if not collection.paid:
        missing.append(Missing("payment", "The payment for the confirmed services isn't in."))
    if collection.opened_at is None or not collection.items:
        missing.append(Missing("collection", "The collection isn't open."))
    missing.extend(
        Missing("item", f"“{item.title}” is neither accepted nor waived by name.", item.id)
        for item in collection.items
        if item.needed and item.state not in SETTLED
    )
    if any(i.kind is Kind.SLIDES and i.needed and i.state is ItemState.ACCEPTED for i in collection.items):
        try:
            refuse_uncounted(collection.shipments)
        except Refused as refused:
            missing.append(Missing("slides", str(refused)))
    if collection.summary is None or collection.summary.signed_by is None:
        missing.append(Missing("summary", "The case summary isn't signed."))
    return missing
