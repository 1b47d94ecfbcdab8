"""Queues that staff and their tools work from: a snapshot, then changes from its cursor, and a claim for one person.

Changes are ordered by the transaction that made them and read only once no earlier transaction can still commit, so a
follower who continues from a cursor misses nothing, however slow some writer was.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.db import Row, Tx
from shared.ids import CaseId, new_id


@dataclass(frozen=True, slots=True)
class Queue:
    """A queue and the roles (by value) that may see it and claim from it."""

    name: str
    title: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to do for one case, as it stands. ``data`` may hold what the desk shows; ``href`` is where it opens."""

    id: UUID
    queue: str
    item_key: str
    case_id: CaseId
    title: str
    due: datetime | None
    state: str
    claimed_by: str | None
    claimed_name: str | None
    created_at: datetime
    data: dict[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the item for JSON: times in ISO 8601, ids as text."""
        return {
            k: v.isoformat() if isinstance(v, datetime) else str(v) if isinstance(v, UUID) else v
            for k, v in asdict(self).items()
        }


class Taken(Exception):
    """Somebody else has it; ``by`` is their name."""

    def __init__(self, by: str) -> None:
        super().__init__(f"{by} has it")
        self.by = by


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a follower has read; its text form is what SSE sends as event id."""

    xid: int
    change: int

    def __str__(self) -> str:
        return f"{self.xid}-{self.change}"

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Return the cursor that ``text`` spells; raises ``ValueError``."""
        xid, change = text.split("-")
        return cls(int(xid), int(change))


_COLUMNS = "id, queue, item_key, case_id, title, due, state, claimed_by, claimed_name, created_at, data"


async def put(
    tx: Tx,
    queue: Queue,
    case_id: CaseId,
    item_key: str,
    title: str,
    *,
    due: datetime | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Add an item, or bring an existing one (same queue and key) up to date and open it again if it was done."""
    await tx.execute(
        """INSERT INTO queue_items (id, queue, item_key, case_id, title, due, data, state, created_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, 'open', $8)
           ON CONFLICT (queue, item_key) DO UPDATE SET title = excluded.title, due = excluded.due, data = excluded.data,
               state = CASE queue_items.state WHEN 'done' THEN 'open' ELSE queue_items.state END""",
        new_id(), queue.name, item_key, case_id, title, due, data or {}, tx.now,
    )  # fmt: skip


async def done(tx: Tx, queue: Queue, item_key: str) -> None:
    """Take an item off its queue; nothing happens when it isn't there."""
    await tx.execute(
        """UPDATE queue_items SET state = 'done', claimed_by = NULL, claimed_name = NULL, claimed_at = NULL
           WHERE queue = $1 AND item_key = $2 AND state <> 'done'""",
        queue.name, item_key,
    )  # fmt: skip


async def done_all(tx: Tx, case_id: CaseId) -> None:
    """Take everything of a case off every queue of this service."""
    await tx.execute(
        """UPDATE queue_items SET state = 'done', claimed_by = NULL, claimed_name = NULL, claimed_at = NULL
           WHERE case_id = $1 AND state <> 'done'""",
        case_id,
    )  # fmt: skip


async def claim(tx: Tx, queue: Queue, item_id: UUID, *, by: str, name: str) -> Item:
    """Give an open item to one person; claiming one's own again is fine.

    Raises ``Taken`` when another has it, ``LookupError`` when it is done or was never on this queue.
    """
    row = await tx.fetchrow(
        f"""UPDATE queue_items SET state = 'claimed', claimed_by = $3, claimed_name = $4,
               claimed_at = CASE state WHEN 'open' THEN $5 ELSE claimed_at END
            WHERE id = $1 AND queue = $2 AND (state = 'open' OR (state = 'claimed' AND claimed_by = $3))
            RETURNING {_COLUMNS}""",
        item_id, queue.name, by, name, tx.now,
    )  # fmt: skip
    return Item(**row) if row else await _refuse(tx, queue, item_id)


async def release(tx: Tx, queue: Queue, item_id: UUID, *, by: str) -> Item:
    """Put an item back that this person had claimed; raises as ``claim`` does."""
    row = await tx.fetchrow(
        f"""UPDATE queue_items SET state = 'open', claimed_by = NULL, claimed_name = NULL, claimed_at = NULL
            WHERE id = $1 AND queue = $2 AND state = 'claimed' AND claimed_by = $3 RETURNING {_COLUMNS}""",
        item_id, queue.name, by,
    )  # fmt: skip
    return Item(**row) if row else await _refuse(tx, queue, item_id)


async def _refuse(tx: Tx, queue: Queue, item_id: UUID) -> Item:
    row = await tx.fetchrow(
        "SELECT state, claimed_name FROM queue_items WHERE id = $1 AND queue = $2", item_id, queue.name
    )
    if row is None or row["state"] == "done":
        raise LookupError("this item is not on the queue any more")
    raise Taken(row["claimed_name"] or "nobody")


async def snapshot(tx: Tx, queue: Queue) -> tuple[list[Item], Cursor]:
    """Return what is on the queue, the most urgent first, and the cursor from which to follow it."""
    xmin = await tx.fetchval("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
    rows = await tx.fetch(
        f"""SELECT {_COLUMNS} FROM queue_items WHERE queue = $1 AND state <> 'done'
            ORDER BY due NULLS LAST, created_at, id""",
        queue.name,
    )
    return [Item(**row) for row in rows], Cursor(xmin, 0)


async def changes(tx: Tx, queues: Sequence[str], after: Cursor, *, limit: int = 500) -> list[tuple[Cursor, Item]]:
    """Return what changed after a cursor, oldest change first: each item once, as it stands now."""
    rows = await tx.fetch(
        f"""SELECT {_COLUMNS}, xid::text::bigint AS xid, change FROM queue_items
            WHERE queue = ANY($1) AND (xid, change) > ($2::text::xid8, $3)
              AND xid < pg_snapshot_xmin(pg_current_snapshot())
            ORDER BY xid, change LIMIT $4""",
        list(queues), str(after.xid), after.change, limit,
    )  # fmt: skip
    return [(Cursor(row["xid"], row["change"]), _item(row)) for row in rows]


def _item(row: Row) -> Item:
    return Item(**{name: row[name] for name in Item.__dataclass_fields__})
