"""The header of one DICOM file, whatever its state: runs where nothing can be harmed, and reads no pixel (R25, M7).

Reads files with and without preamble and file meta information, of every transfer syntax, DICOMDIR, broken value
representations and character sets. What can't be put anywhere is ``NotReadable`` with a code.
"""

import json
import logging
import re
import struct
import warnings
from pathlib import Path
from typing import Any, BinaryIO
from uuid import NAMESPACE_OID, uuid5

import pydicom
from pydicom import config
from pydicom.dataset import Dataset, FileDataset
from pydicom.errors import InvalidDicomError
from pydicom.uid import MediaStorageDirectoryStorage

from services.records.domain.imaging import NOT_READABLE, Kind, NotReadable, Pixels
from services.records.imaging.attributes import LARGEST_VALUE, as_json
from services.records.imaging.multiframe import frames_of
from services.records.imaging.pixels import state_of

config.settings.reading_validation_mode = config.IGNORE
logging.getLogger("pydicom").setLevel(logging.CRITICAL)  # it names values, and values name people
SENTENCES = NOT_READABLE

LARGEST_HEADER = 60_000
"""Bytes of JSON: what is more is cut, private and large attributes first; ``metadata_json`` has them."""
_PREAMBLE = 128
_UID = re.compile(r"[0-9A-Za-z._-]{1,64}")
_NEEDED = frozenset({
    "00080016", "00080018", "0020000D", "0020000E", "00080060", "00100010", "00100020", "00100030", "00100040", "00200013",
    "00200032", "00200037", "00280008", "00280010", "00280011", "00080005",
})  # fmt: skip

__all__ = ["SENTENCES", "NotReadable", "metadata_json", "read_header"]


def read_header(path: str | Path) -> dict[str, Any]:
    """Return what the file's header says: JSON-able, at most about 60 kB.

    ``kind`` and ``pixels`` (``domain.imaging``'s), ``transfer_syntax``, ``metadata`` (DICOM JSON, PS3.18 F.2), ``cut`` (whether
    something was left out of that); of an enhanced object ``frames`` (``multiframe.frames_of``); of a DICOMDIR ``listed``:
    series with how many objects it names. Raises ``NotReadable``.
    """
    try:
        with warnings.catch_warnings(), Path(path).open("rb") as file:
            warnings.simplefilter("ignore")
            return _header(file, Path(path).stat().st_size)
    except NotReadable:
        raise
    except EOFError:
        raise NotReadable("truncated") from None
    except Exception as error:  # a stranger's bytes make the parser fail in any way there is
        raise NotReadable("broken") from error


def metadata_json(path: str | Path) -> tuple[dict[str, Any], bytes]:
    """Return nothing, and all attributes as a DICOM JSON text, without pixels and other bulk data. Raises ``NotReadable``."""
    try:
        with warnings.catch_warnings(), Path(path).open("rb") as file:
            warnings.simplefilter("ignore")
            metadata = _identified(as_json(found := _read(file)), found)
            return {}, json.dumps(_plain(metadata)).encode()
    except NotReadable:
        raise
    except Exception as error:  # likewise
        raise NotReadable("broken") from error


def _header(file: BinaryIO, size: int) -> dict[str, Any]:
    if size == 0:
        raise NotReadable("empty")
    found = _read(file)
    syntax = str(found.file_meta.get("TransferSyntaxUID", "")) or _guessed(found)
    if (listed := _listed(found)) is not None:
        return {
            "kind": Kind.DIRECTORY,
            "pixels": Pixels.NONE,
            "transfer_syntax": syntax,
            "listed": listed,
            "metadata": {},
        }
    pixels = state_of(file, found, syntax, size)
    metadata = _identified(as_json(found), found)
    frames = frames_of(found)
    has_picture = pixels is not Pixels.NONE or ("00280010" in metadata and "00280011" in metadata)
    fitting = _fitting(_plain(metadata))
    return {
        "kind": Kind.IMAGE if has_picture else Kind.OTHER, "pixels": pixels, "transfer_syntax": syntax,
        "metadata": fitting, "cut": len(fitting) != len(metadata), **({} if frames is None else {"frames": frames}),
    }  # fmt: skip


def _read(file: BinaryIO) -> FileDataset:
    """Read up to the pixels; values above 64 KiB stay where they are."""
    head = file.read(_PREAMBLE + 4)
    file.seek(0)
    marked = head[_PREAMBLE:] == b"DICM"
    if not marked and not _begins_like_dicom(head):
        raise NotReadable("not_dicom")
    try:
        found = pydicom.dcmread(file, stop_before_pixels=True, force=not marked, defer_size=LARGEST_VALUE)
    except InvalidDicomError:
        raise NotReadable("not_dicom") from None
    if not marked and not {"SOPClassUID", "Modality", "StudyInstanceUID", "DirectoryRecordSequence"} & set(found.dir()):
        raise NotReadable("not_dicom")
    if not len(found):
        raise NotReadable("truncated")
    return found


def _begins_like_dicom(head: bytes) -> bool:
    """Tell whether the first element is one with which an object without preamble begins, in either byte order."""
    if len(head) < 8:
        return False
    for order in "<>":
        group, element = struct.unpack_from(f"{order}HH", head)
        if group in (0x0002, 0x0008) and element <= 0x0100:
            (length,) = struct.unpack_from(f"{order}I", head, 4)
            return bool(re.fullmatch(rb"[A-Z]{2}", head[4:6])) or length < 1024
    return False


def _guessed(found: FileDataset) -> str:
    implicit, little = found.original_encoding
    return "1.2.840.10008.1.2" if implicit else "1.2.840.10008.1.2.1" if little else "1.2.840.10008.1.2.2"


def _listed(found: FileDataset) -> list[list[Any]] | None:
    """Return the series that a DICOMDIR names, with how many objects; None when it is none."""
    if (
        found.file_meta.get("MediaStorageSOPClassUID") != MediaStorageDirectoryStorage
        and "DirectoryRecordSequence" not in found
    ):
        return None
    counts: dict[tuple[str, str], int] = {}
    study = series = ""
    for record in found.get("DirectoryRecordSequence") or ():
        match str(record.get("DirectoryRecordType", "")).strip().upper():
            case "STUDY":
                study = _uid(record.get("StudyInstanceUID"))
            case "SERIES":
                series = _uid(record.get("SeriesInstanceUID"))
            case "PATIENT" | "":
                continue
            case _ if "ReferencedFileID" in record and series:
                counts[study, series] = counts.get((study, series), 0) + 1
    return [[*uids, count] for uids, count in counts.items()]


def _plain(value: Any) -> Any:
    """Return ``value`` as JSON and a database take it: no NUL, no half of a surrogate pair, no number that isn't finite."""
    match value:
        case str():
            return value.replace("\0", "").encode("utf-8", "replace").decode() if not value.isprintable() else value
        case float():
            return value if -1e308 < value < 1e308 else None
        case list() | tuple():
            return [_plain(one) for one in value]
        case dict():
            return {name: _plain(one) for name, one in value.items()}
        case _:
            return value


def _identified(metadata: dict[str, Any], found: FileDataset) -> dict[str, Any]:
    """Return it with UIDs that can stand in an address; where study or series is unsaid, the object is one by itself.

    Raises ``NotReadable``: it doesn't say which object it is.
    """
    meta = getattr(found, "file_meta", Dataset())
    sop = found.get("SOPInstanceUID") or meta.get("MediaStorageSOPInstanceUID")
    if not sop:
        raise NotReadable("no_identity")
    sop_class = found.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID") or ""
    alone = _made_up(str(sop))
    uids = {
        "00080016": str(sop_class), "00080018": _uid(sop), "0020000D": _uid(found.get("StudyInstanceUID")) or alone,
        "0020000E": _uid(found.get("SeriesInstanceUID")) or alone,
    }  # fmt: skip
    return {**metadata, **{tag: {"vr": "UI", "Value": [uid]} for tag, uid in uids.items() if uid}}


def _uid(said: Any) -> str:
    text = str(said or "").strip("\0 ")
    return text if not text or _UID.fullmatch(text) else _made_up(text)


def _made_up(seed: str) -> str:
    return f"2.25.{uuid5(NAMESPACE_OID, seed).int}"


def _fitting(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return what fits: private attributes go first, then the largest ones."""
    sizes = {tag: len(json.dumps(value)) + 12 for tag, value in metadata.items()}
    total = sum(sizes.values())
    is_private = {tag: int(tag[:4], 16) % 2 == 1 for tag in metadata}
    for tag in sorted(metadata.keys() - _NEEDED, key=lambda tag: (not is_private[tag], -sizes[tag])):
        if total <= LARGEST_HEADER:
            break
        total -= sizes.pop(tag)
    return {tag: metadata[tag] for tag in metadata if tag in sizes}
