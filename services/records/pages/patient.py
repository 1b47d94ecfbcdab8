"""The patient's checklist: what is needed, what came, what to do next (R22, R23)."""

from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from services.records import desks
from services.records.domain import (
    Collection,
)
from services.records.pages.common import mine, patient_page, shown, take_in
from services.records.store import cases
from shared.ids import CaseId
from shared.web import Ctx, Db, Once, Page, Who, allow

PATIENT_SIDE = allow(*desks.PATIENT_SIDE)


@mine.get("", dependencies=[PATIENT_SIDE])
async def collection(case_id: UUID, page: Page, who: Who, db: Db) -> Response:
    """Show the patient what is needed, what came, and what to do next."""
    return await patient_page(page, who, db, case_id)("", "", 200)


@mine.get("/summary", dependencies=[PATIENT_SIDE])
async def patient_fragment(case_id: UUID, page: Page, who: Who, db: Db) -> Response:
    """Say on the case's page how far the collection is."""
    async with db.reading() as tx:
        found = await cases.load(tx, CaseId(case_id)) or Collection(CaseId(case_id))
        found = (await desks.part_of(tx, who, case_id)).of(found)
    return page("my_summary.html", **shown(found))


@mine.post("/items/{item_id}/documents", dependencies=[PATIENT_SIDE], max_body_size=desks.TAKES_FILES)
async def send(request: Request, case_id: UUID, item_id: UUID, page: Page, who: Who, ctx: Ctx, once: Once) -> Response:
    """Take in the files that the patient chose for an item."""
    show = patient_page(page, who, ctx.db, case_id)
    return await take_in(request, case_id, item_id, who, ctx, once, show, f"/my/records/cases/{case_id}")
