"""A queue's JSON interface: what is on it, its changes as they come, and who takes what."""

import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import BaseModel, Field, RootModel, StringConstraints
from sse_starlette import EventSourceResponse, ServerSentEvent

from shared import staff_queue
from shared.staff_queue import Cursor, Queue, Taken, TakeoverReaction, View
from shared.web.auth import Who, allow
from shared.web.context import Db
from shared.web.forms import Incoming
from shared.web.once import Once, OnceOnly
from shared.web.principals import Role
from shared.web.problem import Problem

if TYPE_CHECKING:
    from shared.db import Tx

PING_SECONDS = 15
COME_BACK_MS = (1_000, 5_000)
"""After how long a browser that lost the stream comes back: not all at once."""

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]


class QueueItem(RootModel[dict[str, Any]]):
    """A queue's item as JSON."""


class TakeOver(Incoming):
    """Why an item passes from one person to another."""

    reason: Reason = Field(description="Who held it sees it, and so does the case's history")


class Counts(BaseModel):
    """How many items a view shows, and how many each choice of each facet would show."""

    total: int
    counts: dict[str, dict[str, int]]


def add_queue(router: APIRouter, queue: Queue, first: TakeoverReaction | None) -> None:
    """Add the routes of one queue, under the router's prefix; ``first`` is what a takeover passes on besides the item."""
    path, rule = f"/queues/{queue.name}", allow(*(Role(role) for role in queue.roles))
    _add_reading(router, queue, path, rule)
    _add_following(router, queue, path, rule)
    _add_claiming(router, queue, path, rule)
    _add_taking_over(router, queue, path, rule, first)


def _add_reading(router: APIRouter, queue: Queue, path: str, rule: Any) -> None:
    @router.get(path, dependencies=[rule], name=f"{queue.name} snapshot")
    async def snapshot(db: Db) -> dict[str, Any]:
        """Return all that is on the queue, the most urgent first, and the cursor from which to follow it."""
        async with db.reading() as tx:
            items, cursor = await staff_queue.snapshot(tx, queue)
        return {
            "queue": queue.name,
            "title": queue.title,
            "cursor": str(cursor),
            "items": [queue.as_json(item) for item in items],
        }

    @router.get(f"{path}/counts", dependencies=[rule], name=f"{queue.name} counts")
    async def counts(request: Request, db: Db, who: Who) -> Counts:
        """Count what a view shows; the query is that of the queue's page: facets by name, each as often as it has choices."""
        view = View.read(queue, request.query_params.multi_items(), who.subject)
        async with db.reading() as tx:
            found = await staff_queue.counted(tx, queue, view)
        return Counts(total=found.total, counts={name: dict(some) for name, some in found.counts.items()})


def _add_following(router: APIRouter, queue: Queue, path: str, rule: Any) -> None:
    @router.get(
        f"{path}/changes", dependencies=[rule], name=f"{queue.name} changes", response_class=EventSourceResponse,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}, 400: {}},
    )  # fmt: skip
    async def follow(
        request: Request,
        after: str | None = Query(None, description="cursor of a snapshot"),
        last_event_id: str | None = Header(None),
    ) -> EventSourceResponse:
        """Stream each change after the cursor as an event ``item``; its id is the cursor to come back with."""
        cursor = _cursor(last_event_id or after)
        return EventSourceResponse(_events(request, queue, cursor), ping=PING_SECONDS)


def _add_claiming(router: APIRouter, queue: Queue, path: str, rule: Any) -> None:
    @router.post(f"{path}/items/{{item_id}}/claim", dependencies=[rule], name=f"{queue.name} claim")
    async def claim(item_id: UUID, who: Who, once: Once) -> Response:
        """Give the item to whoever asks; 409 when another has it."""

        async def work(tx: "Tx") -> QueueItem:
            return QueueItem(queue.as_json(await staff_queue.claim(tx, queue, item_id, by=who.subject, name=who.name)))

        return await _answered(once, work)

    @router.post(f"{path}/items/{{item_id}}/release", dependencies=[rule], name=f"{queue.name} release")
    async def release(item_id: UUID, who: Who, once: Once) -> Response:
        """Put back what one had claimed."""

        async def work(tx: "Tx") -> QueueItem:
            return QueueItem(queue.as_json(await staff_queue.release(tx, queue, item_id, by=who.subject)))

        return await _answered(once, work)


def _add_taking_over(
    router: APIRouter, queue: Queue, path: str, rule: Any, first: TakeoverReaction | None
) -> None:  # fmt: skip
    @router.post(f"{path}/items/{{item_id}}/take-over", dependencies=[rule], name=f"{queue.name} take over")
    async def take_over(item_id: UUID, body: TakeOver, who: Who, once: Once) -> Response:
        """Give the item to whoever asks although another has it, and keep from whom and why."""

        async def work(tx: "Tx") -> QueueItem:
            taken = await staff_queue.take_over(
                tx, queue, item_id, by=who.subject, name=who.name, reason=body.reason, first=first
            )  # fmt: skip
            return QueueItem(queue.as_json(taken))

        return await _answered(once, work)


async def _answered(once: OnceOnly, work: Callable[["Tx"], Awaitable[QueueItem]]) -> Response:
    try:
        return await once.run(work)
    except Taken as taken:
        raise Problem(409, "Somebody has it", detail=f"{taken.by} has it. Choose another, or ask them.") from taken
    except LookupError as gone:
        raise Problem(404, "Not on the queue", detail=f"Choose another: {gone}.") from gone


def _cursor(text: str | None) -> Cursor:
    try:
        return Cursor.parse(text) if text else Cursor(0, 0)
    except ValueError as wrong:
        raise Problem(400, "Unknown cursor", detail="Take a snapshot and follow from its cursor.") from wrong


async def _events(request: Request, queue: Queue, after: Cursor) -> AsyncIterator[ServerSentEvent | bytes]:
    yield ServerSentEvent(comment="here you are", retry=random.randint(*COME_BACK_MS))
    async for events in request.app.state.queue_feed.follow(queue, after):
        yield events
