"""Time zones for a person in a country: which are proposed, and how they read. Pure, but for the instant it is given."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from babel.core import get_global
from babel.dates import format_time, get_timezone_location

LARGEST = {
    "AR": "America/Argentina/Buenos_Aires", "AU": "Australia/Sydney", "BR": "America/Sao_Paulo", "CA": "America/Toronto",
    "CD": "Africa/Kinshasa", "CL": "America/Santiago", "CN": "Asia/Shanghai", "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin", "EC": "America/Guayaquil", "ES": "Europe/Madrid", "ID": "Asia/Jakarta", "KZ": "Asia/Almaty",
    "MN": "Asia/Ulaanbaatar", "MX": "America/Mexico_City", "MY": "Asia/Kuala_Lumpur", "NZ": "Pacific/Auckland",
    "PS": "Asia/Gaza", "PT": "Europe/Lisbon", "RU": "Europe/Moscow", "UA": "Europe/Kyiv", "US": "America/New_York",
    "UZ": "Asia/Tashkent",
}  # fmt: skip
"""Where most people live, in countries with more than one zone: a proposal, to be confirmed."""


@lru_cache(maxsize=1)
def known() -> frozenset[str]:
    """Return every zone of the machine's map; looking it up reads hundreds of files, so it is looked up once."""
    return frozenset(available_timezones())


@lru_cache(maxsize=300)
def of_country(country: str | None) -> tuple[str, ...]:
    """Return the zones of a country, the one in which most people live first."""
    zones = [zone for zone in get_global("territory_zones").get(country or "", []) if zone in known()]
    likely = LARGEST.get(country or "")
    return tuple(sorted(zones, key=lambda zone: zone != likely))


def proposed(country: str | None, by_number: tuple[str, ...] = ()) -> str | None:
    """Return the zone to propose: the one that the phone number tells, else where most people of the country live."""
    zones = of_country(country)
    told = [zone for zone in by_number if zone in zones]
    return told[0] if len(told) == 1 else next(iter(zones), None)


def choices(country: str | None, locale: str, now: datetime) -> list[tuple[str, str]]:
    """Return (zone, place and the time there now): the country's own first, then all others by place."""
    own = of_country(country)
    return [(zone, f"{name} · {_clock(zone, locale, now)}") for zone, name in _named(locale, own)] + [
        (zone, f"{name} · {_clock(zone, locale, now)}") for zone, name in _others(locale, own)
    ]


def _named(locale: str, zones: tuple[str, ...]) -> list[tuple[str, str]]:
    return [(zone, place(zone, locale)) for zone in zones]


@lru_cache(maxsize=64)
def _others(locale: str, own: tuple[str, ...]) -> list[tuple[str, str]]:
    all_zones = {zone for zones in get_global("territory_zones").values() for zone in zones}
    listed = sorted((all_zones & known()) - set(own))
    return sorted(_named(locale, tuple(zone for zone in listed if "/" in zone)), key=lambda pair: pair[1])


@lru_cache(maxsize=4096)
def place(zone: str, locale: str) -> str:
    """Return the place that a zone is named for, in this language."""
    return get_timezone_location(ZoneInfo(zone), locale=locale, return_city=True)


def _clock(zone: str, locale: str, now: datetime) -> str:
    return str(format_time(now, "short", tzinfo=ZoneInfo(zone), locale=locale))
