"""DICOMweb (PS3.18): retrieve (WADO-RS) objects, their attributes, frames and pictures of the scans of one case (R25).

Objects go out byte for byte as they came. Who retrieves is written down, series by series.
"""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request, Response
from fastapi.responses import StreamingResponse

from services.records import desks, vault
from services.records.api_dicomweb import BASE, BYTES, FOUND, JSON, READERS
from services.records.api_imaging import Uid
from services.records.imaging import accepting, multipart, pictures
from services.records.scans import see as seen
from services.records.store import scans
from services.records.store.scans import Placed
from shared.ids import CaseId
from shared.web import Ctx, Problem, Who

DICOM = "application/dicom"

router = APIRouter(prefix=BASE, tags=["dicomweb"], dependencies=[Depends(desks.in_words)])

RETRIEVED: dict[int | str, dict[str, Any]] = {200: {"content": {"multipart/related": BYTES, DICOM: BYTES}}, 406: {}}
FRAMES: dict[int | str, dict[str, Any]] = {200: {"content": {"multipart/related": BYTES}}, 406: {}}
RENDERED: dict[int | str, dict[str, Any]] = {
    200: {"content": {"image/jpeg": BYTES, "image/png": BYTES}},
    400: {},
    406: {},
}
FrameList = Annotated[str, Path(pattern=r"^[1-9]\d{0,5}(,[1-9]\d{0,5}){0,99}$", description="Frames from 1, by commas")]


async def _objects(ctx: Any, who: Any, case_id: UUID, *uids: str) -> list[Placed]:
    """Return what is retrieved, having written down by whom. Raises ``Problem`` 404."""
    async with ctx.db.reading() as tx:
        _, whole = await seen(tx, who, case_id)
        found = await scans.objects_in(tx, CaseId(case_id), *uids, whole=whole)
    if not found:
        raise Problem(404, "Not of this case", detail="There is no such study, series or instance. Search again.")
    await pictures.write_down(ctx, who, case_id, *found)
    return found


async def _metadata(ctx: Any, who: Any, case_id: UUID, request: Request, *uids: str) -> Response:
    accepting.require(request, JSON, "application/json")
    found = await _objects(ctx, who, case_id, *uids)
    return StreamingResponse(_array(ctx, found), media_type=JSON)


async def _array(ctx: Any, found: Sequence[Placed], batch: int = 200) -> AsyncIterator[str]:
    """Yield one JSON array, a batch of objects at a time."""
    yield "["
    for start in range(0, len(found), batch):
        part = found[start : start + batch]
        async with ctx.db.reading() as tx:
            texts = await scans.metadata_of(tx, [one.document_id for one in part])
        whole = [
            await pictures.whole_metadata(ctx, one) if one.metadata_cut else texts[one.document_id] for one in part
        ]
        yield ("," if start else "") + ",".join(whole)
    yield "]"


@router.get("/studies/{study}/metadata", response_class=Response, responses=FOUND, dependencies=[READERS])
async def study_metadata(request: Request, case_id: UUID, study: Uid, who: Who, ctx: Ctx) -> Response:
    """Return all attributes of a study's objects, without pixels."""
    return await _metadata(ctx, who, case_id, request, study)


@router.get(
    "/studies/{study}/series/{series}/metadata", response_class=Response, responses=FOUND, dependencies=[READERS]
)
async def series_metadata(request: Request, case_id: UUID, study: Uid, series: Uid, who: Who, ctx: Ctx) -> Response:
    """Return all attributes of a series' objects, without pixels."""
    return await _metadata(ctx, who, case_id, request, study, series)


@router.get(
    "/studies/{study}/series/{series}/instances/{sop}/metadata",
    response_class=Response, responses=FOUND, dependencies=[READERS],
)  # fmt: skip
async def instance_metadata(
    request: Request, case_id: UUID, study: Uid, series: Uid, sop: Uid, who: Who, ctx: Ctx
) -> Response:
    """Return all attributes of one object, without pixels."""
    return await _metadata(ctx, who, case_id, request, study, series, sop)


async def _retrieved(ctx: Any, who: Any, case_id: UUID, request: Request, *uids: str) -> Response:
    """Answer objects as they came, byte for byte, one a part; a single one also by itself."""
    kind = accepting.require(request, f"multipart/related; type={DICOM}", *([DICOM] if len(uids) == 3 else []))
    found = await _objects(ctx, who, case_id, *uids)
    if kind == DICOM:
        file = await vault.open_document(ctx, found[0].document_id)
        headers = _BINARY | {"content-length": str(file.size)}
        return StreamingResponse(file.chunks(), media_type=DICOM, headers=headers)

    async def parts() -> AsyncIterator[tuple[dict[str, str], AsyncIterator[bytes]]]:
        for one in found:
            file = await vault.open_document(ctx, one.document_id)
            yield {"Content-Type": DICOM, "Content-Length": str(file.size)}, file.chunks()

    boundary = multipart.new_boundary()
    body = multipart.body(parts(), boundary)
    return StreamingResponse(body, media_type=multipart.content_type(DICOM, boundary), headers=_BINARY)


_BINARY = {"content-encoding": "identity", "content-security-policy": "sandbox; default-src 'none'"}


@router.get("/studies/{study}", response_class=Response, responses=RETRIEVED, dependencies=[READERS])
async def study(request: Request, case_id: UUID, study: Uid, who: Who, ctx: Ctx) -> Response:
    """Return a study's objects."""
    return await _retrieved(ctx, who, case_id, request, study)


@router.get("/studies/{study}/series/{series}", response_class=Response, responses=RETRIEVED, dependencies=[READERS])
async def series(request: Request, case_id: UUID, study: Uid, series: Uid, who: Who, ctx: Ctx) -> Response:
    """Return a series' objects."""
    return await _retrieved(ctx, who, case_id, request, study, series)


@router.get(
    "/studies/{study}/series/{series}/instances/{sop}",
    response_class=Response,
    responses=RETRIEVED,
    dependencies=[READERS],
)
async def instance(request: Request, case_id: UUID, study: Uid, series: Uid, sop: Uid, who: Who, ctx: Ctx) -> Response:
    """Return one object."""
    return await _retrieved(ctx, who, case_id, request, study, series, sop)


@router.get(
    "/studies/{study}/series/{series}/instances/{sop}/frames/{frames}",
    response_class=Response, responses=FRAMES, dependencies=[READERS],
)  # fmt: skip
async def frames(
    request: Request, case_id: UUID, study: Uid, series: Uid, sop: Uid, frames: FrameList, who: Who, ctx: Ctx
) -> Response:
    """Return frames as they lie in the file where that is accepted, else without compression, one a part."""
    as_stored, native = accepting.frames(request)
    [one] = await _objects(ctx, who, case_id, study, series, sop)
    numbers = [int(number) - 1 for number in frames.split(",")]
    if max(numbers) >= one.frames or not one.is_image:
        raise Problem(404, "No such frame", detail="This instance has fewer frames.")
    found = await pictures.raw(ctx, one.document_id, numbers, as_stored=as_stored, native=native)

    async def parts() -> AsyncIterator[tuple[dict[str, str], AsyncIterator[bytes]]]:
        for content in found.frames:
            yield {"Content-Type": found.content_type, "Content-Length": str(len(content))}, _once(content)

    boundary = multipart.new_boundary()
    kind = multipart.content_type(found.media_type, boundary)
    return StreamingResponse(multipart.body(parts(), boundary), media_type=kind, headers=_BINARY)


async def _once(content: bytes) -> AsyncIterator[bytes]:
    yield content


@router.get(
    "/studies/{study}/series/{series}/instances/{sop}/rendered",
    response_class=Response,
    responses=RENDERED,
    dependencies=[READERS],
)
async def rendered(request: Request, case_id: UUID, study: Uid, series: Uid, sop: Uid, who: Who, ctx: Ctx) -> Response:
    """Return an object's first frame as a picture; ``window=centre,width,LINEAR`` and ``viewport=width,height`` are heeded."""
    return await _rendered(ctx, who, case_id, request, (study, series, sop), 1)


@router.get(
    "/studies/{study}/series/{series}/instances/{sop}/frames/{frame}/rendered",
    response_class=Response, responses=RENDERED, dependencies=[READERS],
)  # fmt: skip
async def rendered_frame(
    request: Request, case_id: UUID, study: Uid, series: Uid, sop: Uid, frame: Annotated[int, Path(ge=1, le=100_000)],
    who: Who, ctx: Ctx,
) -> Response:  # fmt: skip
    """Return one frame as a picture."""
    return await _rendered(ctx, who, case_id, request, (study, series, sop), frame)


async def _rendered(
    ctx: Any, who: Any, case_id: UUID, request: Request, uids: tuple[str, str, str], frame: int
) -> Response:
    media_type = accepting.require(request, "image/jpeg", "image/png")
    window, edge = accepting.rendering(request)
    asked = pictures.Asked(frame, window, edge, media_type)
    [one] = await _objects(ctx, who, case_id, *uids)
    return pictures.response(await pictures.picture(ctx, who, case_id, one.document_id, asked))
