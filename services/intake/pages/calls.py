"""Calls back (R11): booked at the desk, on a case's page, or by anybody; worked off at the desk."""

from __future__ import annotations

from typing import Any, ClassVar, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from services.intake import store, zones
from services.intake.answers import refusals
from services.intake.aside import is_caught
from services.intake.contact import call_backs, interpreting
from services.intake.contact.colleagues import colleague
from services.intake.contact.log import Talk
from services.intake.domain import Refused, Stage
from services.intake.pages.case_page import ADVISOR_ROLES, spoken
from services.intake.pages.choices import languages
from services.intake.pages.wishes import Asked, Wishing, read_wish
from services.intake.store import call_backs as calls
from services.intake.store import circumstances, interpreters, requests, talks
from services.intake.store import colleagues as roster
from services.intake.store.call_backs import CallBack
from services.intake.values import Note
from shared import programme
from shared.db import Tx
from shared.ids import CaseId, new_id
from shared.programme import Programme
from shared.web import Ctx, Db, Form, Incoming, Once, Page, Problem, Role, Who, allow, anyone, locale_of
from shared.web.forms import sent_form
from shared.web.i18n import translator_for
from shared.web.limits import by_address

router = APIRouter(include_in_schema=False, dependencies=[Depends(refusals)])
ADVISORS = [allow(*ADVISOR_ROLES)]
OWNERS = [allow(Role.PATIENT, Role.REQUESTER)]


class Trying(Incoming):
    """What came of a try; `tries` is how many the page showed."""

    sentences: ClassVar[dict[str, str]] = {"reached": "Say whether you reached them"}
    reached: Literal["yes", "no"]
    words: Note = ""
    tries: int


def _context(request: Request, rules_of: Programme, form: Form[Any], asked: Asked | None = None) -> dict[str, Any]:
    locale = locale_of(request)
    return {
        "form": form,
        "asked": asked,
        "rules": rules_of,
        "zones": zones.by_country(locale),
        "languages_offered": languages(locale),
    }


# ------------------------------------------------------------------------------------------------ anybody


@router.get("/call-back", dependencies=[anyone()])
async def ask_for_call(request: Request, page: Page, ctx: Ctx) -> Response:
    """Ask to be called, before there is a request."""
    form: Form[Wishing] = Form.blank(language=locale_of(request).partition("_")[0], moment="soonest")
    return page("call_back.html", **_context(request, programme.current(ctx.settings.programme), form))


@router.post("/call-back", dependencies=[anyone(), by_address("limit_calls")])
async def asked_for_call(request: Request, page: Page, ctx: Ctx, once: Once) -> Response:
    """Book a call for somebody of whom we know a number, a language and a time, and nothing else."""
    form = await Form.read(request, Wishing)
    rules_of = programme.current(ctx.settings.programme)
    asked = read_wish(form, rules_of, page.now, translator_for(request).gettext, strict=True)
    if asked.wish is None or asked.doubts:
        return page("call_back.html", status=422, **_context(request, rules_of, form, asked))
    wish, caught = asked.wish, is_caught(await sent_form(request))

    async def work(tx: Tx) -> str:
        call = await call_backs.book(
            tx, new_id(), wish, asked_by="public", rules_of=rules_of, locale=locale_of(request), caught=caught
        )
        return f"/call-back/{call.call_back_id}"

    return await once.redirect(work)


@router.get("/call-back/{call_back_id}", dependencies=[anyone()])
async def call_booked(call_back_id: UUID, page: Page, db: Db) -> Response:
    """Say when the call is to come, on both clocks; never to which number."""
    async with db.reading() as tx:
        call = await calls.load(tx, call_back_id)
    if call is None or call.asked_by != "public":
        raise Problem(404, "No such call", detail="Ask for a call again.")
    return page("call_back_booked.html", call=call, rules=programme.current(call.programme))


# ------------------------------------------------------------------------------------------------ the patient's side


@router.get("/my/intake/cases/{case_id}/call-back", dependencies=OWNERS)
async def my_call(case_id: CaseId, request: Request, page: Page, db: Db) -> Response:
    """The calls of a case, and asking for one."""
    async with db.reading() as tx:
        case, people = await store.load_case(tx, case_id), await requests.people(tx, case_id)
        booked, said = await calls.of_case(tx, case_id), await circumstances.of_case(tx, case_id)
    reach = people["patient" if case.contact == "patient" else "requester"]
    form: Form[Wishing] = Form.blank(
        language=(people["patient"].languages or [locale_of(request).partition("_")[0]])[0], phone=reach.phone or "",
        zone=said.call_zone or zones.proposed(people["patient"].country), moment="soonest",
    )  # fmt: skip
    context = _context(request, programme.load(case.programme), form)
    return page("my_call_back.html", case=case, calls=booked, **context)


@router.post("/my/intake/cases/{case_id}/call-back", dependencies=OWNERS)
async def book_my_call(case_id: CaseId, request: Request, page: Page, db: Db, once: Once) -> Response:
    """Ask to be called about a case. One call at a time: a second booking takes the first one's place."""
    form = await Form.read(request, Wishing)
    async with db.reading() as tx:
        case, booked = await store.load_case(tx, case_id), await calls.of_case(tx, case_id)
    rules_of = programme.load(case.programme)
    asked = read_wish(form, rules_of, page.now, translator_for(request).gettext, strict=True)
    if asked.wish is None or asked.doubts:
        return page(
            "my_call_back.html", status=422, case=case, calls=booked, **_context(request, rules_of, form, asked)
        )
    wish = asked.wish

    async def work(tx: Tx) -> str:
        await store.lock_case(tx, case_id)
        for earlier in await calls.of_case(tx, case_id):
            if earlier.state == "booked" and earlier.asked_by == "patient":
                await call_backs.cancel(tx, earlier.call_back_id, None)
        await call_backs.book(tx, new_id(), wish, asked_by="patient", rules_of=rules_of, case_id=case_id)
        return f"/my/intake/cases/{case_id}/call-back"

    return await once.redirect(work)


@router.post("/my/intake/cases/{case_id}/call-backs/{call_back_id}/cancel", dependencies=OWNERS)
async def cancel_my_call(case_id: CaseId, call_back_id: UUID, once: Once) -> Response:
    """Cancel a call of this case."""

    async def work(tx: Tx) -> str:
        call = await calls.load(tx, call_back_id)
        if call is None or call.case_id != case_id:
            raise store.UnknownCase(str(call_back_id))
        await call_backs.cancel(tx, call_back_id, None)
        return f"/my/intake/cases/{case_id}/call-back"

    return await once.redirect(work)


# ------------------------------------------------------------------------------------------------ the desk


@router.get("/desk/call-backs", dependencies=ADVISORS)
async def all_calls(page: Page, db: Db, ctx: Ctx) -> Response:
    """Every call to come, the next first."""
    async with db.reading() as tx:
        ahead = await calls.ahead(tx)
    return page(
        "desk_call_backs_ahead.html",
        calls=ahead,
        rules=programme.current(ctx.settings.programme),
        names_of=_names_of(ahead),
    )


def _names_of(ahead: list[CallBack]) -> dict[str, str]:
    return dict(spoken([call.language for call in ahead]))


@router.get("/desk/intake/cases/{case_id}/call-back", dependencies=ADVISORS)
async def plan_call(case_id: CaseId, request: Request, page: Page, db: Db) -> Response:
    async with db.reading() as tx:
        case, people = await store.load_case(tx, case_id), await requests.people(tx, case_id)
        said = await circumstances.of_case(tx, case_id)
    patient, reach = people["patient"], people["patient" if case.contact == "patient" else "requester"]
    language = (patient.languages or ["en"])[0]
    form: Form[Wishing] = Form.blank(
        language=language, phone=reach.phone or patient.phone or "", zone=said.call_zone or zones.proposed(patient.country), moment="at",
        interpreter="" if language == "en" else "yes",
    )  # fmt: skip
    return page("desk_call_back_new.html", case=case, **_context(request, programme.load(case.programme), form))


@router.post("/desk/intake/cases/{case_id}/call-back", dependencies=ADVISORS)
async def book_call(case_id: CaseId, request: Request, page: Page, db: Db, who: Who, once: Once) -> Response:
    """Book a call; a time in the caller's night, or when the office is closed, is doubted once."""
    form = await Form.read(request, Wishing)
    async with db.reading() as tx:
        case = await store.load_case(tx, case_id)
    rules_of = programme.load(case.programme)
    asked = read_wish(form, rules_of, page.now, str, strict=False)
    if asked.wish is None or asked.doubts:
        return page("desk_call_back_new.html", status=422, case=case, **_context(request, rules_of, form, asked))
    wish = asked.wish

    async def work(tx: Tx) -> str:
        call = await call_backs.book(
            tx, new_id(), wish, asked_by="staff", rules_of=rules_of, case_id=case_id, by=colleague(who)
        )
        return f"/desk/call-backs/{call.call_back_id}"

    return await once.redirect(work)


@router.get("/desk/call-backs/{call_back_id}", dependencies=ADVISORS)
async def one_call(call_back_id: UUID, page: Page, db: Db) -> Response:
    async with db.reading() as tx:
        return await _show(page, tx, call_back_id, Form.blank())


async def _show(page: Any, tx: Tx, call_back_id: UUID, form: Form[Any]) -> Response:
    """Whom to call, on which clocks, who interprets, what was tried."""
    call = await calls.load(tx, call_back_id)
    if call is None:
        raise Problem(404, "No such call", detail="It was erased, or its address is wrong.")
    case = await store.load_case(tx, call.case_id) if call.case_id else None
    rules_of = programme.load(case.programme) if case else programme.current(call.programme)
    free: list[interpreting.Speaker] = []
    if call.next_at is not None:
        free = await interpreting.speaking(tx, call.language, max(call.next_at, tx.now))
    drawn: Response = page(
        "desk_call_back.html", status=422 if form.errors else 200, call=call, case=case, rules=rules_of, form=form,
        people=await requests.people(tx, call.case_id) if call.case_id else {}, names=await roster.names(tx),
        tries=await talks.contacts_of_call_back(tx, call_back_id), speakers=free, language=spoken([call.language])[0][1],
        booking=await interpreters.booking_of_call_back(tx, call_back_id), withdrawn=case and case.stage is Stage.WITHDRAWN,
    )  # fmt: skip
    return drawn


@router.post("/desk/call-backs/{call_back_id}/tries", dependencies=ADVISORS)
async def log_try(call_back_id: UUID, request: Request, page: Page, db: Db, who: Who, once: Once) -> Response:
    """Log a try; nobody answered: again by the programme's rule, and in the end a letter."""
    form = await Form.read(request, Trying)

    async def work(tx: Tx) -> str:
        tried = form.model
        talk = Talk(reached=tried.reached == "yes", words=tried.words)
        await call_backs.note_try(tx, call_back_id, talk, colleague(who), tried.tries)
        return f"/desk/call-backs/{call_back_id}"

    if form.valid:
        try:
            return await once.redirect(work)
        except Refused as refused:
            form.refuse("reached", str(refused))
    async with db.reading() as tx:
        return await _show(page, tx, call_back_id, form)


@router.post("/desk/call-backs/{call_back_id}/cancel", dependencies=ADVISORS)
async def cancel_call(call_back_id: UUID, who: Who, once: Once) -> Response:
    async def work(tx: Tx) -> str:
        await call_backs.cancel(tx, call_back_id, colleague(who))
        return f"/desk/call-backs/{call_back_id}"

    return await once.redirect(work)


@router.post("/desk/call-backs/{call_back_id}/interpreters/{interpreter_id}", dependencies=ADVISORS)
async def book_interpreter(call_back_id: UUID, interpreter_id: UUID, who: Who, once: Once) -> Response:
    """Book an interpreter for this call."""

    async def work(tx: Tx) -> str:
        call = await calls.lock(tx, call_back_id)
        if call is None or call.next_at is None:
            raise Refused("This call is over already.")
        lasts = programme.current(call.programme).call_backs.interpreted_call
        starts = max(call.next_at, tx.now)
        await interpreting.book(tx, interpreter_id, starts, lasts, colleague(who), call_back_id=call_back_id)
        return f"/desk/call-backs/{call_back_id}"

    return await once.redirect(work)
