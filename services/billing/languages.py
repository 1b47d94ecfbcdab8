"""Sentences, amounts and days in the reader's language, for what billing writes outside of a page."""

from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date

from shared.events import Money
from shared.web.amounts import isolated, spoken
from shared.web.i18n import direction, gettext_for, html_lang, known_locale

WORDS = Path(__file__).parent / "locale"


class Speech:
    """One of our languages, English for any other; days are those of ``zone``."""

    def __init__(self, wanted: str, zone: str = "UTC") -> None:
        self.code = known_locale(wanted) or "en"
        self.lang = html_lang(self.code)
        self.rtl = direction(self.code) == "rtl"
        self._locale = Locale.parse(self.code)
        self._zone = ZoneInfo(zone)
        self._words = gettext_for(self.code, WORDS)

    def __call__(self, sentence: str, /, **values: Any) -> str:
        said = str(self._words.ugettext(sentence))
        return said % values if values else said

    def money(self, money: Money) -> str:
        return self.amount(money.amount_minor, money.currency)

    def amount(self, minor: int, currency: str) -> str:
        return spoken(minor, currency, self.code)

    def own(self, text: str) -> str:
        """Return a number that keeps its own direction: one that ends in a sign would be turned round from right to left."""
        return isolated(text) if self.rtl else text

    def day(self, at: datetime) -> str:
        return format_date(at.astimezone(self._zone), "long", self._locale)
