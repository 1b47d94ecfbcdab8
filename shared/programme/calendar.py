"""The office's calendar: when somebody is there, and by when "the next business day" is over (R10, R12)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, Field, model_validator

from shared import log
from shared.programme.values import Value

_log = log.get(__name__)

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_WEEK: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY = timedelta(days=1)
_LONGEST_CLOSURE = 60


KNOWN = frozenset({("US", "NY"), ("KW", None)})
"""Places whose holidays are known to be known: those of our programmes, so that not every process reads the library."""


@cache
def _public_holidays(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    """Return a year's holidays; none in a year that the library doesn't know, of which the log tells once a process."""
    import holidays  # 11 MiB, for those alone who ask for a day

    found = holidays.country_holidays(country, subdiv=subdivision, years=year)
    if not found.start_year <= year <= found.end_year:
        _log.error("public_holidays_unknown", country=country, subdivision=subdivision, year=year)
    return frozenset(found)


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as problem:
        raise ValueError(f"{name!r} is no time zone; write one such as America/New_York") from problem
    return name


class OfficeCalendar(Value):
    """Opening hours in one time zone, public holidays left out. It takes aware instants and gives them in UTC."""

    zone: Annotated[str, AfterValidator(_known_zone)]
    days: Annotated[tuple[Weekday, ...], Field(min_length=1)]
    opens: time
    closes: time
    country: str
    subdivision: str | None = None
    also_closed: tuple[date, ...] = ()
    contact_business_days: Annotated[int, Field(ge=1, le=10)] = 1

    @model_validator(mode="after")
    def _hours_and_holidays(self) -> "OfficeCalendar":
        if self.opens >= self.closes:
            raise ValueError("the office must open before it closes")
        try:
            if (self.country, self.subdivision) not in KNOWN:
                _public_holidays(self.country, self.subdivision, 2026)
        except NotImplementedError as problem:
            raise ValueError(
                f"no public holidays are known for {self.country} {self.subdivision or ''}".strip()
            ) from problem
        return self

    def is_business_day(self, day: date) -> bool:
        """Return whether the office opens on this local date."""
        return (
            _WEEK[day.weekday()] in self.days
            and day not in self.also_closed
            and day not in _public_holidays(self.country, self.subdivision, day.year)
        )

    def is_open(self, at: datetime) -> bool:
        """Return whether the office answers at this instant; at the second of closing it doesn't."""
        local = self._local(at)
        return self.is_business_day(local.date()) and self.opens <= local.time() < self.closes

    def local_date(self, at: datetime) -> date:
        """Return the date on the office's wall at this instant."""
        return self._local(at).date()

    def closing(self, day: date) -> datetime:
        """Return the instant, in UTC, at which the office closes on this local date."""
        return datetime.combine(day, self.closes, ZoneInfo(self.zone)).astimezone(UTC)

    def next_business_day_end(self, at: datetime) -> datetime:
        """Return the close of the first business day after the local date of ``at``."""
        return self.closing(self._business_day_after(self.local_date(at), 1))

    def contact_due(self, at: datetime) -> datetime:
        """Return by when staff reach out: "usually the same or the next business day" (R12), to its close."""
        return self.closing(self._business_day_after(self.local_date(at), self.contact_business_days))

    def _business_day_after(self, day: date, nth: int) -> date:
        days = self._business_days_after(day)
        for _ in range(nth - 1):
            next(days)
        return next(days)

    def _business_days_after(self, day: date) -> Iterator[date]:
        closed = 0
        while closed < _LONGEST_CLOSURE:
            day += _DAY
            closed += 1
            if self.is_business_day(day):
                closed = 0
                yield day
        raise ValueError(f"The office stays closed for {_LONGEST_CLOSURE} days after {day - _LONGEST_CLOSURE * _DAY}.")

    def _local(self, at: datetime) -> datetime:
        if at.tzinfo is None:
            raise ValueError("An instant needs its time zone.")
        return at.astimezone(ZoneInfo(self.zone))
