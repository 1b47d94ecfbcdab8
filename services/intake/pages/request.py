"""The request form, a question a page. Works without JavaScript; each answer is kept as soon as it is given.

A draft's pages stand under its own id, and a browser holds a token for each draft it may go on with: two requests that
are written side by side never mix. Sending a page again replaces its answer, so going back is harmless.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from services.intake import aside, casework, drafts, store
from services.intake.answers import refusals
from services.intake.diagnoses.search import Chosen, Kinds
from services.intake.domain import Unacceptable
from services.intake.form import QUESTIONS, Complete, route
from services.intake.form.questions import LISTS
from services.intake.pages import answering, holding, keeping
from services.intake.pages.summary import Summary
from services.intake.store import aside as set_aside
from services.intake.store import drafts as kept
from services.intake.store import requests
from services.intake.store.drafts import Draft
from shared import programme
from shared.db import Tx
from shared.ids import CaseId, new_id
from shared.programme import Programme
from shared.web import Ctx, Db, Form, Incoming, Once, Page, Problem, Who, anyone, locale_of
from shared.web.forms import sent_form
from shared.web.i18n import known_locale, translator_for
from shared.web.limits import by_address, limit
from shared.web.principals import Principal

router = APIRouter(include_in_schema=False, dependencies=[Depends(refusals), anyone(), by_address("limit_answers")])
DRAFT = "/request/{draft_id:uuid}"


@router.get("/request")
async def resume(request: Request, page: Page, db: Db, who: Who) -> Response:
    """Go on with the form that this browser began; with several, ask which."""
    async with db.reading() as tx:
        mine = await holding.held(request, tx, who)
    unsent = [one for one in mine if not one.sent]
    if len(unsent) > 1:
        return page("request_resume.html", drafts=unsent)
    going = f"/request/{unsent[0].draft_id}" if unsent else "/request/start"
    return RedirectResponse(f"{going}?{request.url.query}".rstrip("?"), 303)  # a link may name a language


@router.get("/request/start")
async def begin(request: Request, page: Page, ctx: Ctx) -> Response:
    rules = programme.current(ctx.settings.programme)
    began = bool(holding.tokens_of(request))
    return page("ask/start.html", form=Form.blank(), rules=rules, here=_start(request), back="/", began=began)


@router.post("/request/start")
async def create(request: Request, page: Page, db: Db, ctx: Ctx) -> Response:
    """Begin a draft once the emergency notice was read (R5)."""
    form: Form[Any] = await Form.read(request, QUESTIONS["start"])
    rules = programme.current(ctx.settings.programme)
    if not form.valid:
        return page("ask/start.html", status=422, form=form, rules=rules, here=_start(request), back="/")
    async with db.transaction() as tx:
        token, draft_id = await drafts.begin(tx, ctx.settings, ctx.settings.programme)
        await kept.save(tx, draft_id, "start", form.model.model_dump(mode="json"), [])
        await aside.look(tx, draft_id, await sent_form(request))
        if chosen := answering.explored(request.query_params, rules, locale_of(request)):
            await kept.save(tx, draft_id, "explored", chosen, [])
    response = RedirectResponse(f"/request/{draft_id}/path", 303)
    holding.remember(response, token, ctx, draft_id)
    return response


@router.get(DRAFT)
async def tasks(draft_id: UUID, request: Request, page: Page, db: Db, who: Who) -> Response:
    """The list of tasks: what is done, what isn't, what can't be begun yet."""
    async with db.reading() as tx:
        draft, today = await holding.mine(request, tx, who, draft_id), tx.now.date()
    if draft is None:
        return holding.gone(page)
    if draft.sent:
        return RedirectResponse(f"/request/{draft_id}/received", 303)
    answers = draft.answers
    listed = [
        (section, route.state_of(section, answers, today), route.entry_of(section, answers, today))
        for section in route.SECTIONS
    ]
    ready = route.unanswered(answers, today) is None
    return page("request_tasks.html", listed=listed, ready=ready, **_context(draft))


@router.get(DRAFT + "/check")
async def check(draft_id: UUID, request: Request, page: Page, db: Db, who: Who) -> Response:
    async with db.reading() as tx:
        draft = await holding.mine(request, tx, who, draft_id)
        if draft is None:
            return holding.gone(page)
        if draft.sent:
            return RedirectResponse(f"/request/{draft_id}/received", 303)
        try:
            return page("check.html", form=Form.blank(), **await _checked(request, tx, draft))
        except KeyError as open_question:
            return RedirectResponse(f"/request/{draft_id}/{open_question.args[0]}?from=check", 303)


@router.post(DRAFT + "/check", dependencies=[by_address("limit_requests")])
async def send(draft_id: UUID, request: Request, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    """Make the draft a case. Its id is the draft's, so sending it again, from any tab, makes no second one."""

    async def work(tx: Tx) -> str:
        draft = await holding.mine(request, tx, who, draft_id, lock=True)
        if draft is None:
            return f"/request/{draft_id}"
        if not draft.sent:
            rules = programme.current(draft.programme)
            complete = Complete.of(draft.answers, tx.now.date())
            chosen = await _kind(tx, rules, complete)
            letters = known_locale(str((await sent_form(request)).get("letters")))
            asked = complete.request(letters or _letters_in(request, draft), chosen.cancer_type, chosen.diagnosis)
            if draft.entered_by or not await aside.caught(tx, asked, rules, draft_id, ctx.settings.draft_life):
                await casework.submit(tx, asked, rules, CaseId(draft_id), draft.channel, draft.entered_by)  # type: ignore[arg-type]
            await kept.empty(tx, draft_id)
        return f"/desk/cases/{draft_id}" if draft.entered_by else f"/request/{draft_id}/received"

    await _count_letter(request, ctx.db, who, draft_id)
    try:
        return await once.redirect(work)
    except KeyError as open_question:
        return RedirectResponse(f"/request/{draft_id}/{open_question.args[0]}?from=check", 303)
    except ValidationError as error:
        wrong = [str(item["msg"]).removeprefix("Value error, ") for item in error.errors()]
    except Unacceptable as refused:
        wrong = list(refused.sentences)
    form: Form[Incoming] = Form.blank()
    for number, sentence in enumerate(wrong):
        form.refuse(f"answers-{number}" if number else "answers", translator_for(request).gettext(sentence))
    async with ctx.db.reading() as tx:
        draft = await holding.mine(request, tx, who, draft_id)
        if draft is None:
            return holding.gone(page)
        return page("check.html", status=422, form=form, **await _checked(request, tx, draft))


def _letters_in(request: Request, draft: Draft) -> str:
    """Return the language to write in: the page's; for a caller, whose form staff read, the one that they prefer."""
    if draft.entered_by is None:
        return locale_of(request)
    return known_locale(route.of(draft.answers, "language", "language")) or "en"


async def _count_letter(request: Request, db: Db, who: Principal, draft_id: UUID) -> None:
    """Take one of the requester's mail box's tries: what is sent now brings it a letter, asked for or not."""
    async with db.reading() as tx:
        draft = await holding.mine(request, tx, who, draft_id)
    if draft and not draft.sent and (email := route.of(draft.answers, "your_email", "email")):
        await limit(request, "limit_letters", email)


@router.get(DRAFT + "/received")
async def received(draft_id: UUID, request: Request, page: Page, db: Db, who: Who) -> Response:
    """The receipt: the case number, and by when somebody gets in touch (R12)."""
    async with db.reading() as tx:
        draft = await holding.mine(request, tx, who, draft_id)
        if draft is None:
            return holding.gone(page)
        if not draft.sent:
            return RedirectResponse(f"/request/{draft_id}", 303)
        held = await set_aside.read(tx, CaseId(draft_id))
        if held and held.request:
            return page("received.html", case=held, people=dict(held.request), rules=programme.load(held.programme))
        if held and held.state == "erased":
            return holding.gone(page)
        case, people = await store.load_case(tx, CaseId(draft_id)), await requests.people(tx, CaseId(draft_id))
    return page("received.html", case=case, people=people, rules=programme.load(case.programme))


@router.get(DRAFT + "/{question}")
async def ask(draft_id: UUID, question: str, request: Request, page: Page, db: Db, who: Who) -> Response:
    _question(question)
    async with db.reading() as tx:
        draft = await holding.mine(request, tx, who, draft_id)
        if draft is None:
            return holding.gone(page)
        if draft.sent:
            return RedirectResponse(f"/request/{draft_id}/received", 303)
        if not route.is_asked(question, draft.answers, tx.now.date()):
            return RedirectResponse(f"/request/{draft_id}", 303)
        shown = (
            {}
            if question in LISTS
            else _shown(draft.answers.get(question) or answering.foretold(question, draft.answers))
        )
        form: Form[Any] = Form.blank(**shown)
        return page(f"ask/{question}.html", form=form, **await _asking(request, tx, draft, question))


@router.post(DRAFT + "/{question}")
async def answer(draft_id: UUID, question: str, request: Request, page: Page, db: Db, who: Who, ctx: Ctx) -> Response:
    """Keep one answer and go on; what can't be kept is shown again with what to mend, as it was typed."""
    form: Form[Any] = await Form.read(request, _question(question))
    async with db.transaction() as tx:
        draft = await holding.mine(request, tx, who, draft_id, lock=True)
        if draft is None:
            return holding.gone(page, form)
        if draft.sent:
            return RedirectResponse(f"/request/{draft_id}/received", 303)
        if question in LISTS:
            done = await keeping.gather(request, form, draft, question, tx)
        else:
            done = await keeping.settle(request, form, draft, question, tx)
        if done is None:
            context = await _asking(request, tx, draft, question)
            return page(f"ask/{question}.html", status=422 if form.errors else 200, form=form, **context)
        await drafts.keep(tx, draft_id, ctx.settings)
        await aside.look(tx, draft_id, await sent_form(request))
        token = holding.token_of(request, draft_id) or ""
    response = RedirectResponse(f"/request/{draft_id}{done}", 303)
    holding.remember(response, token, ctx, draft_id)
    return response


def _start(request: Request) -> str:
    """Return the first page's address with what was chosen before anything personal was asked (M1)."""
    return f"/request/start?{request.url.query}" if request.url.query else "/request/start"


def _question(name: str) -> type[Incoming]:
    if name not in QUESTIONS:
        raise Problem(404, "Page not found", detail="Start again from the first page.")
    return QUESTIONS[name]


def _context(draft: Draft) -> dict[str, Any]:
    answers = draft.answers
    return {
        "rules": programme.current(draft.programme),
        "draft": draft,
        "answers": answers,
        "own": route.own(answers),
        "referral": route.by_clinician(answers),
        "base": f"/request/{draft.draft_id}",
    }


async def _asking(request: Request, tx: Tx, draft: Draft, question: str) -> dict[str, Any]:
    """Return what a question's page is drawn from."""
    context, base = _context(draft), f"/request/{draft.draft_id}"
    locale, query = locale_of(request), request.query_params.get("q", "")
    kinds = await answering.kinds_found(tx, context["rules"], query, locale) if question == "cancer_type" else {}
    before = "check" if keeping.from_check(request) else route.before(question, draft.answers, tx.now.date())
    return {
        **context,
        **answering.offers(question, answering.Asking(draft.answers, locale, tx.now)),
        **kinds,
        "here": f"{base}/{question}{keeping.from_check(request)}",
        "back": base if before == "tasks" else f"{base}/{before}",
        "section": route.section_of(question),
        "items": (draft.answers.get(question) or {}).get("items", []) if question in LISTS else [],
        "new_item": str(new_id()),
    }


async def _checked(request: Request, tx: Tx, draft: Draft) -> dict[str, Any]:
    """Return what the check page is drawn from. KeyError names the first open question."""
    complete, context = Complete.of(draft.answers, tx.now.date()), _context(draft)
    chosen = await _kind(tx, context["rules"], complete)
    words = Summary(context["rules"], locale_of(request), translator_for(request).gettext, chosen)
    offered = context["rules"].cancer_types[chosen.cancer_type].offered
    return {
        **context,
        "sections": list(words.sections(complete)),
        "complete": complete,
        "offered": offered,
        "letters": _letters_in(request, draft),
    }


async def _kind(tx: Tx, rules: Programme, complete: Complete) -> Chosen:
    """Return the kind of cancer that was chosen. KeyError names the question when the programme has it no more."""
    chosen = await Kinds(rules).chosen(tx, complete.answers["cancer_type"]["kind"])
    if chosen is None:
        raise KeyError("cancer_type")
    return chosen


def _shown(answer: dict[str, Any]) -> dict[str, Any]:
    if born := answer.get("birth_date"):
        parts = dict(zip(("birth_date-year", "birth_date-month", "birth_date-day"), born.split("-"), strict=True))
        return {**answer, **parts}
    return answer
