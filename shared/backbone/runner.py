"""Doing what is due: timers and errands, as soon as they are, on every worker at once without doing any twice."""

import asyncio

from shared.backbone import errands, pace, timers
from shared.db import BARE, listening
from shared.service import Context


async def run(ctx: Context, stop: asyncio.Event) -> None:
    """Run due timers and errands until ``stop`` is set; looks each second, and at once when one is added."""
    await pace.go_on(lambda: _run(ctx, stop), stop, through=BARE, event="runner_interrupted")


async def _run(ctx: Context, stop: asyncio.Event) -> None:
    async def run_due() -> int:
        rung = await timers.run_due(ctx.db, ctx.service.timers, stop)
        return rung + await errands.run_due(ctx, ctx.service.errands)

    await keep_running(ctx)
    woken = asyncio.Event()
    async with listening(ctx.settings.database_url, f"{ctx.service.name}-runner", "runner", woken) as connection:
        await pace.whenever(woken, connection, run_due, stop)


async def keep_running(ctx: Context) -> None:
    """See that the service's standing timers run; those that do are left as they are."""
    async with ctx.db.transaction() as tx:
        dues = {name: due(ctx.settings, tx.now) for name, due in ctx.service.standing.items()}
        await timers.keep_running(tx, dues)
