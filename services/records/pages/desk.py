"""The desks of the case manager and the laboratory, and what a specialist sees of a case (R22-R28, R31)."""

from datetime import date
from typing import Annotated, Literal
from uuid import UUID

from fastapi import Request
from pydantic import Field
from starlette.responses import Response

from services.records import casework, desks, late
from services.records.domain import (
    Collection,
    Decision,
    IdentityCheck,
    ItemState,
)
from services.records.pages.common import desk_page, done, page_of, shown, staff, take_in
from services.records.store import cases
from services.records.views import Language
from shared.db import Tx
from shared.ids import CaseId
from shared.web import Ctx, Db, Expected, Form, Incoming, Once, Page, Role, Who, allow
from shared.web.principals import STAFF

MANAGER = allow(Role.CASE_MANAGER)
DESK = allow(*desks.DESK)
VERDICTS = {"accept": ItemState.ACCEPTED, "return": ItemState.RETURNED, "waive": ItemState.WAIVED}


class Deciding(Incoming):
    """Accept, return or waive: a return with a template or words, a waiver with a reason and what it means."""

    verdict: Literal["accept", "return", "waive"]
    code: Annotated[str, Field(max_length=60)] | None = None
    reason: Annotated[str, Field(max_length=2000)] = ""
    meaning: Annotated[str, Field(max_length=2000)] = ""


class SettlingLate(Incoming):
    """What becomes of a document that came after completeness, with words to its reader."""

    do: Literal["take", "aside"]
    words: Annotated[str, Field(min_length=1, max_length=2000)]


class Describing(Incoming):
    """What the case manager found in a document; ``others``: and, having looked, in those of its line that nobody described."""

    language: Language
    translation_of: UUID | None = None
    pages: Annotated[int, Field(gt=0, le=100_000)] | None = None
    dated_on: date | None = None
    name_matches: Literal["yes", "no"] | None = None
    birth_date_matches: Literal["yes", "no"] | None = None
    others: Literal["alike"] | None = None


class Summing(Incoming):
    """The summary's text, to be kept or, as it was read, signed."""

    text: Annotated[str, Field(max_length=50_000)] = ""
    do: Literal["save", "sign"]


@staff.get("/cases/{case_id}", dependencies=[DESK])
async def case(case_id: UUID, page: Page, who: Who, db: Db) -> Response:
    """Show a case's whole collection, and what its case manager or the laboratory can do."""
    return await desk_page(page, who, db, case_id)("", "", 200)


@staff.get("/cases/{case_id}/summary", dependencies=[allow(*STAFF)])
async def desk_fragment(case_id: UUID, page: Page, db: Db, who: Who) -> Response:
    """Say on the desk's case page how far the collection is: counts and names, nothing clinical."""
    async with db.reading() as tx:
        found = await cases.load(tx, CaseId(case_id))
    return page("desk_summary.html", may_open=who.has(*desks.DESK), **shown(found or Collection(CaseId(case_id))))


@staff.get("/cases/{case_id}/materials", dependencies=[allow(Role.CASE_MANAGER, Role.SPECIALIST, *desks.PRIVACY)])
async def materials(case_id: UUID, page: Page, who: Who, db: Db) -> Response:
    """Show the specialist the summary, each document that counts, and what is missing by name (R27, R28, R31)."""
    async with db.reading() as tx:
        found = await desks.see(tx, who, case_id)
    return page("desk_materials.html", **shown(found))


@staff.post("/cases/{case_id}/items/{item_id}/decision", dependencies=[MANAGER])
async def decide(
    request: Request, case_id: UUID, item_id: UUID, page: Page, who: Who, db: Db, version: Expected, once: Once
) -> Response:
    """Accept, return or waive an item."""
    form = await Form.read(request, Deciding)
    show, back = page_of(page, who, db, case_id)
    if not form.valid:
        return await show("Choose what to do with this item.", f"item-{item_id}", 422)

    async def work(tx: Tx) -> None:
        sent, state = form.model, VERDICTS[form.model.verdict]
        code = sent.code if state is ItemState.RETURNED else None
        reason = casework.reason_for(await desks.see(tx, who, case_id), code, sent.reason)
        meaning = sent.meaning or None if state is ItemState.WAIVED else None
        decision = Decision(state, desks.person(who), tx.now, reason, code, meaning)
        await casework.decide(tx, CaseId(case_id), item_id, decision, version)

    return await done(once, work, show, back, f"item-{item_id}")


@staff.post("/cases/{case_id}/documents/{document_id}", dependencies=[MANAGER])
async def describe(
    request: Request, case_id: UUID, document_id: UUID, page: Page, who: Who, db: Db, version: Expected, once: Once
) -> Response:
    """Keep a document's language, its original, and whether it is the patient's (R24, M5)."""
    form = await Form.read(request, Describing)
    show, back = page_of(page, who, db, case_id)
    place = f"document-{document_id}"
    if not form.valid:
        return await show(
            "Give the language as a code such as en, ar or zh, pages as a number, and the day as a date.", place, 422
        )
    sent = form.model

    async def work(tx: Tx) -> None:
        await casework.describe(
            tx, CaseId(case_id), document_id,
            language=sent.language, original=sent.translation_of, pages=sent.pages, dated_on=sent.dated_on, version=version,
        )  # fmt: skip
        if sent.name_matches and sent.birth_date_matches:
            name, birth_date = sent.name_matches == "yes", sent.birth_date_matches == "yes"
            check = IdentityCheck(name, birth_date, desks.person(who), tx.now)
            await casework.check_identity(tx, CaseId(case_id), document_id, check, version + 1)
        if sent.others:
            seen = version + (2 if sent.name_matches and sent.birth_date_matches else 1)
            await casework.describe_alike(tx, CaseId(case_id), document_id, seen)

    return await done(once, work, show, back, place)


@staff.post("/cases/{case_id}/documents/{document_id}/late", dependencies=[MANAGER])
async def settle_late(
    request: Request, case_id: UUID, document_id: UUID, page: Page, who: Who, db: Db, version: Expected, once: Once
) -> Response:
    """Take in, or set aside, what came after the records were complete (R28)."""
    form = await Form.read(request, SettlingLate)
    show, back = page_of(page, who, db, case_id)
    place = f"document-{document_id}"
    if not form.valid:
        return await show("Say in a sentence what is new, or why it is set aside.", place, 422)

    async def work(tx: Tx) -> None:
        settled = late.take_in_late if form.model.do == "take" else late.set_late_aside
        await settled(tx, CaseId(case_id), document_id, form.model.words, desks.person(who), version)

    return await done(once, work, show, back, place)


@staff.post("/cases/{case_id}/summary", dependencies=[MANAGER])
async def summarise(
    request: Request, case_id: UUID, page: Page, who: Who, db: Db, version: Expected, once: Once
) -> Response:
    """Keep a new version of the summary, or sign the one that was read (R27)."""
    form = await Form.read(request, Summing)
    show, back = page_of(page, who, db, case_id)
    if not form.valid or (form.model.do == "save" and not form.model.text):
        return await show("Write the summary before saving it.", "summary", 422)

    async def work(tx: Tx) -> None:
        if form.model.do == "sign":
            await casework.sign_summary(tx, CaseId(case_id), desks.person(who), version)
        else:
            await casework.write_summary(tx, CaseId(case_id), form.model.text, desks.person(who), version)

    return await done(once, work, show, back, "summary")


@staff.post("/cases/{case_id}/items/{item_id}/documents", dependencies=[MANAGER], max_body_size=desks.TAKES_FILES)
async def add(request: Request, case_id: UUID, item_id: UUID, page: Page, who: Who, ctx: Ctx, once: Once) -> Response:
    """Take in what the case manager got elsewhere, such as a translation (R24)."""
    show = desk_page(page, who, ctx.db, case_id)
    return await take_in(request, case_id, item_id, who, ctx, once, show, f"/desk/records/cases/{case_id}")
