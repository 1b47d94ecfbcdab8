"""Time zones as people choose them: those of a country, which to propose, how they read. Pure, but for the instant it is given.

A zone is offered where a country has it. The map's others (Etc/GMT+5 and the like) are nobody's place, and their signs
read the wrong way round: what is called GMT+5 there is five hours behind.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale
from babel.core import get_global
from babel.dates import format_time, get_timezone_location
from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

from services.intake.values import N_

LARGEST = {
    "AR": "America/Argentina/Buenos_Aires", "AU": "Australia/Sydney", "BR": "America/Sao_Paulo", "CA": "America/Toronto",
    "CD": "Africa/Kinshasa", "CL": "America/Santiago", "CN": "Asia/Shanghai", "CY": "Asia/Nicosia",
    "DE": "Europe/Berlin", "EC": "America/Guayaquil", "ES": "Europe/Madrid", "ID": "Asia/Jakarta", "KZ": "Asia/Almaty",
    "MN": "Asia/Ulaanbaatar", "MX": "America/Mexico_City", "MY": "Asia/Kuala_Lumpur", "NZ": "Pacific/Auckland",
    "PS": "Asia/Gaza", "PT": "Europe/Lisbon", "RU": "Europe/Moscow", "UA": "Europe/Kyiv", "US": "America/New_York",
    "UZ": "Asia/Tashkent",
}  # fmt: skip
"""Where most people live, in countries with more than one zone: a proposal, to be confirmed."""
NO_COUNTRY = "ZZ"


@lru_cache(maxsize=1)
def known() -> frozenset[str]:
    """Return every zone of the machine's map; looking it up reads hundreds of files, so it is looked up once."""
    return frozenset(available_timezones())


def _on_the_map(name: str) -> str:
    if name not in known():
        raise PydanticCustomError("zone_unknown", N_("Choose a time zone from the list"))
    return name


Zone = Annotated[str, AfterValidator(_on_the_map)]
"""The name of a zone that the machine's map has; a form that has its own sentence for the field says that one."""


@lru_cache(maxsize=1)
def _by_country() -> dict[str, tuple[str, ...]]:
    """Return the zones of each country, the one in which most people live first."""
    found = {}
    for country, zones in get_global("territory_zones").items():
        if country.isalpha() and country != NO_COUNTRY:
            likely = LARGEST.get(country)
            found[country] = tuple(sorted((one for one in zones if one in known()), key=lambda zone: zone != likely))
    return found


def of_country(country: str | None) -> tuple[str, ...]:
    """Return the zones of a country, the one in which most people live first; none where it isn't known."""
    return _by_country().get(country or "", ())


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
    others = {zone for zones in _by_country().values() for zone in zones} - set(own)
    return sorted(_named(locale, tuple(sorted(others))), key=lambda pair: pair[1])


@lru_cache(maxsize=16)
def by_country(locale: str) -> tuple[tuple[str, str], ...]:
    """Return (zone, place) sorted by place: a country's name, and a city where the country has several."""
    found = []
    territories = Locale.parse(locale).territories
    for country, names in sorted(_by_country().items()):
        nation = territories.get(country, country)
        found += [(name, f"{nation} – {place(name, locale)}" if len(names) > 1 else nation) for name in sorted(names)]
    return tuple(sorted(found, key=lambda pair: pair[1]))


@lru_cache(maxsize=4096)
def place(zone: str, locale: str) -> str:
    """Return the place that a zone is named for, in this language; the language may know it by the zone's older name."""
    known_as = Locale.parse(locale).time_zones
    for name in (zone, *(old for old, new in get_global("zone_aliases").items() if new == zone)):
        if city := known_as.get(name, {}).get("city"):
            return str(city)
    return get_timezone_location(ZoneInfo(zone), locale=locale, return_city=True)


def _clock(zone: str, locale: str, now: datetime) -> str:
    return str(format_time(now, "short", tzinfo=ZoneInfo(zone), locale=locale))
