"""A made-up service with one of everything the web layer offers; only tests know it."""

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field
from pydantic_settings import SettingsConfigDict
from starlette.responses import PlainTextResponse

from shared.clock import Clock
from shared.db import Database, Tx
from shared.events import Money
from shared.service import Service
from shared.settings import ServiceSettings
from shared.staff_queue import Facet, Queue
from shared.web import N_, Db, Expected, Form, Incoming, Once, Page, Problem, Role, Who, allow, anyone, etag

LANGUAGE = Facet("language", "Language", {"ar": "Arabic", "pt": "Portuguese"})
TO_READ = Queue("to-read", "Things to read", (Role.CARE_ADVISOR, Role.SUPERVISOR), (LANGUAGE,))
PATIENTS = (Role.PATIENT, Role.REQUESTER)


class SampleSettings(ServiceSettings):
    """Settings of the made-up service."""

    model_config = SettingsConfigDict(env_prefix="SAMPLE_", extra="ignore")


class Note(Incoming):
    """What is sent to be kept."""

    text: str = Field(min_length=1, max_length=20)


class Kept(BaseModel):
    """The answer."""

    number: int
    text: str


class Visit(Incoming):
    """A form with one of each kind of field."""

    sentences: ClassVar[dict[str, str]] = {"full_name": N_("Enter the full name")}
    full_name: str = Field(min_length=1, max_length=50)
    birth_date: date
    kind: Literal["video", "written"]
    wishes: Annotated[list[str], Field(min_length=1)]
    note: str | None = None


router = APIRouter()


@router.get("/", dependencies=[anyone()])
async def front(page: Page) -> Response:
    return page("front.html")


@router.get("/my/sample/cases/{case_id}/summary", dependencies=[allow(*PATIENTS)])
async def case(case_id: UUID, page: Page) -> Response:
    now = page.now
    steps = [
        {
            "at": now - timedelta(days=3),
            "title": "Request received",
            "detail": "We have your request.",
            "state": "done",
        },
        {"at": now, "title": "Waiting for payment", "state": "now"},
        {"title": "Your records", "detail": "We ask for what is missing.", "state": "next"},
    ]
    return page("case.html", case_id=case_id, price=Money(amount_minor=350_000, currency="USD"), steps=steps)


@router.get("/my/sample/cases/{case_id}/part", dependencies=[allow(*PATIENTS)])
async def part(case_id: UUID, page: Page) -> Response:
    return page("part.html", case_id=case_id)


@router.get("/visit", dependencies=[anyone()])
async def visit(page: Page) -> Response:
    return page("visit.html", form=Form.blank())


@router.post("/visit", dependencies=[anyone()])
async def send_visit(request: Request, page: Page, once: Once) -> Response:
    form = await Form.read(request, Visit)
    if not form.valid:
        return page("visit.html", status=422, form=form)

    async def work(tx: Tx) -> str:
        number = await tx.fetchval("INSERT INTO notes (text) VALUES ($1) RETURNING id", form.model.full_name)
        return f"/visit?sent={number}"

    return await once.redirect(work)


@router.post("/api/sample/notes", dependencies=[allow(Role.CARE_ADVISOR)], status_code=201)
async def keep(note: Note, once: Once) -> Response:
    async def work(tx: Tx) -> Kept:
        if note.text == "fail":
            await tx.fetchval("INSERT INTO notes (text) VALUES ($1) RETURNING id", note.text)
            raise Problem(409, "Not this one", detail="Choose another.")
        if note.text == "slow":
            await tx.execute("SELECT pg_sleep(0.3)")
        return Kept(
            number=await tx.fetchval("INSERT INTO notes (text) VALUES ($1) RETURNING id", note.text), text=note.text
        )

    return await once.run(work, status=201)


@router.put("/api/sample/notes/{number}", dependencies=[allow(Role.CARE_ADVISOR)])
async def edit(number: int, note: Note, version: Expected, db: Db, response: Response) -> Kept:
    async with db.transaction() as tx:
        sql = "UPDATE notes SET text = $2, version = version + 1 WHERE id = $1 AND version = $3 RETURNING version"
        if (new := await tx.fetchval(sql, number, note.text, version)) is None:
            raise Problem(412, "Changed since you saw it")
    response.headers["ETag"] = etag(new)
    return Kept(number=number, text=note.text)


@router.post("/api/sample/uploads", dependencies=[allow(Role.CARE_ADVISOR)], max_body_size=3 << 20)
async def upload(request: Request) -> dict[str, int]:
    return {"bytes": len(await request.body())}


@router.get("/api/sample/who", dependencies=[anyone()])
async def whoami(who: Who) -> dict[str, object]:
    return {"subject": who.subject, "roles": sorted(who.roles), "staff": who.is_staff}


@router.get("/api/sample/service-only", dependencies=[allow(Role.SERVICE)])
async def service_only(who: Who) -> dict[str, str]:
    return {"subject": who.subject}


@router.get("/api/sample/partner-only", dependencies=[allow(Role.PARTNER_SYSTEM)])
async def partner_only(who: Who) -> dict[str, str]:
    return {"subject": who.subject}


@router.get("/desk/sample", dependencies=[allow(Role.CARE_ADVISOR)])
async def desk(page: Page) -> Response:
    return page("desk.html")


@router.get("/pay", dependencies=[anyone()])
async def pay(page: Page) -> Response:
    return page("front.html", form_action=["https://pay.example"])


@router.get("/breaks", dependencies=[anyone()])
async def breaks() -> Response:
    raise RuntimeError("secret-canary")


@router.get("/away", dependencies=[anyone()])
async def away() -> Response:
    nowhere = await Database.connect("postgresql://secret-canary@127.0.0.1:9/secret-canary", Clock())
    async with nowhere.reading():
        raise AssertionError("nobody listens there")


@router.get("/plain", dependencies=[anyone()])
async def plain() -> Response:
    return PlainTextResponse("x" * 5000)


SAMPLE = Service(
    name="sample", package=Path(__file__).parent, settings=SampleSettings, queues=(TO_READ,), routes=lambda: [router]  # type: ignore[call-arg,unused-ignore]
)  # fmt: skip
