"""What a queue is, one item of it, and how far a follower has read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.ids import CaseId


@dataclass(frozen=True, slots=True)
class Facet:
    """One way to narrow a queue: by the member ``name`` of its items' ``data``.

    ``words`` says what a value is called, in the order in which choices are offered; a function names values that
    nobody could list beforehand, and the commonest come first. ``first`` is chosen until somebody chooses otherwise.
    """

    name: str
    title: str
    words: Mapping[str, str] | Callable[[str], str]
    first: tuple[str, ...] = ()

    def word(self, value: str) -> str:
        """Return what a value is called; an unknown one is called by its code."""
        return self.words(value) if callable(self.words) else self.words.get(value, value)


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and the roles (by value) that may see it and claim from it."""

    name: str
    title: str
    roles: tuple[str, ...]
    facets: tuple[Facet, ...] = ()

    def about(self, item: "Item") -> str:
        """Return what staff read under an item's title: its facets in words."""
        known = [(one, item.data.get(one.name)) for one in self.facets]
        return " · ".join(one.word(value) for one, value in known if isinstance(value, str))

    def as_json(self, item: "Item") -> dict[str, Any]:
        """Return an item for JSON, with its facets in words: times in ISO 8601, ids as text."""
        return {
            "id": str(item.id),
            "queue": item.queue,
            "item_key": item.item_key,
            "case_id": str(item.case_id),
            "title": item.title,
            "about": self.about(item),
            "due": item.due and item.due.isoformat(),
            "state": item.state,
            "claimed_by": item.claimed_by,
            "claimed_name": item.claimed_name,
            "created_at": item.created_at.isoformat(),
            "data": item.data,
        }


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to do for one case, as it stands. ``data`` may hold what the desk shows; ``href`` is where it opens."""

    id: UUID
    queue: str
    item_key: str
    case_id: CaseId
    title: str
    due: datetime | None
    state: str
    claimed_by: str | None
    claimed_name: str | None
    created_at: datetime
    data: dict[str, Any] = field(default_factory=dict)


COLUMNS = "id, queue, item_key, case_id, title, due, state, claimed_by, claimed_name, created_at, data"


class Taken(Exception):
    """Somebody else has it; ``by`` is their name."""

    def __init__(self, by: str) -> None:
        super().__init__(f"{by} has it")
        self.by = by


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """How far a follower has read; its text form is what SSE sends as event id."""

    xid: int
    change: int

    def __str__(self) -> str:
        return f"{self.xid}-{self.change}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Return the cursor that ``text`` spells; raises ``ValueError``."""
        xid, change = text.split("-")
        if not 0 <= int(xid) < 2**63 or not 0 <= int(change) < 2**63:
            raise ValueError("no change has this number")
        return cls(int(xid), int(change))
