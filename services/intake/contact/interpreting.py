"""Interpreters (R11): who speaks a language right now, and who is booked for which call. Each step is one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.intake import store
from services.intake.contact import rules
from services.intake.contact.colleagues import Colleague, known
from services.intake.contact.rules import Shift, Window
from services.intake.domain import Refused, Step, check_may
from services.intake.store import call_backs, interpreters
from services.intake.store.interpreters import Interpreter
from services.intake.values import Language, Line, Phone
from services.intake.zones import Zone
from shared.db import Tx
from shared.ids import CaseId, new_id

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]


class Hours(BaseModel):
    """Working hours on the interpreter's own wall clock; an end not after the start is the next morning's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    days: tuple[Day, ...] = Field(min_length=1, max_length=7)
    starts: time
    ends: time

    def shift(self) -> Shift:
        return Shift(frozenset(DAYS.index(day) for day in self.days), self.starts, self.ends)


class Entry(BaseModel):
    """An interpreter as the roster has them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Line
    phone: Phone
    zone: Zone
    languages: tuple[Language, ...] = Field(min_length=1, max_length=20)
    active: bool = True
    hours: tuple[Hours, ...] = Field(min_length=1, max_length=7)


@dataclass(frozen=True, slots=True)
class Speaker:
    """An interpreter as somebody sees them who has a caller on the line: free until when, or next free when."""

    interpreter: Interpreter
    until: datetime | None
    next_at: datetime | None


async def seed(tx: Tx, entries: list[Any]) -> None:
    """Load the roster; loading it again brings entries up to date, by name."""
    for entry in (Entry.model_validate(one) for one in entries):
        await _keep(tx, await interpreters.id_of(tx, entry.name) or new_id(), entry)


async def keep(tx: Tx, interpreter_id: UUID, entry: Entry, version: int | None) -> None:
    """Add somebody to the roster, or change their entry as it was seen (`version`)."""
    there = await interpreters.lock(tx, interpreter_id)
    if (there.version if there else None) != version:
        raise Refused("Somebody else changed this entry meanwhile. Open it again.")
    same_name = await interpreters.id_of(tx, entry.name)
    if same_name not in (None, interpreter_id):
        raise Refused("Somebody of this name is on the roster already. Tell the two apart.")
    await _keep(tx, interpreter_id, entry)


async def _keep(tx: Tx, interpreter_id: UUID, entry: Entry) -> None:
    await interpreters.keep(
        tx, interpreter_id, entry.name, entry.phone, entry.zone, entry.languages, entry.active,
        [hours.shift() for hours in entry.hours],
    )  # fmt: skip


async def speaking(tx: Tx, language: str, at: datetime | None = None) -> list[Speaker]:
    """Return who interprets this language at an instant (now): the free ones first, whoever is free longest on top."""
    at = at or tx.now
    return ranked(await interpreters.speaking(tx, language), at)


def ranked(found: Iterable[Interpreter], at: datetime) -> list[Speaker]:
    """Sort by how long they are free from `at` on; then those off duty, the next one first."""
    speakers = []
    for one in found:
        until = rules.free_until(one.shifts, one.zone, one.busy, at)
        later = None if until else rules.next_free(one.shifts, one.zone, one.busy, at)
        speakers.append(Speaker(one, until, later))
    far = timedelta(days=3650)
    return sorted(
        speakers,
        key=lambda one: (
            one.until is None,
            -(one.until or at).timestamp(),
            one.next_at or at + far,
            one.interpreter.name,
        ),
    )


async def book(
    tx: Tx,
    interpreter_id: UUID,
    starts: datetime,
    lasts: timedelta,
    by: Colleague,
    *,
    case_id: CaseId | None = None,
    call_back_id: UUID | None = None,
) -> UUID:
    """Book an interpreter for a call; of two bookings for the same time the second is refused."""
    if call_back_id is not None:
        call = await call_backs.load(tx, call_back_id)
        if call is None or call.state != "booked":
            raise Refused("This call is over already.")
        case_id = call.case_id
    if case_id is not None:
        case = await store.lock_case(tx, case_id)
        check_may(Step.WORK, case.stage)
    interpreter = await interpreters.lock(tx, interpreter_id)
    call_window = Window(starts, starts + lasts)
    if interpreter is None or not interpreter.active:
        raise Refused("This interpreter isn't on the roster any more. Choose another.")
    if not rules.free_for(interpreter.shifts, interpreter.zone, interpreter.busy, call_window):
        raise Refused(f"{interpreter.name} isn't free for all of that time. Choose another, or another time.")
    if call_back_id is not None:
        await interpreters.cancel_for_call_back(tx, call_back_id)
    booking_id = new_id()
    await interpreters.insert_booking(
        tx, booking_id, interpreter_id, call_window, case_id, call_back_id, await known(tx, by)
    )
    return booking_id
