"""Made-up files that people of the demonstration send: a letter, a photograph of one as a phone makes it."""

import struct
import zlib


def letter(words: str) -> bytes:
    """Return a PDF of one page that says these words (ASCII, no brackets)."""
    text = f"BT /F1 18 Tf 72 760 Td ({words}) Tj ET".encode("ascii")
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 5 0 R >> >> /Contents 4 0 R >>",
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    made, places = bytearray(b"%PDF-1.4\n"), []
    for number, body in enumerate(objects, 1):
        places.append(len(made))
        made += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(made)
    made += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    made += b"".join(b"%010d 00000 n \n" % place for place in places)
    return bytes(made + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start))


def photograph(width: int = 900, height: int = 1200) -> bytes:
    """Return a PNG: grey lines on paper, a little dark at the edges, as a letter on a kitchen table is."""
    rows = bytearray()
    for y in range(height):
        line = 90 if y % 48 < 4 and 90 < y < height - 90 else 225
        edge = max(0, abs(y - height // 2) * 60 // height)
        rows += (
            b"\x00" + bytes([225 - edge]) * 80 + bytes([max(line - edge, 0)]) * (width - 160) + bytes([225 - edge]) * 80
        )
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(rows))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body)) for name, body in chunks
    )
