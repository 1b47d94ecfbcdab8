"""One DICOM object as its header tells of it: what is needed to put it in its place and to judge it (R25)."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from math import isfinite
from typing import Any
from uuid import UUID

Header = Mapping[str, Any]
"""What ``imaging.headers.read_header`` returns: kind, transfer syntax, state of the pixels, and DICOM JSON (PS3.18 F.2)."""

LOCALISER = "LOCALIZER"
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_WITH_WRITING = ("US", "IVUS")


class NotReadable(Exception):
    """The file is no DICOM object that can be put anywhere; ``code`` is a key of ``NOT_READABLE``."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Kind(StrEnum):
    """What an object is: pictures, the table of contents of a CD, or anything else (reports, plans, curves)."""

    IMAGE = "image"
    DIRECTORY = "directory"
    OTHER = "other"


class Pixels(StrEnum):
    """How the picture lies in the file, as far as can be told without decoding it."""

    WHOLE = "whole"
    SHORT = "short"
    UNKNOWN_SYNTAX = "unknown_syntax"
    UNDECODABLE = "undecodable"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Patient:
    """Who is on the picture, as far as it says: parts of the name folded and sorted, so that writing order doesn't count."""

    name: tuple[str, ...] = ()
    birth_date: str = ""
    sex: str = ""
    id: str = ""

    def may_be(self, other: "Patient") -> bool:
        """Return whether nothing says that these are two people: hospitals number and spell the same person differently."""
        if self.birth_date and other.birth_date:
            return self.birth_date == other.birth_date and not _differ(self.sex, other.sex)
        if self.id and self.id == other.id:
            return True
        return not self.name or not other.name or not set(self.name).isdisjoint(other.name)


@dataclass(frozen=True, slots=True)
class Instance:
    """One object. Lengths in millimetres, in the patient's coordinates; ``words``: how scanner and technician call it.

    ``stacks``: how frames of an enhanced object lie: which way they face, what else a row has in common, places on its normal.
    ``duplicate_of``: the document that brought the same object before; ``conflicts``: with other content.
    """

    document_id: UUID
    kind: Kind
    sop_uid: str
    sop_class: str
    series_uid: str
    study_uid: str
    patient: Patient
    pixels: Pixels
    transfer_syntax: str
    modality: str = ""
    number: int | None = None
    acquisition: int | None = None
    of_acquisition: int | None = None
    frames: int = 1
    rows: int = 0
    columns: int = 0
    position: tuple[float, float, float] | None = None
    orientation: tuple[float, float, float, float, float, float] | None = None
    thickness: float | None = None
    sub_stack: tuple[str, ...] = ()
    image_type: tuple[str, ...] = ()
    body_part: str = ""
    words: str = ""
    contrast: str = ""
    burned_in: bool = False
    stacks: tuple[tuple[str, str, tuple[float, ...]], ...] = ()
    duplicate_of: UUID | None = None
    conflicts: bool = False

    @property
    def made_with_writing(self) -> bool:
        """Whether there is no such picture without writing on it: a page of doses, a screen that was saved, ultrasound."""
        saved = self.sop_class.startswith(_SECONDARY_CAPTURE) or "SCREEN SAVE" in self.image_type
        return saved or self.modality in _WITH_WRITING

    @property
    def says_localiser(self) -> bool:
        """Whether the scanner marks it as an overview on which slices were planned."""
        return LOCALISER in self.image_type


@dataclass(frozen=True, slots=True)
class Frames:
    """What an enhanced object says of its frames, in functional groups; nothing of any other."""

    stacks: tuple[tuple[str, str, tuple[float, ...]], ...] = ()
    thickness: float | None = None
    localiser: bool = False
    contrast: str = ""
    words: str = ""

    @classmethod
    def read(cls, said: Any) -> "Frames":
        """Return it from a header, a stranger's word: what makes no sense is left out."""
        if not isinstance(said, Mapping):
            return cls()
        try:
            stacks = tuple((str(way), str(rest), tuple(map(float, at))) for way, rest, at in said.get("rows", ()))
            thickness = float(said.get("thickness") or 0) or None
        except (TypeError, ValueError, OverflowError):
            return cls()
        if not all(isfinite(place) for _, _, places in stacks for place in places):
            return cls()
        texts = {name: str(said.get(name) or "")[:500] for name in ("contrast", "words")}
        return cls(stacks, thickness, said.get("localiser") is True, **texts)


# The attributes that are read, by their keywords in PS3.6.
_TAGS = {
    "SOPClassUID": "00080016", "SOPInstanceUID": "00080018", "StudyInstanceUID": "0020000D", "SeriesInstanceUID": "0020000E",
    "PatientName": "00100010", "PatientID": "00100020", "PatientBirthDate": "00100030", "PatientSex": "00100040",
    "Modality": "00080060", "InstanceNumber": "00200013", "AcquisitionNumber": "00200012", "ImagesInAcquisition": "00201002",
    "NumberOfFrames": "00280008", "Rows": "00280010", "Columns": "00280011", "ImagePositionPatient": "00200032",
    "ImageOrientationPatient": "00200037", "SliceThickness": "00180050", "EchoNumbers": "00180086", "ImageType": "00080008",
    "TemporalPositionIdentifier": "00200100", "DiffusionBValue": "00189087", "BodyPartExamined": "00180015",
    "StudyDescription": "00081030", "SeriesDescription": "0008103E", "ProtocolName": "00181030", "ImageComments": "00204000",
    "DerivationDescription": "00082111", "ContrastBolusAgent": "00180010", "BurnedInAnnotation": "00280301",
    "TriggerTime": "00181060", "StudyDate": "00080020", "AcquisitionDate": "00080022", "SeriesDate": "00080021",
}  # fmt: skip
_SPOKEN = ("StudyDescription", "SeriesDescription", "ProtocolName", "ImageComments", "DerivationDescription")
_SUB_STACK = ("AcquisitionNumber", "EchoNumbers", "TemporalPositionIdentifier", "DiffusionBValue", "TriggerTime")


class Attributes:
    """A DICOM JSON object, read leniently: what isn't there or makes no sense is empty."""

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self._metadata = metadata

    def values(self, keyword: str) -> Sequence[Any]:
        """Return the attribute's values, without empty ones."""
        found = self._metadata.get(_TAGS[keyword])
        values = found.get("Value") if isinstance(found, Mapping) else None
        return [value for value in values if value is not None] if isinstance(values, Sequence) else ()

    def text(self, keyword: str) -> str:
        """Return the first value as text; a person's name in its alphabetic form, else in any."""
        value = next(iter(self.values(keyword)), "")
        if isinstance(value, Mapping):
            value = value.get("Alphabetic") or next(iter(value.values()), "")
        return str(value).strip()

    def number(self, keyword: str) -> float | None:
        """Return the first value as a number."""
        try:
            return float(next(iter(self.values(keyword)), ""))
        except (TypeError, ValueError, OverflowError):
            return None

    def whole(self, keyword: str) -> int | None:
        """Return the first value as a whole number that a database's integer holds."""
        value = self.number(keyword)
        return int(value) if value is not None and abs(value) < 2**31 else None

    def numbers(self, keyword: str, count: int) -> tuple[float, ...] | None:
        """Return exactly ``count`` numbers, or None."""
        try:
            values = tuple(float(value) for value in self.values(keyword))
        except (TypeError, ValueError, OverflowError):
            return None
        return values if len(values) == count and all(map(isfinite, values)) else None


def instance_of(document_id: UUID, header: Header) -> Instance:
    """Return the object that a header describes. Raises ``NotReadable`` when it says not even which object it is."""
    said = Attributes(header["metadata"])
    if not (sop_uid := said.text("SOPInstanceUID")):
        raise NotReadable("no_identity")
    frames = Frames.read(header.get("frames"))
    position, orientation = said.numbers("ImagePositionPatient", 3), said.numbers("ImageOrientationPatient", 6)
    return Instance(
        document_id, Kind(header["kind"]), sop_uid, said.text("SOPClassUID"),
        said.text("SeriesInstanceUID"), said.text("StudyInstanceUID"), patient_of(said),
        Pixels(header["pixels"]), header["transfer_syntax"], said.text("Modality").upper(),
        number=said.whole("InstanceNumber"), acquisition=said.whole("AcquisitionNumber"),
        of_acquisition=said.whole("ImagesInAcquisition"), frames=max(1, said.whole("NumberOfFrames") or 1),
        rows=said.whole("Rows") or 0, columns=said.whole("Columns") or 0,
        position=position, orientation=orientation,  # type: ignore[arg-type]
        thickness=said.number("SliceThickness") or frames.thickness,
        sub_stack=tuple(said.text(keyword) for keyword in _SUB_STACK),
        image_type=(*(str(value).upper() for value in said.values("ImageType")), *([LOCALISER] if frames.localiser else [])),
        body_part=said.text("BodyPartExamined"), words=" | ".join(filter(None, [*map(said.text, _SPOKEN), frames.words])),
        contrast=said.text("ContrastBolusAgent") or frames.contrast, stacks=frames.stacks,
        burned_in=said.text("BurnedInAnnotation").upper() == "YES",
    )  # fmt: skip


def day_of(header: Header) -> date | None:
    """Return the day of the examination, where it says one that there is."""
    said = Attributes(header["metadata"])
    for keyword in ("StudyDate", "SeriesDate", "AcquisitionDate"):
        with suppress(ValueError):
            return datetime.strptime(said.text(keyword).replace(".", ""), "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone
    return None


def patient_of(said: Attributes) -> Patient:
    """Return who is on the picture."""
    name = tuple(sorted(part for part in plain(said.text("PatientName")).split() if part))
    return Patient(name, said.text("PatientBirthDate"), said.text("PatientSex").upper(), said.text("PatientID"))


def plain(text: str) -> str:
    """Return a text as words are looked for in it: folded, one space between and around words."""
    for separator in "^_-./\\,;:()[]=|+":
        text = text.replace(separator, " ")
    return f" {' '.join(text.casefold().split())} "


def says(text: str, words: Sequence[str]) -> bool:
    """Return whether any of ``words`` begins a word of a ``plain`` text; in scripts without such words, is in it."""
    return any((f" {word}" if word[:1] < "\u0250" else word) in text for word in words)


def _differ(one: str, other: str) -> bool:
    return {one, other} == {"F", "M"}
