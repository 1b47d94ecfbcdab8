"""Finding a case by whatever a caller says: a name in any script, a number with a slip in it, a phone number, a mail box."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from services.intake.names.likeness import heard_as, word_alike
from services.intake.store import findable
from services.intake.store.findable import Found
from shared.db import Tx
from shared.ids import CaseId, case_numbers_near, parse_case_number

MOST = 50
_LEAST_DIGITS, _ENOUGH_DIGITS = 5, 8


@dataclass(frozen=True, slots=True)
class Hit:
    """A found person, why they were found, and how well (1 is exactly)."""

    found: Found
    why: str
    score: float


async def search(tx: Tx, text: str) -> list[Hit]:
    """Return what fits `text`, best first, at most one hit a case and `MOST` in all."""
    text = "".join(filter(str.isprintable, text)).strip()[:200]
    if "@" in text:
        return _best(await _mailboxes(tx, text))
    hits = await numbers(tx, text)
    if sum(sign.isdecimal() for sign in text) >= _LEAST_DIGITS:
        hits += await _phones(tx, text)
    if any(sign.isalpha() for sign in text) and not hits:
        hits += await _names(tx, text)
    return _best(hits)


def _best(hits: Iterable[Hit]) -> list[Hit]:
    best: dict[CaseId, Hit] = {}
    for hit in sorted(hits, key=lambda hit: (hit.score, hit.found.role == "patient"), reverse=True):
        best.setdefault(hit.found.case_id, hit)
    return list(best.values())[:MOST]


async def numbers(tx: Tx, text: str) -> list[Hit]:
    """Return the case with this number, however it was typed; else those whose numbers are one slip away."""
    try:
        exact = parse_case_number(text)
    except ValueError:
        exact = None
    near = {exact} if exact else case_numbers_near(text)
    why = "case number" if exact else "case number, with a slip"
    return [Hit(found, why, 1.0 if exact else 0.95) for found in await findable.by_numbers(tx, near)]


async def _phones(tx: Tx, text: str) -> list[Hit]:
    typed = findable.digits_backwards(text)
    found = await findable.by_phone(tx, typed[:_ENOUGH_DIGITS], MOST)
    return [Hit(one, "phone number", 0.97 if len(typed) >= _ENOUGH_DIGITS else 0.9) for one in found]


async def _mailboxes(tx: Tx, text: str) -> list[Hit]:
    found = await findable.by_email(tx, text, MOST)
    return [Hit(one, "mail box", 0.9) for one in found]


async def _names(tx: Tx, text: str) -> list[Hit]:
    wanted = {part for parts in heard_as(re.sub(r"\d", "", text)) for part in parts}
    if not wanted:
        return []
    found = await findable.by_sound(tx, sorted(wanted, key=len, reverse=True)[:4], 200)
    hits = [Hit(one, "name", max(_fit(text, name) for name in (one.name, one.latin_name) if name)) for one in found]
    return [hit for hit in hits if hit.score >= 0.55]


def _fit(text: str, name: str) -> float:
    """Return how well every part of what was typed is found in the name; the beginning of a part is nearly the part."""
    return max(
        sum(max((_part_fits(part, other) for other in theirs), default=0.0) for part in mine) / max(len(mine), 1)
        for mine in heard_as(text)
        for theirs in heard_as(name)
    )


def _part_fits(typed: str, part: str) -> float:
    return max(word_alike(typed, part), 0.9 if len(typed) > 1 and part.startswith(typed) else 0.0) * 0.94
