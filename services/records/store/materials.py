"""What came for the checklist: items, documents, parcels of slides, summaries."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.records.domain import Counts, Decision, Document, Item, Person, Shipment, Summary
from shared.db import Tx
from shared.ids import CaseId, new_id
from shared.programme import Requirement


@dataclass(frozen=True)
class StoredFile:
    """A document's bytes: where they lie, and how they are to be named and typed when read."""

    id: UUID
    case_id: CaseId
    item_id: UUID
    object_key: str
    name: str
    media_type: str
    size_bytes: int
    sha256: str


async def add_items(tx: Tx, case_id: CaseId, revision: int, items: Iterable[Requirement]) -> None:
    """Add the lines that the checklist doesn't have yet; one that only helped may become needed."""
    rows = [(new_id(), one.code, dict(one.titles), dict(one.hints), one.kind, one.needed) for one in items]
    ids, codes, titles, hints, kinds, needed = zip(*rows, strict=True) if rows else ([],) * 6
    await tx.execute(
        "INSERT INTO items (id, case_id, code, titles, hints, kind, needed, position, revision)"
        " SELECT id, $1, code, titles, hints, kind, needed, position, $2 FROM unnest($3::uuid[], $4::text[], $5::jsonb[],"
        " $6::jsonb[], $7::text[], $8::bool[]) WITH ORDINALITY AS u (id, code, titles, hints, kind, needed, position)"
        " ON CONFLICT (case_id, code) DO UPDATE SET needed = true, version = items.version + 1"
        " WHERE excluded.needed AND NOT items.needed",
        case_id, revision, ids, codes, titles, hints, kinds, needed,
    )  # fmt: skip


async def mark_uploaded(tx: Tx, item_id: UUID) -> None:
    """Put the item before the case manager again."""
    await tx.execute(
        "UPDATE items SET state = 'uploaded', decided_by = NULL, decided_by_name = NULL, decided_at = NULL,"
        " reason = NULL, version = version + 1 WHERE id = $1",
        item_id,
    )


async def decide(tx: Tx, case_id: CaseId, item: Item, decision: Decision) -> None:
    """Save the decided item, and add the decision to its history."""
    by, at, reason = decision.by, decision.at, decision.reason
    await tx.execute(
        "UPDATE items SET state = $2, decided_by = $3, decided_by_name = $4, decided_at = $5, reason = $6,"
        " version = version + 1 WHERE id = $1",
        item.id, decision.state, by.subject, by.name, at, reason,
    )  # fmt: skip
    await tx.execute(
        "INSERT INTO item_decisions (id, case_id, item_id, state, reason, decided_by, decided_by_name, decided_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        new_id(), case_id, item.id, decision.state, reason, by.subject, by.name, at,
    )  # fmt: skip
    await tx.executemany(
        "UPDATE documents SET set_aside = $2 WHERE id = $1", [(d.id, d.set_aside) for d in item.documents]
    )


async def add_document(tx: Tx, case_id: CaseId, item_id: UUID, object_key: str, document: Document) -> None:
    """Make an uploaded file visible: from this commit on it is no orphan."""
    by = document.uploaded_by
    await tx.execute(
        "INSERT INTO documents (id, case_id, item_id, object_key, name, sha256, size_bytes, media_type, uploaded_by,"
        " uploaded_by_name, uploaded_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        document.id, case_id, item_id, object_key, document.name, document.sha256, document.size, document.media_type,
        by.subject, by.name, document.uploaded_at,
    )  # fmt: skip
    await tx.execute("DELETE FROM uploads WHERE object_key = $1", object_key)


async def describe(tx: Tx, item: Item, document: Document) -> None:
    """Save what the case manager found in a document: language, original, pages, and whose it is."""
    check = document.identity
    await tx.execute(
        "UPDATE documents SET language = $2, translation_of = $3, pages = $4, name_matches = $5,"
        " birth_date_matches = $6, identity_by = $7, identity_by_name = $8, identity_at = $9 WHERE id = $1",
        document.id, document.language, document.translation_of, document.pages,
        check and check.name_matches, check and check.birth_date_matches,
        check and check.by.subject, check and check.by.name, check and check.at,
    )  # fmt: skip
    await tx.execute("UPDATE items SET version = version + 1 WHERE id = $1", item.id)


async def stored_file(tx: Tx, document_id: UUID) -> StoredFile | None:
    """Return where a document's bytes lie."""
    row = await tx.fetchrow(
        "SELECT id, case_id, item_id, object_key, name, media_type, size_bytes, sha256 FROM documents WHERE id = $1",
        document_id,
    )
    return None if row is None else StoredFile(**dict(row))


async def begin_upload(tx: Tx, case_id: CaseId, object_key: str) -> None:
    """Remember an object that is about to be written."""
    await tx.execute(
        "INSERT INTO uploads (object_key, case_id, started_at) VALUES ($1, $2, $3)", object_key, case_id, tx.now
    )


async def abandoned_uploads(tx: Tx, case_id: CaseId, age: timedelta) -> Sequence[str]:
    """Return the objects of this case whose document never committed, begun longer ago than ``age``."""
    rows = await tx.fetch(
        "SELECT object_key FROM uploads WHERE case_id = $1 AND started_at < $2",
        case_id, tx.now - age,
    )  # fmt: skip
    return [row["object_key"] for row in rows]


async def forget_upload(tx: Tx, object_key: str) -> None:
    """Forget an object that is gone from the store."""
    await tx.execute("DELETE FROM uploads WHERE object_key = $1", object_key)


async def add_shipment(tx: Tx, case_id: CaseId, parcel: Shipment) -> None:
    """Write down a parcel of slides and its manifest."""
    await tx.execute(
        "INSERT INTO slide_shipments (id, case_id, leg, courier, tracking, expected_slides, expected_blocks, packed_by,"
        " packed_by_name, packed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        parcel.id, case_id, parcel.leg, parcel.courier, parcel.tracking, parcel.expected.slides, parcel.expected.blocks,
        parcel.packed_by.subject, parcel.packed_by.name, parcel.packed_at,
    )  # fmt: skip


async def count_shipment(tx: Tx, parcel_id: UUID, counted: Counts, by: Person) -> None:
    """Write down what was in the parcel when it was opened; a later count replaces it."""
    await tx.execute(
        "UPDATE slide_shipments SET counted_slides = $2, counted_blocks = $3, counted_by = $4, counted_by_name = $5,"
        " counted_at = $6 WHERE id = $1",
        parcel_id, counted.slides, counted.blocks, by.subject, by.name, tx.now,
    )  # fmt: skip


async def write_summary(tx: Tx, case_id: CaseId, summary: Summary) -> None:
    """Add a version of the summary; earlier ones stay as they were."""
    await tx.execute(
        "INSERT INTO summaries (case_id, version, text, written_by, written_by_name, written_at)"
        " VALUES ($1, $2, $3, $4, $5, $6)",
        case_id, summary.version, summary.text, summary.written_by.subject, summary.written_by.name, summary.written_at,
    )  # fmt: skip


async def sign_summary(tx: Tx, case_id: CaseId, version: int, by: Person) -> None:
    """Put a name under one version, once."""
    await tx.execute(
        "UPDATE summaries SET signed_by = $3, signed_by_name = $4, signed_at = $5"
        " WHERE case_id = $1 AND version = $2 AND signed_by IS NULL",
        case_id, version, by.subject, by.name, tx.now,
    )  # fmt: skip
