"""The books over HTTP, for finance and its accountant: trial balance, general ledger, documents (R21)."""

from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict

from services.billing import store
from services.billing.exports import (
    DOCUMENT_HEAD,
    LEDGER_HEAD,
    Span,
    as_csv,
    as_json,
    document_cells,
    ledger_cells,
)
from services.billing.settings import BillingSettings
from shared.service import Context
from shared.web import N_, Ctx, Problem, Role, allow

router = APIRouter(prefix="/books", dependencies=[allow(Role.FINANCE, Role.SUPERVISOR)])
_OLDEST, _NEWEST = date(2000, 1, 1), date(2199, 12, 31)
Day = Annotated[date | None, Query(ge=_OLDEST, le=_NEWEST)]
Format = Literal["csv", "json"]
_FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The file; X-Books-Closed says whether its span is over, after which it stays the same",
        "content": {"text/csv": {"schema": {"type": "string"}}, "application/json": {"schema": {"type": "object"}}},
    }
}


class TurnoverView(BaseModel):
    """An account in one currency, in minor units: balances are debit above zero, what moved in the span is by side."""

    model_config = ConfigDict(from_attributes=True)
    account: str
    currency: str
    opening: int
    debit: int
    credit: int
    closing: int


class TrialBalanceOf(BaseModel):
    """The accounts in a span of whole days; opening, closing, and debits less credits sum to zero per currency."""

    since: date
    until: date
    zone: str
    closed: bool
    accounts: list[TurnoverView]


def span_of(ctx: Context, since: date | None, until: date | None) -> Span:
    """Return the days that are meant: by default from the first of this month to today. Raises ``Problem``."""
    settings: BillingSettings = ctx.settings
    today = ctx.clock.now().astimezone(ZoneInfo(settings.books_zone)).date()
    until = until or max(today, since or today)
    since = since or min(today.replace(day=1), until)
    if since > until:
        raise Problem(422, N_("No such span"), detail=N_("The first day comes after the last: exchange them."))
    return Span(since, until, settings.books_zone)


async def asked_span(ctx: Ctx, since: Day = None, until: Day = None) -> Span:
    return span_of(ctx, since, until)


Asked = Annotated[Span, Depends(asked_span)]


@router.get("/trial-balance")
async def trial_balance(span: Asked, ctx: Ctx) -> TrialBalanceOf:
    async with ctx.db.reading() as tx:
        found = await store.turnover(tx, span.begins, span.ends)
    return TrialBalanceOf(
        since=span.since, until=span.until, zone=span.zone, closed=span.closed(ctx.clock.now()),
        accounts=[TurnoverView.model_validate(one) for one in found],
    )  # fmt: skip


@router.get("/ledger.{format}", response_class=Response, responses=_FILES)
async def ledger(format: Format, span: Asked, ctx: Ctx) -> Response:  # noqa: A002 - it is what the address calls it
    """The general ledger of a span: a row for each posting, oldest first."""
    lines = store.ledger_lines(ctx.db, span.begins, span.ends)
    text = as_csv(LEDGER_HEAD, lines, ledger_cells) if format == "csv" else as_json("lines", span, lines, ledger_cells)
    return _file(ctx, f"ledger-{span.since}-{span.until}.{format}", span, text)


@router.get("/documents.{format}", response_class=Response, responses=_FILES)
async def documents(format: Format, span: Asked, ctx: Ctx) -> Response:  # noqa: A002
    """The invoices, receipts and credit notes of a span, oldest first."""
    found = store.documents_between(ctx.db, span.begins, span.ends)
    csv = format == "csv"
    text = as_csv(DOCUMENT_HEAD, found, document_cells) if csv else as_json("documents", span, found, document_cells)
    return _file(ctx, f"documents-{span.since}-{span.until}.{format}", span, text)


def _file(ctx: Context, name: str, span: Span, text: AsyncIterator[str]) -> Response:
    kind = "text/csv; charset=utf-8" if name.endswith("csv") else "application/json"
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "private, no-store",
        "X-Books-Closed": "yes" if span.closed(ctx.clock.now()) else "no",
    }
    return StreamingResponse(text, media_type=kind, headers=headers)
