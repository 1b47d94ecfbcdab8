"""What is wrong with scans, told from their headers: gaps, thickness, contrast, regions, people; with programme data (R25, M7)."""

from contextlib import suppress
from dataclasses import replace
from itertools import chain
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.records.domain.imaging import (
    SENTENCES,
    Defect,
    Flaw,
    Header,
    Instance,
    NotReadable,
    flaws_of,
    instance_of,
    judge,
    series_of,
)
from services.records.domain.imaging.stack import holes, spacing
from shared import programme
from tests.records.scans import AXIAL, header, instance, instances, slices

ASKED = programme.current("msk_international").imaging
GAP = ASKED.gap


def flaws(*objects: Instance, cancer_type: str | None = None) -> set[Flaw]:
    """Return the codes of all that is wrong with these objects as the scans of a case."""
    return {defect.flaw for defect in defects(*objects, cancer_type=cancer_type)}


def defects(*objects: Instance, cancer_type: str | None = None) -> list[Defect]:
    uids = dict.fromkeys(one.series_uid for one in objects)
    series = [[one for one in objects if one.series_uid == uid] for uid in uids]
    within = [defect for of_it in series for defect in flaws_of(of_it, ASKED)]
    return [*within, *judge([series_of(of_it, ASKED) for of_it in series], ASKED, cancer_type)]


def series(uid: str, count: int = 20, **said: Any) -> list[Instance]:
    return instances(slices(count, **{"series": uid} | said))


def test_a_whole_scan_has_nothing_wrong() -> None:
    assert flaws(*series("1")) == set()


@pytest.mark.parametrize(("skip", "missing"), [((7,), 1), ((3, 4, 5), 3), ((2, 11), 2)])
def test_missing_slices_are_counted_by_position(skip: tuple[int, ...], missing: int) -> None:
    [defect] = flaws_of(series("1", 30, skip=skip, number=None), ASKED)
    assert (defect.flaw, defect.values["count"]) == (Flaw.MISSING_SLICES, missing)


@settings(max_examples=40)
@given(
    count=st.integers(8, 60), step=st.floats(0.5, 10), hole=st.integers(1, 3), at=st.floats(0.2, 0.7),
    turned=st.booleans(), backwards=st.booleans(),
)  # fmt: skip
def test_a_hole_anywhere_in_any_stack_is_found_and_a_whole_stack_has_none(
    count: int, step: float, hole: int, at: float, turned: bool, backwards: bool
) -> None:
    begins = 1 + int((count - hole - 2) * at)
    gone = set(range(begins, begins + hole))
    direction = [1.0, 0.0, 0.0, 0.0, 0.0, -1.0] if turned else AXIAL

    def stack(skip: set[int]) -> list[Instance]:
        places = [n * step * (-1 if backwards else 1) for n in range(count) if n not in skip]
        return [
            instance(position=[5.0, place, 0.0] if turned else [0.0, 5.0, place], orientation=direction, number=None)
            for place in places
        ]

    assert holes(stack(set()), GAP).count == 0
    assert holes(stack(gone), GAP).count == hole
    assert spacing(stack(set())) == pytest.approx(step, abs=0.02)


def test_without_positions_instance_numbers_tell() -> None:
    unplaced = {"position": None, "orientation": None}
    every_second = [instance(number=n, **unplaced) for n in range(1, 40, 2)]
    assert holes(instances(slices(20, skip=(4, 5), **unplaced)), GAP).count == 2
    assert holes(every_second, GAP).count == 0
    assert holes([instance(number=n, **unplaced) for n in (1, 9, 40, 77, 300)], GAP).count == 0


def test_phases_that_lie_over_each_other_are_each_whole_and_one_with_fewer_is_not() -> None:
    phases = [series("1", 20, acquisition=1), series("1", 20, acquisition=2)]
    unnumbered = [*series("1", 20), *series("1", 20, skip=(9,))]
    assert holes(chain(*phases), GAP).count == 0
    assert holes(unnumbered, GAP).count == 1


def test_a_scanner_that_counts_each_slice_as_an_acquisition_still_makes_one_stack() -> None:
    counted = [replace(one, sub_stack=(str(n), "", "", "", "")) for n, one in enumerate(series("1", 20, skip=(9,)))]
    assert holes(counted, GAP).count == 1


def test_slices_at_uneven_distances_are_not_called_a_gap() -> None:
    uneven = [
        instance(position=[0, 0, place], number=n) for n, place in enumerate([0, 3, 4, 9, 11, 17, 18, 25, 33, 34])
    ]
    assert holes(uneven, GAP).count == 0


def test_images_that_the_scanner_announced_and_that_did_not_come_are_missing() -> None:
    [defect] = flaws_of(series("1", 18, in_acquisition=20, acquisition=1), ASKED)
    assert defect.values["count"] == 2


def test_thick_slices_are_of_no_use_unless_thin_ones_of_the_same_study_came() -> None:
    thick = series("1", step=8.0)
    [defect] = defects(*thick)
    assert (defect.flaw, defect.values) == (Flaw.TOO_THICK, {"thickness": 8.0, "limit": 5.0})
    assert flaws(*thick, *series("2", step=1.0)) == set()
    assert flaws(*thick, *series("2", step=1.0, study="1.2")) == {Flaw.TOO_THICK}


def test_an_overview_alone_is_no_scan() -> None:
    scout = series("1", 2, image_type=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    named = series("1", 1, description="TOPOGRAM 0.6 T20f")
    assert flaws(*scout) == flaws(*named) == {Flaw.LOCALISER_ONLY}
    assert flaws(*scout, *series("2")) == set()


def test_a_handful_of_images_is_no_scan() -> None:
    [defect] = defects(*series("1", 4))
    assert (defect.flaw, defect.values) == (Flaw.TOO_FEW, {"count": 4, "limit": 10})


@pytest.mark.parametrize(
    "said",
    [
        {"comments": "NOT FOR DIAGNOSTIC USE"},
        {"description": "Imagen no apta, no válido para diagnóstico"},
        {"comments": "不用于诊断"},
    ],
)
def test_what_says_that_it_is_not_for_diagnosis_is_not(said: dict[str, str]) -> None:
    assert flaws(*series("1", **said)) == {Flaw.NOT_DIAGNOSTIC}


def test_writing_on_the_picture_and_pictures_that_are_not_whole_are_told() -> None:
    assert flaws(*series("1", burned_in="YES")) == {Flaw.BURNED_IN}
    short = [instance(pixels="short", number=21, position=[0, 0, 40.0], series="1"), *series("1")]
    [defect] = flaws_of(short, ASKED)
    assert (defect.flaw, defect.values) == (Flaw.UNREADABLE_PIXELS, {"count": 1})


def test_writing_on_pages_of_doses_and_on_ultrasound_is_as_it_should_be() -> None:
    saved = {"sop_class": "1.2.840.10008.5.1.4.1.1.7", "description": "Dose Report"}
    screen = {"image_type": ["DERIVED", "SECONDARY", "SCREEN SAVE"], "description": "Patient Protocol"}
    for said in (saved, screen, {"modality": "US", "sop_class": "1.2.840.10008.5.1.4.1.1.6.1"}):
        assert flaws_of([instance(burned_in="YES", series="9", **said)], ASKED) == []


def test_a_film_is_told_apart_from_a_picture_that_is_damaged() -> None:
    film = [instance(pixels="unknown_syntax", series="9", modality="XA", position=None) for _ in range(2)]
    assert flaws_of(film, ASKED) == [Defect(Flaw.UNKNOWN_SYNTAX, "9", {"count": 2})]
    assert "such as a film: 2" in SENTENCES[Flaw.UNKNOWN_SYNTAX] % {"count": 2}


def test_a_scan_of_another_region_is_told_unless_one_of_the_right_region_came() -> None:
    knee, chest = series("1", body_part="KNEE"), series("2", description="Thorax 1.0 B70f", study="1.2")
    [defect] = defects(*knee, cancer_type="lung")
    assert (defect.flaw, defect.values) == (Flaw.WRONG_REGION, {"found": ["limb"], "wanted": ["chest", "whole_body"]})
    assert flaws(*knee, *chest, cancer_type="lung") == set()
    assert flaws(*knee) == set()
    assert flaws(*series("1"), cancer_type="lung") == set()


def test_contrast_and_its_phases_are_asked_for_by_cancer() -> None:
    plain = series("1", body_part="ABDOMEN", description="native 2.0")
    arterial = series("2", body_part="ABDOMEN", description="arterial 2.0", contrast="IOMERON 400")
    portal = series("3", body_part="ABDOMEN", description="portal venous 2.0", contrast="IOMERON 400")
    unsaid = series("4", body_part="ABDOMEN", description="with contrast", contrast="IOMERON 400")
    cancer = "liver_pancreas"
    assert flaws(*plain, cancer_type=cancer) == {Flaw.NO_CONTRAST}
    [defect] = defects(*plain, *arterial, cancer_type=cancer)
    assert (defect.flaw, defect.values) == (Flaw.MISSING_PHASE, {"phases": ["portal_venous"]})
    assert flaws(*plain, *arterial, *portal, cancer_type=cancer) == set()
    assert flaws(*unsaid, cancer_type=cancer) == set()
    assert flaws(*plain, cancer_type="lymphoma") == set()


@pytest.mark.parametrize(
    ("other", "mixed"),
    [
        ({"birth_date": "19811231"}, True),
        ({"sex": "M"}, True),
        ({"name": {"Alphabetic": "UP^MADE^A"}, "id": "77"}, False),
        ({"name": {"Alphabetic": "أحمد^علي"}, "id": "77"}, False),
        ({"name": {"Alphabetic": "Somebody^Else"}, "birth_date": None, "id": "77"}, True),
        ({"name": {"Alphabetic": "Somebody^Else"}, "birth_date": None}, False),
        ({"name": None, "birth_date": None, "id": None, "sex": None}, False),
    ],
)
def test_people_are_told_apart_by_birth_date_and_not_by_spelling(other: dict[str, Any], mixed: bool) -> None:
    found = flaws(*series("1"), *series("2", study="1.2", **other))
    assert found == ({Flaw.MIXED_PATIENTS} if mixed else set())


def test_copies_are_kept_once_and_told_apart_from_conflicts() -> None:
    first, *rest = series("1")
    copy = replace(first, document_id=uuid4(), duplicate_of=first.document_id)
    [harmless] = flaws_of([first, *rest, copy], ASKED)
    [conflict] = flaws_of([first, *rest, replace(copy, conflicts=True)], ASKED)
    assert (harmless.flaw, conflict.flaw) == (Flaw.DUPLICATES, Flaw.CONFLICTING_COPIES)


def test_every_flaw_has_a_sentence_that_its_values_fill() -> None:
    values = {
        "count": 3, "limit": 5.0, "thickness": 8.0, "phases": "arterial", "found": "knee", "wanted": "chest",
    }  # fmt: skip
    assert set(SENTENCES) == set(Flaw)
    assert all("%(" not in sentence % values for sentence in SENTENCES.values())


@settings(max_examples=40)
@given(
    metadata=st.dictionaries(
        st.sampled_from(["00080018", "00200032", "00200037", "00280008", "00100010", "00180050", "00200013", "00080008"]),
        st.one_of(
            st.none(), st.text(), st.just({}), st.lists(st.none()),
            st.fixed_dictionaries({"Value": st.lists(st.one_of(
                st.none(), st.text(), st.floats(), st.integers(), st.dictionaries(st.text(), st.text()), st.lists(st.integers()),
            ))}),
        ),
    )
)  # fmt: skip
def test_whatever_a_header_says_it_is_an_object_or_refused_by_code(metadata: dict[str, Any]) -> None:
    said: Header = {"kind": "image", "pixels": "whole", "transfer_syntax": "", "metadata": metadata}
    with suppress(NotReadable):
        one = instance_of(uuid4(), said)
        flaws_of([one], ASKED)
        judge([series_of([one], ASKED)], ASKED, "lung")


def test_a_header_of_a_whole_stack_stays_one_series_however_it_is_sorted() -> None:
    stack = [header(position=[0, 0, n * 2.0], number=n) for n in (5, 1, 4, 2, 3, 6)]
    assert holes(instances(iter(stack)), GAP).count == 0
