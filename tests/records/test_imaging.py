"""Scans as a case gets them: put in their places as they come, judged at once, shown to sender and staff (R25, M7)."""

from datetime import timedelta
from typing import Any

import pytest

from shared.web import Role
from tests.records.conftest import Case, brief
from tests.records.made_up import archive, dicom
from tests.records.scans import brings_scans, header, slices
from tests.records.test_parts import family, invites, physician, sends
from tests.support.facts import a_case, withdrawn


async def scans(case: Case, **params: str) -> dict[str, Any]:
    answer = await case.patient.get(f"{case.api}/imaging", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def flaws(case: Case) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in (await scans(case))["defects"]:
        found.setdefault(one["uid"], []).append(one["flaw"])
    return found


async def test_a_scan_that_comes_in_parts_is_whole_in_the_end(case: Case) -> None:
    stack = list(slices(30, series="1.1.1", description="Thorax 2.0", study_description="Chest", date="20261101"))
    await brings_scans(case, *stack[:10], *stack[20:])
    [missing] = (await scans(case))["defects"]
    assert (missing["flaw"], missing["uid"], missing["harmless"]) == ("missing_slices", "1.1.1", False)
    assert missing["sentence"].startswith("Images are missing from this scan: 10.")

    await brings_scans(case, *stack[10:20])
    found = await scans(case)
    [study] = found["studies"]
    [series] = study["series"]
    assert found["defects"] == []
    assert (study["date"], study["description"]) == ("20261101", "Chest")
    assert series | {"number": ""} == {
        "uid": "1.1.1", "modality": "CT", "number": "", "description": "Thorax 2.0", "images": 30, "objects": 30,
        "thickness": 2.0, "spacing": 2.0, "regions": ["chest"], "phases": [], "contrast": False, "localiser": False,
    }  # fmt: skip
    images = (await case.manager.get(f"{case.api}/imaging/series/1.1.1")).json()["images"]
    assert [one["number"] for one in images] == list(range(1, 31))


async def test_each_reads_of_defects_in_their_own_language_with_the_programmes_names(case: Case) -> None:
    case.records.peers.answers["intake", f"/cases/{case.id}/brief"] = brief(cancer_type="lung")
    await brings_scans(case, *slices(20, body_part="KNEE"))
    await case.records.run_errands()
    async with case.records.ctx.db.transaction() as tx:
        from services.records import opening

        await opening.learn(tx, case.id, 1, ["ar"], "EG", "lung")

    [english] = (await scans(case))["defects"]
    [spanish] = (await scans(case, lang="es"))["defects"]
    assert "(arm or leg)" in english["sentence"]
    assert "tórax" in spanish["sentence"]
    page = await case.patient.get(f"/my/records/cases/{case.id}/imaging?lang=ar", headers={"accept": "text/html"})
    assert "الصدر" in page.text
    assert 'dir="rtl"' in page.text


async def test_the_same_object_twice_is_kept_once_and_other_content_under_its_name_is_a_conflict(case: Case) -> None:
    stack = list(slices(12))
    first = await brings_scans(case, *stack)
    await brings_scans(case, stack[3])
    assert await flaws(case) == {"1.1.1": ["duplicates"]}
    changed = header(sop=stack[4]["metadata"]["00080018"]["Value"][0], number=5, position=[0, 0, 8.0], comments="x")
    await brings_scans(case, changed)
    assert await flaws(case) == {"1.1.1": ["conflicting_copies", "duplicates"]}
    images = (await case.manager.get(f"{case.api}/imaging/series/1.1.1")).json()["images"]
    assert [one["document_id"] for one in images] == list(map(str, first))


async def test_of_two_copies_the_one_whose_picture_is_whole_is_shown(case: Case) -> None:
    whole, *rest = slices(12)
    torn = {**whole, "pixels": "short"}
    await brings_scans(case, torn, *rest)
    assert await flaws(case) == {"1.1.1": ["unreadable_pixels"]}
    [good] = await brings_scans(case, whole)
    await brings_scans(case, torn, header(sop="1.2.3", pixels="short", number=13, position=[0, 0, 24.0]))
    assert await flaws(case) == {"1.1.1": ["duplicates", "unreadable_pixels"]}
    images = (await case.manager.get(f"{case.api}/imaging/series/1.1.1")).json()["images"]
    assert images[0]["document_id"] == str(good)
    await brings_scans(
        case, *(header(sop="1.2.3", number=13, position=[0, 0, 24.0], pixels=state) for state in ("short", "whole"))
    )
    assert await flaws(case) == {"1.1.1": ["duplicates"]}


async def test_what_the_cds_own_list_promises_and_did_not_come_is_missing(case: Case) -> None:
    listed = {"kind": "directory", "pixels": "none", "transfer_syntax": "", "metadata": {}, "cut": False}
    await brings_scans(case, {**listed, "listed": [["1.1", "1.1.1", 12], ["1.1", "1.1.2", 3]]}, *slices(10))
    assert await flaws(case) == {"1.1.1": ["listed_but_missing"], "1.1.2": ["listed_but_missing"]}
    await brings_scans(
        case, *list(slices(12))[10:], *(header(series="1.1.2", number=n, position=None) for n in range(3))
    )
    assert await flaws(case) == {}


async def test_the_desk_shows_codes_and_the_sender_sentences(case: Case) -> None:
    await brings_scans(case, *slices(20, step=8.0))
    html = {"accept": "text/html"}
    desk = (await case.manager.get(f"/desk/records/cases/{case.id}/imaging", headers=html)).text
    mine = (await case.patient.get(f"/my/records/cases/{case.id}/imaging", headers=html)).text
    assert "too thick" in desk
    assert "The slices of this scan are 8.0 mm thick." in desk
    assert "The slices of this scan are 8.0 mm thick." in mine
    assert "too thick" not in mine
    part = await case.patient.get(f"/my/records/cases/{case.id}/imaging/summary", headers={"hx-request": "true"})
    assert "The slices of this scan are 8.0 mm thick." in part.text


async def test_scans_of_a_case_are_seen_by_its_own_people_and_by_nobody_after_its_withdrawal(case: Case) -> None:
    await brings_scans(case, *slices(3))
    records = case.records
    stranger = records.sign_in(Role.PATIENT, subject="patient-other", cases=[a_case()])
    specialist = records.sign_in(Role.SPECIALIST, subject="staff-yusuf", name="Dr Yusuf Demir")
    officer = records.sign_in(Role.PRIVACY_OFFICER, subject="staff-pia", name="Pia Moreau")
    paths = [f"{case.api}/imaging", f"{case.api}/imaging/series/1.1.1"]
    for path in paths:
        for who, status in ((stranger, 404), (specialist, 404), (case.lab, 403), (records.http, 401), (officer, 200)):
            assert (await who.get(path)).status_code == status, path
    await records.receives(withdrawn(case.id))
    for path in paths:
        assert (await case.manager.get(path)).status_code == 403
        assert (await officer.get(path)).status_code == 200


async def test_a_file_with_another_persons_name_is_shown_to_nobody(case: Case) -> None:
    first, *_ = await brings_scans(case, *slices(12))
    async with case.records.ctx.db.transaction() as tx:
        await tx.execute(
            "UPDATE documents SET name_matches = false, birth_date_matches = true, identity_by = 'm', identity_by_name = 'M',"
            " identity_at = now() WHERE id = $1",
            first,
        )
    images = (await case.manager.get(f"{case.api}/imaging/series/1.1.1")).json()["images"]
    assert len(images) == 11


def cd_of(series: str, *, name: str = "Testfall^Anna", birth_date: str = "19700101") -> bytes:
    """Return a CD with twelve slices of somebody."""
    slices_ = (dicom(n, series=series) for n in range(1, 13))
    others = (one.replace(b"Testfall^Anna", name.encode()).replace(b"19700101", birth_date.encode()) for one in slices_)
    return archive({f"IM{n}": one for n, one in enumerate(others)})


async def test_once_somebody_said_whose_a_cd_is_scans_of_other_people_are_found_and_count_no_more(case: Case) -> None:
    mine = await case.uploads("imaging", cd_of("1.2.3"), name="mine.zip")
    other = await case.uploads("imaging", cd_of("1.2.4", name="Fremdlin^Otto", birth_date="19811231"), name="other.zip")
    assert await flaws(case) == {"": ["mixed_patients"]}

    assert (await case.identifies("imaging", mine)).status_code == 200
    assert await flaws(case) == {"": ["mixed_patients"], "1.2.4": ["another_person"]}
    await case.uploads("imaging", cd_of("1.2.5", name="Fremdlin^Otto", birth_date="19811231"), name="late.zip")
    assert await flaws(case) == {"": ["mixed_patients"], "1.2.4": ["another_person"], "1.2.5": ["another_person"]}

    assert (await case.identifies("imaging", other, matches=False)).status_code == 200
    assert await flaws(case) == {"": ["mixed_patients"], "1.2.5": ["another_person"]}
    assert [one["uid"] for one in (await scans(case))["studies"][0]["series"]] == ["1.2.3", "1.2.5"]
    assert (await case.identifies("imaging", other)).status_code == 200
    assert await flaws(case) == {"": ["mixed_patients"]}


async def test_who_sees_a_part_of_a_case_sees_no_pictures_and_reads_of_what_they_sent_alone(case: Case) -> None:
    await case.uploads("imaging", cd_of("1.2.3"), name="theirs.zip")
    helper = family(case, await invites(case))
    holes = {f"IM{n}": dicom(n, series="1.2.4") for n in range(1, 30) if not 10 < n < 20}
    assert (await sends(case, helper, "imaging", archive(holes))).status_code == 201
    await case.looks()

    told = (await helper.get(f"{case.api}/imaging")).json()
    assert [one["flaw"] for one in told["defects"]] == ["missing_slices"]
    assert [one["uid"] for study in told["studies"] for one in study["series"]] == ["1.2.4"]
    for part in ("", "/summary"):
        page = (await helper.get(f"/my/records/cases/{case.id}/imaging{part}")).text
        assert "Images are missing from this scan" in page
        assert "/series/" not in page
    assert "/imaging/summary" in (await helper.get(f"/my/records/cases/{case.id}")).text
    assert (await physician(case).get(f"{case.api}/imaging")).json() == {"studies": [], "defects": []}
    for who in (helper, physician(case)):
        for path in ("/imaging/series/1.2.4", "/dicomweb/studies"):
            assert (await who.get(case.api + path)).status_code == 404


async def test_a_specialist_sees_the_scans_that_were_compared_and_accepted_alone(case: Case) -> None:
    imani = await case.specialist()
    cd = await case.uploads("imaging", cd_of("1.2.3"))
    for accept in (lambda: case.describes("imaging", cd), lambda: case.identifies("imaging", cd)):
        assert (await accept()).status_code == 200
        assert (await imani.get(f"{case.api}/imaging")).json()["studies"] == []
        assert (await imani.get(f"{case.api}/dicomweb/instances")).json() == []
    assert (await case.decides("imaging", "accept")).status_code == 200
    images = (await imani.get(f"{case.api}/imaging/series/1.2.3")).json()["images"]
    assert len(images) == len((await imani.get(f"{case.api}/dicomweb/instances")).json()) == 12
    assert (await imani.get(f"{case.api}/imaging/images/{images[0]['document_id']}/frames/1")).status_code == 200


@pytest.mark.parametrize("again", ["1.2.3", "1.2.4"])
async def test_what_was_sent_back_is_shown_and_judged_no_more_and_what_comes_in_its_place_is(
    case: Case, again: str
) -> None:
    holes = {f"IM{n}": dicom(n, series="1.2.3") for n in range(1, 30) if not 10 < n < 20}
    await case.uploads("imaging", archive(holes), name="first.zip")
    assert await flaws(case) == {"1.2.3": ["missing_slices"]}
    assert (await case.decides("imaging", "return", "Slices are missing")).status_code == 200
    assert await scans(case) == {"studies": [], "defects": []}

    whole = {f"IM{n}": dicom(n, series=again) for n in range(1, 30)}
    await case.uploads("imaging", archive(whole), name="second.zip")
    found = await scans(case)
    assert found["defects"] == []
    assert [(one["uid"], one["images"]) for one in found["studies"][0]["series"]] == [(again, 29)]
    images = (await case.manager.get(f"{case.api}/imaging/series/{again}")).json()["images"]
    assert len(images) == 29
    assert (await case.manager.get(f"{case.api}/imaging/images/{images[0]['document_id']}/frames/1")).status_code == 200


async def test_what_has_become_too_old_is_judged_no_more(case: Case) -> None:
    cd = await case.uploads("imaging", archive({f"IM{n}": dicom(n, series="1.2.3") for n in range(1, 30) if n != 9}))
    await case.describes("imaging", cd, dated_on="2027-02-20")
    await case.identifies("imaging", cd)
    assert (await case.decides("imaging", "accept")).status_code == 200
    assert await flaws(case) == {"1.2.3": ["missing_slices"]}
    await case.records.run_timers(at=case.records.clock.now() + timedelta(days=400))
    [item] = await case.records.fetch("SELECT state, lapsed_on::text FROM items WHERE code = 'imaging'")
    assert dict(item) == {"state": "needed", "lapsed_on": "2027-02-20"}
    assert [await case.records.count(table) for table in ("imaging_series", "imaging_defects")] == [0, 0]


@pytest.mark.parametrize("size", [1, 7, 40])
async def test_in_whatever_batches_objects_come_the_result_is_the_same(case: Case, size: int) -> None:
    stack = [*slices(20, skip=(7,)), *slices(4, series="1.1.2", image_type=["ORIGINAL", "PRIMARY", "LOCALIZER"])]
    for start in range(0, len(stack), size):
        await brings_scans(case, *stack[start : start + size])
    assert await flaws(case) == {"1.1.1": ["missing_slices"]}
    assert [one["objects"] for one in (await scans(case))["studies"][0]["series"]] == [19, 4]
