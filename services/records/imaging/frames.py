"""Pictures out of one DICOM file: runs in the sandbox, because decoders read a stranger's bytes (R25).

Everything that decoding needs is imported here at the top: later, nothing can be loaded any more.
"""

import io
import os
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import openjpeg  # noqa: F401 - the same
import pydicom
from numpy.typing import NDArray
from PIL import Image
from pydicom import config
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import get_frame
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_windowing
from pydicom.pixels.utils import pixel_array
from pydicom.tag import Tag
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

from services.records.imaging import jpeg12  # noqa: F401 - GDCM too is found by pydicom only once it is loaded
from services.records.imaging.headers import metadata_json, read_header
from services.records.imaging.multiframe import look_of

config.settings.reading_validation_mode = config.IGNORE

WINDOWS = {"brain": (40, 80), "lung": (-600, 1500), "bone": (400, 1800), "soft": (40, 400)}
"""Centre and width in Hounsfield units: they mean something for CT alone."""
OWN = "own"
"""The window that the file names; where it names none, from the darkest to the brightest but for half a per cent."""
EXPLICIT_LITTLE = "1.2.840.10008.1.2.1"
JPEG, PNG = "image/jpeg", "image/png"
LARGEST_EDGE = 4096
_PIXELS_HEAD = 12
"""Bytes of tag, kind and length before compressed pixels."""

_SHOWN = (
    "Modality", "Rows", "Columns", "PhotometricInterpretation", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit",
    "PixelRepresentation", "PlanarConfiguration", "NumberOfFrames", "RescaleSlope", "RescaleIntercept", "RescaleType",
    "ModalityLUTSequence", "WindowCenter", "WindowWidth", "VOILUTFunction", "VOILUTSequence", "PixelSpacing",
    "PixelAspectRatio", "RedPaletteColorLookupTableDescriptor", "GreenPaletteColorLookupTableDescriptor",
    "BluePaletteColorLookupTableDescriptor", "RedPaletteColorLookupTableData", "GreenPaletteColorLookupTableData",
    "BluePaletteColorLookupTableData", "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence", "SOPClassUID",
)  # fmt: skip

Pixel = NDArray[Any]

__all__ = ["OWN", "WINDOWS", "get_ready", "metadata_json", "raw_frames", "render", "uids"]


def get_ready() -> None:
    """Draw a picture of our own: pydicom loads its decoders when they are needed first."""
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID = SecondaryCaptureImageStorage
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID = UID("2.25.1")
    made.Rows = made.Columns = 16
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PixelRepresentation = 1, "MONOCHROME2", 0
    made.BitsAllocated, made.BitsStored, made.HighBit, made.RescaleSlope, made.RescaleIntercept = 16, 16, 15, 1, 0
    made.PixelData = bytes(16 * 16 * 2)
    with open(os.memfd_create("picture"), "w+b") as file:  # noqa: PTH123 - it has no path
        pydicom.dcmwrite(file, made, enforce_file_format=True)
        file.flush()
        render(f"/proc/self/fd/{file.fileno()}")


def render(
    path: str, *, frame: int = 0, window: str = OWN, edge: int = 1024, media_type: str = JPEG
) -> tuple[dict[str, Any], bytes]:
    """Return one frame as a picture, and its size and window. ``frame`` counts from 0; no side longer than ``edge`` pixels.

    ``window``: a name of ``WINDOWS``, ``own``, or ``centre,width``. Raises ``IndexError``: no such frame; anything else: it
    can't be decoded.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        shown = Dataset()
        pixels = _pixels(path, frame, shown)
        for name, value in look_of(shown, frame).items():
            setattr(shown, name, value)
        about: dict[str, Any] = {"window": window}
        if shown.get("SamplesPerPixel", 1) > 1:
            grey = np.ascontiguousarray(_eight_bits(pixels, shown))
        elif shown.get("PhotometricInterpretation") == "PALETTE COLOR":
            grey = _eight_bits(apply_color_lut(pixels, shown), None)
        else:
            grey, about["window"] = _windowed(pixels, shown, window)
        picture = _sized(Image.fromarray(grey), shown, min(edge, LARGEST_EDGE))
    out = io.BytesIO()
    if media_type == PNG:
        picture.save(out, "PNG", compress_level=1)
    else:
        picture.save(out, "JPEG", quality=90)
    return {**about, "width": picture.width, "height": picture.height, "media_type": media_type}, out.getvalue()


def _pixels(path: str, frame: int, shown: Dataset) -> Pixel:
    """Return a frame's values, and put into ``shown`` how they are to be shown."""
    try:
        with Path(path).open("rb") as file:  # by its path pydicom would look for the name that the file doesn't have
            return pixel_array(file, index=frame, ds_out=shown, specific_tags=[Tag(name) for name in _SHOWN])
    except (AttributeError, ValueError):  # deflated, or written otherwise than it says: what reads it whole copes
        found = pydicom.dcmread(path, force=True)
        pixels = pixel_array(found, index=frame)
        for name in _SHOWN:
            if name in found:
                shown.add(found[name])
        return pixels


def _windowed(pixels: Pixel, shown: Dataset, window: str) -> tuple[Pixel, str]:
    """Return grey values from 0 to 255, and the window as ``centre,width``."""
    values = apply_modality_lut(pixels, shown)
    own = window == OWN
    if own and (shown.get("VOILUTSequence") or shown.get("VOILUTFunction", "LINEAR") not in ("LINEAR", "LINEAR_EXACT")):
        mapped = apply_windowing(values, shown) if "WindowWidth" in shown else values
        low, high = float(mapped.min()), float(mapped.max())
        values = mapped
    else:
        centre, width = _window(values, shown, window)
        low, high = centre - width / 2, centre + width / 2
    scaled = np.clip((values.astype(np.float32) - low) * (255 / max(high - low, 1e-6)), 0, 255).astype(np.uint8)
    if shown.get("PhotometricInterpretation") == "MONOCHROME1":
        scaled = 255 - scaled
    return scaled, f"{(low + high) / 2:g},{high - low:g}"


def _window(values: Pixel, shown: Dataset, window: str) -> tuple[float, float]:
    if window in WINDOWS:
        return WINDOWS[window]
    if window != OWN:
        asked, _, wide = window.partition(",")
        return float(asked), max(float(wide), 1.0)
    centre, width = _first(shown.get("WindowCenter")), _first(shown.get("WindowWidth"))
    if centre is not None and width is not None and width >= 1:
        return centre, width
    low, high = (float(edge) for edge in np.percentile(values[:: max(1, values.shape[0] // 256)], (0.5, 99.5)))
    return (low + high) / 2, max(high - low, 1.0)


def _first(value: Any) -> float | None:
    one = value[0] if isinstance(value, (list, pydicom.multival.MultiValue)) and len(value) else value
    return None if one is None or one == "" else float(one)


def _eight_bits(pixels: Pixel, shown: Dataset | None) -> Pixel:
    if pixels.dtype == np.uint8:
        return pixels
    bits = int(shown.get("BitsStored", 16)) if shown is not None else 16
    return (pixels.astype(np.uint32) >> max(0, bits - 8)).clip(0, 255).astype(np.uint8)


def _sized(picture: Image.Image, shown: Dataset, edge: int) -> Image.Image:
    """Return the picture with square pixels, no side longer than ``edge``."""
    ratio = _tallness(shown)
    width, height = picture.width, max(1, round(picture.height * ratio))
    shrink = min(1.0, edge / max(width, height))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    return picture if size == picture.size else picture.resize(size, Image.Resampling.BILINEAR)


def _tallness(shown: Dataset) -> float:
    """Return how much taller than wide a pixel is."""
    pair = shown.get("PixelSpacing") or shown.get("PixelAspectRatio")
    try:
        row, column = (float(part) for part in pair or (1, 1))
    except (TypeError, ValueError):
        return 1.0
    return row / column if row > 0 and column > 0 and 0.1 < row / column < 10 else 1.0


def raw_frames(path: str, *, frames: list[int], as_stored: list[str]) -> tuple[dict[str, Any], bytes]:
    """Return frames (from 0), one after the other, with their lengths and transfer syntax.

    As they lie in the file where its transfer syntax is in ``as_stored``, else decoded, in little endian byte order.
    Raises ``IndexError``: no such frame; anything else: it can't be decoded.
    """
    with warnings.catch_warnings(), Path(path).open("rb") as file:
        warnings.simplefilter("ignore")
        found = pydicom.dcmread(file, force=True, stop_before_pixels=True)
        syntax = str(found.file_meta.get("TransferSyntaxUID", ""))
        count = max(1, int(found.get("NumberOfFrames") or 1))
        if any(not 0 <= frame < count for frame in frames):
            raise IndexError(f"there are {count} frames")
        if syntax in as_stored:
            parts = [_fragments_of(file, found, frame, count, file.tell()) for frame in frames]
        else:
            file.seek(0)
            parts = [_little(pixel_array(file, index=frame, raw=True)) for frame in frames]
            syntax = EXPLICIT_LITTLE
    return {"lengths": [len(part) for part in parts], "transfer_syntax": syntax}, b"".join(parts)


def _fragments_of(file: BinaryIO, found: Dataset, frame: int, count: int, at: int) -> bytes:
    """Return a compressed frame, and read little else of a file that may be larger than the memory; its pixels begin ``at``."""
    file.seek(at + _PIXELS_HEAD)
    table = found.get("ExtendedOffsetTable"), found.get("ExtendedOffsetTableLengths")
    frame_of: bytes = get_frame(file, frame, number_of_frames=count, extended_offsets=table if all(table) else None)
    file.seek(at)
    return frame_of


def _little(pixels: Pixel) -> bytes:
    return pixels.astype(pixels.dtype.newbyteorder("<"), copy=False).tobytes()


def uids(path: str) -> tuple[dict[str, str], bytes]:
    """Return which object this is: UIDs of its class, itself, series and study. Raises ``NotReadable``."""
    metadata = read_header(path)["metadata"]
    tags = {"sop_class": "00080016", "sop": "00080018", "series": "0020000E", "study": "0020000D"}
    return {name: str(metadata[tag]["Value"][0]) for name, tag in tags.items() if tag in metadata}, b""
