"""The JSON interface of where materials come from: hospitals, letters to them, what exists, and who helps (R22, R23)."""

from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from services.records import collecting, desks, letters
from services.records.store import providers
from services.records.views import Accept, Made
from services.records.views_collecting import (
    Answers,
    HelpersView,
    HelperView,
    Inviting,
    ProviderIn,
    ProvidersView,
    ProviderView,
    QuestionsView,
    QuestionView,
    Source,
)
from shared import programme
from shared.db import Tx
from shared.ids import CaseId, new_id
from shared.web import Ctx, Db, Expected, Once, Role, Who, allow

router = APIRouter(prefix="/api/records/cases/{case_id}", tags=["records"], dependencies=[Depends(desks.in_words)])

COLLECTORS = allow(Role.CASE_MANAGER, *desks.OWNERS, Role.FAMILY)
INVITERS = allow(Role.CASE_MANAGER, *desks.OWNERS)
PDF: dict[int | str, dict[str, Any]] = {200: {"content": {"application/pdf": {}}, "description": "The letter"}}


async def whole(case_id: UUID, who: Who, db: Db) -> None:
    """Let in who sees the whole case; for others there is no such thing (404)."""
    async with db.reading() as tx:
        await desks.see(tx, who, case_id)
        await desks.require_whole(tx, who, case_id)


WHOLE = Depends(whole)


@router.get("/questions", dependencies=[COLLECTORS, WHOLE])
async def questions(case_id: UUID, who: Who, db: Db) -> QuestionsView:
    """Return what this programme asks about what exists, and the answers so far (R23)."""
    async with db.reading() as tx:
        found = await desks.see(tx, who, case_id)
    asked = programme.load(found.programme).history if found.programme else {}
    return QuestionsView(
        questions=[
            QuestionView(code=code, question=one.title, answer=found.said.get(code)) for code, one in asked.items()
        ]
    )


@router.post("/questions", response_model=Made, dependencies=[COLLECTORS, WHOLE])
async def answer(case_id: UUID, sent: Answers, who: Who, once: Once) -> Any:
    """Say what exists: the checklist follows."""

    async def work(tx: Tx) -> Made:
        await collecting.say_what_exists(tx, CaseId(case_id), sent.answers, desks.person(who))
        return Made()

    return await once.run(work)


@router.get("/providers", dependencies=[COLLECTORS, WHOLE])
async def listed(case_id: UUID, db: Db) -> ProvidersView:
    """Return the hospitals and practices that have something of the patient's."""
    async with db.reading() as tx:
        return ProvidersView(providers=[ProviderView.of(one) for one in await providers.of_case(tx, CaseId(case_id))])


@router.post("/providers", status_code=201, response_model=Made, dependencies=[COLLECTORS, WHOLE])
async def add(case_id: UUID, sent: ProviderIn, who: Who, once: Once) -> Any:
    """Add a hospital or practice."""

    async def work(tx: Tx) -> Made:
        one = sent.provider(new_id())
        return Made(id=await collecting.add_provider(tx, CaseId(case_id), one, desks.person(who)), version=1)

    return await once.run(work, 201)


@router.put("/providers/{provider_id}", dependencies=[COLLECTORS, WHOLE])
async def change(case_id: UUID, provider_id: UUID, sent: ProviderIn, who: Who, version: Expected, db: Db) -> Made:
    """Correct a hospital or practice (If-Match)."""
    async with db.transaction() as tx:
        one, by = sent.provider(provider_id), desks.person(who)
        return Made(id=provider_id, version=await collecting.change_provider(tx, CaseId(case_id), one, by, version))


@router.post("/providers/{provider_id}/removal", response_model=Made, dependencies=[COLLECTORS, WHOLE])
async def remove(case_id: UUID, provider_id: UUID, _sent: Accept, who: Who, once: Once) -> Any:
    """Take a hospital or practice off the case."""

    async def work(tx: Tx) -> Made:
        await collecting.remove_provider(tx, CaseId(case_id), provider_id, desks.person(who))
        return Made(id=provider_id)

    return await once.run(work)


@router.get("/providers/{provider_id}/letter", dependencies=[COLLECTORS, WHOLE], response_class=Response, responses=PDF)
async def letter(case_id: UUID, provider_id: UUID, who: Who, ctx: Ctx) -> Response:
    """Return the letter of request in the provider's language, as tagged PDF, for the patient to sign."""
    return await as_pdf(ctx, case_id, provider_id, who)


async def as_pdf(ctx: Ctx, case_id: UUID, provider_id: UUID, who: Who) -> Response:
    """Answer with a letter that nobody between us and its reader keeps."""
    name, made = await letters.write(ctx, case_id, provider_id, desks.person(who))
    headers = {"Content-Disposition": f'inline; filename="{name}.pdf"', "Cache-Control": "private, no-store"}
    return Response(made, media_type="application/pdf", headers=headers)


@router.post("/items/{item_id}/source", response_model=Made, dependencies=[COLLECTORS, WHOLE])
async def say_who_has(case_id: UUID, item_id: UUID, sent: Source, who: Who, once: Once) -> Any:
    """Say which hospitals have an item, or that it was never made."""

    async def work(tx: Tx) -> Made:
        by = desks.person(who)
        await collecting.say_who_has(tx, CaseId(case_id), item_id, sent.providers, by, never_made=sent.never_made)
        return Made(id=item_id)

    return await once.run(work)


@router.get("/helpers", dependencies=[INVITERS, WHOLE])
async def helpers(case_id: UUID, db: Db) -> HelpersView:
    """Return who was invited to help, with relation and authority (R9)."""
    async with db.reading() as tx:
        return HelpersView(helpers=[HelperView.of(one) for one in await providers.helpers_of(tx, CaseId(case_id))])


@router.post("/helpers", status_code=201, response_model=Made, dependencies=[INVITERS, WHOLE])
async def invite(case_id: UUID, sent: Inviting, who: Who, once: Once) -> Any:
    """Let somebody help; the link for them stands on the patient's page."""

    async def work(tx: Tx) -> Made:
        by = desks.person(who)
        return Made(id=await collecting.invite(tx, CaseId(case_id), sent.name, sent.relation, sent.authority, by))

    return await once.run(work, 201)


@router.post("/helpers/{helper_id}/revocation", response_model=Made, dependencies=[INVITERS, WHOLE])
async def revoke(case_id: UUID, helper_id: UUID, _sent: Accept, who: Who, once: Once) -> Any:
    """Take an invitation back: it ends at once, in open sessions too."""

    async def work(tx: Tx) -> Made:
        await collecting.revoke(tx, CaseId(case_id), helper_id, desks.person(who))
        return Made(id=helper_id)

    return await once.run(work)
