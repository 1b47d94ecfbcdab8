"""Object storage: a folder or S3, by ``FILES_URL``. Bytes stream through; nothing here ever holds a whole file.

Objects lie under opaque keys, so that a listing of the store says nothing about anybody. An object means nothing until
a document row points at it.
"""

import asyncio
import hashlib
import os
import shutil
import sys
from base64 import b64encode
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from functools import cache
from io import FileIO
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, unquote, urlsplit
from uuid import uuid4

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from shared.magic import sniff

SNIFFED = 512
CHUNK = 1 << 20

Bytes = bytes | bytearray | memoryview

DOCUMENTS = frozenset({"application/pdf", "image/jpeg", "image/png", "image/tiff"})


class Unfit(Exception):
    """The file can't be taken in."""


class TooLarge(Unfit):
    """More bytes came than the limit allows."""


class Unreadable(Unfit):
    """It is of no kind that may be taken in; ``empty``: there was nothing in it at all."""

    def __init__(self, *, empty: bool) -> None:
        super().__init__("empty" if empty else "of no allowed kind")
        self.empty = empty


def make_key_file(file: Path) -> None:
    """Write a new key of 32 bytes in base64 (mode 600) for sealing files; what is there stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists():
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as secret:
            secret.write(b64encode(os.urandom(32)) + b"\n")


@dataclass(frozen=True)
class Stored:
    """An object as it lies in the store: what was really written, not what the sender said."""

    key: str
    sha256: str
    size: int
    media_type: str


def new_key() -> str:
    """Return a key that tells nothing: random, spread over 256 folders."""
    name = uuid4().hex
    return f"{name[:2]}/{name}"


class Writing(Protocol):
    """An object on its way into the store: nobody may read it before it is ended. The methods block: call them in a thread."""

    def add(self, content: Bytes) -> None:
        """Add bytes."""

    def end(self, *, durable: bool) -> None:
        """Have it lie in the store; ``durable``: it survives a power cut when this returns."""

    def drop(self) -> None:
        """Leave nothing behind."""


class _ToStore:
    """An object store takes an object whole."""

    def __init__(self, store: ObjectStore, key: str) -> None:
        self._store, self._key, self._held = store, key, bytearray()

    def add(self, content: Bytes) -> None:
        self._held += content

    def end(self, *, durable: bool) -> None:  # noqa: ARG002 - it always is
        obstore.put(self._store, self._key, self._held, use_multipart=False)

    def drop(self) -> None:
        self._held.clear()


_BEGINS_TO_WRITE = sys.platform == "linux"


class _ToFolder:
    """Written in its place at once, under a key that nobody else writes: one commit of the file system's journal, not two."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: FileIO | None = None

    def add(self, content: Bytes) -> None:
        file, left = self._opened(), memoryview(content)
        while left:  # a disk that is nearly full takes a part, and only then says so
            left = left[file.write(left) :]
        if _BEGINS_TO_WRITE:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)  # Linux begins to write now, not at ``end``

    def _opened(self) -> FileIO:
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = self._path.open("xb", buffering=0)
        return self._file

    def end(self, *, durable: bool) -> None:
        with self._opened() as file:
            if durable:
                os.fsync(file.fileno())
        if durable:
            folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)

    def drop(self) -> None:
        if self._file is not None:
            self._file.close()
            self._path.unlink(missing_ok=True)


class Files:
    """The store behind ``url``: ``file:///folder`` or ``s3://bucket/prefix`` (credentials from ``AWS_*``)."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._folder = Path(unquote(parts.path)) if parts.scheme == "file" else None
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._store: ObjectStore = LocalStore(self._folder)
        else:
            self._store = from_url(url)

    async def put(self, key: str, chunks: AsyncIterable[bytes], *, limit: int, allowed: frozenset[str]) -> Stored:
        """Write ``chunks`` under ``key`` as they come and return what was written.

        Raises ``Unreadable`` before storing anything when its first bytes aren't of an ``allowed`` type, and
        ``TooLarge`` at the first byte beyond ``limit``; then nothing stays behind.
        """
        digest, size, source = hashlib.sha256(), 0, aiter(chunks)
        head = await _head(source)
        media_type = sniff(head)
        if media_type not in allowed or media_type is None:
            raise Unreadable(empty=not head)

        async def measured() -> AsyncIterator[bytes]:
            nonlocal size
            async for chunk in _chain(head, source):
                size += len(chunk)
                if size > limit:
                    raise TooLarge(limit)
                digest.update(chunk)
                yield chunk

        await obstore.put_async(self._store, key, measured(), max_concurrency=2)
        return Stored(key, digest.hexdigest(), size, media_type)

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """Return the object's bytes, about 1 MiB at a time. ``FileNotFoundError``: it isn't there."""
        found = await obstore.get_async(self._store, key)

        async def chunks() -> AsyncIterator[bytes]:
            async for chunk in found.stream(min_chunk_size=CHUNK):
                yield bytes(chunk)

        return chunks()

    def writing(self, key: str) -> "Writing":
        """Begin an object that is written as its bytes come, under a key that was never used."""
        return _ToStore(self._store, key) if self._folder is None else _ToFolder(self._folder / key)

    def put_bytes(self, key: str, content: Bytes, *, durable: bool = True) -> None:
        """Write one object whole, under a new key. It blocks. ``durable``: it survives a power cut when this returns."""
        one = self.writing(key)
        try:
            one.add(content)
            one.end(durable=durable)
        except BaseException:  # told to stop, too: half an object never stays
            one.drop()
            raise

    def settle(self) -> None:
        """Make durable what was written without; it blocks. An object store has no need of it."""
        if self._folder is not None:
            os.sync()

    def get_range(self, key: str, start: int, stop: int) -> bytes:
        """Return the object's bytes ``start`` to ``stop``; it blocks. ``FileNotFoundError``: it isn't there."""
        return bytes(obstore.get_range(self._store, key, start=start, end=stop))

    async def clear(self, key: str) -> None:
        """Delete the object, and all objects below ``key/``; what is gone already is as good."""
        if self._folder is not None and (self._folder / key).is_dir():
            await asyncio.to_thread(shutil.rmtree, self._folder / key, ignore_errors=True)
            return
        async for page in obstore.list(self._store, prefix=f"{key}/"):
            for entry in page:
                await self.delete(entry["path"])
        await self.delete(key)

    async def delete(self, key: str) -> None:
        """Delete the object; one that is gone already is as good."""
        try:
            await obstore.delete_async(self._store, key)
        except FileNotFoundError:
            return


@cache
def at(url: str) -> Files:
    """Return the store behind ``url``, one per process."""
    return Files(url)


def plain_name(sent: str | None) -> str:
    """Return the file's own name as its sender called it, without folders, not too long."""
    return (sent or "").replace("\\", "/").rpartition("/")[2].strip()[:200] or "document"


_OFFICE, _OPEN = "application/vnd.openxmlformats-officedocument.", "application/vnd.oasis.opendocument."
_ENDINGS: dict[str, tuple[str, ...]] = {
    "application/pdf": (".pdf",), "text/plain": (".txt",), "application/zip": (".zip",), "application/rtf": (".rtf",),
    "application/dicom": (".dcm", ".dicom"), "image/jpeg": (".jpg", ".jpeg", ".jpe"), "image/png": (".png",),
    "image/tiff": (".tif", ".tiff"), "image/gif": (".gif",), "image/webp": (".webp",), "image/bmp": (".bmp",),
    "image/heic": (".heic", ".heif", ".avif"), "application/msword": (".doc",), "application/vnd.ms-excel": (".xls",),
    "application/vnd.ms-powerpoint": (".ppt",), f"{_OFFICE}wordprocessingml.document": (".docx",),
    f"{_OFFICE}spreadsheetml.sheet": (".xlsx",), f"{_OFFICE}presentationml.presentation": (".pptx",),
    f"{_OPEN}text": (".odt",), f"{_OPEN}spreadsheet": (".ods",), f"{_OPEN}presentation": (".odp",),
}  # fmt: skip
"""What files of a kind are called; the first is put behind a name that ends otherwise. Of any other kind: ``.bin``."""


def as_download(name: str, media_type: str, size: int, sha256: str) -> dict[str, str]:
    """Return the headers under which a stranger's file may leave us: saved, never shown or run in our pages.

    It keeps its sender's name, and ends as what it is: a text called ``x.js`` would be run by whoever opens it.
    """
    endings = _ENDINGS.get(media_type, (".bin",))
    called = name if name.lower().rstrip(". ").endswith(endings) else f"{name}{endings[0]}"
    return {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(called, safe='')}",
        "content-length": str(size),
        "content-security-policy": "sandbox; default-src 'none'",
        "content-encoding": "identity",
        "etag": f'"{sha256}"',
    }


async def _head(source: AsyncIterator[bytes]) -> bytes:
    head = b""
    async for chunk in source:
        head += chunk
        if len(head) >= SNIFFED:
            break
    return head


async def _chain(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for chunk in rest:
        if chunk:
            yield chunk
