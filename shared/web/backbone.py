"""The JSON interface that the backbone gives every service: its queues, and its facts of a case."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any
from uuid import UUID

from fastapi import APIRouter, Header, Query, Request, Response
from pydantic import RootModel
from sse_starlette import EventSourceResponse, ServerSentEvent

from shared import staff_queue
from shared.backbone import outbox, reconcile
from shared.ids import CaseId
from shared.staff_queue import Cursor, Queue, Taken
from shared.web.auth import Role, Who, allow
from shared.web.context import Db
from shared.web.once import Once, OnceOnly
from shared.web.problem import Problem

if TYPE_CHECKING:
    from shared.db import Tx
    from shared.service import Service

PING_SECONDS = 15


class QueueItem(RootModel[dict[str, Any]]):
    """A queue's item as JSON."""


def backbone_router(service: "Service") -> APIRouter:
    """Return the routes under ``/api/<service>`` that come with being a service."""
    router = APIRouter(prefix=f"/api/{service.name}", tags=["backbone"])
    _add_facts(router, service)
    for queue in service.queues:
        _add_queue(router, queue)
    return router


def _add_facts(router: APIRouter, service: "Service") -> None:
    own_topics = sorted({fact.topic for fact in service.emits})

    @router.get("/cases/{case_id}/facts", dependencies=[allow(Role.SERVICE, Role.SUPERVISOR, Role.PRIVACY_OFFICER)])
    async def facts_of_a_case(case_id: UUID, db: Db) -> list[dict[str, Any]]:
        """Return what this service told of a case, oldest first (M15)."""
        async with db.reading() as tx:
            rows = await outbox.facts_of(tx, CaseId(case_id))
        return [
            {
                "id": row["event_id"],
                "type": row["type"],
                "topic": row["topic"],
                "sequence": row["sequence"],
                "time": row["created_at"],
                "published_at": row["published_at"],
                "fact": json.loads(row["payload"]),
            }
            for row in rows
        ]

    @router.get("/facts/sequences", dependencies=[allow(Role.SERVICE)])
    async def sequences(topic: str, db: Db, after: UUID | None = None) -> list[tuple[str, UUID, int]]:
        """Return (topic, case, last sequence told), by case, a page after the case ``after``."""
        if topic not in own_topics:
            raise Problem(404, "Not our topic", detail=f"{service.name} tells facts in: {', '.join(own_topics)}.")
        async with db.reading() as tx:
            page = await reconcile.told(tx, [topic], CaseId(after) if after else None)
        return [(told_in, case_id, last) for told_in, case_id, last in page]


def _add_queue(router: APIRouter, queue: Queue) -> None:
    rule = allow(*(Role(role) for role in queue.roles))
    path = f"/queues/{queue.name}"

    @router.get(path, dependencies=[rule], name=f"{queue.name} snapshot")
    async def snapshot(db: Db) -> dict[str, Any]:
        """Return what is on the queue, the most urgent first, and the cursor from which to follow it."""
        async with db.reading() as tx:
            items, cursor = await staff_queue.snapshot(tx, queue)
        return {"queue": queue.name, "title": queue.title, "cursor": str(cursor), "items": [i.as_json() for i in items]}

    @router.get(
        f"{path}/changes", dependencies=[rule], name=f"{queue.name} changes", response_class=EventSourceResponse
    )
    async def follow(
        request: Request,
        after: str | None = Query(None, description="cursor of a snapshot"),
        last_event_id: str | None = Header(None),
    ) -> EventSourceResponse:
        """Stream each change after the cursor as an event ``item``; its id is the cursor to come back with."""
        cursor = _cursor(last_event_id or after)
        return EventSourceResponse(_events(request, queue, cursor), ping=PING_SECONDS)

    @router.post(f"{path}/items/{{item_id}}/claim", dependencies=[rule], name=f"{queue.name} claim")
    async def claim(item_id: UUID, who: Who, once: Once) -> Response:
        """Give the item to whoever asks; 409 when another has it."""

        async def work(tx: "Tx") -> QueueItem:
            return QueueItem((await staff_queue.claim(tx, queue, item_id, by=who.subject, name=who.name)).as_json())

        return await _answered(once, work)

    @router.post(f"{path}/items/{{item_id}}/release", dependencies=[rule], name=f"{queue.name} release")
    async def release(item_id: UUID, who: Who, once: Once) -> Response:
        """Put back what one had claimed."""

        async def work(tx: "Tx") -> QueueItem:
            return QueueItem((await staff_queue.release(tx, queue, item_id, by=who.subject)).as_json())

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


async def _events(request: Request, queue: Queue, after: Cursor) -> AsyncIterator[ServerSentEvent]:
    async for cursor, item in request.app.state.queue_feed.follow(queue, after):
        yield ServerSentEvent(json.dumps(item.as_json()), event="item", id=str(cursor))
