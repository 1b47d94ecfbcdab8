"""DICOMweb (PS3.18): search (QIDO-RS) and store (STOW-RS) the scans of one case; ``api_wado`` hands them out (R25).

Each case is an origin server of its own below ``/api/records/cases/{case_id}/dicomweb``: a viewer sees the studies of that
case and no others. A person's data never stands in an address.
"""

import json
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from services.records import desks
from services.records.api_imaging import SEES_SCANS, Uid
from services.records.imaging import accepting, multipart, query
from services.records.imaging.query import BadQuery, Level, Query
from services.records.imaging.store_rs import store_objects
from services.records.scans import see as seen
from services.records.store import scans
from services.records.store.scans import Found
from shared.ids import CaseId
from shared.web import Ctx, Db, Problem, Role, Who, allow

BASE = "/api/records/cases/{case_id}/dicomweb"
JSON = "application/dicom+json"

router = APIRouter(prefix=BASE, tags=["dicomweb"], dependencies=[Depends(desks.in_words)])
READERS = allow(*SEES_SCANS)
SENDERS = allow(Role.CASE_MANAGER, Role.PARTNER_SYSTEM, *desks.PATIENT_SIDE)

OBJECTS = {"schema": {"type": "array", "items": {"type": "object"}}}
BYTES = {"schema": {"type": "string", "format": "binary"}}
FOUND: dict[int | str, dict[str, Any]] = {200: {"content": {JSON: OBJECTS}}, 400: {}, 406: {}}
STORED: dict[int | str, dict[str, Any]] = {202: {"content": {JSON: {"schema": {"type": "object"}}}}, 400: {}, 415: {}}
PARTS = {"required": True, "content": {"multipart/related": BYTES}}
KEY = {
    "name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string"},
    "description": "Not needed: the same object sent again is kept once",
}  # fmt: skip


def base_of(request: Request, case_id: UUID) -> str:
    """Return the address below which the case's studies are."""
    return f"{str(request.base_url).rstrip('/')}{BASE.format(case_id=case_id)}"


async def _found(
    request: Request, db: Any, who: Any, case_id: UUID, level: Level, study: str = "", series: str = ""
) -> Response:
    accepting.require(request, JSON, "application/json")
    try:
        asked = query.query_of(request.query_params.multi_items(), level)
    except BadQuery as bad:
        raise Problem(400, "Not a query of this address", detail=str(bad)) from None
    async with db.reading() as tx:
        _, whole = await seen(tx, who, case_id)
        rows = await scans.find(
            tx, CaseId(case_id), level, asked.fields,
            [study] if study else asked.uids(query.STUDY), [series] if series else asked.uids(query.SERIES),
            asked.uids(query.SOP), whole=whole,
        )  # fmt: skip
    base = base_of(request, case_id)
    fitting = [one for row in rows if query.matches(one := _attributes(row, level, base), asked)]
    shown, more = query.page(fitting, asked)
    headers = (
        {"Warning": f'299 {request.url.netloc} "There are more results: ask again with offset."'} if more else None
    )
    chosen = [query.chosen(one, _with_counts(asked, level)) for one in shown]
    return Response(json.dumps(chosen), media_type=JSON, headers=headers)


_COUNTED: dict[Level, tuple[str, ...]] = {
    "studies": ("00080061", "00201206", "00201208", "00081190"), "series": ("00201209", "00081190"),
    "instances": ("00081190",),
}  # fmt: skip


def _with_counts(asked: Query, level: Level) -> Query:
    fields = None if asked.fields is None else (*asked.fields, *_COUNTED[level])
    return Query(asked.matching, fields, asked.limit, asked.offset)


def _attributes(row: Found, level: Level, base: str) -> dict[str, Any]:
    url = f"{base}/studies/{row.study_uid}"
    own = {**row.attributes}
    if level == "studies":
        own |= {
            "00080061": query.counted("CS", *sorted(filter(None, row.modalities))),
            "00201206": query.counted("IS", row.series), "00201208": query.counted("IS", row.objects),
        }  # fmt: skip
    else:
        url += f"/series/{row.series_uid}"
    if level == "series":
        own["00201209"] = query.counted("IS", row.objects)
    if level == "instances":
        url += f"/instances/{row.sop_uid}"
    return {**own, "00081190": query.counted("UR", url)}


@router.get("/studies", response_class=Response, responses=FOUND, dependencies=[READERS])
async def studies(request: Request, case_id: UUID, who: Who, db: Db) -> Response:
    """Search for studies."""
    return await _found(request, db, who, case_id, "studies")


@router.get("/series", response_class=Response, responses=FOUND, dependencies=[READERS])
async def all_series(request: Request, case_id: UUID, who: Who, db: Db) -> Response:
    """Search for series of all studies."""
    return await _found(request, db, who, case_id, "series")


@router.get("/instances", response_class=Response, responses=FOUND, dependencies=[READERS])
async def all_instances(request: Request, case_id: UUID, who: Who, db: Db) -> Response:
    """Search for instances of all studies."""
    return await _found(request, db, who, case_id, "instances")


@router.get("/studies/{study}/series", response_class=Response, responses=FOUND, dependencies=[READERS])
async def series_of_study(request: Request, case_id: UUID, study: Uid, who: Who, db: Db) -> Response:
    """Search for series of a study."""
    return await _found(request, db, who, case_id, "series", study)


@router.get("/studies/{study}/instances", response_class=Response, responses=FOUND, dependencies=[READERS])
async def instances_of_study(request: Request, case_id: UUID, study: Uid, who: Who, db: Db) -> Response:
    """Search for instances of a study."""
    return await _found(request, db, who, case_id, "instances", study)


@router.get(
    "/studies/{study}/series/{series}/instances", response_class=Response, responses=FOUND, dependencies=[READERS]
)
async def instances_of_series(request: Request, case_id: UUID, study: Uid, series: Uid, who: Who, db: Db) -> Response:
    """Search for instances of a series."""
    return await _found(request, db, who, case_id, "instances", study, series)


@router.post(
    "/studies", status_code=202, response_class=Response, responses=STORED, dependencies=[SENDERS],
    max_body_size=desks.TAKES_FILES, openapi_extra={"parameters": [KEY], "requestBody": PARTS},
)  # fmt: skip
async def store(request: Request, case_id: UUID, who: Who, ctx: Ctx) -> Response:
    """Take in objects, one a part. 202: they are kept, and can be searched for once each has been looked at."""
    try:
        boundary = multipart.boundary_of(request.headers.get("content-type", ""))
        answer = await store_objects(
            ctx, who, case_id, base_of(request, case_id), multipart.Parts(request.stream(), boundary)
        )
    except multipart.NotMultipart as refused:
        raise Problem(415, "Not multipart/related", detail=str(refused)) from None
    if not answer.kept:
        raise Problem(
            409, "Nothing was kept", detail="Send DICOM objects, one a part, with Content-Type: application/dicom."
        )
    return Response(json.dumps(answer.document()), 202, media_type=JSON)
