"""Viruses: asked of a clamd where the settings name one."""

import asyncio
import os

SCAN_SECONDS = 90.0


class NotScanned(Exception):
    """The clamd of the settings doesn't answer as one: the file waits, and is tried again."""


async def scan(clamd: str | None, fd: int) -> tuple[str | None, str | None]:
    """Return what scanned an open file (None: nothing is set to), and the virus it found. Raises ``NotScanned``, ``OSError``."""
    if clamd is None:
        return None, None
    from aioclamd import ClamdAsyncClient

    host, _, port = clamd.rpartition(":")
    client = ClamdAsyncClient(host, int(port))
    async with asyncio.timeout(SCAN_SECONDS):
        version = str(await client.version())
        with os.fdopen(os.dup(fd), "rb") as file:
            file.seek(0)
            answer = await client.instream(file)
    verdict, virus = (answer or {}).get("stream", (None, None))
    if verdict not in ("OK", "FOUND"):
        raise NotScanned(str(answer))
    return version[:200], virus if verdict == "FOUND" else None
