"""The case manager's worklist: what each case waits for, since when, and how the list is narrowed and ordered (R22)."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID


class Waits(StrEnum):
    """What a case waits for; a case may wait for several things. The order is that of whose move it is: ours first."""

    ANSWER = "answer"
    LATE = "late"
    REVIEW = "review"
    NEVER_MADE = "never_made"
    SUMMARY = "summary"
    NEWER = "newer"
    SENDERS = "senders"
    NOTHING = "nothing"


class Sort(StrEnum):
    """In which order."""

    WAITING = "waiting"
    MISSING = "missing"
    QUIET = "quiet"
    OPENED = "opened"


@dataclass(frozen=True)
class Line:
    """One case on the list. ``missing``: code and English title of each needed line that isn't settled.

    ``since``: how long the oldest thing that it waits for has waited. ``heard_at``: when the patient's side last sent
    or wrote something, or was reminded.
    """

    case_id: UUID
    case_number: str | None
    manager: str
    manager_name: str
    opened_at: datetime
    completed_at: datetime | None
    missing: Mapping[str, str]
    to_review: int
    questions: int
    late: int
    never_made: int
    lapsed: int
    to_send: int
    since: datetime
    heard_at: datetime

    @property
    def waits(self) -> tuple[Waits, ...]:
        """Return what it waits for, our own moves first."""
        found = {
            Waits.ANSWER: self.questions, Waits.LATE: self.late, Waits.REVIEW: self.to_review,
            Waits.NEVER_MADE: self.never_made, Waits.SUMMARY: self.completed_at is None and not self.missing,
            Waits.NEWER: self.lapsed, Waits.SENDERS: self.completed_at is None and self.to_send,
        }  # fmt: skip
        return tuple(one for one, there in found.items() if there) or (Waits.NOTHING,)


@dataclass(frozen=True)
class View:
    """How somebody wants to see the list: nothing chosen in a group means all of it."""

    waits: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    managers: frozenset[str] = frozenset()
    sort: Sort = Sort.WAITING


@dataclass(frozen=True)
class Choice:
    """One thing to tick, and how many cases it would show beside what else is ticked."""

    value: str
    word: str
    count: int
    chosen: bool


_GROUPS = ("waits", "missing", "managers")
_KEYS: Mapping[Sort, Callable[[Line], tuple[Any, ...]]] = {
    Sort.WAITING: lambda one: (one.waits == (Waits.NOTHING,), one.since),
    Sort.MISSING: lambda one: (-len(one.missing), one.since),
    Sort.QUIET: lambda one: (one.heard_at, one.since),
    Sort.OPENED: lambda one: (one.opened_at,),
}


def chosen(lines: Iterable[Line], view: View) -> list[Line]:
    """Return the lines that the view shows, in its order; ties in the order of the cases' ids."""
    shown = [one for one in lines if all(_fits(one, view, group) for group in _GROUPS)]
    return sorted(shown, key=lambda one: (*_KEYS[view.sort](one), one.case_id))


def facets(lines: Sequence[Line], view: View) -> dict[str, list[Choice]]:
    """Return what can be ticked in each group: ticks in one group widen, groups narrow each other."""
    found: dict[str, list[Choice]] = {}
    for group in _GROUPS:
        words = {value: word for one in lines for value, word in _values(one, group).items()}
        beside = [one for one in lines if all(_fits(one, view, other) for other in _GROUPS if other != group)]
        counted = Counter(value for one in beside for value in _values(one, group))
        ticked: frozenset[str] = getattr(view, group)
        found[group] = [
            Choice(value, words[value], counted[value], value in ticked)
            for value in sorted(words, key=lambda value: (_place(value, group), words[value]))
        ]
    return found


def _place(value: str, group: str) -> int:
    return list(Waits).index(Waits(value)) if group == "waits" else 0


def _fits(one: Line, view: View, group: str) -> bool:
    ticked: frozenset[str] = getattr(view, group)
    return not ticked or not ticked.isdisjoint(_values(one, group))


def _values(one: Line, group: str) -> Mapping[str, str]:
    if group == "waits":
        return {str(wait): str(wait) for wait in one.waits}
    return one.missing if group == "missing" else {one.manager: one.manager_name}
