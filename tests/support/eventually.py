"""Waiting for something that will be true soon, without an event loop's help."""

import asyncio
import time
from collections.abc import Callable


async def eventually(true: Callable[[], object], *, within: float = 20.0) -> None:
    """Return as soon as `true()` is; fail when it isn't in time."""
    until = time.monotonic() + within
    while not true():
        assert time.monotonic() < until, f"not true within {within} s"
        await asyncio.sleep(0.05)
