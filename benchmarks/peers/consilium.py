"""The backbone itself: per service the real relay and the real consumer, as its worker runs them."""

import asyncio

from benchmarks import workflow
from benchmarks.workflow import Kind, Urls
from shared.backbone.consumer import Consumer
from shared.backbone.relay import Relay
from shared.settings import PlatformSettings


async def deliver(urls: Urls, kind: Kind, platform: PlatformSettings, stop: asyncio.Event) -> None:
    """Relay and consume for all five services until ``stop`` is set."""
    async with workflow.connected(urls, 5) as dbs, asyncio.TaskGroup() as group:
        for name, db in dbs.items():
            group.create_task(Relay(name, urls[name], platform).run(stop))
            group.create_task(Consumer(name, workflow.reactions(name, kind), db, platform).run(stop))
