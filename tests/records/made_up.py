"""Made-up files that are what they say: PDF, images, DICOM, office documents, archives; and their parts, to break them with."""

import io
import struct
import zipfile
import zlib
from collections.abc import Iterable, Mapping


def pdf(
    *more: str | bytes,
    root: str = "",
    pages: int = 1,
    words: str = "A made-up letter",
    head: bytes = b"%PDF-1.7\n",
    tail: str = "",
) -> bytes:
    """Return a PDF with ``pages`` pages, further objects (numbered from 10) and further entries of its root and trailer."""
    content = f"BT /F1 24 Tf 72 700 Td ({words}) Tj ET".encode()
    objects: dict[int, bytes] = {
        1: f"<< /Type /Catalog /Pages 2 0 R {root} >>".encode(),
        2: f"<< /Type /Pages /Kids [{'3 0 R ' * pages}] /Count {pages} >>".encode(),
        3: b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>",
        4: b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
        5: b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    }
    objects |= {n: one.encode() if isinstance(one, str) else one for n, one in enumerate(more, 10)}
    made, places = bytearray(head), {}
    for number, body in objects.items():
        places[number] = len(made)
        made += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(made)
    made += b"xref\n0 1\n0000000000 65535 f \n"
    for number, place in places.items():
        made += b"%d 1\n%010d 00000 n \n" % (number, place)
    made += f"trailer\n<< /Size {max(objects) + 1} /Root 1 0 R {tail} >>\nstartxref\n{start}\n%%EOF\n".encode()
    return bytes(made)


def stream(body: bytes, entries: str = "") -> bytes:
    """Return a stream object for a PDF."""
    return b"<< /Length %d %b >>\nstream\n%b\nendstream" % (len(body), entries.encode(), body)


def png(
    width: int = 4, height: int = 4, *, told: tuple[int, int] | None = None, extra: bytes = b"", pixels: bytes = b""
) -> bytes:
    """Return a grey image; ``told``: the size its head claims; ``extra``: chunks before the pixels; ``pixels``: as they lie there."""
    claimed = told or (width, height)
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", *claimed, 8, 0, 0, 0, 0))
    rows = zlib.compress(
        pixels or b"".join(b"\x00" + bytes((x * 40 + y * 25) % 256 for x in range(width)) for y in range(height)),
        level=0 if pixels else -1,
    )
    return b"\x89PNG\r\n\x1a\n" + head + extra + _chunk(b"IDAT", rows) + _chunk(b"IEND", b"")


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def picture(kind: str, size: tuple[int, int] = (48, 32), **options: object) -> bytes:
    """Return an image as Pillow writes it: JPEG, TIFF, GIF, WEBP, BMP, HEIF."""
    from PIL import Image

    if kind == "HEIF":
        from pillow_heif import register_heif_opener

        register_heif_opener()
    made = io.BytesIO()
    Image.effect_mandelbrot(size, (-2, -1, 1, 1), 9).convert("RGB").save(made, kind, **options)
    return made.getvalue()


def archive(
    files: Mapping[str, bytes] | Iterable[tuple[str | zipfile.ZipInfo, bytes]], packing: int = zipfile.ZIP_DEFLATED
) -> bytes:
    """Return a ZIP of these files, by name."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", packing) as packed:
        for name, content in files.items() if isinstance(files, Mapping) else files:
            packed.writestr(name, content)
    return made.getvalue()


_FORMATS = "http://schemas.openxmlformats.org"
_WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"
_TYPES = f'''<?xml version="1.0"?><Types xmlns="{_FORMATS}/package/2006/content-types">
<Override PartName="/word/document.xml" ContentType="{_WORD}"/></Types>'''
_RELATIONS = f'''<?xml version="1.0"?><Relationships xmlns="{_FORMATS}/package/2006/relationships">
<Relationship Id="r1" Type="{_FORMATS}/officeDocument/2006/relationships/officeDocument" Target="word/document.xml"/>%s</Relationships>'''


def relations(*more: str) -> bytes:
    """Return the part that says what a part of an office document is bound to."""
    return (_RELATIONS % "".join(more)).encode()


def docx(more: Mapping[str, bytes] | None = None, *, relation: str = "", types: str = _TYPES) -> bytes:
    """Return a text of an office program, with further parts."""
    words = b"<w:document><w:body><w:p><w:r><w:t>Made up</w:t></w:r></w:p></w:body></w:document>"
    parts = {
        "[Content_Types].xml": types.encode(),
        "_rels/.rels": relations(),
        "word/document.xml": words,
    }
    if relation:
        parts["word/_rels/document.xml.rels"] = relations(relation)
    return archive(parts | dict(more or {}))


def odt(more: Mapping[str, bytes] | None = None) -> bytes:
    """Return an OpenDocument text."""
    return archive(
        {"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": b"<office/>", **(more or {})}
    )


_LONG = frozenset({"OB", "OW", "SQ", "UN", "UT"})


def dicom(
    number: int = 1, *, series: str = "1.2.826.0.1.3680043.8.498.1", preamble: bytes = bytes(128), rows: int = 16
) -> bytes:
    """Return one CT slice of a made-up patient, explicit little endian; its neighbours have other numbers."""
    instance = f"{series}.{number}"
    meta = _element(2, 1, "OB", b"\x00\x01") + b"".join(
        _element(2, tag, "UI", text.encode())
        for tag, text in (
            (2, "1.2.840.10008.5.1.4.1.1.2"),
            (3, instance),
            (0x10, "1.2.840.10008.1.2.1"),
            (0x12, "1.2.3.4"),
        )
    )
    pixels = struct.pack(f"<{rows * rows}H", *((x * y + number) % 2000 for x in range(rows) for y in range(rows)))
    body = b"".join((
        _element(8, 0x16, "UI", b"1.2.840.10008.5.1.4.1.1.2"), _element(8, 0x18, "UI", instance.encode()),
        _element(8, 0x20, "DA", b"20260102"), _element(8, 0x60, "CS", b"CT"), _element(0x10, 0x10, "PN", b"Testfall^Anna"),
        _element(0x10, 0x20, "LO", b"MADE-UP-1"), _element(0x10, 0x30, "DA", b"19700101"), _element(0x18, 0x15, "CS", b"CHEST"),
        _element(0x18, 0x50, "DS", b"1.0"), _element(0x20, 0x0D, "UI", b"1.2.826.0.1.3680043.8.498"),
        _element(0x20, 0x0E, "UI", series.encode()), _element(0x20, 0x11, "IS", b"1"), _element(0x20, 0x13, "IS", str(number).encode()),
        _element(0x20, 0x32, "DS", f"0\\0\\{number}".encode()), _element(0x20, 0x37, "DS", b"1\\0\\0\\0\\1\\0"),
        _element(0x28, 2, "US", struct.pack("<H", 1)), _element(0x28, 4, "CS", b"MONOCHROME2"),
        _element(0x28, 0x10, "US", struct.pack("<H", rows)), _element(0x28, 0x11, "US", struct.pack("<H", rows)),
        _element(0x28, 0x30, "DS", b"0.7\\0.7"), _element(0x28, 0x100, "US", struct.pack("<H", 16)),
        _element(0x28, 0x101, "US", struct.pack("<H", 16)), _element(0x28, 0x102, "US", struct.pack("<H", 15)),
        _element(0x28, 0x103, "US", struct.pack("<H", 0)), _element(0x7FE0, 0x10, "OW", pixels),
    ))  # fmt: skip
    return preamble + b"DICM" + _element(2, 0, "UL", struct.pack("<I", len(meta))) + meta + body


def _element(group: int, element: int, vr: str, value: bytes) -> bytes:
    value += (b"\x00" if vr in ("UI", "OB") else b" ") * (len(value) % 2)
    head = struct.pack("<HH", group, element) + vr.encode()
    return (
        head + (b"\x00\x00" + struct.pack("<I", len(value)) if vr in _LONG else struct.pack("<H", len(value))) + value
    )


def ole(streams: Mapping[str, bytes]) -> bytes:
    """Return a compound file (the office format of before 2007) with these streams at its top level, each of 4096 bytes or more."""
    sector, free, end = 512, 0xFFFFFFFF, 0xFFFFFFFE
    bodies = {name: body.ljust(-(-max(len(body), 4096) // sector) * sector, b"\x00") for name, body in streams.items()}
    table, data, starts = [0xFFFFFFFD], bytearray(), {}
    for name, body in bodies.items():
        starts[name] = len(table)
        count = len(body) // sector
        table += [len(table) + n + 1 for n in range(count - 1)] + [end]
        data += body
    first = len(table)
    names = list(bodies)
    entries = [_entry("Root Entry", 5, end, 0, child=1 if names else free)]
    entries += [
        _entry(name, 2, starts[name], len(bodies[name]), right=n + 2 if n + 1 < len(names) else free)
        for n, name in enumerate(names)
    ]
    directory = b"".join(entries).ljust(-(-len(entries) * 128 // sector) * sector, b"\x00")
    count = len(directory) // sector
    table += [first + n + 1 for n in range(count - 1)] + [end]
    table += [free] * (128 - len(table))
    head = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    head += (
        struct.pack("<IIIIIIIII", 0, 1, first, 0, 4096, end, 0, end, 0)
        + struct.pack("<I", 0)
        + struct.pack("<I", free) * 108
    )
    return head + struct.pack("<128I", *table) + bytes(data) + directory


def _entry(name: str, kind: int, start: int, size: int, *, right: int = 0xFFFFFFFF, child: int = 0xFFFFFFFF) -> bytes:
    encoded = (name + "\x00").encode("utf-16-le")
    return (
        encoded.ljust(64, b"\x00") + struct.pack("<HBB", len(encoded), kind, 1) + struct.pack("<III", 0xFFFFFFFF, right, child)
        + bytes(36) + struct.pack("<IQ", start, size)
    )  # fmt: skip
