"""The advisor's desk: home with the funnel, the case page, contact, stream, quote, withdrawal, requests for callers."""

from __future__ import annotations

from typing import ClassVar, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response

from services.intake import casework, drafts, queues, store
from services.intake.answers import refusals
from services.intake.domain import Line, Stream
from services.intake.pages.request import remember
from services.intake.store import circumstances, duplicates, funnel, quotes
from shared import programme, staff_queue
from shared.db import Tx
from shared.ids import CaseId
from shared.web import Ctx, Db, Expected, Form, Incoming, Once, Page, Role, Who, allow
from shared.web.auth import STAFF

router = APIRouter(include_in_schema=False, dependencies=[Depends(refusals)])
ADVISOR_ROLES = tuple(map(Role, queues.ADVISORS))
ADVISORS = [allow(*ADVISOR_ROLES)]
EVERYONE = [allow(*STAFF)]
KNOWS_PEOPLE = (
    *ADVISOR_ROLES,
    Role.CASE_MANAGER,
    Role.CLINICAL_LEAD,
    Role.PRIVACY_OFFICER,
)
"""Specialists are not here: matching shows each the people of the cases that were offered to them (R30)."""


class Moving(Incoming):
    sentences: ClassVar[dict[str, str]] = {"reason": "Say why the request is moved"}
    stream: Stream
    reason: Line


class Calling(Incoming):
    channel: Literal["phone", "email", "fax", "post", "courier"]


class Withdrawing(Incoming):
    sentences: ClassVar[dict[str, str]] = {"reason": "Say who withdrew, and why"}
    reason: Line


@router.get("/desk", dependencies=EVERYONE)
async def home(page: Page, who: Who) -> Response:
    return page("desk_home.html", queues=queues.QUEUES, advisor=who.has(*ADVISOR_ROLES),
                knows_people=who.has(*KNOWS_PEOPLE))  # fmt: skip


@router.get("/desk/intake/funnel", dependencies=EVERYONE)
async def funnel_board(page: Page, db: Db) -> Response:
    """The board that streams.py keeps up to date; the desk asks for it again every few seconds."""
    async with db.reading() as tx:
        rows, as_of, now = await funnel.board(tx), await funnel.as_of(tx), tx.now
    stale = as_of is None or (now - as_of).total_seconds() > 30
    return page("funnel.html", rows=rows, as_of=as_of, stale=stale, most=max((row.cases for row in rows), default=1))


async def _show(page: Page, tx: Tx, who: Who, case_id: CaseId, *, form: Form[Moving] | None = None) -> Response:
    case = await store.load_case(tx, case_id)
    return page(
        "desk_case.html", status=422 if form else 200, case=case, people=await store.people(tx, case_id),
        circumstances=await circumstances.of_case(tx, case_id), confidants=await circumstances.confidants(tx, case_id),
        declared_by=await circumstances.declared_by(tx, case_id),
        questions=await store.questions(tx, case_id), moves=await store.moves(tx, case_id),
        quotes=await quotes.of_case(tx, case_id), rules=programme.load(case.programme), form=form or Form.blank(),
        thread=await quotes.questions_of(tx, case_id), wishes=await quotes.wishes_of(tx, case_id),
        knows_people=who.has(*KNOWS_PEOPLE), privacy=who.has(Role.PRIVACY_OFFICER), advisor=who.has(*ADVISOR_ROLES),
        likenesses=await duplicates.pairs_of(tx, case_id), takeovers=await staff_queue.takeovers(tx, case_id),
    )  # fmt: skip


@router.get("/desk/cases/{case_id}", dependencies=EVERYONE)
async def show(case_id: CaseId, page: Page, db: Db, who: Who) -> Response:
    async with db.reading() as tx:
        return await _show(page, tx, who, case_id)


@router.post("/desk/intake/requests", dependencies=ADVISORS)
async def write_for_caller(request: Request, db: Db, who: Who, ctx: Ctx) -> Response:
    """Open the request form for somebody who called or wrote, marked with the channel (R10)."""
    form = await Form.read(request, Calling)
    async with db.transaction() as tx:
        token, draft_id = await drafts.begin(tx, ctx.settings, ctx.settings.programme, form.model.channel, who.subject)
    response = RedirectResponse(f"/request/{draft_id}/start", 303)
    remember(response, token, ctx, draft_id)
    return response


@router.post("/desk/intake/cases/{case_id}/contact", dependencies=ADVISORS)
async def contacted(case_id: CaseId, who: Who, once: Once) -> Response:
    """Note that the requester was reached, which stops the contact clock (R12)."""

    async def work(tx: Tx) -> str:
        await casework.record_contact(tx, case_id, who.subject)
        return f"/desk/cases/{case_id}"

    return await once.redirect(work)


@router.post("/desk/intake/cases/{case_id}/stream", dependencies=ADVISORS)
async def move(
    case_id: CaseId, request: Request, page: Page, db: Db, who: Who, version: Expected, once: Once
) -> Response:
    form = await Form.read(request, Moving)
    if not form.valid:
        async with db.reading() as tx:
            return await _show(page, tx, who, case_id, form=form)
    to = form.model

    async def work(tx: Tx) -> str:
        await casework.move(tx, case_id, to.stream, to.reason, who.subject, version)
        return f"/desk/cases/{case_id}"

    return await once.redirect(work)


MAY_WITHDRAW = [allow(*ADVISOR_ROLES, Role.PRIVACY_OFFICER)]


@router.post("/desk/intake/cases/{case_id}/withdraw", dependencies=MAY_WITHDRAW)
async def withdraw(case_id: CaseId, request: Request, once: Once) -> Response:
    """Withdraw for the patient, who asked for it by another channel (R29)."""
    form = await Form.read(request, Withdrawing)
    reason = form.model.reason

    async def work(tx: Tx) -> str:
        await casework.withdraw(tx, case_id, "staff", reason)
        return f"/desk/cases/{case_id}"

    return await once.redirect(work)
