"""A server process that is measured, on a port of its own."""

import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from benchmarks.http import Connection
from benchmarks.rig import beside, eventually

Serve = Callable[[str, Path, int], None]
"""Serves a database (its address), with the keys in a folder, on a port, until it is told to stop."""


@contextlib.asynccontextmanager
async def served(serve: Serve, url: str, keys: Path) -> AsyncIterator[int]:
    """Run a server in a process of its own until the block ends; lends its port once it answers there."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
    with beside(serve, url, keys, port):
        await eventually(lambda: _answers(port), within=60)
        yield port


async def _answers(port: int) -> bool:
    try:
        (await Connection.open(port)).close()
    except OSError:
        return False
    return True
