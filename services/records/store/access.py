"""Who may read a case, who did; and the partner's feed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.records.domain import Person
from shared.db import Tx
from shared.events import SpecialistAssigned
from shared.ids import CaseId, EventId, new_id

READ_AGAIN_AFTER = timedelta(hours=1)
"""What is opened page by page, or image by image: one line stands for what one person opens of it within this time."""


async def grant(tx: Tx, fact: SpecialistAssigned) -> None:
    """Let the specialist of this assignment read; a case may have several (R30)."""
    await tx.execute(
        "INSERT INTO reader_grants (case_id, assignment_id, specialist_id, granted_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING",
        fact.case_id, fact.assignment_id, fact.specialist_id, fact.accepted_at,
    )  # fmt: skip


async def name_reader(tx: Tx, case_id: CaseId, specialist_id: UUID, subject: str) -> None:
    """Note under which subject the specialist signs in. Raises ``LookupError``: this specialist wasn't assigned here."""
    changed = await tx.changed(
        "UPDATE reader_grants SET subject = $3 WHERE case_id = $1 AND specialist_id = $2",
        case_id,
        specialist_id,
        subject,
    )
    if changed == 0:
        raise LookupError("matching named a specialist who wasn't assigned to this case")


async def revoke_readers(tx: Tx, case_id: CaseId, at: datetime) -> None:
    """End every specialist's access to the case."""
    await tx.execute("UPDATE reader_grants SET revoked_at = $2 WHERE case_id = $1 AND revoked_at IS NULL", case_id, at)


async def is_reader(tx: Tx, case_id: CaseId, subject: str) -> bool:
    """Return whether this specialist was assigned to the case and still is."""
    found: bool = await tx.fetchval(
        "SELECT EXISTS (SELECT FROM reader_grants WHERE case_id = $1 AND subject = $2 AND revoked_at IS NULL)",
        case_id, subject,
    )  # fmt: skip
    return found


async def record_read(tx: Tx, case_id: CaseId, document_id: UUID, by: Person, roles: Iterable[str]) -> None:
    """Write down who took a document away as a file (M13)."""
    await tx.execute(
        "INSERT INTO document_reads (id, document_id, case_id, read_by, read_by_name, roles, read_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7)",
        new_id(), document_id, case_id, by.subject, by.name, sorted(roles), tx.now,
    )  # fmt: skip


async def record_look(
    tx: Tx, case_id: CaseId, document_id: UUID, by: Person, roles: Iterable[str], series_uid: str | None = None
) -> None:
    """Write down that somebody looks at pages of a document, or at images of a series, unless a line of the last hour does (M13)."""
    await tx.execute(
        "INSERT INTO document_reads (id, document_id, case_id, read_by, read_by_name, roles, read_at, series_uid)"
        " SELECT $1, $2, $3, $4, $5, $6, $7::timestamptz, $8::text WHERE NOT EXISTS (SELECT FROM document_reads"
        " WHERE case_id = $3 AND read_by = $4 AND read_at > $7::timestamptz - $9::interval"
        " AND CASE WHEN $8 IS NULL THEN document_id = $2 AND series_uid IS NULL ELSE series_uid = $8 END)",
        new_id(), document_id, case_id, by.subject, by.name, sorted(roles), tx.now, series_uid, READ_AGAIN_AFTER,
    )  # fmt: skip


@dataclass(frozen=True)
class ReadLine:
    """Somebody opened a document: took it away, or looked at its pages within an hour; ``series_uid``: at images of a series."""

    document_id: UUID
    name: str
    read_by_name: str
    roles: list[str]
    read_at: datetime
    series_uid: str | None = None


async def reads_of(tx: Tx, case_id: CaseId, skip: int, limit: int) -> tuple[list[ReadLine], int]:
    """Return who opened which document of the case, the latest first, ``limit`` lines after ``skip``; and how many there are."""
    rows = await tx.fetch(
        "SELECT r.document_id, d.name, r.read_by_name, r.roles, r.read_at, r.series_uid FROM document_reads r"
        " JOIN documents d ON d.id = r.document_id WHERE r.case_id = $1 ORDER BY r.read_at DESC, r.id DESC OFFSET $2 LIMIT $3",
        case_id, skip, limit,
    )  # fmt: skip
    total: int = await tx.fetchval("SELECT count(*)::int FROM document_reads WHERE case_id = $1", case_id)
    return [ReadLine(**dict(row)) for row in rows], total


async def of_others(tx: Tx, case_id: CaseId) -> set[UUID]:
    """Return the documents of the case that were found to be another person's, with what came inside them (M5)."""
    rows = await tx.fetch(
        "SELECT d.id FROM documents d JOIN documents root ON root.id = coalesce(d.root_id, d.id)"
        " WHERE d.case_id = $1 AND (NOT (d.name_matches AND d.birth_date_matches) OR NOT (root.name_matches AND root.birth_date_matches))",
        case_id,
    )  # fmt: skip
    return {row["id"] for row in rows}


@dataclass(frozen=True)
class FeedRow:
    """One thing the partner is told, and the place in the feed just behind it."""

    xid: int
    id: int
    event_id: UUID
    type: str
    case_id: UUID
    occurred_at: datetime
    data: dict[str, Any]


def tell(tx: Tx, event_id: EventId, type_name: str, case_id: CaseId, at: datetime, data: dict[str, Any]) -> None:
    """Add a row to the partner's feed, in the transaction of what it tells."""
    tx.at_commit(
        "INSERT INTO partner_feed (event_id, type, case_id, occurred_at, data)"
        " SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::jsonb[])",
        event_id, type_name, case_id, at, data,
    )  # fmt: skip


async def feed_after(tx: Tx, xid: int, id_: int, limit: int) -> list[FeedRow]:
    """Return the rows behind a cursor, of transactions older than every one still open: none can come in between."""
    rows = await tx.fetch(
        "SELECT xid::text::bigint AS xid, id, event_id, type, case_id, occurred_at, data FROM partner_feed"
        " WHERE (xid, id) > ($1::text::xid8, $2::bigint) AND xid < pg_snapshot_xmin(pg_current_snapshot())"
        " ORDER BY xid, id LIMIT $3",
        str(xid), id_, limit,
    )  # fmt: skip
    return [FeedRow(**dict(row)) for row in rows]
