"""The XML parts of an office document, read by a parser as office programs read them: in any encoding, whatever they are called."""

import re
from collections.abc import Callable, Mapping
from xml.parsers import expat

from services.records.inspection.found import Bad

_HARMLESS_LINKS = frozenset({
    "http://schemas.openxmlformats.org/officedocument/2006/relationships/hyperlink",
    "http://purl.oclc.org/ooxml/officedocument/relationships/hyperlink",
})  # fmt: skip
"""What a document may be bound to that lies elsewhere: it is opened only by whoever follows it."""
_RELATIONS = {
    "vbaproject": "macros", "wordvbadata": "macros", "xlmacrosheet": "macros", "xlintlmacrosheet": "macros", "control": "macros",
    "activexcontrolbinary": "macros", "oleobject": "attachments", "afchunk": "attachments",
}  # fmt: skip
_TYPES = {
    "macroenabled": "macros", "vbaproject": "macros", "macrosheet": "macros", "activex": "macros", "oleobject": "attachments",
}  # fmt: skip
_STARTS_A_PROGRAM = re.compile(r"(^|\s)\"?dde(auto)?(?=[\s\"]|$)", re.IGNORECASE)
_FORMULA_STARTS_A_PROGRAM = re.compile(r"\bdde\s*\(", re.IGNORECASE)
_LENIENT = (".vml", ".svg")
"""Drawings, which programs write without closing what they open, or with a document type."""

Attributes = Mapping[str, str]


def is_xml(head: bytes) -> bool:
    """Return whether a part is XML by its first bytes, in UTF-8 or UTF-16."""
    return head.replace(b"\x00", b"").lstrip(b"\xef\xbb\xbf\xfe\xff \t\r\n").startswith(b"<")


def refuse_unfit(name: str, part: bytes) -> None:
    """Read a part; raise ``Bad`` for what it loads from elsewhere, starts or unpacks, and for what is no XML."""
    try:
        _Reading(name.lower()).read(part)
    except (expat.ExpatError, LookupError, ValueError):  # the latter: no such encoding
        if not name.lower().endswith(_LENIENT):
            raise Bad("unreadable") from None


class _Reading:
    """One part as it is read. A field's instruction may come in many pieces, and fields stand within each other."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._instructions: list[str] = []
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._told: dict[str, Callable[[Attributes], None]] = {
            "fldchar": self._field, "fldsimple": self._simple_field, "override": self._content_type,
            "default": self._content_type, "relationship": self._relation, "encryption-data": self._locked,
        }  # fmt: skip

    def read(self, part: bytes) -> None:
        self._parser.Parse(part, True)
        if _STARTS_A_PROGRAM.search("".join(self._instructions)):
            raise Bad("launch")

    def _start(self, element: str, attributes: Attributes) -> None:
        called = _local(element)
        if called.startswith("dde"):
            raise Bad("launch")
        if called.endswith("instrtext"):
            self._parser.CharacterDataHandler = self._instructions.append
        elif (read := self._told.get(called)) is not None:
            read({_local(key): value for key, value in attributes.items()})
        formula = attributes.get("table:formula")
        if formula is not None and _FORMULA_STARTS_A_PROGRAM.search(formula):
            raise Bad("launch")

    def _end(self, _: str) -> None:
        self._parser.CharacterDataHandler = None

    def _doctype(self, *_: object) -> None:
        """Refuse entities, which unpack to more than there is; office programs write no document type."""
        if not self._name.endswith(_LENIENT):
            raise Bad("bomb")

    def _field(self, _: Attributes) -> None:
        self._instructions.append("\n")

    def _simple_field(self, said: Attributes) -> None:
        self._instructions.append(f"\n{said.get('instr', '')}\n")

    def _content_type(self, said: Attributes) -> None:
        if self._name == "[content_types].xml":
            named = said.get("contenttype", "").lower()
            for part, code in _TYPES.items():
                if part in named:
                    raise Bad(code)

    def _relation(self, said: Attributes) -> None:
        if not self._name.endswith(".rels"):
            return
        kind = said.get("type", "").strip().lower()
        outside = said.get("targetmode", "internal").strip().lower() != "internal"
        if outside and kind not in _HARMLESS_LINKS:
            raise Bad("outside_links")
        if (code := _RELATIONS.get(kind.rpartition("/")[2])) is not None:
            raise Bad(code)

    def _locked(self, _: Attributes) -> None:
        if self._name == "meta-inf/manifest.xml":
            raise Bad("password")


def _local(name: str) -> str:
    return name.rpartition(":")[2].lower()
