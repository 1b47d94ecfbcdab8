"""Sentences, amounts and days in the reader's language, for what billing writes outside of a page."""

from pathlib import Path

from shared.events import Money
from shared.web import speech
from shared.web.amounts import spoken

WORDS = Path(__file__).parent / "locale"


class Speech(speech.Speech):
    """Billing's words, and amounts; days are those of ``zone``."""

    def __init__(self, wanted: str, zone: str = "UTC") -> None:
        super().__init__(wanted, WORDS, zone)

    def money(self, money: Money) -> str:
        """Return an exact amount as this language writes it."""
        return self.amount(money.amount_minor, money.currency)

    def amount(self, minor: int, currency: str) -> str:
        """Return an exact amount, given in minor units."""
        return spoken(minor, currency, self.code)
