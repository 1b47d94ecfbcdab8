"""Who guides which cases: the roster with loads, absences, and handing a case over (R22)."""

from typing import Any
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from services.records import desks, guides
from services.records.api_desk import MANAGER, OVERSEES, days
from services.records.domain import Refused
from services.records.pages.common import done, page_of, staff
from services.records.store import guides as roster
from services.records.views_desk import BeingAway, HandingOver
from shared.db import Tx
from shared.ids import CaseId
from shared.web import Db, Form, Once, Page, Role, Who


@staff.get("/managers", dependencies=[OVERSEES])
async def managers(page: Page, who: Who, db: Db) -> Response:
    """Show the roster, and who is away."""
    return await _managers(page, who, db, Form[BeingAway].blank(manager=who.subject), "")


async def _managers(page: Page, who: Any, db: Db, form: Form[BeingAway], refused: str) -> Response:
    async with db.reading() as tx:
        known, absences = await roster.listed(tx), await roster.open_absences(tx)
    status = 422 if form.errors else 409 if refused else 200
    return page(
        "managers.html", status=status, managers=known, absences=absences, form=form, refused=refused,
        is_manager=who.has(Role.CASE_MANAGER),
    )  # fmt: skip


@staff.post("/absences", dependencies=[MANAGER])
async def enter_absence(request: Request, page: Page, who: Who, db: Db, once: Once) -> Response:
    """Write down an absence; cases go on and come back by themselves."""
    form = await Form.read(request, BeingAway)
    if not form.valid:
        return await _managers(page, who, db, form, "")

    async def work(tx: Tx) -> str:
        sent = form.model
        starts, ends = days(sent.first_day, sent.last_day)
        await guides.enter_absence(tx, sent.manager, sent.deputy, starts, ends, desks.person(who))
        return "/desk/records/managers"

    try:
        return await once.redirect(work)
    except Refused as no:
        return await _managers(page, who, db, form, str(no))


@staff.post("/absences/{absence_id}/end", dependencies=[MANAGER])
async def come_back(absence_id: UUID, once: Once) -> Response:
    """End an absence now."""

    async def work(tx: Tx) -> str:
        await guides.come_back(tx, absence_id)
        return "/desk/records/managers"

    return await once.redirect(work)


@staff.post("/cases/{case_id}/hand-over", dependencies=[MANAGER])
async def hand_over(request: Request, case_id: UUID, page: Page, who: Who, db: Db, once: Once) -> Response:
    """Give a case to a colleague for good."""
    form = await Form.read(request, HandingOver)
    show, back = page_of(page, who, db, case_id)
    if not form.valid:
        return await show("Choose a colleague from the list.", "guide", 422)

    async def work(tx: Tx) -> None:
        await guides.hand_over(tx, CaseId(case_id), form.model.to, form.model.words, desks.person(who))

    return await done(once, work, show, back, "guide")
