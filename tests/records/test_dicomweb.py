"""DICOMweb of a case, read by a client that isn't ours (dicomweb-client): search, retrieve, store; and who may (R25)."""

import asyncio
import io
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pydicom
import pytest
import requests
from dicomweb_client.api import DICOMwebClient
from PIL import Image

from services.records.imaging.headers import read_header
from services.records.store import cases, imaging
from shared.web import Role
from shared.web.identity import session_cookie
from tests.pages.browser import listening
from tests.records import cd
from tests.records.conftest import Case
from tests.records.scans import brings_scans, slices
from tests.support.facts import a_case, withdrawn

FILES = [
    cd.dicom_files()[f"test_files/{name}.dcm"]
    for name in ("CT_small", "MR_small", "SC_rgb_small_odd", "JPEG2000", "SC_rgb_rle_2frame")
]


async def bring(case: Case, *paths: Path) -> None:
    documents = [await case.uploads("imaging", path.read_bytes(), name=path.name) for path in paths]
    async with case.records.ctx.db.transaction() as tx:
        await cases.hold(tx, case.id)
        headers = [read_header(path) for path in paths]
        await imaging.add_instances(tx, case.id, list(zip(documents, headers, strict=True)))


@pytest.fixture
async def client(case: Case) -> AsyncIterator[DICOMwebClient]:
    """The client of a specialist's workstation, signed in as the case manager."""
    await bring(case, *FILES)
    name = session_cookie(case.records.ctx.platform.public_url)
    session = requests.Session()
    session.cookies.set(name, case.manager.cookies[name])
    async with listening(case.records.app) as base:
        session.headers["Origin"] = case.records.ctx.platform.public_url
        yield DICOMwebClient(f"{base}{case.api}/dicomweb", session=session)
    session.close()


def uid(path: Path, keyword: str) -> str:
    return str(pydicom.dcmread(path, stop_before_pixels=True)[keyword].value)


def uids(path: Path) -> tuple[str, str, str]:
    study, series, sop = (uid(path, f"{level}InstanceUID") for level in ("Study", "Series", "SOP"))
    return study, series, sop


async def test_a_client_that_is_not_ours_searches(case: Case, client: DICOMwebClient) -> None:
    def search() -> None:
        studies = client.search_for_studies()
        assert {one["0020000D"]["Value"][0] for one in studies} == {uid(path, "StudyInstanceUID") for path in FILES}
        study, series, sop = uids(FILES[0])
        [found] = client.search_for_studies(search_filters={"StudyInstanceUID": study})
        assert found["00080061"]["Value"] == ["CT"]
        assert (found["00201206"]["Value"], found["00201208"]["Value"]) == ([1], [1])
        assert found["00081190"]["Value"][0].endswith(f"/dicomweb/studies/{study}")
        assert [one["0020000E"]["Value"][0] for one in client.search_for_series(study)] == [series]
        assert [one["00080018"]["Value"][0] for one in client.search_for_instances(study, series)] == [sop]
        assert len(client.search_for_series(search_filters={"Modality": "MR"})) == 1
        assert client.search_for_studies(search_filters={"StudyDate": "20040101-20041231"})
        assert client.search_for_studies(search_filters={"StudyDate": "19000101-19001231"}) == []
        two = client.search_for_studies(limit=2)
        rest = client.search_for_studies(offset=2)
        assert len(two) == 2
        assert {json.dumps(one) for one in (*two, *rest)} == {json.dumps(one) for one in studies}
        [described] = client.search_for_series(study, fields=["00180050"])
        assert described["00180050"]["Value"] == [5.0]

    await asyncio.to_thread(search)


async def test_a_client_that_is_not_ours_retrieves_objects_byte_for_byte(case: Case, client: DICOMwebClient) -> None:
    def retrieve() -> None:
        for path in FILES:
            mine = pydicom.dcmread(path)
            got = client.retrieve_instance(*uids(path))
            assert (got.SOPInstanceUID, got.PixelData) == (mine.SOPInstanceUID, mine.PixelData)
        [whole] = client.retrieve_study(uid(FILES[0], "StudyInstanceUID"))
        assert whole.SOPInstanceUID == uid(FILES[0], "SOPInstanceUID")
        assert len(client.retrieve_series(*uids(FILES[0])[:2])) == 1
        said = client.retrieve_instance_metadata(*uids(FILES[0]))
        assert said["00280010"]["Value"] == [128]
        assert "7FE00010" not in said
        assert len(client.retrieve_study_metadata(uid(FILES[0], "StudyInstanceUID"))) == 1

    await asyncio.to_thread(retrieve)
    answer = await case.manager.get(
        f"{case.api}/dicomweb/studies/{'{}/series/{}/instances/{}'.format(*uids(FILES[0]))}",
        headers={"accept": "application/dicom"},
    )
    assert answer.content == FILES[0].read_bytes()


async def test_frames_come_decoded_or_as_they_are_stored_and_as_pictures(case: Case, client: DICOMwebClient) -> None:
    def retrieve() -> None:
        mine = pydicom.dcmread(FILES[0]).pixel_array
        [plain] = client.retrieve_instance_frames(*uids(FILES[0]), [1])
        assert np.array_equal(np.frombuffer(plain, "<i2").reshape(mine.shape), mine)
        jpeg2000 = pydicom.dcmread(FILES[3])
        [decoded] = client.retrieve_instance_frames(*uids(FILES[3]), [1], media_types=("application/octet-stream",))
        assert np.array_equal(np.frombuffer(decoded, "<i2").reshape(jpeg2000.pixel_array.shape), jpeg2000.pixel_array)
        [stored] = client.retrieve_instance_frames(*uids(FILES[3]), [1], media_types=("image/jp2",))
        assert stored == pydicom.encaps.get_frame(jpeg2000.PixelData, 0, number_of_frames=1)
        assert len(client.retrieve_instance_frames(*uids(FILES[4]), [1, 2])) == 2
        rendered = client.retrieve_instance_rendered(*uids(FILES[0]), media_types=("image/png",))
        with Image.open(io.BytesIO(rendered)) as picture:
            assert picture.size == (128, 128)
        frame = client.retrieve_instance_frames_rendered(
            *uids(FILES[4]), [2], media_types=("image/jpeg",), params={"viewport": "64,64"}
        )
        with Image.open(io.BytesIO(frame)) as picture:
            assert max(picture.size) == 64

    await asyncio.to_thread(retrieve)


async def test_a_client_that_is_not_ours_stores_what_it_has(case: Case, client: DICOMwebClient) -> None:
    sent = [pydicom.dcmread(cd.dicom_files()[f"test_files/{name}.dcm"]) for name in ("image_dfl", "rtplan")]

    def store() -> Any:
        return client.store_instances(sent)

    before = await case.records.count("documents")
    answer = await asyncio.to_thread(store)
    assert {one.ReferencedSOPInstanceUID for one in answer.ReferencedSOPSequence} == {
        str(one.SOPInstanceUID) for one in sent
    }
    kept = await case.records.count("documents")
    assert kept == before + 2 + len({one.StudyInstanceUID for one in sent})
    boundary = {"content-type": 'multipart/related; type="application/dicom"; boundary=x'}
    junk = b"--x\r\nContent-Type: application/dicom\r\n\r\nno scan at all\r\n--x--\r\n"
    path = f"{case.api}/dicomweb/studies"
    assert (await case.manager.post(path, content=junk, headers=boundary)).status_code == 409
    assert await case.records.count("incoming") == 0
    assert (await case.manager.post(path, content=junk[:-8], headers=boundary)).status_code == 415
    assert (
        await case.manager.post(path, content=b"{}", headers={"content-type": "application/json"})
    ).status_code == 415
    assert await case.records.count("documents") == kept


async def test_every_way_in_is_for_those_who_may_see_the_case_and_written_down(
    case: Case, client: DICOMwebClient
) -> None:
    records = case.records
    study, series, sop = uids(FILES[0])
    base = f"{case.api}/dicomweb/studies"
    one = f"{base}/{study}/series/{series}/instances/{sop}"
    paths = [base, f"{base}/{study}", f"{base}/{study}/metadata", one, f"{one}/frames/1", f"{one}/rendered"]
    stranger = records.sign_in(Role.PATIENT, subject="patient-other", cases=[a_case()])
    specialist = records.sign_in(Role.SPECIALIST, subject="staff-yusuf", name="Dr Yusuf Demir")
    officer = records.sign_in(Role.PRIVACY_OFFICER, subject="staff-pia", name="Pia Moreau")
    for path in paths:
        for who, status in ((stranger, 404), (specialist, 404), (case.lab, 403), (records.http, 401)):
            assert (await who.get(path)).status_code == status, path
    for path in paths:
        assert (await officer.get(path)).status_code == 200, path
    reads = (await officer.get(f"{case.api}/reads")).json()["reads"]
    assert [(read["read_by_name"], read["series_uid"]) for read in reads] == [("Pia Moreau", series)]
    await records.receives(withdrawn(case.id))
    assert {(await case.manager.get(path)).status_code for path in paths} == {403}


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("studies?PatientName=Made*", "", 400),
        ("studies?limit=many", "", 400),
        ("studies?Nonsense=1", "", 400),
        ("studies", "text/csv", 406),
        ("studies/1.2.3", "", 404),
        ("studies/1.2.3/metadata", "", 404),
        ("studies/1.2.3", "application/dicom", 406),
        ("studies/not~a~uid", "", 422),
        ("studies/1.1/series/1.1.1/instances/1.9/frames/0", "", 422),
        ("studies/1.1/series/1.1.1/instances/1.9/rendered?window=1", "image/jpeg", 400),
        ("instances?limit=3&includefield=all", "application/json", 200),
    ],
)
async def test_what_makes_no_sense_is_told(case: Case, path: str, accept: str, status: int) -> None:
    await brings_scans(case, *slices(5))
    answer = await case.manager.get(f"{case.api}/dicomweb/{path}", headers={"accept": accept} if accept else {})
    assert answer.status_code == status, answer.text
    if path.startswith("instances"):
        assert len(answer.json()) == 3
        assert "299" in answer.headers["warning"]
        assert uuid4().hex not in answer.text
