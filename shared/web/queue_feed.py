"""Live staff queues: one reader per process follows the changes and hands them to everybody who watches."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator

from shared import log
from shared.db import TRANSIENT, Database, Tx, listener
from shared.staff_queue import Cursor, Item, Queue, changes

EAGER_SECONDS, EAGER_PAUSE, POLL_SECONDS = 2.0, 0.05, 1.0
"""After word of a change: how long to look often, how often, and how often otherwise (a slow writer may hold it back)."""
MOST_UNREAD = 1_000

Change = tuple[Cursor, Item]
_log = log.get(__name__)


class QueueFeed:
    """What changes on a service's queues, for any number of followers at the price of one query."""

    def __init__(self, db: Database, database_url: str) -> None:
        self._db = db
        self._url = database_url
        self._followers: defaultdict[str, set[asyncio.Queue[Change | None]]] = defaultdict(set)
        self._cursor: Cursor | None = None
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Follow the changes until cancelled."""
        while True:
            try:
                connection = await listener(self._url)
                try:
                    await connection.add_listener("queue", lambda *_: self._woken.set())
                    connection.add_termination_listener(lambda _: self._woken.set())
                    while not connection.is_closed():
                        await self._until_quiet()
                finally:
                    await connection.close(timeout=2)
            except TRANSIENT as error:
                _log.warning("queue_feed_interrupted", problem=repr(error))
                await asyncio.sleep(POLL_SECONDS)

    async def follow(self, queue: Queue, after: Cursor) -> AsyncIterator[Change]:
        """Yield the queue's changes after a cursor, for ever; ends when its reader is too slow (it may come back)."""
        inbox: asyncio.Queue[Change | None] = asyncio.Queue(MOST_UNREAD)
        self._followers[queue.name].add(inbox)
        try:
            while True:
                async with self._db.reading() as tx:
                    await self._begin(tx)
                    missed = await changes(tx, [queue.name], after)
                for cursor, item in missed:
                    yield cursor, item
                    after = cursor
                if not missed:
                    break
            while (change := await inbox.get()) is not None:
                if (change[0].xid, change[0].change) > (after.xid, after.change):
                    yield change
        finally:
            self._followers[queue.name].discard(inbox)

    async def _until_quiet(self) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._woken.wait(), POLL_SECONDS)
        loop = asyncio.get_running_loop()
        until = loop.time()
        while True:
            if self._woken.is_set():
                self._woken.clear()
                until = loop.time() + EAGER_SECONDS
            await self._hand_out()
            if loop.time() >= until:
                return
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), EAGER_PAUSE)

    async def _hand_out(self) -> None:
        async with self._db.reading() as tx:
            cursor = await self._begin(tx)
            new = await changes(tx, list(self._followers), cursor) if self._followers else []
        for cursor, item in new:
            self._cursor = cursor
            for follower in list(self._followers[item.queue]):
                if follower.full():
                    _empty(follower)
                    self._followers[item.queue].discard(follower)
                    follower.put_nowait(None)
                else:
                    follower.put_nowait((cursor, item))

    async def _begin(self, tx: Tx) -> Cursor:
        """Fix where handing out begins, before the first follower has read what it missed: nothing falls between."""
        if self._cursor is None:
            xmin = await tx.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
            self._cursor = self._cursor or Cursor(xmin, 0)  # type: ignore[redundant-expr]  # set while we awaited
        return self._cursor


def _empty(follower: asyncio.Queue[Change | None]) -> None:
    while not follower.empty():
        follower.get_nowait()
