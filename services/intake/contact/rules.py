"""When somebody may be called, and who can interpret: pure rules over wall clocks in several zones. `now` is an argument.

Instants go in and come out in UTC; a time on a wall becomes an instant in one place (`instant_of`), which knows that
some wall times don't exist.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from services.intake.domain import Refused
from services.intake.values import N_

_DAY = timedelta(days=1)
_LOOK_AHEAD = 70
_FORTNIGHT = timedelta(days=14)


class Office(Protocol):
    """The part of the office's calendar that says when somebody answers (R10)."""

    @property
    def zone(self) -> str: ...
    @property
    def opens(self) -> time: ...
    def is_business_day(self, day: date) -> bool: ...
    def local_date(self, at: datetime) -> date: ...
    def closing(self, day: date) -> datetime: ...


class Rule(Protocol):
    """The programme's rule for calls back (R11, R18)."""

    @property
    def tries(self) -> int: ...
    @property
    def spacing(self) -> timedelta: ...
    @property
    def sensible_from(self) -> time: ...
    @property
    def sensible_to(self) -> time: ...


@dataclass(frozen=True, slots=True)
class Window:
    """From `opens` until just before `closes`."""

    opens: datetime
    closes: datetime

    def __contains__(self, at: datetime) -> bool:
        return self.opens <= at < self.closes


@dataclass(frozen=True, slots=True)
class Shift:
    """Hours on the wall of an interpreter's own zone; `days` are 0 (Monday) to 6; an end not after the start is tomorrow's."""

    days: frozenset[int]
    starts: time
    ends: time


def instant_of(day: date, at: time, zone: str) -> datetime:
    """Return the instant when this wall shows this time; the first of two. Refused when the clocks jump over it."""
    wall = datetime.combine(day, at)
    try:
        instant = wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    except OverflowError:
        raise Refused(N_("Choose another day.")) from None
    if instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) != wall:
        raise Refused(N_("Clocks go forward that day and skip this time. Choose another time."))
    return instant


def office_hours(office: Office, at: datetime) -> Iterator[Window]:
    """Yield the office's hours that are not over at `at`, earliest first, as far as ten weeks ahead."""
    for ahead in range(_LOOK_AHEAD):
        day = office.local_date(at) + ahead * _DAY
        if office.is_business_day(day):
            opens = datetime.combine(day, office.opens, ZoneInfo(office.zone)).astimezone(UTC)
            if office.closing(day) > at:
                yield Window(opens, office.closing(day))


def office_answers(office: Office, at: datetime) -> bool:
    """Return whether somebody is in the office at this instant."""
    return any(at in hours for hours in _first(office_hours(office, at)))


def is_sensible(rule: Rule, at: datetime, zone: str) -> bool:
    """Return whether one may ring at this instant where the caller is: not in their night."""
    return rule.sensible_from <= at.astimezone(ZoneInfo(zone)).time() < rule.sensible_to


def soonest(office: Office, rule: Rule, zone: str, at: datetime) -> datetime:
    """Return the first instant from `at` on when the office answers and it is no night where the caller is.

    Where these never meet within two weeks, the office's hours alone decide.
    """
    return _both(office, rule, zone, at) or _office_opens(office, at)


def next_try(office: Office, rule: Rule, zone: str, wished: datetime, tried_at: datetime) -> datetime:
    """Return when to ring again after nobody answered at `tried_at`: within the office's hours and the caller's day.

    Where office and the caller's day never meet, the wished time of day counts, which the caller chose themselves.
    """
    earliest = tried_at + rule.spacing
    return (
        _both(office, rule, zone, earliest)
        or _same_time(office, zone, wished, earliest)
        or _office_opens(office, earliest)
    )


def doubts(office: Office, rule: Rule, zone: str, at: datetime) -> list[str]:
    """Return what speaks against ringing at this instant: a sentence each; none when all is well."""
    found = []
    if not is_sensible(rule, at, zone):
        found.append(N_("It is night at that time where the caller is."))
    if not office_answers(office, at):
        found.append(N_("The office is closed at that time."))
    return found


def _first(windows: Iterator[Window]) -> Iterable[Window]:
    return [window] if (window := next(windows, None)) else []


def _both(office: Office, rule: Rule, zone: str, at: datetime) -> datetime | None:
    for hours in office_hours(office, at):
        if hours.opens > at + _FORTNIGHT:
            return None
        for day in _sensible_days(rule, zone, hours):
            start, end = max(hours.opens, day.opens, at), min(hours.closes, day.closes)
            if start < end:
                return start
    return None


def _sensible_days(rule: Rule, zone: str, around: Window) -> Iterator[Window]:
    there = ZoneInfo(zone)
    day, last = around.opens.astimezone(there).date() - _DAY, around.closes.astimezone(there).date()
    while day <= last:
        yield Window(
            datetime.combine(day, rule.sensible_from, there).astimezone(UTC),
            datetime.combine(day, rule.sensible_to, there).astimezone(UTC),
        )
        day += _DAY


def _same_time(office: Office, zone: str, wished: datetime, earliest: datetime) -> datetime | None:
    there = ZoneInfo(zone)
    clock, day = wished.astimezone(there).time(), earliest.astimezone(there).date()
    for ahead in range(_FORTNIGHT.days + 1):
        try:
            at = instant_of(day + ahead * _DAY, clock, zone)
        except Refused:
            continue
        if at >= earliest and office_answers(office, at):
            return at
    return None


def _office_opens(office: Office, at: datetime) -> datetime:
    for hours in office_hours(office, at):
        return max(hours.opens, at)
    raise Refused(N_("The office has no hours in the coming weeks."))


def free_until(shifts: Sequence[Shift], zone: str, busy: Iterable[Window], at: datetime) -> datetime | None:
    """Return until when an interpreter who is free at `at` stays so; None when off duty or booked then."""
    taken = list(busy)
    if any(at in window for window in taken):
        return None
    for duty in _duties(shifts, zone, at):
        if at in duty:
            return min([duty.closes, *(window.opens for window in taken if window.opens > at)])
    return None


def free_for(shifts: Sequence[Shift], zone: str, busy: Iterable[Window], call: Window) -> bool:
    """Return whether an interpreter is on duty and not booked for the whole of a call."""
    until = free_until(shifts, zone, busy, call.opens)
    return until is not None and until >= call.closes


def next_free(shifts: Sequence[Shift], zone: str, busy: Iterable[Window], at: datetime) -> datetime | None:
    """Return the first instant from `at` on, within eight days, when the interpreter is free; None when there is none."""
    taken = sorted(busy, key=lambda window: window.opens)
    for duty in _duties(shifts, zone, at):
        moment = max(duty.opens, at)
        for window in taken:
            if moment in window:
                moment = window.closes
        if moment < duty.closes:
            return moment
    return None


def _duties(shifts: Sequence[Shift], zone: str, at: datetime) -> list[Window]:
    """Return the hours on duty from the day before `at` to eight days after; shifts that touch become one."""
    there, today = ZoneInfo(zone), at.astimezone(ZoneInfo(zone)).date()
    raw = []
    for shift in shifts:
        for ahead in range(-1, 9):
            day = today + ahead * _DAY
            if day.weekday() in shift.days:
                last = day if shift.ends > shift.starts else day + _DAY
                opens = datetime.combine(day, shift.starts, there).astimezone(UTC)
                closes = datetime.combine(last, shift.ends, there).astimezone(UTC)
                if opens < closes:
                    raw.append(Window(opens, closes))
    merged: list[Window] = []
    for window in sorted(raw, key=lambda one: one.opens):
        if merged and window.opens <= merged[-1].closes:
            merged[-1] = Window(merged[-1].opens, max(merged[-1].closes, window.closes))
        else:
            merged.append(window)
    return [window for window in merged if window.closes > at]
