"""Calls back: what was booked, how often it was tried, what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.db import Tx
from shared.ids import CaseId


@dataclass(frozen=True, slots=True)
class CallBack:
    """`case_id` is None for somebody who has asked for nothing but the call; `caught`: a machine seems to have asked."""

    call_back_id: UUID
    case_id: CaseId | None
    programme: str
    asked_by: str
    locale: str
    language: str
    interpreter: bool
    phone: str
    zone: str
    wished_at: datetime
    next_at: datetime | None
    tries: int
    state: str
    booked_by: str | None
    booked_at: datetime
    ended_at: datetime | None = None
    ended_by: str | None = None
    caught: bool = False

    @property
    def apart(self) -> bool:
        """Whether it waits apart, among what was set aside: nobody has tried it yet."""
        return self.caught and not self.tries


_COLUMNS = """call_back_id, case_id, programme, asked_by, locale, language, interpreter, phone, zone, wished_at, next_at,
              tries, state, booked_by, booked_at, ended_at, ended_by, caught"""


async def insert(tx: Tx, call: CallBack) -> bool:
    """Keep a booking; False when it was kept before."""
    changed = await tx.changed(
        """INSERT INTO call_backs (call_back_id, case_id, programme, asked_by, locale, language, interpreter, phone, zone,
               wished_at, next_at, tries, state, booked_by, booked_at, caught)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING""",
        call.call_back_id, call.case_id, call.programme, call.asked_by, call.locale, call.language, call.interpreter,
        call.phone, call.zone, call.wished_at, call.next_at, call.tries, call.state, call.booked_by, call.booked_at,
        call.caught,
    )  # fmt: skip
    return changed == 1


async def load(tx: Tx, call_back_id: UUID) -> CallBack | None:
    row = await tx.fetchrow(f"SELECT {_COLUMNS} FROM call_backs WHERE call_back_id = $1", call_back_id)
    return CallBack(**row) if row else None


async def lock(tx: Tx, call_back_id: UUID) -> CallBack | None:
    row = await tx.fetchrow(f"SELECT {_COLUMNS} FROM call_backs WHERE call_back_id = $1 FOR UPDATE", call_back_id)
    return CallBack(**row) if row else None


async def of_case(tx: Tx, case_id: CaseId) -> list[CallBack]:
    """Return the calls of a case: those to come first."""
    sql = f"SELECT {_COLUMNS} FROM call_backs WHERE case_id = $1 ORDER BY (state <> 'booked'), booked_at DESC"
    return [CallBack(**row) for row in await tx.fetch(sql, case_id)]


async def ahead(tx: Tx, limit: int = 200) -> list[CallBack]:
    """Return the calls to come, the next first; not those that wait apart."""
    sql = f"SELECT {_COLUMNS} FROM call_backs WHERE state = 'booked' AND NOT (caught AND tries = 0) ORDER BY next_at, call_back_id LIMIT $1"
    return [CallBack(**row) for row in await tx.fetch(sql, limit)]


async def open_of_case(tx: Tx, case_id: CaseId) -> list[CallBack]:
    sql = f"SELECT {_COLUMNS} FROM call_backs WHERE case_id = $1 AND state = 'booked' ORDER BY call_back_id FOR UPDATE"
    return [CallBack(**row) for row in await tx.fetch(sql, case_id)]


async def move_open(tx: Tx, case_id: CaseId, to: CaseId) -> list[UUID]:
    """Have another case await the calls that this one awaits; return which."""
    rows = await tx.fetch(
        "UPDATE call_backs SET case_id = $2 WHERE case_id = $1 AND state = 'booked' RETURNING call_back_id", case_id, to
    )
    return [row["call_back_id"] for row in rows]


async def give(tx: Tx, items: Sequence[UUID], to: CaseId) -> list[UUID]:
    """Have a case await those of these calls that are still to come; return which."""
    rows = await tx.fetch(
        """UPDATE call_backs SET case_id = $2 WHERE call_back_id = ANY($1::uuid[]) AND state = 'booked'
           RETURNING call_back_id""",
        items, to,
    )  # fmt: skip
    return [row["call_back_id"] for row in rows]


async def count_try(tx: Tx, call_back_id: UUID, next_at: datetime | None) -> None:
    """Count a try that nobody answered; without a next one the call is missed."""
    await tx.execute(
        """UPDATE call_backs SET tries = tries + 1, next_at = $2, state = CASE WHEN $2::timestamptz IS NULL THEN 'missed' ELSE state END,
               ended_at = CASE WHEN $2::timestamptz IS NULL THEN $3::timestamptz END WHERE call_back_id = $1""",
        call_back_id, next_at, tx.now,
    )  # fmt: skip


async def end(tx: Tx, call_back_id: UUID, state: str, by: str) -> None:
    """End a call: reached or cancelled."""
    await tx.execute(
        """UPDATE call_backs SET state = $2, next_at = NULL, ended_at = $3, ended_by = $4,
               tries = tries + CASE $2 WHEN 'reached' THEN 1 ELSE 0 END WHERE call_back_id = $1""",
        call_back_id, state, tx.now, by,
    )  # fmt: skip


async def belongs_to(tx: Tx, call_back_id: UUID, case_id: CaseId) -> None:
    """Tie a call, and what was said in it, to the case that came of it."""
    await tx.execute(
        """WITH said AS (UPDATE contacts SET case_id = $2 WHERE call_back_id = $1 AND case_id IS NULL)
           UPDATE call_backs SET case_id = $2 WHERE call_back_id = $1 AND case_id IS NULL""",
        call_back_id, case_id,
    )  # fmt: skip


async def erase(tx: Tx, call_back_id: UUID) -> None:
    """Forget a call that is over, or that nobody cared to try, and became no case."""
    await tx.execute(
        """DELETE FROM call_backs
           WHERE call_back_id = $1 AND case_id IS NULL AND (state <> 'booked' OR (caught AND tries = 0))""",
        call_back_id,
    )
