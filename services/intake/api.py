"""Intake's JSON interface, /api/intake: asking, withdrawing, and what other services look up; quotes are beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi import Request as HttpRequest
from pydantic import BaseModel, Field

from services.intake import casework, drafts, guests, links, queues, search, store
from services.intake.answers import refusals
from services.intake.domain import Quote, Request, Stage, Stream
from services.intake.quote_views import QuoteView
from services.intake.store import Case, circumstances, quotes, requests
from services.intake.store.circumstances import Circumstances
from services.intake.store.requests import Person
from services.intake.values import Line, Note
from shared import programme
from shared.db import Tx
from shared.events import ProgrammeRef
from shared.ids import CaseId, new_id
from shared.web import Ctx, Db, Expected, Incoming, Once, Problem, Role, Who, allow, anyone, etag
from shared.web.limits import by_address, limit

router = APIRouter(prefix="/api/intake", tags=["intake"], dependencies=[Depends(refusals)])
PATIENT_SIDE = (Role.PATIENT, Role.REQUESTER)
ADVISORS = tuple(map(Role, queues.ADVISORS))
KNOWS_PEOPLE = (*ADVISORS, Role.CASE_MANAGER, Role.CLINICAL_LEAD, Role.PRIVACY_OFFICER)
"""Specialists are not here: matching shows each the people of the cases that were offered to them (R30)."""
SERVICES = [allow(Role.SERVICE)]


class NewRequest(Request):
    """A request, and which programme it is for; the default one when it names none."""

    programme: str | None = None


class Withdrawal(Incoming):
    reason: Note = ""


class StreamMove(Incoming):
    stream: Stream
    reason: Line


class NewLink(Incoming):
    audience: Literal["patient", "requester", "local_physician"]
    path: str


class NewGuestLink(Incoming):
    """Whom another service vouches for, and where they go."""

    guest_id: UUID
    name: Line
    path: str


class CaseView(BaseModel):
    """A case without the people in it; `version` is also its ETag."""

    case_id: UUID
    case_number: str
    version: int
    programme: ProgrammeRef
    path: str
    stream: Stream
    stage: Stage
    submitted_at: datetime
    contact_due_at: datetime
    contacted_at: datetime | None
    confirmed_at: datetime | None
    withdrawn_at: datetime | None
    continued_in: UUID | None = None
    quotes: list[QuoteView]

    @classmethod
    async def of(cls, tx: Tx, case: Case) -> CaseView:
        return cls.with_quotes(case, await quotes.of_case(tx, case.case_id))

    @classmethod
    def with_quotes(cls, case: Case, offered: Sequence[Quote]) -> CaseView:
        own = {name: getattr(case, name) for name in cls.model_fields if name != "quotes"}
        return cls(**own, quotes=[QuoteView.of(quote) for quote in offered])


class Done(BaseModel):
    """Nothing to tell beyond that it is done."""


@router.post(
    "/requests", status_code=201, dependencies=[anyone(), by_address("limit_requests")], response_model=CaseView
)
async def submit(body: NewRequest, request: HttpRequest, once: Once, ctx: Ctx) -> Response:
    """Ask for a second opinion (R8). Answers 201 with the case's id and number."""
    await limit(request, "limit_letters", body.requester.email)
    try:
        rules = programme.current(body.programme or ctx.settings.programme)
    except programme.UnknownProgramme:
        wrong = {"pointer": "#/programme", "detail": "Leave it out, or name one that we run."}
        raise Problem(422, "No such programme", errors=[wrong]) from None

    async def work(tx: Tx) -> CaseView:
        return CaseView.with_quotes(await casework.submit(tx, body, rules, CaseId(new_id())), [])

    return await once.create(work)


class FoundView(BaseModel):
    """A person of a case who fits a search, and by what."""

    case_id: UUID
    case_number: str
    role: str
    name: str
    latin_name: str | None
    birth_date: date | None
    country: str | None
    submitted_at: datetime
    why: str
    score: float = Field(ge=0, le=1)


@router.get("/cases", dependencies=[allow(*KNOWS_PEOPLE)])
async def find(db: Db, q: Annotated[str, Query(min_length=1, max_length=200)]) -> list[FoundView]:
    """Find cases by a name in any script, a case number with a slip in it, a phone number or a mail box; best first."""
    async with db.reading() as tx:
        hits = await search.search(tx, q)
    return [FoundView(**asdict(hit.found), why=hit.why, score=round(hit.score, 3)) for hit in hits]


@router.get("/cases/{case_id}", dependencies=[allow(Role.CARE_ADVISOR, Role.SUPERVISOR, Role.SERVICE, *PATIENT_SIDE)])
async def show(case_id: CaseId, db: Db, response: Response) -> CaseView:
    async with db.reading() as tx:
        view = await CaseView.of(tx, await store.load_case(tx, case_id))
    response.headers["ETag"] = etag(view.version)
    return view


@router.put("/cases/{case_id}/stream", dependencies=[allow(*ADVISORS)])
async def move(case_id: CaseId, body: StreamMove, version: Expected, who: Who, db: Db, response: Response) -> CaseView:
    """Move a request between remote and in person, with a reason (R7)."""
    async with db.transaction() as tx:
        case = await casework.move(tx, case_id, body.stream, body.reason, who.subject, version)
        view = await CaseView.of(tx, case)
    response.headers["ETag"] = etag(view.version)
    return view


@router.post("/cases/{case_id}/withdraw", response_model=CaseView,
             dependencies=[allow(*ADVISORS, Role.PRIVACY_OFFICER, *PATIENT_SIDE)])  # fmt: skip
async def withdraw(case_id: CaseId, body: Withdrawal, who: Who, once: Once) -> Response:
    """Withdraw the request and its consent, at any stage (R29, M13)."""

    async def work(tx: Tx) -> CaseView:
        by: Literal["patient", "staff"] = "staff" if who.is_staff else "patient"
        return await CaseView.of(tx, await casework.withdraw(tx, case_id, by, body.reason))

    return await once.run(work)


@router.get("/cases/{case_id}/contacts", dependencies=SERVICES)
async def contacts(case_id: CaseId, db: Db) -> dict[str, Any]:
    """Whom to write to, looked up at the moment of use and kept by nobody else; of a form not sent yet, where to send its link."""
    async with db.reading() as tx:
        if unsent := await drafts.contacts(tx, case_id):
            return unsent
        case, people = await store.load_case(tx, case_id), await requests.people(tx, case_id)
    asks, patient = people["requester"], people["patient"]
    return {
        "case_number": case.case_number,
        "locale": case.locale,
        "requester": {"name": asks.name, "email": asks.email, "role": asks.asks_as},
        "patient": {"name": patient.name, "email": patient.email},
        "local_physician": _doctor(people.get("local_physician"), "name", "email"),
        "withdrawn": case.stage is Stage.WITHDRAWN,
    }


@router.get("/cases/{case_id}/brief", dependencies=SERVICES)
async def brief(case_id: CaseId, db: Db) -> dict[str, Any]:
    """What the partner and the specialists need to know of the patient and of what is asked."""
    async with db.reading() as tx:
        case, people = await store.load_case(tx, case_id), await requests.people(tx, case_id)
        asked, around = await requests.questions(tx, case_id), await circumstances.of_case(tx, case_id)
    patient = people["patient"]
    return {
        "case_number": case.case_number,
        "patient": {"name": patient.name, "birth_date": patient.birth_date, "sex": patient.sex,
                    "country": patient.country, "languages": patient.languages, "latin_name": patient.latin_name},
        "cancer_type": case.cancer_type,
        "diagnosis": _diagnosis(around),
        "in_hospital": around.in_hospital,
        "guardian": around.guardian_name,
        "interpreter": around.interpreter,
        "reasons": case.reasons,
        "story": case.story,
        "questions": [{"id": question.question_id, "text": question.text} for question in asked],
        "local_physician": _doctor(people.get("local_physician"), "name", "email", "country", "institution"),
        "stream": case.stream,
        "withdrawn": case.stage is Stage.WITHDRAWN,
    }  # fmt: skip


def _diagnosis(around: Circumstances) -> dict[str, str | None] | None:
    if around.diagnosis_code is None:
        return None
    return {"system": around.diagnosis_system, "code": around.diagnosis_code, "title": around.diagnosis_title}


def _doctor(person: Person | None, *fields: str) -> dict[str, str | date | None] | None:
    return None if person is None else {field: getattr(person, field) for field in fields}


@router.post("/cases/{case_id}/links", status_code=201, dependencies=SERVICES)
async def link(case_id: CaseId, body: NewLink, once: Once, ctx: Ctx) -> dict[str, str]:
    """Make a magic link for one person of the case: it works once and not for long.

    The address is worked out again for a repeated key, not stored: a copy of the database opens nothing.
    """
    token = links.token_for(ctx.settings.session_key_file, case_id, once.key)

    unsent = body.path == f"/request/{case_id}"

    async def work(tx: Tx) -> Done:
        if unsent:
            await drafts.make_link(tx, token, case_id, ctx.settings.draft_link_life)
            return Done()
        await links.make(tx, token, case_id, body.audience, body.path, ctx.settings.link_life)
        return Done()

    await once.run(work, status=201)
    return {"url": f"{ctx.platform.public_url}/{'request/back' if unsent else 'link'}/{token}"}


@router.post("/cases/{case_id}/guest-links", status_code=201, dependencies=SERVICES)
async def guest_link(case_id: CaseId, body: NewGuestLink, once: Once, ctx: Ctx) -> dict[str, str]:
    """Make a link for a helper whom the asking service let in: it works once, for minutes, and opens nothing but records."""
    token = links.token_for(ctx.settings.session_key_file, case_id, f"guest {once.key}")

    async def work(tx: Tx) -> Done:
        await guests.make(tx, token, case_id, body.guest_id, body.name, body.path)
        return Done()

    await once.run(work, status=201)
    return {"path": f"/link/{token}"}
