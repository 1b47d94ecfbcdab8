"""Pages of a case's scans: what is there and what is wrong, for the desk in codes, for the sender in sentences (R25, M7)."""

from typing import Any
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from services.records import desks, scans
from services.records.api_imaging import SEES_SCANS
from services.records.pages.common import mine, staff
from shared.ids import CaseId
from shared.web import Db, Page, Who, allow, locale_of
from shared.web.i18n import translator_for

PATIENT_SIDE = allow(*desks.PATIENT_SIDE)
DESK = allow(*(role for role in SEES_SCANS if role not in desks.PATIENT_SIDE))


async def _shown(request: Request, case_id: UUID, who: Any, db: Any) -> dict[str, Any]:
    async with db.reading() as tx:
        case = await desks.see(tx, who, case_id)
        translate = translator_for(request).gettext
        return {"case": case, "scans": await scans.scans_of(tx, CaseId(case_id), locale_of(request), translate)}


@staff.get("/cases/{case_id}/imaging", dependencies=[DESK])
async def desk_scans(request: Request, case_id: UUID, page: Page, who: Who, db: Db) -> Response:
    """Show studies and series with what is wrong, each by its code and as its sender reads it."""
    return page("desk_scans.html", **await _shown(request, case_id, who, db))


@mine.get("/imaging", dependencies=[PATIENT_SIDE])
async def my_scans(request: Request, case_id: UUID, page: Page, who: Who, db: Db) -> Response:
    """Show the sender which scans came, and what to do about those that aren't as they are needed."""
    return page("my_scans.html", **await _shown(request, case_id, who, db))


@staff.get("/cases/{case_id}/imaging/summary", dependencies=[DESK])
@mine.get("/imaging/summary", dependencies=[PATIENT_SIDE])
async def scans_fragment(request: Request, case_id: UUID, page: Page, who: Who, db: Db) -> Response:
    """Say on the checklist's page what came as scans and what is wrong with it."""
    return page(
        "scans_summary.html", at=request.url.path.removesuffix("/summary"), **await _shown(request, case_id, who, db)
    )
