"""Amounts in minor units: how they are read and written (R21)."""

from shared.events import Money
from shared.money import LARGEST, minor_digits, plain, typed
from shared.money import written as written_minor


class MoneyRefusedError(ValueError):
    """A movement of money that the rules don't allow; the text says what to do."""


def parse_money(text: str, currency: str) -> Money:
    """Return what a person typed, such as ``2,450.00``. Raises ``ValueError`` that says what to type."""
    try:
        amount = typed(text, currency)
    except ValueError:
        raise ValueError(f"Enter the amount in figures, such as {plain(245_000, currency)}") from None
    if amount != int(amount) or not 0 < amount < LARGEST:
        places = minor_digits(currency)
        raise ValueError(f"Enter an amount above zero with at most {places} digits after the point")
    return Money(amount_minor=int(amount), currency=currency)


def written(money: Money) -> str:
    """Return the amount behind its currency's code: exact, and the same for every reader."""
    return written_minor(money.amount_minor, money.currency)
