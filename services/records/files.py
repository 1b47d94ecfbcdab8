"""Files of a case's materials: the sentences for those that may not come. How they lie is ``services.records.vault``."""

from shared.files import CHUNK, Files, at
from shared.web import N_

EMPTY = N_("The file is empty. Choose it again.")
TOO_LARGE = N_("The file is larger than %(limit)s MB. Split it, or ask your case manager.")
WRONG_DOCUMENT = N_("This kind of file can't be read here. Send it as PDF, JPEG, PNG, TIFF, Office document or ZIP.")
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


__all__ = [
    "CHUNK",
    "EMPTY",
    "TOO_LARGE",
    "WRONG_DOCUMENT",
    "WRONG_IMAGES",
    "Files",
    "TooLarge",
    "Unacceptable",
    "Unreadable",
    "at",
]
