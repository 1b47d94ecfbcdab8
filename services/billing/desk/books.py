"""The trial balance of any span of days, and the books to take away (R21)."""

from datetime import date

from fastapi import APIRouter, Response

from services.billing import store
from services.billing.books import span_of
from services.billing.desk.parts import money_desk
from shared.money import written
from shared.web import Ctx, Page, Problem

router = APIRouter()


@router.get("/books", dependencies=money_desk)
async def books(page: Page, ctx: Ctx, since: str = "", until: str = "") -> Response:
    wrong = ""
    try:
        span = span_of(ctx, _day(since), _day(until))
    except (ValueError, Problem):
        wrong, span = "Enter two real days, the first one first", span_of(ctx, None, None)
    async with ctx.db.reading() as tx:
        accounts = await store.turnover(tx, span.begins, span.ends)
    return page(
        "desk_books.html", status=422 if wrong else 200, span=span, accounts=accounts, written=written, wrong=wrong,
        closed=span.closed(ctx.clock.now()), currencies=sorted({one.currency for one in accounts}),
        typed={"since": since or span.since.isoformat(), "until": until or span.until.isoformat()},
    )  # fmt: skip


def _day(text: str) -> date | None:
    if not text:
        return None
    day = date.fromisoformat(text)
    if not 2000 <= day.year <= 2199:
        raise ValueError(text)
    return day
