"""What the JSON interface shows of uploads, and of the files that came inside one."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from services.records.domain import Arrival, Verdict
from services.records.inspection.verdicts import sentence_of
from services.records.store.inside import Inside
from services.records.store.outcomes import Outcome
from services.records.store.uploads import Incoming

Translate = Callable[[str], str]


class OnItsWay(BaseModel):
    """A file of which ``received`` of ``size`` bytes are durable; go on with it at its address. ``sha256``: as its sender said."""

    id: UUID
    item_id: UUID
    name: str
    folder: UUID | None
    path: str | None
    size: int | None
    received: int
    started_at: datetime
    sha256: str | None


class Sent(BaseModel):
    """What became of a file: ``sentence`` tells its sender why it isn't clean, and what to do.

    ``sha256``: its sender's word until it was looked at. ``set_aside``: it was sent back. Of a folder, ``came`` of
    ``expected`` files are here; while it ``takes_more``, what is missing may be sent under its id.
    """

    id: UUID
    item_id: UUID
    name: str
    path: str | None
    size: int
    folder: UUID | None
    verdict: Verdict
    reason: str | None
    sentence: str | None
    files: dict[str, int]
    sha256: str | None
    set_aside: bool
    arrival: Arrival | None
    came: int | None
    expected: int | None
    takes_more: bool

    @classmethod
    def of(cls, one: Outcome, say: Translate) -> "Sent":
        return cls(
            id=one.id, item_id=one.item_id, name=one.name, path=one.path, size=one.size_bytes, folder=one.parent_id,
            verdict=one.verdict, reason=one.reason, sentence=one.reason and say(sentence_of(one.reason)), files=one.files,
            sha256=one.sha256, set_aside=one.set_aside, arrival=one.arrival, came=one.came, expected=one.expected,
            takes_more=one.takes_more,
        )  # fmt: skip


class UploadsView(BaseModel):
    """What one person sent for a case; of an archive, ``files`` counts what was in it by verdict or reason."""

    on_their_way: list[OnItsWay]
    sent: list[Sent]

    @classmethod
    def of(cls, on_their_way: Sequence[Incoming], sent: Sequence[Outcome], say: Translate) -> "UploadsView":
        return cls(
            on_their_way=[
                OnItsWay(
                    id=one.id, item_id=one.item_id, name=one.name, folder=one.folder_id, path=one.path, size=one.size,
                    received=one.received, started_at=one.started_at, sha256=one.claimed_sha256,
                )
                for one in on_their_way
            ],
            sent=[Sent.of(one, say) for one in sent],
        )  # fmt: skip


class FileView(BaseModel):
    """A file that came in a folder or archive; it opens as a document of its own ``id`` does."""

    id: UUID
    path: str
    media_type: str
    size: int
    pages: int | None

    @classmethod
    def of(cls, one: Inside) -> "FileView":
        return cls(**asdict(one))


class FilesView(BaseModel):
    """Some of the clean files of a folder or archive, by path; ``total`` counts all. Ask for more with ``skip``."""

    total: int
    files: list[FileView]
