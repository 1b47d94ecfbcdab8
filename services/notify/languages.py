"""The reader's language in letters: sentences from the catalogues in ``locale/``; instants, days and amounts in its notation."""

from datetime import datetime
from pathlib import Path

from babel.dates import format_date, format_time, get_timezone_name

from shared.events import Money
from shared.web import speech
from shared.web.amounts import isolated, spoken
from shared.web.i18n import N_

FOLDER = Path(__file__).parent / "locale"


class Speech(speech.Speech):
    """One of our languages (English for any other), and the zone that instants are told in."""

    def __init__(self, wanted: str | None, zone: str = "UTC") -> None:
        super().__init__(wanted, FOLDER, zone)

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``."""
        return "rtl" if self.rtl else "ltr"

    def instant(self, at: datetime) -> str:
        """Return day, time and zone, such as "Tuesday, November 24, 2026, 5:00 PM (Eastern Standard Time)"."""
        local = at.astimezone(self.zone)
        return self(
            N_("%(day)s, %(time)s (%(zone)s)"),
            day=format_date(local, "full", self.locale),
            time=format_time(local, "short", self.zone, self.locale),
            zone=get_timezone_name(local, "long", locale=self.locale),
        )

    def amount(self, money: Money) -> str:
        """Return an exact amount behind its ISO 4217 code, since more than one country calls its money a dollar."""
        return isolated(spoken(money.amount_minor, money.currency, self.code, by_code=True))
