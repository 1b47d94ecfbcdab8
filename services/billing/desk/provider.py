"""The card provider's report held against the books: what differs, worked off one by one, and what it pays out (R21)."""

from datetime import date, timedelta
from typing import Any, ClassVar
from uuid import UUID

from fastapi import APIRouter, Request, Response

from services.billing import cashier, domain, store
from services.billing.api_views import Reason
from services.billing.cashier import DIFFERENCES
from services.billing.desk.parts import money_desk
from services.billing.reconciling import CHECK, next_check_at, read_report, span_of
from services.billing.store import matters, payouts
from services.billing.store.matters import Matter
from shared.db import Tx
from shared.money import written
from shared.service import Context
from shared.web import Ctx, Db, Form, Incoming, Once, Page, Who

router = APIRouter(prefix="/provider", dependencies=money_desk)


class SpanForm(Incoming):
    sentences: ClassVar[dict[str, str]] = {
        "first": "Enter the first day of the report",
        "last": "Enter the last day of the report",
    }
    first: date
    last: date


class WhyForm(Incoming):
    sentences: ClassVar[dict[str, str]] = {"reason": "Say who and why, in a sentence: an auditor reads it later"}
    reason: Reason


@router.get("")
async def show(page: Page, ctx: Ctx) -> Response:
    yesterday = (page.now - timedelta(days=1)).date().isoformat()
    return await _show(page, ctx, Form[SpanForm].blank(first=yesterday, last=yesterday))


@router.post("")
async def check(request: Request, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    """Fetch the report and hold it against the books."""
    form = await Form.read(request, SpanForm)
    if not form.valid:
        return await _show(page, ctx, form, status=422)
    span = span_of(form.model.first, form.model.last)
    lines, read_from = await read_report(ctx, span)

    async def work(tx: Tx) -> str:
        return f"/desk/billing/provider/{(await cashier.check_report(tx, lines, span, who.name, read_from)).id}"

    return await once.redirect(work)


@router.get("/{check_id}")
async def show_check(check_id: UUID, page: Page, db: Db) -> Response:
    async with db.reading() as tx:
        found, differences = await store.check(tx, check_id), await store.differences_of(tx, check_id)
        standing = await matters.matters_known_by(tx, [one.identity for one in differences if one.identity])
    if found is None:
        raise LookupError("There is no such check of the provider's report")
    last = found.ends_at - timedelta(days=1)
    return page(
        "desk_provider_check.html", check=found, last=last, differences=differences, standing=standing,
        words=DIFFERENCES, written=written,
    )  # fmt: skip


@router.get("/differences/{matter_id}")
async def show_difference(matter_id: UUID, page: Page, db: Db) -> Response:
    async with db.reading() as tx:
        found = await matters.matter(tx, matter_id)
    if found is None:
        raise LookupError("There is no such difference")
    return await _difference(page, db, found, Form[WhyForm].blank())


@router.post("/differences/{matter_id}/{act}")
async def work_off(
    request: Request, matter_id: UUID, act: str, page: Page, db: Db, who: Who, once: Once
) -> Response:  # fmt: skip
    """Take a difference in, settle it with a reason, or open it again."""
    async with db.reading() as tx:
        found = await matters.matter(tx, matter_id)
    if found is None or act not in ("take-in", "settle", "open-again"):
        raise LookupError("There is no such difference")
    form = await Form.read(request, WhyForm)
    asks_why = act != "take-in" or cashier.made_there(found.difference)
    if asks_why and not form.valid:
        return await _difference(page, db, found, form, at=act, status=422)
    reason = form.model.reason if asks_why else ""
    do = {"take-in": cashier.take_in, "settle": cashier.settle, "open-again": cashier.open_again}[act]

    async def work(tx: Tx) -> str:
        await do(tx, matter_id, reason, who.name)
        return f"/desk/billing/provider/differences/{matter_id}"

    return await once.redirect(work)


async def _difference(
    page: Page, db: Db, found: Matter, form: Form[WhyForm], *, at: str = "", status: int = 200
) -> Response:
    """Return a difference's page; ``at`` says which of its forms ``form`` is."""
    async with db.reading() as tx:
        steps = await matters.steps_of_matter(tx, found.id)
    return page(
        "desk_provider_difference.html", status=status, matter=found, one=found.difference, steps=steps, form=form, at=at,
        made_there=cashier.made_there(found.difference), words=DIFFERENCES, written=written,
    )  # fmt: skip


async def _show(page: Page, ctx: Context, form: Form[Any], status: int = 200) -> Response:
    async with ctx.db.reading() as tx:
        waiting, ended = await matters.open_matters(tx), await matters.ended_matters(tx)
        silence = await matters.provider_silence(tx, CHECK)
        checks, paid_out = await store.checks(tx), await payouts.payouts(tx)
    return page(
        "desk_provider.html", status=status, form=form, checks=checks, day=timedelta(days=1), waiting=waiting,
        ended=ended, silence=silence, payouts=paid_out, words=DIFFERENCES, written=written, says=domain.written,
        overdue=page.now - domain.OVERDUE, next_at=next_check_at(ctx.settings, page.now),
    )  # fmt: skip
