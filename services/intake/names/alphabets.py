"""Scripts in which a letter, or a pair, has one sound: Cyrillic, Greek, Armenian, Georgian, Ethiopic."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from anyascii import anyascii

from services.intake.names.lexicon import table

_RUSSIAN = table(
    "абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґўјљњћђџѓќѕәғқңөұүһҳҷӣӯ",
    "a b v g d e e zh z i i k l m n o p r s t u f kh ts ch sh shch ie y _ e iu ia i i ie g u j lj "
    "nj c dj dz g k dz a g k n o u u h h j i u",
)
"""ICAO Doc 9303, which Russian passports follow, with the letters of other languages."""

_OTHERS = {
    "uk": {"г": "h", "ґ": "g", "и": "y", "і": "i", "ї": "i", "й": "i", "є": "ie", "ʼ": ""},
    "be": {"г": "h", "ў": "u", "й": "i", "ё": "io"},
    "bg": {"щ": "sht", "ъ": "a", "ь": "y", "й": "y", "х": "h", "ю": "yu", "я": "ya", "ц": "ts"},
    "sr": {"ж": "z", "х": "h", "ц": "c", "ч": "c", "ш": "s", "ђ": "dj", "џ": "dz"},
    "mk": {"ж": "zh", "х": "h", "ц": "c", "ѓ": "gj", "ќ": "kj", "џ": "dj"},
    "kk": {"ж": "zh", "х": "kh", "й": "i", "ы": "y", "ю": "yu", "я": "ya"},
    "ky": {"ж": "j", "х": "h", "й": "i"},
    "mn": {"ж": "j", "х": "kh", "й": "i", "ө": "u", "ү": "u", "ю": "yu", "я": "ya"},
    "tg": {"ж": "zh", "х": "kh", "й": "i", "ъ": "", "ӣ": "i", "ю": "yu", "я": "ya"},
    "uz": {"ж": "j", "х": "kh", "ў": "o", "й": "y", "ю": "yu", "я": "ya", "ъ": ""},
}  # fmt: skip
_AT_THE_START = {"uk": {"є": "ye", "ї": "yi", "й": "y", "ю": "yu", "я": "ya"}, "be": {"е": "ye"}}
_UKRAINIAN_ONLY, _BULGARIAN_NEVER = frozenset("їєґ"), frozenset("ыэё")


def cyrillic(words: str, spoken: str | None) -> str:
    """Return Russian by ICAO Doc 9303, Ukrainian by resolution 55, others by their passports' custom."""
    low = words.lower()
    if spoken not in _OTHERS and not _UKRAINIAN_ONLY.isdisjoint(low):
        spoken = "uk"
    table, initial = {**_RUSSIAN, **_OTHERS.get(spoken or "", {})}, _AT_THE_START.get(spoken or "", {})
    if spoken == "uk":
        low = re.sub(r"ь|['ʼ]", "", low).replace("зг", "z\ufdd0")
    if spoken == "bg":
        low = re.sub(r"ия\b", "ia", low)
    return " ".join(_spell(word, table, initial) for word in low.split()).replace("\ufdd0", "gh")


def _spell(word: str, table: Mapping[str, str], initial: Mapping[str, str]) -> str:
    return "-".join(
        "".join(
            (initial if at == 0 and letter in initial else table).get(letter, letter) for at, letter in enumerate(part)
        )
        for part in word.split("-")
    )


_GREEK_PAIRS = (
    (r"γγ", "ng"), (r"γξ", "nx"), (r"γχ", "nch"), (r"\bμπ", "b"), (r"μπ\b", "b"), (r"ου", "ou"), (r"[αa]υ(?=[βγδζλμνραεηιουω])", "av"),
    (r"αυ", "af"), (r"ευ(?=[βγδζλμνραεηιουω])", "ev"), (r"ευ", "ef"), (r"ηυ(?=[βγδζλμνραεηιουω])", "iv"), (r"ηυ", "if"),
)  # fmt: skip
_GREEK = table(
    "αβγδεζηθικλμνξοπρσςτυφχψω",
    "a v g d e z i th i k l m n x o p r s s t y f ch ps o",
)


def greek(words: str, _: str | None) -> str:
    """Return Greek by ELOT 743: Γεώργιος is Georgios, Ευάγγελος is Evangelos."""
    apart = unicodedata.normalize("NFD", words.lower())
    parted = re.sub("([αεο])\u0301?([ιυ])\u0308", "\\1\ufdd0\\2", apart)
    low = "".join(letter for letter in parted if unicodedata.category(letter) != "Mn")
    for pair, latin in _GREEK_PAIRS:
        low = re.sub(pair, latin, low)
    return "".join(_GREEK.get(letter, letter) for letter in low).replace("\ufdd0", "")


_ARMENIAN = table(
    "աբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆև",
    "a b g d e z e y t zh i l kh ts k h dz gh ch m y n sh o ch p j r s v t r ts v p k o f ev",
)


def armenian(words: str, _: str | None) -> str:
    """Return Armenian as Armenia's passports do: Հարությունյան is Harutyunyan."""
    low = re.sub(r"\bո(?!ւ)", "vo", re.sub(r"\bե(?!ւ)", "ye", words.lower().replace("եւ", "և"))).replace("ու", "u")
    return "".join(_ARMENIAN.get(letter, letter) for letter in low)


_GEORGIAN = table(
    "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
    "a b g d e v z t i k l m n o p zh r s t u p k gh q sh ch ts dz ts ch kh j h",
)


def georgian(words: str, _: str | None) -> str:
    """Return Georgian by the national system, without its apostrophes, as passports do."""
    return "".join(_GEORGIAN.get(letter, letter) for letter in words)


def ethiopic(words: str, _: str | None) -> str:
    """Return Amharic or Tigrinya syllable by syllable, without apostrophes."""
    return re.sub(r"['`]", "", anyascii(re.sub(r"\bእ", "ኤ", words)))
