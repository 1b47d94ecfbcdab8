"""Days and instants as CLDR has them in the reader's language: one style each, on pages, in letters and in documents."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, get_datetime_format, get_timezone_name


def spoken_day(on: date, locale: str | Locale) -> str:
    """Return a date with its month in words, which no country misreads, such as ``November 24, 2026``."""
    return format_date(on, "long", locale)


def spoken_instant(at: datetime, zone: ZoneInfo, locale: str | Locale) -> str:
    """Return day, time and zone, such as ``November 24, 2026, 5:00 PM EST``."""
    local = at.astimezone(zone)
    clock = f"{format_time(local, 'short', tzinfo=zone, locale=locale)} {_name(local, locale)}"
    return str(get_datetime_format("medium", locale=locale)).format(clock, spoken_day(local, locale))


def _name(local: datetime, locale: str | Locale) -> str:
    """Return the zone's short name, or its long one where the language has no short one but an offset."""
    short = get_timezone_name(local, "short", locale=locale)
    an_offset = any(sign.isdigit() for sign in short)
    return get_timezone_name(local, "long", locale=locale) if an_offset else short
