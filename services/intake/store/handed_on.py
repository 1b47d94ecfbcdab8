"""What merged cases left to those that go on, so that it can be brought back."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from shared.db import Tx
from shared.ids import CaseId


async def note(tx: Tx, case_id: CaseId, items: Sequence[UUID]) -> None:
    """Keep that these calls and tasks were this case's."""
    await tx.execute(
        """INSERT INTO handed_on (item_id, from_case, handed_on_at) SELECT unnest($1::uuid[]), $2, $3
           ON CONFLICT (item_id, from_case) DO UPDATE SET handed_on_at = excluded.handed_on_at""",
        items, case_id, tx.now,
    )  # fmt: skip


async def take_back(tx: Tx, case_id: CaseId) -> list[UUID]:
    """Return what this case had left to others, and forget that, and every later hand it went through."""
    rows = await tx.fetch(
        """WITH own AS (SELECT item_id, handed_on_at FROM handed_on WHERE from_case = $1)
           DELETE FROM handed_on h USING own
           WHERE h.item_id = own.item_id AND h.handed_on_at >= own.handed_on_at RETURNING h.item_id""",
        case_id,
    )
    return list({row["item_id"] for row in rows})
