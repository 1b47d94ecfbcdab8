"""The JSON interface of the case manager's desk: worklist, threads, reminders, absences and hand-overs (R22)."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from services.records import desks, guides, talking
from services.records.domain import Thread, threads
from services.records.domain.worklist import Sort, View, Waits, chosen
from services.records.store import guides as roster
from services.records.store import talks, worklist
from services.records.views import Accept, Made
from services.records.views_desk import (
    AbsenceView,
    BeingAway,
    Chasing,
    HandingOver,
    HandOversView,
    HandOverView,
    ManagersView,
    ManagerView,
    Reading,
    ThreadsView,
    ThreadView,
    WorklistView,
    WorkView,
    Write,
)
from shared.db import Tx
from shared.ids import CaseId
from shared.web import Db, Once, Principal, Role, Who, allow

office = APIRouter(prefix="/api/records", tags=["records"], dependencies=[Depends(desks.in_words)])
router = APIRouter(prefix="/api/records/cases/{case_id}", tags=["records"], dependencies=[Depends(desks.in_words)])

MANAGER = allow(Role.CASE_MANAGER)
OVERSEES = allow(Role.CASE_MANAGER, *desks.PRIVACY)
TALKERS = allow(Role.CASE_MANAGER, *desks.PATIENT_SIDE)
LONGEST_PAGE = 500


@office.get("/worklist", dependencies=[OVERSEES])
async def work(
    db: Db,
    waits: Annotated[list[Waits] | None, Query()] = None,
    missing: Annotated[list[str] | None, Query()] = None,
    manager: Annotated[list[str] | None, Query()] = None,
    sort: Sort = Sort.WAITING,
    limit: Annotated[int, Query(ge=1, le=LONGEST_PAGE)] = 100,
) -> WorklistView:
    """Return what cases wait for, narrowed and ordered; ``total`` counts all that fit."""
    view = View(frozenset(map(str, waits or ())), frozenset(missing or ()), frozenset(manager or ()), sort)
    async with db.reading() as tx:
        found = chosen(await worklist.lines(tx), view)
    return WorklistView(total=len(found), cases=[WorkView.of(one) for one in found[:limit]])


@office.get("/managers", dependencies=[OVERSEES])
async def managers(db: Db) -> ManagersView:
    """Return the roster with loads, and the absences that haven't ended."""
    async with db.reading() as tx:
        known, absences = await roster.listed(tx), await roster.open_absences(tx)
    return ManagersView(
        managers=[ManagerView.of(one) for one in known], absences=[AbsenceView.of(one) for one in absences]
    )


@office.post("/absences", status_code=201, response_model=Made, dependencies=[MANAGER])
async def enter_absence(sent: BeingAway, who: Who, once: Once) -> Any:
    """Write down that a case manager is away from one day to another; their cases go on and come back by themselves."""

    async def enter(tx: Tx) -> Made:
        starts, ends = days(sent.first_day, sent.last_day)
        by = desks.person(who)
        return Made(id=await guides.enter_absence(tx, sent.manager, sent.deputy, starts, ends, by))

    return await once.run(enter, 201)


@office.post("/absences/{absence_id}/end", response_model=Made, dependencies=[MANAGER])
async def come_back(absence_id: UUID, _sent: Accept, once: Once) -> Any:
    """End an absence now."""

    async def end(tx: Tx) -> Made:
        await guides.come_back(tx, absence_id)
        return Made(id=absence_id)

    return await once.run(end)


def days(first: date, last: date) -> tuple[datetime, datetime]:
    """Return from when to when somebody is away on these days (UTC)."""
    return datetime.combine(first, time(), UTC), datetime.combine(last, time(), UTC) + timedelta(days=1)


@router.get("/hand-overs", dependencies=[OVERSEES])
async def hand_overs(case_id: UUID, who: Who, db: Db) -> HandOversView:
    """Return how the case went from one case manager to another."""
    async with db.reading() as tx:
        await desks.see(tx, who, case_id)
        return HandOversView(
            hand_overs=[HandOverView.of(one) for one in await roster.hand_overs_of(tx, CaseId(case_id))]
        )


@router.post("/hand-overs", status_code=201, response_model=Made, dependencies=[MANAGER])
async def hand_over(case_id: UUID, sent: HandingOver, who: Who, once: Once) -> Any:
    """Give the case to a colleague for good."""

    async def give(tx: Tx) -> Made:
        await guides.hand_over(tx, CaseId(case_id), sent.to, sent.words, desks.person(who))
        return Made()

    return await once.run(give, 201)


@router.post("/reminders", status_code=201, response_model=Made, dependencies=[MANAGER])
async def chase(case_id: UUID, sent: Chasing, who: Who, once: Once) -> Any:
    """Have a reminder sent by letter, in its reader's language."""

    async def remind(tx: Tx) -> Made:
        return Made(id=await talking.chase(tx, CaseId(case_id), sent.template, sent.audience, desks.person(who)))

    return await once.run(remind, 201)


@router.get("/threads", dependencies=[TALKERS])
async def talks_of(case_id: UUID, who: Who, db: Db) -> ThreadsView:
    """Return the threads that the reader is part of; the desk sees all."""
    async with db.reading() as tx:
        found = await threads_for(tx, who, case_id)
    return ThreadsView(threads=[ThreadView.of(one) for of_line in found.values() for one in of_line])


@router.post("/items/{item_id}/messages", status_code=201, response_model=Made, dependencies=[TALKERS])
async def write(case_id: UUID, item_id: UUID, sent: Write, who: Who, once: Once) -> Any:
    """Ask or answer something on a line of the checklist."""

    async def say(tx: Tx) -> Made:
        return Made(id=await said(tx, who, case_id, item_id, sent.text, sent.party))

    return await once.run(say, 201)


@router.post("/items/{item_id}/messages/read", response_model=Made, dependencies=[TALKERS])
async def read(case_id: UUID, item_id: UUID, sent: Reading, who: Who, once: Once) -> Any:
    """Say that what the other side wrote was read and needs no answer."""

    async def mark(tx: Tx) -> Made:
        await was_read(tx, who, case_id, item_id, sent.party)
        return Made(id=item_id)

    return await once.run(mark)


async def threads_for(tx: Tx, who: Principal, case_id: UUID) -> dict[UUID, list[Thread]]:
    """Return the threads of each line that somebody may see."""
    await desks.see(tx, who, case_id)
    found = threads(await talks.messages_of(tx, CaseId(case_id)))
    if who.is_staff:
        return dict(found)
    mine = desks.party_of(await desks.part_of(tx, who, case_id))
    return {item: kept for item, every in found.items() if (kept := [one for one in every if one.party == mine])}


async def said(tx: Tx, who: Principal, case_id: UUID, item_id: UUID, text: str, party: str) -> UUID:
    """Write on a line that the writer sees: the desk in the party's thread, a sender in their own."""
    (await desks.see(tx, who, case_id)).item(item_id)
    if not who.is_staff:
        party = desks.party_of(await desks.part_of(tx, who, case_id))
    by = desks.person(who)
    return await talking.write(tx, CaseId(case_id), item_id, party, text, by, from_desk=who.is_staff)


async def was_read(tx: Tx, who: Principal, case_id: UUID, item_id: UUID, party: str) -> None:
    """Mark a thread as read by the reader's side."""
    (await desks.see(tx, who, case_id)).item(item_id)
    if not who.is_staff:
        party = desks.party_of(await desks.part_of(tx, who, case_id))
    await talking.mark_read(tx, CaseId(case_id), item_id, party, desks.person(who), by_desk=who.is_staff)
