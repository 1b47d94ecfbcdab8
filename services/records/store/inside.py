"""What came inside a folder or an archive: its clean files by their paths, numbers in names counted as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.records.inspection import kinds
from shared.db import Tx
from shared.ids import CaseId

_CLEAN = """
WITH inside AS (
    SELECT d.id, d.media_type, d.size_bytes AS size, d.pages,
           CASE WHEN p.id <> d.root_id THEN p.path || '/' || d.path ELSE d.path END AS path
    FROM documents d JOIN documents p ON p.id = d.parent_id
    WHERE d.case_id = $1 AND d.root_id = $2 AND d.verdict = 'clean' AND d.media_type <> ALL($3))
"""
_IN_ORDER = """
ORDER BY (SELECT array_agg(CASE WHEN part[1] ~ '^[0-9]' THEN lpad(part[1], 20, '0') ELSE lower(part[1]) END ORDER BY place)
          FROM regexp_matches(path, '[0-9]+|[^0-9]+', 'g') WITH ORDINALITY AS parts (part, place)), path, id
"""


@dataclass(frozen=True)
class Inside:
    """One file of a folder or archive; ``path``: where in there, archives within it among the folders."""

    id: UUID
    path: str
    media_type: str
    size: int
    pages: int | None


async def files_in(
    tx: Tx, case_id: CaseId, root_id: UUID, but: Sequence[str] = (), *, skip: int = 0, limit: int | None = None
) -> list[Inside]:
    """Return ``limit`` clean files after the first ``skip``, none of them of a media type in ``but``.

    Of an archive within it there is what is inside, not the archive.
    """
    rows = await tx.fetch(
        f"{_CLEAN} SELECT id, path, media_type, size, pages FROM inside {_IN_ORDER} OFFSET $4 LIMIT $5",
        case_id, root_id, [kinds.ZIP, *but], skip, limit,
    )  # fmt: skip
    return [Inside(**dict(row)) for row in rows]


async def count_in(tx: Tx, case_id: CaseId, root_id: UUID) -> dict[str, int]:
    """Return how many clean files of each media type there are."""
    rows = await tx.fetch(
        f"{_CLEAN} SELECT media_type, count(*)::int AS files FROM inside GROUP BY media_type",
        case_id, root_id, [kinds.ZIP],
    )  # fmt: skip
    return {row["media_type"]: row["files"] for row in rows}
