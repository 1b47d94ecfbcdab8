"""The page of a staff queue: a table that works as it is, and stays fresh where scripts run."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlencode
from uuid import UUID

from fastapi import APIRouter, Request, Response

from shared import staff_queue
from shared.db import Tx
from shared.service import Service
from shared.staff_queue import PAGE, SORTS, Facet, Item, Queue, Taken, TakeoverReaction, Tally, View, facets_of
from shared.web.auth import Who, allow
from shared.web.context import Db
from shared.web.forms import Form, Incoming, sent_form
from shared.web.once import Once
from shared.web.pages import Page
from shared.web.principals import Role
from shared.web.problem import Problem
from shared.web.queue_api import Reason

SHORTCUTS = (
    ("j", "Next case"),
    ("k", "Case before"),
    ("Enter", "Open the case"),
    ("t", "Take it, or put it back"),
    ("o", "Take it over from a colleague"),
    ("f", "Go to the filters"),
    ("m", "Only mine, or all again"),
    ("n", "Next page"),
    ("p", "Page before"),
    ("?", "This list"),
)
"""What single keys do on a queue's page; whoever is in the way of them switches them off there (WCAG 2.1.4)."""


class TakingOver(Incoming):
    sentences: ClassVar[dict[str, str]] = {"reason": "Say why you take it over"}
    reason: Reason


@dataclass(frozen=True)
class Choice:
    """One value of a facet, as the page offers it."""

    value: str
    word: str
    count: int
    chosen: bool


def choices(facet: Facet, view: View, tally: Tally) -> list[Choice]:
    """Return what a facet offers: all that it names, or what there is, the commonest first."""
    chosen, counts = view.chosen.get(facet.name, ()), tally.counts[facet.name]
    if callable(facet.words):
        found = sorted({*counts, *chosen}, key=lambda value: (-counts.get(value, 0), facet.word(value)))
    else:
        found = [*facet.words, *(value for value in chosen if value not in facet.words)]
    return [Choice(value, facet.word(value), counts.get(value, 0), value in chosen) for value in found]


def queue_pages(service: Service) -> APIRouter:
    """Return ``/desk/<service>/queues/<queue>`` for each queue, with its claim, release and take-over buttons."""
    router = APIRouter(prefix=f"/desk/{service.name}")
    for queue in service.queues:
        rule, here = allow(*(Role(role) for role in queue.roles)), f"/desk/{service.name}/queues/{queue.name}"
        _add_list(router, queue, here, rule, api=f"/api/{service.name}/queues/{queue.name}")
        _add_claiming(router, queue, here, rule)
        _add_taking_over(router, queue, here, rule, service.takeovers.get(queue.name))
    return router


def _add_list(router: APIRouter, queue: Queue, here: str, rule: Any, api: str) -> None:
    @router.get(f"/queues/{queue.name}", dependencies=[rule], name=f"{queue.name} page")
    async def show(request: Request, page: Page, db: Db, who: Who) -> Response:
        view = View.read(queue, request.query_params.multi_items(), who.subject)
        async with db.reading() as tx:
            cursor = await staff_queue.now_at(tx)
            items, tally = await staff_queue.shown(tx, queue, view), await staff_queue.counted(tx, queue, view)
        return page(
            "queue.html", queue=queue, here=here, api=api, items=items, view=view, tally=tally, cursor=str(cursor),
            chosen={name: list(values) for name, values in view.chosen.items()},
            facets=[(facet, choices(facet, view, tally)) for facet in facets_of(queue)],
            sorts=SORTS, shortcuts=SHORTCUTS, page_size=PAGE, pages=max(1, -(-tally.total // PAGE)),
            link=lambda **to: f"{here}?{urlencode(view.query(**to))}",
        )  # fmt: skip


def _add_claiming(router: APIRouter, queue: Queue, here: str, rule: Any) -> None:
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
    async def release(item_id: UUID, request: Request, who: Who, once: Once) -> Response:
        back = (await sent_form(request)).get("_back")
        view = View.read(queue, _pairs(back), who.subject) if isinstance(back, str) else None

        async def work(tx: Tx) -> str:
            await staff_queue.release(tx, queue, item_id, by=who.subject)
            return f"{here}?{urlencode(view.query())}" if view else here

        return await _redirected(once, work)


def _add_taking_over(
    router: APIRouter, queue: Queue, here: str, rule: Any, first: TakeoverReaction | None
) -> None:  # fmt: skip
    @router.get(f"/queues/{queue.name}/items/{{item_id}}/take-over", dependencies=[rule], name=f"{queue.name} ask why")
    async def ask_why(item_id: UUID, page: Page, db: Db) -> Response:
        async with db.reading() as tx:
            item = await _still(tx, queue, item_id)
        return page("queue_take_over.html", queue=queue, item=item, form=Form.blank(), here=here)

    @router.post(
        f"/queues/{queue.name}/items/{{item_id}}/take-over", dependencies=[rule], name=f"{queue.name} take over by hand"
    )
    async def take_over(item_id: UUID, request: Request, page: Page, db: Db, who: Who, once: Once) -> Response:
        form = await Form.read(request, TakingOver)
        if not form.valid:
            async with db.reading() as tx:
                item = await _still(tx, queue, item_id)
            return page("queue_take_over.html", status=422, queue=queue, item=item, form=form, here=here)

        async def work(tx: Tx) -> str:
            taken = await staff_queue.take_over(
                tx, queue, item_id, by=who.subject, name=who.name, reason=form.model.reason, first=first
            )
            return str(taken.data.get("href") or here)

        return await _redirected(once, work)


def _pairs(query: str) -> list[tuple[str, str]]:
    return parse_qsl(query[:2000])


async def _still(tx: Tx, queue: Queue, item_id: UUID) -> Item:
    item = await staff_queue.one(tx, queue, item_id)
    if item is None:
        raise _gone()
    return item


def _gone() -> Problem:
    return Problem(404, "Not on the queue any more", detail="Go back and choose another.")


async def _redirected(once: Once, work: Callable[[Tx], Awaitable[str]]) -> Response:
    try:
        return await once.redirect(work)
    except Taken as taken:
        raise Problem(
            409, "Somebody has it", detail=f"{taken.by} has it. Go back and choose another, or ask them."
        ) from taken
    except LookupError as gone:
        raise _gone() from gone
