"""Requests that were set aside: staff look, and let them in or erase them."""

from __future__ import annotations

from typing import ClassVar, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from services.intake import aside
from services.intake.answers import refusals
from services.intake.queues import ADVISORS, SET_ASIDE
from services.intake.store import aside as store
from shared import programme
from shared.db import Tx
from shared.ids import CaseId
from shared.web import Db, Form, Incoming, Once, Page, Problem, Role, Who, allow

router = APIRouter(
    prefix="/desk/intake/set-aside",
    include_in_schema=False,
    dependencies=[Depends(refusals), allow(*map(Role, ADVISORS))],
)


class Looking(Incoming):
    sentences: ClassVar[dict[str, str]] = {"decision": "Say what it is"}
    decision: Literal["let_in", "erase"]


@router.get("/{case_id}")
async def show(case_id: CaseId, page: Page, db: Db) -> Response:
    async with db.reading() as tx:
        return await _show(page, tx, case_id)


@router.post("/{case_id}")
async def decide(case_id: CaseId, request: Request, page: Page, db: Db, who: Who, once: Once) -> Response:
    form = await Form.read(request, Looking)
    if not form.valid:
        async with db.reading() as tx:
            return await _show(page, tx, case_id, form)
    people = form.model.decision == "let_in"

    async def work(tx: Tx) -> str:
        await (aside.let_in if people else aside.erase)(tx, case_id, who.subject)
        return f"/desk/cases/{case_id}" if people else f"/desk/intake/queues/{SET_ASIDE.name}"

    return await once.redirect(work)


async def _show(page: Page, tx: Tx, case_id: CaseId, form: Form[Looking] | None = None) -> Response:
    kept = await store.read(tx, case_id)
    if kept is None:
        raise Problem(404, "Nothing was set aside here", detail="Go back to the queue and choose another.")
    rules = programme.load(kept.programme)
    return page("desk_aside.html", status=422 if form else 200, kept=kept, rules=rules, form=form or Form.blank())
