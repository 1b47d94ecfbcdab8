"""Lists that pages offer, in the reader's language."""

from __future__ import annotations

from functools import lru_cache

import pycountry
from babel import Locale
from babel.localedata import locale_identifiers

_SPOKEN = sorted({identifier.partition("_")[0] for identifier in locale_identifiers()})


@lru_cache(maxsize=16)
def countries(locale: str) -> tuple[tuple[str, str], ...]:
    """Return (ISO 3166-1 alpha-2, name) sorted by name."""
    names = Locale.parse(locale).territories
    named = ((country.alpha_2, names.get(country.alpha_2, country.name)) for country in pycountry.countries)
    return tuple(sorted(named, key=lambda pair: pair[1]))


@lru_cache(maxsize=16)
def languages(locale: str) -> tuple[tuple[str, str], ...]:
    """Return (ISO 639 code, name) of every language that has a name here, sorted by name."""
    names = Locale.parse(locale).languages
    return tuple(sorted(((code, names[code]) for code in _SPOKEN if code in names), key=lambda pair: pair[1]))
