"""What is kept for a while only is swept by every worker, a little at a time.

Answers to requests (``idempotency``) serve whoever sends the same again: a browser's tab that was open for weeks, a client
that retries. Outbox and inbox are never swept: ``reconcile`` compares them fact by fact, and ``replay`` reads the outbox.
"""

import asyncio
from datetime import timedelta

from shared import log
from shared.backbone import pace
from shared.db import TRANSIENT, Database
from shared.service import Context

USEFUL = timedelta(days=30)
"""How long an answer is kept: as long as a form that nobody sent."""
BATCH = 1000
EVERY_SECONDS = 3600.0
_log = log.get(__name__)

# The oldest first; rows that another worker is sweeping are passed by.
_SWEEP = """
DELETE FROM idempotency WHERE (principal, key) IN (
    SELECT principal, key FROM idempotency WHERE created_at < $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)
"""


async def run(ctx: Context, stop: asyncio.Event) -> None:
    """Sweep at the start and each hour, until ``stop`` is set."""
    await pace.go_on(lambda: _sweep_and_rest(ctx, stop), stop, through=TRANSIENT, event="sweep_interrupted")


async def _sweep_and_rest(ctx: Context, stop: asyncio.Event) -> None:
    if swept := await sweep(ctx.db):
        _log.info("answers_swept", many=swept)
    await pace.pause(EVERY_SECONDS, stop)


async def sweep(db: Database) -> int:
    """Delete every answer that is past its use, a batch a transaction, and return how many they were."""
    swept = 0
    while True:
        async with db.transaction() as tx:
            batch = await tx.changed(_SWEEP, tx.now - USEFUL, BATCH)
        swept += batch
        if batch < BATCH:
            return swept
