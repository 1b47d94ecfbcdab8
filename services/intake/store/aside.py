"""Requests that were set aside because the field that no person sees was filled in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from services.intake.domain import Request
from shared.db import Tx
from shared.events import ProgrammeRef
from shared.ids import CaseId


@dataclass(frozen=True, slots=True)
class Aside:
    """A request set aside; decided once, it holds nothing personal any more."""

    case_id: CaseId
    case_number: str
    programme: ProgrammeRef
    request: Request | None
    received_at: datetime
    contact_due_at: datetime
    state: Literal["open", "let_in", "erased"]
    decided_by: str | None
    decided_at: datetime | None


async def mark(tx: Tx, draft_id: UUID) -> None:
    """Note that this form was filled in by something that sees what no person sees."""
    await tx.execute("UPDATE drafts SET caught_at = $2 WHERE draft_id = $1 AND caught_at IS NULL", draft_id, tx.now)


async def is_marked(tx: Tx, draft_id: UUID) -> bool:
    return bool(await tx.fetchval("SELECT caught_at IS NOT NULL FROM drafts WHERE draft_id = $1", draft_id))


async def insert(tx: Tx, aside: Aside) -> bool:
    """Keep a request apart; False when it is there already."""
    assert aside.request is not None
    changed = await tx.changed(
        """INSERT INTO set_aside (case_id, case_number, programme_id, programme_version, request, received_at,
               contact_due_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (case_id) DO NOTHING""",
        aside.case_id, aside.case_number, aside.programme.id, aside.programme.version,
        aside.request.model_dump(mode="json"), aside.received_at, aside.contact_due_at,
    )  # fmt: skip
    return changed == 1


async def lock(tx: Tx, case_id: CaseId) -> Aside | None:
    """Hold the request until the transaction ends and return it; None when none was set aside under this id."""
    return await read(tx, case_id, " FOR UPDATE")


async def read(tx: Tx, case_id: CaseId, how: str = "") -> Aside | None:
    row = await tx.fetchrow(
        """SELECT case_id, case_number, programme_id, programme_version, request, received_at, contact_due_at, state,
                  decided_by, decided_at FROM set_aside WHERE case_id = $1"""
        + how,
        case_id,
    )
    if row is None:
        return None
    values: dict[str, Any] = dict(row)
    programme = ProgrammeRef(id=values.pop("programme_id"), version=values.pop("programme_version"))
    kept = values.pop("request")
    return Aside(programme=programme, request=Request.model_validate(kept) if kept else None, **values)


async def settle(tx: Tx, case_id: CaseId, state: Literal["let_in", "erased"], by: str) -> None:
    """Note what became of it, and forget what it said: it is a case now, or nothing."""
    await tx.execute(
        "UPDATE set_aside SET state = $2, request = NULL, decided_by = $3, decided_at = $4 WHERE case_id = $1",
        case_id, state, by, tx.now,
    )  # fmt: skip
