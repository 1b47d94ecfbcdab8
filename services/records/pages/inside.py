"""What came inside a folder or an archive, by path: each file opens in the viewer, or is saved (R25)."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from starlette.responses import Response

from services.records import desks
from services.records.inspection import kinds
from services.records.pages.common import home_of, mine, staff
from services.records.pages.viewer import PATIENT_SIDE, READERS, SHOWN, list_of
from services.records.store import inside
from shared.ids import CaseId
from shared.web import Db, Page, Who

PER_PAGE = 100


@mine.get("/documents/{document_id}/files", dependencies=[PATIENT_SIDE])
@staff.get("/cases/{case_id}/documents/{document_id}/files", dependencies=[READERS])
async def files(
    case_id: UUID, document_id: UUID, page: Page, who: Who, db: Db,
    part: Annotated[int, Query(ge=1, le=100_000)] = 1, near: UUID | None = None,
) -> Response:  # fmt: skip
    """List the files of a folder or archive, some at a time: the ``part`` asked for, or that in which one of them is.

    Scans are shown image by image elsewhere: here is said how many files they are.
    """
    async with db.reading() as tx:
        stored = await desks.may_see_inside(tx, who, case_id, document_id)
        collection = await desks.see(tx, who, case_id)
        found = await inside.files_in(tx, CaseId(case_id), stored.id, (kinds.DICOM,))
        scans = (await inside.count_in(tx, CaseId(case_id), stored.id)).get(kinds.DICOM, 0)
    parts = -(-len(found) // PER_PAGE) or 1
    place = next((n for n, one in enumerate(found) if one.id == near), (min(part, parts) - 1) * PER_PAGE)
    at = home_of(who, case_id)
    return page(
        "files.html", case=collection, at=at, back=list_of(who, at), file=stored, total=len(found), scans=scans,
        part=place // PER_PAGE + 1, parts=parts, per_part=PER_PAGE, shown=SHOWN,
        files=found[place // PER_PAGE * PER_PAGE :][:PER_PAGE], first=next((one for one in found if one.media_type in SHOWN), None),
    )  # fmt: skip
