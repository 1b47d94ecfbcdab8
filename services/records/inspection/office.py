"""Office documents: a text, a table or slides, without macros, without parts that are loaded from elsewhere, without parcels."""

import re
import struct
import zipfile
import zlib
from typing import BinaryIO

import olefile

from services.records.inspection import kinds
from services.records.inspection.found import Bad, Found

_LARGEST_PART = 64 << 20
_MAIN = {"word/": kinds.WORD, "xl/": kinds.SHEET, "ppt/": kinds.SLIDESHOW}
_OPEN_DOCUMENT = {kind: kind for kind in (kinds.ODT, kinds.ODS, kinds.ODP)}
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\s[^>]*>", re.IGNORECASE)
_HARMLESS_LINKS = (b"/hyperlink",)
_PARCELS = re.compile(r"(oleObject\d*\.bin|\.exe|\.bat|\.js|\.vbs|\.scr|package\d*)$", re.IGNORECASE)
_RTF_PARCELS = (rb"\objdata", rb"\objupdate", rb"\objemb", rb"\objautlink", rb"\objlink")


def is_office(archive: zipfile.ZipFile) -> bool:
    """Return whether a ZIP is a document of an office program."""
    names = set(archive.namelist())
    return "[Content_Types].xml" in names or ("mimetype" in names and _open_document(archive) is not None)


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
    for name in names:
        if name.lower().endswith((".xml", ".rels", ".vml")):
            _refuse_part(name, _part(archive, name))
    if "mimetype" in names:
        kind = _open_document(archive)
        if kind is None:
            raise Bad("unknown_type")
        return Found(kind)
    main = next((kind for folder, kind in _MAIN.items() if any(name.startswith(folder) for name in names)), None)
    if main is None:
        raise Bad("unknown_type")
    return Found(main)


def _refuse_part(name: str, part: bytes) -> None:
    if b"<!ENTITY" in part or b"<!DOCTYPE" in part:
        raise Bad("bomb")
    if name == "[Content_Types].xml" and b"macroEnabled" in part:
        raise Bad("macros")
    if name == "META-INF/manifest.xml" and b"encryption-data" in part:
        raise Bad("password")
    if b"DDEAUTO" in part or b"ddeLink" in part:
        raise Bad("launch")
    for relation in _RELATION.findall(part) if name.endswith(".rels") else ():
        if re.search(rb"TargetMode\s*=\s*[\"']External", relation) and not any(k in relation for k in _HARMLESS_LINKS):
            raise Bad("outside_links")


def _open_document(archive: zipfile.ZipFile) -> str | None:
    return _OPEN_DOCUMENT.get(_part(archive, "mimetype").decode("ascii", "replace").strip())


def _part(archive: zipfile.ZipFile, name: str) -> bytes:
    try:
        with archive.open(name) as part:
            content = part.read(_LARGEST_PART + 1)
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
        if int.from_bytes(ole.openstream("WordDocument").read(12)[10:12], "little") & 0x0100:
            raise Bad("password")
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
        if rb"\*\template" in window or b"ddeauto" in window:
            raise Bad("outside_links")
        before = piece[-64:]
    return Found(kinds.RTF)
