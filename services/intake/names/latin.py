"""Latin letters with marks, as ICAO Doc 9303 part 3 writes them in the machine-readable zone."""

from __future__ import annotations

import unicodedata

from anyascii import anyascii

_ICAO = {"ä": "ae", "å": "aa", "æ": "ae", "ö": "oe", "ø": "oe", "ü": "ue", "œ": "oe", "ß": "ss", "þ": "th", "ð": "d", "đ": "d", "ł": "l",
         "ı": "i", "ĳ": "ij", "ŋ": "n", "ħ": "h", "ŧ": "t", "ə": "e", "ĸ": "k"}  # fmt: skip
_TWO_FOR_ONE = frozenset({"de", "da", "nb", "nn", "no", "sv", "fi", "is", "fo", "et"})
"""Languages whose passports write Ä, Å, Ö, Ø and Ü as two letters; with another, they only lose their marks."""


def plain_latin(name: str, spoken: str | None) -> str:
    """Return the name without marks: ß is SS, ø is OE, ü is UE unless the language writes U (Turkish, Spanish…)."""
    keeps_base = spoken is not None and spoken not in _TWO_FOR_ONE
    return " ".join(_word(word, keeps_base) for word in unicodedata.normalize("NFC", name).split())


def _word(word: str, keeps_base: bool) -> str:
    plain = "".join(_letter(letter, keeps_base) for letter in word)
    return plain.upper() if word.replace("ß", "").isupper() and len(word) > 1 else plain


def _letter(letter: str, keeps_base: bool) -> str:
    if letter.isascii():
        return letter
    low = letter.lower() if letter != "İ" else "i"
    base = unicodedata.normalize("NFD", low)[0]
    expanded = base if keeps_base and low in "äåöü" else _ICAO.get(low) or (base if base.isascii() else anyascii(low))
    return expanded if letter == low else expanded[:1].upper() + expanded[1:]
