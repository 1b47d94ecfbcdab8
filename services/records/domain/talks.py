"""Questions and answers: one thread for each line of the checklist and each sender (R22)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

PATIENT, LOCAL_PHYSICIAN = "patient", "local_physician"


@dataclass(frozen=True)
class Message:
    """One message; ``party`` is the sender whose thread it is, whoever of the two wrote it."""

    id: UUID
    item_id: UUID
    party: str
    from_desk: bool
    by_name: str
    text: str
    at: datetime
    read_at: datetime | None = None


@dataclass(frozen=True)
class Thread:
    """What one sender and the case manager said to each other about one line, the oldest first."""

    item_id: UUID
    party: str
    messages: tuple[Message, ...]

    def unread(self, *, by_desk: bool) -> tuple[Message, ...]:
        """Return what one side hasn't read of what the other wrote."""
        return tuple(one for one in self.messages if one.read_at is None and one.from_desk is not by_desk)


def threads(messages: Iterable[Message]) -> dict[UUID, list[Thread]]:
    """Return the threads of each line, the one that was begun first first."""
    found: dict[tuple[UUID, str], list[Message]] = {}
    for one in messages:
        found.setdefault((one.item_id, one.party), []).append(one)
    by_line: dict[UUID, list[Thread]] = {}
    for (item_id, party), said in found.items():
        by_line.setdefault(item_id, []).append(Thread(item_id, party, tuple(said)))
    return by_line
