"""Whether the picture in a DICOM file is all there, told from lengths alone: no pixel is read (M7)."""

import struct
from typing import BinaryIO

from pydicom.dataset import FileDataset

from services.records.domain.imaging import Pixels

DEFLATED = "1.2.840.10008.1.2.1.99"
NATIVE = frozenset({"1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.2", DEFLATED})
COMPRESSED = frozenset({
    "1.2.840.10008.1.2.5",  # RLE
    "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51", "1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70",  # JPEG
    "1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81",  # JPEG-LS
    "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.91",  # JPEG 2000
    "1.2.840.10008.1.2.4.201", "1.2.840.10008.1.2.4.202", "1.2.840.10008.1.2.4.203",  # HTJ2K
})  # fmt: skip
"""The transfer syntaxes that can be shown here."""

_PIXEL_DATA = {(0x7FE0, 0x0008), (0x7FE0, 0x0009), (0x7FE0, 0x0010)}
_UNDEFINED = 0xFFFFFFFF
_ITEM, _END = (0xFFFE, 0xE000), (0xFFFE, 0xE0DD)


def state_of(file: BinaryIO, header: FileDataset, syntax: str, size: int) -> Pixels:
    """Return the state of the picture; ``file`` stands where reading the header stopped, ``size`` is its length in bytes."""
    if syntax == DEFLATED:
        return (
            Pixels.WHOLE if header.get("Rows") else Pixels.NONE
        )  # where its picture lies shows only once it is inflated
    implicit, little = header.original_encoding
    order = "<" if little else ">"
    start = file.read(12)
    if len(start) < 8 or struct.unpack_from(f"{order}HH", start) not in _PIXEL_DATA:
        return Pixels.NONE
    implicit = implicit or not start[4:6].isalpha()  # some write the one and say the other
    at, width = (4, 8) if implicit else (8, 12)
    if len(start) < width:
        return Pixels.SHORT
    (length,) = struct.unpack_from(f"{order}I", start, at)
    begins = file.tell() - len(start) + width
    if syntax not in NATIVE | COMPRESSED:
        return Pixels.UNKNOWN_SYNTAX
    if length == _UNDEFINED:
        return _fragments(file, begins, size)
    return Pixels.WHOLE if min(length, size - begins) >= _expected(header) else Pixels.SHORT


def _fragments(file: BinaryIO, begins: int, size: int) -> Pixels:
    """Walk over the items: an offset table, then fragments, then the end."""
    fragments, at = -1, begins
    while True:
        file.seek(at)
        start = file.read(8)
        if len(start) < 8:
            return Pixels.SHORT
        tag, (length,) = struct.unpack_from("<HH", start), struct.unpack_from("<I", start, 4)
        if tag == _END:
            return Pixels.WHOLE if fragments > 0 else Pixels.SHORT
        at += 8 + length
        if tag != _ITEM or at > size:
            return Pixels.SHORT
        fragments += 1


def _expected(header: FileDataset) -> int:
    """Return how many bytes the picture takes, uncompressed."""
    said = {name: _whole(header, name, default) for name, default in _DEFAULTS.items()}
    bits = said["Rows"] * said["Columns"] * said["SamplesPerPixel"] * said["BitsAllocated"]
    if "422" in str(header.get("PhotometricInterpretation", "")):
        bits = bits * 2 // 3
    return (bits * said["NumberOfFrames"] + 7) // 8


def _whole(header: FileDataset, name: str, default: int) -> int:
    try:
        return int(header.get(name) or default)
    except (TypeError, ValueError):
        return default


_DEFAULTS = {"Rows": 1, "Columns": 1, "SamplesPerPixel": 1, "BitsAllocated": 8, "NumberOfFrames": 1}
