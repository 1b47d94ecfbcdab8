"""`lexicon.toml`: names whose script leaves their sound open, and how passports usually write them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any


@cache
def lexicon(section: str) -> Mapping[str, str]:
    """Return names in their own script with their Latin form; `section` is a dotted path such as ``ja.family``."""
    found: Any = _whole()
    for key in section.split("."):
        found = found[key]
    return {name: latin for latin, names in found.items() for name in names.split()}


def lexicon_groups(section: str) -> Mapping[str, Sequence[str]]:
    """Return the section as it stands: a form, and the words that belong under it."""
    return {form: words.split() for form, words in _whole()[section].items()}


@cache
def _whole() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("lexicon.toml").read_text(encoding="utf-8"))


def table(signs: str, latin: str) -> dict[str, str]:
    """Return a table from two lines of words: signs (of one character each when no space parts them), and their sounds."""
    return dict(zip(signs.split() if " " in signs else signs, sounds(latin), strict=True))


def sounds(latin: str) -> list[str]:
    """Return the words of a line; ``_`` stands for silence."""
    return ["" if sound == "_" else sound for sound in latin.split()]
