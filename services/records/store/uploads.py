"""Files on their way in, and how files lie in the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from services.records.domain import Person
from shared.db import Row, Tx
from shared.ids import CaseId


@dataclass(frozen=True)
class Laid:
    """How a file lies: its objects in order with the plain bytes each holds; not ``sealed``: from before there were keys."""

    segments: tuple[tuple[str, int], ...]
    sealed: bool


@dataclass(frozen=True)
class FileRow:
    """A document's file, and how it is named and typed when read. ``root``: what was sent, when this came inside it."""

    id: UUID
    case_id: CaseId
    item_id: UUID
    root: UUID
    name: str
    media_type: str
    size_bytes: int
    sha256: str | None
    verdict: str
    uploaded_by: str
    laid: Laid


_FILE = """
SELECT id, case_id, item_id, coalesce(root_id, id) AS root, name, media_type, size_bytes, sha256, verdict, uploaded_by,
       object_key, segment_keys, segment_sizes, sealed
FROM documents WHERE id = $1
"""


async def file_of(tx: Tx, document_id: UUID) -> FileRow | None:
    """Return where a document's bytes lie, also when it came inside another file."""
    row = await tx.fetchrow(_FILE, document_id)
    if row is None:
        return None
    fields = {k: v for k, v in row.items() if k not in ("object_key", "segment_keys", "segment_sizes", "sealed")}
    return FileRow(**fields, laid=laid_as(row))


def laid_as(row: Row) -> Laid:
    """Return how the file of a row of ``documents`` lies."""
    if row["segment_keys"] is not None:
        return Laid(tuple(zip(row["segment_keys"], row["segment_sizes"], strict=True)), sealed=row["sealed"])
    return Laid(((row["object_key"], row["size_bytes"]),) if row["object_key"] else (), sealed=row["sealed"])


async def is_erased(tx: Tx, case_id: CaseId) -> bool:
    """Return whether the case's key was erased."""
    found: bool = await tx.fetchval(
        "SELECT EXISTS (SELECT FROM case_keys WHERE case_id = $1 AND wrapped IS NULL)", case_id
    )
    return found


@dataclass(frozen=True)
class Incoming:
    """A file on its way in. ``received`` bytes are durable; ``size`` is None when the sender didn't say.

    ``folder_files``: how many files its sender says the folder has.
    """

    id: UUID
    case_id: CaseId
    item_id: UUID
    folder_id: UUID | None
    path: str | None
    name: str
    size: int | None
    claimed_sha256: str | None
    media_type: str | None
    laid: Laid
    received: int
    sent_by: Person
    started_at: datetime
    folder_files: int | None = None


_COLUMNS = """id, case_id, item_id, folder_id, path, name, size_bytes, claimed_sha256, media_type, segment_keys, segment_sizes,
              received_bytes, sent_by, sent_by_name, started_at, folder_files"""


def _incoming(row: Row) -> Incoming:
    return Incoming(
        id=row["id"], case_id=row["case_id"], item_id=row["item_id"], folder_id=row["folder_id"], path=row["path"],
        name=row["name"], size=row["size_bytes"], claimed_sha256=row["claimed_sha256"], media_type=row["media_type"],
        laid=Laid(tuple(zip(row["segment_keys"], row["segment_sizes"], strict=True)), sealed=True),
        received=row["received_bytes"], sent_by=Person(row["sent_by"], row["sent_by_name"]), started_at=row["started_at"],
        folder_files=row["folder_files"],
    )  # fmt: skip


async def begin(tx: Tx, one: Incoming) -> None:
    """Announce a file before its first byte: whatever is written for it is found by its id, and swept if it never ends."""
    await tx.execute(
        "INSERT INTO incoming (id, case_id, item_id, folder_id, path, name, size_bytes, claimed_sha256, sent_by,"
        " sent_by_name, started_at, touched_at, folder_files) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $12)"
        " ON CONFLICT DO NOTHING",
        one.id, one.case_id, one.item_id, one.folder_id, one.path, one.name, one.size, one.claimed_sha256,
        one.sent_by.subject, one.sent_by.name, one.started_at, one.folder_files,
    )  # fmt: skip


async def incoming(tx: Tx, case_id: CaseId, upload_id: UUID, *, lock: bool = False) -> Incoming | None:
    """Return a file on its way in, or None: there is none of this id in this case. ``lock`` it until the commit."""
    row = await tx.fetchrow(
        f"SELECT {_COLUMNS} FROM incoming WHERE case_id = $1 AND id = $2{' FOR UPDATE' if lock else ''}",
        case_id, upload_id,
    )  # fmt: skip
    return None if row is None else _incoming(row)


async def incoming_from(tx: Tx, case_id: CaseId, subject: str, item_id: UUID | None = None) -> list[Incoming]:
    """Return what this person has begun to send for a case, or one line of it, and not ended, the oldest first."""
    rows = await tx.fetch(
        f"SELECT {_COLUMNS} FROM incoming WHERE case_id = $1 AND sent_by = $2 AND ($3::uuid IS NULL OR item_id = $3)"
        " ORDER BY started_at, id LIMIT 5000",
        case_id, subject, item_id,
    )  # fmt: skip
    return [_incoming(row) for row in rows]


_TAKE_OVER = """
WITH taken AS (
    UPDATE incoming SET writer = $2, touched_at = $5 WHERE id = $1 AND received_bytes = $3 RETURNING case_id),
announced AS (INSERT INTO uploads (object_key, case_id, started_at) SELECT unnest($4::text[]), case_id, $5 FROM taken)
SELECT count(*) FROM taken
"""


async def take_over(tx: Tx, upload_id: UUID, writer: UUID, offset: int, keys: Sequence[str]) -> bool:
    """Let ``writer`` alone add to a file that has ``offset`` bytes, at ``keys`` first; whoever wrote before can't any more."""
    taken: int = await tx.fetchval(_TAKE_OVER, upload_id, writer, offset, keys, tx.now)
    return taken == 1


_ADD_SEGMENT = """
WITH counted AS (
    UPDATE incoming SET segment_keys = segment_keys || $3::text, segment_sizes = segment_sizes || $4::bigint,
        received_bytes = received_bytes + $4, media_type = coalesce(media_type, $5), touched_at = $6
    WHERE id = $1 AND writer = $2 RETURNING case_id),
settled AS (DELETE FROM uploads WHERE object_key = ANY($7) AND EXISTS (SELECT FROM counted)),
announced AS (INSERT INTO uploads (object_key, case_id, started_at) SELECT unnest($8::text[]), case_id, $6 FROM counted)
SELECT count(*) FROM counted
"""


async def add_segment(
    tx: Tx, one: Incoming, writer: UUID, key: str, size: int, *, settled: Sequence[str], announced: Sequence[str]
) -> bool:
    """Count a segment that is durable at ``key``; what was announced and is ``settled`` need not be swept any more.

    False: another writer took over, it doesn't count.
    """
    counted: int = await tx.fetchval(
        _ADD_SEGMENT, one.id, writer, key, size, one.media_type, tx.now, settled, announced
    )
    return counted == 1


async def close(tx: Tx, case_id: CaseId, upload_id: UUID) -> bool:
    """Let nobody add to an upload any more; False: it isn't on its way."""
    changed = await tx.changed("UPDATE incoming SET writer = NULL WHERE case_id = $1 AND id = $2", case_id, upload_id)
    return changed == 1


async def end(tx: Tx, upload_id: UUID) -> None:
    """Forget a file on its way in: it is a document now, or gone from the store."""
    await tx.execute("DELETE FROM incoming WHERE id = $1", upload_id)


async def abandoned(tx: Tx, case_id: CaseId, age: timedelta, resumable: timedelta) -> Sequence[UUID]:
    """Return what nobody has added to for too long: nobody can go on with what is of unknown length, longer with the rest."""
    rows = await tx.fetch(
        "SELECT id FROM incoming WHERE case_id = $1 AND touched_at < $2::timestamptz"
        " - CASE WHEN size_bytes IS NULL THEN $3::interval ELSE $4::interval END",
        case_id, tx.now, age, resumable,
    )  # fmt: skip
    return [row["id"] for row in rows]


async def add_document(tx: Tx, one: Incoming, document_id: UUID, object_key: str, sha256: str | None) -> None:
    """Make a document of a file that is all there; it waits to be looked at."""
    await tx.execute(
        "INSERT INTO documents (id, case_id, item_id, object_key, name, sha256, size_bytes, media_type, parent_id, root_id,"
        " path, verdict, claimed_sha256, segment_keys, segment_sizes, sealed, uploaded_by, uploaded_by_name, uploaded_at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9, $10, 'waiting', $11, $12, $13, true, $14, $15, $16)",
        document_id, one.case_id, one.item_id, object_key, one.name, sha256, one.received,
        one.media_type or "application/octet-stream", one.folder_id, one.path if one.folder_id else None,
        one.claimed_sha256, [key for key, _ in one.laid.segments], [size for _, size in one.laid.segments],
        one.sent_by.subject, one.sent_by.name, tx.now,
    )  # fmt: skip
    await end(tx, one.id)


async def arrived(tx: Tx, case_id: CaseId, upload_id: UUID) -> Incoming | None:
    """Return an upload that is whole, as it stood when it became a document: a sender may have missed the last answer."""
    row = await tx.fetchrow(
        "SELECT id, case_id, item_id, parent_id AS folder_id, path, name, size_bytes, claimed_sha256, media_type,"
        " '{}'::text[] AS segment_keys, '{}'::bigint[] AS segment_sizes, size_bytes AS received_bytes,"
        " uploaded_by AS sent_by, uploaded_by_name AS sent_by_name, uploaded_at AS started_at,"
        " NULL::integer AS folder_files FROM documents WHERE case_id = $1 AND id = $2 AND media_type <> 'inode/directory'",
        case_id, upload_id,
    )  # fmt: skip
    return None if row is None else _incoming(row)


async def anything_on_its_way(tx: Tx, case_id: CaseId) -> bool:
    """Return whether something of this case may still have to be swept."""
    found: bool = await tx.fetchval(
        "SELECT EXISTS (SELECT FROM incoming WHERE case_id = $1) OR EXISTS (SELECT FROM uploads WHERE case_id = $1)",
        case_id,
    )
    return found


async def pages_of(tx: Tx, document_id: UUID) -> int:
    """Return how many pages a document has; one when nobody counted."""
    found: int = await tx.fetchval("SELECT coalesce(pages, 1) FROM documents WHERE id = $1", document_id)
    return found


async def places_of(tx: Tx, case_id: CaseId) -> list[str]:
    """Return every place in the store where something of this case may lie."""
    rows = await tx.fetch(
        "SELECT object_key AS place FROM documents WHERE case_id = $1 AND object_key IS NOT NULL"
        " UNION SELECT object_key FROM uploads WHERE case_id = $1"
        " UNION SELECT right(replace(id::text, '-', ''), 2) || '/' || replace(id::text, '-', '') FROM incoming WHERE case_id = $1",
        case_id,
    )
    return [row["place"] for row in rows]
