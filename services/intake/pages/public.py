"""The request form. Works without JavaScript; answers are kept between pages."""

from __future__ import annotations

import secrets
from datetime import date
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import ValidationError

from services.intake import casework, store
from services.intake.answers import refusals
from services.intake.domain import BORN_LATER, Unacceptable
from services.intake.form import PAGES, About, Complete, next_page, outdated
from services.intake.links import hash_of
from services.intake.pages.choices import countries, languages
from services.intake.store import access
from services.intake.store.access import Draft
from shared import programme
from shared.backbone import timers
from shared.db import Tx
from shared.ids import CaseId, new_id
from shared.web import N_, Ctx, Db, Form, Incoming, Once, Page, Problem, Who, anyone, locale_of
from shared.web.auth import Principal
from shared.web.i18n import translator_for

router = APIRouter(include_in_schema=False, dependencies=[Depends(refusals), anyone()])
COOKIE = "consilium_draft"


@router.get("/request")
async def resume(request: Request, db: Db, who: Who) -> Response:
    """Go to where the form was left."""
    async with db.reading() as tx:
        draft = await _draft(request, tx, who)
    return RedirectResponse(f"/request/{next_page(draft.answers) if draft and not draft.sent else 'start'}", 303)


@router.get("/request/check")
async def check(request: Request, page: Page, db: Db, who: Who) -> Response:
    async with db.reading() as tx:
        draft = await _draft(request, tx, who)
    if draft is None or draft.sent:
        return RedirectResponse("/request/received" if draft else "/request", 303)
    try:
        complete = Complete.of(draft.answers)
    except KeyError as unanswered:
        return RedirectResponse(f"/request/{unanswered.args[0]}", 303)
    return page("check.html", **_context(request, draft), complete=complete, form=Form.blank())


@router.post("/request/check")
async def send(request: Request, page: Page, db: Db, who: Who, once: Once) -> Response:
    """Make the draft a case. Its id is the draft's, so sending it again, from any tab, makes no second one."""

    async def work(tx: Tx) -> str:
        draft = await _draft(request, tx, who)
        if draft is None:
            return "/request"
        case_id = CaseId(draft.draft_id)
        if not draft.sent:
            rules = programme.current(draft.programme)
            asked = Complete.of(draft.answers).request(locale_of(request))
            await casework.submit(tx, asked, rules, case_id, draft.channel, draft.entered_by)  # type: ignore[arg-type]
            await access.empty_draft(tx, draft.draft_id)
        return f"/desk/cases/{case_id}" if draft.entered_by else "/request/received"

    try:
        return await once.redirect(work)
    except KeyError as unanswered:
        return RedirectResponse(f"/request/{unanswered.args[0]}", 303)
    except ValidationError as error:
        wrong = [str(item["msg"]).removeprefix("Value error, ") for item in error.errors()]
    except Unacceptable as refused:
        wrong = list(refused.sentences)
    async with db.reading() as tx:
        draft = await _draft(request, tx, who)
    assert draft is not None
    form: Form[Incoming] = Form.blank()
    for number, sentence in enumerate(wrong):
        form.refuse(f"answers-{number}" if number else "answers", translator_for(request).gettext(sentence))
    return page("check.html", status=422, **_context(request, draft), complete=Complete.of(draft.answers), form=form)


@router.get("/request/received")
async def received(request: Request, page: Page, db: Db, who: Who) -> Response:
    """The receipt: the case number, and by when somebody gets in touch (R12)."""
    async with db.reading() as tx:
        draft = await _draft(request, tx, who)
        if draft is None or not draft.sent:
            return RedirectResponse("/request", 303)
        case = await store.load_case(tx, CaseId(draft.draft_id))
    return page("received.html", case=case, rules=programme.load(case.programme))


@router.get("/request/{name}")
async def ask(name: str, request: Request, page: Page, db: Db, who: Who, ctx: Ctx) -> Response:
    model = _page(name)
    async with db.reading() as tx:
        draft = await _draft(request, tx, who)
    if name != "start" and (draft is None or draft.sent):
        return RedirectResponse("/request/received" if draft else "/request/start", 303)
    kept = draft.answers if draft and not draft.sent else {}
    if name == "patient" and "you" not in kept:
        return RedirectResponse("/request", 303)
    form: Form[Any] = Form.blank(**_shown(kept.get(name, {})))
    return page(f"request_{name}.html", form=form, model=model, **_context(request, draft, ctx.settings.programme))


@router.post("/request/{name}")
async def answer(name: str, request: Request, page: Page, db: Db, who: Who, ctx: Ctx) -> Response:
    """Keep one page's answers and go on. Sending a page again replaces its answers, so going back is harmless."""
    form: Form[Any] = await Form.read(request, _page(name))
    token = request.cookies.get(COOKIE, "")
    async with db.transaction() as tx:
        draft = await _draft(request, tx, who)
        kept = draft.answers if draft and not draft.sent else {}
        if form.valid and name == "patient":
            _mend_patient(form, kept.get("you", {}), tx.now.date(), translator_for(request).gettext)
        if not form.valid:
            context = _context(request, draft, ctx.settings.programme)
            return page(f"request_{name}.html", status=422, form=form, **context)
        if draft is None or draft.sent:
            if name != "start":
                return RedirectResponse("/request", 303)
            token, draft_id = await begin_draft(tx, ctx, ctx.settings.programme)
        else:
            draft_id = draft.draft_id
        given, forget = form.model.model_dump(mode="json"), outdated(kept, form.model)
        await access.save_answers(tx, draft_id, name, given, forget)
    following = next_page({key: True for key in kept if key not in forget} | {name: True})
    response = RedirectResponse(f"/request/{following}", 303)
    remember(response, token, ctx)
    return response


async def begin_draft(
    tx: Tx, ctx: Ctx, programme_id: str, channel: str = "web", by: str | None = None
) -> tuple[str, UUID]:
    """Start a form; return the token its browser keeps, and its id. It is erased when nobody sends it."""
    token, draft_id = secrets.token_urlsafe(32), new_id()
    await access.insert_draft(tx, draft_id, hash_of(token), programme_id, channel, by)
    await timers.set(tx, CaseId(draft_id), "erase_draft", due=tx.now + ctx.settings.draft_life)
    return token, draft_id


def remember(response: Response, token: str, ctx: Ctx) -> None:
    """Give the browser its draft's token, for as long as the draft is kept."""
    life = int(ctx.settings.draft_life.total_seconds())
    secure = ctx.platform.public_url.startswith("https:")
    response.set_cookie(COOKIE, token, max_age=life, path="/request", httponly=True, samesite="lax", secure=secure)


def _page(name: str) -> type[Incoming]:
    if name not in PAGES:
        raise Problem(404, "Page not found", detail="Start again from the first page.")
    return PAGES[name]


async def _draft(request: Request, tx: Tx, who: Principal) -> Draft | None:
    """Return this browser's draft; one that staff write for a caller is theirs while they are signed in (R10)."""
    token = request.cookies.get(COOKIE)
    found = await access.draft(tx, hash_of(token)) if token else None
    return None if found and found.entered_by and not who.is_staff else found


def _context(request: Request, draft: Draft | None, programme_id: str = "") -> dict[str, Any]:
    locale = locale_of(request)
    kept = draft.answers if draft and not draft.sent else {}
    return {
        "rules": programme.current(draft.programme if draft else programme_id),
        "draft": draft,
        "kept": kept,
        "own": kept.get("you", {}).get("role") == "patient",
        "referral": kept.get("start", {}).get("path") == "referral",
        "countries": countries(locale),
        "languages_offered": languages(locale),
    }


def _shown(kept: dict[str, Any]) -> dict[str, Any]:
    if born := kept.get("birth_date"):
        parts = dict(zip(("birth_date-year", "birth_date-month", "birth_date-day"), born.split("-"), strict=True))
        return {**kept, **parts}
    return kept


def _mend_patient(form: Form[About], you: dict[str, Any], today: date, _: Any) -> None:
    if form.model.birth_date > today:
        form.refuse("birth_date", _(BORN_LATER))
        return
    own = you.get("role") == "patient"
    if not own and form.model.name is None:
        form.refuse("name", _(N_("Enter the patient's name")))
    elif not own and you.get("contact") == "patient" and not (form.model.email or form.model.phone):
        form.refuse("email", _(N_("Enter the patient's e-mail address or phone, or choose to be contacted yourself")))
