"""ZIP archives: what is inside can be unpacked without going up, out, round or on for ever."""

import re
import stat
import zipfile
from collections.abc import Sequence

from services.records.inspection.found import Bad

MOST_FILES = 20_000
LARGEST_TOTAL = 24 * 1024**3
LARGEST_FILE = 4 * 1024**3
DEEPEST = 3
"""Levels of archives within each other that are unpacked."""
WORST_RATIO = 150
"""Unpacked bytes per packed one that an archive may reach, once it unpacks to more than ``SUSPICIOUS``."""
SUSPICIOUS = 256 * 1024**2
_PACKINGS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA})
_SYSTEM = re.compile(r"(^|/)(__MACOSX/|\.DS_Store$|Thumbs\.db$|desktop\.ini$|\._|autorun\.inf$)", re.IGNORECASE)
_TRICK = re.compile(r"(^|[/\\])\.\.([/\\]|$)|^[/\\]|^[A-Za-z]:|[\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]")


def opened(path: str) -> zipfile.ZipFile:
    """Return the archive, its table of contents read and found fit. Raises ``Bad``."""
    try:
        archive = zipfile.ZipFile(path)
        entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, IndexError, UnicodeError, NotImplementedError):
        raise Bad("unreadable") from None
    refuse_unfit(entries)
    return archive


def refuse_unfit(entries: Sequence[zipfile.ZipInfo]) -> None:
    """Raise ``Bad`` for what a table of contents alone tells. A file that unpacks to more than it says is cut off and damaged."""
    if len(entries) > MOST_FILES:
        raise Bad("too_many_files")
    if any(entry.flag_bits & 1 for entry in entries):
        raise Bad("password")
    unpacked, packed = sum(e.file_size for e in entries), sum(e.compress_size for e in entries)
    if unpacked > LARGEST_TOTAL or any(e.file_size > LARGEST_FILE for e in entries):
        raise Bad("bomb")
    if unpacked > SUSPICIOUS and unpacked > WORST_RATIO * max(packed, 1):
        raise Bad("bomb")
    ends = 0
    for entry in sorted(entries, key=lambda e: e.header_offset):
        if entry.header_offset < ends:  # the same bytes unpack to several files
            raise Bad("bomb")
        ends = entry.header_offset + entry.compress_size


def refuse_entry(entry: zipfile.ZipInfo) -> None:
    """Raise ``Bad`` for one file of an archive that may not be unpacked, while the others may."""
    if _TRICK.search(entry.orig_filename) or stat.S_ISLNK(entry.external_attr >> 16):
        raise Bad("unsafe_path")
    if _SYSTEM.search(entry.filename.replace("\\", "/")):
        raise Bad("system")
    if entry.compress_type not in _PACKINGS:
        raise Bad("compression")
    if entry.file_size == 0:
        raise Bad("empty")
