"""QIDO-RS queries (PS3.18 8.3.4): which attributes are asked for, and what matches. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Level = Literal["studies", "series", "instances"]
Attributes = dict[str, Any]

STUDY, SERIES, SOP = "0020000D", "0020000E", "00080018"
_KEYWORDS = {
    "StudyDate": "00080020", "StudyTime": "00080030", "AccessionNumber": "00080050", "ModalitiesInStudy": "00080061",
    "ReferringPhysicianName": "00080090", "StudyInstanceUID": STUDY, "StudyID": "00200010", "StudyDescription": "00081030",
    "Modality": "00080060", "SeriesDescription": "0008103E", "SeriesInstanceUID": SERIES, "SeriesNumber": "00200011",
    "BodyPartExamined": "00180015", "SOPClassUID": "00080016", "SOPInstanceUID": SOP, "InstanceNumber": "00200013",
    "Rows": "00280010", "Columns": "00280011", "BitsAllocated": "00280100", "NumberOfFrames": "00280008",
    "PatientName": "00100010", "PatientID": "00100020", "PatientBirthDate": "00100030", "PatientSex": "00100040",
    "SpecificCharacterSet": "00080005", "InstitutionName": "00080080", "SliceThickness": "00180050",
    "ProtocolName": "00181030", "NumberOfStudyRelatedSeries": "00201206", "NumberOfStudyRelatedInstances": "00201208",
    "NumberOfSeriesRelatedInstances": "00201209",
}  # fmt: skip
_PERSONAL = {"00100010", "00100020", "00100030", "00100040", "00080090"}
_RETURNED: Mapping[Level, tuple[str, ...]] = {
    "studies": ("00080005", "00080020", "00080030", "00080050", "00080090", "00081030", "00100010", "00100020", "00100030",
                "00100040", STUDY, "00200010"),
    "series": ("00080005", "00080060", "0008103E", SERIES, "00200011", STUDY, "00080020", "00180015"),
    "instances": ("00080005", "00080016", SOP, "00200013", "00280008", "00280010", "00280011", "00280100", STUDY, SERIES,
                  "00080060"),
}  # fmt: skip
LARGEST_PAGE = 1000
_CONTROL = {"limit", "offset", "includefield", "fuzzymatching"}


class BadQuery(Exception):
    """The query asks for what isn't there; the sentence says what to ask instead."""


@dataclass(frozen=True)
class Query:
    """A search: what must match, by tag; which attributes come with it (None: all)."""

    matching: Mapping[str, str] = field(default_factory=dict)
    fields: tuple[str, ...] | None = ()
    limit: int = LARGEST_PAGE
    offset: int = 0

    def uids(self, tag: str) -> list[str]:
        """Return the UIDs of which one must match; empty: any."""
        return [uid for uid in re.split(r"[,\\]", self.matching.get(tag, "")) if uid]


def query_of(params: Iterable[tuple[str, str]], level: Level) -> Query:
    """Return what the parameters of an address ask for. Raises ``BadQuery``."""
    matching: dict[str, str] = {}
    fields: set[str] | None = {*_RETURNED[level]}
    limit, offset = LARGEST_PAGE, 0
    for name, value in params:
        match name:
            case "limit":
                limit = min(_whole(value), LARGEST_PAGE)
            case "offset":
                offset = _whole(value)
            case "includefield":
                fields = None if fields is None or value == "all" else fields | {_tag(one) for one in value.split(",")}
            case "fuzzymatching":
                continue
            case _:
                matching[_matched(name)] = value
    fields = fields if fields is None else fields | matching.keys()
    return Query(matching, None if fields is None else tuple(sorted(fields)), limit, offset)


def _whole(value: str) -> int:
    if not re.fullmatch(r"\d{1,9}", value):
        raise BadQuery("limit and offset are whole numbers.")
    return int(value)


def _matched(name: str) -> str:
    tag = _tag(name)
    if tag in _PERSONAL:
        raise BadQuery("A person's data never stands in an address. All studies here are of the case's patient.")
    return tag


def _tag(name: str) -> str:
    last = name.rpartition(".")[2]
    if re.fullmatch(r"[0-9A-Fa-f]{8}", last):
        return last.upper()
    if last not in _KEYWORDS:
        raise BadQuery("An attribute is named by its keyword or its eight hexadecimal digits.")
    return _KEYWORDS[last]


def matches(found: Attributes, query: Query) -> bool:
    """Return whether an object with these attributes (DICOM JSON) is what was asked for."""
    return all(
        _matches(found.get(tag, {}), wanted) for tag, wanted in query.matching.items() if wanted not in ("", "*")
    )


def _matches(attribute: Mapping[str, Any], wanted: str) -> bool:
    values = [str(_plain(value)) for value in attribute.get("Value", ())]
    vr = attribute.get("vr", "")
    if vr in ("DA", "TM") and "-" in wanted:
        low, _, high = wanted.partition("-")
        return any((not low or value >= low) and (not high or value[: len(high)] <= high) for value in values)
    if vr == "UI" or "\\" in wanted:
        return not set(re.split(r"[,\\]", wanted)).isdisjoint(values)
    pattern = re.compile("".join(_WILD.get(sign, re.escape(sign)) for sign in wanted), re.IGNORECASE)
    return any(pattern.fullmatch(value) for value in values)


_WILD = {"*": ".*", "?": "."}


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value.get("Alphabetic", "") if isinstance(value, Mapping) else value


def chosen(found: Attributes, query: Query) -> Attributes:
    """Return the attributes that were asked for, in the order of their tags."""
    kept = found if query.fields is None else {tag: found[tag] for tag in query.fields if tag in found}
    return dict(sorted(kept.items()))


def counted(vr: str, *values: Any) -> Attributes:
    """Return one attribute as DICOM JSON writes it."""
    return {"vr": vr, "Value": list(values)}


def page(found: Sequence[Attributes], query: Query) -> tuple[Sequence[Attributes], bool]:
    """Return the part that was asked for, and whether there is more behind it."""
    end = query.offset + query.limit
    return found[query.offset : end], len(found) > end
