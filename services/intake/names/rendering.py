"""A name of any script in the letters of a passport: A to Z, space, hyphen, apostrophe and full stop.

Each script follows what passports of its countries follow: ICAO Doc 9303 for Latin letters with marks and for Russian,
resolution 55 of 2010 for Ukrainian, ELOT 743 for Greek, pinyin, Revised Romanization, Hepburn, RTGS. Arabic, Persian and Hebrew leave
vowels out, so common names come from `lexicon.toml` and others get vowels by rule. Kanji outside of the lexicon are read as Chinese.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from itertools import groupby

from anyascii import anyascii

from services.intake.names import abjads, abugidas, alphabets, east_asia
from services.intake.names.latin import plain_latin

_SIGNS = {"’": "'", "‘": "'", "ʼ": "'", "`": "'", "´": "'", "‐": "-", "‑": "-", "–": "-", "−": "-", "־": "-", "・": " ", "·": " ",
          "•": " ", "،": " ", "、": " ", "，": " ", ",": " ", "〜": "-", "゠": "-"}  # fmt: skip
_SCRIPTS = {
    "LATIN": "latin", "CYRILLIC": "cyrillic", "GREEK": "greek", "ARMENIAN": "armenian", "GEORGIAN": "georgian", "ETHIOPIC": "ethiopic",
    "ARABIC": "arabic", "HEBREW": "hebrew", "DEVANAGARI": "indic", "BENGALI": "indic", "GURMUKHI": "indic", "GUJARATI": "indic",
    "ORIYA": "indic", "TAMIL": "indic", "TELUGU": "indic", "KANNADA": "indic", "MALAYALAM": "indic", "THAI": "thai", "HANGUL": "hangul",
    "CJK": "han", "HIRAGANA": "kana", "KATAKANA": "kana", "KATAKANA-HIRAGANA": "kana", "IDEOGRAPHIC": "han",
}  # fmt: skip

_RENDERERS: dict[str, Callable[[str, str | None], str]] = {
    "cyrillic": alphabets.cyrillic,
    "greek": alphabets.greek,
    "armenian": alphabets.armenian,
    "georgian": alphabets.georgian,
    "ethiopic": alphabets.ethiopic,
    "arabic": abjads.arabic,
    "hebrew": abjads.hebrew,
    "indic": abugidas.indic,
    "thai": abugidas.thai,
    "hangul": east_asia.korean,
    "han": east_asia.han,
    "japanese": east_asia.japanese,
}


def latin_rendering(name: str, language: str | None = None) -> str:
    """Return `name` in A to Z as a passport would likely show it; Latin letters lose their marks as ICAO Doc 9303 says.

    `language` (ISO 639, as in `zh_Hans`) settles what the script leaves open: Ukrainian or Russian, Persian or Arabic,
    Japanese or Chinese. A name in A to Z comes back as it is; whatever has a letter never comes back empty.
    """
    spoken = language.partition("_")[0].partition("-")[0].lower() if language else None
    text = _tidy(name)
    runs = groupby(text.split(), key=lambda word: script_of(word, spoken))
    rendered = [
        plain_latin(words, spoken) if script == "latin" else _render(words, script, spoken)
        for script, words in ((script, " ".join(words)) for script, words in runs)
    ]
    return _squeeze(" ".join(rendered)) or _squeeze(anyascii(name))


def script_of(word: str, spoken: str | None = None) -> str:
    """Return the script that a word is written in, by its first letter; kana anywhere makes Han characters Japanese."""
    kinds = [kind for character in word if (kind := _kind(character))]
    if "kana" in kinds or (spoken == "ja" and "han" in kinds):
        return "japanese"
    return kinds[0] if kinds else "latin"


def _kind(character: str) -> str | None:
    if not character.isalpha() and unicodedata.category(character)[0] != "M":
        return None
    return _SCRIPTS.get(unicodedata.name(character, "").split(" ")[0], "other")


def _render(words: str, script: str, spoken: str | None) -> str:
    """Render words of one script; letters of another inside of them, and scripts without a table, go by their sound."""
    renderer = _RENDERERS.get(script)
    latin = anyascii(renderer(words, spoken) if renderer else words)
    return " ".join(_capitalised(word) for word in re.sub(r"['`]", "", latin).split())


def _capitalised(word: str) -> str:
    if word in ("bin", "bint"):
        return word
    return "-".join(part[:1].upper() + part[1:] for part in word.split("-"))


def _tidy(name: str) -> str:
    """Bring what typing leaves open to one form: composed letters, no direction marks, one kind of dash and apostrophe."""
    composed = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name))
    kept = (sign for sign in composed if unicodedata.category(sign) not in ("Cf", "Cc") or sign in "\t\n\u200c")
    return "".join(_SIGNS.get(sign, sign) for sign in kept)


def _squeeze(text: str) -> str:
    letters = " ".join(re.sub(r"[^A-Za-z' .-]", "", text).split()).strip("-' ")
    return letters.title() if letters.islower() else letters
