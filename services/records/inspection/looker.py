"""Looks at one file, inside the sandbox: what it is, what speaks against it, and the same for all that is in an archive.

Everything here runs on a stranger's bytes in a process that may be killed at any step (``services.records.sandbox``).
"""

import re
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.records.domain import Kind
from services.records.imaging.headers import NotReadable, read_header
from services.records.inspection import archives, images, kinds, office, pdf
from services.records.inspection.found import Bad, Found
from services.records.sandbox import cell

PIECE = 1 << 20
_TAIL = 65_557
_FOREIGN = (b"<script", b"<?php", b"<html", b"<!doctype html", b"%pdf-1.", b"%pdf-2.", b"<svg ", b"<iframe")
_SHORT = 5
"""Marks of so few bytes stand in compressed pixels by chance, in one photograph of 7,000: they count where text goes on."""
_GOES_ON = re.compile(rb"[\t\n\r\x20-\x7e]{0,8}")
_OVERLAP = 32

Step = tuple[dict[str, Any], bytes]


@dataclass
class Walk:
    """One walk through an archive: what may come, how much is left, and which of its files were told before."""

    item: Kind
    skip: int
    avoid: frozenset[int]
    number: int = 0
    files_left: int = archives.MOST_FILES
    bytes_left: int = archives.LARGEST_TOTAL


def look(path: str, item: str, skip: int = 0, avoid: Sequence[int] = ()) -> Iterator[Step]:
    """Yield what a file is, at last, as ``{"self": …}``; before that, of each file in an archive ``{"at": its number}``,
    ``{"child": …}`` and its bytes (``{}``).

    The first ``skip`` files of an archive were told before; those that it ``avoid``s killed an earlier walk.
    """
    kind = Kind(item)
    try:
        found = examine(path, kind)
        if found.media_type == kinds.ZIP:
            with archives.opened(path) as archive:
                yield from _unpacked(archive, "", Walk(kind, skip, frozenset(avoid)), 1)
        yield {"self": found.told()}, b""
    except Bad as bad:
        yield {"self": {"reason": bad.code}}, b""


def examine(path: str, item: Kind) -> Found:
    """Return what one file is, without unpacking it. Raises ``Bad``."""
    with Path(path).open("rb") as file:
        head = file.read(kinds.HEAD)
    kind = kinds.kind_of(head)
    if not head:
        raise Bad("empty")
    _refuse_kind(kind)
    if kind in kinds.IMAGES:
        _refuse_foreign(path)
        found = images.examine(path, kind or "")
    elif kind == kinds.PDF:
        _refuse_second_archive(path)
        found = pdf.examine(path)
    elif kind == kinds.DICOM:
        found = _examine_dicom(path, head)
    elif kind == kinds.ZIP:
        found = _examine_zip(path, head)
    elif kind == kinds.OLE:
        found = office.examine_ole(path)
    elif kind == kinds.RTF:
        with Path(path).open("rb") as file:
            found = office.examine_rtf(file)
    else:
        _refuse_foreign(path)
        found = _examine_text(path)
    if found.media_type not in kinds.TAKEN[item]:
        raise Bad("unknown_type")
    return found


def _refuse_kind(kind: str | None) -> None:
    named = {None: "unknown_type", kinds.PROGRAM: "program", kinds.MARKUP: "markup", kinds.ARCHIVE: "other_archive"}
    if kind in named:
        raise Bad(named[kind])


def _examine_text(path: str) -> Found:
    with Path(path).open("rb") as file:
        while piece := file.read(PIECE):
            if b"\x00" in piece and not piece.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise Bad("unknown_type")
    return Found(kinds.TEXT)


def _examine_zip(path: str, head: bytes) -> Found:
    if not head.startswith(b"PK"):
        raise Bad("polyglot")
    with archives.opened(path) as archive:
        if office.is_office(archive):
            return office.examine_zipped(archive)
    return Found(kinds.ZIP)


def _examine_dicom(path: str, head: bytes) -> Found:
    has_preamble = head[128:132] == b"DICM"
    preamble = head[:128]
    if has_preamble and (kinds.is_program(preamble) or _is_second_kind(preamble)):
        raise Bad("dicom_program")
    _refuse_second_archive(path)
    try:
        return Found(kinds.DICOM, header=read_header(path))
    except NotReadable as defect:
        raise Bad(f"dicom_{defect.code}" if has_preamble else "unknown_type") from None


def _is_second_kind(preamble: bytes) -> bool:
    """Whether another kind of file begins in the preamble. TIFF may: the standard allows for it."""
    folded = preamble.lower().lstrip(b"\x00 \t\r\n")
    return preamble.startswith((b"PK", b"%PDF", b"GIF8", b"\xff\xd8\xff", b"\x89PNG", b"Rar!", b"7z\xbc\xaf")) or (
        folded.startswith((b"<", b"{\\rtf", b"<?", b"@echo", b"rem "))
    )


def _refuse_foreign(path: str) -> None:
    """Refuse an image or text in which another kind of file stands."""
    _refuse_second_archive(path)
    before = b""
    with Path(path).open("rb") as file:
        while piece := file.read(PIECE):
            window = (before + piece).lower()
            if any(mark in window and _stands_in(window, mark) for mark in _FOREIGN):
                raise Bad("polyglot")
            before = piece[-_OVERLAP:]


def _stands_in(window: bytes, mark: bytes) -> bool:
    """Return whether a mark is one of a page or program, and not a chance of compressed pixels."""
    if len(mark) > _SHORT:
        return True
    at = window.find(mark)
    while at >= 0:
        follows = window[at + len(mark) : at + len(mark) + 8]
        if (said := _GOES_ON.match(follows)) is not None and said.end() == len(follows):
            return True
        at = window.find(mark, at + 1)
    return False


def _refuse_second_archive(path: str) -> None:
    """Refuse what ends as a ZIP archive though it begins as something else."""
    with Path(path).open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _TAIL))
        tail = file.read()
    if (
        (at := tail.rfind(b"PK\x05\x06")) >= 0
        and (b"PK\x01\x02" in tail or len(tail) - at >= 22)
        and zipfile.is_zipfile(path)
    ):
        raise Bad("polyglot")


def _unpacked(archive: zipfile.ZipFile, prefix: str, walk: Walk, level: int) -> Iterator[Step]:
    for entry in archive.infolist():
        if entry.is_dir():
            continue
        walk.number += 1
        if walk.number > walk.skip:
            yield {"at": walk.number}, b""
        try:
            yield from _one(archive, entry, prefix, walk, level)
        except Bad as bad:
            if walk.number > walk.skip:
                yield _child(walk, f"{prefix}{entry.filename}", entry.file_size, {"reason": bad.code}), b""


def _one(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, prefix: str, walk: Walk, level: int) -> Iterator[Step]:
    """Yield what one file of an archive is, or what is in it. Raises ``Bad``."""
    number = walk.number
    archives.refuse_entry(entry)
    if number in walk.avoid:
        raise Bad("over_limits")
    _spend(walk, entry.file_size)
    if number <= walk.skip and not _begins_as_zip(archive, entry):
        return
    path = _extracted(archive, entry, level)
    found = examine(path, walk.item)
    if found.media_type == kinds.ZIP:
        if level >= archives.DEEPEST:
            raise Bad("too_deep")
        with archives.opened(path) as inner:
            yield from _unpacked(inner, f"{prefix}{entry.filename}/", walk, level + 1)
    elif number > walk.skip:
        yield _child(walk, f"{prefix}{entry.filename}", entry.file_size, found.told()), b""
        yield from _bytes_of(path)


def _begins_as_zip(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bool:
    try:
        with archive.open(entry) as packed:
            return packed.read(2) == b"PK"
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError):
        return False


def _child(walk: Walk, place: str, size: int, told: dict[str, Any]) -> dict[str, Any]:
    return {"child": {"path": place, "size": size, **told}, "number": walk.number}


def _spend(walk: Walk, size: int) -> None:
    walk.files_left -= 1
    walk.bytes_left -= size
    if walk.files_left < 0:
        raise Bad("too_many_files")
    if walk.bytes_left < 0:
        raise Bad("bomb")


def _extracted(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, level: int) -> str:
    """Unpack one file to the scratch file of this level and return its path. Raises ``Bad``."""
    path = cell.scratch(level)
    try:
        with archive.open(entry) as packed, Path(path).open("wb") as plain:
            while piece := packed.read(PIECE):
                plain.write(piece)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        NotImplementedError,
        RuntimeError,
        ValueError,
        OSError,
        MemoryError,
    ):
        raise Bad("unreadable") from None
    return path


def _bytes_of(path: str) -> Iterator[Step]:
    with Path(path).open("rb") as file:
        while piece := file.read(PIECE):
            yield {}, piece
