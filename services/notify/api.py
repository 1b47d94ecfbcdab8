"""Notify's JSON interface: a case's timeline, its messages, and sending one again."""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel
from starlette.responses import Response

from services.notify import store
from services.notify.desk import call_made, send_again
from services.notify.domain import Stage, Timeline, timeline
from services.notify.queues import DESK, KNOW_PRICES
from shared.db import Tx
from shared.ids import CaseId
from shared.web import Db, Once, Problem, Role, Who, allow
from shared.web.principals import PATIENT_SIDE, STAFF

router = APIRouter(prefix="/api/notify", tags=["notify"])


class Asked(BaseModel):
    """A message, by id, and how it stands."""

    message: UUID
    state: str


class Sent(BaseModel):
    """One message as staff see it: never an address, never its words."""

    id: UUID
    kind: str
    audience: str
    copy_number: int
    state: str
    locale: str | None
    message_id: str | None
    smtp_code: int | None
    attempts: int
    requested_at: datetime
    settled_at: datetime | None


_SHOWN = frozenset(Sent.model_fields) - {"copy_number"}


class Messages(BaseModel):
    """The messages of a case, newest first."""

    messages: list[Sent]


@router.get("/cases/{case_id}/timeline", dependencies=[allow(*PATIENT_SIDE, *STAFF, Role.SERVICE)])
async def read_timeline(case_id: UUID, db: Db, who: Who) -> Timeline:
    """Return where the case stands, who acts next and by when, and what has happened."""
    async with db.reading() as tx:
        facts = await store.facts_of(tx, CaseId(case_id))
        if not facts and not who.is_patient_side:
            raise Problem(404, "No such case", detail="Check the case id; a new case appears within a few seconds.")
        story = timeline(facts, tx.now)
    if story.stage is Stage.WITHDRAWN and who.is_patient_side and not who.has(Role.PATIENT, Role.REQUESTER):
        raise Problem(410, "No longer open to you", detail="The request was withdrawn, and with it your access to it.")
    return story if who.has(*KNOW_PRICES) else story.without_amounts()


@router.get("/cases/{case_id}/messages", dependencies=[allow(*DESK, Role.PRIVACY_OFFICER)])
async def read_messages(case_id: UUID, db: Db) -> Messages:
    """Return what was sent about the case, in which state each message is, and nothing of what it says."""
    async with db.reading() as tx:
        return Messages(messages=[_sent(message) for message in await store.messages_of(tx, CaseId(case_id))])


@router.post("/messages/{message_id}/resend", dependencies=[allow(*DESK)], status_code=200)
async def resend(message_id: UUID, once: Once) -> Response:
    """Send a settled message again, as a new copy. 404: no such message; 409: on its way, or the case is withdrawn."""

    async def work(tx: Tx) -> BaseModel:
        return Asked(message=await send_again(tx, message_id), state="requested")

    return await once.run(work)


@router.post("/messages/{message_id}/called", dependencies=[allow(*DESK)], status_code=200)
async def called(message_id: UUID, once: Once) -> Response:
    """Note that its reader was told by telephone. 404: no such message; 409: it needs no call."""

    async def work(tx: Tx) -> BaseModel:
        message = await call_made(tx, message_id)
        return Asked(message=message.id, state="called")

    return await once.run(work)


def _sent(message: store.Message) -> Sent:
    return Sent(copy_number=message.copy, **{name: value for name, value in asdict(message).items() if name in _SHOWN})
