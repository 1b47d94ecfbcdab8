"""Is anything missing? Each owner counts its facts per case without gaps; this compares that with what we heard."""

from dataclasses import dataclass
from uuid import UUID

from shared.db import Database, Tx
from shared.ids import CaseId
from shared.service import Context

PAGE = 5_000


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
        owner, after = topic.split(".")[0], None
        while page := await ctx.peers.get(
            owner, "/facts/sequences", topic=topic, **({"after": after} if after else {})
        ):
            last_of = {CaseId(UUID(case_id)): last for _, case_id, last in page}
            async with ctx.db.reading() as tx:
                found += await _compare(tx, topic, last_of)
            after = page[-1][1]
    return found


async def _compare(tx: Tx, topic: str, last_of: dict[CaseId, int]) -> list[Gap]:
    rows = await tx.fetch(
        """SELECT case_id, array_agg(sequence) AS heard FROM inbox
           WHERE topic = $1 AND case_id = ANY($2) GROUP BY case_id""",
        topic, list(last_of),
    )  # fmt: skip
    heard = {row["case_id"]: set(row["heard"]) for row in rows}
    held = await tx.fetch("SELECT DISTINCT case_id FROM parked WHERE ended IS NULL AND topic = $1", topic)
    parked = {row["case_id"] for row in held}
    return [
        Gap(topic, case_id, missing, case_id in parked)
        for case_id, last in last_of.items()
        if (missing := tuple(sorted(set(range(1, last + 1)) - heard.get(case_id, set()))))
    ]
