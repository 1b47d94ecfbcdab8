"""Slices that lie in a row: how far apart they are, and which are missing (M7). Lengths in millimetres."""

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from services.records.domain.imaging.instance import Instance

ROUNDED_MM = 2
_PARALLEL = 2
FEWEST = 3
"""Of fewer slices nobody can say what their usual distance is."""
IRREGULAR = 0.25
"""Where so large a share of the distances differ from the usual one, distances tell nothing about what is missing."""


@dataclass(frozen=True)
class Holes:
    """Slices that are missing: how many, and before which instance numbers (a few of them) the holes lie."""

    count: int
    before: tuple[int, ...] = ()


NO_HOLES = Holes(0)


def place_of(one: Instance) -> float | None:
    """Return where a slice lies along its normal, from the origin of the patient's coordinates."""
    return along(one.orientation, one.position)


def along(orientation: Sequence[float] | None, position: Sequence[float] | None) -> float | None:
    """Return where a position lies along the normal of an orientation."""
    normal = _normal(orientation)
    if normal is None or position is None:
        return None
    return sum(a * b for a, b in zip(normal, position, strict=True))


def facing(orientation: Sequence[float]) -> tuple[float, ...]:
    """Return an orientation as parallel slices have it in common."""
    return tuple(round(part, _PARALLEL) + 0.0 for part in orientation)


def holes(instances: Iterable[Instance], gap: float) -> Holes:
    """Return which slices are missing: by position along the normal, where there is none by instance number.

    ``gap``: from which multiple of the usual distance on there is a hole.
    """
    found = [_in_stack(stack, gap) for stack in stacks(instances).values()]
    unplaced = [one for one in instances if place_of(one) is None and one.frames == 1 and not one.stacks]
    found.append(_by_number(unplaced))
    return Holes(sum(hole.count for hole in found), tuple(sorted(n for hole in found for n in hole.before))[:5])


def spacing(instances: Iterable[Instance]) -> float | None:
    """Return the usual distance of neighbouring slices, of the largest stack that lies in a row."""
    largest = max(stacks(instances).values(), key=len, default=[])
    steps = _steps(sorted({round(place, ROUNDED_MM) for place, _ in largest}))
    return round(median(steps), ROUNDED_MM) if len(steps) + 1 >= FEWEST else None


Stack = list[tuple[float, Instance]]
"""Slices with their places along the normal."""


def stacks(instances: Iterable[Instance]) -> dict[tuple[object, ...], Stack]:
    """Return slices that belong in one row each: parallel, of one size, of one acquisition, echo, time and direction."""
    found: dict[tuple[object, ...], Stack] = defaultdict(list)
    for one in instances:
        for way, rest, places in one.stacks:
            found[(way, one.rows, one.columns, rest)] += [(place, one) for place in places]
        place = place_of(one)
        if place is None or one.frames > 1:
            continue
        way = str(facing(one.orientation or ()))
        found[(way, one.rows, one.columns, *one.sub_stack, one.image_type[2:3])].append((place, one))
    return _merged(found)


def _merged(found: dict[tuple[object, ...], Stack]) -> dict[tuple[object, ...], Stack]:
    """Put acquisitions that are each a slice or two into one row: some scanners count one acquisition a slice."""
    if len(found) <= 1 or median(map(len, found.values())) >= FEWEST:
        return found
    merged: dict[tuple[object, ...], Stack] = defaultdict(list)
    for key, stack in found.items():
        merged[key[:3]] += stack
    return merged


def _in_stack(stack: Stack, gap: float) -> Holes:
    places: dict[float, list[Instance]] = defaultdict(list)
    for place, one in stack:
        places[round(place, ROUNDED_MM)].append(one)
    ordered = sorted(places)
    steps = _steps(ordered)
    if len(ordered) < FEWEST:
        return NO_HOLES
    usual = median(steps)
    wide = [(step, places[after]) for step, after in zip(steps, ordered[1:], strict=True) if step >= gap * usual]
    if len(wide) > max(1, IRREGULAR * len(steps)):
        return _by_number([one for _, one in stack])
    count = sum(max(1, round(step / usual) - 1) for step, _ in wide)
    thin = _thinner(places)
    before = [one[0].number for _, one in wide if one[0].number is not None and not one[0].stacks]
    return Holes(count + thin, tuple(sorted(before)))


def _thinner(places: dict[float, list[Instance]]) -> int:
    """Return how many slices are missing where most places have as many as each other and a few have fewer."""
    counts = Counter(map(len, places.values()))
    usual, times = counts.most_common(1)[0]
    fewer = sum(usual - count for count in map(len, places.values()) if count < usual)
    return fewer if usual > 1 and times >= (1 - IRREGULAR) * len(places) else 0


def _by_number(instances: Sequence[Instance]) -> Holes:
    numbers = sorted({one.number for one in instances if one.number is not None})
    if len(numbers) < FEWEST:
        return NO_HOLES
    step = Counter(after - one for one, after in itertools.pairwise(numbers)).most_common(1)[0][0]
    wide = [(one, after) for one, after in itertools.pairwise(numbers) if after - one > step]
    if len(wide) > max(1, IRREGULAR * len(numbers)):
        return NO_HOLES  # numbers that jump about count something else
    count = sum((after - one - 1) // step for one, after in wide)
    return Holes(count, tuple(after for _, after in wide)) if count <= len(numbers) else NO_HOLES


def _steps(places: Sequence[float]) -> list[float]:
    return [after - one for one, after in itertools.pairwise(places)]


def _normal(orientation: Sequence[float] | None) -> tuple[float, float, float] | None:
    """Return the direction in which the next slice lies; None when that isn't said."""
    if orientation is None:
        return None
    ax, ay, az, bx, by, bz = orientation
    normal = (ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx)
    return normal if any(abs(part) > 1e-6 for part in normal) else None
