"""Speaking with people as JSON, for tools of the desk: the contact log, call-backs, interpreters. Under /api/intake."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import AfterValidator, AwareDatetime, BaseModel, Field

from services.intake import store
from services.intake.answers import refusals
from services.intake.contact import call_backs, interpreting, log
from services.intake.contact.call_backs import Wish
from services.intake.contact.colleagues import colleague
from services.intake.contact.interpreting import Speaker
from services.intake.contact.log import Talk
from services.intake.queues import ADVISORS as ADVISOR_ROLES
from services.intake.store import call_backs as calls
from services.intake.store import talks
from services.intake.values import Language, Note, Phone
from services.intake.zones import Zone
from shared import programme
from shared.db import Tx
from shared.ids import CaseId, new_id
from shared.web import Db, Incoming, Once, Problem, Role, Who, allow

router = APIRouter(prefix="/api/intake", tags=["intake"], dependencies=[Depends(refusals)])
ADVISORS = [allow(*map(Role, ADVISOR_ROLES))]
V = TypeVar("V", bound=BaseModel)
State = Literal["booked", "reached", "missed", "cancelled"]
EARLIEST, LATEST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


def _of_our_days(at: datetime) -> datetime:
    if not EARLIEST <= at < LATEST:
        raise ValueError("Give an instant between 2020 and 2100")
    return at


Instant = Annotated[AwareDatetime, AfterValidator(_of_our_days)]


class NewContact(Incoming):
    """A try or a talk; `at` is now when it is left out."""

    channel: Literal["phone", "email", "fax", "post", "courier", "in_person"] = "phone"
    direction: Literal["out", "in"] = "out"
    with_whom: Literal["requester", "patient", "local_physician", "other"] = "requester"
    reached: bool
    words: Note = ""
    at: Instant | None = None


class ContactView(BaseModel):
    contact_id: UUID
    call_back_id: UUID | None
    happened_at: datetime
    channel: str
    direction: str
    with_whom: str
    reached: bool
    words: str
    written_by: str
    written_at: datetime


class NewCallBack(Incoming):
    """A call to book; without `at`, as soon as office and caller's day allow."""

    language: Language
    phone: Phone
    zone: Zone
    at: Instant | None = None
    interpreter: bool = False


class CallBackView(BaseModel):
    call_back_id: UUID
    language: str
    interpreter: bool
    phone: str
    zone: str
    wished_at: datetime
    next_at: datetime | None
    tries: int
    state: State


class CallBackTimes(BaseModel):
    """What another service needs to tell the reader's own time; no number, no language."""

    zone: str
    wished_at: datetime
    next_at: datetime | None
    state: State


class NewTry(Incoming):
    """What came of a try. `tries` is how many the sender saw: of two who log the same one, the second gets 409."""

    reached: bool
    words: Note = ""
    tries: int = Field(ge=0, le=100)


class SpeakerView(BaseModel):
    """An interpreter; `free_until` now, or `next_free_at` when they are off duty or booked."""

    interpreter_id: UUID
    name: str
    phone: str
    zone: str
    languages: tuple[str, ...]
    free_until: datetime | None
    next_free_at: datetime | None

    @classmethod
    def of(cls, one: Speaker) -> SpeakerView:
        who = one.interpreter
        return cls(interpreter_id=who.interpreter_id, name=who.name, phone=who.phone, zone=who.zone,
                   languages=who.languages, free_until=one.until, next_free_at=one.next_at)  # fmt: skip


def _view(model: type[V], value: object) -> V:
    return model.model_validate(value, from_attributes=True)


@router.get("/cases/{case_id}/contact-log", dependencies=ADVISORS)
async def read_log(case_id: CaseId, db: Db) -> list[ContactView]:
    """Return each try and talk of a case, the newest first."""
    async with db.reading() as tx:
        await store.load_case(tx, case_id)
        return [_view(ContactView, one) for one in await talks.contacts_of(tx, case_id)]


@router.post("/cases/{case_id}/contact-log", status_code=201, dependencies=ADVISORS, response_model=ContactView)
async def write_log(case_id: CaseId, body: NewContact, who: Who, once: Once) -> Response:
    """Add a line to the log; the first real contact stops the contact clock (R12)."""

    async def work(tx: Tx) -> ContactView:
        return _view(ContactView, await log.write(tx, case_id, Talk(**body.model_dump()), colleague(who)))

    return await once.run(work, status=201)


@router.get("/cases/{case_id}/call-backs", dependencies=ADVISORS)
async def read_call_backs(case_id: CaseId, db: Db) -> list[CallBackView]:
    """Return the calls of a case: those to come first."""
    async with db.reading() as tx:
        await store.load_case(tx, case_id)
        return [_view(CallBackView, one) for one in await calls.of_case(tx, case_id)]


@router.post("/cases/{case_id}/call-backs", status_code=201, dependencies=ADVISORS, response_model=CallBackView)
async def book_call_back(case_id: CaseId, body: NewCallBack, who: Who, once: Once) -> Response:
    """Book a call (R11); it comes to the desk before its time, and a letter confirms it."""

    async def work(tx: Tx) -> CallBackView:
        rules_of = programme.load((await store.load_case(tx, case_id)).programme)
        wish = Wish(body.language, body.phone, body.zone, body.at, body.interpreter)
        call = await call_backs.book(
            tx, new_id(), wish, asked_by="staff", rules_of=rules_of, case_id=case_id, by=colleague(who)
        )
        return _view(CallBackView, call)

    return await once.run(work, status=201)


@router.get("/cases/{case_id}/call-backs/{call_back_id}", dependencies=[allow(Role.SERVICE)])
async def call_back_times(case_id: CaseId, call_back_id: UUID, db: Db) -> CallBackTimes:
    """Return when a call is, and by which clock its reader goes: notify's claim check."""
    async with db.reading() as tx:
        call = await calls.load(tx, call_back_id)
    if call is None or call.case_id != case_id:
        raise Problem(404, "No such call", detail="Check its id and its case.")
    return _view(CallBackTimes, call)


@router.post("/call-backs/{call_back_id}/tries", dependencies=ADVISORS, response_model=CallBackView)
async def log_try(call_back_id: UUID, body: NewTry, who: Who, once: Once) -> Response:
    """Log a try. Not reached: it is tried again by the programme's rule, and in the end a letter says so."""

    async def work(tx: Tx) -> CallBackView:
        talk = Talk(reached=body.reached, words=body.words)
        return _view(CallBackView, await call_backs.note_try(tx, call_back_id, talk, colleague(who), body.tries))

    return await once.run(work)


@router.get("/interpreters", dependencies=ADVISORS)
async def who_speaks(language: Language, db: Db) -> list[SpeakerView]:
    """Return who interprets a language: free ones first, whoever is free longest on top."""
    async with db.reading() as tx:
        found = await interpreting.speaking(tx, language.partition("_")[0])
    return [SpeakerView.of(one) for one in found]
