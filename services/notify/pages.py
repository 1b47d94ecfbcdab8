"""Notify's pages: the timeline for the patient's side and for staff, and the desk for messages that reached nobody."""

from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from services.notify import store, words
from services.notify.desk import call_made, send_again
from services.notify.domain import Stage, timeline
from services.notify.queues import CALL_INSTEAD, DESK, KNOW_PRICES
from shared import programme
from shared.db import Database, Tx
from shared.ids import CaseId
from shared.web import N_, Db, Once, Page, Principal, Problem, Role, Who, allow
from shared.web.principals import PATIENT_SIDE, STAFF

router = APIRouter(include_in_schema=False)


@router.get("/my/notify/cases/{case_id}/timeline", dependencies=[allow(*PATIENT_SIDE)])
async def my_timeline(case_id: UUID, page: Page, db: Db, who: Who) -> HTMLResponse:
    """Show where the case stands, who acts next and by when, in the reader's language."""
    is_mine = who.has(Role.PATIENT, Role.REQUESTER)
    standing = await _standing(db, who, case_id)
    if standing["timeline"].stage is Stage.WITHDRAWN and not is_mine:
        raise Problem(
            410, N_("No longer open to you"), detail=N_("The request was withdrawn, and with it your access to it.")
        )
    return page("timeline.html", **standing, is_mine=is_mine, exact=False)


@router.get("/desk/notify/cases/{case_id}/timeline", dependencies=[allow(*STAFF)])
async def desk_timeline(case_id: UUID, page: Page, db: Db, who: Who) -> HTMLResponse:
    """Show the same to staff, with the messages that were sent and how each ended."""
    standing = await _standing(db, who, case_id)
    async with db.reading() as tx:
        messages = await store.messages_of(tx, CaseId(case_id))
    return page(
        "desk_timeline.html", **standing, is_mine=False, exact=True, messages=messages, may_resend=who.has(*DESK)
    )


@router.get("/desk/notify", dependencies=[allow(*DESK)])
async def desk(page: Page, db: Db) -> HTMLResponse:
    """List the messages that reached nobody, and those still being tried."""
    async with db.reading() as tx:
        unreached, trying = await store.needing_a_person(tx), await store.still_trying(tx)
    return page("desk.html", unreached=unreached, trying=trying, words=words, queue=CALL_INSTEAD)


@router.get("/desk/notify/messages/{message_id}", dependencies=[allow(*DESK)])
async def one_message(message_id: UUID, page: Page, db: Db) -> HTMLResponse:
    """Show one message's fate, and what can be done."""
    async with db.reading() as tx:
        message = await store.message(tx, message_id)
        if message is None:
            raise Problem(404, "No such message", detail="Go back to the case and open it from there.")
        newest = await store.latest_copy(tx, message) == message.copy
    return page("message.html", message=message, words=words, newest=newest, needs_a_person=store.NEEDS_A_PERSON)


@router.post("/desk/notify/messages/{message_id}/resend", dependencies=[allow(*DESK)])
async def resend(message_id: UUID, once: Once) -> Response:
    """Send it again and show the new copy."""

    async def work(tx: Tx) -> str:
        return f"/desk/notify/messages/{await send_again(tx, message_id)}"

    return await once.redirect(work)


@router.post("/desk/notify/messages/{message_id}/called", dependencies=[allow(*DESK)])
async def called(message_id: UUID, once: Once) -> Response:
    """Note the call and go back to the list."""

    async def work(tx: Tx) -> str:
        await call_made(tx, message_id)
        return "/desk/notify"

    return await once.redirect(work)


async def _standing(db: Database, who: Principal, case_id: UUID) -> dict[str, Any]:
    async with db.reading() as tx:
        story = timeline(await store.facts_of(tx, CaseId(case_id)), tx.now)
        story = story if who.has(*KNOW_PRICES) else story.without_amounts()
        typical = await store.estimate(tx, story.programme.id) if story.programme else None
    zone = programme.load(story.programme).calendar.zone if story.programme else "UTC"
    return {"timeline": story, "estimate": typical, "words": words, "zone": zone, "tz": ZoneInfo(zone)}
