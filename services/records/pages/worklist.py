"""The case manager's worklist: what is missing, how long it waits, and whose move it is (R22)."""

from collections.abc import Iterable
from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from starlette.datastructures import QueryParams
from starlette.responses import Response

from services.records import desks, queues
from services.records.domain.worklist import Choice, Sort, View, Waits, chosen, facets
from services.records.pages.common import staff
from services.records.store import worklist
from shared.web import Db, Page, Role, Who, allow

WORDS: dict[Waits, str] = {
    Waits.ANSWER: "A question to answer",
    Waits.LATE: "New after completion",
    Waits.REVIEW: "To check",
    Waits.NEVER_MADE: "“There is none”",
    Waits.SUMMARY: "Summary to write",
    Waits.NEWER: "Became too old",
    Waits.SENDERS: "To be sent",
    Waits.NOTHING: "Nothing",
}
SORTS: dict[Sort, str] = {
    Sort.WAITING: "Waiting longest",
    Sort.MISSING: "Most missing",
    Sort.QUIET: "Quiet longest",
    Sort.OPENED: "Oldest case",
}
PAGE_SIZE = 50


@staff.get("", dependencies=[allow(*desks.DESK)])
async def home(request: Request, page: Page, db: Db, who: Who) -> Response:
    """Show the cases under way; at first a case manager sees their own."""
    async with db.reading() as tx:
        lines = await worklist.lines(tx)
    query = request.query_params
    view = view_of(query, mine=who.subject if any(one.manager == who.subject for one in lines) else None)
    shown = chosen(lines, view)
    at = max(1, int(query["page"])) if query.get("page", "").isdecimal() and len(query["page"]) < 6 else 1
    mine = [queue for queue in queues.ALL if who.has(*(Role(role) for role in queue.roles))]
    return page(
        "desk.html", lines=shown[(at - 1) * PAGE_SIZE : at * PAGE_SIZE], total=len(shown), queues=mine, view=view,
        facets=_titled(facets(lines, view)), words=WORDS, sorts=SORTS, at=at, pages=-(-len(shown) // PAGE_SIZE) or 1,
        link=lambda number: f"/desk/records?{urlencode([*_pairs(view), ('page', number)])}",
        sees_materials=who.has(Role.CASE_MANAGER, *desks.PRIVACY),
    )  # fmt: skip


def view_of(query: QueryParams, *, mine: str | None) -> View:
    """Return what the address asks for; an address that asks for nothing means one's own cases, where there are some."""
    if not query:
        return View(managers=frozenset({mine} if mine else ()))
    sort = Sort(query["sort"]) if query.get("sort") in set(Sort) else Sort.WAITING
    return View(
        waits=frozenset(query.getlist("waits")) & set(map(str, Waits)), missing=frozenset(query.getlist("missing")),
        managers=frozenset(query.getlist("manager")), sort=sort,
    )  # fmt: skip


def _pairs(view: View) -> list[tuple[str, Any]]:
    groups = (("waits", view.waits), ("missing", view.missing), ("manager", view.managers))
    return [(name, value) for name, values in groups for value in sorted(values)] + [("sort", str(view.sort))]


def _titled(found: dict[str, list[Choice]]) -> Iterable[tuple[str, str, list[tuple[Choice, str]]]]:
    yield "waits", "Waits for", [(one, WORDS[Waits(one.value)]) for one in found["waits"]]
    yield "missing", "Missing", [(one, one.word) for one in found["missing"]]
    yield "manager", "Case manager", [(one, one.word) for one in found["managers"]]
