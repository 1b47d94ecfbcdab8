"""The card provider's report held against the books: what differs, and what to do about each (R21)."""

from datetime import date, timedelta
from typing import Any, ClassVar
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.billing import cashier, store
from services.billing.desk.parts import money_desk, written
from services.billing.reconciling import read_report, span_of
from shared.db import Database, Tx
from shared.web import Ctx, Db, Form, Incoming, Once, Page, Who

router = APIRouter(prefix="/provider")
WORDS = {
    "missing_here": "Missing here",
    "missing_there": "Missing there",
    "amount_differs": "Amount differs",
    "currency_differs": "Currency differs",
    "state_differs": "State differs",
    "twice": "Twice",
}


class SpanForm(Incoming):
    sentences: ClassVar[dict[str, str]] = {
        "first": "Enter the first day of the report",
        "last": "Enter the last day of the report",
    }
    first: date
    last: date


@router.get("", dependencies=money_desk)
async def show(page: Page, db: Db) -> Response:
    yesterday = (page.now - timedelta(days=1)).date().isoformat()
    return await _show(page, db, Form[SpanForm].blank(first=yesterday, last=yesterday))


@router.post("", dependencies=money_desk)
async def check(request: Request, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    """Fetch the report and hold it against the books."""
    form = await Form.read(request, SpanForm)
    if not form.valid:
        return await _show(page, ctx.db, form, status=422)
    span = span_of(form.model.first, form.model.last)
    lines = await read_report(ctx, span)

    async def work(tx: Tx) -> str:
        return f"/desk/billing/provider/{(await cashier.check_report(tx, lines, span, who.name)).id}"

    return await once.redirect(work)


@router.get("/{check_id}", dependencies=money_desk)
async def show_check(check_id: UUID, page: Page, db: Db) -> Response:
    async with db.reading() as tx:
        found, differences = await store.check(tx, check_id), await store.differences_of(tx, check_id)
    if found is None:
        raise LookupError("There is no such check of the provider's report")
    last = found.ends_at - timedelta(days=1)
    return page(
        "desk_provider_check.html", check=found, last=last, differences=differences, words=WORDS, written=written
    )


@router.post("/differences/{difference_id}/take-in", dependencies=money_desk)
async def take_in(difference_id: UUID, who: Who, once: Once) -> Response:
    """Do what the lost message would have done."""

    async def work(tx: Tx) -> str:
        difference = await cashier.take_in(tx, difference_id, who.name)
        return f"/desk/billing/provider/{difference.check_id}#difference-{difference.ordinal}"

    return await once.redirect(work)


async def _show(page: Page, db: Database, form: Form[Any], status: int = 200) -> Response:
    async with db.reading() as tx:
        checks = await store.checks(tx)
    return page("desk_provider.html", status=status, form=form, checks=checks, day=timedelta(days=1))
