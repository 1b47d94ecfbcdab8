"""The desk of matching: choose whom to ask, answer an offer, write and sign the opinion, see it delivered."""

from itertools import zip_longest
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from babel import Locale
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field

from services.matching import access, actions
from services.matching.brief import Brief, brief_of
from services.matching.domain.offers import DECLARATION
from services.matching.domain.opinions import SECTIONS, Answer, OpinionText, Outcome, Prose, gaps
from services.matching.domain.values import Unknown
from services.matching.opinion import long_date
from services.matching.store import cases, offers, opinions, roster
from shared.db import Tx
from shared.ids import CaseId
from shared.typesetting import Unprintable
from shared.web import Ctx, Db, Expected, Form, Incoming, Once, Page, Problem, Role, Who, allow
from shared.web.auth import STAFF

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


class Writing(Incoming):
    """The opinion's form; ``question``, ``outcome`` and ``answer`` run side by side, one entry a question."""

    received: Prose = ""
    history: Prose = ""
    assessment: Prose = ""
    plan: Prose = ""
    limits: Prose = ""
    question: list[Annotated[str, Field(max_length=64)]] = Field(default_factory=list, max_length=50)
    outcome: list[Outcome | Literal[""]] = Field(default_factory=list)
    answer: list[Prose] = Field(default_factory=list)
    then: Literal["save", "sign"] = "save"

    def text(self) -> OpinionText:
        """Return it as the rules know it."""
        answers = tuple(
            Answer(question_id=asked, outcome=outcome or None, text=text)
            for asked, outcome, text in zip_longest(self.question, self.outcome, self.answer, fillvalue="")
            if asked
        )
        return OpinionText(**{key: getattr(self, key) for key in SECTIONS}, answers=answers)


class Signing(Incoming):
    sentences: ClassVar[dict[str, str]] = {"name": "Type your name", "confirm": "Confirm that the opinion is complete"}
    name: Annotated[str, Field(min_length=1, max_length=200)]
    confirm: Literal["yes"]


class Correcting(Incoming):
    sentences: ClassVar[dict[str, str]] = {"reason": "Say what is corrected, and why"}
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


def about(case: cases.Case, brief: Brief) -> list[tuple[str, str]]:
    """Return what a case is about, in rows for people who choose, decide or write."""
    rules, english, patient = case.rules, Locale("en"), brief.patient
    cancer = rules.cancer_types.get(brief.cancer_type or "")
    rows = [
        ("Patient", patient.name),
        ("Born", long_date(patient.birth_date) if patient.birth_date else ""),
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
        rows.append(("Aim", f"{long_date(case.target_from)} to {long_date(case.target_to)}"))
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


async def _mine(ctx: Ctx, who: Who, case_id: UUID) -> tuple[cases.Case, opinions.Opinion, Brief]:
    async with ctx.db.reading() as tx:
        found = await actions.own_opinion(tx, CaseId(case_id), await access.specialist_of(tx, who))
        case = await cases.case(tx, CaseId(case_id))
    return case, found, await brief_of(ctx.peers, case.case_id)


@router.get("/cases/{case_id}/opinion", dependencies=SPECIALISTS)
async def write(case_id: UUID, page: Page, ctx: Ctx, who: Who) -> Response:
    """Show the opinion to its author: a form while it is a draft, the signed words afterwards."""
    case, found, brief = await _mine(ctx, who, case_id)
    if found.state != "draft":
        async with ctx.db.reading() as tx:
            delivery = await opinions.delivery_of(tx, found.id)
        return page("signed.html", case=case, opinion=found, delivery=delivery, form=Form.blank())
    rows = about(case, brief) + ([("In their words", brief.story)] if brief.story else [])
    return page("write.html", case=case, opinion=found, about=rows, questions=brief.questions, sections=SECTIONS)


@router.post("/cases/{case_id}/opinion", dependencies=SPECIALISTS)
async def save(request: Request, case_id: UUID, expected: Expected, who: Who, once: Once) -> Response:
    """Keep the draft, finished or not."""
    form = await Form.read(request, Writing)

    async def work(tx: Tx) -> str:
        one = await access.specialist_of(tx, who)
        await actions.save_draft(tx, CaseId(case_id), one, form.model.text(), expected=expected)
        return f"/desk/matching/cases/{case_id}/opinion" + ("/sign" if form.model.then == "sign" else "?saved=1")

    return await once.redirect(work)


@router.get("/cases/{case_id}/opinion/preview.pdf", dependencies=SPECIALISTS)
async def preview(case_id: UUID, ctx: Ctx, who: Who) -> Response:
    """Show the draft as it would print."""
    return access.pdf(await access.preview(ctx, who, case_id), "preview.pdf")


@router.get("/cases/{case_id}/opinion/sign", dependencies=SPECIALISTS)
async def check(case_id: UUID, page: Page, ctx: Ctx, who: Who) -> Response:
    """Show what is still missing, or where to sign."""
    return await _sign_page(page, ctx, who, case_id, Form.blank())


async def _sign_page(page: Page, ctx: Ctx, who: Who, case_id: UUID, form: Form[Signing], status: int = 200) -> Response:
    case, found, brief = await _mine(ctx, who, case_id)
    if found.state != "draft":
        raise Problem(303, headers={"Location": f"/desk/matching/cases/{case_id}/opinion"})
    missing = [gap.sentence for gap in gaps(found.text, brief.questions)]
    try:
        await access.preview(ctx, who, case_id)
    except Unprintable as problem:
        missing.append(str(problem))
    return page("sign.html", status=status, case=case, opinion=found, missing=missing, form=form)


@router.post("/cases/{case_id}/opinion/sign", dependencies=SPECIALISTS)
async def sign(
    request: Request, case_id: UUID, expected: Expected, page: Page, ctx: Ctx, who: Who, once: Once
) -> Response:
    """Sign with one's typed name; the document is on its way."""
    form = await Form.read(request, Signing)
    if not form.valid:
        return await _sign_page(page, ctx, who, case_id, form, status=422)
    asked = (await brief_of(ctx.peers, CaseId(case_id))).questions
    await access.preview(ctx, who, case_id)

    async def work(tx: Tx) -> str:
        one = await access.specialist_of(tx, who)
        await actions.sign(tx, CaseId(case_id), one, asked, name=form.model.name, confirmed=True, expected=expected)
        return f"/desk/matching/cases/{case_id}/opinion"

    try:
        return await once.redirect(work)
    except actions.Incomplete as incomplete:
        for gap in incomplete.gaps:
            form.refuse(gap.field, gap.sentence)
        return await _sign_page(page, ctx, who, case_id, form, status=422)


@router.post("/cases/{case_id}/opinion/correct", dependencies=SPECIALISTS)
async def correct(request: Request, case_id: UUID, who: Who, once: Once) -> Response:
    """Begin a corrected version."""
    form = await Form.read(request, Correcting)

    async def work(tx: Tx) -> str:
        await actions.correct(tx, CaseId(case_id), await access.specialist_of(tx, who), reason=form.model.reason)
        return f"/desk/matching/cases/{case_id}/opinion"

    return await once.redirect(work)


@router.post("/cases/{case_id}/deliver", dependencies=CHOOSERS)
async def deliver(case_id: UUID, once: Once) -> Response:
    """Try again to reach the recipient who was missing."""

    async def work(tx: Tx) -> str:
        await actions.deliver_again(tx, CaseId(case_id))
        return f"/desk/matching/cases/{case_id}"

    return await once.redirect(work)


@router.get("/cases/{case_id}/opinion.pdf", dependencies=[allow(Role.SPECIALIST, Role.CLINICAL_LEAD)])
async def document(case_id: UUID, ctx: Ctx, who: Who) -> Response:
    """Show the signed document to its author and the clinical lead."""
    return await access.open_document(ctx, who, case_id)


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
