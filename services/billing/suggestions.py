"""Which invoice a wire may be for: the one rule by which it is matched at once, and ranked suggestions with reasons (R21)."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from rapidfuzz import fuzz

from services.billing.domain import find_references, written
from shared.events import Money
from shared.ids import CaseId

NAMES_ALIKE = 86
"""From this likeness of two names (0 to 100) on, a person should look."""

WORTH_SHOWING = 20
_MISREAD = str.maketrans("OIL", "011")


@dataclass(frozen=True, slots=True)
class Candidate:
    """An invoice that a wire may be for; ``due`` is what is missing, ``payers`` are who paid for its case before."""

    invoice_id: UUID
    case_id: CaseId
    case_number: str
    ordinal: int
    reference: str
    due: Money
    live: bool
    payers: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        return f"invoice {self.ordinal} of case {self.case_number}"


@dataclass(frozen=True, slots=True)
class Wire:
    """What is known of money that came: ``twin_line``: an earlier line of its file has the same reference of the bank."""

    amount: Money
    text: str
    sender: str = ""
    instructed: Money | None = None
    charges_minor: int = 0
    twin_line: int | None = None


@dataclass(frozen=True, slots=True)
class Suggestion:
    candidate: Candidate
    score: int
    reasons: tuple[str, ...]


def sure_match(wire: Wire, named: Sequence[Candidate]) -> tuple[Candidate, str] | None:
    """Return the invoice that a wire is for beyond doubt, and why: the only rule by which nobody has to look.

    A sound reference, of one invoice only, and exactly what is missing on it in its own currency. ``named`` are the
    invoices whose references stand in the text.
    """
    if len({one.invoice_id for one in named}) != 1 or wire.twin_line is not None:
        return None
    [candidate] = named[:1]
    if not candidate.live or candidate.due != wire.amount or not wire.amount.amount_minor:
        return None
    reference, amount = candidate.reference, written(wire.amount)
    return (
        candidate,
        f"Reference {reference} is sound and names {candidate.title}; {amount} is exactly what was missing",
    )


class Suggester:
    """Ranks invoices for wires. ``limits`` say, by currency, up to how much banks' charges may be written off."""

    def __init__(self, candidates: Iterable[Candidate], limits: Mapping[str, int]) -> None:
        self._limits = limits
        self._candidates = list(candidates)
        self._numbers = [_plain(one.case_number[:9]) for one in self._candidates]
        self._near: dict[str, set[int]] = {}
        for at, one in enumerate(self._candidates):
            for variant in _slips(_plain(one.reference)):
                self._near.setdefault(variant, set()).add(at)

    def suggest(
        self, wire: Wire, names: Mapping[CaseId, Sequence[str]] | None = None, most: int = 5
    ) -> list[Suggestion]:
        """Return the likeliest invoices, the best first. ``names``: who the patients and requesters are, if asked."""
        text = _plain(wire.text)
        misspelt, sound = self._misspelt(text), set(find_references(wire.text))
        found = []
        for at, one in enumerate(self._candidates):
            if (one.case_number[:9], one.ordinal) in sound:
                named = [(100, f"The reference is sound and names {one.title}")]
            else:
                named = self._by_text(text, at, misspelt=at in misspelt)
            named = [*named, *_by_name(wire, one, (names or {}).get(one.case_id, ()))]
            weights = [*named, *self._by_amount(wire, one, named=bool(named))]
            score = sum(weight for weight, _ in weights)
            if score >= WORTH_SHOWING:
                found.append(Suggestion(one, score, tuple(reason for _, reason in weights)))
        return sorted(found, key=lambda one: (-one.score, not one.candidate.live, one.candidate.reference))[:most]

    def _misspelt(self, text: str) -> set[int]:
        """Return which candidates' references stand in the text with one slip of the pen."""
        windows = {text[at : at + size] for size in (13, 14, 15) for at in range(len(text) - size + 1)}
        return {at for window in windows for variant in _slips(window) for at in self._near.get(variant, ())}

    def _by_text(self, text: str, at: int, *, misspelt: bool) -> list[tuple[int, str]]:
        one = self._candidates[at]
        if misspelt:
            return [(70, f"The reference is one slip of the pen away from {one.reference}")]
        if self._numbers[at] and self._numbers[at] in text:
            return [(60, f"The case number {one.case_number} stands in the text")]
        return []

    def _by_amount(self, wire: Wire, one: Candidate, *, named: bool) -> list[tuple[int, str]]:
        if not one.live:
            return [(0, "Nothing is to be paid on it: the money will be held")] if named else []
        if wire.amount.currency != one.due.currency:
            return _exchanged(wire, one.due, named=named)
        short = one.due.amount_minor - wire.amount.amount_minor
        if not short:
            return [(30, "Exactly what is missing")]
        if 0 < short <= max(self._limits.get(one.due.currency, 0), wire.charges_minor):
            return [(25, f"{written(_of(short, one.due))} less than what is missing: banks' charges may have kept it")]
        if wire.instructed and wire.instructed.amount_minor == one.due.amount_minor:
            return [(25, f"{written(wire.instructed)} was instructed: the same figures in another currency")]
        return _partly(short, one.due) if named else []


def names_alike(one: str, other: str) -> bool:
    """Tell whether two names are near enough for a person to look, in whatever order their parts stand."""
    return bool(one and other) and fuzz.token_sort_ratio(_name(one), _name(other)) >= NAMES_ALIKE


def _by_name(wire: Wire, one: Candidate, people: Sequence[str]) -> list[tuple[int, str]]:
    if any(names_alike(wire.sender, name) for name in people):
        return [(25, "The sender's name is near the patient's or the requester's")]
    if any(names_alike(wire.sender, name) for name in one.payers):
        return [(25, "The sender paid for this case before")]
    return []


def _exchanged(wire: Wire, due: Money, *, named: bool) -> list[tuple[int, str]]:
    if wire.instructed == due:
        came = written(wire.amount)
        return [(35, f"{written(due)} was instructed, exactly what is missing, and changed into {came}")]
    return [(0, f"Another currency: {written(due)} is missing, the money will be held")] if named else []


def _partly(short: int, due: Money) -> list[tuple[int, str]]:
    if short > 0:
        return [(5, f"Part of it: {written(_of(short, due))} would still be missing")]
    return [(5, f"{written(_of(-short, due))} more than what is missing, to be held")]


def _of(minor: int, like: Money) -> Money:
    return Money(amount_minor=minor, currency=like.currency)


def _plain(text: str) -> str:
    """Return letters and figures alone, as they are meant: O is read as 0, I and L as 1."""
    return re.sub(r"[^0-9A-Z]", "", text.upper()).translate(_MISREAD)


def _name(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _slips(text: str) -> set[str]:
    """Return the text and what is left of it when any one character goes."""
    return {text} | {text[:at] + text[at + 1 :] for at in range(len(text))}
