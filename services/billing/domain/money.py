"""Amounts in minor units: how they are read and written (R21)."""

from decimal import Decimal, InvalidOperation

from shared.events import Money

_WITHOUT_CENTS = frozenset(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV"))


_CFA = frozenset(("XAF", "XOF", "XPF"))


_WITH_MILLS = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))


class MoneyRefusedError(ValueError):
    """A movement of money that the rules don't allow; the text says what to do."""


def decimals(currency: str) -> int:
    """Return how many digits of ``currency`` stand behind the decimal point."""
    return 0 if currency in _WITHOUT_CENTS | _CFA else 3 if currency in _WITH_MILLS else 2


def parse_money(text: str, currency: str) -> Money:
    """Return what a person typed, such as ``2,450.00``. Raises ``ValueError`` that says what to type."""
    places = decimals(currency)
    try:
        amount = Decimal(text.replace(",", "").replace(" ", "").replace("\u00a0", "")).scaleb(places)
    except InvalidOperation:
        raise ValueError("Enter the amount in figures, such as 2450.00") from None
    if not amount.is_finite() or amount != int(amount) or not 0 < amount < 10**15:
        raise ValueError(f"Enter an amount above zero with at most {places} digits after the point")
    return Money(amount_minor=int(amount), currency=currency)


def written(money: Money) -> str:
    """Return the amount with its currency code, such as ``2450.00 USD``: exact, and the same for every reader."""
    places = decimals(money.currency)
    return f"{Decimal(money.amount_minor).scaleb(-places):.{places}f} {money.currency}"
