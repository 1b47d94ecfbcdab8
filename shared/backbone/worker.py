"""A service's worker: relay, consumer and runner side by side, until it is told to stop."""

import asyncio
import signal
from collections.abc import Awaitable, Callable

from shared import log
from shared.backbone import health, housekeeping, ops, runner
from shared.backbone.consumer import Consumer
from shared.backbone.relay import Relay
from shared.collector import spare_the_collector
from shared.service import Context

_log = log.get(__name__)


async def run(ctx: Context, stop: asyncio.Event) -> None:
    """Run until ``stop`` is set; then what is in hand is finished, and lock and partitions are handed over."""
    service = ctx.service
    relay = Relay(service.name, ctx.settings.database_url, ctx.platform)
    consumer = Consumer(service.name, service.reactions, ctx.db, ctx.platform)
    server = ops.serve(ctx.settings.ops_port, ctx.db, service.name) if ctx.settings.ops_port else None
    parts: list[Callable[[], Awaitable[None]]] = [
        lambda: relay.run(stop),
        lambda: consumer.run(stop),
        lambda: runner.run(ctx, stop),
        lambda: health.report(ctx.db, consumer, relay, stop),
        lambda: housekeeping.run(ctx, stop),
    ]
    spare_the_collector()
    _log.info("worker_started")
    try:
        async with asyncio.TaskGroup() as group:
            for part in parts:
                group.create_task(_or_stop(part, stop))
    finally:
        if server is not None:
            server.shutdown()
        _log.info("worker_stopped")


async def _or_stop(part: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
    """A part that dies takes the worker with it, in good order: the supervisor starts a whole one."""
    try:
        await part()
    except BaseException:  # told to stop, too: no part outlives another
        stop.set()
        raise


def stop_on_signals() -> asyncio.Event:
    """Return an event that SIGTERM and SIGINT set."""
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop
