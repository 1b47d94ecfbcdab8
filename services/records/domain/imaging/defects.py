"""What may be wrong with scans: a code for staff, a sentence for whoever sent them that says what to do (R25, M7)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from services.records.domain.people import N_


class Flaw(StrEnum):
    """What is wrong with a scan, as staff and programs name it."""

    MISSING_SLICES = "missing_slices"
    LISTED_BUT_MISSING = "listed_but_missing"
    TOO_FEW = "too_few"
    TOO_THICK = "too_thick"
    NO_CONTRAST = "no_contrast"
    MISSING_PHASE = "missing_phase"
    BURNED_IN = "burned_in"
    NOT_DIAGNOSTIC = "not_diagnostic"
    LOCALISER_ONLY = "localiser_only"
    WRONG_REGION = "wrong_region"
    DUPLICATES = "duplicates"
    CONFLICTING_COPIES = "conflicting_copies"
    UNREADABLE_PIXELS = "unreadable_pixels"
    UNKNOWN_SYNTAX = "unknown_syntax"
    MIXED_PATIENTS = "mixed_patients"
    ANOTHER_PERSON = "another_person"


HARMLESS = frozenset({Flaw.DUPLICATES})
"""Nobody need do anything about these."""

SENTENCES: Mapping[Flaw, str] = {
    Flaw.MISSING_SLICES: N_(
        "Images are missing from this scan: %(count)s. Copy the whole CD again. "
        "If they are missing on the CD too, ask the hospital for a new one."
    ),
    Flaw.LISTED_BUT_MISSING: N_(
        "The CD's own list names more images than came: %(count)s are missing. Send the whole CD, with all its folders."
    ),
    Flaw.TOO_FEW: N_(
        "Too few images of this scan came: %(count)s, and a whole scan has at least %(limit)s. "
        "Ask the hospital for all images of it."
    ),
    Flaw.TOO_THICK: N_(
        "The slices of this scan are %(thickness)s mm thick. The specialist needs %(limit)s mm or thinner. "
        "Ask the hospital for the thin slices of the same scan."
    ),
    Flaw.NO_CONTRAST: N_(
        "This scan was made without contrast medium, and for your illness it is needed with it. "
        "If there is one with contrast, send that too. Your case manager helps you."
    ),
    Flaw.MISSING_PHASE: N_("A part of this scan is missing: %(phases)s. Ask the hospital for all series of the scan."),
    Flaw.BURNED_IN: N_(
        "Text is written into these pictures. Ask the hospital for the original DICOM images without writing on them."
    ),
    Flaw.NOT_DIAGNOSTIC: N_(
        "These pictures are marked “not for diagnostic use”. Ask the hospital for the original DICOM images."
    ),
    Flaw.LOCALISER_ONLY: N_(
        "Only the overview picture of this scan came, not the scan itself. "
        "Send the whole CD, or ask the hospital for all images."
    ),
    Flaw.WRONG_REGION: N_(
        "This scan shows another part of the body (%(found)s). The specialist needs: %(wanted)s. "
        "Please look whether you have such a scan."
    ),
    Flaw.DUPLICATES: N_("Some images came twice: %(count)s. You need do nothing: each is kept once."),
    Flaw.CONFLICTING_COPIES: N_(
        "Some images came twice with different content: %(count)s. Tell your case manager which CD is the original."
    ),
    Flaw.UNREADABLE_PIXELS: N_(
        "The picture in some files can't be opened: %(count)s. "
        "Copy the CD again; if that doesn't help, ask the hospital for a new one."
    ),
    Flaw.UNKNOWN_SYNTAX: N_(
        "Some pictures are of a kind that can't be shown here, such as a film: %(count)s. Your case manager sees to it. "
        "If the hospital can give them as ordinary DICOM images, send those too."
    ),
    Flaw.MIXED_PATIENTS: N_(
        "The images seem to show more than one person. Send only the patient's own. "
        "Your case manager looks at them too."
    ),
    Flaw.ANOTHER_PERSON: N_(
        "This scan seems to show another person: its name and birth date aren't those of the scans that were checked. "
        "If it isn't the patient's, send the right one. Your case manager looks at it too."
    ),
}

NOT_READABLE: Mapping[str, str] = {
    "empty": N_("The file is empty. Copy it again from the CD."),
    "not_dicom": N_("This is no scan that can be opened here. Nothing is wrong if it belongs to the CD's own viewer."),
    "truncated": N_("The file ends before the picture begins. Copy it again from the CD."),
    "no_identity": N_("The file doesn't say to which scan it belongs. Ask the hospital for the scan in DICOM format."),
    "broken": N_("The file is damaged. Copy it again from the CD, or ask the hospital for a new one."),
}
"""Why a file is no DICOM object, for its sender; the codes of ``NotReadable``."""


@dataclass(frozen=True)
class Defect:
    """Something wrong with the case's scans, a study or a series (``uid``; empty: the case). ``values`` go into the sentence.

    Values that are lists are codes of regions and phases, which the programme names in the reader's language.
    """

    flaw: Flaw
    uid: str = ""
    values: Mapping[str, int | float | list[str] | list[int]] = field(default_factory=dict)
