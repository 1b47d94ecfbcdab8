"""The list of cases and finding one: by name in any script, number with a slip in it, phone number, or mail box."""

from __future__ import annotations

from fastapi import APIRouter, Depends
from fastapi.responses import RedirectResponse, Response

from services.intake import search, store
from services.intake.answers import refusals
from services.intake.pages.case_page import KNOWS_PEOPLE
from shared.db import Tx
from shared.ids import parse_case_number
from shared.web import Db, Page, Problem, Who, allow
from shared.web.principals import STAFF

router = APIRouter(include_in_schema=False, dependencies=[Depends(refusals), allow(*STAFF)])


@router.get("/desk/cases")
async def find(page: Page, db: Db, who: Who, q: str = "", number: str = "") -> Response:
    """Show what fits `q`; go straight to the case of an exact number; without a question, list the newest cases.

    Names, mail boxes and phone numbers are for those who know people; others find a case by its number.
    """
    knows = who.has(*KNOWS_PEOPLE)
    async with db.reading() as tx:
        if number:
            return await _open(tx, number)
        if not q.strip():
            return page("desk_cases.html", cases=await store.newest_cases(tx, 100), knows_people=knows)
        hits = await search.search(tx, q) if knows else await search.numbers(tx, q)
    if len(hits) == 1 and hits[0].score == 1:
        return RedirectResponse(f"/desk/cases/{hits[0].found.case_id}", 303)
    return page("desk_found.html", q=q, hits=hits, knows_people=knows, most=search.MOST)


async def _open(tx: Tx, number: str) -> Response:
    """Go to the case with this number. Raises ``Problem`` 422 when it can't be one, 404 when no case has it."""
    try:
        case_id = await store.case_with_number(tx, parse_case_number(number))
    except ValueError as wrong:
        raise Problem(422, "Not a case number", detail=str(wrong)) from None
    if case_id is None:
        raise Problem(404, "No such case", detail="No case has this number. Read it again.")
    return RedirectResponse(f"/desk/cases/{case_id}", 303)
