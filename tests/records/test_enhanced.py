"""Enhanced multi-frame objects: judged and shown frame by frame, as a series of single slices is (R25, M7)."""

import io
import os
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import UID, ExplicitVRLittleEndian, generate_uid

from services.records.domain.imaging import Defect, Flaw, Instance, flaws_of, instance_of, judge, series_of
from services.records.imaging.frames import render
from services.records.imaging.headers import LARGEST_HEADER, read_header
from services.records.inspection.looking import MODULE
from services.records.sandbox import jail
from shared import programme

ASKED = programme.current("msk_international").imaging
ENHANCED_CT, ENHANCED_MR = UID("1.2.840.10008.5.1.4.1.1.2.1"), UID("1.2.840.10008.5.1.4.1.1.4.1")
EDGE = 4


def group(**said: Any) -> Dataset:
    """Return a dataset; dictionaries become sequences of one."""
    made = Dataset()
    for name, value in said.items():
        setattr(made, name, Sequence([group(**value)]) if isinstance(value, dict) else value)
    return made


def frame(place: float, *, time: int = 1, **own: Any) -> Dataset:
    """Return the groups of a frame at a place along the z axis."""
    return group(
        PlanePositionSequence={"ImagePositionPatient": [0, 0, place]},
        FrameContentSequence={"StackID": "1", "TemporalPositionIndex": time}, **own,
    )  # fmt: skip


def written(
    path: Path, frames: list[Dataset], *, step: float = 2.0, sop_class: UID = ENHANCED_CT, shared: Any = None,
    undefined: bool = False, **said: Any,
) -> Path:  # fmt: skip
    """Write an enhanced object."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = sop_class, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid()
    made = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    made.SOPClassUID, made.SOPInstanceUID = sop_class, meta.MediaStorageSOPInstanceUID
    made.StudyInstanceUID, made.SeriesInstanceUID = "1.2.3", "1.2.3.4"
    made.Modality = "CT" if sop_class == ENHANCED_CT else "MR"
    made.PatientName, made.PatientBirthDate, made.InstanceNumber = "Made^Up", "19700101", 1
    made.Rows, made.Columns, made.NumberOfFrames, made.SamplesPerPixel = EDGE, EDGE, len(frames), 1
    made.PhotometricInterpretation, made.PixelRepresentation = "MONOCHROME2", 0
    made.BitsAllocated, made.BitsStored, made.HighBit = 16, 12, 11
    common = {
        "PlaneOrientationSequence": {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]},
        "PixelMeasuresSequence": {"SliceThickness": step, "PixelSpacing": [2.0, 1.0]},
    }
    made.SharedFunctionalGroupsSequence = Sequence([group(**(common | (shared or {})))])
    made.PerFrameFunctionalGroupsSequence = Sequence(frames)
    made["PerFrameFunctionalGroupsSequence"].is_undefined_length = undefined
    for name, value in said.items():
        setattr(made, name, value)
    values = np.arange(len(frames) * EDGE * EDGE, dtype="<u2") % 4096
    made.PixelData = values.tobytes()
    made.save_as(path, enforce_file_format=True)
    return path


def places(count: int, *, step: float = 2.0, skip: tuple[int, ...] = (), **more: Any) -> list[Dataset]:
    """Return the frames of a stack without those in ``skip``."""
    return [frame(n * step, **more) for n in range(count) if n not in skip]


def read(*paths: Path) -> list[Instance]:
    return [instance_of(UUID(int=n + 1), read_header(path)) for n, path in enumerate(paths)]


def defects(*objects: Instance, cancer_type: str | None = None) -> list[Defect]:
    return flaws_of(objects, ASKED) + judge([series_of(objects, ASKED)], ASKED, cancer_type)


def test_a_whole_object_has_nothing_wrong_and_is_measured_frame_by_frame(tmp_path: Path) -> None:
    objects = read(written(tmp_path / "whole", places(30)))
    series = series_of(objects, ASKED)
    assert defects(*objects) == []
    assert (series.images, series.thickness, series.spacing) == (30, 2.0, 2.0)


@pytest.mark.parametrize("undefined", [False, True])
def test_missing_frames_are_counted_however_the_groups_are_written_and_however_large(
    tmp_path: Path, undefined: bool
) -> None:
    few = written(tmp_path / "few", places(30, skip=(7, 8, 20)), undefined=undefined)
    many = written(tmp_path / "many", places(1500, skip=(300,)), undefined=undefined)
    for path, missing in ((few, 3), (many, 1)):
        [defect] = defects(*read(path))
        assert (defect.flaw, defect.values) == (Flaw.MISSING_SLICES, {"count": missing, "before": []})
    assert many.stat().st_size > LARGEST_HEADER * 2


def test_in_the_sandbox_where_a_file_has_no_name_large_groups_are_read_too(tmp_path: Path) -> None:
    path = written(tmp_path / "many", places(1500, skip=(300,)))
    with path.open("rb") as file, jail.borrowed(MODULE, tmp_path) as lent:
        fd = os.open(tmp_path, os.O_TMPFILE | os.O_RDWR)
        os.write(fd, file.read())
        [(said, _)] = lent.ask("look", fd, {"item": "imaging"}, 20)
        os.close(fd)
    assert said["self"]["header"]["frames"] == read_header(path)["frames"]
    assert sum(len(places) for *_, places in said["self"]["header"]["frames"]["rows"]) == 1499


def test_frames_of_two_times_are_two_stacks_and_parts_of_one_are_one(tmp_path: Path) -> None:
    whole = [*places(15, time=1), *places(15, time=2)]
    thin = [*places(15, time=1), *places(15, time=2, skip=(5,))]
    assert defects(*read(written(tmp_path / "whole", whole))) == []
    [defect] = defects(*read(written(tmp_path / "thin", thin)))
    assert (defect.flaw, defect.values["count"]) == (Flaw.MISSING_SLICES, 1)
    parts = [written(tmp_path / f"part{n}", places(30)[n * 10 : n * 10 + 10]) for n in range(3)]
    assert defects(*read(*parts)) == []
    assert [one.flaw for one in defects(*read(parts[0], parts[2]))] == [Flaw.MISSING_SLICES]


def test_thickness_contrast_region_and_overviews_are_told_from_the_groups(tmp_path: Path) -> None:
    thick = written(tmp_path / "thick", places(30, step=8.0), step=8.0)
    assert [one.flaw for one in defects(*read(thick))] == [Flaw.TOO_THICK]
    anatomy = {"FrameAnatomySequence": {"AnatomicRegionSequence": {"CodeMeaning": "Abdomen"}}}
    plain = written(tmp_path / "plain", places(30), shared=anatomy)
    agent = Sequence([group(CodeMeaning="Iohexol")])
    given = written(tmp_path / "given", places(30), shared=anatomy, ContrastBolusAgentSequence=agent)
    assert [one.flaw for one in defects(*read(plain), cancer_type="liver_pancreas")] == [Flaw.NO_CONTRAST]
    assert defects(*read(given), cancer_type="liver_pancreas") == []
    overview = {"MRImageFrameTypeSequence": {"FrameType": ["ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"]}}
    scout = written(tmp_path / "scout", places(9), sop_class=ENHANCED_MR, shared=overview)
    assert [one.flaw for one in defects(*read(scout))] == [Flaw.LOCALISER_ONLY]


def test_groups_that_make_no_sense_say_nothing(tmp_path: Path) -> None:
    odd = [group(), group(PlanePositionSequence={"ImagePositionPatient": [0, 0]}), frame(4.0, PixelMeasuresSequence={})]
    objects = read(written(tmp_path / "odd", odd))
    assert [one.flaw for one in defects(*objects)] == [Flaw.TOO_FEW]
    said = {"rows": [["a", "b", [float("nan")]]], "localiser": "x", "thickness": []}
    assert instance_of(UUID(int=1), {**read_header(tmp_path / "odd"), "frames": said}).stacks == ()


def test_each_frame_is_shown_with_its_own_scale_and_window_and_square_pixels(tmp_path: Path) -> None:
    frames = [
        frame(n * 2.0, PixelValueTransformationSequence={"RescaleSlope": 1, "RescaleIntercept": -16 * n},
              FrameVOILUTSequence={"WindowCenter": 8, "WindowWidth": 16})
        for n in range(3)
    ]  # fmt: skip
    path = written(tmp_path / "scaled", frames)
    shown = []
    for n in range(3):
        about, content = render(str(path), frame=n, media_type="image/png")
        assert (about["width"], about["height"], about["window"]) == (EDGE, 2 * EDGE, "8,16")
        with Image.open(io.BytesIO(content)) as picture:
            shown.append(np.asarray(picture))
    assert np.array_equal(shown[0], shown[1])
    assert np.array_equal(shown[0], shown[2])
    assert shown[0].max() > 200 > shown[0].min()
