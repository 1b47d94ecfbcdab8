"""Quotes over JSON, /api/intake/cases/{case_id}: offering, answering, asking, and wishes for services (R17, R19)."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from services.intake import quoting, store
from services.intake.answers import refusals
from services.intake.api import ADVISORS, PATIENT_SIDE, CaseView, Done
from services.intake.pricing import Asked
from services.intake.quote_views import Questions, QuestionView, QuoteView, Wishes, WishView
from services.intake.store import quotes
from services.intake.values import AskedText, Code, Line, Note, Text
from shared import programme
from shared.db import Tx
from shared.ids import CaseId
from shared.web import Db, Incoming, Once, Problem, Role, Who, allow

router = APIRouter(prefix="/api/intake/cases/{case_id}", tags=["quotes"], dependencies=[Depends(refusals)])
REQUESTER = [allow(Role.REQUESTER)]
WISHERS = (Role.SPECIALIST, Role.CASE_MANAGER, Role.CLINICAL_LEAD, *ADVISORS)
MOST = 10**12
BY_TOOL = "Agreed individually (R19)"


class NewPrice(Incoming):
    amount_minor: int = Field(ge=0, le=MOST)
    currency: str = Field(pattern="^[A-Z]{3}$")


class NewLine(Incoming):
    service: Code
    amount_minor: int = Field(ge=0, le=MOST)


class NewQuote(Incoming):
    """What is offered: services, and their price as a whole. ``lines`` prices single services otherwise than the sample.

    Once services are agreed, ``supplements`` names the accepted revision, ``services`` are those to be added to it, and
    ``price`` is theirs alone (R17).
    """

    services: tuple[str, ...] = Field(min_length=1, max_length=20)
    price: NewPrice
    lines: tuple[NewLine, ...] = Field(default=(), max_length=20)
    reason: Note = BY_TOOL
    note: Note = ""
    supplements: int | None = Field(default=None, ge=1)


class Acceptance(Incoming):
    quote_id: UUID
    revision: int = Field(ge=1)


class Refusal(Acceptance):
    reason: Literal["price", "later", "elsewhere", "travel", "services", "other"]
    words: Note = ""


class NewQuestion(Acceptance):
    text: AskedText


class NewAnswer(Incoming):
    text: Text


class NewWish(Incoming):
    service: Code
    words: Text


class SettingAside(Incoming):
    reason: Line


@router.post("/quotes", status_code=201, dependencies=[allow(*ADVISORS)], response_model=QuoteView)
async def offer(case_id: CaseId, body: NewQuote, who: Who, once: Once) -> Response:
    """Offer services at an individual price; refused with a sentence for each rule that it breaks (R13-R19)."""

    async def work(tx: Tx) -> QuoteView:
        rules = programme.load((await store.load_case(tx, case_id)).programme)
        if body.price.currency != rules.currency:
            wrong = {"pointer": "#/price/currency", "detail": f"Quote in {rules.currency}."}
            raise Problem(422, "Another currency", errors=[wrong])
        amounts = {line.service: line.amount_minor for line in body.lines}
        asked = Asked(amounts=amounts, total_minor=body.price.amount_minor, reason=body.reason)
        return QuoteView.of(
            await quoting.offer(tx, case_id, body.services, asked, body.note, who.subject, supplements=body.supplements)
        )

    return await once.run(work, status=201)


@router.post("/accept", dependencies=REQUESTER, response_model=CaseView)
async def accept(case_id: CaseId, body: Acceptance, once: Once) -> Response:
    """Accept the quote in this revision: services are confirmed, or added to (R17, R20)."""

    async def work(tx: Tx) -> CaseView:
        return await CaseView.of(tx, await quoting.accept(tx, case_id, body.revision, body.quote_id))

    return await once.run(work)


@router.post("/decline", dependencies=REQUESTER, response_model=CaseView)
async def decline(case_id: CaseId, body: Refusal, once: Once) -> Response:
    """Decline the quote in this revision, with a reason; the case goes back to the advisor."""

    async def work(tx: Tx) -> CaseView:
        case = await quoting.decline(tx, case_id, body.revision, body.quote_id, body.reason, body.words)
        return await CaseView.of(tx, case)

    return await once.run(work)


@router.get("/quote-questions", dependencies=[allow(*ADVISORS, *PATIENT_SIDE)])
async def questions(case_id: CaseId, db: Db) -> Questions:
    async with db.reading() as tx:
        await store.load_case(tx, case_id)
        return Questions(questions=[QuestionView.of(one) for one in await quotes.questions_of(tx, case_id)])


@router.post("/quote-questions", status_code=201, dependencies=[allow(*PATIENT_SIDE)], response_model=Questions)
async def ask(case_id: CaseId, body: NewQuestion, who: Who, once: Once) -> Response:
    """Ask about the quote; an advisor answers in words."""

    async def work(tx: Tx) -> Questions:
        by = "requester" if who.has(Role.REQUESTER) else "patient"
        await quoting.ask(tx, case_id, body.revision, body.quote_id, body.text, by)
        return Questions(questions=[QuestionView.of(one) for one in await quotes.questions_of(tx, case_id)])

    return await once.run(work, status=201)


@router.post("/quote-questions/{question_id}/answer", dependencies=[allow(*ADVISORS)], response_model=Done)
async def answer(case_id: CaseId, question_id: UUID, body: NewAnswer, who: Who, once: Once) -> Response:
    """Answer a question, once; its reader gets a letter that leads back to the quote."""

    async def work(tx: Tx) -> Done:
        found = await quotes.question(tx, question_id)
        if found is None or found.case_id != case_id:
            raise store.UnknownCase(str(question_id))
        await quoting.answer(tx, question_id, body.text, who.name)
        return Done()

    return await once.run(work)


@router.get("/wishes", dependencies=[allow(*WISHERS, Role.SERVICE)])
async def wishes(case_id: CaseId, db: Db) -> Wishes:
    async with db.reading() as tx:
        await store.load_case(tx, case_id)
        return Wishes(wishes=[WishView.of(one) for one in await quotes.wishes_of(tx, case_id)])


@router.post("/wishes", status_code=201, dependencies=[allow(*WISHERS, Role.SERVICE)], response_model=Done)
async def wish(case_id: CaseId, body: NewWish, who: Who, once: Once) -> Response:
    """Wish for a service to be added (R17): it comes before the advisors, who alone quote it."""

    async def work(tx: Tx) -> Done:
        await quoting.wish(tx, case_id, body.service, body.words, who.name)
        return Done()

    return await once.run(work, status=201)


@router.post("/wishes/{wish_id}/set-aside", dependencies=[allow(*ADVISORS)], response_model=Done)
async def set_aside(case_id: CaseId, wish_id: UUID, body: SettingAside, who: Who, once: Once) -> Response:
    """Settle a wish without a quote."""

    async def work(tx: Tx) -> Done:
        await quoting.set_aside(tx, case_id, wish_id, body.reason, who.name)
        return Done()

    return await once.run(work)
