"""A queue as one person looks at it: narrowed by facets, in an order, a page at a time, with counts beside each choice.

Two facets every queue has: ``who`` has an item (``mine``, ``nobody``, ``colleague``) and its ``clock`` (``late``,
``running``, ``none``). The queue's own facets are members of its items' ``data``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from shared.db import Tx
from shared.staff_queue.model import COLUMNS, Cursor, Facet, Item, Queue

PAGE = 25
"""How many items are shown at a time: more than anybody does in a day, few enough to be there at once."""

WHO = Facet("who", "Who has it", {"nobody": "Nobody yet", "mine": "You", "colleague": "A colleague"})
CLOCK = Facet("clock", "Clock", {"late": "Late", "running": "Running", "none": "No clock"})
SORTS: Mapping[str, str] = {"due": "Most urgent first", "newest": "Newest first", "oldest": "Oldest first"}

_ORDER = {
    "due": "due NULLS LAST, created_at, id",
    "newest": "created_at DESC, id DESC",
    "oldest": "created_at, id",
}


def facets_of(queue: Queue) -> tuple[Facet, ...]:
    """Return the ways to narrow a queue: its own, then those that every queue has."""
    return (*queue.facets, CLOCK, WHO)


@dataclass(frozen=True, slots=True)
class View:
    """What somebody wants to see of a queue. ``chosen`` names, per facet, the values wanted; a facet without is not narrowed."""

    me: str
    chosen: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sort: str = "due"
    page: int = 1

    @classmethod
    def read(cls, queue: Queue, sent: Iterable[tuple[str, str]], me: str) -> "View":
        """Return the view that an address spells; what it doesn't say is as the queue has it first, what is nonsense counts as unsaid."""
        given = [(name, value) for name, value in sent if value and "\0" not in value]
        facets = facets_of(queue)
        said = {name for name, _ in given}
        chosen = {one.name: tuple(dict.fromkeys(v for n, v in given if n == one.name)) for one in facets}
        if said.isdisjoint({"all", *chosen}):
            chosen = {one.name: one.first for one in facets}
        last = dict(given)
        page = last.get("page", "")
        return cls(
            me, {name: values for name, values in chosen.items() if values},
            sort=last["sort"] if last.get("sort") in SORTS else "due",
            page=max(1, int(page)) if page.isascii() and page.isdigit() and len(page) < 6 else 1,
        )  # fmt: skip

    def query(self, **changes: Any) -> list[tuple[str, str]]:
        """Return the members of the address that spells this view, changed in part (``page=2``)."""
        chosen = [(name, value) for name, values in self.chosen.items() for value in values] or [("all", "1")]
        rest = {"sort": self.sort, "page": self.page} | changes
        return [*chosen, *((k, str(v)) for k, v in rest.items() if (k, v) not in {("sort", "due"), ("page", 1)})]


@dataclass(frozen=True, slots=True)
class Tally:
    """How many items a view shows in all, and how many each choice of a facet would (with the other facets as they are)."""

    total: int
    counts: Mapping[str, Mapping[str, int]]


class _Arguments(list[Any]):
    """A statement's arguments; each gives its placeholder when it is added."""

    def add(self, value: Any) -> str:
        self.append(value)
        return f"${len(self)}"


def _value(facet: str, view: View, tx: Tx, args: _Arguments) -> str:
    """Return the SQL for an item's value of a facet."""
    if facet == WHO.name:
        mine = f"WHEN claimed_by = {args.add(view.me)}::text THEN 'mine'"
        return f"CASE WHEN claimed_by IS NULL THEN 'nobody' {mine} ELSE 'colleague' END"
    if facet == CLOCK.name:
        late = f"WHEN due <= {args.add(tx.now)}::timestamptz THEN 'late'"
        return f"CASE WHEN due IS NULL THEN 'none' {late} ELSE 'running' END"
    return f"data->>{args.add(facet)}::text"


async def counted(tx: Tx, queue: Queue, view: View) -> Tally:
    """Count what a view of the queue shows and what each choice would show, in one pass over the queue."""
    args, names = _Arguments(), [one.name for one in facets_of(queue)]
    here = args.add(queue.name)
    values = [f"{_value(name, view, tx, args)} AS v{place}" for place, name in enumerate(names)]
    misses = {
        name: f"(v{names.index(name)} = ANY({args.add(list(wanted))}) IS NOT TRUE)::integer"
        for name, wanted in view.chosen.items()
    }
    every = " + ".join(misses.values()) or "0"
    besides = "".join(f", count(*) FILTER (WHERE {every} - {miss} = 0)" for miss in misses.values())
    columns = [f"v{place}" for place in range(len(names))]
    rows = await tx.fetch(
        f"""SELECT {", ".join(columns)}, grouping({", ".join(columns)}), count(*) FILTER (WHERE {every} = 0){besides}
            FROM (SELECT {", ".join(values)} FROM queue_items WHERE queue = {here} AND state <> 'done') seen
            GROUP BY GROUPING SETS ({", ".join(f"({column})" for column in columns)}, ())""",
        *args,
    )
    counts: dict[str, dict[str, int]] = {name: {} for name in names}
    own = {name: place for place, name in enumerate(misses, start=len(names) + 2)}
    total = 0
    for row in map(tuple, rows):
        grouped = [place for place in range(len(names)) if not row[len(names)] >> (len(names) - 1 - place) & 1]
        if not grouped:
            total = row[len(names) + 1]
        elif (value := row[grouped[0]]) is not None:
            name = names[grouped[0]]
            counts[name][value] = row[own.get(name, len(names) + 1)]
    return Tally(total, counts)


async def shown(tx: Tx, queue: Queue, view: View) -> list[Item]:
    """Return the items on the view's page, in its order."""
    args = _Arguments()
    here = args.add(queue.name)
    wanted = [f"{_value(name, view, tx, args)} = ANY({args.add(list(values))})" for name, values in view.chosen.items()]
    limit, offset = args.add(PAGE), args.add((view.page - 1) * PAGE)
    rows = await tx.fetch(
        f"""SELECT {COLUMNS} FROM queue_items
            WHERE {" AND ".join([f"queue = {here}", "state <> 'done'", *wanted])}
            ORDER BY {_ORDER[view.sort]} LIMIT {limit} OFFSET {offset}""",
        *args,
    )
    return [Item(**row) for row in rows]


async def one(tx: Tx, queue: Queue, item_id: UUID) -> Item | None:
    """Return an item that is on the queue, or None."""
    row = await tx.fetchrow(
        f"SELECT {COLUMNS} FROM queue_items WHERE id = $1 AND queue = $2 AND state <> 'done'", item_id, queue.name
    )
    return Item(**row) if row else None


async def now_at(tx: Tx) -> Cursor:
    """Return the cursor from which to follow what this transaction has seen."""
    return Cursor(await tx.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"), 0)


async def snapshot(tx: Tx, queue: Queue) -> tuple[list[Item], Cursor]:
    """Return all that is on the queue, the most urgent first, and the cursor from which to follow it."""
    cursor = await now_at(tx)
    rows = await tx.fetch(
        f"SELECT {COLUMNS} FROM queue_items WHERE queue = $1 AND state <> 'done' ORDER BY {_ORDER['due']}", queue.name
    )
    return [Item(**row) for row in rows], cursor


async def changes(tx: Tx, queues: Sequence[str], after: Cursor, *, limit: int = 500) -> list[tuple[Cursor, Item]]:
    """Return what changed after a cursor, oldest change first: each item once, as it stands now."""
    rows = await tx.fetch(
        f"""SELECT {COLUMNS}, xid::text::bigint AS xid, change FROM queue_items
            WHERE queue = ANY($1) AND (xid, change) > ($2::text::xid8, $3)
              AND xid < pg_snapshot_xmin(pg_current_snapshot())
            ORDER BY xid, change LIMIT $4""",
        list(queues), str(after.xid), after.change, limit,
    )  # fmt: skip
    found = [dict(row) for row in rows]
    return [(Cursor(row.pop("xid"), row.pop("change")), Item(**row)) for row in found]
