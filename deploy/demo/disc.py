"""A made-up hospital's CD, as one file: a table of contents, a short CT, and the viewer that comes along."""

import io
import tempfile
import zipfile
from pathlib import Path

from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.fileset import FileSet
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

SLICES, EDGE, STEP_MM = 24, 96, 2.5
VIEWER = {
    "AUTORUN.INF": b"[autorun]\r\nopen=VIEWER\\START.EXE\r\n",
    "VIEWER/START.EXE": b"MZ" + bytes(510),
    "VIEWER/HELP.HTM": b"<html><body>Press Start.</body></html>",
    "VIEWER/SKIN.DAT": bytes(range(128, 256)) * 8,
}


def disc(name: str, birth_date: str) -> bytes:
    """Return a ZIP of the CD; ``name`` and ``birth_date`` as DICOM writes them."""
    made = io.BytesIO()
    with tempfile.TemporaryDirectory(prefix="consilium-cd-") as folder, zipfile.ZipFile(made, "w") as packed:
        files = FileSet()
        study, series, frame = generate_uid(), generate_uid(), generate_uid()
        for number in range(1, SLICES + 1):
            one = _slice(number)
            one.PatientName, one.PatientBirthDate, one.PatientID, one.PatientSex = name, birth_date, "M-1", "F"
            one.StudyInstanceUID, one.SeriesInstanceUID, one.FrameOfReferenceUID = study, series, frame
            files.add(one)
        files.write(folder)
        files._stage["t"].cleanup()  # else it ends by chance, with a warning
        for path in sorted(Path(folder).rglob("*")):
            if path.is_file():
                packed.write(path, path.relative_to(folder))
        for path_inside, content in VIEWER.items():
            packed.writestr(path_inside, content)
    return made.getvalue()


def _slice(number: int) -> FileDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.TransferSyntaxUID = CTImageStorage, ExplicitVRLittleEndian
    meta.MediaStorageSOPInstanceUID = generate_uid()
    one = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    one.SOPClassUID, one.SOPInstanceUID = CTImageStorage, meta.MediaStorageSOPInstanceUID
    one.StudyDate, one.StudyTime, one.StudyID, one.AccessionNumber = "20260914", "101500", "1", "A1"
    one.StudyDescription, one.SeriesDescription, one.BodyPartExamined = "CT chest", "Chest 2.5", "CHEST"
    one.Modality, one.SeriesNumber, one.InstanceNumber, one.AcquisitionNumber = "CT", 2, number, 1
    one.ImageType, one.Manufacturer = ["ORIGINAL", "PRIMARY", "AXIAL"], "Made up"
    one.ImagePositionPatient, one.ImageOrientationPatient = [-180, -180, number * STEP_MM], [1, 0, 0, 0, 1, 0]
    one.PixelSpacing, one.SliceThickness, one.Rows, one.Columns = [3.75, 3.75], STEP_MM, EDGE, EDGE
    one.SamplesPerPixel, one.PhotometricInterpretation, one.PixelRepresentation = 1, "MONOCHROME2", 0
    one.BitsAllocated, one.BitsStored, one.HighBit = 16, 12, 11
    one.RescaleIntercept, one.RescaleSlope, one.WindowCenter, one.WindowWidth = -1024, 1, 40, 400
    one.PixelData = b"".join(_shade(x, y, number).to_bytes(2, "little") for y in range(EDGE) for x in range(EDGE))
    return one


def _shade(x: int, y: int, number: int) -> int:
    """Return a body, two lungs in it, air around it."""
    across, down = (2 * x - EDGE) / EDGE, (2 * y - EDGE) / EDGE
    if across**2 + (1.3 * down) ** 2 > 0.75:
        return 0
    breadth = 0.1 + 0.05 * (number / SLICES)
    return 150 if (abs(across) - 0.38) ** 2 + down**2 < breadth else 1060
