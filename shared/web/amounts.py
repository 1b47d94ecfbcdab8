"""Amounts in the reader's notation: the sign, the grouping and the numerals of their language, the digits of ISO 4217."""

import re
from copy import copy

from babel import Locale
from babel.numbers import NumberPattern, parse_pattern

from shared.money import exact, minor_digits
from shared.web.i18n import direction

_TOUCHING = re.compile(r"(?<=[A-Za-z])(?=\d)")
"""Where CLDR has a space between a code and the figures, and Babel has none."""
_CODE_FIRST = parse_pattern("¤¤\u00a0#,##0.00")


def spoken(minor: int, currency: str, locale: str, *, by_code: bool = False) -> str:
    """Return an exact amount as ``locale`` writes it, such as ``$2,450.05`` or ``2450,05\u00a0€``.

    Its ISO 4217 code stands first with ``by_code``, and wherever the line runs from right to left.
    """
    reads = Locale.parse(locale)
    first = by_code or direction(locale) == "rtl"
    pattern: NumberPattern = copy(_CODE_FIRST if first else reads.currency_formats["standard"])
    pattern.frac_prec = (minor_digits(currency),) * 2
    said: str = pattern.apply(exact(minor, currency), reads, currency=currency, currency_digits=False)
    return _TOUCHING.sub("\u00a0", said)


def isolated(amount: str) -> str:
    """Return an amount that keeps its own direction, from left to right, in a line of any."""
    return f"\u2066{amount}\u2069"
