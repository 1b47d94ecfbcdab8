"""How likely two people are one: names across scripts, in any order, with parts missing, and the date of birth. Pure.

It finds what a person should look at; it decides nothing. A match needs every part of the shorter name to be found in
the longer one, so that twins, who share a family name and a birthday, stay two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import cache, lru_cache

from rapidfuzz.distance import Levenshtein

from services.intake.names.lexicon import lexicon_groups, sounds
from services.intake.names.rendering import latin_rendering, script_of
from services.intake.names.sound import skeleton, sound

LOOK_AT = 0.85
"""A pair as likely as this is shown to staff."""

_IN_OTHER_LANGUAGES = {
    "han": ("zh", "ja"),
    "cyrillic": ("ru", "uk", "bg"),
    "arabic": ("ar", "fa"),
    "latin": ("de", "tr"),
}
_PARTICLES = frozenset(
    sounds(
        "al el ul as ar ad an at az bin ben ibn bint binti ould von van der den de da do dos das del la le y e dr prof mr mrs ms "
        "sr jr"
    )
)
_JOINS_THE_NEXT = frozenset({"abd", "abdul", "abdel", "abdal", "abu", "abou", "ait", "mc", "mac", "o"})


_GLUED_ARTICLE = re.compile(r"^(?:[ae]l(?=[bcdfghjklmnpqrstvwxz].{3})|ben(?=[a-z]{4})(?!jam|edi))")


class BornAlike(StrEnum):
    """How two dates of birth compare."""

    SAME = "same"
    DAY_AND_MONTH_SWAPPED = "day and month swapped"
    ONE_DIGIT_OFF = "one digit differs"
    TWO_DIGITS_SWAPPED = "two digits changed round"
    DIFFERENT = "different"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Likeness:
    """How much two people are alike: `name` and `score` run from 0 to 1."""

    name: float
    born: BornAlike
    score: float

    @property
    def worth_a_look(self) -> bool:
        return self.score >= LOOK_AT


def likeness(a: str, a_born: date | None, b: str, b_born: date | None) -> Likeness:
    """Return how likely two people are one. Symmetric; the same name and date give 1."""
    name, born = name_likeness(a, b), born_alike(a_born, b_born)
    score = {
        BornAlike.SAME: 1 - (1 - name) * 0.55,
        BornAlike.DAY_AND_MONTH_SWAPPED: min(1.0, name * 1.04),
        BornAlike.ONE_DIGIT_OFF: min(1.0, name * 1.04),
        BornAlike.TWO_DIGITS_SWAPPED: min(1.0, name * 1.04),
        BornAlike.UNKNOWN: name * 0.9,
        BornAlike.DIFFERENT: name * 0.5,
    }[born]
    return Likeness(round(name, 3), born, round(score, 3))


def born_alike(a: date | None, b: date | None) -> BornAlike:
    """Return how two dates of birth compare: a slip of the pen is one digit, or two of them or day and month changed round."""
    if a is None or b is None:
        return BornAlike.UNKNOWN
    if a == b:
        return BornAlike.SAME
    if (a.year, a.month, a.day) == (b.year, b.day, b.month):
        return BornAlike.DAY_AND_MONTH_SWAPPED
    one, other = _digits(a), _digits(b)
    differing = [at for at in range(8) if one[at] != other[at]]
    if len(differing) == 1:
        return BornAlike.ONE_DIGIT_OFF
    return BornAlike.TWO_DIGITS_SWAPPED if other in _two_swapped(one) else BornAlike.DIFFERENT


def _two_swapped(digits: str) -> set[str]:
    return {digits[:at] + digits[at + 1] + digits[at] + digits[at + 2 :] for at in range(7)}


def _digits(born: date) -> str:
    return born.isoformat().replace("-", "")


def dates_alike(born: date) -> Iterator[date]:
    """Yield every date that `born_alike` finds the same or a slip away; what an index is asked for."""
    yield born
    digits = _digits(born)
    texts = {digits[:4] + digits[6:] + digits[4:6]} | _two_swapped(digits)
    texts |= {digits[:at] + digit + digits[at + 1 :] for at in range(8) for digit in "0123456789"}
    for text in sorted(texts - {digits}):
        try:
            yield date(int(text[:4]), int(text[4:6]), int(text[6:]))
        except ValueError:
            continue


def name_likeness(a: str, b: str) -> float:
    """Return how alike two names are, from 0 to 1, in whatever scripts, orders and completeness they were written."""
    return max(_parts_alike(mine, theirs) for mine in heard_as(a) for theirs in heard_as(b))


@lru_cache(maxsize=5_000)
def heard_as(name: str) -> tuple[tuple[str, ...], ...]:
    """Return the ways to hear a name, each as the sounds of its parts: by every language that its script may stand for."""
    scripts = {script_of(word) for word in name.split()}
    languages: list[str | None] = [language for script in scripts for language in _IN_OTHER_LANGUAGES.get(script, ())]
    renderings = {latin_rendering(name, language) for language in languages or [None]}
    if "thai" in scripts:  # where ph is a p with breath, and many write p
        renderings |= {rendering.replace("ph", "p").replace("Ph", "P") for rendering in renderings}
    if "han" in scripts:  # a reading that found no family name in it is no reading
        most = max(len(rendering.split()) for rendering in renderings)
        renderings = {rendering for rendering in renderings if len(rendering.split()) == most}
    renderings |= {re.sub(r"\bJ(?=[aeu])", "Y", rendering) for rendering in renderings}
    return tuple(sorted({_sounds(rendering) for rendering in renderings}))


def _sounds(rendering: str) -> tuple[str, ...]:
    words = [word for word in re.split(r"[^a-z]+", rendering.lower().replace("'", "")) if word]
    joined: list[str] = []
    held = ""
    for word in words:
        if word in _JOINS_THE_NEXT and word is not words[-1]:
            held += word
        elif word in _PARTICLES and not (len(words) == 2 and len(word) > 2):
            continue
        else:
            joined.append(held + _GLUED_ARTICLE.sub("", word))
            held = ""
    heard = filter(None, map(sound, joined or words))
    return tuple(_same_name().get(part, part) for part in heard)


@cache
def _same_name() -> Mapping[str, str]:
    """Return the sounds of one name in several languages, such as Yitzhak, each with the sound that stands for all: Isaac."""
    return {sound(form): sound(first) for first, forms in lexicon_groups("same").items() for form in forms}


def _parts_alike(mine: Sequence[str], theirs: Sequence[str]) -> float:
    short, long = sorted((tuple(mine), tuple(theirs)), key=lambda parts: (len(parts), parts))
    if not short:
        return 0.0
    whole = _whole_alike(short, long) if len(short) != len(long) else 0.0
    if len(short) == 1 and len(long) > 1:
        return max(whole, 0.8 * max(word_alike(short[0], part) for part in long))
    found = _best_pairs(short, long)
    mean = sum(found) / len(found)
    missing = len(long) - len(short)
    return max(whole, (0.35 * mean + 0.65 * min(found)) * (1 - 0.02 * missing))


def _whole_alike(short: tuple[str, ...], long: tuple[str, ...]) -> float:
    """Compare the names with no space in them: who leaves out one between given names may leave out all."""
    orders = (long, long[::-1], long[1:] + long[:1])
    return max(Levenshtein.normalized_similarity("".join(short), "".join(order)) for order in orders)


def _best_pairs(short: Sequence[str], long: Sequence[str]) -> list[float]:
    """Give each part of the shorter name a part of the longer one, or two neighbours as one, the best pairs first."""
    candidates = sorted(
        (
            (word_alike(_joined(short, here), _joined(long, there)), here, there)
            for here in _spans(short)
            for there in _spans(long)
            if len(here) == 1 or len(there) == 1
        ),
        key=lambda pair: (-pair[0], pair[1], pair[2]),
    )
    taken_here: set[int] = set()
    taken_there: set[int] = set()
    found = []
    for alike, here, there in candidates:
        if taken_here.isdisjoint(here) and taken_there.isdisjoint(there):
            taken_here.update(here)
            taken_there.update(there)
            found += [alike] * len(here)
    return found + [0.0] * (len(short) - len(found))


def _spans(parts: Sequence[str]) -> list[tuple[int, ...]]:
    singles: list[tuple[int, ...]] = [(at,) for at in range(len(parts))]
    return singles + [(at, at + 1) for at in range(len(parts) - 1)]


def _joined(parts: Sequence[str], span: Sequence[int]) -> str:
    return "".join(parts[at] for at in span)


@lru_cache(maxsize=50_000)
def word_alike(a: str, b: str) -> float:
    """Return how alike two sounds are. Short ones must be nearly the same; long ones may differ in vowels."""
    if a == b:
        return 1.0
    if min(len(a), len(b)) == 1:
        return 0.9 if a[0] == b[0] and len(a) != len(b) else 0.0
    spelt = Levenshtein.normalized_similarity(a, b)
    bones, other = skeleton(a), skeleton(b)
    if min(len(bones), len(other)) < 2:
        return spelt
    alike = max(spelt, 0.4 * spelt + 0.6 * Levenshtein.normalized_similarity(bones, other))
    return alike if bones[0] == other[0] else alike - 0.05
