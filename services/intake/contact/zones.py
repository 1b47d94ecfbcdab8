"""Time zones as people choose them: by country and city, in the reader's language."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import get_global
from babel.dates import get_timezone_location

from services.intake.domain import N_
from services.intake.zones import known

_WINTER_AND_SUMMER = (datetime(2027, 1, 1), datetime(2027, 7, 1))  # noqa: DTZ001 - a wall clock's, in each zone


@lru_cache(maxsize=1)
def _zones_by_country() -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for zone, country in get_global("zone_territories").items():
        if zone in known() and len(country) == 2 and country.isalpha() and country != "ZZ" and "/" in zone:
            found.setdefault(str(country), []).append(zone)
    return {country: tuple(sorted(zones)) for country, zones in sorted(found.items())}


def known_zone(name: str) -> str:
    """Return the zone's name. Raises ``ValueError`` for one that no map has."""
    if name not in known():
        raise ValueError(N_("Choose the place whose clock you go by"))
    return name


def zone_of(country: str | None) -> str | None:
    """Return a country's zone where all of it goes by one clock; None where there are several, or it isn't known."""
    zones = _zones_by_country().get((country or "").upper(), ())
    clocks = {tuple(ZoneInfo(zone).utcoffset(day) for day in _WINTER_AND_SUMMER) for zone in zones}
    return zones[0] if len(clocks) == 1 else None


def zones_of(country: str | None) -> tuple[str, ...]:
    """Return all zones of a country."""
    return _zones_by_country().get((country or "").upper(), ())


@lru_cache(maxsize=16)
def zones(locale: str) -> tuple[tuple[str, str], ...]:
    """Return (zone, place) sorted by place: a country's name, and a city where the country has several."""
    found = []
    territories = Locale.parse(locale).territories
    for country, names in _zones_by_country().items():
        for name in names:
            city = get_timezone_location(ZoneInfo(name), locale=locale, return_city=True)
            nation = territories.get(country, country)
            found.append((name, f"{nation} – {city}" if len(names) > 1 else nation))
    return tuple(sorted(found, key=lambda pair: pair[1]))
