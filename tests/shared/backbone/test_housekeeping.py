"""Answers that are past their use are swept, the others stay, however many there are."""

from datetime import timedelta

from shared.backbone import housekeeping
from tests.support.service import ServiceUnderTest

DAY = timedelta(days=1)


async def _answered(toy: ServiceUnderTest, key: str, many: int, ago: timedelta) -> None:
    async with toy.ctx.db.transaction() as tx:
        await tx.execute(
            """INSERT INTO idempotency (principal, key, route, body_hash, status, answer, created_at)
               SELECT 'anonymous', $1 || n, 'POST /', '', 200, '{}', $3 FROM generate_series(1, $2) AS n""",
            key, many, tx.now - ago,
        )  # fmt: skip


async def test_only_what_is_past_its_use_is_swept(toy: ServiceUnderTest) -> None:
    await _answered(toy, "old-", housekeeping.BATCH + 1, housekeeping.USEFUL + DAY)
    await _answered(toy, "young-", 3, housekeeping.USEFUL - DAY)
    assert await housekeeping.sweep(toy.ctx.db) == housekeeping.BATCH + 1
    assert await toy.fetch("SELECT DISTINCT left(key, 6) AS kept FROM idempotency") == [("young-",)]
    assert await housekeeping.sweep(toy.ctx.db) == 0


async def test_what_another_worker_is_sweeping_is_passed_by(toy: ServiceUnderTest) -> None:
    await _answered(toy, "old-", 2, housekeeping.USEFUL + DAY)
    async with toy.ctx.db.transaction() as other:
        await other.fetch("SELECT FROM idempotency WHERE key = 'old-1' FOR UPDATE")
        assert await housekeeping.sweep(toy.ctx.db) == 1
    assert await housekeeping.sweep(toy.ctx.db) == 1
