"""Is anything missing? Each owner counts its facts per case without gaps; this compares that with what we heard."""

from dataclasses import dataclass
from uuid import UUID

from shared.backbone.timers import NOBODY
from shared.db import Database, Tx
from shared.ids import CaseId
from shared.service import Context

PAGE = 5_000

_MISSING = """
SELECT case_id, array_agg(sequence ORDER BY sequence) AS missing,
       EXISTS (SELECT FROM parked p WHERE p.ended IS NULL AND p.topic = $1 AND p.case_id = told.case_id) AS parked
FROM unnest($2::uuid[], $3::int[]) AS told (case_id, last), generate_series(1, last) AS counted (sequence)
WHERE NOT EXISTS (
    SELECT FROM inbox i WHERE i.topic = $1 AND i.case_id = told.case_id AND i.sequence = counted.sequence)
GROUP BY case_id ORDER BY case_id
"""


@dataclass(frozen=True, slots=True)
class Gap:
    """Facts of one case that an owner told and this service has not applied; ``parked`` ones await a person."""

    topic: str
    case_id: CaseId
    missing: tuple[int, ...]
    parked: bool


async def told(tx: Tx, topic: str, after: CaseId | None, limit: int = PAGE) -> list[tuple[str, CaseId, int]]:
    """Return (topic, case, last sequence) of the facts told, sent or not, ordered by case: an owner's side of it."""
    rows = await tx.fetch(
        """SELECT topic, case_id, last FROM outbox_sequences
           WHERE topic = $1 AND ($2::uuid IS NULL OR case_id > $2) ORDER BY case_id LIMIT $3""",
        topic, after, limit,
    )  # fmt: skip
    return [(row["topic"], row["case_id"], row["last"]) for row in rows]


async def unsent(db: Database) -> int:
    """Return how many of this service's own facts wait for Kafka: each is a gap at everybody who reacts to it."""
    async with db.reading() as tx:
        count: int = await tx.fetchval("SELECT count(*) FROM outbox WHERE published_at IS NULL")
    return count


async def gaps(ctx: Context) -> list[Gap]:
    """Ask every owner for its counts and name every fact that this service lacks. Raises ``PeerProblem``."""
    found: list[Gap] = []
    for topic in sorted({fact.topic for fact in ctx.service.reactions}):
        owner, after = topic.split(".")[0], str(NOBODY)
        while page := await ctx.peers.get(owner, "/facts/sequences", topic=topic, after=after):
            last_of = {CaseId(UUID(case_id)): last for _, case_id, last in page}
            async with ctx.db.reading() as tx:
                rows = await tx.fetch(_MISSING, topic, list(last_of), list(last_of.values()))
            found += [Gap(topic, row["case_id"], tuple(row["missing"]), row["parked"]) for row in rows]
            after = page[-1][1]
    return found
