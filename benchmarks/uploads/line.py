"""The sender: one kept-alive connection that speaks tus, and the made-up files that it sends."""

import asyncio
import hashlib
import random
from collections.abc import Callable
from urllib.parse import urlsplit

from benchmarks.uploads.contenders import Contender

PIECE = 5 * 1024 * 1024
HEAD = b"\x89PNG\r\n\x1a\n"
_NOISE = random.Random(7).randbytes(PIECE) * 2


def piece_of(number: int, offset: int, size: int) -> bytes:
    """Return at most ``PIECE`` bytes of made-up file ``number``: the same ones wherever a piece begins."""
    at = (number * 7919 + offset) % PIECE
    made = _NOISE[at : at + size]
    return HEAD + made[len(HEAD) :] if offset == 0 else made


def expected(number: int, size: int) -> str:
    """Return the SHA-256 of a made-up file."""
    digest = hashlib.sha256()
    for offset in range(0, size, PIECE):
        digest.update(piece_of(number, offset, min(PIECE, size - offset)))
    return digest.hexdigest()


class Line:
    """One kept-alive connection that speaks tus, and no more than that."""

    def __init__(self, contender: Contender, headers: dict[str, str]) -> None:
        self._contender = contender
        self._headers = {"Host": "127.0.0.1", "Tus-Resumable": "1.0.0", **headers}
        self._open: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        after: int = 0,
        then: Callable[[], object] = bool,
        **headers: str,
    ) -> tuple[int, dict[str, str]]:
        """Send a request, calling ``then`` when ``after`` bytes of its body are on their way; return status and headers.

        Raises ``OSError``, ``IncompleteReadError`` when the line breaks.
        """
        if self._open is None:
            self._open = await asyncio.open_connection("127.0.0.1", self._contender.port)
        reader, writer = self._open
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [
            f"{name}: {value}" for name, value in {**self._headers, **named, "Content-Length": str(len(body))}.items()
        ]
        try:
            writer.write("\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode())
            for part in (memoryview(body)[:after], memoryview(body)[after:]):
                writer.write(part)
                await writer.drain()
                then()
                then = bool
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            found = {name.lower(): value for name, _, value in (line.partition(": ") for line in head[1:] if line)}
            if method != "HEAD":
                await _past_body(reader, found)
        except BaseException:  # told to stop, too: what a broken exchange left on the line is no answer to the next one
            self.close()
            raise
        return int(head[0].split(" ")[1]), found

    async def create(self, size: int) -> str:
        """Announce a file and return its path."""
        status, headers = await self.ask(
            "POST", self._contender.create_at(), Upload_Length=str(size), Upload_Metadata="filename c2Nhbi5wbmc="
        )
        assert status == 201, status
        return urlsplit(headers["location"]).path

    async def add(
        self, place: str, offset: int, body: bytes, *, after: int = 0, then: Callable[[], object] = bool
    ) -> int:
        """Add bytes, calling ``then`` once ``after`` of them are on their way, and return where the file stands."""
        told = {"Upload_Offset": str(offset), "Content_Type": "application/offset+octet-stream"}
        status, headers = await self.ask("PATCH", place, body, after=after, then=then, **told)
        assert status == 204, (status, headers)
        return int(headers["upload-offset"])

    async def stands(self, place: str) -> int:
        """Return where a file stands."""
        status, headers = await self.ask("HEAD", place)
        assert status == 200, status
        return int(headers["upload-offset"])

    def close(self) -> None:
        if self._open is not None:
            self._open[1].close()
            self._open = None


async def _past_body(reader: asyncio.StreamReader, headers: dict[str, str]) -> None:
    """Read what follows a head, so that the next answer begins where it should."""
    if headers.get("transfer-encoding") == "chunked":
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    else:
        await reader.readexactly(int(headers.get("content-length", 0)))


async def send(contender: Contender, number: int, size: int) -> None:
    """Send one file without a break."""
    line = Line(contender, contender.headers())
    place, offset = await line.create(size), 0
    while offset < size:
        offset = await line.add(place, offset, piece_of(number, offset, min(PIECE, size - offset)))
    line.close()
