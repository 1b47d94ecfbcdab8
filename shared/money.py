"""Minor units: how many digits of an amount stand behind the point, by ISO 4217, and how amounts are read and written.

CLDR's digits are those of shop prices (none for Iraq's dinar, Serbia's or Lebanon's pound): whoever takes the point's place
from there moves an amount by a factor of 100 or 1000. So the place comes from here, and only the notation from CLDR (R21).
"""

import re
from decimal import Decimal

_WITHOUT = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE = "BHD IQD JOD KWD LYD OMR TND"
_FOUR = "CLF UYW"
_DIGITS = {
    currency: digits for digits, listed in ((0, _WITHOUT), (3, _THREE), (4, _FOUR)) for currency in listed.split()
}
_TYPED = re.compile(r"-?(\d{1,3}([, \u00a0\u202f]\d{3})+|\d{1,15})(\.\d{0,15})?")
LARGEST = 10**15
"""Amounts stay below it, in minor units: a quadrillion."""


def minor_digits(currency: str) -> int:
    """Return how many digits of ``currency`` stand behind the point: ISO 4217's minor unit, two for most."""
    return _DIGITS.get(currency, 2)


def exact(minor: int, currency: str) -> Decimal:
    """Return an amount in whole units of its currency: ``245005`` of USD is ``2450.05``, of KWD ``245.005``."""
    return Decimal(minor).scaleb(-minor_digits(currency))


def plain(minor: int, currency: str) -> str:
    """Return the figures alone, with a point and no grouping, as a form or a spreadsheet reads them: ``2450.05``."""
    return f"{exact(minor, currency):.{minor_digits(currency)}f}"


def written(minor: int, currency: str) -> str:
    """Return an amount as all who work with the books read it, behind its code: ``USD\u00a02,450.05``; so do pages in English."""
    return f"{'-' if minor < 0 else ''}{currency}\u00a0{Decimal(plain(abs(minor), currency)):,}"


def typed(text: str, currency: str) -> Decimal:
    """Return what a person typed, such as ``2,450.05``, in minor units; a fraction where it has too many digits.

    A comma or a space stands between thousands and nowhere else, so that ``24,50`` isn't taken for 2450. Raises
    ``ValueError`` when it is no number below ``LARGEST``.
    """
    found = _TYPED.fullmatch(text.strip())
    minor = Decimal(re.sub(r"[^\d.-]", "", found[0])).scaleb(minor_digits(currency)) if found else None
    if minor is None or not -LARGEST < minor < LARGEST:
        raise ValueError(f"{text!r} is no amount")
    return minor
