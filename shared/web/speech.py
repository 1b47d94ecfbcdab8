"""A service's sentences, days and amounts in one language: for letters, documents and whatever is written outside of a page."""

from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date

from shared.web.amounts import isolated
from shared.web.i18n import direction, gettext_for, html_lang, known_locale


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
        return format_date(on, "long", self.locale)
