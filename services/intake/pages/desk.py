"""The advisor's desk: home with the funnel, the case page, stream, quote, withdrawal. Speaking with people is `contact`'s."""

from __future__ import annotations

from typing import ClassVar

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from services.intake import casework, queues
from services.intake.answers import refusals
from services.intake.domain import Stream
from services.intake.pages.case_page import ADVISOR_ROLES, KNOWS_PEOPLE, show_case
from services.intake.store import funnel, requests
from services.intake.values import Line
from shared.db import Tx
from shared.ids import CaseId
from shared.web import Db, Expected, Form, Incoming, Once, Page, Role, Who, allow
from shared.web.principals import STAFF

router = APIRouter(include_in_schema=False, dependencies=[Depends(refusals)])
ADVISORS = [allow(*ADVISOR_ROLES)]
EVERYONE = [allow(*STAFF)]


class Moving(Incoming):
    sentences: ClassVar[dict[str, str]] = {"reason": "Say why the request is moved"}
    stream: Stream
    reason: Line


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


@router.get("/desk/cases/{case_id}", dependencies=EVERYONE)
async def show(case_id: CaseId, page: Page, db: Db, who: Who) -> Response:
    async with db.reading() as tx:
        return await show_case(page, tx, who, case_id)


@router.get("/desk/intake/cases/{case_id}/patient", dependencies=[allow(*KNOWS_PEOPLE)])
async def patient(case_id: CaseId, page: Page, db: Db) -> Response:
    """Say who the patient is, for whoever compares papers with them (M5)."""
    async with db.reading() as tx:
        return page("desk_patient.html", patient=(await requests.people(tx, case_id))["patient"])


@router.post("/desk/intake/cases/{case_id}/stream", dependencies=ADVISORS)
async def move(
    case_id: CaseId, request: Request, page: Page, db: Db, who: Who, version: Expected, once: Once
) -> Response:
    form = await Form.read(request, Moving)
    if not form.valid:
        async with db.reading() as tx:
            return await show_case(page, tx, who, case_id, move=form)
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
