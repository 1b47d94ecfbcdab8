"""Series: instances that were made together; what all of them say in common, and what is wrong among them (R25)."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.records.domain.imaging import stack
from services.records.domain.imaging.defects import Defect, Flaw
from services.records.domain.imaging.instance import Instance, Kind, Patient, Pixels, plain, says
from shared.programme.imaging import Imaging

_AS_SENT = (Pixels.WHOLE, Pixels.UNKNOWN_SYNTAX)
_NO_AGENT = {"", "NO", "NONE", "N", "0", "NO CONTRAST", "WITHOUT"}


@dataclass(frozen=True, slots=True)
class Series:
    """A series as its study is judged by it. ``thickness``: of its thickest slices; ``images``: frames that can be shown."""

    uid: str
    study_uid: str
    modality: str
    images: int
    objects: int
    localiser: bool
    thickness: float | None
    spacing: float | None
    regions: tuple[str, ...]
    phases: tuple[str, ...]
    contrast: bool
    patients: tuple[Patient, ...]

    @property
    def is_scan(self) -> bool:
        """Whether it holds pictures of the patient other than an overview."""
        return self.images > 0 and not self.localiser


def series_of(instances: Sequence[Instance], asked: Imaging) -> Series:
    """Return what the objects of one series have in common. ``instances``: at least one."""
    first = instances[0]
    pictures = [one for one in instances if one.kind is Kind.IMAGE and one.duplicate_of is None]
    text = plain(" ".join({f"{one.body_part} {one.words}" for one in instances[:50]}))
    thick = [one.thickness for one in pictures if one.thickness]
    return Series(
        first.series_uid, first.study_uid, first.modality,
        images=sum(one.frames for one in pictures if one.pixels is Pixels.WHOLE), objects=len(instances),
        localiser=bool(pictures) and all(is_localiser(one, asked) for one in pictures),
        thickness=max(thick, default=None), spacing=stack.spacing(pictures),
        regions=tuple(code for code, region in asked.regions.items() if says(text, region.words)),
        phases=tuple(code for code, phase in asked.phases.items() if says(text, phase.words)),
        contrast=any(one.contrast.upper() not in _NO_AGENT for one in instances),
        patients=tuple(sorted({one.patient for one in instances}, key=lambda who: (who.id, who.birth_date, who.name))),
    )  # fmt: skip


def is_localiser(one: Instance, asked: Imaging) -> bool:
    """Return whether a picture is an overview on which slices were planned."""
    return one.says_localiser or says(plain(one.words), asked.localiser_words)


def flaws_of(instances: Sequence[Instance], asked: Imaging) -> list[Defect]:
    """Return what is wrong among the objects of one series."""
    uid = instances[0].series_uid
    single = [one for one in instances if one.duplicate_of is None]
    pictures = [one for one in single if one.kind is Kind.IMAGE]
    copies, conflicting = len(instances) - len(single), sum(one.conflicts for one in instances)
    counted = {Flaw.DUPLICATES: copies - conflicting, Flaw.CONFLICTING_COPIES: conflicting}
    counted[Flaw.UNKNOWN_SYNTAX] = sum(one.pixels is Pixels.UNKNOWN_SYNTAX for one in pictures)
    counted[Flaw.UNREADABLE_PIXELS] = sum(one.pixels not in _AS_SENT for one in pictures)
    found = [Defect(flaw, uid, {"count": count}) for flaw, count in counted.items() if count]
    if any(one.burned_in and not one.made_with_writing for one in pictures):
        found.append(Defect(Flaw.BURNED_IN, uid))
    if any(says(plain(one.words), asked.not_diagnostic_words) for one in pictures):
        found.append(Defect(Flaw.NOT_DIAGNOSTIC, uid))
    missing = _missing([one for one in pictures if not is_localiser(one, asked)], asked)
    if missing.count:
        found.append(Defect(Flaw.MISSING_SLICES, uid, {"count": missing.count, "before": list(missing.before)}))
    return found


def _missing(slices: Sequence[Instance], asked: Imaging) -> stack.Holes:
    """Return the holes; where none is seen, what the scanner says that it made and didn't come."""
    found = stack.holes(slices, asked.gap)
    announced = [one.of_acquisition for one in slices if one.of_acquisition]
    if not found.count and announced and len({one.acquisition for one in slices}) == 1:
        return stack.Holes(max(0, max(announced) - sum(one.frames for one in slices)))
    return found
