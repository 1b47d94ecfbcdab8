"""Running services as one ASGI application: one of them behind a gateway, or all at one origin in one process."""

import asyncio
from contextlib import AsyncExitStack, suppress

from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.collector import spare_the_collector
from shared.service import Context, Service
from shared.settings import PlatformSettings
from shared.web.app import build, furnish
from shared.web.one_origin import service_of


def serve(*services: Service) -> ASGIApp:
    """Return an application that connects when the server starts and lets go of everything when it stops."""
    platform = PlatformSettings()
    apps = {service.name: build(service, platform) for service in services}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(services, apps, receive, send)
        else:
            await apps[service_of(scope["path"], apps)](scope, receive, send)

    return app


async def _live(services: tuple[Service, ...], apps: dict[str, FastAPI], receive: Receive, send: Send) -> None:
    await receive()
    async with AsyncExitStack() as running:
        try:
            for service in services:
                await _start(service, apps[service.name], running)
            spare_the_collector()
        except Exception as error:  # the server is told why, whatever it is, and it is raised
            await send({"type": "lifespan.startup.failed", "message": str(error)})
            raise
        await send({"type": "lifespan.startup.complete"})
        await receive()
    await send({"type": "lifespan.shutdown.complete"})


async def _start(service: Service, app: FastAPI, running: AsyncExitStack) -> None:
    ctx = await Context.open(service)
    running.push_async_callback(ctx.close)
    furnish(app, service, ctx)
    feed = asyncio.create_task(app.state.queue_feed.run(), name=f"{service.name} queue feed")
    running.push_async_callback(_cancel, feed)
    if service.beside is not None:
        running.push_async_callback(_cancel, asyncio.create_task(service.beside(ctx), name=f"{service.name} beside"))


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
