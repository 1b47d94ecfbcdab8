"""What is wrong with the scans of a case as a whole: studies against what the programme asks, people mixed up (R25, M7)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence

from services.records.domain.imaging.defects import Defect, Flaw
from services.records.domain.imaging.instance import Patient
from services.records.domain.imaging.series import Series
from shared.programme.imaging import Contrast, Imaging


def judge(
    series: Iterable[Series], asked: Imaging, cancer_type: str | None = None, checked: Sequence[Patient] = ()
) -> list[Defect]:
    """Return what is wrong with studies and with the case; what is wrong within a series, ``flaws_of`` says.

    ``checked``: as whom the patient stands in scans of which somebody said that they are the patient's (M5).
    """
    studies: dict[str, list[Series]] = defaultdict(list)
    for one in series:
        studies[one.study_uid].append(one)
    found = [defect for uid, study in studies.items() for defect in _of_study(uid, study, asked, cancer_type)]
    found += _wrong_regions(studies, asked.wanted_for(cancer_type))
    found += [
        Defect(Flaw.ANOTHER_PERSON, one.uid) for of_it in studies.values() for one in of_it if others(one, checked)
    ]
    people = persons(who for study in studies.values() for one in study for who in one.patients)
    return [*found, *([Defect(Flaw.MIXED_PATIENTS, values={"count": people})] if people > 1 else [])]


def _of_study(uid: str, study: Sequence[Series], asked: Imaging, cancer_type: str | None) -> Iterator[Defect]:
    scans = [one for one in study if one.is_scan]
    if not scans and any(one.localiser for one in study):
        yield Defect(Flaw.LOCALISER_ONLY, uid)
    for modality, need in asked.stacks.items():
        of_it = [one for one in scans if one.modality == modality]
        if not of_it:
            continue
        if (images := sum(one.images for one in of_it)) < need.fewest_images:
            yield Defect(Flaw.TOO_FEW, uid, {"count": images, "limit": need.fewest_images})
        thinnest = min((one.thickness for one in of_it if one.thickness), default=None)
        if thinnest is not None and thinnest > need.thickest_mm:
            yield Defect(Flaw.TOO_THICK, uid, {"thickness": round(thinnest, 2), "limit": need.thickest_mm})
    for contrast in asked.contrast_for(cancer_type):
        yield from _contrast(uid, scans, contrast)


def _contrast(uid: str, scans: Sequence[Series], need: Contrast) -> Iterator[Defect]:
    """A study's best series counts: a scan before contrast beside one with it is as it should be."""
    of_it = [one for one in scans if one.modality == need.modality and set(one.regions) & set(need.regions)]
    if not of_it:
        return
    if not any(one.contrast or one.phases for one in of_it):
        yield Defect(Flaw.NO_CONTRAST, uid)
        return
    there = {phase for one in of_it for phase in one.phases}
    if there and (missing := [phase for phase in need.phases if phase not in there]):
        yield Defect(Flaw.MISSING_PHASE, uid, {"phases": missing})


def _wrong_regions(studies: Mapping[str, Sequence[Series]], wanted: Sequence[str]) -> Iterator[Defect]:
    """Studies of other regions, where none of the case shows a wanted one; a study that doesn't say is let be."""
    shown = {uid: {region for one in study if one.images for region in one.regions} for uid, study in studies.items()}
    if not wanted or any(regions & set(wanted) for regions in shown.values()):
        return
    for uid, regions in shown.items():
        if regions:
            yield Defect(Flaw.WRONG_REGION, uid, {"found": sorted(regions), "wanted": list(wanted)})


def others(one: Series, checked: Sequence[Patient]) -> list[Patient]:
    """Return who is on a series and can't be the patient as checked scans tell of them."""
    return [who for who in one.patients if checked and not any(who.may_be(patient) for patient in checked)]


def persons(patients: Iterable[Patient]) -> int:
    """Return how many people these are at least: each is somebody new when they can't be anybody seen before."""
    seen: list[list[Patient]] = []
    for who in sorted(
        set(patients), key=lambda one: (not one.birth_date, not one.name, one.birth_date, one.name, one.id)
    ):
        for person in seen:
            if all(who.may_be(other) for other in person):
                person.append(who)
                break
        else:
            seen.append([who])
    return len(seen)
