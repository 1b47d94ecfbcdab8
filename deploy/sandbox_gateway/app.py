"""A card provider to play with: hosted pay page, refunds, signed messages. No real card, no real money.

Its own process with its own memory: the billing service knows it by HTTP alone, as it would know a real one.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request

from deploy.sandbox_gateway import merchant, pay_page, tester
from deploy.sandbox_gateway.book import Book
from deploy.sandbox_gateway.ledger import Ledger
from deploy.sandbox_gateway.messenger import Behaviour, Messenger

switches = APIRouter()


@dataclass(frozen=True, slots=True)
class SandboxSettings:
    """``public_url``: where browsers reach this provider. ``state``: its SQLite file; None forgets at each stop."""

    public_url: str
    webhook_url: str
    api_key: str
    webhook_secret: str
    state: Path | None = None


def create_app(settings: SandboxSettings) -> FastAPI:
    """Return the provider as an ASGI application; messages are delivered while its lifespan runs."""
    book = Book(settings.state)
    messenger = Messenger(book, settings.webhook_url, settings.webhook_secret)
    ledger = Ledger(book, messenger)
    messenger.before_sending = ledger.end_due_refunds

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sending = asyncio.create_task(messenger.run())
        yield
        sending.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await sending
        book.close()

    app = FastAPI(title="Sandbox card provider", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.settings, app.state.book, app.state.messenger, app.state.ledger = settings, book, messenger, ledger
    for router in (merchant.router, pay_page.router, tester.router, switches):
        app.include_router(router)
    return app


@switches.get("/sandbox/behaviour")
async def behaviour(request: Request) -> Behaviour:
    """Return how badly messages are delivered now."""
    messenger: Messenger = request.app.state.messenger
    return messenger.behaviour


@switches.post("/sandbox/behaviour")
async def behave(request: Request, wanted: Behaviour) -> Behaviour:
    """Deliver messages from now on as badly as asked: again, late, out of order."""
    request.app.state.messenger.behaviour = wanted
    return wanted


@switches.get("/sandbox/deliveries")
async def deliveries(request: Request) -> list[dict[str, Any]]:
    """Return every message, sent or not, with its attempts."""
    book: Book = request.app.state.book
    return book.mailbox.deliveries()


@switches.get("/livez")
async def livez() -> dict[str, str]:
    return {"status": "ok"}
