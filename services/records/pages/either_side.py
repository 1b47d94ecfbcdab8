"""What both sides do in the same way: open a document, pack a parcel of slides, count one (R26, M13)."""

from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from services.records import desks, parcels
from services.records.api import require_end
from services.records.domain import (
    Counts,
    Leg,
)
from services.records.pages.common import done, mine, page_of, staff
from services.records.views import Count, CountSlides, PackSlides
from shared.db import Tx
from shared.ids import CaseId
from shared.web import Ctx, Db, Form, Once, Page, Role, Who, allow

PATIENT_SIDE = allow(*desks.PATIENT_SIDE)
WHOLE = allow(*desks.OWNERS, Role.FAMILY)
EITHER_END = allow(Role.CASE_MANAGER, Role.LAB)


class Packing(PackSlides):
    """A parcel written down on a page."""

    slides: Count = 0


@mine.get("/documents/{document_id}", dependencies=[PATIENT_SIDE])
@staff.get("/cases/{case_id}/documents/{document_id}", dependencies=[allow(*desks.DESK, Role.SPECIALIST)])
async def document(case_id: UUID, document_id: UUID, who: Who, ctx: Ctx) -> Response:
    """Hand out a document; that it was opened is written down."""
    return await desks.open_document(ctx, who, case_id, document_id)


@mine.post("/parcels", dependencies=[WHOLE])
@staff.post("/cases/{case_id}/parcels", dependencies=[EITHER_END])
async def pack(request: Request, case_id: UUID, page: Page, who: Who, db: Db, once: Once) -> Response:
    """Write down a parcel of slides (R26)."""
    form = await Form.read(request, Packing)
    show, back = page_of(page, who, db, case_id)
    if not form.valid:
        return await show(next(iter(form.errors.values())), "slides", 422)
    sent = form.model
    require_end(who, laboratory=sent.leg is Leg.HOME)

    async def work(tx: Tx) -> None:
        await desks.require_whole(tx, who, case_id)
        counts = Counts(sent.slides, sent.blocks)
        by = desks.person(who)
        await parcels.pack_slides(tx, CaseId(case_id), sent.leg, counts, sent.courier, sent.tracking, by)

    return await done(once, work, show, back, "slides")


@mine.post("/parcels/{parcel_id}/count", dependencies=[WHOLE])
@staff.post("/cases/{case_id}/parcels/{parcel_id}/count", dependencies=[EITHER_END])
async def count(request: Request, case_id: UUID, parcel_id: UUID, page: Page, who: Who, db: Db, once: Once) -> Response:
    """Write down what was in a parcel (R26)."""
    form = await Form.read(request, CountSlides)
    show, back = page_of(page, who, db, case_id)
    if not form.valid:
        return await show(next(iter(form.errors.values())), "slides", 422)

    async def work(tx: Tx) -> None:
        await desks.require_whole(tx, who, case_id)
        leg = await parcels.leg_of(tx, CaseId(case_id), parcel_id)
        require_end(who, laboratory=leg is Leg.TO_LABORATORY)
        counts = Counts(form.model.slides, form.model.blocks)
        await parcels.count_slides(tx, CaseId(case_id), parcel_id, counts, desks.person(who))

    return await done(once, work, show, back, "slides")
