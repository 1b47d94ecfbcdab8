"""XML from a stranger, as a small tree that knows its lines: no entities, nothing fetched, bounded in every direction.

Expat itself is asked, since ElementTree forgets on which line an element stood. A document type, which is where
entities come from, ends the reading at once.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from services.billing.statements.lines import NotAStatementError

MAX_DEPTH, MAX_NODES, MAX_TEXT = 40, 500_000, 10_000
_AGAIN = "Download the statement again."


@dataclass(slots=True)
class Node:
    """An element: its name without namespace, the line it began on, its own text and what is inside."""

    name: str
    line: int
    attributes: dict[str, str]
    space: str = ""
    text: str = ""
    inside: list["Node"] = field(default_factory=list)

    def all(self, path: str) -> Iterator["Node"]:
        """Yield the elements at ``path``, such as ``Refs/EndToEndId``."""
        first, _, rest = path.partition("/")
        for node in self.inside:
            if node.name == first:
                if rest:
                    yield from node.all(rest)
                else:
                    yield node

    def one(self, *paths: str) -> "Node | None":
        """Return the first element at the first of ``paths`` that leads anywhere."""
        return next((node for path in paths for node in self.all(path)), None)

    def said(self, *paths: str) -> str:
        """Return the first text at ``paths`` that isn't empty, in one line."""
        return next((text for path in paths for node in self.all(path) if (text := " ".join(node.text.split()))), "")


def read(data: bytes) -> Node:
    """Return the document's root. Raises ``NotAStatementError`` with the line."""
    growing = _Growing()
    try:
        growing.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise NotAStatementError(*_plainly(data, error)) from None
    except (LookupError, UnicodeError, ValueError) as error:
        if isinstance(error, NotAStatementError):
            raise
        raise NotAStatementError(1, f"The file is written in an encoding that we don't know. {_AGAIN}") from None
    if growing.root is None:
        raise NotAStatementError(1, f"The file has no content. {_AGAIN}")
    return growing.root


class _Growing:
    """The tree while it grows."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self._open: list[Node] = []
        self._count = 0
        self.parser = expat.ParserCreate(namespace_separator=" ")
        self.parser.buffer_text = True
        self.parser.StartDoctypeDeclHandler = self._refuse
        self.parser.EntityDeclHandler = self._refuse
        self.parser.StartElementHandler = self._begin
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text

    def _refuse(self, *_: object) -> None:
        raise NotAStatementError(
            self.parser.CurrentLineNumber, "The file declares a document type or entities. No bank's statement does: it was not read."
        )  # fmt: skip

    def _begin(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH or self._count > MAX_NODES:
            raise NotAStatementError(
                self.parser.CurrentLineNumber, "The file is larger or deeper than a statement can be."
            )
        space, _, plain = name.rpartition(" ")
        node = Node(plain, self.parser.CurrentLineNumber, attributes, space)
        if self._open:
            self._open[-1].inside.append(node)
        else:
            self.root = node
        self._open.append(node)

    def _end(self, _: str) -> None:
        self._open.pop()

    def _text(self, text: str) -> None:
        node = self._open[-1]
        if text.isspace() and not node.text:
            return
        if len(node.text) + len(text) > MAX_TEXT:
            raise NotAStatementError(self.parser.CurrentLineNumber, "A text is longer than a statement's can be.")
        node.text += text


def _plainly(data: bytes, error: expat.ExpatError) -> tuple[int, str]:
    """Return the line and what is wrong there, in words for a person."""
    truncated = {expat.errors.codes[name] for name in (
        expat.errors.XML_ERROR_NO_ELEMENTS, expat.errors.XML_ERROR_UNCLOSED_TOKEN, expat.errors.XML_ERROR_PARTIAL_CHAR,
        expat.errors.XML_ERROR_UNCLOSED_CDATA_SECTION,
    )}  # fmt: skip
    if error.code in truncated:
        return error.lineno, f"The file ends too early: a part is missing. {_AGAIN}"
    encoding = re.match(rb"""\s*<\?xml[^>]*encoding=["']([A-Za-z0-9_-]+)""", data)
    if encoding is None or encoding[1].lower() == b"utf-8":
        try:
            data.decode()
        except UnicodeDecodeError as wrong:
            line = data[: wrong.start].count(b"\n") + 1
            return line, f"A character is not UTF-8, though the file says that it is written in UTF-8. {_AGAIN}"
    return error.lineno, f"This is not sound XML ({expat.ErrorString(error.code)}). {_AGAIN}"
