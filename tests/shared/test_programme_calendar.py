"""The business-day clock against a brute-force walk over three years in six zones, and by hand at the hard places."""

import subprocess
import sys
from bisect import bisect_right
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import holidays
import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from shared import programme
from shared.programme import OfficeCalendar
from shared.programme.calendar import KNOWN

FIRST = datetime(2025, 1, 1, tzinfo=UTC)
LAST = datetime(2027, 12, 15, tzinfo=UTC)
QUARTER = timedelta(minutes=15)
NEW_YORK = programme.current("msk_international").calendar
KUWAIT = programme.current("harborlight_integrative").calendar


def office(
    zone: str, country: str, closes: time, days: tuple[str, ...] = ("mon", "tue", "wed", "thu", "fri")
) -> OfficeCalendar:
    return OfficeCalendar.model_validate(
        {"zone": zone, "days": days, "opens": time(9), "closes": closes, "country": country}
    )


OFFICES = {
    "America/New_York": NEW_YORK,
    "Asia/Kuwait": KUWAIT,
    "Europe/Lisbon": office("Europe/Lisbon", "PT", time(17)),
    "Australia/Lord_Howe": office("Australia/Lord_Howe", "AU", time(16, 30)),
    "Asia/Kathmandu": office("Asia/Kathmandu", "IN", time(17, 15), ("sun", "mon", "tue", "wed", "thu")),
    "America/St_Johns": office("America/St_Johns", "CA", time(23, 45)),
}


@cache
def closings_by_walking(zone: str) -> list[tuple[date, datetime]]:
    """Every closing in three years, found by looking at the wall clock each quarter of an hour."""
    calendar = OFFICES[zone]
    public = holidays.country_holidays(calendar.country, subdiv=calendar.subdivision)
    wall = ZoneInfo(zone)
    found, at = [], FIRST
    while at < LAST + timedelta(days=20):
        local = at.astimezone(wall)
        if local.time() == calendar.closes and f"{local:%a}".lower() in calendar.days:
            day = local.date()
            if day not in public and day not in calendar.also_closed:
                found.append((day, at))
        at += QUARTER
    return found


def nth_closing_after(zone: str, at: datetime, nth: int) -> datetime:
    closings = closings_by_walking(zone)
    today = at.astimezone(ZoneInfo(zone)).date()
    return closings[bisect_right(closings, today, key=lambda closing: closing[0]) + nth - 1][1]


@pytest.mark.parametrize("zone", OFFICES)
def test_every_fifth_hour_of_three_years_agrees_with_the_walk(zone: str) -> None:
    calendar, at = OFFICES[zone], FIRST
    while at < LAST:
        assert calendar.next_business_day_end(at) == nth_closing_after(zone, at, 1), at
        assert calendar.contact_due(at) == nth_closing_after(zone, at, calendar.contact_business_days), at
        at += timedelta(hours=5)


@given(st.sampled_from(list(OFFICES)), st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None)))
def test_any_instant_agrees_with_the_walk(zone: str, moment: datetime) -> None:
    at = moment.replace(tzinfo=UTC)
    calendar = OFFICES[zone]
    due = calendar.next_business_day_end(at)
    assert due == nth_closing_after(zone, at, 1)
    assert calendar.contact_due(at) == nth_closing_after(zone, at, calendar.contact_business_days)
    assert due > at
    assert due.tzinfo is UTC
    assert calendar.is_business_day(calendar.local_date(due))
    assert not calendar.is_open(due)
    assert calendar.is_open(due - timedelta(seconds=1))


@given(
    st.sampled_from(list(OFFICES)),
    st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None)),
    st.integers(1, 10),
)
def test_a_programme_that_allows_more_days_is_due_as_many_closings_later(
    zone: str, moment: datetime, days: int
) -> None:
    at = moment.replace(tzinfo=UTC)
    patient = OFFICES[zone].model_copy(update={"contact_business_days": days})
    assert patient.contact_due(at) == nth_closing_after(zone, at, days)


@given(st.sampled_from(list(OFFICES)), st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None)))
def test_it_is_open_exactly_between_opening_and_closing_of_a_day_that_the_walk_finds(
    zone: str, moment: datetime
) -> None:
    at, calendar = moment.replace(tzinfo=UTC), OFFICES[zone]
    local = at.astimezone(ZoneInfo(zone))
    walked = local.date() in {day for day, _ in closings_by_walking(zone)}
    assert calendar.is_open(at) == (walked and calendar.opens <= local.time() < calendar.closes)


@given(
    st.sampled_from(list(OFFICES)),
    st.datetimes(FIRST.replace(tzinfo=None), LAST.replace(tzinfo=None)),
    st.timedeltas(timedelta(0), timedelta(days=9)),
)
def test_who_asks_later_is_never_due_earlier(zone: str, moment: datetime, later: timedelta) -> None:
    at = moment.replace(tzinfo=UTC)
    assert OFFICES[zone].contact_due(at) <= OFFICES[zone].contact_due(at + later)


NEW_YORK_BY_HAND = {
    "a Tuesday morning is due on Wednesday at five": ("2026-05-05T14:00Z", "2026-05-06T21:00Z"),
    "a Friday is due on Monday": ("2026-05-08T14:00Z", "2026-05-11T21:00Z"),
    "a Saturday is due on Monday": ("2026-05-09T14:00Z", "2026-05-11T21:00Z"),
    "before midnight in New York it is still Tuesday": ("2026-05-06T03:59Z", "2026-05-06T21:00Z"),
    "Thanksgiving is skipped": ("2026-11-25T15:00Z", "2026-11-27T22:00Z"),
    "Independence Day on a Saturday closes the Friday": ("2026-07-02T15:00Z", "2026-07-06T21:00Z"),
    "over the change to summer time": ("2026-03-06T22:30Z", "2026-03-09T21:00Z"),
    "over the change to winter time": ("2026-10-30T15:00Z", "2026-11-02T22:00Z"),
}


@pytest.mark.parametrize(("asked", "due"), NEW_YORK_BY_HAND.values(), ids=NEW_YORK_BY_HAND)
def test_the_contact_clock_in_new_york(asked: str, due: str) -> None:
    assert NEW_YORK.contact_due(datetime.fromisoformat(asked)) == datetime.fromisoformat(due)


def test_kuwait_works_on_sunday_and_allows_two_days() -> None:
    thursday = datetime(2026, 5, 7, 9, tzinfo=UTC)
    assert KUWAIT.next_business_day_end(thursday) == datetime(2026, 5, 10, 12, 30, tzinfo=UTC)
    assert KUWAIT.contact_due(thursday) == datetime(2026, 5, 11, 12, 30, tzinfo=UTC)
    assert not KUWAIT.is_business_day(date(2026, 12, 31))


@pytest.mark.parametrize(
    ("at", "is_open"),
    [
        ("2026-05-05T12:59:59Z", False),
        ("2026-05-05T13:00Z", True),
        ("2026-05-05T20:59:59Z", True),
        ("2026-05-05T21:00Z", False),
        ("2026-05-09T15:00Z", False),
        ("2026-12-25T15:00Z", False),
    ],
)
def test_the_office_answers_from_nine_to_five_on_business_days(at: str, is_open: bool) -> None:
    assert NEW_YORK.is_open(datetime.fromisoformat(at)) is is_open


def test_an_instant_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        NEW_YORK.contact_due(datetime(2026, 5, 5, 12))  # noqa: DTZ001 - the point of the test


def test_an_office_that_never_opens_again_is_an_error_and_no_endless_loop() -> None:
    closed = tuple(date(2026, 1, 1) + timedelta(days=day) for day in range(200))
    shut = NEW_YORK.model_copy(update={"also_closed": closed})
    with pytest.raises(ValueError, match="stays closed for 60 days after 2026-01-05"):
        shut.contact_due(datetime(2026, 1, 5, 15, tzinfo=UTC))


def test_places_that_are_taken_to_be_known_are() -> None:
    for country, subdivision in KNOWN:
        assert holidays.country_holidays(country, subdiv=subdivision, years=2026)


def test_a_year_whose_holidays_nobody_knows_is_told_to_the_log_and_stops_no_clock() -> None:
    far = (date(holidays.country_holidays("LK").end_year + 1, 1, 1), date(9999, 6, 1))
    colombo = office("Asia/Colombo", "LK", time(17))
    with structlog.testing.capture_logs() as said:
        for day in (far[0], far[0] + timedelta(days=1), far[1]):
            assert colombo.contact_due(datetime.combine(day, time(9), UTC))
    assert [(one["event"], one["log_level"], one["year"]) for one in said] == [
        ("public_holidays_unknown", "error", day.year) for day in far
    ]


def test_reading_our_programmes_reads_no_library_of_holidays() -> None:
    code = (
        "import sys; from shared.programme import all_programmes; all_programmes(); sys.exit('holidays' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
