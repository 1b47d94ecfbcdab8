"""Pages of a case's scans: what is there and what is wrong, for the desk in codes, for the sender in sentences (R25, M7)."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import Query, Request
from starlette.responses import Response

from services.records import desks, scans
from services.records.api_imaging import SEES_SCANS, Uid, WindowName
from services.records.domain import N_, Unknown
from services.records.pages.common import mine, staff
from services.records.store import scans as store
from shared.ids import CaseId
from shared.web import Db, Page, Who, allow, locale_of
from shared.web.i18n import translator_for

PATIENT_SIDE = allow(*desks.PATIENT_SIDE)
DESK = allow(*(role for role in SEES_SCANS if role not in desks.PATIENT_SIDE))


WINDOWS = (
    ("own", N_("As in the file")), ("soft", N_("Soft tissue")), ("lung", N_("Lung")), ("bone", N_("Bone")), ("brain", N_("Brain")),
)  # fmt: skip


async def _shown(request: Request, case_id: UUID, who: Any, db: Any) -> dict[str, Any]:
    async with db.reading() as tx:
        case, shown = await scans.read_of(tx, who, case_id, locale_of(request), translator_for(request).gettext)
    return {"case": case, "scans": shown}


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


@staff.get("/cases/{case_id}/imaging/series/{series_uid}", dependencies=[DESK])
@mine.get("/imaging/series/{series_uid}", dependencies=[PATIENT_SIDE])
async def look(
    request: Request, case_id: UUID, series_uid: Uid, page: Page, who: Who, db: Db,
    image: Annotated[int, Query(ge=1, le=1_000_000)] = 1, window: WindowName = "own",
) -> Response:  # fmt: skip
    """Show a series image by image: by links and a form, or quicker by script."""
    async with db.reading() as tx:
        case, whole = await scans.see(tx, who, case_id)
        images = await store.images_of(tx, CaseId(case_id), series_uid, whole=whole)
        lines = await store.series_of_case(tx, CaseId(case_id), whole=whole)
    line = next((one for one in lines if one.series.uid == series_uid), None)
    if line is None or not images:
        raise Unknown(N_("This series isn't of this case, or has no pictures. Open the case again."))
    shown = [(one.document_id, part + 1) for one in images for part in range(one.frames)]
    number = min(image, len(shown))
    return page(
        "series.html", case=case, line=line, count=len(shown), number=number, shown=shown[number - 1], window=window,
        windows=WINDOWS if line.series.modality == "CT" else WINDOWS[:1], api=f"/api/records/cases/{case_id}/imaging",
        back=request.url.path.partition("/series/")[0],
    )  # fmt: skip
