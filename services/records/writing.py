"""The bytes of one request, on their way into a file: sealed and written as they come, each part durable before it counts.

The object of a piece is written before it counts, under a key that was announced before: what never counted is found and
swept.
"""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from uuid import UUID

from services.records import files, vault
from services.records.domain import Kind, Refused
from services.records.inspection import kinds
from services.records.inspection.verdicts import SENTENCES
from services.records.store import uploads as store
from services.records.store.uploads import Incoming
from shared.backbone import failpoints
from shared.db import Tx
from shared.service import Context
from shared.web import N_, Problem

MOST_SEGMENTS = 20_000
PART = 16 * vault.FRAME
"""Bytes that are sealed and written at a time."""
AHEAD = 4 * vault.FRAME
"""Bytes that are taken in while the database still decides whether they may come."""


class Elsewhere(Exception):
    """The upload stands at another offset than the request thinks, or another request took it over."""


class TooManyPieces(Refused):
    """The file comes in pieces so small that their list would outgrow it."""


@dataclass
class Writing:
    """One request that adds to an upload, sealed and written as its bytes come, a part at a time.

    ``keys``: where the next two segments will lie. They were announced, so that what lies there is swept if this process
    dies before it counts. ``whole``: what is done, in the transaction that counts it, once all is there. ``part``,
    ``counting``: what is on its way to the disk, and into the database.
    """

    ctx: Context
    one: Incoming
    kind: Kind
    room: vault.Vault
    writer: UUID
    keys: list[str]
    allowed: frozenset[str]
    whole: Callable[[Tx, Incoming], Awaitable[None]]
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
                await self.whole(tx, self.one)
                failpoints.reach("uploads.finished")
        self.keys.append(following)
        failpoints.reach("uploads.counted")


async def _settled(task: "asyncio.Task[None] | None") -> None:
    """Wait for a task, which goes on when who waits is told to stop."""
    if task is not None:
        await asyncio.shield(task)


async def append(writing: Writing, chunks: AsyncIterable[bytes]) -> Incoming:
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


async def _next(source: AsyncIterator[bytes], writing: Writing) -> bytes | None:
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
