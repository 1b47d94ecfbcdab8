"""The patient's side of a quote: reading every revision, the document, accepting, declining with a reason, asking."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from services.intake import pricing, quoting, store
from services.intake.answers import refusals
from services.intake.basket import zone_of
from services.intake.domain import Quote, Refused, Stage
from services.intake.pages.quotes import pdf
from services.intake.quote_sheet import Sheet, render_beside, sheet_of
from services.intake.store import Case, quotes, requests
from services.intake.store.quotes import QuoteQuestion
from services.intake.store.requests import Person
from services.intake.values import N_, AskedText, Note
from shared.db import Database, Tx
from shared.ids import CaseId
from shared.web import Ctx, Db, Form, Incoming, Once, Page, Problem, Role, Who, allow
from shared.web.i18n import locale_of

OWNERS = [allow(Role.PATIENT, Role.REQUESTER)]
ANSWERS = [allow(Role.REQUESTER)]
router = APIRouter(prefix="/my/intake/cases/{case_id}/quote", include_in_schema=False, dependencies=[Depends(refusals)])


class Answering(Incoming):
    quote_id: UUID
    revision: int


class Declining(Answering):
    sentences: ClassVar[dict[str, str]] = {"reason": N_("Choose why you decline.")}
    reason: Literal["price", "later", "elsewhere", "travel", "services", "other"]
    words: Note = ""


class Asking(Answering):
    sentences: ClassVar[dict[str, str]] = {"text": N_("Write your question, in up to 500 characters.")}
    text: AskedText


@dataclass(frozen=True)
class Quotes:
    """A case's quotes for the person who pays for them."""

    case: Case
    people: dict[str, Person]
    history: list[Quote]
    thread: list[QuoteQuestion]
    zone: str | None

    @property
    def newest(self) -> Quote | None:
        return self.history[0] if self.history else None

    def revision(self, number: int) -> Quote:
        """Return a revision; a problem says that there is none of this number."""
        for quote in self.history:
            if quote.revision == number:
                return quote
        raise Problem(404, N_("No such quote"), detail=N_("Go back to your case and open the quote from there."))

    def sheet(self, quote: Quote, locale: str) -> Sheet:
        patient = self.people["patient"]
        before = pricing.compared_with(quote, self.history)
        return sheet_of(self.case, quote, patient.name, self.zone, before, locale)


async def quotes_of(db: Database, case_id: CaseId) -> Quotes:
    async with db.reading() as tx:
        case, people = await store.load_case(tx, case_id), await requests.people(tx, case_id)
        return Quotes(case, people, await quotes.of_case(tx, case_id), await quotes.questions_of(tx, case_id),
                      await zone_of(tx, case_id, people))  # fmt: skip


def _page(
    request: Request,
    page: Page,
    found: Quotes,
    quote: Quote | None,
    who: Who,
    form: Form[Asking] | None = None,
    refused: Refused | None = None,
) -> Response:
    open_now = quote is not None and quote is found.newest and quote.state == "open" and page.now < quote.valid_until
    may_ask = quote is not None and quote is found.newest and found.case.stage not in (Stage.WITHDRAWN, Stage.DELIVERED)
    return page(
        "my_quote.html", status=409 if refused else 422 if form else 200, refused=refused and str(refused),
        case=found.case, quote=quote, history=found.history,
        thread=found.thread, sheet=found.sheet(quote, locale_of(request)) if quote else None, form=form or Form.blank(),
        waits=open_now and found.case.stage != Stage.WITHDRAWN, may_answer=who.has(Role.REQUESTER), may_ask=may_ask,
        is_newest=quote is found.newest,
    )  # fmt: skip


async def _as_it_stands(
    request: Request, page: Page, db: Database, case_id: CaseId, who: Who, refused: Refused,
    form: Form[Asking] | None = None,
) -> Response:  # fmt: skip
    """Show the quote as it stands now to whom acted on what it was before, as in a second tab; what they asked stays."""
    found = await quotes_of(db, case_id)
    return _page(request, page, found, found.newest, who, form, refused)


@router.get("", dependencies=OWNERS)
async def newest(case_id: CaseId, request: Request, page: Page, db: Db, who: Who) -> Response:
    found = await quotes_of(db, case_id)
    return _page(request, page, found, found.newest, who)


@router.get("/decline", dependencies=ANSWERS)
async def why_declined(case_id: CaseId, page: Page, db: Db) -> Response:
    """Ask for the reason before a quote is declined."""
    return _declining(page, await quotes_of(db, case_id), Form.blank())


def _declining(page: Page, found: Quotes, form: Form[Declining]) -> Response:
    return page("my_decline.html", status=422 if form.errors else 200, case=found.case, quote=found.newest,
                reasons=quoting.DECLINE_REASONS, form=form)  # fmt: skip


@router.get("/{revision}", dependencies=OWNERS)
async def earlier(case_id: CaseId, revision: int, request: Request, page: Page, db: Db, who: Who) -> Response:
    """A revision as it was offered, whatever became of it."""
    found = await quotes_of(db, case_id)
    return _page(request, page, found, found.revision(revision), who)


@router.get("/{revision}/quote.pdf", dependencies=OWNERS)
async def document(case_id: CaseId, revision: int, request: Request, db: Db, ctx: Ctx) -> Response:
    """The quote to keep or print, in the reader's language."""
    found = await quotes_of(db, case_id)
    quote = found.revision(revision)
    made = await render_beside(found.sheet(quote, locale_of(request)), quote.offered_at, ctx.platform.node_modules)
    return pdf(made, found.case.case_number, revision)


@router.post("/accept", dependencies=ANSWERS)
async def accept(case_id: CaseId, request: Request, page: Page, db: Db, who: Who, once: Once) -> Response:
    """Accept exactly the revision that was on the page."""
    meant = (await Form.read(request, Answering)).model

    async def work(tx: Tx) -> str:
        await quoting.accept(tx, case_id, meant.revision, meant.quote_id)
        return f"/my/cases/{case_id}"

    try:
        return await once.redirect(work)
    except Refused as refused:
        return await _as_it_stands(request, page, db, case_id, who, refused)


@router.post("/decline", dependencies=ANSWERS)
async def decline(case_id: CaseId, request: Request, page: Page, db: Db, who: Who, once: Once) -> Response:
    """Decline exactly the revision that was on the page, and say why."""
    form = await Form.read(request, Declining)
    if not form.valid:
        return _declining(page, await quotes_of(db, case_id), form)
    meant = form.model

    async def work(tx: Tx) -> str:
        await quoting.decline(tx, case_id, meant.revision, meant.quote_id, meant.reason, meant.words)
        return f"/my/cases/{case_id}"

    try:
        return await once.redirect(work)
    except Refused as refused:
        return await _as_it_stands(request, page, db, case_id, who, refused)


@router.post("/ask", dependencies=OWNERS)
async def ask(case_id: CaseId, request: Request, page: Page, db: Db, who: Who, once: Once) -> Response:
    """Ask about the quote; the answer comes by letter and stands on this page."""
    form = await Form.read(request, Asking)
    if not form.valid:
        found = await quotes_of(db, case_id)
        return _page(request, page, found, found.newest, who, form)
    asked = form.model
    by = "requester" if who.has(Role.REQUESTER) else "patient"

    async def work(tx: Tx) -> str:
        await quoting.ask(tx, case_id, asked.revision, asked.quote_id, asked.text, by)
        return f"/my/intake/cases/{case_id}/quote#questions"

    try:
        return await once.redirect(work)
    except Refused as refused:
        return await _as_it_stands(request, page, db, case_id, who, refused, form)
