"""What an inspection says of one file, and how it says no."""

from dataclasses import asdict, dataclass
from typing import Any


class Bad(Exception):
    """Something speaks against the file; ``code`` is one of ``verdicts.SENTENCES``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Found:
    """What a file is: its media type, its pages if it has some, its DICOM header if it is an image of that kind."""

    media_type: str
    pages: int | None = None
    header: dict[str, Any] | None = None

    def told(self) -> dict[str, Any]:
        """Return it as it travels out of the sandbox."""
        return asdict(self)
