"""Lists that pages offer, in the reader's language and in the order in which that reader looks."""

from __future__ import annotations

from functools import lru_cache
from unicodedata import combining, normalize

import pycountry
from babel import Locale
from babel.localedata import locale_identifiers

from services.intake.names.east_asia import syllables

_SPOKEN = sorted({identifier.partition("_")[0] for identifier in locale_identifiers()})


@lru_cache(maxsize=16)
def countries(locale: str) -> tuple[tuple[str, str], ...]:
    """Return (ISO 3166-1 alpha-2, name) sorted by name."""
    names = Locale.parse(locale).territories
    named = ((country.alpha_2, names.get(country.alpha_2, country.name)) for country in pycountry.countries)
    return tuple(sorted(named, key=lambda pair: _place(pair[1], locale)))


@lru_cache(maxsize=16)
def languages(locale: str) -> tuple[tuple[str, str], ...]:
    """Return (ISO 639 code, name) of every language that has a name here, sorted by name."""
    names = Locale.parse(locale).languages
    named = ((code, names[code]) for code in _SPOKEN if code in names)
    return tuple(sorted(named, key=lambda pair: _place(pair[1], locale)))


def _place(name: str, locale: str) -> str:
    """Return what a name is sorted by: Chinese by its sound, an accented letter where the plain one stands."""
    spelt = " ".join(syllables(name)) if locale == "zh_Hans" else name
    return "".join(letter for letter in normalize("NFKD", spelt) if not combining(letter)).casefold()
