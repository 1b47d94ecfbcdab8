"""The reader's language: sentences from the catalogues in ``locale/``; instants, days and amounts in its notation."""

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, get_timezone_name

from shared.events import Money
from shared.web.amounts import isolated, spoken
from shared.web.i18n import N_, direction, gettext_for, html_lang, known_locale

FOLDER = Path(__file__).parent / "locale"


class Speech:
    """One of our languages (English for any other), and the zone that instants are told in."""

    def __init__(self, wanted: str | None, zone: str = "UTC") -> None:
        self.code = known_locale(wanted) or "en"
        self.locale = Locale.parse(self.code)
        self.zone = ZoneInfo(zone)
        self._words = gettext_for(self.code, FOLDER)

    def __call__(self, sentence: str, /, **values: str) -> str:
        """Return ``sentence`` in this language, with ``%(name)s`` filled in."""
        said: str = self._words.gettext(sentence)
        return said % values if values else said

    @property
    def tag(self) -> str:
        """The language tag for ``lang`` and ``Content-Language``."""
        return html_lang(self.code)

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``."""
        return direction(self.code)

    def instant(self, at: datetime) -> str:
        """Return day, time and zone, such as "Tuesday, November 24, 2026, 5:00 PM (Eastern Standard Time)"."""
        local = at.astimezone(self.zone)
        return self(
            N_("%(day)s, %(time)s (%(zone)s)"),
            day=format_date(local, "full", self.locale),
            time=format_time(local, "short", self.zone, self.locale),
            zone=get_timezone_name(local, "long", locale=self.locale),
        )

    def day(self, at: datetime) -> str:
        """Return the day in this zone, such as "November 24, 2026"."""
        return format_date(at.astimezone(self.zone), "long", self.locale)

    def amount(self, money: Money) -> str:
        """Return an exact amount behind its ISO 4217 code, since more than one country calls its money a dollar."""
        return isolated(spoken(money.amount_minor, money.currency, self.code, by_code=True))
