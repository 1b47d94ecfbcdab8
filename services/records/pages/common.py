"""What the pages of records share: their routers, drawing a page again with a rule's no, files from forms."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from starlette.datastructures import UploadFile
from starlette.responses import Response

from services.records import casework, desks, files, talking, uploads
from services.records.api_desk import threads_for
from services.records.domain import (
    SETTLED,
    Collection,
    Document,
    ItemState,
    Kind,
    Refused,
    Side,
    completeness,
    owed_home,
    slides_in,
)
from services.records.inspection.verdicts import SENTENCES, sentence_of
from services.records.store import guides, providers, talks
from services.records.store.uploads import Incoming
from shared import programme
from shared.db import Tx
from shared.programme.values import in_locale
from shared.web import N_, Principal, Role
from shared.web.i18n import translator_for
from shared.web.once import OnceOnly

mine = APIRouter(prefix="/my/records/cases/{case_id}", include_in_schema=False, dependencies=[Depends(desks.in_words)])
staff = APIRouter(prefix="/desk/records", include_in_schema=False, dependencies=[Depends(desks.in_words)])


def home_of(who: Principal, case_id: UUID) -> str:
    """Return below which address somebody has a case."""
    return f"/desk/records/cases/{case_id}" if who.is_staff else f"/my/records/cases/{case_id}"


Show = Callable[[str, str, int], Awaitable[Response]]
"""Draws the page again with a sentence, the place on the page that it is about, and a status."""


def page_of(page: Any, who: Any, db: Any, case_id: UUID) -> tuple[Show, str]:
    """Return how to draw again the page that this person works on, and its path."""
    if who.has(*desks.DESK):
        return desk_page(page, who, db, case_id), f"/desk/records/cases/{case_id}"
    return patient_page(page, who, db, case_id), f"/my/records/cases/{case_id}"


def patient_page(page: Any, who: Any, db: Any, case_id: UUID) -> Show:
    """Return how to draw the patient's page."""

    async def show(sentence: str, place: str, status: int) -> Response:
        async with db.reading() as tx:
            found = await desks.see(tx, who, case_id)
            around = await _around(tx, who, found)
        drawn: Response = page(
            "my.html",
            me=desks.person(who).subject,
            status=status,
            refused=sentence,
            place=place,
            **around,
            **shown(found),
        )
        return drawn

    return show


def desk_page(page: Any, who: Any, db: Any, case_id: UUID) -> Show:
    """Return how to draw the desk's page of a case."""

    async def show(sentence: str, place: str, status: int) -> Response:
        async with db.reading() as tx:
            found = await desks.see(tx, who, case_id)
            around = await _around(tx, who, found)
        drawn: Response = page(
            "desk_case.html", status=status, refused=sentence, place=place,
            is_manager=who.has(Role.CASE_MANAGER), is_lab=who.has(Role.LAB), is_privacy=who.has(*desks.PRIVACY),
            **around, **shown(found),
        )  # fmt: skip
        return drawn

    return show


async def _around(tx: Tx, who: Any, found: Collection) -> dict[str, Any]:
    """Return what stands around the list: questions of what exists and hospitals for who sees all of it, words, colleagues."""
    whole = (await desks.part_of(tx, who, found.case_id)).side is Side.EVERYTHING
    rules = programme.load(found.programme) if found.programme else None
    around: dict[str, Any] = {
        "whole": whole, "owner": who.has(*desks.OWNERS), "questions": rules.history if rules and whole else {},
        "reasons": rules.return_reasons if rules else {},
        "slide_travel": rules.slide_travel if rules else None, "laboratory": rules.contacts.laboratory if rules else None,
        "providers": await providers.of_case(tx, found.case_id) if whole else [],
        "threads": await threads_for(tx, who, found.case_id),
    }  # fmt: skip
    if who.is_staff:
        around |= {
            "managers": await guides.listed(tx), "chases": await talks.chases_of(tx, found.case_id),
            "templates": talking.CHASES, "hand_overs": await guides.hand_overs_of(tx, found.case_id),
            "helpers": {f"helper:{one.id}": one.name for one in await providers.helpers_of(tx, found.case_id)},
        }  # fmt: skip
    return around


def shown(found: Collection) -> dict[str, Any]:
    """Return what the templates show of a collection."""
    needed = [item for item in found.items if item.needed]
    to_send = [item for item in needed if item.state in (ItemState.NEEDED, ItemState.RETURNED)]
    to_review = [item for item in found.items if item.state is ItemState.UPLOADED]
    return {
        "case": found, "missing": completeness(found), "owed": owed_home(found.shipments), "in_locale": in_locale,
        "to_send": to_send, "to_review": to_review, "settled": [i for i in needed if i.state in SETTLED],
        "slides": slides_in(found.shipments), "sentence_of": sentence_of, "left_out": left_out,
        "needed": needed, "has_slides": any(item.kind is Kind.SLIDES for item in found.items) or bool(found.shipments),
        "due": casework.review_due(found, max((d.uploaded_at for i in to_review for d in i.documents), default=None)),
    }  # fmt: skip


def left_out(document: Document) -> list[tuple[str, int]]:
    """Return what of an archive or folder was not taken in, most often first: reason and number."""
    counts = [
        (code, count) for code, count in document.contents.items() if code in SENTENCES or code.startswith("dicom_")
    ]
    return sorted(counts, key=lambda each: -each[1])


async def done(once: OnceOnly, work: Callable[[Tx], Awaitable[None]], show: Show, back: str, place: str) -> Response:
    """Do ``work`` once and go back to its place on the page; a rule's no is shown there."""

    async def redirected(tx: Tx) -> str:
        await work(tx)
        return f"{back}#{place}"

    try:
        return await once.redirect(redirected)
    except Refused as refused:
        return await show(str(refused), place, 409)


async def take_in(
    request: Request, case_id: UUID, item_id: UUID, who: Any, ctx: Any, once: OnceOnly, show: Show, back: str
) -> Response:
    """Take in the chosen files, streamed to the store before anything is locked; one that can't be used is named, the rest kept."""
    say, place = translator_for(request).gettext, f"item-{item_id}"
    stored: list[tuple[Incoming, str]] = []
    refused: list[str] = []
    form = await request.form()
    sent = [one for one in form.getlist("file") if isinstance(one, UploadFile) and one.filename]
    try:
        for one in sent:
            try:
                stored.append(await uploads.stream_in(ctx, who, case_id, item_id, _chunks(one), one.filename or ""))
            except files.Unacceptable as no:
                refused.append(f"\u2068{one.filename}\u2069: {say(no.sentence) % no.values}")
    except Refused as no:
        return await show(str(no), place, 409)
    finally:
        await form.close()
    if not sent:
        return await show(N_("Choose a file first."), place, 422)

    async def work(tx: Tx) -> None:
        for one, sha256 in stored:
            await uploads.finish(tx, one, one.id, sha256)

    answer = await done(once, work, show, back, place) if stored else None
    if answer is not None and (not refused or answer.status_code >= 400):
        return answer
    return await show(
        " ".join([*refused, say(N_("The other files were taken in."))] if stored else refused), place, 422
    )


async def _chunks(sent: UploadFile) -> AsyncIterator[bytes]:
    await sent.seek(0)
    while chunk := await sent.read(files.CHUNK):
        yield chunk
