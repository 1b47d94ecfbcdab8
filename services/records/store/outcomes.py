"""What became of what somebody sent."""

from dataclasses import dataclass
from uuid import UUID

from services.records.domain import Arrival, Verdict
from services.records.store.folders import TAKES_MORE
from shared.db import Tx
from shared.ids import CaseId

_MOST = 25_000


@dataclass(frozen=True)
class Outcome:
    """What became of a file that somebody sent; ``files``: of an archive or folder, how many were what.

    ``sha256`` is what its sender said until it was looked at. ``set_aside``: it was sent back. Of a folder: its
    ``arrival``, with ``came`` of ``expected`` files, and whether it ``takes_more``.
    """

    id: UUID
    item_id: UUID
    parent_id: UUID | None
    name: str
    path: str | None
    size_bytes: int
    sha256: str | None
    verdict: Verdict
    reason: str | None
    contents: dict[str, int] | None
    set_aside: bool
    arrival: Arrival | None
    came: int | None
    expected: int | None
    takes_more: bool

    @property
    def files(self) -> dict[str, int]:
        return self.contents or {}


_OUTCOMES = f"""
SELECT d.id, d.item_id, d.parent_id, d.name, d.path, d.size_bytes, coalesce(d.sha256, d.claimed_sha256) AS sha256, d.verdict,
    d.reason, d.contents, coalesce(r.set_aside, d.set_aside) AS set_aside, d.arrival, d.came, d.expected,
    d.arrival IN ('arriving', 'broken_off') AND NOT d.set_aside AND {TAKES_MORE} AS takes_more
FROM documents d JOIN items i ON i.id = d.item_id LEFT JOIN documents p ON p.id = d.parent_id
    LEFT JOIN documents r ON r.id = d.root_id
WHERE d.case_id = $1 AND d.uploaded_by = $2 AND ($3::uuid IS NULL OR d.item_id = $3)
    AND (d.parent_id IS NULL OR p.media_type = 'inode/directory' OR d.verdict <> 'clean')
ORDER BY d.uploaded_at DESC, d.id LIMIT {_MOST}
"""


async def outcomes(tx: Tx, case_id: CaseId, subject: str, item_id: UUID | None = None) -> list[Outcome]:
    """Return what this person sent for a case, or for one line of it, the newest first.

    Of what was inside archives, only what is not clean.
    """
    rows = await tx.fetch(_OUTCOMES, case_id, subject, item_id)
    return [
        Outcome(**{
            **row, "verdict": Verdict(row["verdict"]), "takes_more": bool(row["takes_more"]),
            "arrival": row["arrival"] and Arrival(row["arrival"]),
        })
        for row in rows
    ]  # fmt: skip
