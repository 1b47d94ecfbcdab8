"""Lists that pages offer, in the reader's language."""

from __future__ import annotations

from functools import lru_cache

import pycountry
from babel import Locale

_LANGUAGES = [
    "ar",
    "am",
    "az",
    "bg",
    "bn",
    "ca",
    "cs",
    "da",
    "de",
    "el",
    "en",
    "es",
    "et",
    "fa",
    "fi",
    "fr",
    "gu",
    "he",
    "hi",
    "hr",
    "hu",
    "hy",
    "id",
    "it",
    "ja",
    "ka",
    "kk",
    "km",
    "kn",
    "ko",
    "ku",
    "lt",
    "lv",
    "ml",
    "mn",
    "mr",
    "ms",
    "my",
    "ne",
    "nl",
    "no",
    "pa",
    "pl",
    "ps",
    "pt",
    "ro",
    "ru",
    "si",
    "sk",
    "sl",
    "so",
    "sq",
    "sr",
    "sv",
    "sw",
    "ta",
    "te",
    "th",
    "tl",
    "tr",
    "uk",
    "ur",
    "uz",
    "vi",
    "yue",
    "zh",
]


@lru_cache(maxsize=16)
def countries(locale: str) -> tuple[tuple[str, str], ...]:
    """Return (ISO 3166-1 alpha-2, name) sorted by name."""
    names = Locale.parse(locale).territories
    named = ((country.alpha_2, names.get(country.alpha_2, country.name)) for country in pycountry.countries)
    return tuple(sorted(named, key=lambda pair: pair[1]))


@lru_cache(maxsize=16)
def languages(locale: str) -> tuple[tuple[str, str], ...]:
    """Return (ISO 639 code, name) of the languages asked for, sorted by name."""
    names = Locale.parse(locale).languages
    return tuple(sorted(((code, names.get(code, code)) for code in _LANGUAGES), key=lambda pair: pair[1]))
