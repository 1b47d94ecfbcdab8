"""Which part of a case each sender sees: nobody sees what isn't theirs (R22, M13)."""

from dataclasses import dataclass, replace
from enum import StrEnum

from services.records.domain.collection import Collection
from services.records.domain.documents import Document
from services.records.domain.items import Asked, Item


class Side(StrEnum):
    """As whom somebody deals with a case."""

    EVERYTHING = "everything"
    READER = "reader"
    HELPER = "helper"
    LOCAL_PHYSICIAN = "local_physician"


@dataclass(frozen=True)
class Part:
    """What of a case somebody sees: all of it, or the lines that concern them and what they sent as ``subject``."""

    side: Side
    subject: str

    def of(self, collection: Collection) -> Collection:
        """Return the collection as they may see it; what isn't in it doesn't exist for them."""
        if self.side is Side.EVERYTHING:
            return collection
        if self.side is Side.READER:
            return replace(collection, items=tuple(_relied_on(item) for item in collection.items))
        items = tuple(self._of_item(item) for item in collection.items if self._concerns(item))
        return replace(collection, items=items, shipments=(), summary=None)

    def _concerns(self, item: Item) -> bool:
        if self.side is Side.HELPER:
            return True
        return item.asked is Asked.LOCAL_PHYSICIAN or any(self._sent(document) for document in item.documents)

    def _of_item(self, item: Item) -> Item:
        """Leave out what others sent; where nothing of it is theirs, also who decided what about it, and why."""
        mine = tuple(document for document in item.documents if self._sent(document))
        return item.showing(mine, item.decision if mine else None)

    def _sent(self, document: Document) -> bool:
        return document.uploaded_by.subject == self.subject


def _relied_on(item: Item) -> Item:
    """Leave out what nobody compared and accepted: a specialist reads what the records rest on (R28, M5)."""
    return item.showing(item.relied_on(), item.decision)
