"""Office documents: a text, a table or slides, without macros, without parts that are loaded from elsewhere, without parcels."""

import re
import struct
import zipfile
import zlib
from typing import BinaryIO

import olefile

from services.records.inspection import kinds, office_xml
from services.records.inspection.found import Bad, Found

_LARGEST_PART = 64 << 20
_HEAD = 256
_LOCKS = "meta-inf/manifest.xml"
"""The part that says which others are locked, and so no XML."""
_MAIN = {"word/": kinds.WORD, "xl/": kinds.SHEET, "ppt/": kinds.SLIDESHOW}
_OPEN_DOCUMENT = {kind: kind for kind in (kinds.ODT, kinds.ODS, kinds.ODP)}
_PARCELS = re.compile(r"(oleObject\d*\.bin|\.exe|\.bat|\.js|\.vbs|\.scr|package\d*)$", re.IGNORECASE)
_OLD_FIELD = re.compile(rb"\x13\s*dde(auto)?[\s\"]|\x13\0(?:\s\0)*d\0d\0e\0(a\0u\0t\0o\0)?[\s\"]\0", re.IGNORECASE)
_INSTRUCTION = 1000
"""Bytes of a field in rich text that are read: the word that says what it does comes first."""
_RTF_FIELD, _RTF_TEMPLATE = re.compile(rb"\\fldinst(?![a-z])"), re.compile(rb"\\template(?![a-z])")
_STARTS_A_PROGRAM = re.compile(rb"dde(auto)?(?![a-z0-9_])")
_RTF_PARCELS = (rb"\objdata", rb"\objupdate", rb"\objemb", rb"\objautlink", rb"\objlink")


def is_office(archive: zipfile.ZipFile) -> bool:
    """Return whether a ZIP is a document of an office program. Their names of parts don't tell small letters from capitals."""
    names = archive.namelist()
    return any(name.lower() == "[content_types].xml" for name in names) or (
        "mimetype" in names and _open_document(archive) is not None
    )


def examine_zipped(archive: zipfile.ZipFile) -> Found:
    """Return what a document in OOXML or OpenDocument is. Raises ``Bad``."""
    names = archive.namelist()
    lowered = [name.lower() for name in names]
    if any(
        "vbaproject" in n or "macrosheets/" in n or "activex/" in n or n.startswith(("basic/", "scripts/"))
        for n in lowered
    ):
        raise Bad("macros")
    if any(_PARCELS.search(name) for name in names):
        raise Bad("attachments")
    for entry in sorted(archive.infolist(), key=lambda entry: entry.filename.lower() != _LOCKS):
        if office_xml.is_xml(
            _part(archive, entry, _HEAD)
        ):  # each of several of one name: programs differ in which they take
            office_xml.refuse_unfit(entry.filename, _part(archive, entry))
    if "mimetype" in names:
        kind = _open_document(archive)
        if kind is None:
            raise Bad("unknown_type")
        return Found(kind)
    main = next((kind for folder, kind in _MAIN.items() if any(name.startswith(folder) for name in lowered)), None)
    if main is None:
        raise Bad("unknown_type")
    return Found(main)


def _open_document(archive: zipfile.ZipFile) -> str | None:
    return _OPEN_DOCUMENT.get(_part(archive, "mimetype").decode("ascii", "replace").strip())


def _part(archive: zipfile.ZipFile, name: str | zipfile.ZipInfo, most: int = _LARGEST_PART + 1) -> bytes:
    try:
        with archive.open(name) as part:
            content = part.read(most)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError):
        raise Bad("unreadable") from None
    if len(content) > _LARGEST_PART:
        raise Bad("bomb")
    return content


def examine_ole(path: str) -> Found:
    """Return what a document of an office program of before 2007 is. Raises ``Bad``."""
    try:
        with olefile.OleFileIO(path) as ole:
            return Found(_ole_kind(ole))
    except (OSError, struct.error, IndexError, ValueError, TypeError):
        raise Bad("unreadable") from None


def _ole_kind(ole: olefile.OleFileIO) -> str:
    entries = {"/".join(entry).lower() for entry in ole.listdir(streams=True, storages=True)}
    tops = {entry.split("/", 1)[0] for entry in entries}
    if "encryptedpackage" in tops:
        raise Bad("password")
    if tops & {"macros", "_vba_project_cur"} or any(entry.endswith(("/vba", "_vba_project")) for entry in entries):
        raise Bad("macros")
    if any("ole10native" in entry for entry in entries):
        raise Bad("attachments")
    if "worddocument" in tops:
        text = ole.openstream("WordDocument").read(_LARGEST_PART)
        if int.from_bytes(text[10:12], "little") & 0x0100:
            raise Bad("password")
        if _OLD_FIELD.search(text):
            raise Bad("launch")
        return kinds.OLD_WORD
    if tops & {"workbook", "book"}:
        _refuse_sheet(ole.openstream("Workbook" if "workbook" in tops else "Book").read(_LARGEST_PART))
        return kinds.OLD_SHEET
    if "powerpoint document" in tops:
        return kinds.OLD_SLIDESHOW
    raise Bad("unknown_type")


def _refuse_sheet(stream: bytes) -> None:
    """Walk the first records of a workbook: an encrypted one, or one with sheets of old macros, is refused."""
    at = 0
    while at + 4 <= len(stream):
        record, size = struct.unpack_from("<HH", stream, at)
        if record == 0x002F:
            raise Bad("password")
        if record == 0x0085 and size >= 6 and stream[at + 4 + 5] == 1:
            raise Bad("macros")
        if record == 0x000A:
            return
        at += 4 + size


def examine_rtf(file: BinaryIO) -> Found:
    """Return that it is a rich text. Raises ``Bad``."""
    before = b""
    while piece := file.read(1 << 20):
        window = (before + piece).lower().replace(b"\n", b"").replace(b"\r", b"")
        if any(mark in window for mark in _RTF_PARCELS):
            raise Bad("attachments")
        if _RTF_TEMPLATE.search(window):
            raise Bad("outside_links")
        for field in _RTF_FIELD.finditer(window):
            if _STARTS_A_PROGRAM.match(_words(window[field.end() : field.end() + _INSTRUCTION])):
                raise Bad("launch")
        before = piece[-2 * _INSTRUCTION :]
    return Found(kinds.RTF)


def _words(rich: bytes) -> bytes:
    """Return the text of a piece of rich text, without control words and braces."""
    spelled = re.sub(rb"\\'([0-9a-f]{2})", lambda code: bytes([int(code[1], 16)]), rich)
    spelled = re.sub(rb"\\u(\d{1,5}) ?\??", lambda code: bytes([int(code[1]) & 0xFF]), spelled)
    return re.sub(rb"\\[a-z]+-?\d* ?|\\\*|[{}]", b"", spelled).strip(b' "').lower()
