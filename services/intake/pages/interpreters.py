"""Interpreters (R11): who speaks a language right now, booking them for the caller on the line, and the roster."""

from __future__ import annotations

from datetime import time
from typing import Any, ClassVar, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from pydantic import Field, ValidationError

from services.intake import store, zones
from services.intake.answers import refusals
from services.intake.contact import interpreting
from services.intake.contact.colleagues import colleague
from services.intake.contact.interpreting import DAYS, Day, Entry, Hours
from services.intake.domain import Refused
from services.intake.pages.case_page import ADVISOR_ROLES, spoken
from services.intake.pages.choices import languages
from services.intake.store import interpreters
from services.intake.values import Language, Line, Phone
from services.intake.zones import Zone
from shared import programme
from shared.db import Tx
from shared.ids import CaseId, new_id
from shared.web import Ctx, Db, Form, Incoming, Once, Page, Problem, Who, allow
from shared.web.once import OnceOnly

router = APIRouter(include_in_schema=False, dependencies=[Depends(refusals)])
ADVISORS = [allow(*ADVISOR_ROLES)]
BLOCKS = ("1", "2")
"""How many different sets of hours the form offers: weekdays and a weekend, say."""


class Keeping(Incoming):
    """An entry of the roster as the form has it: up to five languages, up to two sets of hours."""

    sentences: ClassVar[dict[str, str]] = {
        "name": "Enter the interpreter's name",
        "phone": "Enter a phone number with its country code, like +44 20 7946 0000",
        "zone": "Choose the place whose clock they go by",
        "languages": "Choose at least one language",
        "days1": "Choose at least one day",
        "starts1": "Enter when they begin, such as 09:00",
        "ends1": "Enter when they end, such as 17:00",
        "starts2": "Enter a time, such as 09:00",
        "ends2": "Enter a time, such as 17:00",
    }
    name: Line
    phone: Phone
    zone: Zone
    languages: tuple[Language | Literal[""], ...] = Field(min_length=1, max_length=5)
    days1: tuple[Day, ...] = Field(min_length=1)
    starts1: time
    ends1: time
    days2: tuple[Day, ...] = ()
    starts2: time | None = None
    ends2: time | None = None
    active: Literal["yes"] | None = None
    version: int | None = None

    def entry(self) -> Entry:
        """Return it as the roster keeps it. Raises ``ValidationError`` when hours are half given."""
        hours = [Hours(days=self.days1, starts=self.starts1, ends=self.ends1)]
        if self.days2 or self.starts2 or self.ends2:
            hours.append(Hours.model_validate({"days": self.days2, "starts": self.starts2, "ends": self.ends2}))
        spoken_ones = tuple(dict.fromkeys(code for code in self.languages if code))
        return Entry(name=self.name, phone=self.phone, zone=self.zone, languages=spoken_ones,
                     active=self.active == "yes", hours=tuple(hours))  # fmt: skip


@router.get("/desk/interpreters", dependencies=ADVISORS)
async def find(page: Page, db: Db, ctx: Ctx, language: str = "", case_id: UUID | None = None) -> Response:
    """Who speaks this language now, whoever is free longest on top; without a language, the roster."""
    async with db.reading() as tx:
        case = await store.load_case(tx, CaseId(case_id)) if case_id else None
        found = await interpreting.speaking(tx, language.partition("_")[0]) if language else []
        everybody = await interpreters.roster(tx)
    offered = sorted({code for one in everybody if one.active for code in one.languages})
    return page(
        "desk_interpreters.html", language=language, speakers=found, roster=everybody, case=case, languages_here=spoken(offered),
        spoken=spoken, rules=programme.current(ctx.settings.programme), asked=dict(spoken([language])).get(language, language),
    )  # fmt: skip


@router.post("/desk/interpreters/{interpreter_id}/book", dependencies=ADVISORS)
async def book_now(interpreter_id: UUID, request: Request, who: Who, once: Once, ctx: Ctx) -> Response:
    """Book for the caller on the line, from now on."""
    form = await Form.read(request, Booking)
    case_id, language = form.model.case_id, form.model.language
    lasts = programme.current(ctx.settings.programme).call_backs.interpreted_call

    async def work(tx: Tx) -> str:
        wanted = CaseId(case_id) if case_id else None
        await interpreting.book(tx, interpreter_id, tx.now, lasts, colleague(who), case_id=wanted)
        return f"/desk/cases/{case_id}#call-backs" if case_id else f"/desk/interpreters?language={language}"

    return await once.redirect(work)


class Booking(Incoming):
    case_id: UUID | None = None
    language: Language


@router.get("/desk/interpreters/new", dependencies=ADVISORS)
async def new_entry(page: Page) -> Response:
    return _entry_page(page, Form.blank(active="yes", languages=[], days1=list(DAYS[:5])), None)


@router.get("/desk/interpreters/{interpreter_id}", dependencies=ADVISORS)
async def entry(interpreter_id: UUID, page: Page, db: Db) -> Response:
    async with db.reading() as tx:
        one = await interpreters.one(tx, interpreter_id)
    if one is None:
        raise Problem(404, "Not on the roster", detail="Choose somebody from the roster.")
    values: dict[str, Any] = {
        "name": one.name, "phone": one.phone, "zone": one.zone, "languages": list(one.languages),
        "active": "yes" if one.active else "", "version": one.version,
    }  # fmt: skip
    for block, shift in zip(BLOCKS, one.shifts, strict=False):
        values |= {f"days{block}": [DAYS[day] for day in sorted(shift.days)],
                   f"starts{block}": f"{shift.starts:%H:%M}", f"ends{block}": f"{shift.ends:%H:%M}"}  # fmt: skip
    return _entry_page(page, Form.blank(**values), interpreter_id)


def _entry_page(page: Any, form: Form[Any], interpreter_id: UUID | None) -> Response:
    drawn: Response = page(
        "desk_interpreter.html", status=422 if form.errors else 200, form=form, interpreter_id=interpreter_id,
        zones=zones.by_country("en"), languages_offered=languages("en"),
        days=[(day, name) for day, name in zip(DAYS, ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"), strict=True)],
    )  # fmt: skip
    return drawn


@router.post("/desk/interpreters/new", dependencies=ADVISORS)
async def add(request: Request, page: Page, once: Once) -> Response:
    """Add somebody to the roster."""
    return await _keep(request, page, once, None)


@router.post("/desk/interpreters/{interpreter_id}", dependencies=ADVISORS)
async def change(interpreter_id: UUID, request: Request, page: Page, once: Once) -> Response:
    """Change an entry; what somebody else changed meanwhile isn't overwritten."""
    return await _keep(request, page, once, interpreter_id)


async def _keep(request: Request, page: Any, once: OnceOnly, interpreter_id: UUID | None) -> Response:
    form = await Form.read(request, Keeping)

    async def work(tx: Tx) -> str:
        await interpreting.keep(tx, interpreter_id or new_id(), form.model.entry(), form.model.version)
        return "/desk/interpreters"

    if form.valid:
        try:
            return await once.redirect(work)
        except ValidationError as wrong:
            if wrong.errors()[0]["loc"][:1] == ("languages",):
                form.refuse("languages", Keeping.sentences["languages"])
            else:
                form.refuse("days2", "Give days, beginning and end, or leave all three empty")
        except Refused as refused:
            form.refuse("name", str(refused))
    return _entry_page(page, form, interpreter_id)
