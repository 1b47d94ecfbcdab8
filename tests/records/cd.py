"""A CD as patients send them: the DICOM files that pydicom ships, its broken ones included, among thousands of files of junk.

``python -m tests.records.cd`` writes the table of what each of pydicom's files is (``cd.csv``) anew; the defects of the series
that they make once the CD came by upload are in ``cd_series.csv``, which ``CONSILIUM_WRITE_TABLES=1`` has the test write.
"""

import csv
import os
import random
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydicom import data

from services.records.domain.imaging import NotReadable

TABLE = Path(__file__).with_name("cd.csv")
SERIES = Path(__file__).with_name("cd_series.csv")
SERIES_COLUMNS = ("uid", "study", "modality", "images", "objects", "thickness", "flaws")
COLUMNS = ("file", "is", "modality", "pixels", "transfer_syntax", "series")
JUNK = 2000


def dicom_files() -> dict[str, Path]:
    """Return the files of pydicom's wheel that are meant as DICOM objects, by their names below its folder of data."""
    root = Path(data.__file__).parent
    found = (file for file in root.rglob("*") if file.is_file() and file.suffix in (".dcm", ".gz", ""))
    return {file.relative_to(root).as_posix(): file for file in sorted(found)}


def outcome(path: Path) -> dict[str, str]:
    """Return what a file is told to be: a row of the table, without its name."""
    from services.records.imaging.headers import read_header

    try:
        found = read_header(path)
    except NotReadable as refused:
        return {"is": refused.code, "modality": "", "pixels": "", "transfer_syntax": "", "series": ""}
    said = found["metadata"]
    return {
        "is": str(found["kind"]), "modality": _first(said, "00080060"), "pixels": str(found["pixels"]),
        "transfer_syntax": found["transfer_syntax"], "series": _first(said, "0020000E") or str(len(found.get("listed", ()))),
    }  # fmt: skip


def _first(metadata: dict[str, Any], tag: str) -> str:
    return str(next(iter(metadata.get(tag, {}).get("Value", ())), ""))


def junk(folder: Path, count: int = JUNK) -> Iterator[Path]:
    """Write files as a CD's own viewer brings them, and worse: what looks like DICOM and isn't. The same ones each time."""
    chance = random.Random(11)
    heads = [
        b"MZ\x90\x00", b"", b"[autorun]\r\nopen=viewer.exe", b"<html>", b"PK\x03\x04", b"\x08\x00", b"\x08\x00\x05\x00CS\x0a\x00ISO_IR",
        bytes(128) + b"DICM", bytes(128) + b"DICM\x02\x00\x00\x00UL\x04\x00\xff\xff\xff\x7f", b"\x02\x00\x10\x00UI\xff\xff",
        bytes(128) + b"DICM\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\x00\x08\x00\x05\x00SQ\x00\x00\xff\xff\xff\xff",
    ]  # fmt: skip
    names = ("VIEWER", "AUTORUN.INF", "IM%05d", "IM%05d.DCM", "readme.txt", "lib%d.dll", "DICOMDIR.bak")
    for n in range(count):
        file = folder / f"d{n % 40}" / f"{n:05}-{(chance.choice(names)).replace('%05d', str(n)).replace('%d', str(n))}"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(chance.choice(heads) + chance.randbytes(chance.choice((0, 7, 300, 5000))))
        yield file


def table() -> dict[str, dict[str, str]]:
    """Return the stored table, by file."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row.pop("file"): row for row in csv.DictReader(file)}


def judged(found: dict[str, Any]) -> list[dict[str, str]]:
    """Return what the JSON interface says of series and defects, as rows of the stored table."""
    flaws: dict[str, list[str]] = defaultdict(list)
    for defect in found["defects"]:
        flaws[defect["uid"]].append(defect["flaw"])
    rows = []
    for study in found["studies"]:
        for one in study["series"]:
            said = " ".join(sorted(flaws.pop(one["uid"], ())))
            rows.append(
                {"study": study["uid"], "flaws": said}
                | {name: str(one[name] or "") for name in SERIES_COLUMNS if name in one}
            )
    others = [{"uid": uid, "flaws": " ".join(sorted(said))} for uid, said in flaws.items()]
    ordered = [{name: row.get(name, "") for name in SERIES_COLUMNS} for row in (*rows, *others)]
    ordered.sort(key=lambda row: (row["study"], row["uid"]))
    if "CONSILIUM_WRITE_TABLES" in os.environ:
        with SERIES.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, SERIES_COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(ordered)
    return ordered


def judgements() -> list[dict[str, str]]:
    """Return the stored table of series."""
    with SERIES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def main() -> int:
    """Write the table anew, for a person to look at the difference."""
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows({"file": name, **outcome(path)} for name, path in dicom_files().items())
    return 0


if __name__ == "__main__":
    sys.exit(main())
