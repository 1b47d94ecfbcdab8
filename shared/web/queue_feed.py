"""Live staff queues: one reader per process follows the changes and hands them to everybody who watches.

However many watch, a change is read once and written out as text once; what changed within a moment goes out together.
"""

import asyncio
import contextlib
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from shared import log
from shared.db import BARE, Database, listening
from shared.staff_queue import Cursor, Item, Queue, changes, now_at

EAGER_SECONDS, EAGER_PAUSE, POLL_SECONDS = 2.0, 0.05, 1.0
"""After word of a change: how long to look often, how often, and how often otherwise (a slow writer may hold it back)."""
MOST_RECENT = 1_000
"""Changes kept in memory for those who come back."""
MOST_UNREAD = 200
"""Batches that a follower may leave unread before it is let go; it comes back with the cursor it reached."""

Change = tuple[Cursor, Item]
Inbox = asyncio.Queue["Batch | None"]
_log = log.get(__name__)


@dataclass(frozen=True)
class Batch:
    """Changes of one queue that go out together, oldest first."""

    queue: Queue
    changes: Sequence[Change]

    @property
    def last(self) -> Cursor:
        """Return how far whoever has read this has come."""
        return self.changes[-1][0]

    @cached_property
    def text(self) -> bytes:
        """Return the batch as server-sent events ``item``, each with its cursor as id; made once for all followers."""
        return _events(self.queue, self.changes)

    def after(self, cursor: Cursor) -> bytes:
        """Return as events what of this lies after a cursor."""
        if self.changes[0][0] > cursor:
            return self.text
        return _events(self.queue, [change for change in self.changes if change[0] > cursor])


def _events(queue: Queue, changed: Iterable[Change]) -> bytes:
    return b"".join(
        f"id: {cursor}\r\nevent: item\r\ndata: {json.dumps(queue.as_json(item))}\r\n\r\n".encode()
        for cursor, item in changed
    )


class QueueFeed:
    """What changes on a service's queues, for any number of followers at the price of one query.

    Nothing is skipped between what a follower reads for itself and what it is handed: the reader knows where it is
    before the first follower looks, reads every queue, and hands out to all who are there when it has read. Who left a
    moment ago, or all desks at once after a restart of the gateway, get what they missed from memory.
    """

    def __init__(self, db: Database, database_url: str, queues: Sequence[Queue]) -> None:
        self._db = db
        self._url = database_url
        self._queues = {queue.name: queue for queue in queues}
        self._followers: dict[str, set[Inbox]] = {name: set() for name in self._queues}
        self._recent: deque[Batch] = deque()
        self._oldest = self._cursor = Cursor(0, 0)
        self._begun = asyncio.Event()
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Follow the changes until cancelled."""
        while True:
            try:
                async with listening(self._url, "queue-feed", "queue", self._woken) as connection:
                    await self._begin()
                    while not connection.is_closed():
                        await self._until_quiet()
            except BARE as error:
                _log.warning("queue_feed_interrupted", problem=repr(error))
                await asyncio.sleep(POLL_SECONDS)

    async def follow(self, queue: Queue, after: Cursor) -> AsyncIterator[bytes]:
        """Yield the queue's changes after a cursor as server-sent events, for ever; ends when its reader is too slow."""
        inbox: Inbox = asyncio.Queue(MOST_UNREAD)
        self._followers[queue.name].add(inbox)
        try:
            await self._begun.wait()
            while after < self._oldest and (missed := await self._missed(queue, after)):
                yield missed.text
                after = missed.last
            for batch in [one for one in self._recent if one.queue is queue and one.last > after]:
                yield batch.after(after)
                after = batch.last
            while (new := await inbox.get()) is not None:
                if new.last > after:
                    yield new.after(after)
                    after = new.last
        finally:
            self._followers[queue.name].discard(inbox)

    async def _missed(self, queue: Queue, after: Cursor) -> Batch | None:
        async with self._db.reading() as tx:
            found = await changes(tx, [queue.name], after)
        return Batch(queue, found) if found else None

    async def _begin(self) -> None:
        if not self._begun.is_set():
            async with self._db.reading() as tx:
                self._oldest = self._cursor = await now_at(tx)
            self._begun.set()

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
            await asyncio.sleep(EAGER_PAUSE)

    async def _hand_out(self) -> None:
        watched = any(self._followers.values())
        async with self._db.reading() as tx:
            new = await changes(tx, list(self._queues), self._cursor) if watched else []
            seen = None if watched else await now_at(tx)
        if seen and not any(self._followers.values()):
            self._oldest = self._cursor = seen
            self._recent.clear()
        by_queue: defaultdict[str, list[Change]] = defaultdict(list)
        for change in new:
            by_queue[change[1].queue].append(change)
            self._cursor = change[0]
        for name, some in by_queue.items():
            batch = Batch(self._queues[name], some)
            self._recent.append(batch)
            for inbox in tuple(self._followers[name]):
                self._give(inbox, name, batch)
        while sum(len(batch.changes) for batch in self._recent) > MOST_RECENT:
            self._oldest = max(self._oldest, self._recent.popleft().last)

    def _give(self, inbox: Inbox, queue: str, batch: Batch) -> None:
        if not inbox.full():
            inbox.put_nowait(batch)
            return
        self._followers[queue].discard(inbox)
        while not inbox.empty():
            inbox.get_nowait()
        inbox.put_nowait(None)
