"""How words are compared: without case and marks, British and American spellings alike. Pure."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_SPELLINGS = (("oe", "e"), ("ae", "e"), ("our", "or"), ("ph", "f"))
_WORD = re.compile(r"[\w.]+")


@lru_cache(maxsize=20_000)
def plain(text: str) -> str:
    """Return ``text`` as it is compared."""
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))
    for one, other in _SPELLINGS:
        bare = bare.replace(one, other)
    return bare


def words_of(text: str) -> tuple[str, ...]:
    """Return the words of a query or a title, as they are compared."""
    return tuple(word.strip(".") for word in _WORD.findall(plain(text)) if word.strip("."))


def matches(wanted: tuple[str, ...], text: str) -> bool:
    """Tell whether each wanted word begins a word of ``text``; scripts without spaces are searched anywhere."""
    here = words_of(text)
    return all(
        any(word.startswith(want) if want.isascii() else want in word for word in here) for want in wanted
    )  # fmt: skip
