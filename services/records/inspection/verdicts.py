"""What is found in a file, in words for its sender: what is wrong, what to do. Codes are for staff, sentences for people."""

from collections.abc import Mapping

from services.records.domain import N_
from services.records.domain.imaging import NOT_READABLE

SENTENCES: dict[str, str] = {
    "virus": N_(
        "A virus was found in this file. It was locked away. Scan your device, then send the file from a clean one."
    ),
    "damaged": N_("The file arrived damaged. Send it again."),
    "unreadable": N_(
        "The file can't be opened: it may be damaged or incomplete. Open it on your device to check, then send it again."
    ),
    "unknown_type": N_(
        "This kind of file can't be read here. Send it as PDF, JPEG, PNG, TIFF, Office document, DICOM or ZIP."
    ),
    "program": N_("This is a program, not a record. It was not kept."),
    "markup": N_("Web pages can hold code, so they aren't opened here. Print the page to a PDF and send that."),
    "script": N_("The file holds code that runs when it is opened. Print it to a new PDF and send that."),
    "launch": N_("The file tries to start a program when it is opened. Print it to a new PDF and send that."),
    "attachments": N_("The file carries other files inside. Send each of them by itself."),
    "macros": N_("The document holds macros. Save it as PDF, or as a document without macros, and send that."),
    "outside_links": N_("The document loads parts from elsewhere when it is opened. Save it as PDF and send that."),
    "password": N_("The file is locked with a password. Save a copy without the password and send that."),
    "polyglot": N_(
        "The file is two kinds of file at once, which is how harmful files hide. Save it anew and send that."
    ),
    "bomb": N_("The file unpacks to far more than its size. Send the files that matter by themselves."),
    "too_many_files": N_("The archive holds too many files. Send it in several parts."),
    "too_deep": N_("The archive holds archives within archives, too many levels deep. Unpack it and send the folder."),
    "other_archive": N_(
        "Archives of this kind can't be unpacked here. Send the files themselves, their folder, or a ZIP."
    ),
    "unsafe_path": N_("A file in the archive is named so that it would be unpacked elsewhere. Pack the folder anew."),
    "compression": N_("The archive is packed in a way that can't be read here. Pack it again as a plain ZIP."),
    "too_many_pages": N_("The document has too many pages. Send it in several parts."),
    "too_many_pixels": N_("The image is larger than can be shown. Save it in a smaller size and send that."),
    "dicom_program": N_(
        "A program hides at the start of this image. It was locked away. Ask the hospital for a new copy."
    ),
    "over_limits": N_("Looking at this file took too much time or memory. Save it anew, or send it as PDF."),
    "known": N_("You have sent this very file already. It is kept once."),
    "system": N_("Your device keeps this file for itself; it is no record and was not kept."),
    "erased": N_("The files of this case were erased for good."),
    "empty": N_("The file is empty. Choose it again."),
}
"""By reason code. ``dicom_…`` codes of unfit images have theirs in ``services.records.domain.imaging``."""

JUNK = frozenset({"unknown_type", "program", "markup", "empty", "known", "system"})
"""What is told apart but not alarming inside an archive or folder: a CD brings its own viewer and help pages."""


def sentence_of(code: str) -> str:
    """Return the English sentence of a reason code."""
    if code in SENTENCES:
        return SENTENCES[code]
    if code.startswith("dicom_"):
        return NOT_READABLE.get(code.removeprefix("dicom_"), SENTENCES["unreadable"])
    return SENTENCES["unreadable"]


def speaks_against(counts: Mapping[str, int]) -> str | None:
    """Return what speaks against a folder or an archive as a whole: None as soon as something in it is of use."""
    if counts.get("clean") or counts.get("known"):
        return None
    serious = {code: number for code, number in counts.items() if code not in JUNK}
    return max(serious, key=lambda code: serious[code], default="unreadable")
