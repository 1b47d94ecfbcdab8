"""Requests that staff type for somebody: when and how they came, what they came on, how consent was given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.db import Tx
from shared.ids import CaseId


@dataclass(frozen=True, slots=True)
class Arrival:
    draft_id: UUID
    channel: str
    received_at: datetime
    call_back_id: UUID | None
    entered_by: str
    entered_at: datetime


@dataclass(frozen=True, slots=True)
class Original:
    """A paper or message as it came; its draft's id is its case's."""

    original_id: UUID
    draft_id: UUID
    object_key: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str
    added_by: str
    added_at: datetime


@dataclass(frozen=True, slots=True)
class ConsentAct:
    version: str
    how: str
    taken_by: str
    given_at: datetime


async def insert_arrival(tx: Tx, arrival: Arrival) -> None:
    await tx.execute(
        """INSERT INTO arrivals (draft_id, channel, received_at, call_back_id, entered_by, entered_at)
           VALUES ($1, $2, $3, $4, $5, $6)""",
        arrival.draft_id, arrival.channel, arrival.received_at, arrival.call_back_id, arrival.entered_by,
        arrival.entered_at,
    )  # fmt: skip


async def arrival(tx: Tx, draft_id: UUID) -> Arrival | None:
    row = await tx.fetchrow(
        "SELECT draft_id, channel, received_at, call_back_id, entered_by, entered_at FROM arrivals WHERE draft_id = $1",
        draft_id,
    )
    return Arrival(**row) if row else None


async def begin_upload(tx: Tx, upload_id: UUID, object_key: str) -> None:
    """Announce an object before its first byte, so that one whose row never commits is found."""
    await tx.execute("INSERT INTO original_uploads (upload_id, object_key) VALUES ($1, $2)", upload_id, object_key)


async def insert_original(tx: Tx, original: Original) -> None:
    """Make an object in the store mean something."""
    await tx.execute(
        """WITH arrived AS (DELETE FROM original_uploads WHERE object_key = $3)
           INSERT INTO originals (original_id, draft_id, object_key, name, media_type, size_bytes, sha256, added_by, added_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        original.original_id, original.draft_id, original.object_key, original.name, original.media_type,
        original.size_bytes, original.sha256, original.added_by, original.added_at,
    )  # fmt: skip


_ORIGINALS = """SELECT original_id, draft_id, object_key, name, media_type, size_bytes, sha256, added_by, added_at
                FROM originals """


async def originals_of(tx: Tx, draft_id: UUID) -> list[Original]:
    sql = _ORIGINALS + "WHERE draft_id = $1 ORDER BY added_at, original_id"
    return [Original(**row) for row in await tx.fetch(sql, draft_id)]


async def original(tx: Tx, draft_id: UUID, original_id: UUID) -> Original | None:
    row = await tx.fetchrow(_ORIGINALS + "WHERE draft_id = $1 AND original_id = $2", draft_id, original_id)
    return Original(**row) if row else None


async def note_read(tx: Tx, original_id: UUID, by: str) -> None:
    sql = "INSERT INTO original_reads (original_id, read_by, read_at) VALUES ($1, $2, $3)"
    await tx.execute(sql, original_id, by, tx.now)


async def forget(tx: Tx, draft_id: UUID) -> list[str]:
    """Forget how a draft came and what it came on, unless it became a case; return the objects to delete."""
    rows = await tx.fetch(
        """WITH gone AS (DELETE FROM arrivals WHERE draft_id = $1 AND NOT EXISTS (SELECT FROM cases WHERE case_id = $1))
           DELETE FROM originals WHERE draft_id = $1 AND NOT EXISTS (SELECT FROM cases WHERE case_id = $1)
           RETURNING object_key""",
        draft_id,
    )
    return [row["object_key"] for row in rows]


async def left_over(tx: Tx, upload_id: UUID) -> str | None:
    """Forget an upload that never became an original, and return its object; None when it did."""
    sql = "DELETE FROM original_uploads WHERE upload_id = $1 RETURNING object_key"
    found: str | None = await tx.fetchval(sql, upload_id)
    return found


async def insert_consent_act(tx: Tx, case_id: CaseId, version: str, how: str, by: str, at: datetime) -> None:
    """Note how consent in this version was given; once each way."""
    await tx.execute(
        """INSERT INTO consent_acts (case_id, version, how, taken_by, given_at) VALUES ($1, $2, $3, $4, $5)
           ON CONFLICT DO NOTHING""",
        case_id, version, how, by, at,
    )  # fmt: skip


async def consent_acts(tx: Tx, case_id: CaseId) -> list[ConsentAct]:
    sql = "SELECT version, how, taken_by, given_at FROM consent_acts WHERE case_id = $1 ORDER BY given_at"
    return [ConsentAct(**row) for row in await tx.fetch(sql, case_id)]


async def consent_version(tx: Tx, case_id: CaseId) -> str | None:
    sql = "SELECT version FROM consents WHERE case_id = $1 ORDER BY signed_at DESC LIMIT 1"
    found: str | None = await tx.fetchval(sql, case_id)
    return found
