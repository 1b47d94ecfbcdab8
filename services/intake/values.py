"""The small types that intake's values are made of: lines and texts that may be kept, addresses, codes.

What reaches a letter is one line; what reaches a column has no U+0000. Sentences here are read by patients.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints


def N_(sentence: str) -> str:  # noqa: N802 - gettext's own name for "extract this, translate it later"
    """Return a sentence that patients read, in English; the pages translate it."""
    return sentence


def _email(text: str) -> str:
    if not re.fullmatch(r"[^@\s\x00<>,;:\"]+@[^@\s\x00<>,;:\"]+\.[^@\s\x00.<>,;:\"]+", text):
        raise ValueError(N_("Enter an e-mail address in the correct format, like name@example.com"))
    return text


def _phone(text: str) -> str:
    if not re.fullmatch(r"\+?[\d\s().-]+", text) or not 6 <= sum(map(str.isdigit, text)) <= 15:
        raise ValueError(N_("Enter a phone number with its country code, like +44 20 7946 0000"))
    return text


def is_latin(text: str) -> bool:
    """Tell whether every letter of ``text`` is a Latin one, with or without marks."""
    return all(unicodedata.name(sign, "").startswith("LATIN") for sign in text if sign.isalpha())


def _latin(text: str) -> str:
    if not is_latin(text) or not any(map(str.isalpha, text)):
        raise ValueError(N_("Use Latin letters only, as in the passport"))
    return text


_NO_NUL = r"^[^\x00]*$"  # the one character that PostgreSQL keeps in no text
_ONE_LINE = r"^[^\x00-\x1f\x7f\x85\u2028\u2029]*$"  # a name stands in letters, where a second line would be ours

Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=_ONE_LINE)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000, pattern=_NO_NUL)]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000, pattern=_NO_NUL)]
AskedText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500, pattern=_NO_NUL)]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]
Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(_[A-Z][a-z]{3})?$")]
Email = Annotated[str, StringConstraints(strip_whitespace=True, max_length=254), AfterValidator(_email)]
Phone = Annotated[str, StringConstraints(strip_whitespace=True, max_length=40), AfterValidator(_phone)]
LatinName = Annotated[Line, AfterValidator(_latin)]
Version = Annotated[str, StringConstraints(min_length=1, max_length=80)]


class Value(BaseModel):
    """A value: frozen, and refuses fields it doesn't know."""

    model_config = ConfigDict(frozen=True, extra="forbid")
