"""Files on their way in: taken in pieces, each durable before it counts, until one is whole and waits to be looked at.

Whatever dies in between, what was counted is there and no more; a later request goes on where the count stands. The
object of a piece is written before it counts, under a key that was announced before: what never counted is found and swept.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID, uuid4

from services.records import arriving, desks, files, sweeping, vault
from services.records.domain import Kind, Refused, receiving, refuse_unless_receiving, tidy_path
from services.records.inspection import kinds
from services.records.inspection.verdicts import SENTENCES
from services.records.settings import Settings
from services.records.store import cases
from services.records.store import uploads as store
from services.records.store.uploads import Incoming
from shared.backbone import failpoints, timers
from shared.db import Tx
from shared.files import plain_name
from shared.ids import CaseId, new_id
from shared.service import Context
from shared.web import N_, Principal, Problem

MOST_SEGMENTS = 20_000
PART = 16 * vault.FRAME
"""Bytes that are sealed and written at a time."""
AHEAD = 4 * vault.FRAME
"""Bytes that are taken in while the database still decides whether they may come."""


class Elsewhere(Exception):
    """The upload stands at another offset than the request thinks, or another request took it over."""


class TooManyPieces(Refused):
    """The file comes in pieces so small that their list would outgrow it."""


@dataclass(frozen=True)
class Announced:
    """What a sender says of a file before its bytes. ``path``: where in a folder it lies; ``folder``: an id for the folder.

    ``folder_files``: how many files it has.
    """

    name: str
    size: int | None = None
    sha256: str | None = None
    folder: UUID | None = None
    path: str | None = None
    folder_files: int | None = None


async def begin(
    ctx: Context, tx: Tx, who: Principal, case_id: UUID, item_id: UUID, told: Announced, upload_id: UUID | None = None
) -> Incoming:
    """Announce a file for an item that may take one. Raises ``Refused``, ``files.Unacceptable``; ``Problem`` if not theirs."""
    settings: Settings = ctx.settings
    (await desks.see(tx, who, case_id)).item(item_id)
    item = receiving(await cases.lock(tx, CaseId(case_id)), item_id)
    if told.size == 0:
        raise files.Unreadable(files.EMPTY)
    if told.size is not None and told.size > settings.max_upload_bytes:
        raise files.TooLarge(files.TOO_LARGE, limit=settings.max_upload_bytes // 1024**2)
    path = tidy_path(told.path or told.name)
    one = Incoming(
        upload_id or new_id(), CaseId(case_id), item.id, told.folder, path, plain_name(told.name), told.size, told.sha256,
        None, store.Laid((), sealed=True), 0, desks.person(who), tx.now, told.folder_files,
    )  # fmt: skip
    await store.begin(tx, one)
    one = await store.incoming(tx, one.case_id, one.id) or one
    await timers.set(tx, CaseId(case_id), sweeping.SWEEP, tx.now + settings.orphan_age + settings.orphan_age / 24)
    return one


@dataclass
class _Writing:
    """One request that adds to an upload, sealed and written as its bytes come, a part at a time.

    ``keys``: where the next two segments will lie. They were announced, so that what lies there is swept if this process
    dies before it counts. ``part``, ``counting``: what is on its way to the disk, and into the database.
    """

    ctx: Context
    one: Incoming
    kind: Kind
    room: vault.Vault
    writer: UUID
    keys: list[str]
    allowed: frozenset[str]
    buffer: bytearray = field(default_factory=bytearray)
    segment: vault.Segment | None = None
    filled: int = 0
    part: "asyncio.Task[None] | None" = None
    counting: "asyncio.Task[None] | None" = None

    def __post_init__(self) -> None:
        self._sent, self._begun = self.one.received, len(self.one.laid.segments)

    async def take(self, chunk: bytes) -> None:
        """Take bytes as they come. Raises ``files.Unacceptable``, ``Elsewhere``."""
        self.buffer += chunk
        limit = self.one.size if self.one.size is not None else self.ctx.settings.max_upload_bytes
        if self._sent + len(self.buffer) > limit:
            raise files.TooLarge(files.TOO_LARGE, limit=self.ctx.settings.max_upload_bytes // 1024**2)
        if len(self.buffer) >= kinds.HEAD:
            self.refuse_unknown()
        while len(self.buffer) > PART:  # the last part of all is told apart: some bytes are held back for it
            await self.write(PART, ends=self.filled + PART == vault.SEGMENT)

    def refuse_unknown(self) -> None:
        """Refuse by its first bytes what is of no kind that this item takes. Raises ``files.Unreadable``.

        A first request that brings less than that, and not all, is let pass: the inspection sees the whole file.
        """
        if self._sent or self.one.media_type is not None or not self.buffer:
            return
        if len(self.buffer) < kinds.HEAD and self.one.size not in (None, len(self.buffer)):
            return
        kind = kinds.kind_of(bytes(self.buffer[: kinds.HEAD]))
        if kind == kinds.ARCHIVE:
            raise files.Unreadable(SENTENCES["other_archive"])
        if kind is None or kind not in self.allowed:
            raise files.Unreadable(files.WRONG_IMAGES if self.kind is Kind.IMAGING else files.WRONG_DOCUMENT)
        self.one = replace(self.one, media_type=kind)

    async def write(self, size: int, *, ends: bool, nothing_follows: bool = False) -> None:
        """Begin to write the first bytes of the buffer, behind the part under way; ``ends``: with them a segment is whole."""
        plain, self.buffer = memoryview(self.buffer)[:size], self.buffer[size:]
        self._sent += size
        await _settled(self.part)
        if self.segment is None:
            self.segment = self._begin_segment()
        segment, self.filled = self.segment, self.filled + size
        self.part = asyncio.create_task(asyncio.to_thread(segment.add, plain, last=ends))
        if ends:
            await _settled(self.counting)
            self.counting = asyncio.create_task(self._count(segment, self.part, nothing_follows=nothing_follows))
            self.segment, self.filled = None, 0

    def _begin_segment(self) -> vault.Segment:
        if self._begun >= MOST_SEGMENTS:
            raise TooManyPieces(N_("The file came in too many small pieces. Send it again in larger ones."))
        self._begun += 1
        return vault.Segment(self.room, self.keys.pop(0))

    async def end(self) -> None:
        """Write what is left, and wait until all is durable and counted."""
        if self.buffer:
            await self.write(len(self.buffer), ends=True, nothing_follows=True)
        await _settled(self.counting)

    async def drop(self) -> None:
        """Let what is under way end, and forget the rest."""
        under_way = [task for task in (self.part, self.counting) if task is not None]
        await asyncio.gather(*under_way, return_exceptions=True)
        if self.segment is not None:
            await asyncio.to_thread(self.segment.drop)

    async def _count(self, segment: vault.Segment, written: "asyncio.Task[None]", *, nothing_follows: bool) -> None:
        """Count a segment once it is written, announcing where the second after it will lie; with the last, make a document."""
        await written
        failpoints.reach("uploads.written")
        laid = replace(self.one.laid, segments=(*self.one.laid.segments, (segment.name, segment.size)))
        received = self.one.received + segment.size
        over = nothing_follows or received == self.one.size
        settled, following = [segment.name], vault.new_segment(self.one.id, len(laid.segments) + 1)
        ends = received == self.one.size
        async with self.ctx.db.transaction() if ends else self.ctx.db.statements() as tx:
            if not await store.add_segment(
                tx, self.one, self.writer, segment.name, segment.size,
                settled=[*settled, *self.keys] if over else settled, announced=[] if over else [following],
            ):  # fmt: skip
                raise Elsewhere
            self.one = replace(self.one, laid=laid, received=received)
            if ends:
                await finish(tx, self.one, self.one.id)
                failpoints.reach("uploads.finished")
        self.keys.append(following)
        failpoints.reach("uploads.counted")


async def _settled(task: "asyncio.Task[None] | None") -> None:
    """Wait for a task, which goes on when who waits is told to stop."""
    if task is not None:
        await asyncio.shield(task)


async def append(writing: _Writing, chunks: AsyncIterable[bytes]) -> Incoming:
    """Add ``chunks`` to what was taken over and return the upload as it stands; with its last byte it is a document.

    A sender that breaks off leaves what came. Raises ``Elsewhere``, ``files.Unacceptable`` (nothing of a file that is of
    no known kind is kept), ``Refused``.
    """
    source = aiter(chunks)
    try:
        while (chunk := await _next(source, writing)) is not None:
            await writing.take(chunk)
        writing.refuse_unknown()
        await writing.end()
    except BaseException:  # ours, or told to stop: bytes may be missing behind those that count, and what follows can't
        await asyncio.shield(writing.drop())
        raise
    return writing.one


@asynccontextmanager
async def meanwhile(chunks: AsyncIterable[bytes]) -> AsyncIterator[AsyncIterator[bytes]]:
    """Take in the first bytes (``AHEAD``) while the block decides whether they may be written; lend them, and those behind."""
    source = aiter(chunks)
    first = asyncio.create_task(_first(source))

    async def all_of_them() -> AsyncIterator[bytes]:
        held, broke_off = await first
        for chunk in held:
            yield chunk
        if broke_off is not None:
            raise broke_off
        async for chunk in source:
            yield chunk

    try:
        yield all_of_them()
    except BaseException:
        first.cancel()
        raise


async def _first(source: AsyncIterator[bytes]) -> tuple[list[bytes], Exception | None]:
    held, size = [], 0
    try:
        while size < AHEAD and (chunk := await anext(source, b"")):
            held.append(chunk)
            size += len(chunk)
    except Exception as broke_off:  # noqa: BLE001 - raised behind what came before, where the sender's leaving is dealt with
        return held, broke_off
    return held, None


async def _next(source: AsyncIterator[bytes], writing: _Writing) -> bytes | None:
    """Return the next bytes; None when there are no more. When the sender breaks off, what came is made durable first."""
    try:
        return await anext(source)
    except StopAsyncIteration:
        return None
    except Problem:  # what came is not what was sent
        raise
    except Exception:  # a sender breaks off in as many ways as there are connections
        if writing.one.media_type is not None or writing.one.received:
            await writing.end()
        raise


async def take_over(
    ctx: Context, tx: Tx, who: Principal, one: Incoming, only: frozenset[str] | None = None
) -> _Writing:
    """Let this request alone add to an upload from where it stands, once ``tx`` commits; it holds nothing locked.

    ``only``: the media types that may come, where they are fewer than those that the item takes. Raises ``Elsewhere``,
    ``Refused``; ``Problem`` if not theirs.
    """
    writer, first = uuid4(), len(one.laid.segments)
    keys = [vault.new_segment(one.id, number) for number in (first, first + 1)]
    collection, line = await desks.see_line(tx, who, one.case_id, one.item_id)
    refuse_unless_receiving(collection, line)
    room = await vault.vault_of(ctx, tx, one.case_id)
    if not await store.take_over(tx, one.id, writer, one.received, keys):
        raise Elsewhere
    return _Writing(ctx, one, line.kind, room, writer, keys, only or kinds.TAKEN[line.kind])


async def finish(
    tx: Tx, one: Incoming, document_id: UUID, sha256: str | None = None, quiet: timedelta = arriving.QUIET
) -> None:
    """Make a document of a file that is all there. It waits; what it is for isn't changed until it was looked at.

    Its folder isn't judged before it was ``quiet`` for so long, or its sender says that nothing more comes.
    """
    receiving(await cases.lock(tx, one.case_id), one.item_id)
    if one.folder_id is not None:
        await arriving.join(tx, one, quiet)
    await store.add_document(tx, one, document_id, vault.place(one.id), sha256)
    await timers.set(tx, one.case_id, sweeping.LOOK, tx.now)


async def take_in(tx: Tx, one: Incoming, document_id: UUID, sha256: str) -> bool:
    """Make a document, under an id of its sender's making, of a file that is all there; False: it is one already.

    Raises ``Refused`` when another file has this id.
    """
    await cases.hold(tx, one.case_id)
    known = await store.file_of(tx, document_id)
    if known is None:
        await finish(tx, one, document_id, sha256)
        return True
    if (known.case_id, known.item_id, known.sha256) != (one.case_id, one.item_id, sha256):
        raise Refused(N_("Another file was sent under this id. Send this one under a new id."))
    return False


async def stream_in(
    ctx: Context, who: Principal, case_id: UUID, item_id: UUID, chunks: AsyncIterable[bytes], name: str,
    only: frozenset[str] | None = None,
) -> tuple[Incoming, str]:  # fmt: skip
    """Take in a file of unknown length to its end, and return it with its SHA-256; the caller finishes it.

    Raises ``files.Unreadable`` for an empty one too.
    """
    digest = hashlib.sha256()

    async def measured() -> AsyncIterable[bytes]:
        async for chunk in chunks:
            digest.update(chunk)
            yield chunk

    async with ctx.db.transaction() as tx:
        one = await begin(ctx, tx, who, case_id, item_id, Announced(name))
        writing = await take_over(ctx, tx, who, one, only)
    try:
        whole = await append(writing, measured())
        if whole.received:
            return whole, digest.hexdigest()
        raise files.Unreadable(files.EMPTY)
    except files.Unacceptable:
        await sweeping.give_up(ctx, one.case_id, one.id)
        raise
