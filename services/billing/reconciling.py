"""Reading the provider's report and holding it against the books: each day by itself, by command, or from the desk (R21).

A timer that always runs asks for the report at the settings' hour; every day since the last time is checked, so that none
is missed however long provider or workers were away.
"""

import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from services.billing import cashier, store
from services.billing.cashier import SYSTEM, Span
from services.billing.gateway import GatewayRefusedError, GatewayUnavailableError, ReportLine, gateway_of
from services.billing.settings import BillingSettings
from services.billing.store import ProviderDifference, matters
from shared import log
from shared.backbone import Errand, errands, failpoints, timers
from shared.backbone.timers import NOBODY
from shared.db import Tx
from shared.ids import CaseId
from shared.money import written
from shared.service import Context, OwnCommand

CHECK = "check_provider"
_A_DAY, _LONGEST = timedelta(days=1), timedelta(days=92)
_log = log.get(__name__)


def span_of(first: date, last: date) -> Span:
    """Return the days from ``first`` to ``last``, both included, by Greenwich time. Raises ``MoneyRefusedError``."""
    return Span(datetime.combine(first, time(), UTC), datetime.combine(last, time(), UTC) + timedelta(days=1))


async def read_report(ctx: Context, span: Span) -> tuple[list[ReportLine], datetime]:
    """Return what the provider reports of a span and around it, and since when; outside any transaction.

    It reaches as far back as the differences that stand open, so that each can be judged anew. Raises as the gateway does.
    """
    async with ctx.db.reading() as tx:
        waiting = [one.read_from for one in await matters.open_matters(tx)]
    start, end = span.read(min(waiting, default=None))
    return await gateway_of(ctx.settings).report(start, end), start


def next_check_at(settings: BillingSettings, now: datetime) -> datetime:
    """Return the next time that the settings' hour strikes where the books are kept."""
    local = now.astimezone(ZoneInfo(settings.books_zone))
    today = datetime.combine(local.date(), time(settings.provider_check_hour), local.tzinfo)
    due = today if today > local else datetime.combine(local.date() + _A_DAY, today.timetz())
    return due.astimezone(UTC)


async def ask_for_report(_: CaseId, tx: Tx) -> None:
    """Have the report fetched. The errand winds the clock to the settings' hour; should it never end, it strikes anyway."""
    await errands.request(tx, CHECK, NOBODY, tx.now.isoformat(), {})
    await timers.set(tx, NOBODY, CHECK, tx.now + _A_DAY)


async def check_by_itself(_: Errand, ctx: Context) -> None:
    """Check every day that is over since the last time; raises when the report can't be had, which finance sees."""
    last, span = await _not_yet_checked(ctx)
    try:
        told = await read_report(ctx, span) if span else None
    except (GatewayUnavailableError, GatewayRefusedError):
        async with ctx.db.transaction() as tx:
            await cashier.ask_about_silence(tx)
        raise
    failpoints.reach("report.read")
    async with ctx.db.transaction() as tx:
        await store.begin_check(tx)
        if span and told and await store.checked_until(tx, SYSTEM) == last:
            check = await cashier.check_report(tx, told[0], span, SYSTEM, told[1])
            _log.info("provider_checked", lines=check.lines, differences=check.differences)
        await cashier.hear_from_provider_again(tx)
        behind = span is not None and span.end < _day_of(tx.now)
        await timers.set(tx, NOBODY, CHECK, tx.now if behind else next_check_at(ctx.settings, tx.now))


async def _not_yet_checked(ctx: Context) -> tuple[datetime | None, Span | None]:
    """Return until when the report was checked by itself, and the days since then, or since cards are taken, that are over."""
    async with ctx.db.reading() as tx:
        last, first = await store.checked_until(tx, SYSTEM), await store.first_checkout_at(tx)
    today = _day_of(ctx.clock.now())
    start = last or min(_day_of(first or today), today - _A_DAY)
    return last, Span(start, min(today, start + _LONGEST)) if start < today else None


def _day_of(at: datetime) -> datetime:
    return datetime.combine(at.astimezone(UTC).date(), time(), UTC)


def written_line(one: ProviderDifference) -> str:
    """Return a difference as one line for an operator."""
    there = written(one.line["amount_minor"], one.line["currency"]) if one.line else "nothing"
    here = written(one.ours_minor or 0, one.ours_currency) if one.ours_currency else "nothing"
    return f"{one.kind}: {one.movement} {one.object_id}: {there} there, {here} here. {one.said}"


def _options(parser: ArgumentParser) -> None:
    parser.add_argument("--from", dest="first", type=date.fromisoformat, help="the first day; yesterday when not said")
    parser.add_argument("--to", dest="last", type=date.fromisoformat, help="the last day, included; the first one")


async def _run(ctx: Context, asked: Namespace) -> int:
    first = asked.first or (ctx.clock.now() - timedelta(days=1)).date()
    span = span_of(first, asked.last or first)
    try:
        lines, read_from = await read_report(ctx, span)
    except (GatewayUnavailableError, GatewayRefusedError) as problem:
        print(f"billing: {problem}", file=sys.stderr)
        return 2
    async with ctx.db.transaction() as tx:
        check = await cashier.check_report(tx, lines, span, "command line", read_from)
        found = await store.differences_of(tx, check.id)
    for one in found:
        print(written_line(one))
    booked = f"{check.fees} fees and {check.payouts} payouts booked"
    print(f"billing: {check.lines} lines, {booked}, {len(found)} differences", file=sys.stderr)
    return 1 if found else 0


COMMAND = OwnCommand("reconcile-provider", "hold the card provider's report against the books", _options, _run)
