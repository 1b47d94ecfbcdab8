"""What the patient, the requester and the local physician see of the opinion (R33, R34)."""

from datetime import datetime
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from services.matching import access
from services.matching.domain.opinions import SECTIONS, Outcome
from services.matching.opinion import parts
from services.matching.publishing import R33_TEXTS
from services.matching.store import cases, offers, opinions, roster
from shared.db import Tx
from shared.ids import CaseId
from shared.web import N_, Ctx, Db, Page, Problem, Role, Who, allow, locale_of

router = APIRouter(
    prefix="/my/matching/cases/{case_id}", include_in_schema=False, dependencies=[Depends(access.refusals)]
)
READERS = [allow(Role.PATIENT, Role.REQUESTER, Role.LOCAL_PHYSICIAN)]

TITLES = {
    "received": N_("What was received"),
    "history": N_("History and findings"),
    "assessment": N_("Assessment"),
    "plan": N_("Recommended plan"),
    "limits": N_("Limits of this opinion"),
}
OUTCOMES = {
    Outcome.ANSWERED: "",
    Outcome.DECLINED: N_("The specialist does not answer this question. The reason:"),
    Outcome.REDIRECTED: N_("Someone else can answer this question:"),
}
STANDS = {
    "unknown": (N_("A specialist is chosen once all your records are in"), None),
    "choosing": (N_("We are choosing a specialist for your case"), N_("Your case manager and the hospital")),
    "asked": (N_("A specialist was asked to take your case"), N_("The specialist")),
    "writing": (N_("The specialist reads your records and writes the opinion"), N_("The specialist")),
    "signed": (N_("The opinion is signed and is being prepared for you"), N_("Your case manager and the hospital")),
    "ready": (N_("Your opinion is ready"), N_("You: read it, and talk about it with your local physician")),
    "closed": (N_("This request was withdrawn"), None),
}
"""Where the case stands, and who acts next; before matching has a case, the case's own page says who."""


async def stage_of(tx: Tx, case_id: UUID) -> tuple[str, str | None, datetime | None]:
    """Return where the case stands (a key of ``STANDS``), who writes, and by when it is due (a target, R32)."""
    case = await cases.find_case(tx, CaseId(case_id))
    if case is None or (case.complete_at is None and case.withdrawn_at is None):
        return "unknown", None, None
    if await opinions.available_opinion(tx, case.case_id, "patient"):
        return "ready", None, None
    if case.withdrawn_at:
        return "closed", None, None
    taken = await offers.assignment_of(tx, case.case_id)
    if taken is None:
        asked = any(one.state == "offered" for one in await offers.offers_of(tx, case.case_id))
        return "asked" if asked else "choosing", None, case.target_to
    author, latest = await roster.specialist(tx, taken.specialist_id), await opinions.latest_opinion(tx, case.case_id)
    return "signed" if latest and latest.state == "signed" else "writing", author.name, case.target_to


@router.get("/summary", dependencies=READERS)
async def summary(case_id: UUID, page: Page, db: Db, who: Who) -> Response:
    """Say where the opinion stands; a part of intake's page."""
    async with db.reading() as tx:
        stage, author, due = await stage_of(tx, case_id)
        mine = await access.readable(tx, who, case_id)
    stands, acts = STANDS[stage]
    return page(
        "my_summary.html", case_id=case_id, stands=stands, acts=acts, author=author, due=due, ready=mine is not None
    )


@router.get("/opinion", dependencies=READERS)
async def opinion(request: Request, case_id: UUID, page: Page, db: Db, who: Who) -> Response:
    """Show what the opinion says, with R33 in the reader's own language."""
    async with db.reading() as tx:
        found = await access.readable(tx, who, case_id)
        if found is None:
            raise Problem(404, N_("No opinion here yet"), detail=N_("We write to you as soon as it is ready."))
        case, author = await cases.case(tx, CaseId(case_id)), await roster.specialist(tx, found.author_id)
    answers = [(asked.text, found.text.answer_to(asked.id)) for asked in found.questions]
    return page(
        "my_opinion.html", case=case, opinion=found, author=author,
        sections=[(TITLES[key], parts(getattr(found.text, key))) for key in SECTIONS],
        answers=[(asked, OUTCOMES[one.outcome] if one.outcome else "", parts(one.text)) for asked, one in answers],
        notices=[case.rules.text(key, locale_of(request)) for key in R33_TEXTS],
    )  # fmt: skip


@router.get("/opinion.pdf", dependencies=READERS)
async def document(case_id: UUID, ctx: Ctx, who: Who) -> Response:
    """Hand out the PDF; the first opening is the receipt."""
    return await access.open_document(ctx, who, case_id)
