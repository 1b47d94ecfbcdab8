"""Files that wait to be looked at, and what was found in them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.records.inspection.results import Child, Looked, Waiting
from services.records.store.materials import announce, settle_announced
from shared.db import Tx
from shared.ids import CaseId

_LEASE = """
WITH leased AS (
    UPDATE documents d SET lease = $2::timestamptz + $3::interval, leased_by = $4 FROM items i
    WHERE i.id = d.item_id AND d.id = ANY(ARRAY(
        SELECT id FROM documents WHERE case_id = $1 AND verdict = 'waiting' AND media_type <> 'inode/directory'
        AND (lease IS NULL OR lease < $2 OR leased_by = $4) AND id <> ALL($6) ORDER BY uploaded_at, id LIMIT $5 FOR UPDATE SKIP LOCKED))
    RETURNING d.id, d.case_id, d.item_id, d.parent_id, d.root_id, i.kind, d.claimed_sha256, d.told, d.uploaded_by,
              d.uploaded_at)
SELECT id, case_id, item_id, parent_id, root_id, kind, claimed_sha256, told, uploaded_by AS sent_by FROM leased ORDER BY uploaded_at, id
"""


async def lease(
    tx: Tx, case_id: CaseId, by: UUID, length: timedelta, limit: int, but: Sequence[UUID] = ()
) -> list[Waiting]:
    """Return files, the oldest first, that nobody else looks at until the lease ends, and none of ``but``.

    What this errand leased before it died, at once.
    """
    rows = await tx.fetch(_LEASE, case_id, tx.now, length, by, limit, but)
    return [Waiting(**dict(row)) for row in rows]


async def release(tx: Tx, ids: Sequence[UUID]) -> None:
    """Let others look at what is still waiting of these."""
    await tx.execute(
        "UPDATE documents SET lease = NULL, leased_by = NULL WHERE id = ANY($1) AND verdict = 'waiting'", ids
    )


async def next_due(tx: Tx, case_id: CaseId) -> datetime | None:
    """Return when the next file of this case may be looked at, or None: nothing waits."""
    found: datetime | None = await tx.fetchval(
        "SELECT min(coalesce(lease, $2)) FROM documents WHERE case_id = $1 AND verdict = 'waiting'"
        " AND media_type <> 'inode/directory'",
        case_id, tx.now,
    )  # fmt: skip
    return found


async def known_hashes(tx: Tx, like: Waiting) -> set[str]:
    """Return the SHA-256 of what an item has already of the same sender, clean and not sent back.

    What others sent isn't known to them: that it is there would tell them.
    """
    rows = await tx.fetch(
        "SELECT d.sha256 FROM documents d LEFT JOIN documents r ON r.id = d.root_id WHERE d.case_id = $1 AND d.item_id = $2"
        " AND d.uploaded_by = $3 AND d.verdict = 'clean' AND d.sha256 IS NOT NULL AND NOT coalesce(r.set_aside, d.set_aside)",
        like.case_id, like.item_id, like.sent_by,
    )  # fmt: skip
    return {row["sha256"] for row in rows}


async def advance(tx: Tx, archive: Waiting, before: int, told: int) -> bool:
    """Note how many files of an archive are told; False: somebody else told these."""
    changed = await tx.changed(
        "UPDATE documents SET told = $3 WHERE id = $1 AND told = $2 AND verdict = 'waiting'", archive.id, before, told
    )
    return changed == 1


async def count(tx: Tx, archive_id: UUID, more: Mapping[str, int]) -> Counter[str]:
    """Add to the counts of what is in an archive, and return them."""
    found = await tx.fetchval("SELECT contents FROM documents WHERE id = $1", archive_id)
    counts = Counter({str(name): int(number) for name, number in (found or {}).items()})
    counts.update(more)
    if more:
        await tx.execute("UPDATE documents SET contents = $2 WHERE id = $1", archive_id, dict(counts))
    return counts


_CHILDREN = """
INSERT INTO documents (id, case_id, item_id, parent_id, root_id, path, name, object_key, sha256, size_bytes, media_type, pages,
    verdict, reason, scanned, unscanned, looked_at, segment_keys, segment_sizes, sealed, uploaded_by, uploaded_by_name, uploaded_at)
SELECT c.id, a.case_id, a.item_id, a.id, coalesce(a.root_id, a.id), c.path, c.name, c.object_key, c.sha256, c.size,
    c.media_type, c.pages, CASE WHEN c.reason IS NULL THEN 'clean' ELSE 'quarantined' END, c.reason, c.scanned, c.unscanned, $2,
    string_to_array(c.keys, ' '), string_to_array(c.sizes, ' ')::bigint[], true, a.uploaded_by, a.uploaded_by_name, a.uploaded_at
FROM documents a, unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bigint[], $9::text[], $10::int[],
    $11::text[], $12::text[], $13::text[], $14::text[], $15::text[])
    AS c (id, path, name, object_key, sha256, size, media_type, pages, reason, keys, sizes, scanned, unscanned)
WHERE a.id = $1
"""


async def add_children(
    tx: Tx, archive: Waiting, children: Sequence[Child], paths: Mapping[UUID, str], places: Mapping[UUID, str]
) -> None:
    """Make documents of files of an archive; those that aren't clean have no bytes of their own."""
    stored = {c.id for c in children if c.segments and c.reason is None}
    rows = [
        (
            c.id, paths[c.id], paths[c.id].rpartition("/")[2], places[c.id] if c.id in stored else None, c.sha256, c.size,
            c.media_type or "application/octet-stream", c.pages, c.reason,
            " ".join(key for key, _ in c.segments) if c.id in stored else None,
            " ".join(str(size) for _, size in c.segments) if c.id in stored else None, c.scanned.by, c.scanned.unscanned,
        )
        for c in children
    ]  # fmt: skip
    if rows:
        await tx.execute(_CHILDREN, archive.id, tx.now, *map(list, zip(*rows, strict=True)))
        await settle_announced(tx, [places[each] for each in stored])


_LOOKED = """
UPDATE documents d SET verdict = l.verdict, reason = l.reason, sha256 = coalesce(l.sha256, d.sha256), pages = coalesce(l.pages, d.pages),
    media_type = coalesce(l.media_type, d.media_type), scanned = l.scanned, unscanned = l.unscanned, looked_at = $1,
    lease = NULL, leased_by = NULL
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::int[], $7::text[], $8::text[], $9::text[])
    AS l (id, verdict, reason, sha256, pages, media_type, scanned, unscanned)
WHERE d.id = l.id AND d.verdict = 'waiting'
RETURNING d.id, d.parent_id
"""


async def give_verdicts(tx: Tx, looked: Sequence[tuple[Looked, str]]) -> list[tuple[UUID, UUID | None]]:
    """Keep what was found with its verdict; return id and parent of those that were still waiting for one."""
    rows = [
        (one.id, verdict, one.reason, one.sha256, one.pages, one.media_type, one.scanned.by, one.scanned.unscanned)
        for one, verdict in looked
    ]
    if not rows:
        return []
    found = await tx.fetch(_LOOKED, tx.now, *map(list, zip(*rows, strict=True)))
    return [(row["id"], row["parent_id"]) for row in found]


async def twins(tx: Tx, case_id: CaseId, hashes: Sequence[str], but: Sequence[UUID]) -> dict[str, UUID]:
    """Return, by SHA-256, a clean sealed file of the case that has these bytes, and isn't one of ``but``."""
    rows = await tx.fetch(
        "SELECT DISTINCT ON (sha256) sha256, id FROM documents WHERE case_id = $1 AND sha256 = ANY($2)"
        " AND verdict = 'clean' AND sealed AND segment_keys IS NOT NULL AND id <> ALL($3) ORDER BY sha256, uploaded_at, id",
        case_id, hashes, but,
    )  # fmt: skip
    return {row["sha256"]: row["id"] for row in rows}


async def share_bytes(tx: Tx, case_id: CaseId, document_id: UUID, twin: UUID | None) -> list[str]:
    """Let a document lie where its twin does, or (None) nowhere; return the places that were its own, announced for sweeping."""
    place = await tx.fetchval(
        "UPDATE documents d SET object_key = NULL, segment_keys = t.segment_keys, segment_sizes = t.segment_sizes"
        " FROM documents o LEFT JOIN documents t ON t.id = $2 WHERE d.id = $1 AND o.id = d.id RETURNING o.object_key",
        document_id, twin,
    )  # fmt: skip
    if place is None:
        return []
    await announce(tx, case_id, [place])
    return [place]


__all__ = [
    "add_children",
    "advance",
    "announce",
    "count",
    "give_verdicts",
    "known_hashes",
    "lease",
    "next_due",
    "release",
    "settle_announced",
    "share_bytes",
    "twins",
]
