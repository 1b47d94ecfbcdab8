"""A service's worker: relay, consumer and runner side by side, until it is told to stop."""

import asyncio
import signal
from collections.abc import Awaitable

from shared import log
from shared.backbone import health, housekeeping, ops, runner
from shared.backbone.consumer import Consumer
from shared.backbone.relay import Relay
from shared.collector import spare_the_collector
from shared.service import Context

FINISHING_SECONDS = 1.0
"""How long what is in hand at the stop may take; what takes longer is let go: all of it is done at least once."""
_log = log.get(__name__)


async def run(ctx: Context, stop: asyncio.Event) -> None:
    """Run until ``stop`` is set; then what is in hand is finished or let go, and lock and partitions are handed over."""
    service = ctx.service
    relay = Relay(service.name, ctx.settings.database_url, ctx.platform)
    consumer = Consumer(service.name, service.reactions, ctx.db, ctx.platform)
    at, port = ctx.settings.ops_host, ctx.settings.ops_port
    server = ops.serve(port, ctx.db, service.name, at) if port else None
    parts = [
        relay.run(stop),
        consumer.run(stop),
        runner.run(ctx, stop),
        health.report(ctx, consumer, relay, stop),
        housekeeping.run(ctx, stop),
    ]
    spare_the_collector()
    _log.info("worker_started")
    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(_or_stop(part, stop)) for part in parts]
            await stop.wait()
            await asyncio.wait(running, timeout=FINISHING_SECONDS)
            for late in running:
                late.cancel()
    finally:
        if server is not None:
            server.shutdown()
        _log.info("worker_stopped")


async def _or_stop(part: Awaitable[None], stop: asyncio.Event) -> None:
    """A part that dies takes the worker with it, in good order: the supervisor starts a whole one."""
    try:
        await part
    except BaseException:  # told to stop, too: no part outlives another
        stop.set()
        raise


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
