"""The provider's report held against our books: each difference has a kind, and nothing else is one (R21).

A refund or dispute is one thing with two possible movements: it goes, and may come back. Fees are not compared: the report
is where we learn of them.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from shared.ids import CaseId

Subject = Literal["charge", "refund", "dispute"]


class DifferenceKind(StrEnum):
    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    AMOUNT = "amount_differs"
    CURRENCY = "currency_differs"
    STATE = "state_differs"
    TWICE = "twice"


@dataclass(frozen=True, slots=True)
class Line:
    """A movement as the provider has it. ``key`` ties it to our record; ``back``: it undoes the first movement."""

    id: str
    subject: Subject
    key: str
    amount_minor: int
    currency: str
    at: datetime
    back: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """A payment, refund or dispute as we have it.

    ``state``: of a charge ``paid`` or ``tried`` (no money heard of); of a refund ``decided``, ``sent``, ``issued`` or
    ``elsewhere`` (not by the provider); of a dispute ``open``, ``won`` or ``lost``. ``at``: when we last heard of it.
    """

    subject: Subject
    key: str
    amount_minor: int
    currency: str
    state: str
    at: datetime
    case_id: CaseId


@dataclass(frozen=True, slots=True)
class Difference:
    kind: DifferenceKind
    subject: Subject
    key: str
    line_id: str | None
    record: Record | None


@dataclass(slots=True)
class _Standing:
    """All lines about one thing."""

    went: list[Line] = field(default_factory=list)
    came_back: list[Line] = field(default_factory=list)

    @property
    def lines(self) -> list[Line]:
        return self.went + self.came_back


def compare(
    records: Iterable[Record],
    lines: Sequence[Line],
    start: datetime,
    end: datetime,
    also: Collection[tuple[str, str]] = (),
) -> list[Difference]:
    """Return what differs about whatever either side moved from ``start`` until before ``end``, and about ``also``.

    ``lines`` may reach farther to both sides: a message may be late, and a thing be told in one span and end in another.
    ``also`` names things by subject and key, whenever they moved: the lines must reach back to them.
    """
    ours: Mapping[tuple[str, str], Record] = {(one.subject, one.key): one for one in records}
    theirs: defaultdict[tuple[str, str], _Standing] = defaultdict(_Standing)
    for line in sorted(lines, key=lambda line: (line.at, line.id)):
        standing = theirs[line.subject, line.key]
        (standing.came_back if line.back else standing.went).append(line)
    found: list[Difference] = []
    for key, standing in theirs.items():
        record = ours.get(key)
        told_now = any(start <= line.at < end for line in standing.lines)
        if told_now or key in also or (record and start <= record.at < end):
            found += _differences(standing, record)
    for key, record in ours.items():
        judged = key in also or start <= record.at < end
        if key not in theirs and judged and record.state in ("paid", "issued", "open", "won", "lost"):
            found.append(Difference(DifferenceKind.MISSING_THERE, record.subject, record.key, None, record))
    return sorted(found, key=lambda one: (one.subject, one.key, one.kind))


def identity_of(one: Difference, line: Line | None) -> str:
    """Return by what a difference is known again in another check: the same thing, differing in the same way."""
    there = (line.id, str(line.amount_minor), line.currency) if line else ()
    ours = one.record
    here = (str(ours.amount_minor), ours.currency, ours.state) if ours else ()
    return "|".join((one.kind, one.subject, one.key, *there, "", *here))


def _differences(standing: _Standing, record: Record | None) -> list[Difference]:
    extra = [*standing.went[1:], *standing.came_back[1:]]
    found = [Difference(DifferenceKind.TWICE, one.subject, one.key, one.id, record) for one in extra]
    last = (standing.came_back[:1] or standing.went)[0]
    kind = _kind(standing, record)
    return [*found, Difference(kind, last.subject, last.key, last.id, record)] if kind else found


def _kind(standing: _Standing, record: Record | None) -> DifferenceKind | None:
    if record is None:
        return DifferenceKind.MISSING_HERE
    for line in (*standing.went[:1], *standing.came_back[:1]):
        if line.currency != record.currency:
            return DifferenceKind.CURRENCY
        if abs(line.amount_minor) != record.amount_minor:
            return DifferenceKind.AMOUNT
    return None if record.state in _fitting(record.subject, back=bool(standing.came_back)) else DifferenceKind.STATE


def _fitting(subject: Subject, *, back: bool) -> tuple[str, ...]:
    """Return the states of ours that fit money that went, and came back or didn't."""
    match subject, back:
        case "refund", True:
            return ("elsewhere",)
        case "refund", False:
            return ("sent", "issued")
        case "dispute", True:
            return ("won",)
        case "dispute", False:
            return ("open", "lost")
        case _:
            return ("paid",)
