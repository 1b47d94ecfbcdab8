"""Dates as people type them: digits of any script, and the month as a number or as a word in one of our languages."""

from functools import lru_cache

from babel.dates import get_month_names

from shared.web.i18n import LOCALES

SPOKEN = (*LOCALES, "ar_LB", "ar_MA", "de", "fr", "id", "it", "pt", "ru", "tr", "uk", "vi")
"""Languages in which a month may be named: ours, Arabic of the Levant and the Maghreb, and some that patients write in."""

SHORTEST = 3
"""Letters of a month's name that tell it from the others where a name is cut short."""


def iso_date(year: str, month: str, day: str) -> str:
    """Return ``YYYY-MM-DD``; a part that isn't understood stays as it was typed, and then it is no date."""
    return f"{_number(year).zfill(4)}-{_month(month).zfill(2)}-{_number(day).zfill(2)}"


def _month(text: str) -> str:
    word = text.strip().strip(".月").casefold()
    if word.isdecimal():
        return _number(word)
    names = _names()
    if word in names:
        return str(names[word])
    meant = {number for name, number in names.items() if len(word) >= SHORTEST and name.startswith(word)}
    return str(meant.pop()) if len(meant) == 1 else text


def _number(text: str) -> str:
    return str(int(text)) if text.strip().isdecimal() else text


@lru_cache(maxsize=1)
def _names() -> dict[str, int]:
    """Return every name of a month in our languages, with its number."""
    return {
        name.strip(".月").casefold(): number
        for locale in SPOKEN
        for width in ("wide", "abbreviated")
        for context in ("format", "stand-alone")
        for number, name in get_month_names(width, context, locale).items()
    }
