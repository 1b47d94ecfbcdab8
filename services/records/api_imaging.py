"""The JSON interface to a case's scans: what is there, what is wrong, and pictures of it (R25, M7)."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from services.records import desks, scans
from services.records.imaging import pictures
from services.records.store import scans as store
from services.records.views_imaging import ImagesView, ImageView, ScansView
from shared.ids import CaseId
from shared.web import Ctx, Db, Role, Who, allow, locale_of
from shared.web.i18n import translator_for

router = APIRouter(
    prefix="/api/records/cases/{case_id}/imaging", tags=["imaging"], dependencies=[Depends(desks.in_words)]
)

SEES_SCANS = (Role.CASE_MANAGER, Role.SPECIALIST, *desks.PRIVACY, *desks.PATIENT_SIDE)
READERS = allow(*SEES_SCANS)
Uid = Annotated[str, Path(pattern=r"^[0-9A-Za-z._-]{1,64}$", description="A DICOM UID")]
WindowName = Annotated[str, Query(pattern=pictures.WINDOW, description="brain, lung, bone, soft, own, or centre,width")]
PICTURE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("", dependencies=[READERS])
async def scans_of_case(request: Request, case_id: UUID, who: Who, db: Db) -> ScansView:
    """Return the case's studies and series, and what is wrong with them, in words; to a helper or a local physician what
    they sent.
    """
    async with db.reading() as tx:
        _, found = await scans.read_of(tx, who, case_id, locale_of(request), translator_for(request).gettext)
    return ScansView.of(found)


@router.get("/series/{series_uid}", dependencies=[READERS])
async def images(case_id: UUID, series_uid: Uid, who: Who, db: Db) -> ImagesView:
    """Return the pictures of a series in order; none: there is no such series in this case."""
    async with db.reading() as tx:
        _, whole = await scans.see(tx, who, case_id)
        found = await store.images_of(tx, CaseId(case_id), series_uid, whole=whole)
    return ImagesView(images=[ImageView.of(image) for image in found])


@router.get("/images/{document_id}/frames/{frame}", response_class=Response, responses=PICTURE, dependencies=[READERS])
async def frame(
    case_id: UUID, document_id: UUID, frame: Annotated[int, Path(ge=1, le=100_000)], who: Who, ctx: Ctx,
    window: WindowName = "own", edge: Annotated[int, Query(ge=16, le=4096)] = 1024,
) -> Response:  # fmt: skip
    """Return a picture as JPEG, no side longer than ``edge``; who looks at the series is written down."""
    asked = pictures.Asked(frame=frame, window=window, edge=edge)
    return pictures.response(await pictures.picture(ctx, who, case_id, document_id, asked))
