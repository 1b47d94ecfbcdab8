"""The reader's language in letters: sentences from the catalogues in ``locale/``; instants, days and amounts in its notation."""

from pathlib import Path

from shared.web import speech

FOLDER = Path(__file__).parent / "locale"


class Speech(speech.Speech):
    """One of our languages (English for any other), and the zone that instants are told in."""

    def __init__(self, wanted: str | None, zone: str = "UTC") -> None:
        super().__init__(wanted, FOLDER, zone)

    @property
    def direction(self) -> str:
        """``ltr`` or ``rtl``."""
        return "rtl" if self.rtl else "ltr"
