"""What a name sounds like, however it was spelt: Mohammed and Muhammad, Shcherbakov and Scherbakow come close to each other.

`sound` keeps vowels, coarsely, and is what an index holds; `skeleton` keeps classes of consonants alone.
"""

from __future__ import annotations

import re
from functools import lru_cache

_SPELLINGS = tuple(
    (re.compile(pattern), sound)
    for pattern, sound in (
        (r"schtsch|shch|chtch|szcz|stsch", "š"),
        (r"dsch|dzh|dj|dzs", "j"),
        (r"(?<=[bfgklmnprstvwz])j(?=[aeiou])", "i"),
        (r"tsch|tch|cz|cs(?=[aeiouy]|$)", "č"),
        (r"sch|sh|sz(?=[aeiouy]|$)|^hs|^x(?=[iu])", "š"),
        (r"^ch(?=[lr])", "k"),
        (r"ch|^qi", "č"),
        (r"zh", "j"),
        (r"kh", "h"),
        (r"(?<!n)gh", "g"),
        (r"ph", "f"),
        (r"th", "t"),
        (r"dh|dd", "d"),
        (r"tz|ts", "c"),
        (r"ck", "k"),
        (r"ks", "x"),
        (r"c(?=[eiy])", "s"),
        (r"c(?=[^s]|$)", "k"),
        (r"q", "k"),
        (r"^wr", "r"),
        (r"^mp", "b"),
        (r"^([ln])v$", r"\1u"),
        (r"^ou(?=[aeiou])", "v"),
        (r"w", "v"),
        (r"eau|au(?=x)", "o"),
        (r"ae|oe|ue", lambda found: {"ae": "a", "oe": "o", "ue": "u"}[found[0]]),
        (r"ou|oo|iu|yu|eu", "u"),
        (r"ee|ie|ii|iy|yi|ij|ye|ey$|ei$|ai$|ay$|y$", "i"),
        (r"ei|ey|ay", "ai"),
        (r"y", "i"),
        (r"e", "i"),
        (r"o", "u"),
        (r"ff?$", "v"),
        (r"([a-zčšj])\1+", r"\1"),
        (r"(?<=[aiu])h$", ""),
    )
)
_CLASSES = str.maketrans("bwvdgzxcšj", "pfftksksčč", "aiu")


@lru_cache(maxsize=20_000)
def sound(word: str) -> str:
    """Return the coarse sound of one Latin word, in lower case."""
    heard = re.sub(r"[^a-z]", "", word.lower())
    for pattern, by in _SPELLINGS:
        heard = pattern.sub(by, heard)
    return heard


@lru_cache(maxsize=20_000)
def skeleton(heard: str) -> str:
    """Return the classes of consonants of a `sound`: ``mhmt`` for every way to write Mohammed; a vowel at the start is ``a``."""
    bones = heard.translate(_CLASSES)
    bones = re.sub(r"(.)\1+", r"\1", bones)
    return bones if heard[:1] not in ("a", "i", "u") else "a" + bones
