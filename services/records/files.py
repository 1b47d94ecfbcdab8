"""Object storage: a folder or S3, by ``FILES_URL``. Bytes stream through; nothing here ever holds a whole file.

Objects lie under opaque keys, so that a listing of the store says nothing about anybody. An object means nothing until
a document row points at it.
"""

import hashlib
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import uuid4

import obstore
from obstore.store import LocalStore, ObjectStore, from_url

from shared.web import N_

SNIFFED = 512
CHUNK = 1 << 20

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"%PDF-", "application/pdf"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (128, b"DICM", "application/dicom"),
    (0, b"PK\x03\x04", "application/zip"),
)
DOCUMENTS = frozenset({"application/pdf", "image/jpeg", "image/png", "image/tiff"})
IMAGES = DOCUMENTS | {"application/dicom", "application/zip"}

EMPTY = N_("The file is empty. Choose it again.")
TOO_LARGE = N_("The file is larger than %(limit)s MB. Split it, or ask your case manager.")
WRONG_DOCUMENT = N_("This kind of file can't be read here. Send it as PDF, JPEG, PNG or TIFF.")
WRONG_IMAGES = N_("This kind of file can't be read here. Send it as DICOM, ZIP, PDF, JPEG, PNG or TIFF.")


class Unacceptable(Exception):
    """The file can't be taken in; the sentence, with its values filled in, says why and what to do instead."""

    def __init__(self, sentence: str, **values: object) -> None:
        super().__init__(sentence % values)
        self.sentence = sentence
        self.values = values


class TooLarge(Unacceptable):
    """More bytes came than the limit allows."""


class Unreadable(Unacceptable):
    """It is no file that a specialist could open here."""


@dataclass(frozen=True)
class Stored:
    """An object as it lies in the store: what was really written, not what the sender said."""

    key: str
    sha256: str
    size: int
    media_type: str


def sniff(head: bytes) -> str | None:
    """Return the media type that the first bytes tell, or None; names and senders' claims don't count."""
    for offset, magic, media_type in _MAGIC:
        if head[offset : offset + len(magic)] == magic:
            return media_type
    return None


def new_key() -> str:
    """Return a key that tells nothing: random, spread over 256 folders."""
    name = uuid4().hex
    return f"{name[:2]}/{name}"


class Files:
    """The store behind ``url``: ``file:///folder`` or ``s3://bucket/prefix`` (credentials from ``AWS_*``)."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme == "file":
            folder = Path(unquote(parts.path))
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._store: ObjectStore = LocalStore(folder)
        else:
            self._store = from_url(url)

    async def put(self, key: str, chunks: AsyncIterable[bytes], *, limit: int, allowed: frozenset[str]) -> Stored:
        """Write ``chunks`` under ``key`` as they come and return what was written.

        Raises ``Unreadable`` before storing anything when the type isn't ``allowed`` or the file is empty, and
        ``TooLarge`` at the first byte beyond ``limit``; then nothing stays behind.
        """
        digest, size, source = hashlib.sha256(), 0, aiter(chunks)
        head = await _head(source)
        media_type = sniff(head)
        if media_type not in allowed or media_type is None:
            raise Unreadable((WRONG_IMAGES if allowed is IMAGES else WRONG_DOCUMENT) if head else EMPTY)

        async def measured() -> AsyncIterator[bytes]:
            nonlocal size
            async for chunk in _chain(head, source):
                size += len(chunk)
                if size > limit:
                    raise TooLarge(TOO_LARGE, limit=limit // 1024**2)
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
