"""What is done to items: put on a queue, taken off, and given to one person at a time."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from shared.db import Tx
from shared.ids import CaseId, new_id
from shared.staff_queue.model import COLUMNS, Item, Queue, Taken
from shared.staff_queue.view import one


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
               case_id = excluded.case_id,
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


async def waits(tx: Tx, queue: Queue, item_key: str) -> bool:
    """Tell whether an item is on the queue."""
    sql = "SELECT EXISTS (SELECT FROM queue_items WHERE queue = $1 AND item_key = $2 AND state <> 'done')"
    return bool(await tx.fetchval(sql, queue.name, item_key))


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
            RETURNING {COLUMNS}""",
        item_id, queue.name, by, name, tx.now,
    )  # fmt: skip
    return Item(**row) if row else await _refuse(tx, queue, item_id)


async def release(tx: Tx, queue: Queue, item_id: UUID, *, by: str) -> Item:
    """Put an item back that this person had claimed; raises as ``claim`` does."""
    row = await tx.fetchrow(
        f"""UPDATE queue_items SET state = 'open', claimed_by = NULL, claimed_name = NULL, claimed_at = NULL
            WHERE id = $1 AND queue = $2 AND state = 'claimed' AND claimed_by = $3 RETURNING {COLUMNS}""",
        item_id, queue.name, by,
    )  # fmt: skip
    return Item(**row) if row else await _refuse(tx, queue, item_id)


@dataclass(frozen=True, slots=True)
class TakingOver:
    """That this person takes a case's item over, and why."""

    case_id: CaseId
    by: str
    name: str
    reason: str


TakeoverReaction = Callable[[Tx, TakingOver], Awaitable[None]]


async def take_over(
    tx: Tx, queue: Queue, item_id: UUID, *, by: str, name: str, reason: str, first: TakeoverReaction | None = None
) -> Item:
    """Give an item to this person though another has it, and keep from whom and why; an open one is claimed.

    ``first`` passes on what else goes with it, before the item is touched: it may lock the item's case. Raises ``LookupError``
    when the item is done or was never on this queue.
    """
    if first is not None and (item := await one(tx, queue, item_id)) and item.claimed_by not in (None, by):
        await first(tx, TakingOver(item.case_id, by, name, reason))
    before = await tx.fetchrow(
        """SELECT claimed_by, claimed_name, case_id FROM queue_items
           WHERE id = $1 AND queue = $2 AND state = 'claimed' AND claimed_by <> $3 FOR UPDATE""",
        item_id, queue.name, by,
    )  # fmt: skip
    if before is None:
        return await claim(tx, queue, item_id, by=by, name=name)
    await tx.execute(
        """INSERT INTO queue_takeovers (item_id, queue, case_id, taken_at, taken_by, taken_by_name, taken_from,
               taken_from_name, reason)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        item_id, queue.name, before["case_id"], tx.now, by, name, before["claimed_by"], before["claimed_name"], reason,
    )  # fmt: skip
    row = await tx.fetchrow(
        f"""UPDATE queue_items SET claimed_by = $2, claimed_name = $3, claimed_at = $4 WHERE id = $1
            RETURNING {COLUMNS}""",
        item_id, by, name, tx.now,
    )  # fmt: skip
    assert row is not None, "the row is locked"
    return Item(**row)


async def pass_on(tx: Tx, queue: Queue, item_key: str, *, to: str, name: str) -> None:
    """Claim an item for somebody, whoever had it, because its case is theirs; nothing happens when it isn't on the queue."""
    await tx.execute(
        """UPDATE queue_items SET state = 'claimed', claimed_by = $3, claimed_name = $4, claimed_at = $5
           WHERE queue = $1 AND item_key = $2 AND state <> 'done' AND claimed_by IS DISTINCT FROM $3""",
        queue.name, item_key, to, name, tx.now,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Takeover:
    """That one person took an item over from another, and why."""

    taken_at: datetime
    taken_by_name: str
    taken_from_name: str
    reason: str


async def takeovers(tx: Tx, case_id: CaseId) -> list[Takeover]:
    """Return who took a case's items over from whom, oldest first."""
    rows = await tx.fetch(
        """SELECT taken_at, taken_by_name, taken_from_name, reason FROM queue_takeovers
           WHERE case_id = $1 ORDER BY taken_at, id""",
        case_id,
    )
    return [Takeover(**row) for row in rows]


async def _refuse(tx: Tx, queue: Queue, item_id: UUID) -> Item:
    row = await tx.fetchrow(
        "SELECT state, claimed_name FROM queue_items WHERE id = $1 AND queue = $2", item_id, queue.name
    )
    if row is None or row["state"] == "done":
        raise LookupError("this item is not on the queue any more")
    raise Taken(row["claimed_name"] or "nobody")
