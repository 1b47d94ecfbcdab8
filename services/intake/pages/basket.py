"""The advisor's basket: services under the programme's rules, their price, the quote as the patient will see it.

The server judges the basket while it is filled (htmx asks again after each change); without JavaScript a button does. A
case whose services are agreed gets a supplementary quote for what is added (R17).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field

from services.intake import pricing, quoting
from services.intake.answers import refusals
from services.intake.basket import Basket, Judgement, basket_of, judged, minor_units
from services.intake.domain import QuoteState, Unacceptable
from services.intake.pages.desk import ADVISORS
from services.intake.pages.quotes import as_its_reader_sees
from services.intake.pricing import Asked, Pricing
from services.intake.values import Code, Note
from shared.db import Tx
from shared.ids import CaseId
from shared.money import plain
from shared.programme import Programme
from shared.web import Db, Form, Incoming, Once, Page, Who

router = APIRouter(prefix="/desk/intake/cases/{case_id}", include_in_schema=False, dependencies=[Depends(refusals)])


class Filling(Incoming):
    """The basket as it was sent: `priced` and `amounts` are the rows' codes and prices, side by side."""

    sentences: ClassVar[dict[str, str]] = {"services": "Choose at least one service"}
    step: Literal["check", "preview", "offer", "change"] = "offer"
    services: tuple[Code, ...] = Field(default=(), max_length=20)
    priced: tuple[Code, ...] = Field(default=(), max_length=20)
    amounts: tuple[str, ...] = Field(default=(), max_length=20)
    discount: str = Field(default="", max_length=20)
    total: str = Field(default="", max_length=20)
    reason: Note = ""
    note: Note = ""
    surgery_advice: Literal["", "yes"] = ""
    seen: int = Field(default=0, ge=0)
    supplements: int | None = Field(default=None, ge=1)


def _asked(form: Form[Filling], rules: Programme) -> Asked:
    """Return what the form asks as a price, refusing in the form what is no amount."""
    filled = form.model

    def read(field: str, text: str) -> int:
        try:
            return minor_units(text, rules.currency)
        except ValueError as wrong:
            form.refuse(field, str(wrong))
            return 0

    rows = zip(filled.priced, filled.amounts, strict=False)
    amounts = {code: read(f"amount-{code}", text) for code, text in rows if code in filled.services and text.strip()}
    return Asked(
        amounts=amounts,
        discount_minor=read("discount", filled.discount) if filled.discount else 0,
        total_minor=read("total", filled.total) if filled.total else None,
        reason=filled.reason,
    )


def _judge(form: Form[Filling], basket: Basket) -> tuple[Judgement, Asked]:
    """Judge what was sent; what is wrong with it stands in the form's errors."""
    rules, chosen = basket.rules, form.model.services
    asked = _asked(form, rules)
    made = None
    if not form.errors:
        try:
            made = pricing.price(rules, chosen, asked)
        except Unacceptable as wrong:
            for sentence in wrong.sentences:
                form.refuse(_FIELD.get(sentence, "services"), sentence)
    judgement = judged(basket, chosen, made or _priced_as_far_as_possible(rules, chosen, asked))
    if not chosen:
        form.refuse("services", pricing.NOTHING_ADDED if basket.agreed else Filling.sentences["services"])
    for refusal in judgement.refusals:
        form.refuse("services", f"{refusal.sentence} ({refusal.rule})")
    return judgement, asked


_FIELD = {pricing.REASON_MISSING: "reason", pricing.TWO_WAYS: "discount", pricing.BELOW_ZERO: "discount"}


def _priced_as_far_as_possible(rules: Programme, chosen: Sequence[str], asked: Asked) -> Pricing | None:
    """Return the price even while its reason is still to be written: an advisor wants to see the sum first."""
    try:
        return pricing.price(rules, chosen, replace(asked, reason=asked.reason or "…"))
    except Unacceptable:
        return None


@router.get("/quote", dependencies=ADVISORS)
async def show(case_id: CaseId, page: Page, db: Db, add: str = "") -> Response:
    """The basket: what was asked for or offered last; `add` is a service that somebody wished for."""
    async with db.reading() as tx:
        basket = await basket_of(tx, case_id)
    chosen = _suggested(basket, add)
    amounts = {line.service: line.amount_minor for line in basket.last.lines} if basket.last else {}
    surgery = "yes" if basket.case.surgery == "yes" and basket.agreed is None else ""
    form: Form[Filling] = Form.blank(
        services=chosen, surgery_advice=surgery, seen=basket.last.revision if basket.last else 0,
        note=basket.last.note if basket.last and basket.last.state is QuoteState.OPEN else "",
        **{f"amount-{code}": plain(amounts.get(code, basket.rules.catalogue[code].price_minor), basket.rules.currency)
           for code in basket.offered},
    )  # fmt: skip
    asked = Asked(amounts={code: amounts[code] for code in chosen if code in amounts}, reason="…")
    judgement = judged(basket, chosen, pricing.price(basket.rules, chosen, asked))
    return page("basket.html", basket=basket, form=form, judgement=judgement)


def _suggested(basket: Basket, add: str) -> list[str]:
    if add in basket.offered:
        return [add]
    open_now = basket.last is not None and basket.last.state is not QuoteState.ACCEPTED
    if basket.last and open_now and (basket.agreed is None) == (basket.last.supplements is None):
        return [code for code in basket.last.added if code in basket.offered]
    return [] if basket.agreed else [code for code in basket.case.interests if code in basket.offered]


@router.post("/quote/check", dependencies=ADVISORS)
async def check(case_id: CaseId, request: Request, page: Page, db: Db) -> Response:
    """Judge the basket as it stands: what htmx asks for after each change."""
    form = await Form.read(request, Filling)
    async with db.reading() as tx:
        basket = await basket_of(tx, case_id)
    judgement, _ = _judge(form, basket)
    return page("basket_judgement.html", basket=basket, form=form, judgement=judgement)


@router.post("/quote", dependencies=ADVISORS)
async def fill(case_id: CaseId, request: Request, page: Page, db: Db, who: Who, once: Once) -> Response:
    """Judge, show as the patient will see it, or offer. A broken rule says which, and what would mend it."""
    form = await Form.read(request, Filling)
    filled = form.model
    async with db.reading() as tx:
        basket = await basket_of(tx, case_id)
    form.values |= dict(zip((f"amount-{code}" for code in filled.priced), filled.amounts, strict=False))
    judgement, asked = _judge(form, basket)
    if filled.step in ("check", "change"):
        form.errors.clear()
        return page("basket.html", basket=basket, form=form, judgement=judgement)
    if not form.valid or judgement.made is None:
        return page("basket.html", status=422, basket=basket, form=form, judgement=judgement)
    if filled.step == "preview":
        return _preview(page, basket, form, judgement.made, who.subject)

    async def work(tx: Tx) -> str:
        await quoting.offer(tx, case_id, filled.services, asked, filled.note, who.subject, seen=filled.seen, supplements=filled.supplements,
                            surgery_advice=filled.surgery_advice == "yes")  # fmt: skip
        return f"/desk/cases/{case_id}#quotes"

    return await once.redirect(work)


def _preview(page: Page, basket: Basket, form: Form[Filling], made: Pricing, by: str) -> Response:
    """Show the quote that isn't offered yet, word for word as its reader will get it."""
    filled = form.model
    quote = pricing.next_revision(
        basket.rules, basket.history, filled.services, made, note=filled.note, by=by, now=page.now,
        surgery_advice=filled.surgery_advice == "yes",
    )  # fmt: skip
    return page("basket_preview.html", basket=basket, form=form, filled=filled, **as_its_reader_sees(basket, quote))
