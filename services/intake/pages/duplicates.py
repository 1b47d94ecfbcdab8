"""Two cases side by side: why they may be one patient's, and what staff decide about that."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from services.intake import duplicates, store
from services.intake.answers import refusals
from services.intake.names import BornAlike, latin_rendering
from services.intake.queues import ADVISORS, country, language
from services.intake.store import duplicates as rows
from services.intake.store import requests
from services.intake.store.duplicates import Pair
from services.intake.values import Line
from shared import programme
from shared.db import Tx
from shared.ids import CaseId
from shared.web import Db, Form, Incoming, Once, Page, Problem, Role, allow
from shared.web.auth import Who

router = APIRouter(
    prefix="/desk/intake/duplicates", include_in_schema=False,
    dependencies=[Depends(refusals), allow(*map(Role, ADVISORS))],
)  # fmt: skip

BORN_WORDS = {
    BornAlike.SAME: "they are born on the same day",
    BornAlike.DAY_AND_MONTH_SWAPPED: "the dates of birth are the same with day and month changed round",
    BornAlike.TWO_DIGITS_SWAPPED: "the dates of birth are the same with two digits changed round",
    BornAlike.ONE_DIGIT_OFF: "the dates of birth differ in one digit",
}


class Deciding(Incoming):
    sentences: ClassVar[dict[str, str]] = {
        "decision": "Say what you decide",
        "reason": "Say why, so that whoever looks next understands",
    }
    decision: Literal["keep_later", "keep_earlier", "apart", "reopen"]
    reason: Line


@router.get("/{later}/{earlier}")
async def side_by_side(later: CaseId, earlier: CaseId, page: Page, db: Db) -> Response:
    async with db.reading() as tx:
        return await _show(page, tx, later, earlier)


@router.post("/{later}/{earlier}")
async def decide(
    later: CaseId, earlier: CaseId, request: Request, page: Page, db: Db, who: Who, once: Once
) -> Response:
    """Merge, keep apart, or take the last decision back; each with its reason."""
    form = await Form.read(request, Deciding)
    if not form.valid:
        async with db.reading() as tx:
            return await _show(page, tx, later, earlier, form)
    meant = form.model

    async def work(tx: Tx) -> str:
        match meant.decision:
            case "apart":
                await duplicates.keep_apart(tx, later, earlier, meant.reason, who.subject)
            case "reopen":
                await duplicates.reopen(tx, later, earlier, meant.reason, who.subject)
            case kept:
                stays = later if kept == "keep_later" else earlier
                await duplicates.merge(tx, later, earlier, stays, meant.reason, who.subject)
        return f"/desk/intake/duplicates/{later}/{earlier}"

    return await once.redirect(work)


async def _show(page: Page, tx: Tx, later: CaseId, earlier: CaseId, form: Form[Deciding] | None = None) -> Response:
    pair = await rows.pair(tx, later, earlier)
    if pair is None:
        raise Problem(404, "Not found alike", detail="Nobody found these two cases alike. Check the address.")
    sides = [await _side(tx, case_id) for case_id in (later, earlier)]
    return page(
        "desk_duplicate.html", status=422 if form else 200, pair=pair, sides=sides, why=why(pair),
        decisions=await rows.decisions(tx, pair), country=country, language=language, form=form or Form.blank(),
    )  # fmt: skip


async def _side(tx: Tx, case_id: CaseId) -> dict[str, Any]:
    case, people = await store.load_case(tx, case_id), await requests.people(tx, case_id)
    patient = people["patient"]
    return {
        "case": case,
        "people": people,
        "latin": patient.latin_name or latin_rendering(patient.name, next(iter(patient.languages or ()), None)),
        "questions": await requests.questions(tx, case_id),
        "rules": programme.load(case.programme),
    }


def why(pair: Pair) -> str:
    """Return in words why the two were found alike."""
    named = "the names sound the same" if pair.name >= 0.995 else f"the names sound {pair.name:.0%} alike"
    return f"{named}; {BORN_WORDS[BornAlike(pair.born)]}"
