"""Files of a case's materials: which kinds may come, and the sentences for those that may not. How they lie is ``shared.files``."""

from collections.abc import AsyncIterable
from functools import cache

from shared import files as shared_files
from shared.files import CHUNK, DOCUMENTS, Stored, new_key
from shared.web import N_

IMAGES = DOCUMENTS | {"application/dicom", "application/zip"}

EMPTY = N_("The file is empty. Choose it again.")
TOO_LARGE = N_("The file is larger than %(limit)s MB. Split it, or ask your case manager.")
WRONG_DOCUMENT = N_("This kind of file can't be read here. Send it as PDF, JPEG, PNG or TIFF.")
WRONG_IMAGES = N_("This kind of file can't be read here. Send it as DICOM, ZIP, PDF, JPEG, PNG or TIFF.")


class Unacceptable(Exception):
    """The file can't be taken in; the sentence, with its values filled in, says why and what to do instead."""

    def __init__(self, sentence: str, **values: object) -> None:
        super().__init__(sentence % values)
        self.sentence = sentence
        self.values = values


class TooLarge(Unacceptable):
    """More bytes came than the limit allows."""


class Unreadable(Unacceptable):
    """It is no file that a specialist could open here."""


class Files(shared_files.Files):
    """The store, with a patient's sentences."""

    async def put(self, key: str, chunks: AsyncIterable[bytes], *, limit: int, allowed: frozenset[str]) -> Stored:
        """Write as ``shared.files`` does. Raises ``Unreadable`` and ``TooLarge`` with a sentence for the sender."""
        try:
            return await super().put(key, chunks, limit=limit, allowed=allowed)
        except shared_files.Unreadable as refused:
            sentence = EMPTY if refused.empty else WRONG_IMAGES if allowed is IMAGES else WRONG_DOCUMENT
            raise Unreadable(sentence) from None
        except shared_files.TooLarge:
            raise TooLarge(TOO_LARGE, limit=limit // 1024**2) from None


@cache
def at(url: str) -> Files:
    """Return the store behind ``url``, one per process."""
    return Files(url)


__all__ = [
    "CHUNK",
    "DOCUMENTS",
    "EMPTY",
    "IMAGES",
    "TOO_LARGE",
    "WRONG_DOCUMENT",
    "WRONG_IMAGES",
    "Files",
    "Stored",
    "TooLarge",
    "Unacceptable",
    "Unreadable",
    "at",
    "new_key",
]
