"""What came for the checklist: items, documents, parcels of slides, summaries."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from uuid import UUID

from services.records.domain import Counts, Decision, Document, Item, Person, Shipment, Summary
from shared.db import Tx
from shared.ids import CaseId, new_id
from shared.programme import Requirement


async def add_items(tx: Tx, case_id: CaseId, revision: int, items: Iterable[Requirement]) -> None:
    """Add the lines that the checklist doesn't have yet; one that only helped, or didn't apply, may become needed."""
    sql = "SELECT code, needed FROM items WHERE case_id = $1 AND applies AND about <> '{}'"
    there = {row["code"]: row["needed"] for row in await tx.fetch(sql, case_id)}
    rows = [
        (
            new_id(),
            one.code,
            dict(one.titles),
            dict(one.hints),
            one.kind,
            one.needed,
            _about(one),
            one.asked,
            one.max_age,
            place,
        )
        for place, one in enumerate(items, 1)
        if one.code not in there or one.needed > there[one.code]
    ]
    if not rows:
        return
    await tx.execute(
        "INSERT INTO items (id, case_id, code, titles, hints, kind, needed, about, asked, max_age, position, revision,"
        " waiting_since)"
        " SELECT id, $1, code, titles, hints, kind, needed, about, asked, max_age, position, $2, $3"
        " FROM unnest($4::uuid[], $5::text[], $6::jsonb[], $7::jsonb[], $8::text[], $9::bool[], $10::jsonb[], $11::text[],"
        " $12::interval[], $13::int[]) AS u (id, code, titles, hints, kind, needed, about, asked, max_age, position)"
        " ON CONFLICT (case_id, code) DO UPDATE SET needed = items.needed OR excluded.needed, applies = true,"
        " about = excluded.about, asked = excluded.asked, max_age = excluded.max_age, version = items.version + 1,"
        " waiting_since = CASE WHEN items.applies THEN items.waiting_since ELSE excluded.waiting_since END"
        " WHERE (excluded.needed AND NOT items.needed) OR NOT items.applies OR items.about = '{}'",
        case_id, revision, tx.now, *zip(*rows, strict=True),
    )  # fmt: skip


async def count_needed(tx: Tx, case_id: CaseId) -> int:
    """Return how many lines of the checklist the case can't go on without."""
    needed: int = await tx.fetchval("SELECT count(*) FROM items WHERE case_id = $1 AND applies AND needed", case_id)
    return needed


def _about(one: Requirement) -> dict[str, dict[str, str]]:
    said = {"why": one.whys, "way": one.ways, "without": one.withouts, "request": one.requests}
    return {name: dict(words) for name, words in said.items() if words}


async def drop_items(tx: Tx, case_id: CaseId, codes: Iterable[str]) -> None:
    """Take lines off the checklist of which somebody said that there is no such thing; where something came, they stay."""
    await tx.execute(
        "UPDATE items SET applies = false, version = version + 1 WHERE case_id = $1 AND code = ANY($2) AND applies"
        " AND state = 'needed' AND NOT EXISTS (SELECT FROM documents d WHERE d.item_id = items.id)",
        case_id, list(codes),
    )  # fmt: skip


async def lapse(tx: Tx, item: Item, day: date) -> None:
    """Ask again for what has become too old; what came stays readable, set aside."""
    await tx.execute(
        "UPDATE items SET state = 'needed', decided_by = NULL, decided_by_name = NULL, decided_at = NULL,"
        " reason = NULL, reason_code = NULL, meaning = NULL, lapsed_on = $2, waiting_since = $3, version = version + 1 WHERE id = $1",
        item.id, day, tx.now,
    )  # fmt: skip
    await tx.execute("UPDATE documents SET set_aside = true WHERE item_id = $1 AND verdict <> 'waiting'", item.id)


async def mark_uploaded(tx: Tx, item_id: UUID) -> None:
    """Put the item before the case manager again."""
    await tx.execute(
        "UPDATE items SET state = 'uploaded', decided_by = NULL, decided_by_name = NULL, decided_at = NULL,"
        " reason = NULL, reason_code = NULL, meaning = NULL, lapsed_on = NULL, never_made = false, version = version + 1,"
        " waiting_since = CASE WHEN state = 'uploaded' THEN waiting_since ELSE $2 END WHERE id = $1",
        item_id, tx.now,
    )  # fmt: skip


async def decide(tx: Tx, case_id: CaseId, item: Item, decision: Decision) -> None:
    """Save the decided item, and add the decision to its history."""
    by, at, why = decision.by, decision.at, (decision.reason, decision.code, decision.meaning)
    await tx.execute(
        "UPDATE items SET state = $2, decided_by = $3, decided_by_name = $4, decided_at = $5, reason = $6,"
        " reason_code = $7, meaning = $8, lapsed_on = NULL, waiting_since = $5, version = version + 1 WHERE id = $1",
        item.id, decision.state, by.subject, by.name, at, *why,
    )  # fmt: skip
    await tx.execute(
        "INSERT INTO item_decisions (id, case_id, item_id, state, decided_by, decided_by_name, decided_at, reason,"
        " reason_code, meaning) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        new_id(), case_id, item.id, decision.state, by.subject, by.name, at, *why,
    )  # fmt: skip
    await tx.executemany(
        "UPDATE documents SET set_aside = $2 WHERE id = $1", [(d.id, d.set_aside) for d in item.documents]
    )


async def mark_late(tx: Tx, document_ids: Sequence[UUID]) -> None:
    """Let documents that came after the records were complete wait for somebody who takes them in or not."""
    await tx.execute("UPDATE documents SET late = 'waits' WHERE id = ANY($1) AND late IS NULL", document_ids)


async def settle_late(tx: Tx, item: Item, document: Document) -> None:
    """Save what was decided about a document that came late; the item counts its version up."""
    await tx.execute(
        "UPDATE documents SET late = $2, late_words = $3, late_by_name = $4, late_at = $5 WHERE id = $1",
        document.id, document.late, document.late_words, document.late_by_name, document.late_at,
    )  # fmt: skip
    await tx.execute("UPDATE items SET version = version + 1 WHERE id = $1", item.id)


async def describe(tx: Tx, item: Item, document: Document) -> None:
    """Save what the case manager found in a document: language, original, pages, and whose it is."""
    check = document.identity
    await tx.execute(
        "UPDATE documents SET language = $2, translation_of = $3, pages = $4, name_matches = $5,"
        " birth_date_matches = $6, identity_by = $7, identity_by_name = $8, identity_at = $9, dated_on = $10"
        " WHERE id = $1",
        document.id, document.language, document.translation_of, document.pages,
        check and check.name_matches, check and check.birth_date_matches,
        check and check.by.subject, check and check.by.name, check and check.at, document.dated_on,
    )  # fmt: skip
    await tx.execute("UPDATE items SET version = version + 1 WHERE id = $1", item.id)


async def announce(tx: Tx, case_id: CaseId, object_keys: Sequence[str]) -> None:
    """Remember places in the store that are about to be written to."""
    await tx.execute(
        "INSERT INTO uploads (object_key, case_id, started_at) SELECT key, $2, $3 FROM unnest($1::text[]) AS key",
        object_keys, case_id, tx.now,
    )  # fmt: skip


async def settle_announced(tx: Tx, object_keys: Sequence[str]) -> None:
    """Forget places that documents point at now: what lies there is no orphan."""
    await tx.execute("DELETE FROM uploads WHERE object_key = ANY($1)", object_keys)


async def abandoned_uploads(tx: Tx, case_id: CaseId, age: timedelta) -> Sequence[str]:
    """Return the places of this case in the store that no document came to point at, begun longer ago than ``age``."""
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
