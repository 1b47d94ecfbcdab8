"""Amounts in the reader's notation: the sign, the grouping and the numerals of their language, the digits of ISO 4217."""

from copy import copy

from babel import Locale
from babel.numbers import NumberPattern, parse_pattern

from shared.money import exact, minor_digits
from shared.web.i18n import direction

_CODE_FIRST = parse_pattern("¤¤\u00a0#,##0.00")


def spoken(minor: int, currency: str, locale: str) -> str:
    """Return an exact amount as ``locale`` writes it, such as ``USD\u00a02,450.05`` or ``USD\u00a02.450,05``.

    Its ISO 4217 code stands first, since more than one country calls its money a dollar. In a language that runs from
    right to left it keeps its own direction.
    """
    reads = Locale.parse(locale)
    pattern: NumberPattern = copy(_CODE_FIRST)
    pattern.frac_prec = (minor_digits(currency),) * 2
    said: str = pattern.apply(exact(minor, currency), reads, currency=currency, currency_digits=False)
    return isolated(said) if direction(locale) == "rtl" else said


def isolated(amount: str) -> str:
    """Return an amount that keeps its own direction, from left to right, in a line of any."""
    return f"\u2066{amount}\u2069"
