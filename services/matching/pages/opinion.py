"""The specialist's desk: write the opinion, look at it in print, sign it, correct it."""

from itertools import zip_longest
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field

from services.matching import access, actions
from services.matching.brief import Brief, brief_of
from services.matching.domain.opinions import SECTIONS, Answer, OpinionText, Outcome, Prose, gaps
from services.matching.pages.desk import SPECIALISTS, about, whom
from services.matching.store import cases, opinions
from services.matching.views import Sections
from shared.db import Tx
from shared.ids import CaseId
from shared.typesetting import Unprintable
from shared.web import Ctx, Expected, Form, Incoming, Once, Page, Problem, Role, Who, allow

router = APIRouter(prefix="/desk/matching", include_in_schema=False, dependencies=[Depends(access.refusals)])


class Writing(Sections):
    """The opinion's form; ``question``, ``outcome`` and ``answer`` run side by side, one entry a question."""

    question: list[Annotated[str, Field(max_length=64)]] = Field(default_factory=list, max_length=50)
    outcome: list[Outcome | Literal[""]] = Field(default_factory=list)
    answer: list[Prose] = Field(default_factory=list)
    then: Literal["save", "sign"] = "save"

    def text(self) -> OpinionText:
        """Return it as the rules know it."""
        return self.text_with(
            Answer(question_id=asked, outcome=outcome or None, text=text)
            for asked, outcome, text in zip_longest(self.question, self.outcome, self.answer, fillvalue="")
            if asked
        )


class Signing(Incoming):
    sentences: ClassVar[dict[str, str]] = {"name": "Type your name", "confirm": "Confirm that the opinion is complete"}
    name: Annotated[str, Field(min_length=1, max_length=200)]
    confirm: Literal["yes"]


class Correcting(Incoming):
    sentences: ClassVar[dict[str, str]] = {"reason": "Say what is corrected, and why"}
    reason: Annotated[str, Field(min_length=1, max_length=2000)]


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
        return page("signed.html", case=case, opinion=found, whom=whom(brief), delivery=delivery, form=Form.blank())
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
    return page("sign.html", status=status, case=case, opinion=found, whom=whom(brief), missing=missing, form=form)


@router.post("/cases/{case_id}/opinion/sign", dependencies=SPECIALISTS)
async def sign(
    request: Request, case_id: UUID, expected: Expected, page: Page, ctx: Ctx, who: Who, once: Once
) -> Response:
    """Sign with one's typed name; the document is on its way."""
    form = await Form.read(request, Signing)
    if not form.valid:
        return await _sign_page(page, ctx, who, case_id, form, status=422)
    if earlier := await once.earlier():
        return earlier
    await access.preview(ctx, who, case_id)
    asked = (await brief_of(ctx.peers, CaseId(case_id))).questions

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


@router.get("/cases/{case_id}/opinion.pdf", dependencies=[allow(Role.SPECIALIST, Role.CLINICAL_LEAD)])
async def document(case_id: UUID, ctx: Ctx, who: Who) -> Response:
    """Show the signed document to its author and the clinical lead."""
    return await access.open_document(ctx, who, case_id)
