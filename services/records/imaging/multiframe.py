"""Frames of enhanced objects (CT, MR, PET): where each lies and how it is shown stands in functional groups (PS3.3 C.7.6.16).

Runs in the sandbox. Whatever a group lacks or says wrongly is as if it weren't there.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from pydicom.dataset import Dataset

from services.records.domain.imaging.instance import LOCALISER
from services.records.domain.imaging.stack import along, facing

MOST_FRAMES = 5000
"""Of more, nobody asks whether one is missing."""
_ENHANCED = frozenset({
    "1.2.840.10008.5.1.4.1.1.2.1", "1.2.840.10008.5.1.4.1.1.2.2",  # CT, and converted from single slices
    "1.2.840.10008.5.1.4.1.1.4.1", "1.2.840.10008.5.1.4.1.1.4.3", "1.2.840.10008.5.1.4.1.1.4.4",  # MR
    "1.2.840.10008.5.1.4.1.1.130", "1.2.840.10008.5.1.4.1.1.128.1",  # PET
})  # fmt: skip
_DIFFERS = (
    ("FrameContentSequence", "StackID"), ("FrameContentSequence", "TemporalPositionIndex"),
    ("MREchoSequence", "EffectiveEchoTime"), ("MRDiffusionSequence", "DiffusionBValue"),
    ("CardiacSynchronizationSequence", "NominalCardiacTriggerDelayTime"), ("MRImageFrameTypeSequence", "FrameType"),
    ("CTImageFrameTypeSequence", "FrameType"), ("PETFrameTypeSequence", "FrameType"),
)  # fmt: skip
"""What frames of one stack have in common."""
_LOOK = {
    "PixelValueTransformationSequence": ("RescaleSlope", "RescaleIntercept", "RescaleType"),
    "FrameVOILUTSequence": ("WindowCenter", "WindowWidth", "VOILUTFunction"),
    "PixelMeasuresSequence": ("PixelSpacing",),
}


def frames_of(found: Dataset) -> dict[str, Any] | None:
    """Return what the groups say of all frames, JSON-able; None: it is no such object.

    ``rows``: of each stack, which way it faces, what else its frames have in common, and their places along the normal in
    millimetres; ``thickness``: of the thickest; ``localiser``: all are overviews; ``contrast``, ``words``: as scanners call it.
    """
    if str(found.get("SOPClassUID", "")) not in _ENHANCED:
        return None
    rows: defaultdict[tuple[str, str], list[float]] = defaultdict(list)
    thick: list[float] = []
    types: list[str] = []
    for groups in _frames(found):
        orientation = _numbers(_said(groups, "PlaneOrientationSequence", "ImageOrientationPatient"), 6)
        position = _numbers(_said(groups, "PlanePositionSequence", "ImagePositionPatient"), 3)
        thick += _numbers([_said(groups, "PixelMeasuresSequence", "SliceThickness")], 1) or ()
        differs = [str(_said(groups, *one) or "") for one in _DIFFERS]
        types.append(" ".join(differs[-3:]))
        if (place := along(orientation, position)) is not None and orientation is not None:
            rows["\\".join(map(str, facing(orientation))), "|".join(filter(None, differs))].append(round(place, 3))
    return {
        "rows": [[*key, places] for key, places in rows.items()],
        "thickness": max(thick, default=None),
        "localiser": bool(types) and all(LOCALISER in one for one in types),
        "contrast": _coded(found, "ContrastBolusAgentSequence"),
        "words": " ".join(filter(None, [_coded(found, "AnatomicRegionSequence"), *_anatomy(found)])),
    }


def look_of(shown: Dataset, frame: int) -> dict[str, Any]:
    """Return how one frame (from 0) is shown: attributes of ``shown`` that its functional groups say."""
    groups = next((one for number, one in enumerate(_frames(shown)) if number == frame), ())
    said = {name: _said(groups, sequence, name) for sequence, names in _LOOK.items() for name in names}
    return {name: value for name, value in said.items() if value is not None}


def _frames(found: Dataset) -> Iterator[tuple[Dataset, ...]]:
    """Yield the groups of each frame: its own, then those that all share."""
    shared = tuple(_sequence(found, "SharedFunctionalGroupsSequence"))[:1]
    own = tuple(_sequence(found, "PerFrameFunctionalGroupsSequence"))[: MOST_FRAMES + 1]
    if len(own) <= MOST_FRAMES:
        yield from ((one, *shared) for one in own)


def _sequence(holder: Dataset, keyword: str) -> list[Dataset]:
    with suppress(Exception):  # a stranger's bytes make the parser fail in any way there is
        return [one for one in holder.get(keyword) or () if isinstance(one, Dataset)]
    return []


def _said(groups: tuple[Dataset, ...], sequence: str, keyword: str) -> Any:
    for holder in groups:
        for one in _sequence(holder, sequence)[:1]:
            with suppress(Exception):
                if (value := one.get(keyword)) is not None:
                    return value
    return None


def _numbers(value: Any, count: int) -> tuple[float, ...] | None:
    with suppress(TypeError, ValueError):
        numbers = tuple(float(part) for part in value)
        if len(numbers) == count and all(abs(one) < 1e9 for one in numbers):
            return numbers
    return None


def _coded(holder: Dataset, sequence: str) -> str:
    return str(_said((holder,), sequence, "CodeMeaning") or "")


def _anatomy(found: Dataset) -> set[str]:
    """Return the parts of the body that frames are said to show."""
    shown = {
        id(one): one
        for groups in _frames(found)
        for holder in groups
        for one in _sequence(holder, "FrameAnatomySequence")
    }
    return {_coded(one, "AnatomicRegionSequence") for one in shown.values()}
