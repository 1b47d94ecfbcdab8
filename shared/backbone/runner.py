"""Doing what is due: timers and errands, as soon as they are, on every worker at once without doing any twice."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from shared import log
from shared.backbone import errands, timers
from shared.db import BARE, listener
from shared.service import Context

POLL_SECONDS = 1.0
_log = log.get(__name__)


async def run(ctx: Context, stop: asyncio.Event) -> None:
    """Run due timers and errands until ``stop`` is set; looks each second, and at once when one is added."""
    woken = asyncio.Event()
    while not stop.is_set():
        try:
            await keep_running(ctx)
            async with _listening(ctx, woken):
                while not stop.is_set():
                    woken.clear()
                    ran = await timers.run_due(ctx.db, ctx.service.timers, stop)
                    ran += await errands.run_due(ctx, ctx.service.errands)
                    if not ran:
                        await _first(woken, stop)
        except BARE as error:
            _log.warning("runner_interrupted", problem=repr(error))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), POLL_SECONDS)


async def keep_running(ctx: Context) -> None:
    """See that the service's standing timers run; those that do are left as they are."""
    if not ctx.service.standing:
        return
    async with ctx.db.transaction() as tx:
        dues = {name: due(ctx.settings, tx.now) for name, due in ctx.service.standing.items()}
        await timers.keep_running(tx, dues)


@contextlib.asynccontextmanager
async def _listening(ctx: Context, woken: asyncio.Event) -> AsyncIterator[None]:
    connection = await listener(ctx.settings.database_url, f"{ctx.service.name}-runner")
    try:
        connection.add_termination_listener(lambda _: woken.set())
        await connection.add_listener("runner", lambda *_: woken.set())
        yield
    finally:
        await connection.close(timeout=2)


async def _first(woken: asyncio.Event, stop: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in (woken, stop)]
    await asyncio.wait(waits, timeout=POLL_SECONDS, return_when=asyncio.FIRST_COMPLETED)
    for wait in waits:
        wait.cancel()
