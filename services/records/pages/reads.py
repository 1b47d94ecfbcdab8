"""Who read what of a case, as a page for the patient's side and for those answerable for privacy (M13)."""

from typing import Annotated
from uuid import UUID

from fastapi import Query
from starlette.responses import Response

from services.records import desks
from services.records.pages.common import home_of, mine, staff
from services.records.store import access
from shared.ids import CaseId
from shared.web import Db, Page, Who, allow

PER_PAGE = 100


@mine.get("/reads", dependencies=[allow(*desks.OWNERS)])
@staff.get("/cases/{case_id}/reads", dependencies=[allow(*desks.PRIVACY)])
async def reads(
    case_id: UUID, page: Page, who: Who, db: Db, part: Annotated[int, Query(ge=1, le=10_000)] = 1
) -> Response:
    """List who opened which document, some lines at a time; a file of another person is named to nobody but privacy's own (M5)."""
    async with db.reading() as tx:
        await desks.see(tx, who, case_id)
        lines, total = await access.reads_of(tx, CaseId(case_id), (part - 1) * PER_PAGE, PER_PAGE)
        hidden = set() if who.has(*desks.PRIVACY) else await access.of_others(tx, CaseId(case_id))
    parts = -(-total // PER_PAGE) or 1
    return page("reads.html", at=home_of(who, case_id), reads=lines, hidden=hidden, part=part, parts=parts)
