"""A case's quotes at the desk: each revision as its reader saw it, questions about it, and wishes for more services."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from services.intake import pricing, quoting, store
from services.intake.answers import refusals
from services.intake.basket import Basket, basket_of
from services.intake.domain import Quote
from services.intake.pages.case_page import ADVISOR_ROLES
from services.intake.pages.desk import ADVISORS
from services.intake.quote_sheet import render_beside, sheet_of
from services.intake.quotes_api import WISHERS
from services.intake.store import quotes
from services.intake.values import Code, Line, Text
from shared.db import Database, Tx
from shared.ids import CaseId
from shared.web import Ctx, Db, Form, Incoming, Once, Page, Problem, Role, Who, allow
from shared.web.i18n import LOCALES, direction, html_lang, known_locale

router = APIRouter(prefix="/desk/intake/cases/{case_id}", include_in_schema=False, dependencies=[Depends(refusals)])
KNOW_PRICES = [allow(*ADVISOR_ROLES, Role.FINANCE, Role.CASE_MANAGER)]
"""Money is these roles' business, as billing has it."""


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


def as_its_reader_sees(basket: Basket, quote: Quote) -> dict[str, Any]:
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
                **as_its_reader_sees(basket, quote))  # fmt: skip


@router.get("/quotes/{revision}/quote.pdf", dependencies=KNOW_PRICES)
async def document(case_id: CaseId, revision: int, db: Db, ctx: Ctx) -> Response:
    basket, quote = await _revision(db, case_id, revision)
    sheet = as_its_reader_sees(basket, quote)["sheet"]
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
