"""What happened to a case, in order: rows are only added, in the transaction of what they tell."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.records.domain import Person
from shared.db import Tx
from shared.ids import CaseId, new_id


@dataclass(frozen=True)
class Line:
    """One thing that happened; ``by_name`` is None where time did it, ``title`` that of the item it is about."""

    at: datetime
    kind: str
    by_name: str | None
    title: str | None
    detail: dict[str, Any]


def note(tx: Tx, case_id: CaseId, kind: str, by: Person | None, item_id: UUID | None = None, **detail: Any) -> None:
    """Write down what happened when ``tx`` commits."""
    tx.at_commit(
        "INSERT INTO case_history (id, case_id, at, kind, by_name, item_id, detail)"
        " SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::text[], $5::text[], $6::uuid[], $7::jsonb[])",
        new_id(), case_id, tx.now, kind, by and by.name, item_id, detail,
    )  # fmt: skip


async def of_case(tx: Tx, case_id: CaseId, limit: int = 500) -> list[Line]:
    """Return what happened to the case, the latest first."""
    rows = await tx.fetch(
        "SELECT h.at, h.kind, h.by_name, i.titles ->> 'en' AS title, h.detail FROM case_history h"
        " LEFT JOIN items i ON i.id = h.item_id WHERE h.case_id = $1 ORDER BY h.at DESC, h.id DESC LIMIT $2",
        case_id, limit,
    )  # fmt: skip
    return [Line(**dict(row)) for row in rows]
