"""Folders that come file by file: what came of one, and whether more is on its way."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from services.records.store.uploads import Incoming
from shared.db import Tx
from shared.ids import CaseId

TAKES_MORE = (
    "(d.verdict = 'waiting' OR d.late = 'waits' OR i.state NOT IN ('accepted', 'waived'))"
    " AND coalesce(d.name_matches AND d.birth_date_matches, true)"
)
"""A folder (``d``) of a line (``i``) isn't part of what was decided already, and nobody found it to be another person's."""

_JOIN = f"""
WITH was AS (SELECT arrival FROM documents WHERE id = $1)
INSERT INTO documents AS d (id, case_id, item_id, name, size_bytes, media_type, verdict, contents, uploaded_by, uploaded_by_name,
    uploaded_at, came, expected, arrival, arriving_until)
VALUES ($1, $2, $3, $4, 0, 'inode/directory', 'waiting', '{{}}', $5, $6, $7, 1, $8,
    CASE WHEN $8 = 1 THEN 'whole' ELSE 'arriving' END, CASE WHEN $8 = 1 THEN NULL ELSE $9::timestamptz END)
ON CONFLICT (id) DO UPDATE SET verdict = 'waiting', reason = NULL, set_aside = false, came = coalesce(d.came, 0) + 1,
    expected = greatest(d.expected, excluded.expected),
    arrival = CASE WHEN coalesce(d.came, 0) + 1 >= greatest(d.expected, excluded.expected) THEN 'whole' ELSE 'arriving' END,
    arriving_until = CASE WHEN coalesce(d.came, 0) + 1 >= greatest(d.expected, excluded.expected) THEN NULL ELSE $9 END,
    name_matches = NULL, birth_date_matches = NULL, identity_by = NULL, identity_by_name = NULL, identity_at = NULL
WHERE d.media_type = 'inode/directory' AND d.case_id = $2 AND d.item_id = $3 AND d.uploaded_by = $5
    AND EXISTS (SELECT FROM items i WHERE i.id = d.item_id AND {TAKES_MORE})
RETURNING arrival, (SELECT arrival FROM was) AS was
"""


async def join(tx: Tx, one: Incoming, name: str, quiet: timedelta) -> tuple[str, str | None] | None:
    """Count a file into its folder, which is there from its first file on; return how its arrival stands and stood.

    None: this folder takes no file of this sender. What came back to it is before the case manager again, and whose it is
    is asked anew: it was said of what had come.
    """
    row = await tx.fetchrow(
        _JOIN, one.folder_id, one.case_id, one.item_id, name, one.sent_by.subject, one.sent_by.name, tx.now,
        one.folder_files, tx.now + quiet,
    )  # fmt: skip
    return None if row is None else (row["arrival"], row["was"])


async def end(tx: Tx, case_id: CaseId, folder_id: UUID, subject: str) -> bool:
    """Note that a sender says that nothing more comes of their folder; False: they have none of this id."""
    changed = await tx.changed(
        "UPDATE documents SET arrival = 'whole', arriving_until = NULL WHERE id = $1 AND case_id = $2 AND uploaded_by = $3"
        " AND media_type = 'inode/directory'",
        folder_id, case_id, subject,
    )  # fmt: skip
    return changed == 1


_END_QUIET = """
UPDATE documents d SET arrival = CASE WHEN came < expected THEN 'broken_off' ELSE 'whole' END, arriving_until = NULL
WHERE case_id = $1 AND arrival = 'arriving' AND arriving_until <= $2 AND NOT EXISTS (
    SELECT FROM incoming i WHERE i.case_id = $1 AND i.folder_id = d.id AND i.touched_at > $2::timestamptz - $3::interval)
RETURNING id
"""
_NEXT_QUIET = """
SELECT min(greatest(d.arriving_until, (
    SELECT max(touched_at) FROM incoming i WHERE i.case_id = $1 AND i.folder_id = d.id) + $2::interval))
FROM documents d WHERE d.case_id = $1 AND d.arrival = 'arriving'
"""


async def end_quiet(tx: Tx, case_id: CaseId, quiet: timedelta) -> Sequence[UUID]:
    """End the folders of which nothing came for so long, and return them."""
    return [row["id"] for row in await tx.fetch(_END_QUIET, case_id, tx.now, quiet)]


async def next_quiet(tx: Tx, case_id: CaseId, quiet: timedelta) -> datetime | None:
    """Return when the next folder will have been quiet for long enough; None: none is arriving."""
    found: datetime | None = await tx.fetchval(_NEXT_QUIET, case_id, quiet)
    return found


_SUM_UP = """
WITH kinds AS (
    SELECT coalesce(reason, verdict) AS kind, count(*)::int AS n, sum(size_bytes)::bigint AS size FROM documents
    WHERE parent_id = $1 GROUP BY 1)
UPDATE documents SET contents = (SELECT coalesce(jsonb_object_agg(kind, n), '{}') FROM kinds),
    size_bytes = (SELECT coalesce(sum(size), 0) FROM kinds)
WHERE id = $1 AND media_type = 'inode/directory' RETURNING contents, arrival
"""


async def sum_up(tx: Tx, folder_id: UUID) -> tuple[bool, Counter[str]] | None:
    """Bring a folder's size and counts up to date; return whether something of it is still awaited, and how many are what.

    None: it isn't a folder.
    """
    row = await tx.fetchrow(_SUM_UP, folder_id)
    if row is None:
        return None
    counts = Counter({str(kind): int(number) for kind, number in row["contents"].items()})
    return row["arrival"] == "arriving" or counts["waiting"] > 0, counts


async def closed(tx: Tx, item_id: UUID, subject: str, name: str) -> int:
    """Return how many folders of this name somebody sent for a line that take no more files."""
    found: int = await tx.fetchval(
        "SELECT count(*) FROM documents d JOIN items i ON i.id = d.item_id WHERE d.item_id = $1 AND d.uploaded_by = $2"
        f" AND d.name = $3 AND d.media_type = 'inode/directory' AND NOT ({TAKES_MORE})",
        item_id, subject, name,
    )  # fmt: skip
    return found
