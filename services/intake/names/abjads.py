"""Arabic, Persian, Urdu and Hebrew: short vowels aren't written, so known names come first and rules fill in the rest."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

from services.intake.names.lexicon import lexicon, table

_PERSIAN = frozenset({"fa", "prs", "ps", "tg", "az", "ckb", "ku"})
_ONLY_PERSIAN = frozenset("پچژگ")
_MARKS = re.compile("[\u064b-\u0652\u0670\u0640\u06d6-\u06ed]")
_SAME_LETTER = str.maketrans(
    {"ی": "ي", "ک": "ك", "ے": "ي", "ہ": "ه", "ۀ": "ه", "ھ": "ه", "ە": "ه", "ں": "ن", "ٱ": "ا", "ئ": "ئ", "ۃ": "ة"}
)

_CONSONANTS = table(
    "بتثجحخدذرزسشصضطظغفقكلمنهپچژگڤٹڈڑ",
    "b t th j h kh d dh r z s sh s d t z gh f q k l m n h p ch zh g v t d r",
)
_PERSIAN_CONSONANTS = {"ث": "s", "ذ": "z", "ض": "z", "ق": "gh", "و": "v"}
_VOWELS = {"ا": "a", "أ": "a", "إ": "i", "آ": "a", "ى": "a", "ة": "a", "ؤ": "u", "ئ": "i", "ء": "", "ع": "a"}
_SMALL_WORDS = {"بن": "bin", "بنت": "bint", "ابن": "Ibn", "ابو": "Abu", "أبو": "Abu", "ابي": "Abi", "أبي": "Abi", "أم": "Um", "ام": "Um",
                "آل": "Al", "ال": "Al", "ولد": "Ould", "ذو": "Dhu"}  # fmt: skip


def arabic(words: str, spoken: str | None) -> str:
    """Return Arabic, Persian or Urdu as passports usually write it: عبد الرحمن is Abdulrahman, الراشد is Al-Rashid."""
    persian = spoken in _PERSIAN or not _ONLY_PERSIAN.isdisjoint(words)
    names = (
        dict(lexicon("ar")) | (dict(lexicon("fa")) if persian else {}) | (dict(lexicon("ur")) if spoken == "ur" else {})
    )
    plain = _MARKS.sub("", unicodedata.normalize("NFC", words)).translate(_SAME_LETTER)
    known = {_folded(name): latin for name, latin in names.items()}
    parts = re.sub(r"\bعبد (?=\S)", "عبد", plain).split()
    return " ".join("-".join(_joined(piece, known, persian) for piece in part.split("-") if piece) for part in parts)


def _joined(word: str, known: Mapping[str, str], persian: bool) -> str:
    """Render what a zero-width non-joiner parts, such as حسینی‌نژاد, as one word."""
    first, *rest = [_arabic_word(piece, known, persian) for piece in word.split("\u200c") if piece] or [""]
    return first + "".join(rest).lower()


def _folded(name: str) -> str:
    """Write alike what different hands write differently: hamza, final ya, final ha."""
    return re.sub("[أإآ]", "ا", name.translate(_SAME_LETTER)).replace("ى", "ي").replace("ة", "ه").replace(" ", "")


def _arabic_word(word: str, known: Mapping[str, str], persian: bool) -> str:
    plain = _folded(word)
    found = _SMALL_WORDS.get(word) or known.get(plain) or _compound(plain, known, persian)
    letters = _CONSONANTS | (_PERSIAN_CONSONANTS if persian else {})
    return found or _voiced(word, letters, "e" if persian else "a").capitalize()


_TAILS = {
    "الدين": "eddin",
    "الله": "ullah",
    "زاده": "zadeh",
    "پور": "pour",
    "نيا": "nia",
    "نژاد": "nejad",
    "يان": "ian",
}


def _compound(plain: str, known: Mapping[str, str], persian: bool) -> str | None:
    """Return what is made of a known beginning or end and a name: servant of, the, -zadeh; None for anything else."""
    if plain.startswith("عبد") and len(plain) > 5:
        whose = plain.removeprefix("عبد")
        servant = "Abdul" if whose.startswith("ال") else "Abd"
        return servant + _arabic_word(whose.removeprefix("ال"), known, persian).lower()
    if plain.startswith("ال") and len(plain) > 3:
        return "Al-" + _arabic_word(plain[2:], known, persian).capitalize()
    if persian and plain.startswith("پور") and len(plain) > 4:
        return "Pour" + _arabic_word(plain.removeprefix("پور"), known, persian).lower()
    if plain.endswith("ي") and plain[:-1] in known:
        return known[plain[:-1]] + "i"
    for tail, latin in _TAILS.items():
        if plain.endswith(tail) and len(plain) > len(tail) + 1:
            return _arabic_word(plain.removesuffix(tail), known, persian) + latin
    return None


def _voiced(word: str, consonants: Mapping[str, str], short: str) -> str:
    """Return consonants with the vowels that are written, and `short` between two that nothing is written between."""
    units = [_unit(word, at, consonants) for at in range(len(word))]
    out = ""
    for at, (kind, latin) in enumerate(units):
        out += latin
        following = units[at + 1][0] if at + 1 < len(units) else "end"
        before = units[at - 1][0] if at else "start"
        if kind == following == "consonant" and (before != "vowel" or at == 0) and not out.endswith(short + latin):
            out += short
    return out


def _unit(word: str, at: int, consonants: Mapping[str, str]) -> tuple[str, str]:
    letter, last = word[at], at == len(word) - 1
    beside_vowel = (not last and word[at + 1] in "اأآةىوي") or (at > 0 and word[at - 1] in "اأآةى")
    if letter in "وي":
        if at == 0 or beside_vowel:
            return "consonant", consonants.get(letter, {"و": "w", "ي": "y"}[letter])
        return "vowel", {"و": "ou" if not last else "o", "ي": "i"}[letter]
    if letter in _VOWELS:
        return "vowel", "" if letter == "ع" and beside_vowel and at else _VOWELS[letter]
    if letter == "ه" and last and at > 1:
        return "vowel", "eh" if "پ" not in consonants else "ah"
    return "consonant", consonants.get(letter, letter)


_HEBREW = table(
    "אבגדהזחטכךלמםנןסעפףצץקרשת",
    "a v g d h z h t kh kh l m m n n s a f f tz tz k r sh t",
)
_HARD = {"ב": "b", "כ": "k", "פ": "p"}
_DIGRAPHS = (
    ("ג'", "j"),
    ("ג׳", "j"),
    ("צ'", "ch"),
    ("צ׳", "ch"),
    ("ז'", "zh"),
    ("ז׳", "zh"),
    ("ץ'", "ch"),
    ("ץ׳", "ch"),
)


def hebrew(words: str, _: str | None) -> str:
    """Return Hebrew as Israeli passports usually write it: known names first, then vowels by rule."""
    plain = "".join(letter for letter in unicodedata.normalize("NFD", words) if unicodedata.category(letter) != "Mn")
    known = lexicon("he")
    return " ".join(
        "-".join(known.get(piece) or _hebrew_word(piece).capitalize() for piece in part.split("-") if piece)
        for part in plain.split()
    )


_HEBREW_TAILS = {"שטיין": "stein", "שטין": "stein", "ברג": "berg", "מן": "man", "ביץ'": "vich", "סקי": "sky"}


def _hebrew_word(word: str) -> str:
    for tail, latin in _HEBREW_TAILS.items():
        if word.endswith(tail) and len(word) > len(tail) + 1:
            return _hebrew_word(word.removesuffix(tail)) + latin
    for pair, latin in _DIGRAPHS:
        word = word.replace(pair, latin)
    units = [_hebrew_unit(word, at) for at in range(len(word))]
    out = ""
    for at, (kind, latin) in enumerate(units):
        out += latin
        following = units[at + 1][0] if at + 1 < len(units) else "end"
        if kind == following == "consonant" and (
            at == 0 or (units[at - 1][0] == "consonant" and out[-len(latin) - 1 :][:1] != "a")
        ):
            out += "a"
    return out


def _hebrew_unit(word: str, at: int) -> tuple[str, str]:
    letter, last = word[at], at == len(word) - 1
    if letter == "ו":
        return ("consonant", "v") if at == 0 else ("vowel", "o")
    if letter == "י":
        return ("consonant", "y") if at == 0 or (not last and word[at + 1] in "אה") else ("vowel", "i")
    if letter in "אע":
        return "vowel", "a" if at == 0 or last or word[at - 1] not in "וי" else ""
    if letter == "ה" and last:
        return "vowel", "a" if at and word[at - 1] not in "אע" else ""
    if at == 0 and letter in _HARD:
        return "consonant", _HARD[letter]
    return "consonant", _HEBREW.get(letter, letter)
