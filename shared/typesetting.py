"""Documents: tagged, accessible PDF (PDF/UA-1) made by typst, the same bytes for the same input.

A service brings the template and the content. Everything that a person wrote reaches the template as JSON data and is
placed as plain text: none of it is read as markup.
"""

import json
import re
from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anyascii import anyascii

if TYPE_CHECKING:
    import typst

FACES = ("noto-sans", "noto-sans-arabic", "noto-sans-sc")
WEIGHTS = ("400Regular", "600SemiBold", "700Bold")
_UNPRINTABLE = re.compile(r"(?:the text|codepoint) `\"(.+?)\"`")


class Unprintable(Exception):
    """The fonts at hand have no shape for some characters; ``characters`` holds them."""

    def __init__(self, characters: frozenset[str]) -> None:
        super().__init__(f"These characters can't be printed: {' '.join(sorted(characters))}. Write them another way.")
        self.characters = characters


def typeset(template: Path, name: str, content: dict[str, Any], at: datetime, node_modules: Path) -> bytes:
    """Return the PDF that ``template`` makes of ``content``, which it reads as ``sys.inputs.<name>``; ``at`` is its date.

    Raises ``Unprintable``.
    """
    import typst  # loaded with the first document: few processes ever make one

    compiler = typst.Compiler(
        str(template), root=str(template.parent), font_paths=_fonts(node_modules), ignore_system_fonts=True,
        sys_inputs={name: json.dumps(content)},
    )  # fmt: skip
    try:
        made = compiler.compile(format="pdf", pdf_standards="ua-1", timestamp=int(at.timestamp()))
    except typst.TypstError as error:
        found = _UNPRINTABLE.findall(f"{error.message}\n{error.diagnostic}")
        if not found:
            raise
        raise Unprintable(frozenset(character for text in found for character in _unescaped(text))) from None
    assert isinstance(made, bytes)
    return made


def printed(template: Path, name: str, content: dict[str, Any], at: datetime, node_modules: Path) -> bytes:
    """Typeset; what is written in a script without a font is spelled in Latin letters, so that it always comes out."""
    try:
        return typeset(template, name, content, at, node_modules)
    except Unprintable as problem:
        return typeset(template, name, spelled_out(content, problem.characters), at, node_modules)


def spelled_out(content: Any, characters: Iterable[str]) -> Any:
    """Return the content with these characters in Latin letters: a name in a script without a font stays readable."""
    return _respelled(content, {ord(character): anyascii(character) or "?" for character in characters})


@lru_cache(maxsize=2)
def _fonts(node_modules: Path) -> "typst.Fonts":
    import typst

    folders = [node_modules / "@expo-google-fonts" / face / weight for face in FACES for weight in WEIGHTS]
    if missing := [folder for folder in folders if not folder.is_dir()]:
        raise FileNotFoundError(
            f"No font in {missing[0]}: install the npm packages, or set NODE_MODULES to where they are."
        )
    return typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(one) for one in folders]
    )


def _unescaped(text: str) -> str:
    return re.sub(r"\\u\{([0-9a-f]+)\}", lambda code: chr(int(code[1], 16)), text)


def _respelled(value: Any, spelled: dict[int, str]) -> Any:
    if isinstance(value, str):
        return value.translate(spelled)
    if isinstance(value, dict):
        return {key: _respelled(one, spelled) for key, one in value.items()}
    return [_respelled(one, spelled) for one in value] if isinstance(value, Iterable) else value
