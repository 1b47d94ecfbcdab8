"""A CD with all of pydicom's files and 2,000 of junk: all told apart as the stored table says, none crashes the reader (M7)."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pydicom
import pytest

from services.records.domain.imaging import NOT_READABLE, NotReadable
from services.records.imaging.headers import LARGEST_HEADER, metadata_json, read_header
from tests.records import cd, tus
from tests.records.conftest import Case
from tests.records.made_up import archive


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


def outcomes(table: dict[str, dict[str, str]], files: dict[str, Path]) -> dict[str, tuple[str, str | None] | None]:
    """Return what an upload of the CD makes of each of pydicom's files by the stored table; None: no row, it is of no use."""
    first = {path.read_bytes(): name for name, path in reversed(files.items())}
    found: dict[str, tuple[str, str | None] | None] = {
        name: ("clean", None) if row["is"] in ("image", "other", "directory") else ("quarantined", f"dicom_{row['is']}")
        for name, row in table.items()
    }
    return found | {name: None for name, path in files.items() if first[path.read_bytes()] != name} | NO_DICOM


NO_DICOM: dict[str, tuple[str, str | None] | None] = {
    "test_files/dicomdirtests/TINY_ALPHA/README": ("clean", None),  # a text, which a CD may bring
    "test_files/no_meta.dcm": None,
    "test_files/zipMR.gz": ("quarantined", "other_archive"),
}


async def test_the_whole_cd_comes_by_upload_and_is_told_apart_as_the_stored_tables_say(
    case: Case, tmp_path: Path
) -> None:
    """By tus as one ZIP, unpacked and looked at in the sandbox, its scans judged: nothing is left out on the way."""
    files = cd.dicom_files()
    junk = {file.relative_to(tmp_path).as_posix(): file.read_bytes() for file in cd.junk(tmp_path)}
    body = archive({**junk, **{f"DICOM/{name}": path.read_bytes() for name, path in files.items()}})
    await tus.sends(case, "imaging", body, filename="CD.zip")
    await case.looks()

    rows = await case.records.fetch(
        "SELECT path, verdict, reason, contents FROM documents WHERE parent_id IS NULL OR path LIKE 'DICOM/%'"
    )
    [whole] = [row for row in rows if row["path"] is None]
    assert whole["verdict"] == "clean"
    assert sum(whole["contents"].values()) == len(files) + cd.JUNK
    told = {row["path"].removeprefix("DICOM/"): (row["verdict"], row["reason"]) for row in rows if row["path"]}
    expected = outcomes(cd.table(), files)
    assert {name: told.get(name) for name in files if told.get(name) != expected[name]} == {}

    found: dict[str, Any] = (await case.manager.get(f"{case.api}/imaging")).json()
    assert cd.judged(found) == cd.judgements()
    page = await case.patient.get(f"/my/records/cases/{case.id}/imaging?lang=ar", headers={"accept": "text/html"})
    assert page.status_code == 200
    assert "None" not in page.text
