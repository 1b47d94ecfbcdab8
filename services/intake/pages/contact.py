"""The desk's work on a case: contact log, notes, tasks, taking and handing over; and who is away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, time
from typing import Any, ClassVar, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from services.intake import store
from services.intake.answers import refusals
from services.intake.contact import callers, colleagues, log, rules, tasks
from services.intake.contact.colleagues import colleague
from services.intake.contact.log import Talk
from services.intake.domain import Refused
from services.intake.pages.case_page import ADVISOR_ROLES, show_case
from services.intake.store import colleagues as roster
from services.intake.store import talks
from services.intake.values import Line, Note, Text
from shared import programme
from shared.db import Database, Tx
from shared.ids import CaseId
from shared.web import Ctx, Db, Form, Incoming, Once, Page, Who, allow
from shared.web.once import OnceOnly
from shared.web.pages import PageOf
from shared.web.principals import Principal

router = APIRouter(include_in_schema=False, dependencies=[Depends(refusals)])
ADVISORS = [allow(*ADVISOR_ROLES)]
HERE = "/desk/intake/cases/{case_id}"


class Logging(Incoming):
    """A line of the contact log; without a time it is of just now."""

    sentences: ClassVar[dict[str, str]] = {
        "reached": "Say whether you reached them",
        "on": "Enter a real date, such as 27 3 2027",
        "at": "Enter the time, such as 14:30",
    }
    channel: Literal["phone", "email", "fax", "post", "courier", "in_person"]
    direction: Literal["out", "in"]
    with_whom: Literal["requester", "patient", "local_physician", "other"]
    reached: Literal["yes", "no"]
    words: Note = ""
    on: date | None = None
    at: time | None = None


class Noting(Incoming):
    sentences: ClassVar[dict[str, str]] = {"note": "Write the note"}
    note: Text


class Setting(Incoming):
    """A task: due when the office closes on that day."""

    sentences: ClassVar[dict[str, str]] = {
        "what": "Say what is to be done",
        "due": "Enter the day by which it is to be done, such as 27 3 2027",
        "assignee": "Choose who is to do it",
    }
    what: Line
    due: date
    assignee: Line


class HandingOver(Incoming):
    sentences: ClassVar[dict[str, str]] = {
        "to": "Choose a colleague",
        "hand_over_words": "Say in a few words where the case stands, for your colleague",
    }
    to: Line
    hand_over_words: Text


class GoingAway(Incoming):
    sentences: ClassVar[dict[str, str]] = {
        "advisor": "Choose who will be away",
        "deputy": "Choose who acts meanwhile",
        "first": "Enter the first day away, such as 27 3 2027",
        "last": "Enter the last day away, such as 29 3 2027",
    }
    advisor: Line
    deputy: Line
    first: date
    last: date


PLACES = {"log": "log", "note": "notes", "task": "tasks", "hand_over": "hand-over"}
"""Where on the case's page each form stands."""
Work = Callable[[Tx], Awaitable[object]]


async def on_case(
    part: str,
    form: Form[Any],
    work: Work,
    *,
    page: PageOf,
    db: Database,
    who: Principal,
    once: OnceOnly,
    case_id: CaseId,
) -> Response:
    """Do one step on a case and go back to its part of the page; what is wrong is said there, with what was typed."""

    async def done(tx: Tx) -> str:
        await work(tx)
        return f"/desk/cases/{case_id}#{PLACES[part]}"

    if form.valid:
        try:
            return await once.redirect(done)
        except Refused as refused:
            form.refuse(next(iter(form.values), part), str(refused))
    async with db.reading() as tx:
        return await show_case(page, tx, who, case_id, **{part: form})


@router.post(f"{HERE}/contact", dependencies=ADVISORS)
async def contacted(case_id: CaseId, who: Who, once: Once) -> Response:
    """Log, by one press, that the requester was reached by telephone just now; the contact clock stops (R12)."""

    async def work(tx: Tx) -> str:
        await log.write(tx, case_id, Talk(reached=True), colleague(who))
        return f"/desk/cases/{case_id}"

    return await once.redirect(work)


@router.post(f"{HERE}/log", dependencies=ADVISORS)
async def write_log(case_id: CaseId, request: Request, page: Page, db: Db, who: Who, once: Once) -> Response:
    """Add a line to the contact log."""
    form = await Form.read(request, Logging)

    async def work(tx: Tx) -> None:
        said = form.model
        at = await _office_instant(tx, case_id, said.on, said.at)
        talk = Talk(channel=said.channel, direction=said.direction, with_whom=said.with_whom,
                    reached=said.reached == "yes", words=said.words, at=at)  # fmt: skip
        await log.write(tx, case_id, talk, colleague(who))

    return await on_case("log", form, work, page=page, db=db, who=who, once=once, case_id=case_id)


async def _office_instant(tx: Tx, case_id: CaseId, on: date | None, at: time | None) -> datetime | None:
    if on is None and at is None:
        return None
    calendar = programme.load((await store.load_case(tx, case_id)).programme).calendar
    day = on or calendar.local_date(tx.now)
    return rules.instant_of(day, at or time(12), calendar.zone)


@router.post(f"{HERE}/notes", dependencies=ADVISORS)
async def write_note(case_id: CaseId, request: Request, page: Page, db: Db, who: Who, once: Once) -> Response:
    """Keep a note for colleagues; nobody on the patient's side reads it."""
    form = await Form.read(request, Noting)

    async def work(tx: Tx) -> None:
        await log.note(tx, case_id, form.model.note, colleague(who))

    return await on_case("note", form, work, page=page, db=db, who=who, once=once, case_id=case_id)


@router.post(f"{HERE}/tasks", dependencies=ADVISORS)
async def set_task(case_id: CaseId, request: Request, page: Page, db: Db, who: Who, once: Once) -> Response:
    """Set a task; on its day it comes to the desk."""
    form = await Form.read(request, Setting)

    async def work(tx: Tx) -> None:
        wanted = form.model
        closes = programme.load((await store.load_case(tx, case_id)).programme).calendar.closing(wanted.due)
        await colleagues.known(tx, colleague(who))
        await tasks.set_task(tx, case_id, wanted.what, closes, wanted.assignee, colleague(who))

    return await on_case("task", form, work, page=page, db=db, who=who, once=once, case_id=case_id)


@router.post(HERE + "/tasks/{task_id}/{how}", dependencies=ADVISORS)
async def end_task(case_id: CaseId, task_id: UUID, how: Literal["done", "dropped"], who: Who, once: Once) -> Response:
    """Mark a task as done, or drop it."""

    async def work(tx: Tx) -> str:
        await tasks.end_task(tx, case_id, task_id, how, colleague(who))
        return f"/desk/cases/{case_id}#tasks"

    return await once.redirect(work)


@router.post(f"{HERE}/take", dependencies=ADVISORS)
async def take(case_id: CaseId, who: Who, once: Once) -> Response:
    """Make the case one's own."""

    async def work(tx: Tx) -> str:
        await colleagues.take(tx, case_id, colleague(who))
        return f"/desk/cases/{case_id}"

    return await once.redirect(work)


@router.post(f"{HERE}/hand-over", dependencies=ADVISORS)
async def hand_over(case_id: CaseId, request: Request, page: Page, db: Db, who: Who, once: Once) -> Response:
    """Give the case to a colleague, with words."""
    form = await Form.read(request, HandingOver)

    async def work(tx: Tx) -> None:
        await colleagues.hand_over(tx, case_id, form.model.to, form.model.hand_over_words, colleague(who))

    return await on_case("hand_over", form, work, page=page, db=db, who=who, once=once, case_id=case_id)


@router.post(f"{HERE}/signature", dependencies=ADVISORS)
async def signature(case_id: CaseId, who: Who, once: Once) -> Response:
    """Note that the signature is here that was to follow a consent given by voice (R29)."""

    async def work(tx: Tx) -> str:
        await callers.note_signature(tx, case_id, colleague(who))
        return f"/desk/cases/{case_id}#request"

    return await once.redirect(work)


@router.get("/desk/colleagues", dependencies=ADVISORS)
async def who_is_there(page: Page, db: Db, who: Who) -> Response:
    """Who works here, who is away and who acts for them; one's own tasks."""
    return await _colleagues(page, db, who, Form.blank(advisor=who.subject))


async def _colleagues(page: PageOf, db: Database, who: Principal, form: Form[GoingAway]) -> Response:
    async with db.reading() as tx:
        return page(
            "desk_colleagues.html", status=422 if form.errors else 200, form=form, colleagues=await roster.advisors(tx),
            absences=await roster.open_absences(tx), tasks=await talks.open_tasks_of(tx, who.subject),
        )  # fmt: skip


@router.post("/desk/colleagues", dependencies=ADVISORS)
async def go_away(request: Request, page: Page, db: Db, who: Who, once: Once, ctx: Ctx) -> Response:
    """Enter an absence: from the start of its first day to the end of its last, on the office's clock."""
    form = await Form.read(request, GoingAway)
    zone = programme.current(ctx.settings.programme).calendar.zone

    async def work(tx: Tx) -> str:
        away = form.model
        starts = rules.instant_of(away.first, time(0), zone)
        ends = rules.instant_of(away.last, time(23, 59), zone)
        await colleagues.enter_absence(tx, away.advisor, away.deputy, starts, ends, colleague(who))
        return "/desk/colleagues"

    if form.valid:
        try:
            return await once.redirect(work)
        except Refused as refused:
            form.refuse("deputy", str(refused))
    return await _colleagues(page, db, who, form)


@router.post("/desk/colleagues/absences/{absence_id}/end", dependencies=ADVISORS)
async def come_back(absence_id: UUID, who: Who, once: Once) -> Response:
    """End an absence now; what is still theirs goes back."""

    async def work(tx: Tx) -> str:
        await colleagues.come_back(tx, absence_id, colleague(who))
        return "/desk/colleagues"

    return await once.redirect(work)
