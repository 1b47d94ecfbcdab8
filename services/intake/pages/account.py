"""The patient's side: signing in by link, the case page, withdrawing. Quotes are in `my_quote`."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import ClassVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from services.intake import casework, guests, links, store
from services.intake.answers import refusals
from services.intake.domain import Stage
from services.intake.store import access, duplicates, quotes, requests
from services.intake.values import Email, Line, Note
from shared import programme
from shared.db import Tx
from shared.ids import CaseId
from shared.web import N_, Ctx, Db, Form, Incoming, Once, Page, Problem, Role, Who, allow, anyone
from shared.web.identity import session_cookie
from shared.web.limits import by_address, limit
from shared.web.oidc import set_session
from shared.web.principals import INVITED, PATIENT_SIDE, Principal
from shared.web.tokens import PATIENT_SESSION, SESSIONS, mint_session, read_key

router = APIRouter(include_in_schema=False, dependencies=[Depends(refusals)])
OWNERS = (Role.PATIENT, Role.REQUESTER)


class WantsLink(Incoming):
    sentences: ClassVar[dict[str, str]] = {
        "email": N_("Enter your e-mail address, like name@example.com"),
        "case_number": N_("Enter your case number, like 7K3M-9QXW-S"),
    }
    email: Email
    case_number: Line


class Withdrawing(Incoming):
    reason: Note = ""


@router.get("/sign-in/link", dependencies=[anyone()])
@router.get("/my/sign-in", dependencies=[anyone()])
async def sign_in(page: Page) -> Response:
    return page("sign_in.html", form=Form.blank())


@router.post("/sign-in/link", dependencies=[anyone(), by_address("limit_links")])
@router.post("/my/sign-in", dependencies=[anyone(), by_address("limit_links")])
async def send_link(request: Request, page: Page, db: Db) -> Response:
    """Promise a link "if these belong together". Page, work and time are the same whether they do or not."""
    form = await Form.read(request, WantsLink)
    if not form.valid:
        return page("sign_in.html", status=422, form=form)
    await limit(request, "limit_mailbox", form.model.email)
    async with db.transaction() as tx:
        await links.ask(tx, form.model.email, form.model.case_number)
    return page("sign_in_sent.html")


@router.get("/link/{token}", dependencies=[anyone()])
async def open_link(token: str, page: Page, db: Db) -> Response:
    """Ask for a press of the button: programs that read mail follow links, and would use it up."""
    async with db.reading() as tx:
        works = await access.link_works(tx, links.hash_of(token)) or await guests.works(tx, token)
    return page("link.html", status=200 if works else 410, works=works, headers={"Referrer-Policy": "no-referrer"})


@router.post("/link/{token}", dependencies=[anyone()])
async def use_link(token: str, page: Page, db: Db, ctx: Ctx) -> Response:
    async with db.transaction() as tx:
        visitor = await links.spend(tx, token)
        guest = await guests.spend(tx, token) if visitor is None else None
        now = tx.now
    if guest is not None:
        return _enter(guest.path, guest.principal, ctx, now)
    if visitor is None:
        return page("link.html", status=410, works=False)
    principal = Principal(
        subject=f"link:{visitor.case_id}",
        name=visitor.name,
        roles=frozenset(map(Role, visitor.roles)),
        cases=visitor.cases,
        locale=visitor.locale,
    )
    return _enter(visitor.path, principal, ctx, now)


def _enter(path: str, principal: Principal, ctx: Ctx, now: datetime) -> Response:
    """Send the browser on with a session of this person's."""
    session = mint_session(read_key(ctx.settings.session_key_file, SESSIONS), principal, now=now)
    response = RedirectResponse(path, 303)
    url = ctx.platform.public_url
    set_session(response, session_cookie(url), session, secure=url.startswith("https:"), life=PATIENT_SESSION)
    return response


@router.get("/my", dependencies=[allow(*PATIENT_SIDE, *INVITED)])
async def my_cases(page: Page, db: Db, who: Who) -> Response:
    if who.has(*INVITED):
        return RedirectResponse(f"/my/records/cases/{min(who.cases)}", 303)
    async with db.reading() as tx:
        cases = [case for case in await store.cases_of(tx, who.cases) if case.stage is not Stage.CONTINUED]
    if len(cases) == 1:
        return RedirectResponse(f"/my/cases/{cases[0].case_id}", 303)
    return page("my.html", cases=cases)


@router.get("/my/cases/{case_id}", dependencies=[allow(*PATIENT_SIDE)])
async def my_case(case_id: CaseId, page: Page, db: Db, who: Who, ctx: Ctx) -> Response:
    """Where the case stands, who acts next and by when; the other services' parts load themselves.

    A case that goes on in another leads there, and the session learns of that one.
    """
    async with db.reading() as tx:
        case = await store.load_case(tx, case_id)
        if case.stage is Stage.CONTINUED:
            onward = await links.going_on(tx, who.cases, who.roles)
            there = (await duplicates.continuing(tx, [case_id]))[case_id]
            if there in who.cases:
                return RedirectResponse(f"/my/cases/{there}", 303)
            return _enter(f"/my/cases/{there}", replace(who, cases=who.cases | onward), ctx, tx.now)
        if case.stage is Stage.WITHDRAWN and not who.has(*OWNERS):
            raise Problem(
                410, N_("No longer open to you"), detail=N_("The request was withdrawn, and with it your access to it.")
            )
        people, asked = await requests.people(tx, case_id), await requests.questions(tx, case_id)
        quote = await quotes.newest(tx, case_id)
    return page("my_case.html", case=case, people=people, questions=asked, quote=quote, owner=who.has(*OWNERS),
                rules=programme.load(case.programme))  # fmt: skip


@router.get("/my/intake/cases/{case_id}/withdraw", dependencies=[allow(*OWNERS)])
async def confirm_withdrawal(case_id: CaseId, page: Page, db: Db) -> Response:
    """Say beforehand what stops, what stays and what comes back (R21, R29)."""
    async with db.reading() as tx:
        case, consents = await store.load_case(tx, case_id), await requests.consents_of(tx, case_id)
    return page("my_withdraw.html", case=case, consents=consents, form=Form.blank())


@router.post("/my/intake/cases/{case_id}/withdraw", dependencies=[allow(*OWNERS)])
async def withdraw(case_id: CaseId, request: Request, once: Once) -> Response:
    """End the request and its consent (R29, M13)."""
    form = await Form.read(request, Withdrawing)
    reason = form.model.reason

    async def work(tx: Tx) -> str:
        await casework.withdraw(tx, case_id, "patient", reason)
        return f"/my/cases/{case_id}"

    return await once.redirect(work)
