"""The desk of matching: choose whom to ask, answer an offer, see the opinion delivered. It is written in `opinion`."""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from babel import Locale
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field

from services.matching import access, actions
from services.matching.brief import Brief, brief_of
from services.matching.domain.offers import DECLARATION
from services.matching.domain.values import Unknown
from services.matching.store import cases, offers, opinions, roster
from shared.db import Tx
from shared.ids import CaseId
from shared.web import Ctx, Db, Form, Incoming, Once, Page, Role, Who, allow
from shared.web.principals import STAFF
from shared.web.times import spoken_day

router = APIRouter(prefix="/desk/matching", include_in_schema=False, dependencies=[Depends(access.refusals)])
CHOOSERS = [allow(Role.CLINICAL_LEAD, Role.CASE_MANAGER)]
SPECIALISTS = [allow(Role.SPECIALIST)]


class Choosing(Incoming):
    sentences: ClassVar[dict[str, str]] = {"chosen": "Choose at least one specialist"}
    chosen: Annotated[list[UUID], Field(min_length=1)]


class Accepting(Incoming):
    sentences: ClassVar[dict[str, str]] = {"no_conflict": "Confirm the declaration, or decline below"}
    no_conflict: Literal["yes"]


class Declining(Incoming):
    sentences: ClassVar[dict[str, str]] = {"reason": "Say in a few words why you decline"}
    reason: Annotated[str, Field(min_length=1, max_length=500)]


def whom(brief: Brief) -> list[tuple[str, str]]:
    """Return for whom a case is, in rows: name, and date of birth where it is known."""
    born = brief.patient.birth_date
    return [("Patient", brief.patient.name), *([("Born", spoken_day(born, "en"))] if born else [])]


def about(case: cases.Case, brief: Brief) -> list[tuple[str, str]]:
    """Return what a case is about, in rows for people who choose, decide or write."""
    rules, english, patient = case.rules, Locale("en"), brief.patient
    cancer = rules.cancer_types.get(brief.cancer_type or "")
    rows = [
        *whom(brief),
        ("Country", english.territories.get(patient.country or "", patient.country or "")),
        ("Languages", ", ".join(english.languages.get(code, code) for code in patient.languages or ())),
        ("Tumour", cancer.title if cancer else brief.cancer_type or "Not said"),
        ("Why they ask", ", ".join(rules.reasons[code].title for code in brief.reasons if code in rules.reasons)),
        ("Treated by", brief.local_physician.full if brief.local_physician else "No local physician is named yet"),
        ("Services", ", ".join(rules.catalogue[code].title for code in case.services if code in rules.catalogue)),
        ("Needed", case.discipline.value.capitalize()),
        ("Questions", str(len(brief.questions))),
    ]
    if case.target_from and case.target_to:
        rows.append(("Aim", f"{spoken_day(case.target_from, 'en')} to {spoken_day(case.target_to, 'en')}"))
    return [(title, value) for title, value in rows if value]


@router.get("", dependencies=SPECIALISTS)
async def home(page: Page, db: Db, who: Who) -> Response:
    """Show a specialist what waits for their answer, and their cases."""
    async with db.reading() as tx:
        one = await access.specialist_of(tx, who)
        waiting = [(offer, await cases.case(tx, offer.case_id)) for offer in await offers.offers_to(tx, one.id)]
        taken = await offers.cases_of(tx, one.id)
        mine = [(await cases.case(tx, case_id), await opinions.latest_opinion(tx, case_id)) for case_id in taken]
    return page("home.html", one=one, waiting=waiting, mine=mine)


@router.get("/cases/{case_id}", dependencies=CHOOSERS)
async def matching_of(case_id: UUID, page: Page, ctx: Ctx) -> Response:
    """Show the ranking with its reasons, who was asked, and how the opinion gets on."""
    return await _case_page(page, ctx, case_id, Form.blank())


async def _case_page(page: Page, ctx: Ctx, case_id: UUID, form: Form[Choosing], status: int = 200) -> Response:
    case, brief, ranking = await actions.ranking_of(ctx, CaseId(case_id))
    async with ctx.db.reading() as tx:
        asked = [
            (offer, await roster.specialist(tx, offer.specialist_id))
            for offer in await offers.offers_of(tx, case.case_id)
        ]
        opinion = await opinions.latest_opinion(tx, case.case_id)
        delivery = await opinions.delivery_of(tx, opinion.id) if opinion else []
    return page(
        "case.html", status=status, form=form, case=case, about=about(case, brief), ranking=ranking, asked=asked,
        opinion=opinion, delivery=delivery,
        choosing=case.open and not any(offer.state in ("offered", "accepted") for offer, _ in asked),
    )  # fmt: skip


@router.post("/cases/{case_id}/offers", dependencies=CHOOSERS)
async def offer(request: Request, case_id: UUID, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    """Ask the ticked specialists, best ranked first."""
    form = await Form.read(request, Choosing)
    if not form.valid:
        return await _case_page(page, ctx, case_id, form, status=422)
    if earlier := await once.earlier():
        return earlier
    _, _, ranking = await actions.ranking_of(ctx, CaseId(case_id))
    chosen = actions.shortlist(ranking, form.model.chosen)

    async def work(tx: Tx) -> str:
        await actions.offer_case(tx, CaseId(case_id), chosen, by=who.subject)
        return f"/desk/matching/cases/{case_id}"

    return await once.redirect(work)


@router.get("/offers/{offer_id}", dependencies=SPECIALISTS)
async def offered(offer_id: UUID, page: Page, ctx: Ctx, who: Who) -> Response:
    """Show the specialist who was asked what they need to say yes or no."""
    return await _offer_page(page, ctx, who, offer_id, Form.blank())


async def _offer_page(
    page: Page, ctx: Ctx, who: Who, offer_id: UUID, form: Form[Accepting] | Form[Declining], status: int = 200
) -> Response:
    async with ctx.db.reading() as tx:
        one, found = await access.specialist_of(tx, who), await offers.find_offer(tx, offer_id)
        if found is None or found.specialist_id != one.id:
            raise Unknown("no such offer for you")
        case = await cases.case(tx, found.case_id)
    brief = await brief_of(ctx.peers, case.case_id) if found.state == "offered" else None
    rows = about(case, brief) if brief else []
    return page("offer.html", status=status, form=form, offer=found, case=case, about=rows, declaration=DECLARATION)


@router.post("/offers/{offer_id}/accept", dependencies=SPECIALISTS)
async def accept(request: Request, offer_id: UUID, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    """Take the case with the declaration of M9."""
    form = await Form.read(request, Accepting)
    if not form.valid:
        return await _offer_page(page, ctx, who, offer_id, form, status=422)

    async def work(tx: Tx) -> str:
        await actions.accept(tx, offer_id, await access.specialist_of(tx, who), no_conflict=True)
        return f"/desk/matching/offers/{offer_id}"

    return await once.redirect(work)


@router.post("/offers/{offer_id}/decline", dependencies=SPECIALISTS)
async def decline(request: Request, offer_id: UUID, page: Page, ctx: Ctx, who: Who, once: Once) -> Response:
    """Hand the case back; the next one is asked."""
    form = await Form.read(request, Declining)
    if not form.valid:
        return await _offer_page(page, ctx, who, offer_id, form, status=422)

    async def work(tx: Tx) -> str:
        await actions.decline(tx, offer_id, await access.specialist_of(tx, who), reason=form.model.reason)
        return "/desk/matching"

    return await once.redirect(work)


@router.post("/cases/{case_id}/deliver", dependencies=CHOOSERS)
async def deliver(case_id: UUID, once: Once) -> Response:
    """Try again to reach the recipient who was missing."""

    async def work(tx: Tx) -> str:
        await actions.deliver_again(tx, CaseId(case_id))
        return f"/desk/matching/cases/{case_id}"

    return await once.redirect(work)


@router.get("/cases/{case_id}/summary", dependencies=[allow(*STAFF)])
async def summary(case_id: UUID, page: Page, db: Db) -> Response:
    """Say who has the case and how the opinion gets on; a part of intake's page."""
    async with db.reading() as tx:
        case, taken = await cases.find_case(tx, CaseId(case_id)), await offers.assignment_of(tx, CaseId(case_id))
        author = await roster.specialist(tx, taken.specialist_id) if taken else None
        opinion = await opinions.latest_opinion(tx, CaseId(case_id))
        delivery = await opinions.delivery_of(tx, opinion.id) if opinion else []
        asked = [one for one in await offers.offers_of(tx, CaseId(case_id)) if one.state == "offered"]
    return page(
        "desk_summary.html", case=case, author=author, opinion=opinion, delivery=delivery, asked=asked,
    )  # fmt: skip
