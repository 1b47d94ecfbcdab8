"""What comes out of the sandbox, on its way to the database; all of it a stranger's word but for sizes and digests."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from services.records import vault
from services.records.inspection.scanning import UNSET, Scanned
from shared.ids import CaseId

_LONGEST_HEADER = 64 * 1024
_CODE = 40

Write = Callable[[str, bytes], None]


@dataclass(frozen=True)
class Waiting:
    """A file that is to be looked at; ``told`` files of an archive were told apart before. ``kind``: of its item."""

    id: UUID
    case_id: CaseId
    item_id: UUID
    parent_id: UUID | None
    root_id: UUID | None
    kind: str
    claimed_sha256: str | None
    told: int
    sent_by: str


@dataclass
class Looked:
    """What was found in one file; ``reason`` None: nothing speaks against it."""

    id: UUID
    sha256: str | None
    reason: str | None
    media_type: str | None = None
    pages: int | None = None
    header: dict[str, Any] | None = None
    scanned: Scanned = UNSET


@dataclass
class Child:
    """A file that came inside an archive, stored as its bytes come; what isn't clean keeps none."""

    id: UUID
    number: int
    path: str
    size: int
    reason: str | None
    media_type: str | None
    pages: int | None
    header: dict[str, Any] | None
    sha256: str | None = None
    scanned: Scanned = UNSET
    segments: list[tuple[str, int]] = field(default_factory=list)
    _digest: Any = field(default_factory=hashlib.sha256)
    _held: bytearray = field(default_factory=bytearray)
    _came: int = 0

    @classmethod
    def read(cls, meta: dict[str, Any], child_id: UUID) -> "Child":
        """Read what the sandbox says. Raises ``KeyError``, ``ValueError``, ``TypeError`` when it is none of that."""
        told = meta["child"]
        reason = told.get("reason")
        pages = told.get("pages")
        return cls(
            child_id, int(meta["number"]), str(told["path"]), int(told["size"]), str(reason)[:_CODE] if reason else None,
            told.get("media_type"), int(pages) if pages else None, told.get("header"),
        )  # fmt: skip

    def take(self, piece: bytes, write: Write) -> None:
        """Take bytes as they come; a full segment is written at once."""
        self._digest.update(piece)
        self._held += piece
        self._came += len(piece)
        while len(self._held) > vault.SEGMENT:
            self._put(vault.SEGMENT, write)

    def finish(self, write: Write, known: set[str]) -> None:
        """Write what is left, unless the case has this very file already."""
        if self.reason is not None:
            return
        self.sha256, self.size = self._digest.hexdigest(), self._came
        if self.sha256 in known:
            self.reason = "known"
        elif self._held:
            self._put(len(self._held), write)
        self._held.clear()

    def _put(self, size: int, write: Write) -> None:
        key = vault.new_segment(self.id, len(self.segments))
        write(key, bytes(memoryview(self._held)[:size]))
        del self._held[:size]
        self.segments.append((key, size))


@dataclass(frozen=True)
class Told:
    """What is committed together: single files; or files of an archive, ``before`` of which were told earlier."""

    looked: list[Looked]
    archive: Waiting | None = None
    children: list[Child] = field(default_factory=list)
    before: int = 0
