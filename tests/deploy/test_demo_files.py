"""What the demonstration sends is what it says: a CD with a whole scan, and a photograph."""

import io
import zipfile
from pathlib import Path
from uuid import uuid4

from PIL import Image

from deploy.demo.disc import SLICES, VIEWER, disc
from deploy.demo.files import photograph
from services.records.domain.imaging import NotReadable, flaws_of, instance_of, judge, series_of
from services.records.imaging.headers import read_header
from shared import programme


def test_the_cd_lists_and_holds_one_whole_scan(tmp_path: Path) -> None:
    with zipfile.ZipFile(io.BytesIO(disc("Testfall^Amal", "19710403"))) as packed:
        packed.extractall(tmp_path)
    headers = []
    for path in sorted(path for path in tmp_path.rglob("*") if path.is_file()):
        try:
            headers.append(read_header(path))
        except NotReadable:
            assert path.relative_to(tmp_path).as_posix() in VIEWER
    [listed] = [header["listed"] for header in headers if header["kind"] == "directory"]
    slices = [instance_of(uuid4(), header) for header in headers if header["kind"] == "image"]
    asked = programme.current("msk_international").imaging
    assert [count for *_, count in listed] == [len(slices)] == [SLICES]
    assert flaws_of(slices, asked) + judge([series_of(slices, asked)], asked, "breast") == []


def test_the_photograph_is_upright_and_has_something_on_it() -> None:
    with Image.open(io.BytesIO(photograph())) as picture:
        assert picture.height > picture.width
        assert picture.convert("L").getextrema()[1] > 200
