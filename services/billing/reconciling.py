"""Reading the provider's report and holding it against the books: by command, or from finance's desk (R21)."""

import sys
from argparse import ArgumentParser, Namespace
from datetime import UTC, date, datetime, time, timedelta

from services.billing import cashier, store
from services.billing.cashier import Span
from services.billing.gateway import GatewayRefusedError, GatewayUnavailableError, ReportLine, gateway_of
from services.billing.store import ProviderDifference
from shared.service import Context, OwnCommand


def span_of(first: date, last: date) -> Span:
    """Return the days from ``first`` to ``last``, both included, by Greenwich time. Raises ``MoneyRefusedError``."""
    return Span(datetime.combine(first, time(), UTC), datetime.combine(last, time(), UTC) + timedelta(days=1))


async def read_report(ctx: Context, span: Span) -> list[ReportLine]:
    """Return what the provider reports of a span and around it; outside any transaction. Raises as the gateway does."""
    start, end = span.read
    return await gateway_of(ctx.settings).report(start, end)


def written_line(one: ProviderDifference) -> str:
    """Return a difference as one line for an operator."""
    there = f"{one.line['amount_minor']} {one.line['currency']}" if one.line else "nothing"
    here = f"{one.ours_minor} {one.ours_currency}" if one.ours_currency else "nothing"
    return f"{one.kind}: {one.movement} {one.object_id}: {there} there, {here} here. {one.said}"


def _options(parser: ArgumentParser) -> None:
    parser.add_argument("--from", dest="first", type=date.fromisoformat, help="the first day; yesterday when not said")
    parser.add_argument("--to", dest="last", type=date.fromisoformat, help="the last day, included; the first one")


async def _run(ctx: Context, asked: Namespace) -> int:
    first = asked.first or (ctx.clock.now() - timedelta(days=1)).date()
    span = span_of(first, asked.last or first)
    try:
        lines = await read_report(ctx, span)
    except (GatewayUnavailableError, GatewayRefusedError) as problem:
        print(f"billing: {problem}", file=sys.stderr)
        return 2
    async with ctx.db.transaction() as tx:
        check = await cashier.check_report(tx, lines, span, "command line")
        found = await store.differences_of(tx, check.id)
    for one in found:
        print(written_line(one))
    print(f"billing: {check.lines} lines, {check.fees} fees booked, {len(found)} differences", file=sys.stderr)
    return 1 if found else 0


COMMAND = OwnCommand("reconcile-provider", "hold the card provider's report against the books", _options, _run)
