"""What a file is, by its content alone: names and senders' claims don't count. Pure; the door and the sandbox ask here."""

import codecs
from typing import Literal

from services.records.domain import Kind
from shared.magic import MAGIC

HEAD = 33 * 1024
"""Bytes from a file's start that ``kind_of`` looks at: a CD's image says what it is behind the first 32 KiB."""
_TEXT_HEAD = 4096

PDF = "application/pdf"
ZIP = "application/zip"
DICOM = "application/dicom"
OLE = "application/x-ole-storage"
RTF = "application/rtf"
TEXT = "text/plain"
FOLDER = "inode/directory"
WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
SLIDESHOW = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
ODT = "application/vnd.oasis.opendocument.text"
ODS = "application/vnd.oasis.opendocument.spreadsheet"
ODP = "application/vnd.oasis.opendocument.presentation"
OLD_WORD, OLD_SHEET, OLD_SLIDESHOW = "application/msword", "application/vnd.ms-excel", "application/vnd.ms-powerpoint"

HOLDS_FILES = frozenset({FOLDER, ZIP})
IMAGES = frozenset({"image/jpeg", "image/png", "image/tiff", "image/gif", "image/webp", "image/bmp", "image/heic"})
OFFICE = frozenset({WORD, SHEET, SLIDESHOW, ODT, ODS, ODP, OLD_WORD, OLD_SHEET, OLD_SLIDESHOW, RTF})

_PROGRAMS: tuple[tuple[int, bytes], ...] = (
    (0, b"MZ"),
    (0, b"\x7fELF"),
    (0, b"\xca\xfe\xba\xbe"),
    (0, b"\xfe\xed\xfa\xce"),
    (0, b"\xfe\xed\xfa\xcf"),
    (0, b"\xcf\xfa\xed\xfe"),
    (0, b"\xce\xfa\xed\xfe"),
    (0, b"#!"),
    (0, b"\x4c\x00\x00\x00\x01\x14\x02\x00"),  # a Windows shortcut
    (0, b"dex\n"),
    (0, b"\x00asm"),
)
_OTHER_ARCHIVES: tuple[tuple[int, bytes], ...] = (
    (0, b"Rar!\x1a\x07"),
    (0, b"7z\xbc\xaf\x27\x1c"),
    (0, b"\x1f\x8b"),
    (0, b"BZh"),
    (0, b"\xfd7zXZ\x00"),
    (0, b"\x28\xb5\x2f\xfd"),
    (257, b"ustar"),
    (0x8001, b"CD001"),
    (0x8001, b"BEA01"),
    (0, b"MSCF"),
)
_KNOWN: tuple[tuple[int, bytes, str], ...] = (
    *MAGIC,
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"BM", "image/bmp"),
    (0, b"PK\x05\x06", ZIP),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", OLE),
    (0, b"{\\rtf", RTF),
)
_HEIC = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"hevm", b"hevs", b"mif1", b"msf1", b"avif"})
_ACTIVE = (
    b"<script",
    b"<html",
    b"<!doctype html",
    b"<svg",
    b"<body",
    b"<iframe",
    b"<?php",
    b"<hta:",
    b"<xsl:",
    b"<head",
)
_PAGES = (b"<?xml", b"<html", b"<!doctype", b"<svg", b"<script", b"<?php", b"<body")
_BYTE_ORDERS: tuple[Literal["little", "big"], ...] = ("little", "big")
MARKUP = "text/html"
PROGRAM = "application/x-executable"
ARCHIVE = "application/x-other-archive"


def kind_of(head: bytes) -> str | None:
    """Return the media type that the first bytes tell (``HEAD`` of them, or all there are), or None.

    Programs, pages with code and archives other than ZIP are told too, to be refused by name.
    """
    for offset, magic, media_type in _KNOWN:
        if head.startswith(magic, offset) and not (media_type == "image/bmp" and not _is_bitmap(head)):
            return media_type
    if (boxed := _boxed_image(head)) is not None:
        return boxed
    if is_program(head):
        return PROGRAM
    if any(head.startswith(magic, offset) for offset, magic in _OTHER_ARCHIVES):
        return ARCHIVE
    return DICOM if is_bare_dicom(head) else _text_kind(head[:_TEXT_HEAD])


def _boxed_image(head: bytes) -> str | None:
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC:
        return "image/heic"
    return "image/webp" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


def is_program(head: bytes) -> bool:
    """Return whether a computer would run this."""
    return any(head.startswith(magic, offset) for offset, magic in _PROGRAMS)


def is_bare_dicom(head: bytes) -> bool:
    """Return whether this looks like DICOM without its preamble: it begins with an element of group 0002 or 0008, in either
    byte order.
    """
    if len(head) < 12:
        return False
    explicit = head[4:6] in (b"UL", b"OB", b"UI", b"CS", b"SH", b"DA", b"TM", b"LO", b"PN", b"UN")
    for order in _BYTE_ORDERS:
        group, element = int.from_bytes(head[:2], order), int.from_bytes(head[2:4], order)
        if group in (0x0002, 0x0008) and element <= 0x0100:
            return explicit or int.from_bytes(head[4:8], order) <= 256
    return False


def _is_bitmap(head: bytes) -> bool:
    return len(head) > 18 and int.from_bytes(head[14:18], "little") in (12, 40, 52, 56, 64, 108, 124)


def _text_kind(head: bytes) -> str | None:
    """Tell plain text from pages, and both from anything else."""
    text = head.removeprefix(b"\xef\xbb\xbf")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head.decode("utf-16", "replace").encode()
    folded = text.lower().lstrip()
    if folded.startswith(_PAGES) or any(mark in folded for mark in _ACTIVE):
        return MARKUP
    if not text or b"\x00" in text or any(byte < 32 and byte not in b"\t\n\r\f" for byte in text):
        return None
    return TEXT if _decodes(text) else None


def _decodes(text: bytes) -> bool:
    """UTF-8, perhaps cut within a character at the end; or a legacy code page, where every printable byte is a letter."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(text)
    except UnicodeDecodeError:
        return text.count(b"\x7f") == 0 and not any(0x80 <= byte < 0x90 for byte in text)
    return True


_EVERYWHERE = IMAGES | OFFICE | {PDF, ZIP, OLE, TEXT}
TAKEN: dict[Kind, frozenset[str]] = {
    Kind.DOCUMENT: _EVERYWHERE,
    Kind.FORM: _EVERYWHERE,
    Kind.IMAGING: _EVERYWHERE | {DICOM},
    Kind.SLIDES: frozenset(),
}
"""What may come for an item of each kind; a file inside an archive or folder is held to the same."""
