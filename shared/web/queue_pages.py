"""The page of a staff queue: a table that works as it is, and stays fresh where scripts run."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from fastapi import APIRouter, Response

from shared import staff_queue
from shared.db import Tx
from shared.service import Service
from shared.staff_queue import Queue, Taken
from shared.web.auth import Role, Who, allow
from shared.web.context import Db
from shared.web.once import Once
from shared.web.pages import Page
from shared.web.problem import Problem


def queue_pages(service: Service) -> APIRouter:
    """Return ``/desk/<service>/queues/<queue>`` for each queue, with its claim and release buttons."""
    router = APIRouter(prefix=f"/desk/{service.name}")
    for queue in service.queues:
        _add(router, service.name, queue)
    return router


def _add(router: APIRouter, service: str, queue: Queue) -> None:
    rule = allow(*(Role(role) for role in queue.roles))
    here = f"/desk/{service}/queues/{queue.name}"

    @router.get(f"/queues/{queue.name}", dependencies=[rule], name=f"{queue.name} page")
    async def show(page: Page, db: Db) -> Response:
        async with db.reading() as tx:
            items, cursor = await staff_queue.snapshot(tx, queue)
        return page(
            "queue.html",
            queue=queue,
            items=items,
            cursor=str(cursor),
            here=here,
            api=f"/api/{service}/queues/{queue.name}",
        )

    @router.post(
        f"/queues/{queue.name}/items/{{item_id}}/claim", dependencies=[rule], name=f"{queue.name} claim by hand"
    )
    async def claim(item_id: UUID, who: Who, once: Once) -> Response:
        async def work(tx: Tx) -> str:
            item = await staff_queue.claim(tx, queue, item_id, by=who.subject, name=who.name)
            return str(item.data.get("href") or here)

        return await _redirected(once, work)

    @router.post(
        f"/queues/{queue.name}/items/{{item_id}}/release", dependencies=[rule], name=f"{queue.name} release by hand"
    )
    async def release(item_id: UUID, who: Who, once: Once) -> Response:
        async def work(tx: Tx) -> str:
            await staff_queue.release(tx, queue, item_id, by=who.subject)
            return here

        return await _redirected(once, work)


async def _redirected(once: Once, work: Callable[[Tx], Awaitable[str]]) -> Response:
    try:
        return await once.redirect(work)
    except Taken as taken:
        raise Problem(
            409, "Somebody has it", detail=f"{taken.by} has it. Go back and choose another, or ask them."
        ) from taken
    except LookupError as gone:
        raise Problem(404, "Not on the queue any more", detail="Go back and choose another.") from gone
