"""Scripts whose consonants carry a vowel of their own: those of India, which share one plan in Unicode, and Thai."""

from __future__ import annotations

import re
import unicodedata

from services.intake.names.lexicon import lexicon, table

_CONSONANTS = table(
    "कखगघङचछजझञटठडढणतथदधनऩपफबभमयरऱलळऴवशषसह",
    "k kh g gh n ch chh j jh n t th d dh n t th d dh n n p ph b bh m y r r l l zh v sh sh s h",
)
_DOTTED = {"ज": "z", "फ": "f", "ड": "r", "ढ": "rh", "य": "y", "क": "q", "ख": "kh", "ग": "g"}
_VOWELS = table(
    "अआइईउऊऋऌऍऎएऐऑऒओऔ",
    "a a i i u u ri li e e e ai o o o au",
)
_SIGNS = table(
    "ािीुूृॄॅॆेैॉॊोौॎॗ",
    "a i i u u ri ri e e e ai o o o au e au",
)
_VIRAMA, _NUKTA = "्", "़"
_DROPS_LAST_VOWEL = frozenset({"DEVANAGARI", "BENGALI", "GURMUKHI", "GUJARATI"})
_CUSTOM = {"BENGALI": ("v", "b"), "TELUGU": (r"ravu\b", "rao"), "TAMIL": ("tth", "th")}
"""What is spelt by custom rather than by letter, as a pattern and its replacement."""
_OWN_LETTERS = {"ੱ": "", "ৎ": "ত्", "ড়": "ड़", "ঢ়": "ढ़", "য়": "य", "ੜ": "ड़", "ൺ": "ण्", "ൻ": "न्", "ർ": "र्", "ൽ": "ल्", "ൾ": "ल्", "ൿ": "क्",
                "ੰ": "ं", "ৰ": "र", "ৱ": "व", "ஃ": ""}  # fmt: skip


def indic(words: str, _: str | None) -> str:
    """Return a name of an Indian script by its common spelling: राजेश शर्मा is Rajesh Sharma."""
    return " ".join(_indic_word(unicodedata.normalize("NFC", word)) for word in words.split())


def _indic_word(word: str) -> str:
    known = lexicon("indic").get(word)
    if known:
        return known
    script = unicodedata.name(word[0], "").split(" ")[0]
    plan = "".join(_on_plan(sign) for sign in unicodedata.normalize("NFD", word))
    units = _aksharas(plan, tamil=script == "TAMIL")
    if units and script in _DROPS_LAST_VOWEL:
        _drop_silent_vowels(units)
    latin = "".join(consonant + vowel.removesuffix("\ufdd0") + tail for consonant, vowel, tail in units)
    latin = re.sub("\ufdd1(?=[pb])", "m", latin).replace("\ufdd1", "n").replace("chchh", "chch")
    return re.sub(*_CUSTOM[script], latin) if script in _CUSTOM else latin


def _on_plan(sign: str) -> str:
    """Return the Devanagari sign at the same place: Unicode gave the scripts of India one plan."""
    if sign in _OWN_LETTERS:
        return _OWN_LETTERS[sign]
    code = ord(sign)
    return chr(0x900 + (code - 0x900) % 0x80) if 0x900 <= code < 0xD80 else sign


def _aksharas(plan: str, *, tamil: bool) -> list[list[str]]:
    """Return [consonants, vowel, nasal] for each syllable; an unwritten vowel is ``a`` marked with U+FDD0."""
    units: list[list[str]] = []
    for at, sign in enumerate(plan):
        if sign in _CONSONANTS:
            sound = _tamil(plan, at) if tamil else _CONSONANTS[sign]
            if units and units[-1][1] == _VIRAMA:
                units[-1][0] += sound
                units[-1][1] = "\ufdd0"
            else:
                units.append([sound, "\ufdd0", ""])
        elif sign in _VOWELS:
            units.append(["", _VOWELS[sign], ""])
        elif sign in _SIGNS and units:
            units[-1][1] = _SIGNS[sign]
        elif sign == _VIRAMA and units:
            units[-1][1] = _VIRAMA
        elif sign == _NUKTA and at and units:
            units[-1][0] = units[-1][0][: -len(_CONSONANTS.get(plan[at - 1], ""))] + _DOTTED.get(plan[at - 1], "")
        elif sign in "ंँ" and units:
            units[-1][2] = "\ufdd1"
        elif sign.isalpha() and sign not in "ःऽ":
            units.append([sign, "", ""])
    return [
        [consonant, "" if vowel == _VIRAMA else vowel.replace("\ufdd0", "a\ufdd0"), tail]
        for consonant, vowel, tail in units
    ]


def _drop_silent_vowels(units: list[list[str]]) -> None:
    """Leave out the unwritten vowel at the end, and between two syllables that have theirs (Hindi's schwa deletion)."""
    cluster_stays = len(units[-1][0]) > 1 and units[-1][0][-1] in "ryvl" and units[-1][0] not in ("sh", "ch")
    if len(units) > 1 and units[-1][1] == "a\ufdd0" and not units[-1][2] and not cluster_stays:
        units[-1][1] = ""
    for at in range(len(units) - 2, 0, -1):
        vowel, simple = units[at][1] == "a\ufdd0", not units[at][2] and len(units[at][0]) <= 2
        if (
            vowel
            and simple
            and units[at - 1][1]
            and units[at + 1][1]
            and not units[at + 1][1].endswith("\ufdd0")
            and not units[at - 1][2]
        ):
            units[at][1] = ""


def _tamil(plan: str, at: int) -> str:
    """Tamil writes k, t, p and ch once for a hard and a soft sound: soft between vowels and after a nasal."""
    sign, before, doubled = plan[at], plan[at - 1 : at], plan[at + 1 : at + 3] == _VIRAMA + plan[at]
    in_cluster = plan[at + 1 : at + 2] == _VIRAMA or (before == _VIRAMA and plan[at - 2 : at - 1] not in "नणमङञ")
    soft = at > 0 and not in_cluster
    if sign == "च":
        return "ch" if in_cluster else "s"
    if sign == "ट":
        return "d" if soft else "t"
    if sign == "क":
        return "g" if soft else "k"
    if sign == "त":
        return "t" if doubled else "th"
    if sign == "प":
        return "b" if soft else "p"
    return _CONSONANTS[sign]


_THAI_FIRST = table(
    "กขฃคฅฆงจฉชซฌญฎฏฐฑฒณดตถทธนบปผฝพฟภมยรลวศษสหฬอฮฤ",
    "k kh kh kh kh kh ng ch ch ch s ch y d t th th th n d t th th th n b p ph f ph f ph m y r l w s s s h l _ h rue",
)
_THAI_LAST = table(
    "กขคฆงจชซฌญฎฏฐฑฒณดตถทธนบปพฟภมยรลวศษสฬ",
    "k k k k ng t t t t n t t t t t n t t t t t n p p p p p m i n n o t t t n",
)
_C, _T = "[ก-ฮ]", "[่-๋]?"
_CLUSTER = f"(?:[กขคตปผพทส][รลว](?=[ะ-ูเ-ไ็-๎])|ห[งญณนมยรลว]|{_C})"
_THAI_SYLLABLES = tuple(
    (re.compile(pattern), vowel)
    for pattern, vowel in (
        (f"เ({_CLUSTER}){_T}ีย{_T}({_C}(?![ะ-ู็]))?", "ia"),
        (f"เ({_CLUSTER}){_T}ือ{_T}({_C}(?![ะ-ู็]))?", "uea"),
        (f"เ({_CLUSTER}){_T}า()", "ao"),
        (f"เ({_CLUSTER})ิ{_T}({_C}(?![ะ-ู็]))?", "oe"),
        (f"เ({_CLUSTER})็?{_T}({_C}(?![ะ-ู็]))?", "e"),
        (f"แ({_CLUSTER})็?{_T}({_C}(?![ะ-ู็]))?", "ae"),
        (f"โ({_CLUSTER}){_T}({_C}(?![ะ-ู็]))?", "o"),
        (f"[ไใ]({_CLUSTER}){_T}ย?()", "ai"),
        (f"({_CLUSTER})ัว{_T}()", "ua"),
        (f"({_CLUSTER})ั{_T}ย()", "ai"),
        (f"({_CLUSTER})ั{_T}({_C})?", "a"),
        (f"({_CLUSTER}){_T}ำ()", "am"),
        (f"({_CLUSTER}){_T}า(ย)(?![ะ-ู็])", "a"),
        (f"({_CLUSTER}){_T}[าะ]({_C}(?![ะ-ู็ัิ-ู]))?", "a"),
        (f"({_CLUSTER})[ิี]{_T}({_C}(?![ะ-ู็]))?", "i"),
        (f"({_CLUSTER})[ึื]{_T}อ?({_C}(?![ะ-ู็]))?", "ue"),
        (f"({_CLUSTER})[ุู]{_T}({_C}(?![ะ-ู็]))?", "u"),
        (f"({_CLUSTER})รร({_C}(?![ะ-ู็]))", "a"),
        (f"({_CLUSTER})รร()", "an"),
        (f"({_C})อ({_C}(?![ะ-ู็]))", "o"),
        (f"(ส)(ม)(?={_C})", "o"),
        (f"({_C})()(?={_C}{_C}(?![ะ-ู็]))", "a"),
        (f"({_C}){_T}({_C})(?![ะ-ู็])(?!รร)", "o"),
        (f"({_C})()", "a"),
    )
)


def thai(words: str, _: str | None) -> str:
    """Return Thai by the Royal Institute's system, as passports mostly do: สมชาย ใจดี is Somchai Chaidi."""
    known = lexicon("th")
    return " ".join(known.get(word) or _thai_word(word) for word in words.split())


def _thai_word(word: str) -> str:
    rest = re.sub("[ศสท]ร(?=[ะ-ู])", "ส", re.sub(f"{_C}[ิุ]?์", "", word))
    out, found = "", None
    while rest:
        for pattern, vowel in _THAI_SYLLABLES:
            if found := pattern.match(rest):
                first, last = found[1], found[2] or ""
                lead = "".join(
                    _THAI_FIRST.get(letter, "")
                    for letter in (first[1:] if first[0] == "ห" and len(first) > 1 else first)
                )
                out += lead + vowel + _THAI_LAST.get(last, "")
                rest = rest[found.end() :]
                break
        if not found:
            rest = rest[1:]
    return out
