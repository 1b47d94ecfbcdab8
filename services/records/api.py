"""The JSON interface of records: what pages do, partner tools and other services do here (R22-R29)."""

from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from services.records import casework, desks, late, parcels, partner, sweeping, uploads
from services.records.domain import Counts, Decision, IdentityCheck, ItemState, Leg
from services.records.store import access, inside
from services.records.views import (
    Accept,
    CheckIdentity,
    ChecklistView,
    CountSlides,
    Describe,
    DocumentView,
    FeedView,
    Made,
    PackSlides,
    ReadsView,
    Return,
    SettleLate,
    SummaryView,
    Waive,
    WriteSummary,
)
from services.records.views_uploads import FilesView, FileView
from shared.db import Tx
from shared.ids import CaseId
from shared.web import N_, Ctx, Db, Expected, Once, Principal, Problem, Role, Who, allow, etag

router = APIRouter(prefix="/api/records/cases/{case_id}", tags=["records"], dependencies=[Depends(desks.in_words)])
partner_router = APIRouter(prefix="/partner/records", tags=["partner"], dependencies=[Depends(desks.in_words)])

MANAGER = allow(Role.CASE_MANAGER)
SENDERS = allow(Role.CASE_MANAGER, Role.PARTNER_SYSTEM, *desks.PATIENT_SIDE)
EITHER_END = allow(Role.CASE_MANAGER, Role.LAB, *desks.OWNERS, Role.FAMILY)
READERS = allow(*desks.DESK, Role.SPECIALIST, Role.PARTNER_SYSTEM, *desks.PATIENT_SIDE)

FILE = {"requestBody": {"required": True, "content": {"application/octet-stream": {}}}}


@router.get("/checklist", dependencies=[READERS])
async def checklist(case_id: UUID, who: Who, db: Db) -> ChecklistView:
    """Return the case's checklist, its parcels, and what is missing; the laboratory sees no documents."""
    async with db.reading() as tx:
        return ChecklistView.of(
            await desks.see(tx, who, case_id),
            documents=not who.roles <= {Role.LAB},
            waiting=not who.has(Role.SPECIALIST),
        )


@router.get("/summary", dependencies=[allow(Role.SERVICE, Role.CASE_MANAGER, Role.SPECIALIST)])
async def summary(case_id: UUID, who: Who, db: Db, response: Response) -> SummaryView:
    """Return the latest case summary, whether it is signed, and the items it rests on."""
    async with db.reading() as tx:
        shown = SummaryView.of(await desks.see(tx, who, case_id))
    response.headers["ETag"] = etag(shown.version)
    return shown


@router.get("/reads", dependencies=[allow(*desks.PRIVACY, Role.PATIENT, Role.REQUESTER)])
async def reads(
    case_id: UUID, who: Who, db: Db,
    skip: Annotated[int, Query(ge=0, le=1_000_000)] = 0, limit: Annotated[int, Query(ge=1, le=500)] = 500,
) -> ReadsView:  # fmt: skip
    """Return who opened which document, the latest first (M13)."""
    async with db.reading() as tx:
        await desks.see(tx, who, case_id)
        lines, total = await access.reads_of(tx, CaseId(case_id), skip, limit)
    return ReadsView(total=total, reads=lines)


@router.put(
    "/items/{item_id}/documents/{document_id}",
    status_code=201,
    dependencies=[SENDERS],
    max_body_size=desks.TAKES_FILES,
    openapi_extra=FILE,
    responses={410: {}, 415: {}},
)
async def upload(
    request: Request, case_id: UUID, item_id: UUID, document_id: UUID, who: Who, ctx: Ctx,
    name: Annotated[str, Query(min_length=1, max_length=200)],
) -> DocumentView:  # fmt: skip
    """Take in the body as a file, streamed. The sender makes the document's id: the same file twice is one document."""
    one, sha256 = await uploads.stream_in(ctx, who, case_id, item_id, request.stream(), name)
    async with ctx.db.transaction() as tx:
        is_new = await uploads.take_in(tx, one, document_id, sha256)
        shown = DocumentView.of(desks.found(await desks.see(tx, who, case_id), document_id)[1])
    if not is_new:
        await sweeping.give_up(ctx, CaseId(case_id), one.id)
    return shown


@router.get("/documents/{document_id}/content", response_class=Response, dependencies=[READERS], responses={410: {}})
async def content(case_id: UUID, document_id: UUID, who: Who, ctx: Ctx) -> Response:
    """Return a document's bytes; that it was opened is written down."""
    return await desks.open_document(ctx, who, case_id, document_id)


@router.get("/documents/{document_id}/files", dependencies=[READERS])
async def files(
    case_id: UUID, document_id: UUID, who: Who, db: Db,
    skip: Annotated[int, Query(ge=0, le=1_000_000)] = 0, limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> FilesView:  # fmt: skip
    """Return the clean files of a folder or an archive by path, pictures of scans among them; each opens by its own id."""
    async with db.reading() as tx:
        stored = await desks.may_see_inside(tx, who, case_id, document_id)
        found = await inside.files_in(tx, CaseId(case_id), stored.id, skip=skip, limit=limit)
        total = sum((await inside.count_in(tx, CaseId(case_id), stored.id)).values())
    return FilesView(total=total, files=[FileView.of(one) for one in found])


@router.patch("/documents/{document_id}", dependencies=[MANAGER])
async def describe(case_id: UUID, document_id: UUID, sent: Describe, version: Expected, db: Db) -> Made:
    """Say a document's language, pages, and of which original it is the translation (R24)."""
    async with db.transaction() as tx:
        await casework.describe(
            tx, CaseId(case_id), document_id,
            language=sent.language, original=sent.translation_of, pages=sent.pages, dated_on=sent.dated_on, version=version,
        )  # fmt: skip
    return Made(id=document_id, version=version + 1)


@router.post("/documents/{document_id}/identity", response_model=Made, dependencies=[MANAGER])
async def identity(
    case_id: UUID, document_id: UUID, sent: CheckIdentity, who: Who, version: Expected, once: Once
) -> Any:
    """Record whether a document's name and birth date are the patient's (M5)."""

    async def work(tx: Tx) -> Made:
        check = IdentityCheck(sent.name_matches, sent.birth_date_matches, desks.person(who), tx.now)
        await casework.check_identity(tx, CaseId(case_id), document_id, check, version)
        return Made(id=document_id, version=version + 1)

    return await once.run(work)


async def _decide(once: Once, case_id: UUID, item_id: UUID, decision: Decision, version: int) -> Any:
    async def work(tx: Tx) -> Made:
        await casework.decide(tx, CaseId(case_id), item_id, replace(decision, at=tx.now), version)
        return Made(id=item_id, version=version + 1)

    return await once.run(work)


@router.post("/items/{item_id}/accept", response_model=Made, dependencies=[MANAGER])
async def accept(case_id: UUID, item_id: UUID, _sent: Accept, who: Who, version: Expected, once: Once, ctx: Ctx) -> Any:
    """Accept an item: each document in English or translated, the patient's own, and fresh enough (R23, R24, M5)."""
    decision = Decision(ItemState.ACCEPTED, desks.person(who), ctx.clock.now())
    return await _decide(once, case_id, item_id, decision, version)


@router.post("/items/{item_id}/return", response_model=Made, dependencies=[MANAGER])
async def send_back(
    case_id: UUID, item_id: UUID, sent: Return, who: Who, version: Expected, once: Once, ctx: Ctx
) -> Any:
    """Return what came for an item, with a reason: the programme's own in the patient's language, words, or both."""
    async with ctx.db.reading() as tx:
        reason = casework.reason_for(await desks.see(tx, who, case_id), sent.code, sent.reason)
    decision = Decision(ItemState.RETURNED, desks.person(who), ctx.clock.now(), reason, sent.code)
    return await _decide(once, case_id, item_id, decision, version)


@router.post("/items/{item_id}/waive", response_model=Made, dependencies=[MANAGER])
async def waive(case_id: UUID, item_id: UUID, sent: Waive, who: Who, version: Expected, once: Once, ctx: Ctx) -> Any:
    """Let the case go ahead without an item, in one's own name, saying what that means for the opinion (R28)."""
    by, now = desks.person(who), ctx.clock.now()
    decision = Decision(ItemState.WAIVED, by, now, sent.reason, meaning=sent.meaning or None)
    return await _decide(once, case_id, item_id, decision, version)


@router.post("/documents/{document_id}/late", response_model=Made, dependencies=[MANAGER])
async def settle_late(
    case_id: UUID, document_id: UUID, sent: SettleLate, who: Who, version: Expected, once: Once
) -> Any:
    """Take a document in that came after completeness, with a word to the specialist, or set it aside (R28)."""

    async def work(tx: Tx) -> Made:
        settled = late.take_in_late if sent.take_in else late.set_late_aside
        await settled(tx, CaseId(case_id), document_id, sent.words, desks.person(who), version)
        return Made(id=document_id, version=version + 1)

    return await once.run(work)


@router.post("/parcels", status_code=201, response_model=Made, dependencies=[EITHER_END])
async def pack_slides(case_id: UUID, sent: PackSlides, who: Who, once: Once) -> Any:
    """Write down a parcel of slides and its manifest; what goes home, the laboratory packs (R26)."""
    require_end(who, laboratory=sent.leg is Leg.HOME)

    async def work(tx: Tx) -> Made:
        await desks.require_whole(tx, who, case_id)
        counts = Counts(sent.slides, sent.blocks)
        by = desks.person(who)
        return Made(
            id=await parcels.pack_slides(tx, CaseId(case_id), sent.leg, counts, sent.courier, sent.tracking, by)
        )

    return await once.run(work, 201)


@router.post("/parcels/{parcel_id}/count", response_model=Made, dependencies=[EITHER_END])
async def count_slides(case_id: UUID, parcel_id: UUID, sent: CountSlides, who: Who, once: Once) -> Any:
    """Record what was in a parcel; what goes to the laboratory, the laboratory counts (R26)."""

    async def work(tx: Tx) -> Made:
        await desks.require_whole(tx, who, case_id)
        leg = await parcels.leg_of(tx, CaseId(case_id), parcel_id)
        require_end(who, laboratory=leg is Leg.TO_LABORATORY)
        counts = Counts(sent.slides, sent.blocks)
        await parcels.count_slides(tx, CaseId(case_id), parcel_id, counts, desks.person(who))
        return Made(id=parcel_id)

    return await once.run(work)


@router.put("/summary", dependencies=[MANAGER])
async def write_summary(case_id: UUID, sent: WriteSummary, who: Who, version: Expected, db: Db) -> Made:
    """Add a version of the summary to the one that was read (If-Match: "0" for the first) (R27)."""
    async with db.transaction() as tx:
        by = desks.person(who)
        return Made(version=await casework.write_summary(tx, CaseId(case_id), sent.text, by, version))


@router.post("/summary/signature", response_model=Made, dependencies=[MANAGER])
async def sign_summary(case_id: UUID, _sent: Accept, who: Who, version: Expected, once: Once) -> Any:
    """Sign the version that was read (If-Match)."""

    async def work(tx: Tx) -> Made:
        await casework.sign_summary(tx, CaseId(case_id), desks.person(who), version)
        return Made(version=version)

    return await once.run(work)


def require_end(who: Principal, *, laboratory: bool) -> None:
    """Raise ``Problem`` 403 when somebody speaks for the wrong end of a parcel's way."""
    if laboratory != who.has(Role.LAB):
        raise Problem(
            403, N_("The other end does this"), detail=N_("Each end of a parcel's way is counted by who is there.")
        )


@partner_router.get("/events", dependencies=[allow(Role.PARTNER_SYSTEM)], responses={400: {}})
async def events(
    db: Db,
    cursor: str | None = None,
    limit: Annotated[int, Query(ge=1, le=partner.MAX_PAGE)] = 100,
) -> FeedView:
    """Return what ``partner.records.v1`` tells after ``cursor``: every fact once, in one order, none ever behind it."""
    try:
        async with db.reading() as tx:
            rows, after = await partner.feed(tx, cursor, limit)
    except partner.BadCursor as bad:
        raise Problem(400, "Not a cursor of this feed", detail=str(bad)) from bad
    return FeedView(events=rows, cursor=after, more=len(rows) == limit)
