"""A service's sentences, days and amounts in one language: for letters, documents and whatever is written outside of a page."""

from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale

from shared.events import Money
from shared.web.amounts import isolated, spoken
from shared.web.i18n import direction, gettext_for, html_lang, known_locale
from shared.web.times import spoken_day, spoken_instant


class Speech:
    """One of our languages, English for any other, in the words of the catalogues in ``words``; days are those of ``zone``."""

    def __init__(self, wanted: str | None, words: Path, zone: str = "UTC") -> None:
        self.code = known_locale(wanted) or "en"
        self.lang = html_lang(self.code)
        self.rtl = direction(self.code) == "rtl"
        self.locale = Locale.parse(self.code)
        self.zone = ZoneInfo(zone)
        self._words = gettext_for(self.code, words)

    def __call__(self, sentence: str, /, **values: Any) -> str:
        """Return ``sentence`` in this language, with ``%(name)s`` filled in."""
        said = str(self._words.gettext(sentence))
        return said % values if values else said

    def own(self, text: str) -> str:
        """Return a number that keeps its own direction: a sign at its end would change sides from right to left."""
        return isolated(text) if text and self.rtl else text

    def day(self, at: datetime) -> str:
        """Return the day in this zone, such as "November 24, 2026"."""
        return self.date(at.astimezone(self.zone).date())

    def date(self, on: date) -> str:
        """Return a date that has no time, such as a birth date."""
        return spoken_day(on, self.locale)

    def instant(self, at: datetime, zone: str | None = None) -> str:
        """Return day, time and zone, such as "November 24, 2026, 5:00 PM EST", in this zone unless another is given."""
        return spoken_instant(at, ZoneInfo(zone) if zone else self.zone, self.locale)

    def amount(self, minor: int, currency: str) -> str:
        """Return an exact amount, given in minor units."""
        return spoken(minor, currency, self.code)

    def money(self, money: Money) -> str:
        """Return an exact amount."""
        return self.amount(money.amount_minor, money.currency)
