"""The figures of finance's first page, and the invoices behind each of them (R21)."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from starlette.datastructures import QueryParams

from services.billing.desk.parts import money_desk
from services.billing.domain import AGES, InvoiceState
from services.billing.store import overview
from services.billing.store.overview import Aged, Figure, Wanted
from shared.db import Tx
from shared.ids import parse_case_number
from shared.money import written
from shared.web import Db, Page

router = APIRouter(prefix="/invoices")
HERE = "/desk/billing/invoices"
TITLES = {
    "owed": "To be paid",
    "late": "Late",
    "unmatched": "Wires unmatched",
    "held": "Held",
    "to_refund": "To be refunded",
    "to_confirm": "Awaiting a second person",
    "disputed": "Disputed",
    "all": "All invoices",
}
HINTS = {
    "owed": "Invoices whose time to pay runs.",
    "late": "The time to pay is over and the price is not in.",
    "unmatched": "In the bank, and nobody has said whose it is.",
    "held": "Came in and bought no work: send it back or apply it.",
    "to_refund": "Decided, and not yet with the payer.",
    "to_confirm": "Refunds above what one person may decide.",
    "disputed": "A bank has still to decide.",
}
_WIDEST = 200


@dataclass(frozen=True, slots=True)
class Tile:
    """One subject of the first page with an amount for each currency, and where each leads."""

    title: str
    hint: str
    figures: list[tuple[Figure, str]]


@dataclass(frozen=True, slots=True)
class Bar:
    """A step of the ageing chart; ``width`` in the chart's own units."""

    title: str
    aged: Aged
    width: float
    href: str


@dataclass(frozen=True, slots=True)
class Overview:
    tiles: list[Tile]
    charts: dict[str, list[Bar]]


async def overview_of(tx: Tx, unmatched: str) -> Overview:
    """Return the first page's figures and charts; ``unmatched`` is the page of the wires that nobody has matched."""
    found = await overview.figures(tx)
    tiles = [
        Tile(TITLES[what], hint, [(one, _href(one, unmatched)) for one in found if one.what == what])
        for what, hint in HINTS.items()
    ]
    return Overview(tiles, {currency: _bars(steps) for currency, steps in (await overview.ageing(tx)).items()})


def _href(figure: Figure, unmatched: str) -> str:
    if figure.what == "unmatched":
        return unmatched
    return f"{HERE}?{urlencode({'show': figure.what, 'currency': figure.amount.currency})}"


def _bars(steps: Sequence[Aged]) -> list[Bar]:
    most = max(one.amount.amount_minor for one in steps)
    return [
        Bar(
            AGES[one.step].title, one, round(_WIDEST * one.amount.amount_minor / most, 1),
            f"{HERE}?{urlencode({'show': 'late', 'currency': one.amount.currency, 'age': AGES[one.step].code})}",
        )
        for one in steps
    ]  # fmt: skip


@router.get("", dependencies=money_desk)
async def list_invoices(request: Request, page: Page, db: Db) -> Response:
    """List invoices: those behind a figure, or all, narrowed by state, currency, age and case number."""
    said = request.query_params
    wanted, wrong = read_wanted(said)
    async with db.reading() as tx:
        found = await overview.list_invoices(tx, wanted)
    pages = -(-found.count // overview.PAGE) or 1
    return page(
        "desk_invoices.html", wanted=wanted, wrong=wrong, found=found, pages=pages, size=overview.PAGE, titles=TITLES,
        shown=overview.SHOWN, states=list(InvoiceState), ages=AGES, written=written, number=said.get("number", ""),
        link=lambda number: f"{HERE}?{urlencode([*((k, v) for k, v in said.items() if k != 'page'), ('page', number)])}",
    )  # fmt: skip


def read_wanted(said: QueryParams) -> tuple[Wanted, str]:
    """Return what an address asks for, and what is wrong with its case number; what is nonsense counts as unsaid."""
    show, state, currency, age = (said.get(name, "") for name in ("show", "state", "currency", "age"))
    codes = [one.code for one in AGES]
    number, wrong = None, ""
    if asked := said.get("number", "").strip():
        try:
            number = parse_case_number(asked)
        except ValueError as error:
            number, wrong = asked.replace("\0", ""), str(error)
    turned = said.get("page", "")
    return Wanted(
        show if show in overview.SHOWN else "all",
        InvoiceState(state) if state in set(InvoiceState) else None,
        currency.upper() if currency.isascii() and currency.isalpha() and len(currency) == 3 else None,
        codes.index(age) if age in codes else None,
        number,
        max(1, int(turned)) if turned.isascii() and turned.isdigit() and len(turned) < 6 else 1,
    ), wrong
