"""A dataset's attributes as DICOM JSON (PS3.18 F.2): what can be read, quickly; thousands of headers make a CD.

pydicom converts each element in general; the plain ones, nearly all of a header, are converted here. The rest is its.
"""

import struct
from collections.abc import Callable
from typing import Any

from pydicom._dicom_dict import DicomDictionary
from pydicom.charset import python_encoding
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset

LARGEST_VALUE = 1 << 16
"""Bytes: what is larger is bulk, and left out."""
_INLINE = 1024
_UNDEFINED = 0xFFFFFFFF
_PLAIN = {"AE", "AS", "CS", "DA", "DT", "TM", "UI"}
_TEXTS = {"LO", "SH", "UC"}
_LONG = {"LT", "ST", "UT", "UR"}
_NUMBERS = {"US": "H", "SS": "h", "UL": "I", "SL": "i", "FL": "f", "FD": "d", "UV": "Q", "SV": "q"}


def as_json(found: Dataset) -> dict[str, Any]:
    """Return all attributes that can be read; what makes no sense, and bulk, is left out."""
    out: dict[str, Any] = {}
    encoding = _encoding(found)
    little = found.original_encoding[1] is not False
    for tag in sorted(found.keys()):
        raw = found.get_item(tag)
        if isinstance(raw, RawDataElement) and raw.length != _UNDEFINED and raw.length > LARGEST_VALUE:
            continue
        said = _quickly(raw, encoding, little) or _by_pydicom(found, tag)
        if said is not None:
            out[f"{int(tag):08X}"] = said
    return out


def _encoding(found: Dataset) -> str | None:
    """Return the codec of texts; None where several, or one that switches, are named."""
    raw = found.get_item(0x00080005) if 0x00080005 in found else None
    value = getattr(raw, "value", None) or b""
    name = value.decode("ascii", "replace") if isinstance(value, bytes) else str(value)
    name = name.strip("\0 ")
    if name in ("", "ISO_IR 6"):
        return "latin-1"
    return python_encoding.get(name) if name.startswith("ISO_IR") or name in ("GB18030", "GBK") else None


def _quickly(raw: Any, encoding: str | None, little: bool) -> dict[str, Any] | None:
    """Return a plain element's JSON; None: let pydicom do it."""
    if not isinstance(raw, RawDataElement) or raw.value is None:
        return None
    vr = raw.VR if raw.VR not in (None, "UN") else DicomDictionary.get(int(raw.tag), ("",))[0]
    convert = _CONVERTED.get(vr)
    if convert is None:
        return None
    try:
        values = convert(raw.value, vr, encoding, little)
    except (ValueError, struct.error, LookupError):
        return None
    if values is None:
        return None
    return {"vr": vr, "Value": values} if any(value is not None for value in values) else {"vr": vr}


Converted = list[Any] | None


def _codes(value: bytes, _vr: str, _encoding: str | None, _little: bool) -> Converted:
    return [part.strip("\0 ") or None for part in value.decode("latin-1").split("\\")]


def _texts(value: bytes, _vr: str, encoding: str | None, _little: bool) -> Converted:
    if encoding is None:
        return None
    return [part.strip("\0 ") or None for part in value.decode(encoding, "replace").split("\\")]


def _long(value: bytes, _vr: str, encoding: str | None, _little: bool) -> Converted:
    return None if encoding is None else [value.decode(encoding, "replace").rstrip("\0 ") or None]


def _whole(value: bytes, _vr: str, _encoding: str | None, _little: bool) -> Converted:
    return [int(part) if part.strip() else None for part in value.decode("ascii").strip("\0 ").split("\\")]


def _decimals(value: bytes, _vr: str, _encoding: str | None, _little: bool) -> Converted:
    return [float(part) if part.strip() else None for part in value.decode("ascii").strip("\0 ").split("\\")]


def _numbers(value: bytes, vr: str, _encoding: str | None, little: bool) -> Converted:
    kind = _NUMBERS[vr]
    return list(struct.unpack(f"{'<' if little else '>'}{len(value) // struct.calcsize(kind)}{kind}", value))


def _names(value: bytes, _vr: str, encoding: str | None, _little: bool) -> Converted:
    if encoding is None:
        return None
    kinds = ("Alphabetic", "Ideographic", "Phonetic")
    names = [one.strip("\0 ").split("=") for one in value.decode(encoding, "replace").split("\\")]
    return [{kind: part for kind, part in zip(kinds, name, strict=False) if part} or None for name in names]


_CONVERTED: dict[str, Callable[[bytes, str, str | None, bool], Converted]] = {
    **dict.fromkeys(_PLAIN, _codes), **dict.fromkeys(_TEXTS, _texts), **dict.fromkeys(_LONG, _long),
    **dict.fromkeys(_NUMBERS, _numbers), "IS": _whole, "DS": _decimals, "PN": _names,
}  # fmt: skip


def _by_pydicom(found: Dataset, tag: Any) -> dict[str, Any] | None:
    try:
        said: dict[str, Any] = found[tag].to_json_dict(lambda _: "", _INLINE)
    except Exception:  # noqa: BLE001 - one attribute that can't be read costs no other
        return None
    return None if "BulkDataURI" in said else said
