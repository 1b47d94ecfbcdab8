"""Resumable uploads by the tus protocol 1.0 (creation, creation-with-upload, checksum, expiration, termination).

Any tus client sends files here. An offset that this answers is durable; a client that lost the line asks for it
(``HEAD``) and goes on. The last byte makes the file a document of the upload's id, which waits to be looked at.
"""

import asyncio
import hashlib
from base64 import b64decode
from binascii import Error
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from email.utils import format_datetime
from typing import Annotated, Any
from uuid import UUID, uuid5

from fastapi import APIRouter, Depends, Header, Request, Response
from starlette.requests import ClientDisconnect

from services.records import arriving, desks, files, sweeping, uploads, writing
from services.records.domain import Refused, Unknown
from services.records.settings import LARGEST_FILE
from services.records.store import uploads as store
from services.records.store.outcomes import outcomes as outcomes_of
from services.records.store.uploads import Incoming
from services.records.uploads import Announced
from services.records.vault import SEGMENT, Erased
from services.records.views_uploads import UploadsView
from services.records.writing import Elsewhere
from shared.ids import CaseId
from shared.service import Context
from shared.web import N_, Ctx, Db, Problem, Role, Who, allow
from shared.web.i18n import translator_for

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,checksum,expiration,termination"
ALGORITHMS = {"sha256": hashlib.sha256, "sha1": hashlib.sha1}
LARGEST_CHECKED = 16 * 1024 * 1024
"""Bytes of a request with a checksum, at most; one of more than a segment is held in memory until it was compared."""
MOST_FILES = 1_000_000
BODY = "application/offset+octet-stream"
MISMATCH = 460

_KEYS = UUID("6f2d3f86-6e0c-4f5e-9a3d-2f7f6f2a9b11")
_SENDERS = allow(Role.CASE_MANAGER, Role.PARTNER_SYSTEM, *desks.PATIENT_SIDE)


async def _in_words(request: Request) -> AsyncIterator[None]:
    """Answer a no in the sender's language: the page shows it beside the file."""
    say = translator_for(request).gettext
    try:
        yield
    except Elsewhere:
        raise Problem(409, "Not at this offset", detail="Ask where the upload stands, and go on from there.") from None
    except Unknown as refused:
        raise Problem(404, N_("Not of this case"), detail=say(str(refused))) from refused
    except Refused as refused:  # not 409: every client of tus tries that again
        raise Problem(422, N_("Not possible now"), detail=say(str(refused))) from refused
    except Erased as refused:
        raise Problem(410, N_("Erased"), detail=say(N_("The files of this case were erased for good."))) from refused
    except files.TooLarge as refused:
        raise Problem(413, N_("Too large"), detail=say(refused.sentence) % refused.values) from refused
    except files.Unacceptable as refused:
        raise Problem(415, N_("This file can't be used"), detail=say(refused.sentence) % refused.values) from refused


router = APIRouter(prefix="/api/records/cases/{case_id}", tags=["uploads"], dependencies=[Depends(_in_words)])

_PLAIN = {"schema": {"type": "string"}}
_STANDS = {"Tus-Resumable": _PLAIN, "Upload-Offset": _PLAIN, "Upload-Length": _PLAIN, "Upload-Expires": _PLAIN}
_KEY = {
    "name": "Idempotency-Key", "in": "header", "required": False, "schema": {"type": "string", "minLength": 8, "maxLength": 255},
    "description": "The same key from the same person is the same upload; tus clients send none",
}  # fmt: skip
_CHECKSUM = "Algorithm and base64 digest of this request's bytes"
_BYTES = {"requestBody": {"required": False, "content": {BODY: {"schema": {"type": "string", "format": "binary"}}}}}


def _answers(*statuses: int, **headers: Any) -> dict[int | str, dict[str, Any]]:
    return {status: {"headers": headers or _STANDS} if 200 <= status < 300 else {} for status in statuses}


async def _spoken(tus_resumable: Annotated[str, Header()] = "") -> None:
    """Refuse another version of the protocol, as it asks for."""
    if tus_resumable != VERSION:
        raise Problem(
            412, "Another version of tus", detail="Send Tus-Resumable: 1.0.0.", headers={"Tus-Version": VERSION}
        )


_TUS = Depends(_spoken)


@router.options("/items/{item_id}/uploads", status_code=204, dependencies=[_SENDERS], response_class=Response)
async def abilities(case_id: UUID, item_id: UUID, ctx: Ctx) -> Response:  # noqa: ARG001 - of any item alike
    """Say which version and extensions of tus are spoken here, and the largest file that is taken in."""
    headers = {
        "Tus-Resumable": VERSION, "Tus-Version": VERSION, "Tus-Extension": EXTENSIONS,
        "Tus-Max-Size": str(ctx.settings.max_upload_bytes), "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
    }  # fmt: skip
    return Response(status_code=204, headers=headers)


@router.post(
    "/items/{item_id}/uploads", status_code=201, dependencies=[_SENDERS, _TUS], response_class=Response,
    max_body_size=desks.TAKES_FILES, openapi_extra={"parameters": [_KEY], **_BYTES},
    responses=_answers(201, 400, 410, 412, 415, MISMATCH),
)  # fmt: skip
async def create(
    request: Request, case_id: UUID, item_id: UUID, who: Who, ctx: Ctx,
    upload_length: Annotated[str, Header(description="The file's size in bytes")] = "",
    upload_metadata: Annotated[
        str, Header(description="filename, and if known sha256; of a folder's file: folder (a UUID), relativePath, folderFiles (how many)")
    ] = "",
    idempotency_key: Annotated[str | None, Header(include_in_schema=False)] = None,
    upload_checksum: Annotated[str, Header(description=_CHECKSUM)] = "",
) -> Response:  # fmt: skip
    """Announce a file for an item; bytes that come along are taken in at once."""
    told = _announced(upload_length, upload_metadata)
    upload_id = (
        uuid5(_KEYS, f"{case_id} {item_id} {desks.person(who).subject} {idempotency_key}") if idempotency_key else None
    )
    async with ctx.db.transaction() as tx:
        known = await _standing(tx, who, case_id, upload_id) if upload_id else None
        one = known or await uploads.begin(ctx, tx, who, case_id, item_id, told, upload_id)
        brings = request.headers.get("content-type") == BODY and not one.received
        taken = await uploads.take_over(ctx, tx, who, one) if brings else None
    if taken is not None:
        with suppress(ClientDisconnect):  # nobody hears the answer; what came is kept
            chunks = _checked(request, upload_checksum) if upload_checksum else request.stream()
            one = await writing.append(taken, chunks)
    place = f"/api/records/cases/{case_id}/uploads/{one.id}"
    return Response(status_code=201, headers={"Location": place, **_said(ctx, one)})


@router.head(
    "/uploads/{upload_id}", dependencies=[_SENDERS, _TUS], response_class=Response, responses=_answers(200, 410, 412)
)
async def standing(case_id: UUID, upload_id: UUID, who: Who, ctx: Ctx) -> Response:
    """Say how many bytes of a file are durable here."""
    async with ctx.db.reading() as tx:
        await desks.see(tx, who, case_id)
        one = await _standing(tx, who, case_id, upload_id)
    if one is None:
        raise _gone()
    return Response(headers=_said(ctx, one))


@router.patch(
    "/uploads/{upload_id}", status_code=204, dependencies=[_SENDERS, _TUS], response_class=Response,
    max_body_size=desks.TAKES_FILES, openapi_extra=_BYTES, responses=_answers(204, 400, 410, 412, 415, MISMATCH),
)  # fmt: skip
async def add(
    request: Request, case_id: UUID, upload_id: UUID, who: Who, ctx: Ctx,
    upload_offset: Annotated[str, Header(description="Where these bytes begin")] = "",
    upload_checksum: Annotated[str, Header(description=_CHECKSUM)] = "",
) -> Response:  # fmt: skip
    """Add bytes to a file from where it stands; 409 when it stands elsewhere."""
    if request.headers.get("content-type") != BODY:
        raise Problem(415, "Not a part of a file", detail=f"Send the bytes as {BODY}.")
    offset = _number(upload_offset, "Upload-Offset")
    chunks = _checked(request, upload_checksum) if upload_checksum else request.stream()
    async with writing.meanwhile(chunks) as coming, ctx.db.statements() as tx:
        one = await _standing(tx, who, case_id, upload_id)
        if one is None:
            raise _gone()
        if one.received != offset or one.received == one.size:
            raise Elsewhere
        taken = await uploads.take_over(ctx, tx, who, one)
    try:
        one = await writing.append(taken, coming)
    except ClientDisconnect:
        return Response(status_code=204)  # nobody hears it; what came is kept
    return Response(status_code=204, headers=_said(ctx, one))


@router.delete("/uploads/{upload_id}", status_code=204, dependencies=[_SENDERS, _TUS], response_class=Response,
               responses=_answers(204, 410, 412))  # fmt: skip
async def terminate(case_id: UUID, upload_id: UUID, who: Who, ctx: Ctx) -> Response:
    """Give up a file that is on its way; one that is all there stays."""
    async with ctx.db.reading() as tx:
        await desks.see(tx, who, case_id)
        one = await store.incoming(tx, CaseId(case_id), upload_id)
    if one is None or one.sent_by.subject != desks.person(who).subject:
        raise _gone()
    await asyncio.shield(sweeping.give_up(ctx, CaseId(case_id), upload_id))
    return Response(status_code=204, headers={"Tus-Resumable": VERSION})


@router.put(
    "/folders/{folder_id}/end", status_code=204, dependencies=[_SENDERS], response_class=Response,
)  # fmt: skip
async def end_folder(case_id: UUID, folder_id: UUID, who: Who, db: Db) -> Response:
    """Say that nothing more comes of a folder: what came of it is all there is."""
    async with db.transaction() as tx:
        await desks.see(tx, who, case_id)
        await arriving.end(tx, CaseId(case_id), folder_id, desks.person(who).subject)
    return Response(status_code=204)


@router.get("/uploads", dependencies=[_SENDERS])
async def mine(request: Request, case_id: UUID, who: Who, db: Db, item: UUID | None = None) -> UploadsView:
    """Return what the caller has sent for a case, or for one ``item`` of it: what is on its way, and what became of the rest."""
    subject = desks.person(who).subject
    async with db.reading() as tx:
        await desks.see(tx, who, case_id)
        on_their_way = await store.incoming_from(tx, CaseId(case_id), subject, item)
        outcomes = await outcomes_of(tx, CaseId(case_id), subject, item)
    return UploadsView.of(on_their_way, outcomes, translator_for(request).gettext)


def _announced(length: str, metadata: str) -> Announced:
    """Read what a client says of a file. Raises ``Problem`` 400."""
    told = _metadata(metadata)
    folder = told.get("folder")
    try:
        folder_id = UUID(folder) if folder else None
    except ValueError:
        raise Problem(400, "Unreadable metadata", detail="folder is a UUID that you make for one folder.") from None
    sha256 = told.get("sha256", "").lower() or None
    if sha256 is not None and (len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef")):
        raise Problem(400, "Unreadable metadata", detail="sha256 is 64 hexadecimal digits.")
    path = told.get("relativePath") if folder_id else None
    files_in_it = told.get("folderFiles") if folder_id else None
    name = told.get("filename") or told.get("name") or path or ""
    return Announced(
        name, _number(length, "Upload-Length", LARGEST_FILE * 16), sha256, folder_id, path,
        None if files_in_it is None else max(_number(files_in_it, "folderFiles", MOST_FILES), 1),
    )  # fmt: skip


def _metadata(sent: str) -> dict[str, str]:
    try:
        pairs = [pair.strip().split(" ") for pair in sent.split(",") if pair.strip()]
        return {name: b64decode("".join(value), validate=True).decode() for name, *value in pairs}
    except (Error, UnicodeDecodeError):
        detail = "Upload-Metadata holds pairs of a name and base64 of UTF-8, separated by commas."
        raise Problem(400, "Unreadable metadata", detail=detail) from None


def _number(sent: str, header: str, most: int = 1 << 62) -> int:
    if not (sent.isascii() and sent.isdecimal()) or len(sent) > 18 or int(sent) > most:
        raise Problem(400, "Unreadable number", detail=f"{header} is a number of bytes.")
    return int(sent)


async def _standing(tx: Any, who: Any, case_id: UUID, upload_id: UUID) -> Incoming | None:
    """Return an upload of this very sender, on its way or whole."""
    one = await store.incoming(tx, CaseId(case_id), upload_id) or await store.arrived(tx, CaseId(case_id), upload_id)
    return one if one is not None and one.sent_by.subject == desks.person(who).subject else None


async def _checked(request: Request, told: str) -> AsyncIterator[bytes]:
    """Yield the body, and end only once its checksum was compared: nothing of it counts before, but what came when the
    sender breaks off. Raises ``Problem`` 400, 413, 460.
    """
    algorithm, _, sent = told.partition(" ")
    if algorithm not in ALGORITHMS:
        raise Problem(400, "Unknown checksum", detail=f"These are compared: {', '.join(ALGORITHMS)}.")
    try:
        expected = b64decode(sent, validate=True)
    except Error:
        raise Problem(400, "Unknown checksum", detail="The digest is base64.") from None
    length = request.headers.get("content-length", "")
    is_one_segment = length.isdecimal() and int(length) <= SEGMENT  # its end is what makes it count
    digest, held = ALGORITHMS[algorithm](), bytearray()
    async for chunk in request.stream():
        digest.update(chunk)
        if is_one_segment:
            yield chunk
            continue
        held += chunk
        if len(held) > LARGEST_CHECKED:
            raise Problem(413, N_("Too large"), detail="A request with a checksum brings at most 16 MiB.")
    if digest.digest() != expected:
        raise Problem(MISMATCH, "Damaged on the way", detail="The checksum differs. Send these bytes again.")
    if held:
        yield bytes(held)


def _said(ctx: Context, one: Incoming) -> dict[str, str]:
    headers = {"Tus-Resumable": VERSION, "Upload-Offset": str(one.received), "Cache-Control": "no-store"}
    if one.size is not None:
        headers["Upload-Length"] = str(one.size)
        if one.received < one.size:
            ends: timedelta = ctx.settings.upload_age
            headers["Upload-Expires"] = format_datetime(ctx.clock.now() + ends, usegmt=True)
    return headers


def _gone() -> Problem:
    return Problem(404, "No such upload", detail=N_("Send the file again from its start."))


__all__ = ["router"]
