"""Requests that staff type for somebody who called or wrote (R10): how and when it reached us, and its original."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime, time
from typing import Any, ClassVar, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import RedirectResponse, Response, StreamingResponse
from starlette.datastructures import UploadFile

from services.intake import drafts, store
from services.intake.answers import refusals
from services.intake.contact import callers, rules
from services.intake.contact.colleagues import colleague, known
from services.intake.domain import Refused, Stage, Step, check_may
from services.intake.pages.case_page import ADVISOR_ROLES
from services.intake.pages.holding import remember
from services.intake.store import callers as kept
from shared import files, programme
from shared.db import Tx
from shared.files import Stored
from shared.ids import CaseId
from shared.web import Ctx, Db, Form, Incoming, Once, Page, Problem, Role, Who, allow

router = APIRouter(include_in_schema=False, dependencies=[Depends(refusals)])
ADVISORS = [allow(*ADVISOR_ROLES)]
TAKES_FILES = 101 << 20
"""The body of a request that brings an original: the largest that may be allowed, and the form around it."""
UNFIT = "Send it as PDF, JPEG, PNG or TIFF. An empty file, or one of another kind, can't be kept."


class Calling(Incoming):
    """How and when it reached us; without a time, just now."""

    sentences: ClassVar[dict[str, str]] = {
        "channel": "Say how it reached us",
        "on": "Enter a real date, such as 27 3 2027",
        "at": "Enter the time, such as 14:30",
    }
    channel: Literal["phone", "email", "fax", "post", "courier"]
    on: date | None = None
    at: time | None = None
    call_back: UUID | None = None


@router.get("/desk/requests/new", dependencies=ADVISORS)
async def caller_on_the_line(page: Page, ctx: Ctx, channel: str = "phone", call_back: UUID | None = None) -> Response:
    """What to say first, and how and when the request reached us."""
    form: Form[Calling] = Form.blank(channel=channel, call_back=call_back or "")
    return _page(page, ctx, form)


def _page(page: Any, ctx: Any, form: Form[Any]) -> Response:
    rules_of = programme.current(ctx.settings.programme)
    drawn: Response = page("desk_caller.html", status=422 if form.errors else 200, form=form, rules=rules_of)
    return drawn


@router.post("/desk/intake/requests", dependencies=ADVISORS, max_body_size=TAKES_FILES)
async def write_for_caller(request: Request, page: Page, db: Db, who: Who, ctx: Ctx) -> Response:
    """Open the request form for somebody who called or wrote; its contact clock runs from when it reached us (R12)."""
    form = await Form.read(request, Calling)
    if not form.valid:
        return _page(page, ctx, form)
    try:
        received = _received(form.model, programme.current(ctx.settings.programme), page.now)
        callers.check_received(received, page.now)
    except Refused as refused:
        form.refuse("on", str(refused))
        return _page(page, ctx, form)
    try:
        stored = [(await callers.take_in(ctx, _chunks(one)), one.filename) for one in sent_files(form)]
    except files.Unfit as unfit:
        form.refuse("original", _sentence(unfit, ctx))
        return _page(page, ctx, form)
    async with db.transaction() as tx:
        token, draft_id = await drafts.begin(tx, ctx.settings, ctx.settings.programme, form.model.channel, who.subject)
        await callers.arrive(tx, draft_id, form.model.channel, received, colleague(who), form.model.call_back)
        for one, name in stored:
            await callers.attach(tx, draft_id, one, name or "", colleague(who))
    response = RedirectResponse(f"/request/{draft_id}/start", 303)
    remember(response, token, ctx, draft_id)
    return response


def _received(given: Calling, rules_of: Any, now: datetime) -> datetime:
    if given.on is None and given.at is None:
        return now
    calendar = rules_of.calendar
    day = given.on or calendar.local_date(now)
    at = rules.instant_of(day, given.at or calendar.opens, calendar.zone)
    return min(at, now) if given.at is None and day == calendar.local_date(now) else at


def sent_files(form: Form[Any]) -> list[UploadFile]:
    """Return the files that were really chosen."""
    return [one for name, one in form.files.items() if name == "original" and one.filename]


async def _chunks(sent: UploadFile) -> AsyncIterator[bytes]:
    await sent.seek(0)
    while chunk := await sent.read(files.CHUNK):
        yield chunk


def _sentence(unfit: files.Unfit, ctx: Any) -> str:
    if isinstance(unfit, files.TooLarge):
        return f"The file is larger than {ctx.settings.max_original_bytes // 1024**2} MB. Scan it smaller, or split it."
    return UNFIT


class Attaching(Incoming):
    """Only a file comes with it."""


@router.post("/desk/intake/cases/{case_id}/originals", dependencies=ADVISORS, max_body_size=TAKES_FILES)
async def attach(case_id: CaseId, request: Request, who: Who, ctx: Ctx, once: Once) -> Response:
    """Attach what came later, such as the signed consent."""
    form: Form[Any] = await Form.read(request, Attaching)
    sent = sent_files(form)
    if not sent:
        raise Problem(422, "Choose a file first", detail=UNFIT)
    try:
        stored: list[tuple[Stored, str]] = [
            (await callers.take_in(ctx, _chunks(one)), one.filename or "") for one in sent
        ]
    except files.Unfit as unfit:
        status = 413 if isinstance(unfit, files.TooLarge) else 415
        raise Problem(status, "This file can't be kept", detail=_sentence(unfit, ctx)) from None

    async def work(tx: Tx) -> str:
        case = await store.lock_case(tx, case_id)
        check_may(Step.WORK, case.stage)
        for one, name in stored:
            await callers.attach(tx, case_id, one, name, colleague(who))
        return f"/desk/cases/{case_id}#request"

    return await once.redirect(work)


@router.get("/desk/intake/cases/{case_id}/originals/{original_id}/download", dependencies=ADVISORS)
async def download(case_id: CaseId, original_id: UUID, db: Db, who: Who, ctx: Ctx) -> Response:
    """Return an original to an advisor, to be saved, having written down who opened it; after withdrawal to supervisors."""
    async with db.transaction() as tx:
        case = await store.load_case(tx, case_id)
        if case.stage is Stage.WITHDRAWN and not who.has(Role.SUPERVISOR):
            raise Problem(403, "The case was withdrawn", detail="Its papers are closed to everybody who worked on it.")
        original = await kept.original(tx, case_id, original_id)
        if original is None:
            raise Problem(404, "No such original", detail="Open the case again.")
        await kept.note_read(tx, original_id, await known(tx, colleague(who)))
    chunks = await files.at(ctx.platform.files_url).read(original.object_key)
    headers = files.as_download(original.name, original.media_type, original.size_bytes, original.sha256)
    return StreamingResponse(chunks, media_type=original.media_type, headers=headers)
