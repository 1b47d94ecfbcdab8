"""A CD with all of pydicom's files and 2,000 of junk: all told apart as the stored table says, none crashes the reader (M7)."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pydicom
import pytest

from services.records.domain.imaging import NOT_READABLE, NotReadable
from services.records.imaging.headers import LARGEST_HEADER, metadata_json, read_header
from tests.records import cd
from tests.records.conftest import Case
from tests.records.scans import brings_scans


def test_each_of_pydicoms_files_is_what_the_table_says() -> None:
    stored = cd.table()
    found = {name: cd.outcome(path) for name, path in cd.dicom_files().items()}
    assert len(found) == 194
    assert {name: row for name, row in found.items() if row != stored.get(name)} == {}
    assert stored.keys() == found.keys()


def test_junk_is_told_from_scans_and_crashes_nothing(tmp_path: Path) -> None:
    codes: Counter[str] = Counter()
    for file in cd.junk(tmp_path):
        with pytest.raises(NotReadable) as refused:
            read_header(file)
        codes[refused.value.code] += 1
    assert codes.total() == cd.JUNK
    assert codes.keys() <= NOT_READABLE.keys()
    assert codes["not_dicom"] > cd.JUNK / 2


def test_a_header_is_json_that_a_database_takes_and_never_larger_than_it_may_be() -> None:
    for path in cd.dicom_files().values():
        try:
            text = json.dumps(read_header(path), allow_nan=False)
        except NotReadable:
            continue
        assert len(text) < LARGEST_HEADER + 2000
        assert "\\u0000" not in text


def test_what_was_cut_from_a_header_the_file_still_tells(tmp_path: Path) -> None:
    found = pydicom.dcmread(cd.dicom_files()["test_files/CT_small.dcm"])
    for element in range(0x10, 0x14):
        found.add_new((0x0011, element << 8 | 1), "UT", "made up " * 4000)
    found.save_as(tmp_path / "large")

    header = read_header(tmp_path / "large")
    _, whole = metadata_json(tmp_path / "large")
    assert header["cut"]
    assert len(json.dumps(header)) < LARGEST_HEADER + 2000
    assert set(header["metadata"]) < set(json.loads(whole))
    assert header["metadata"]["00200013"]["Value"] == [1]


async def test_the_scans_of_the_cd_have_the_defects_of_the_stored_table(case: Case) -> None:
    """The files as uploads would bring them: in parts, those that aren't readable left out."""
    headers = []
    for path in cd.dicom_files().values():
        try:
            headers.append(read_header(path))
        except NotReadable:
            continue
    for start in range(0, len(headers), 100):
        await brings_scans(case, *headers[start : start + 100])

    found: dict[str, Any] = (await case.manager.get(f"{case.api}/imaging")).json()
    assert cd.judged(found) == cd.judgements()
    page = await case.patient.get(f"/my/records/cases/{case.id}/imaging?lang=ar", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert "None" not in page.text
