"""Pictures of scans: of every transfer syntax, in the window that is asked for, to those who may see them, each look written down."""

import hashlib
import io
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pydicom
import pytest
from PIL import Image

from services.records.imaging.frames import raw_frames, render
from services.records.imaging.headers import read_header
from services.records.store import cases, imaging
from shared.web import Role
from tests.records import cd
from tests.records.conftest import Case
from tests.support.facts import a_case

CT = cd.dicom_files()["test_files/CT_small.dcm"]


def shades(content: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(content)) as picture:
        return np.asarray(picture.convert("L"), dtype=float)


async def brings(case: Case, path: Path) -> UUID:
    """Let a real DICOM file come as an upload, and be looked at."""
    document = await case.uploads("imaging", path.read_bytes(), name="IM1")
    async with case.records.ctx.db.transaction() as tx:
        await cases.hold(tx, case.id)
        await imaging.add_instances(tx, case.id, [(document, read_header(path))])
    return document


def test_a_picture_of_every_whole_file_that_pydicom_ships_can_be_made_but_of_those_that_lie() -> None:
    files, failed = cd.dicom_files(), set()
    for name, row in cd.table().items():
        if (row["is"], row["pixels"]) == ("image", "whole"):
            try:
                about, content = render(str(files[name]), edge=256)
            except Exception:  # noqa: BLE001 - whatever a decoder raises
                failed.add(name.rpartition("/")[2])
                continue
            assert shades(content).shape == (about["height"], about["width"])
    assert failed == {"JPEG2000-embedded-sequence-delimiter.dcm", "badVR.dcm"}


def test_jpeg_of_12_bits_is_decoded_to_the_values_that_libjpeg_turbo_finds() -> None:
    """Told by imagecodecs 2026.3.6, which we don't ship."""
    for name in ("JPEG-lossy.dcm", "JPGExtended.dcm"):
        about, content = raw_frames(str(cd.dicom_files()[f"test_files/{name}"]), frames=[0], as_stored=[])
        assert about["lengths"] == [1024 * 256 * 2]
        assert hashlib.sha256(content).hexdigest() == "d30242775a414c01d616447854ebe3f2b20259822894bcd6891f879bcdcbf313"


def test_windows_show_what_they_are_for(tmp_path: Path) -> None:
    made = pydicom.dcmread(CT)
    hounsfield = np.repeat(np.array([-1000, -600, 0, 40, 80, 400, 1500], np.int16), 128 * 128 // 7 + 1)[: 128 * 128]
    made.RescaleIntercept, made.RescaleSlope, made.PixelData = 0, 1, hounsfield.tobytes()
    made.WindowCenter, made.WindowWidth = 50, 100
    made.save_as(tmp_path / "ct")

    def shown(window: str) -> list[int]:
        _, content = render(str(tmp_path / "ct"), window=window, media_type="image/png")
        picture = shades(content).reshape(-1)
        return [round(picture[n * len(picture) // 7 + 50]) for n in range(7)]

    assert shown("own") == [0, 0, 0, 102, 204, 255, 255]
    assert shown("brain") == [0, 0, 0, 127, 255, 255, 255]
    assert shown("lung") == [59, 127, 229, 236, 243, 255, 255]
    assert shown("500,1000") == [0, 0, 0, 10, 20, 102, 255]


def test_pixels_that_are_not_square_and_grey_that_is_upside_down_are_put_right(tmp_path: Path) -> None:
    made = pydicom.dcmread(CT)
    upright = shades(render(str(CT), media_type="image/png")[1])
    made.PixelSpacing, made.PhotometricInterpretation = [2.0, 1.0], "MONOCHROME1"
    made.save_as(tmp_path / "ct")
    about, content = render(str(tmp_path / "ct"), media_type="image/png")
    assert (about["width"], about["height"]) == (128, 256)
    assert abs((255 - shades(content)[::2]) - upright).mean() < 8


async def test_a_picture_is_made_for_those_who_may_see_it_and_a_series_is_written_down_once(case: Case) -> None:
    document = await brings(case, CT)
    path = f"{case.api}/imaging/images/{document}/frames/1"
    records = case.records
    stranger = records.sign_in(Role.PATIENT, subject="patient-other", cases=[a_case()])
    officer = records.sign_in(Role.PRIVACY_OFFICER, subject="staff-pia", name="Pia Moreau")

    first = await case.manager.get(path, params={"window": "lung"})
    again = await case.manager.get(path, params={"window": "lung"})
    assert (first.status_code, first.headers["content-type"]) == (200, "image/jpeg")
    assert first.content == again.content
    assert shades(first.content).shape == (128, 128)
    assert first.headers["x-window"] == "-600,1500"
    assert "sandbox" in first.headers["content-security-policy"]
    for who, status in ((stranger, 404), (case.lab, 403), (records.http, 401), (records.as_service("matching"), 403)):
        assert (await who.get(path)).status_code == status
    assert (await case.patient.get(path)).status_code == 200

    reads = (await officer.get(f"{case.api}/reads")).json()["reads"]
    assert [(read["read_by_name"], read["series_uid"]) for read in reads] == [
        (name, read_header(CT)["metadata"]["0020000E"]["Value"][0]) for name in ("Made Up", "Mara Lindqvist")
    ]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("frames/2", 404),
        ("frames/0", 422),
        ("frames/1?window=purple", 422),
        ("frames/1?edge=9999", 422),
        ("frames/1?window=40,400", 200),
    ],
)
async def test_a_picture_that_is_not_there_is_told(case: Case, path: str, status: int) -> None:
    document = await brings(case, CT)
    assert (await case.manager.get(f"{case.api}/imaging/images/{document}/{path}")).status_code == status
    assert (await case.manager.get(f"{case.api}/imaging/images/{uuid4()}/frames/1")).status_code == 404


async def test_what_no_decoder_opens_gets_a_sentence(case: Case) -> None:
    document = await brings(case, cd.dicom_files()["test_files/badVR.dcm"])
    answer = await case.patient.get(f"{case.api}/imaging/images/{document}/frames/1")
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("This picture can't be opened.")
    [defect] = [one for one in (await case.patient.get(f"{case.api}/imaging")).json()["defects"] if one["uid"]]
    assert (defect["flaw"], "can't be opened: 1." in defect["sentence"]) == ("unreadable_pixels", True)


async def test_a_series_is_looked_at_without_script_by_links_and_a_form(case: Case) -> None:
    document = await brings(case, CT)
    uid = read_header(CT)["metadata"]["0020000E"]["Value"][0]
    html = {"accept": "text/html"}
    page = await case.manager.get(f"/desk/records/cases/{case.id}/imaging/series/{uid}?window=lung", headers=html)
    mine = await case.patient.get(f"/my/records/cases/{case.id}/imaging/series/{uid}?lang=ar", headers=html)
    gone = await case.manager.get(f"/desk/records/cases/{case.id}/imaging/series/1.2.3", headers=html)
    assert f'src="{case.api}/imaging/images/{document}/frames/1?window=lung"' in page.text
    assert '<option value="lung" selected>' in page.text
    assert "الصورة 1 من 1" in mine.text
    assert (page.status_code, mine.status_code, gone.status_code) == (200, 200, 404)
