"""Following a queue: nothing is missed or out of order, whoever comes late, comes back, or writes slowly."""

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import uvicorn

from shared import staff_queue
from shared.ids import CaseId, new_id
from shared.staff_queue import Cursor
from shared.web import Role, queue_feed
from shared.web.queue_feed import QueueFeed
from tests.shared.web.sample.service import TO_READ
from tests.support.eventually import eventually
from tests.support.service import ServiceUnderTest


@pytest.fixture
async def feed(sample: ServiceUnderTest) -> AsyncIterator[QueueFeed]:
    found: QueueFeed = sample.app.state.queue_feed
    running = asyncio.create_task(found.run())
    yield found
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


class Desk:
    """Somebody who follows, and what they have seen."""

    def __init__(self, feed: QueueFeed, after: Cursor) -> None:
        self.seen: list[str] = []
        self.last = after
        self._task = asyncio.create_task(self._follow(feed))

    async def _follow(self, feed: QueueFeed) -> None:
        async for events in feed.follow(TO_READ, self.last):
            for cursor, data in re.findall(r"id: (\S+)\r\nevent: item\r\ndata: (.*)\r\n\r\n", events.decode()):
                assert Cursor.parse(cursor) > self.last, "in order, each once"
                self.last = Cursor.parse(cursor)
                self.seen.append(json.loads(data)["item_key"])

    async def leave(self) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task


async def _put(sample: ServiceUnderTest, *keys: str) -> None:
    async with sample.ctx.db.transaction() as tx:
        for one in keys:
            await staff_queue.put(tx, TO_READ, CaseId(new_id()), one, f"Case {one}")


async def _cursor(sample: ServiceUnderTest) -> Cursor:
    async with sample.ctx.db.reading() as tx:
        return await staff_queue.now_at(tx)


async def test_every_follower_sees_every_change_once_and_comes_back_where_it_left(
    sample: ServiceUnderTest, feed: QueueFeed
) -> None:
    start = await _cursor(sample)
    await _put(sample, "a", "b")
    desks = [Desk(feed, start) for _ in range(5)]
    await _put(sample, "c")
    await eventually(lambda: all(desk.seen == ["a", "b", "c"] for desk in desks))
    away, *there = desks
    await away.leave()
    await _put(sample, "d", "e")
    back = Desk(feed, away.last)
    await eventually(lambda: back.seen == ["d", "e"] and all(desk.seen[3:] == ["d", "e"] for desk in there))
    for desk in (back, *there):
        await desk.leave()


async def test_a_slow_writer_is_seen_though_faster_ones_came_first(sample: ServiceUnderTest, feed: QueueFeed) -> None:
    desk = Desk(feed, await _cursor(sample))
    async with sample.ctx.db.transaction() as slow:
        await staff_queue.put(slow, TO_READ, CaseId(new_id()), "slow", "Case slow")
        await _put(sample, "fast")
    await eventually(lambda: set(desk.seen) == {"slow", "fast"})
    await desk.leave()


async def test_nobody_misses_what_changes_while_they_arrive(sample: ServiceUnderTest, feed: QueueFeed) -> None:
    start, desks = await _cursor(sample), []
    keys = [f"{n:02}" for n in range(30)]
    for one in keys:
        await _put(sample, one)
        desks.append(Desk(feed, start))
        await asyncio.sleep(0)
    await eventually(lambda: all(desk.seen == keys for desk in desks))
    for desk in desks:
        await desk.leave()


async def test_who_reads_too_slowly_is_let_go_and_may_come_back(
    sample: ServiceUnderTest, feed: QueueFeed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_feed, "MOST_UNREAD", 2)
    await feed._begun.wait()  # whoever comes before reads for itself, and gets from memory what it was too slow for
    start = await _cursor(sample)
    slow = feed.follow(TO_READ, start)
    first = asyncio.ensure_future(anext(slow))
    desk = Desk(feed, start)
    for n in range(5):
        await _put(sample, str(n))
        await eventually(lambda n=n: len(desk.seen) == n + 1)  # type: ignore[misc]
    got = [await first, *[events async for events in slow]]
    assert len(got) == 1, "it ends"
    back = Desk(feed, Cursor.parse(re.findall(r"id: (\S+)", got[-1].decode())[-1]))
    before = re.findall(r"Case (\d)", b"".join(got).decode())
    await eventually(lambda: [*before, *back.seen] == ["0", "1", "2", "3", "4"])
    for one in (desk, back):
        await one.leave()


async def test_over_http_who_comes_back_with_the_last_event_gets_what_came_after_it(
    sample: ServiceUnderTest, feed: QueueFeed
) -> None:
    start = await _cursor(sample)
    await _put(sample, "one", "two", "three")
    desk = sample.sign_in(Role.CARE_ADVISOR)
    async with _served(sample.app) as base, httpx.AsyncClient(base_url=base, cookies=desk.cookies) as browser:
        told = await _read(browser, 3, params={"after": str(start)})
        assert [key for _, key in told] == ["one", "two", "three"]
        await _put(sample, "four")
        back = await _read(browser, 2, params={"after": str(start)}, headers={"Last-Event-ID": told[1][0]})
        assert [key for _, key in back] == ["three", "four"]
        unknown = await browser.get(CHANGES, headers={"Last-Event-ID": "yesterday"})
        assert unknown.status_code == 400


CHANGES = f"/api/sample/queues/{TO_READ.name}/changes"


async def _read(browser: httpx.AsyncClient, many: int, **asked: Any) -> list[tuple[str, str]]:
    """Return the first events of the stream: the id and the item's key of each."""
    found: list[tuple[str, str]] = []
    async with asyncio.timeout(20), browser.stream("GET", CHANGES, **asked) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        async for line in stream.aiter_lines():
            if line.startswith("id: "):
                last = line.removeprefix("id: ")
            elif line.startswith("data: "):
                found.append((last, json.loads(line.removeprefix("data: "))["item_key"]))
                if len(found) == many:
                    break
    return found


@contextlib.asynccontextmanager
async def _served(app: Any) -> AsyncIterator[str]:
    """Serve an application on a port of its own."""
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=0))
    running = asyncio.create_task(server.serve([listening]))
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        await running
