"""When one may be rung, and who can interpret: rules over wall clocks, against a brute-force reading of them."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from services.intake import zones
from services.intake.contact.log import Talk
from services.intake.contact.rules import (
    Shift,
    Window,
    doubts,
    free_for,
    free_until,
    instant_of,
    is_sensible,
    next_free,
    next_try,
    office_answers,
    office_hours,
    soonest,
)
from services.intake.domain import Refused
from shared import programme

RULES = programme.current("msk_international")
OFFICE, CALLS = RULES.calendar, RULES.call_backs
ZONES = ("America/New_York", "Europe/Berlin", "Asia/Kolkata", "Asia/Shanghai", "Australia/Sydney", "Asia/Kathmandu",
         "America/Sao_Paulo", "Pacific/Apia", "Africa/Cairo", "Australia/Lord_Howe")  # fmt: skip
QUARTER = timedelta(minutes=15)
instants = st.integers(0, 3 * 365 * 96).map(
    lambda quarters: datetime(2026, 1, 1, tzinfo=UTC) + quarters * timedelta(minutes=15)
)
zone_names = st.sampled_from(ZONES)


@given(st.dates(date(2026, 1, 1), date(2028, 12, 31)), st.times().map(lambda t: t.replace(microsecond=0)), zone_names)
def test_a_time_on_a_wall_is_the_instant_when_that_wall_shows_it_or_is_refused(day: date, at: time, zone: str) -> None:
    there = ZoneInfo(zone)
    first = min(datetime.combine(day, at, there).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
    try:
        instant = instant_of(day, at, zone)
    except Refused:
        shown = {
            (datetime.combine(day, at, there).replace(fold=fold).astimezone(UTC)).astimezone(there).time()
            for fold in (0, 1)
        }
        assert at not in shown
    else:
        assert instant.astimezone(there).replace(tzinfo=None) == datetime.combine(day, at)
        assert instant == first


def test_a_time_that_the_clocks_jump_over_is_refused_and_one_that_comes_twice_is_the_first() -> None:
    with pytest.raises(Refused, match="skip this time"):
        instant_of(date(2027, 3, 14), time(2, 30), "America/New_York")
    assert instant_of(date(2027, 11, 7), time(1, 30), "America/New_York") == datetime(2027, 11, 7, 5, 30, tzinfo=UTC)


@given(instants)
def test_the_office_answers_exactly_when_its_calendar_says_so(at: datetime) -> None:
    assert office_answers(OFFICE, at) == OFFICE.is_open(at)
    hours = next(office_hours(OFFICE, at))
    assert hours.closes > at


@given(instants, zone_names)
def test_the_soonest_call_is_in_office_hours_and_no_quarter_of_an_hour_before_would_have_done(
    at: datetime, zone: str
) -> None:
    found = soonest(OFFICE, CALLS, zone, at)
    assert found >= at
    assert OFFICE.is_open(found)
    earlier = at
    for _ in range(14 * 96):
        if OFFICE.is_open(earlier) and is_sensible(CALLS, earlier, zone):
            assert found <= earlier
            assert is_sensible(CALLS, found, zone)
            return
        earlier += QUARTER
        if earlier >= found and is_sensible(CALLS, found, zone):
            return
    assert not is_sensible(CALLS, found, zone), "nothing sensible for a fortnight, so the office decides"


@given(instants, zone_names, st.integers(0, 14 * 96))
def test_the_next_try_keeps_its_distance_and_the_offices_hours(wished: datetime, zone: str, later: int) -> None:
    tried = wished + later * QUARTER
    again = next_try(OFFICE, CALLS, zone, wished, tried)
    assert again >= tried + CALLS.spacing
    assert OFFICE.is_open(again)
    assert again - tried < timedelta(days=15)


def test_where_office_and_day_never_meet_the_time_of_day_that_was_wished_counts() -> None:
    """In Perth it is 22:00 to 06:00 while New York works, in winter."""
    wished = instant_of(date(2027, 1, 12), time(22, 30), "Australia/Perth")
    assert OFFICE.is_open(wished)
    again = next_try(OFFICE, CALLS, "Australia/Perth", wished, wished)
    assert again == instant_of(date(2027, 1, 13), time(22, 30), "Australia/Perth")


def test_a_try_late_on_friday_is_repeated_on_monday() -> None:
    friday = datetime(2027, 3, 5, 21, 30, tzinfo=UTC)
    assert next_try(OFFICE, CALLS, "America/Bogota", friday, friday) == datetime(2027, 3, 8, 14, 0, tzinfo=UTC)


def test_doubts_say_what_speaks_against_a_time() -> None:
    nobody_there = datetime(2027, 3, 6, 15, 0, tzinfo=UTC)
    assert doubts(OFFICE, CALLS, "America/New_York", nobody_there) == ["The office is closed at that time."]
    night = datetime(2027, 3, 1, 15, 0, tzinfo=UTC)
    assert doubts(OFFICE, CALLS, "Asia/Tokyo", night) == ["It is night at that time where the caller is."]
    assert doubts(OFFICE, CALLS, "America/Sao_Paulo", night) == []


shifts_of = st.lists(
    st.builds(
        Shift,
        st.frozensets(st.integers(0, 6), min_size=1),
        st.integers(0, 95).map(lambda q: time(q // 4, q % 4 * 15)),
        st.integers(0, 95).map(lambda q: time(q // 4, q % 4 * 15)),
    ),
    min_size=1, max_size=3,
)  # fmt: skip


def on_duty(shifts: list[Shift], wall: datetime) -> bool:
    """Read the roster as a person does, who looks at the wall."""
    for shift in shifts:
        overnight = shift.ends <= shift.starts
        today, yesterday = wall.weekday() in shift.days, (wall.weekday() - 1) % 7 in shift.days
        if today and shift.starts <= wall.time() and (overnight or wall.time() < shift.ends):
            return True
        if overnight and yesterday and wall.time() < shift.ends:
            return True
    return False


@given(shifts_of, zone_names, instants, st.lists(st.tuples(st.integers(-8, 60), st.integers(1, 8)), max_size=4))
def test_who_is_free_until_when_is_what_a_person_reads_off_the_roster(
    shifts: list[Shift], zone: str, at: datetime, bookings: list[tuple[int, int]]
) -> None:
    there = ZoneInfo(zone)
    offsets = {(at + timedelta(hours=h)).astimezone(there).utcoffset() for h in range(-60, 240, 6)}
    assume(len(offsets) == 1)
    at = at - timedelta(minutes=at.astimezone(there).minute % 15)
    busy = [Window(at + begin * QUARTER, at + (begin + length) * QUARTER) for begin, length in bookings]

    def free(moment: datetime) -> bool:
        return on_duty(shifts, moment.astimezone(there).replace(tzinfo=None)) and not any(moment in one for one in busy)

    until = free_until(shifts, zone, busy, at)
    assert (until is not None) == free(at)
    if until is not None:
        moment = at
        while moment < min(until, at + timedelta(days=6)):
            assert free(moment)
            moment += QUARTER
        if until < at + timedelta(days=6):
            assert not free(until)
        assert free_for(shifts, zone, busy, Window(at, until))
        assert not free_for(shifts, zone, busy, Window(at, until + QUARTER))
    later = next_free(shifts, zone, busy, at)
    if later is not None and later < at + timedelta(days=6):
        assert free(later)
        steps = int((later - at) / QUARTER)
        assert not any(free(at + step * QUARTER) for step in range(steps))


def test_a_night_shift_ends_the_next_morning_also_when_the_clocks_change() -> None:
    night = [Shift(frozenset({5}), time(22), time(6))]
    saturday = datetime(2027, 3, 14, 4, 0, tzinfo=UTC)  # 23:00 in New York; the clocks go forward at 2:00
    assert free_until(night, "America/New_York", [], saturday) == datetime(2027, 3, 14, 10, 0, tzinfo=UTC)


def test_a_real_contact_is_one_in_which_we_reached_them() -> None:
    assert Talk(reached=True).is_contact
    assert Talk(channel="email", direction="out", reached=True).is_contact
    assert Talk(direction="in", reached=True, with_whom="patient").is_contact
    assert not Talk(channel="email", direction="in", reached=True).is_contact, "we only got a letter"
    assert not Talk(reached=False).is_contact
    assert not Talk(reached=True, with_whom="other").is_contact


def test_zones_are_offered_by_country_with_the_city_where_a_country_has_several() -> None:
    offered = dict(zones.by_country("en"))
    assert {"Asia/Tokyo", "Europe/Berlin", "America/Sao_Paulo"} <= offered.keys()
    assert (offered["Asia/Tokyo"], offered["America/Sao_Paulo"]) == ("Japan", "Brazil – Sao Paulo")
    assert dict(zones.by_country("ar"))["Asia/Tokyo"] == "اليابان"
    assert dict(zones.by_country("zh_Hans"))["America/Argentina/Buenos_Aires"] == "阿根廷 – 布宜诺斯艾利斯"
