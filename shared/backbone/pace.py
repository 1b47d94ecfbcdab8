"""The worker's pace: how its parts wait, try again, and are woken; none sleeps past the moment at which it is to stop."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from shared import log

POLL_SECONDS = 1.0
"""How often to look when nobody says that there is something to do."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 3.0
_log = log.get(__name__)


async def pause(seconds: float, *events: asyncio.Event) -> None:
    """Wait for so many seconds, or until one of these events is set."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()


def backoff(tries: int, first: float = 1.0, longest: float = 600.0, *, jitter: float = 0.2) -> float:
    """Return how many seconds to wait after so many tries (from 0): twice as long each time, give or take ``jitter``."""
    return min(first * 2.0 ** min(tries, 30), longest) * random.uniform(1 - jitter, 1 + jitter)


async def go_on(
    part: Callable[[], Awaitable[None]], stop: asyncio.Event, *, through: tuple[type[Exception], ...], event: str,
) -> None:  # fmt: skip
    """Run a part of the worker again and again until ``stop`` is set.

    What ``through`` names is an outage: it is logged as ``event``, and the part rests before it begins anew.
    """
    tries = 0
    while not stop.is_set():
        began = time.monotonic()
        try:
            await part()
        except* through as outage:
            tries = 0 if time.monotonic() - began > LONGEST_PAUSE else tries
            seconds = backoff(tries, FIRST_PAUSE, LONGEST_PAUSE)
            tries += 1
            _log.warning(event, problem=repr(outage.exceptions), again_in_seconds=round(seconds, 2))
            await pause(seconds, stop)


async def alongside(work: Awaitable[object], every: float, sign: Callable[[], Awaitable[object]]) -> None:
    """Await ``work`` while giving a ``sign`` of life every so many seconds; one that can't be given ends the work."""
    task = asyncio.ensure_future(work)
    try:
        while not (await asyncio.wait({task}, timeout=every))[0]:
            await sign()
        task.result()
    finally:
        task.cancel()
        await asyncio.wait({task})


async def whenever(
    woken: asyncio.Event, connection: Any, work: Callable[[], Awaitable[int]], stop: asyncio.Event
) -> None:
    """Run ``work`` when ``woken``, and each second, until ``stop``; again at once when it found something to do.

    Raises ``ConnectionError`` when the ``connection`` that wakes is lost.
    """
    while not stop.is_set():
        woken.clear()
        if connection.is_closed():
            raise ConnectionError("the connection that listens was lost")
        if not await work():
            await pause(POLL_SECONDS, woken, stop)
