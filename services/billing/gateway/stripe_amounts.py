"""How Stripe counts money: ISO 4217's minor units, except where it doesn't.

Its page on currencies: some are whole units; ISK and UGX are, but are written with two zeros; of three decimals the last
is a zero.
"""

from services.billing.gateway.port import GatewayRefusedError
from shared.events import Money
from shared.money import minor_digits

_WHOLE = frozenset(
    ("BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF", "XOF", "XPF")
)
_POWERS = (1, 10, 100, 1000, 10_000)
_THREE = frozenset(("BHD", "JOD", "KWD", "OMR", "TND"))


def to_stripe(money: Money) -> int:
    """Return the amount as Stripe wants it. Raises ``GatewayRefusedError`` for one that it can't take exactly."""
    amount, rest = _shifted(money.amount_minor, minor_digits(money.currency), _places(money.currency))
    if rest or (money.currency in _THREE and amount % 10):
        raise GatewayRefusedError(f"Stripe can't take exactly {money.amount_minor} minor units of {money.currency}")
    return amount


def from_stripe(amount: int, currency: str) -> Money:
    """Return what Stripe's amount is in minor units of ISO 4217; below zero is not money but a movement."""
    return Money(amount_minor=moved(amount, currency), currency=currency.upper())


def moved(amount: int, currency: str) -> int:
    """Return an amount of either sign in minor units of ISO 4217."""
    units, rest = _shifted(abs(amount), _places(currency.upper()), minor_digits(currency.upper()))
    if rest:
        raise ValueError(f"{amount} of {currency} is no whole number of minor units")
    return units if amount >= 0 else -units


def _shifted(amount: int, places: int, wanted: int) -> tuple[int, int]:
    """Return an amount of ``places`` decimals in ``wanted`` ones, and whether something doesn't fit (above zero)."""
    return divmod(amount * _POWERS[wanted], _POWERS[places])


def _places(currency: str) -> int:
    return 0 if currency in _WHOLE else 3 if currency in _THREE else 2
