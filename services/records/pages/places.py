"""Countries and languages as pages offer them: named in the reader's language, sorted by name."""

from functools import lru_cache

import pycountry
from babel import Locale

from shared.web.i18n import LOCALES


@lru_cache(maxsize=8)
def countries(locale: str) -> tuple[tuple[str, str], ...]:
    """Return (ISO 3166-1 alpha-2, name)."""
    names = Locale.parse(locale).territories
    named = ((one.alpha_2, names.get(one.alpha_2, one.name)) for one in pycountry.countries)
    return tuple(sorted(named, key=lambda pair: pair[1].casefold()))


@lru_cache(maxsize=8)
def languages(locale: str) -> tuple[tuple[str, str], ...]:
    """Return (code, name) of the languages in which a letter can be written."""
    names = Locale.parse(locale).languages
    return tuple((code, names.get(code, LOCALES[code])) for code in LOCALES)
