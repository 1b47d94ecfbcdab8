"""The advisor's basket: services under the programme's rules, their price, the quote as the patient will see it.

The server judges the basket while it is filled (htmx asks again after each change); without JavaScript a button does. A
case whose services are agreed gets a supplementary quote for what is added (R17).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field

from services.intake import pricing, quoting, store, zones
from services.intake.answers import refusals
from services.intake.domain import Quote, QuoteState, Unacceptable
from services.intake.pages.case_page import ADVISOR_ROLES
from services.intake.pages.desk import ADVISORS
from services.intake.pricing import Asked, Pricing
from services.intake.quote_sheet import render_beside, sheet_of
from services.intake.quotes_api import WISHERS
from services.intake.store import Case, Person, circumstances, quotes
from services.intake.values import Code, Line, Note, Text
from shared import programme
from shared.db import Database, Tx
from shared.events import Money
from shared.ids import CaseId
from shared.money import plain, typed
from shared.programme import Programme, Refusal
from shared.web import Ctx, Db, Form, Incoming, Once, Page, Problem, Role, Who, allow
from shared.web.i18n import LOCALES, direction, html_lang, known_locale

router = APIRouter(prefix="/desk/intake/cases/{case_id}", include_in_schema=False, dependencies=[Depends(refusals)])
KNOW_PRICES = [allow(*ADVISOR_ROLES, Role.FINANCE, Role.CASE_MANAGER)]
"""Money is these roles' business, as billing has it."""


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


class Answering(Incoming):
    sentences: ClassVar[dict[str, str]] = {"text": "Write the answer"}
    text: Text


class Wishing(Incoming):
    sentences: ClassVar[dict[str, str]] = {"words": "Say why this service should be added"}
    service: Code
    words: Text


class SettingAside(Incoming):
    sentences: ClassVar[dict[str, str]] = {"reason": "Say why nothing is added"}
    reason: Line


@dataclass(frozen=True)
class Basket:
    """What the basket's page is drawn from."""

    case: Case
    people: dict[str, Person]
    rules: Programme
    history: list[Quote]
    zone: str | None

    @property
    def agreed(self) -> Quote | None:
        return pricing.agreed_in(self.history)

    @property
    def last(self) -> Quote | None:
        return self.history[0] if self.history else None

    @property
    def offered(self) -> list[str]:
        """The codes from which to choose: what is agreed already is not offered again."""
        taken = self.agreed.services if self.agreed else ()
        return [code for code in self.rules.catalogue if code not in taken]


@dataclass(frozen=True)
class Judgement:
    """What the rules say to a basket: its refusals, the single changes that would mend it, its price."""

    refusals: list[Refusal]
    mends: list[str]
    made: Pricing | None
    currency: str

    def money(self, minor: int) -> Money:
        return Money(amount_minor=abs(minor), currency=self.currency)


async def basket_of(tx: Tx, case_id: CaseId) -> Basket:
    case = await store.load_case(tx, case_id)
    history = await quotes.of_case(tx, case_id)
    people = await store.people(tx, case_id)
    return Basket(case, people, programme.load(case.programme), history, await zone_of(tx, case_id, people))


async def zone_of(tx: Tx, case_id: CaseId, people: dict[str, Person]) -> str | None:
    """Return the zone in which a date is told: where the caller said they are, else the likely one of the patient's country."""
    said = await circumstances.of_case(tx, case_id)
    return said.call_zone or zones.proposed(people["patient"].country)


def judged(basket: Basket, chosen: Sequence[str], made: Pricing | None) -> Judgement:
    """Judge the whole that would be agreed, and look for single additions and removals after which nothing is refused."""
    agreed = basket.agreed.services if basket.agreed else ()
    whole = (*agreed, *chosen)
    found = basket.rules.check_selection(whole) if chosen else []
    mends = []
    if found:
        for code in basket.offered:
            changed = [*whole, code] if code not in whole else [one for one in whole if one != code]
            if set(changed) > set(agreed) and not basket.rules.check_selection(changed):
                verb = "add" if code not in whole else "take out"
                mends.append(f"{verb} “{basket.rules.catalogue[code].title}”")
    return Judgement(found, mends, made, basket.rules.currency)


def minor_units(text: str, currency: str) -> int:
    """Return what an advisor typed, such as 4,850.00, in minor units; ValueError says what to type."""
    try:
        amount = typed(text, currency)
    except ValueError:
        raise ValueError("Enter the price as a number, such as 4850.00") from None
    if not 0 <= amount <= 10**12:
        raise ValueError("Enter a price of zero or more")
    if amount % 1:
        raise ValueError(f"Enter a price that {currency} has coins for, such as {written(485000, currency)}")
    return int(amount)


def written(minor: int, currency: str) -> str:
    """Return an amount as a form field holds it: 4850.00."""
    return plain(minor, currency)


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
        **{f"amount-{code}": written(amounts.get(code, basket.rules.catalogue[code].price_minor), basket.rules.currency)
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
    return page("basket_preview.html", basket=basket, form=form, filled=filled, **_shown(basket, quote))


def _shown(basket: Basket, quote: Quote) -> dict[str, Any]:
    """Return what a staff page needs to show a revision as its reader sees it."""
    locale = known_locale(basket.case.locale) or "en"
    patient = basket.people["patient"]
    before = pricing.compared_with(quote, basket.history)
    return {
        "sheet": sheet_of(basket.case, quote, patient.name, basket.zone, before, locale),
        "sheet_lang": html_lang(locale),
        "sheet_dir": direction(locale),
        "language": LOCALES[locale],
    }


async def _revision(db: Database, case_id: CaseId, revision: int) -> tuple[Basket, Quote]:
    async with db.reading() as tx:
        basket = await basket_of(tx, case_id)
    quote = next((one for one in basket.history if one.revision == revision), None)
    if quote is None:
        raise Problem(404, "No such quote", detail="Open the case and choose one of its revisions.")
    return basket, quote


@router.get("/quotes/{revision}", dependencies=KNOW_PRICES)
async def one_revision(case_id: CaseId, revision: int, page: Page, db: Db) -> Response:
    """A revision as its reader saw it, with what only staff know of it."""
    basket, quote = await _revision(db, case_id, revision)
    return page("desk_revision.html", basket=basket, quote=quote, reasons=quoting.DECLINE_REASONS,
                **_shown(basket, quote))  # fmt: skip


@router.get("/quotes/{revision}/quote.pdf", dependencies=KNOW_PRICES)
async def document(case_id: CaseId, revision: int, db: Db, ctx: Ctx) -> Response:
    basket, quote = await _revision(db, case_id, revision)
    sheet = _shown(basket, quote)["sheet"]
    made = await render_beside(sheet, quote.offered_at, ctx.platform.node_modules)
    return pdf(made, basket.case.case_number, revision)


def pdf(made: bytes, number: str, revision: int) -> Response:
    """Answer with a document that nobody between us and its reader keeps."""
    headers = {
        "Content-Disposition": f'inline; filename="quote-{number}-v{revision}.pdf"',
        "Cache-Control": "private, no-store",
    }
    return Response(made, media_type="application/pdf", headers=headers)


@router.get("/questions/{question_id}", dependencies=ADVISORS)
async def question(case_id: CaseId, question_id: UUID, page: Page, db: Db) -> Response:
    """A question about the quote, with everything asked and answered before it."""
    return await _question(page, db, case_id, question_id, Form.blank())


async def _question(page: Page, db: Db, case_id: CaseId, question_id: UUID, form: Form[Answering]) -> Response:
    async with db.reading() as tx:
        basket, thread = await basket_of(tx, case_id), await quotes.questions_of(tx, case_id)
    asked = next((one for one in thread if one.question_id == question_id), None)
    if asked is None:
        raise Problem(404, "No such question", detail="Open the case and choose one of its questions.")
    return page("desk_question.html", status=422 if form.errors else 200, basket=basket, thread=thread, asked=asked,
                form=form)  # fmt: skip


@router.post("/questions/{question_id}", dependencies=ADVISORS)
async def answer(
    case_id: CaseId, question_id: UUID, request: Request, page: Page, db: Db, who: Who, once: Once
) -> Response:
    """Answer in words: a letter's link leads its reader back to the quote."""
    form = await Form.read(request, Answering)
    if not form.valid:
        return await _question(page, db, case_id, question_id, form)
    words = form.model.text

    async def work(tx: Tx) -> str:
        found = await quotes.question(tx, question_id)
        if found is None or found.case_id != case_id:
            raise store.UnknownCase(str(question_id))
        await quoting.answer(tx, question_id, words, who.name)
        return f"/desk/cases/{case_id}#quotes"

    return await once.redirect(work)


@router.post("/wishes", dependencies=[allow(*WISHERS)])
async def wish(case_id: CaseId, request: Request, who: Who, once: Once) -> Response:
    """Put before the advisors that a service should be added (R17)."""
    form = await Form.read(request, Wishing)
    wished = form.model

    async def work(tx: Tx) -> str:
        await quoting.wish(tx, case_id, wished.service, wished.words, who.name)
        return f"/desk/cases/{case_id}"

    return await once.redirect(work)


@router.post("/wishes/{wish_id}/set-aside", dependencies=ADVISORS)
async def set_aside(case_id: CaseId, wish_id: UUID, request: Request, who: Who, once: Once) -> Response:
    """Settle a wish without a quote, and say why."""
    form = await Form.read(request, SettingAside)
    why = form.model.reason

    async def work(tx: Tx) -> str:
        await quoting.set_aside(tx, case_id, wish_id, why, who.name)
        return f"/desk/cases/{case_id}#quotes"

    return await once.redirect(work)
