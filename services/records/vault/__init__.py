"""Where a case's files lie, sealed under the case's key; read whole, in part, or as a plain file without a name.

A file is one or more segments, each an object of at most ``SEGMENT`` plain bytes. Files that came before there were
keys are one plain object; they are read in the same way. Who may read what is not decided here.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID, uuid4

from services.records import files
from services.records.store import uploads as store
from services.records.store.uploads import Laid
from services.records.vault.keys import Erased, NoSuchKey, key_of
from services.records.vault.sealing import FRAME, HEAD, TAG, Broken, Bytes, Opener, Sealer, seal, span
from shared.db import Tx
from shared.ids import CaseId
from shared.service import Context

SEGMENT = 5 * 1024 * 1024
"""Plain bytes an object holds at most: so much, at most, is sent again after a crash. Our pages send pieces of this size."""
CHUNK = 16 * FRAME


def place(file_id: UUID) -> str:
    """Return below which key the objects of a file lie; it tells nothing about anybody."""
    return f"{file_id.hex[-2:]}/{file_id.hex}"


def new_segment(file_id: UUID, number: int) -> str:
    """Return a key for a file's segment that no other attempt to write the same one uses."""
    return f"{place(file_id)}/{number:05d}-{uuid4().hex[:8]}"


@dataclass(frozen=True)
class Vault:
    """A case's part of the store: what is written into it is sealed."""

    store: files.Files
    key: bytes

    def put(self, name: str, plain: Bytes, *, durable: bool = True) -> None:
        """Write one segment. It blocks: call it in a thread."""
        self.store.put_bytes(name, seal(self.key, name, plain), durable=durable)


class Segment:
    """A segment that is written as its bytes come; nothing of it is held here. Its methods block, one call at a time."""

    def __init__(self, vault: Vault, name: str) -> None:
        self.name, self.size = name, 0
        self._sealer, self._out = Sealer(vault.key, name), vault.store.writing(name)

    def add(self, plain: Bytes, *, last: bool) -> None:
        """Add bytes, whole frames but for the ``last``; with those it lies durable in the store. What fails leaves nothing."""
        try:
            self._out.add(self._sealer.seal(plain, last=last))
            self.size += len(plain)
            if last:
                self._out.end(durable=True)
        except BaseException:  # told to stop, too
            self._out.drop()
            raise

    def drop(self) -> None:
        """Leave nothing of a segment that doesn't end."""
        self._out.drop()


async def vault_of(ctx: Context, tx: Tx, case_id: CaseId) -> Vault:
    """Return a case's vault, with a new key if it has none. Raises ``Erased``."""
    return Vault(files.at(ctx.platform.files_url), await key_of(tx, ctx.settings.files_key_file, case_id))


@dataclass(frozen=True)
class OpenFile:
    """A file whose bytes can be read: ``size`` in bytes; ``sha256`` is None until it was looked at."""

    id: UUID
    name: str
    media_type: str
    size: int
    sha256: str | None
    vault: Vault
    laid: Laid

    async def read(self, start: int, length: int) -> bytes:
        """Return ``length`` bytes from ``start``, fewer at the end. Only the frames touched are read. Raises ``Broken``."""
        parts = [part async for part in self.chunks(start, start + length)]
        return b"".join(parts)

    async def chunks(self, start: int = 0, stop: int | None = None) -> AsyncIterator[bytes]:
        """Yield the bytes from ``start`` to ``stop``, at most 1 MiB at a time. Raises ``Broken``, ``FileNotFoundError``."""
        pieces = self.pieces(start, stop)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece

    def pieces(self, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the same; it blocks: for a thread."""
        stop, begins = min(self.size if stop is None else stop, self.size), 0
        for key, size in self.laid.segments:
            inside = max(start - begins, 0), min(stop - begins, size)
            if inside[0] < inside[1]:
                yield from self._segment(key, size, *inside)
            begins += size

    def _segment(self, key: str, size: int, start: int, stop: int) -> Iterator[bytes]:
        if not self.laid.sealed:
            for at in range(start, stop, CHUNK):
                yield self.vault.store.get_range(key, at, min(at + CHUNK, stop))
            return
        opener = Opener(self.vault.key, key, self.vault.store.get_range(key, 0, HEAD), size)
        for at in range(start - start % CHUNK, stop, CHUNK):
            begin, end = max(at, start), min(at + CHUNK, stop)
            first = begin // FRAME
            plain = opener.open(first, self.vault.store.get_range(key, *span(size, begin, end)))
            yield plain[begin - first * FRAME : end - first * FRAME]

    @asynccontextmanager
    async def spooled(self, folder: Path) -> AsyncIterator[int]:
        """Lend the descriptor of a plain copy in ``folder`` that has no name: it is gone with its last reader, whatever dies."""
        fd = await asyncio.to_thread(self.spool, folder)
        try:
            yield fd
        finally:
            os.close(fd)

    def spool(self, folder: Path, seen: Callable[[bytes], object] = len) -> int:
        """Return such a descriptor; whoever asked closes it. ``seen`` is shown each piece. It blocks. ``OSError``: no room."""
        fd = os.open(folder, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            for piece in self.pieces():
                seen(piece)
                rest = memoryview(piece)
                while rest:  # a disk that is nearly full takes less than it is given
                    rest = rest[os.write(fd, rest) :]
            os.lseek(fd, 0, os.SEEK_SET)
        except BaseException:  # told to stop, too: a copy that isn't whole is nobody's
            os.close(fd)
            raise
        return fd


async def open_document(ctx: Context, document_id: UUID) -> OpenFile:
    """Return a document's file. Raises ``LookupError`` when it has none, ``Erased``. The caller has checked who may read it."""
    async with ctx.db.reading() as tx:
        return await opened(ctx, tx, document_id)


async def opened(ctx: Context, tx: Tx, document_id: UUID) -> OpenFile:
    """Return a document's file, within a transaction that is open."""
    found = await store.file_of(tx, document_id)
    if found is None or not found.laid.segments:
        raise LookupError("this document has no file")
    vault = Vault(files.at(ctx.platform.files_url), b"")
    if found.laid.sealed:
        vault = await vault_of(ctx, tx, found.case_id)
    elif await store.is_erased(tx, found.case_id):
        raise Erased("this case's files were erased")
    return OpenFile(document_id, found.name, found.media_type, found.size_bytes, found.sha256, vault, found.laid)


async def on_its_way(ctx: Context, tx: Tx, one: store.Incoming) -> OpenFile:
    """Return what came of a file that is no document yet. Raises ``Erased``."""
    vault = await vault_of(ctx, tx, one.case_id)
    return OpenFile(one.id, one.name, one.media_type or "", one.received, None, vault, one.laid)


__all__ = [
    "CHUNK",
    "FRAME",
    "SEGMENT",
    "TAG",
    "Broken",
    "Erased",
    "Laid",
    "NoSuchKey",
    "OpenFile",
    "Segment",
    "Vault",
    "new_segment",
    "on_its_way",
    "open_document",
    "opened",
    "place",
    "vault_of",
]
