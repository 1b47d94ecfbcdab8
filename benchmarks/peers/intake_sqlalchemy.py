"""FastAPI and SQLAlchemy: the same ``POST /api/intake/requests``, built the way their documentation shows.

Declarative models of the same tables, an ``AsyncSession`` a request from a dependency, objects added to it, one commit.
It promises what ours does: the same body checked by the same models and rules, an idempotency key that gives the first
answer again, the contact clock, the desk's item, and the fact in an outbox with the case's next number, all in one
transaction. It has none of our middleware, and asks nobody who they are: the route is for everyone. Limits for strangers are off in both.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from typing import Annotated, Any
from uuid import UUID

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Request
from sqlalchemy import ARRAY, JSON, BigInteger, ForeignKey, Identity, Text, select
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship, selectinload
from sqlalchemy.types import DateTime

from services.intake.api import CaseView, NewRequest
from services.intake.domain import Authority, Unacceptable, check_request
from services.intake.queues import REQUESTS
from shared import programme
from shared.events import RequestSubmitted
from shared.ids import new_case_number, new_id

POOL = 10
"""Connections of one process: as many as ours gets beside it."""


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True), list[str]: ARRAY(Text)}  # noqa: RUF012 - SQLAlchemy's own


class Case(Base):
    __tablename__ = "cases"
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_number: Mapped[str]
    version: Mapped[int] = mapped_column(default=1)
    programme_id: Mapped[str]
    programme_version: Mapped[int]
    path: Mapped[str]
    stream: Mapped[str]
    channel: Mapped[str]
    locale: Mapped[str]
    contact: Mapped[str]
    cancer_type: Mapped[str]
    surgery: Mapped[str]
    story: Mapped[str | None]
    reasons: Mapped[list[str]]
    interests: Mapped[list[str]]
    emergency_notice_version: Mapped[str]
    submitted_at: Mapped[datetime]
    contact_due_at: Mapped[datetime]
    contacted_at: Mapped[datetime | None]
    confirmed_at: Mapped[datetime | None]
    withdrawn_at: Mapped[datetime | None]
    people: Mapped[list["Person"]] = relationship()
    questions: Mapped[list["Question"]] = relationship()
    consents: Mapped[list["Consent"]] = relationship()
    quotes: Mapped[list["Quote"]] = relationship()


class Person(Base):
    __tablename__ = "people"
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.case_id"), primary_key=True)
    role: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    email: Mapped[str | None]
    phone: Mapped[str | None]
    country: Mapped[str | None]
    birth_date: Mapped[date | None]
    sex: Mapped[str | None]
    languages: Mapped[list[str] | None]
    relationship_: Mapped[str | None] = mapped_column("relationship")
    authority: Mapped[str | None]
    asks_as: Mapped[str | None]
    institution: Mapped[str | None]
    latin_name: Mapped[str | None]


class Question(Base):
    __tablename__ = "questions"
    question_id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.case_id"))
    position: Mapped[int]
    text: Mapped[str]


class Consent(Base):
    __tablename__ = "consents"
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.case_id"), primary_key=True)
    version: Mapped[str] = mapped_column(primary_key=True)
    signed_name: Mapped[str]
    organisations: Mapped[list[str]]
    locale: Mapped[str]
    signed_at: Mapped[datetime]


class Quote(Base):
    __tablename__ = "quotes"
    quote_id: Mapped[UUID] = mapped_column(primary_key=True)
    revision: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("cases.case_id"))
    state: Mapped[str]


class Timer(Base):
    __tablename__ = "timers"
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    due: Mapped[datetime]


class QueueItem(Base):
    __tablename__ = "queue_items"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    queue: Mapped[str]
    item_key: Mapped[str]
    case_id: Mapped[UUID]
    title: Mapped[str]
    due: Mapped[datetime | None]
    data: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str]
    created_at: Mapped[datetime]


class Outbox(Base):
    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[UUID]
    topic: Mapped[str]
    case_id: Mapped[UUID]
    sequence: Mapped[int]
    type: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime]


class Sequence(Base):
    __tablename__ = "outbox_sequences"
    topic: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    last: Mapped[int]


class Answered(Base):
    __tablename__ = "idempotency"
    principal: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    route: Mapped[str]
    body_hash: Mapped[bytes]
    status: Mapped[int | None]
    answer: Mapped[Any] = mapped_column(JSONB)


def create_app(url: str) -> FastAPI:
    """Return the application on intake's database."""
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=POOL, max_overflow=0)
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.dispose()

    async def session() -> AsyncIterator[AsyncSession]:
        async with sessions() as opened, opened.begin():
            yield opened

    app = FastAPI(lifespan=lifespan)

    @app.post("/api/intake/requests", status_code=201, response_model=CaseView)
    async def submit(
        body: NewRequest,
        request: Request,
        idempotency_key: Annotated[str, Header(min_length=8, max_length=255)],
        db: Annotated[AsyncSession, Depends(session)],
    ) -> Any:
        fingerprint = hashlib.sha256(await request.body()).digest()
        taken = await db.execute(
            insert(Answered)
            .values(principal="anonymous", key=idempotency_key, route="submit", body_hash=fingerprint)
            .on_conflict_do_nothing()
            .returning(Answered.key)
        )
        if taken.scalar() is None:
            earlier = await db.get_one(Answered, ("anonymous", idempotency_key))
            if earlier.body_hash != fingerprint:
                raise HTTPException(422, "This key was used for something else")
            return earlier.answer
        try:
            view = await _submit(db, body)
        except Unacceptable as refused:
            raise HTTPException(422, str(refused)) from None
        answered = await db.get_one(Answered, ("anonymous", idempotency_key))
        answered.status, answered.answer = 201, view.model_dump(mode="json")
        return view

    return app


async def _submit(db: AsyncSession, body: NewRequest) -> CaseView:
    rules, now, case_id = programme.current(body.programme or "msk_international"), datetime.now(UTC), new_id()
    check_request(body, rules, now.date())
    due = rules.calendar.contact_due(now)
    case = Case(
        case_id=case_id, case_number=new_case_number(), programme_id=rules.id, programme_version=rules.version,
        path=body.path, stream=body.stream, channel="web", locale=body.locale, contact=body.contact,
        cancer_type=body.cancer_type, surgery=body.surgery, story=body.story, reasons=list(body.reasons),
        interests=list(body.interests), emergency_notice_version=body.emergency_notice_version, submitted_at=now,
        contact_due_at=due,
    )  # fmt: skip
    case.people = _people(body)
    case.questions = [Question(question_id=new_id(), position=n, text=text) for n, text in enumerate(body.questions, 1)]
    case.consents = [
        Consent(
            version=body.consent.version, signed_name=body.consent.signed_name, locale=body.locale, signed_at=now,
            organisations=[rules.organisation_hospital, rules.organisation_partner],
        )
    ]  # fmt: skip
    db.add(case)
    db.add(Timer(case_id=case_id, name="contact_overdue", due=due))
    db.add(Timer(case_id=case_id, name="compare_patient", due=now))
    db.add(
        QueueItem(
            id=new_id(), queue=REQUESTS.name, item_key=str(case_id), case_id=case_id, due=due, state="open", created_at=now,
            title=f"{case.case_number} · {body.patient.name}",
            data={"href": f"/desk/cases/{case_id}", "waiting": "to_contact", "stream": body.stream, "channel": "web",
                  "language": body.patient.languages[0], "country": body.patient.country, "zone": rules.calendar.zone},
        )
    )  # fmt: skip
    fact = RequestSubmitted(
        case_id=case_id, case_number=case.case_number, programme=rules.ref, path=body.path.value,  # type: ignore[arg-type]
        stream=body.stream.value, requester=body.requester.role.value, channel="web",
        consent_version=body.consent.version, emergency_notice_version=body.emergency_notice_version,
        submitted_at=now, contact_due_at=due,
    )  # fmt: skip
    told = Sequence(topic=fact.topic, case_id=case_id, last=1)
    db.add(told)
    db.add(
        Outbox(
            event_id=new_id(), topic=fact.topic, case_id=case_id, sequence=told.last, type=fact.type_name(),
            payload=fact.model_dump(mode="json"), created_at=now,
        )
    )  # fmt: skip
    await db.flush()
    made = (await db.scalars(select(Case).where(Case.case_id == case_id).options(selectinload(Case.quotes)))).one()
    return CaseView(
        case_id=made.case_id, case_number=made.case_number, version=made.version, programme=rules.ref, path=made.path,
        stream=made.stream, stage="requested", submitted_at=made.submitted_at, contact_due_at=made.contact_due_at,  # type: ignore[arg-type]
        contacted_at=made.contacted_at, confirmed_at=made.confirmed_at, withdrawn_at=made.withdrawn_at, quotes=[],
    )  # fmt: skip


def _people(body: NewRequest) -> list[Person]:
    asks, patient, doctor = body.requester, body.patient, body.local_physician
    own = asks.authority is Authority.SELF
    people = [
        Person(role="requester", name=asks.name, email=asks.email, phone=asks.phone, relationship_=asks.relationship,
               authority=asks.authority, asks_as=asks.role),
        Person(role="patient", name=patient.name, email=patient.email or (asks.email if own else None),
               phone=patient.phone or (asks.phone if own else None), country=patient.country,
               birth_date=patient.birth_date, sex=patient.sex, languages=list(patient.languages),
               latin_name=patient.latin_name),
    ]  # fmt: skip
    if doctor is not None:
        people.append(
            Person(role="local_physician", name=doctor.name, email=doctor.email, country=doctor.country, institution=doctor.institution)
        )  # fmt: skip
    return people


def serve(url: str, port: int) -> None:
    """Serve it until told to stop."""
    uvicorn.run(create_app(url), host="127.0.0.1", port=port, log_level="warning", access_log=False)
