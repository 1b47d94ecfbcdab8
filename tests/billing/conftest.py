"""A billing service under test, and the real sandbox provider beside it, over HTTP."""

import asyncio
import contextlib
import json
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from standardwebhooks.webhooks import Webhook

from deploy.sandbox_gateway.app import SandboxSettings, create_app
from services.billing.settings import SANDBOX_API_KEY, SANDBOX_WEBHOOK_SECRET
from shared.events import (
    CaseWithdrawn,
    Money,
    OpinionDelivered,
    ProgrammeRef,
    RequestSubmitted,
    ServicesConfirmed,
    SpecialistAssigned,
)
from shared.ids import CaseId
from tests.support.service import A_MONDAY, ServiceUnderTest

RULES = ProgrammeRef(id="msk_international", version=1)
NUMBER = "7K3M-9QXW-S"
PRICE = 250_000


def usd(minor: int) -> Money:
    return Money(amount_minor=minor, currency="USD")


class CaseFacts:
    """The facts of one made-up case, from the day on which it began."""

    def __init__(self, case_id: UUID | None = None, *, at: datetime = A_MONDAY) -> None:
        self.id, self.at = CaseId(case_id or uuid4()), at

    def submitted(self, number: str = NUMBER) -> RequestSubmitted:
        return RequestSubmitted(
            case_id=self.id, case_number=number, programme=RULES, path="new_patient", stream="remote", requester="patient", channel="web",
            consent_version="1", emergency_notice_version="1", submitted_at=self.at, contact_due_at=self.at + timedelta(days=1),
        )  # fmt: skip

    def confirmed(self, price: int = PRICE, *, revision: int = 1, quote_id: UUID | None = None) -> ServicesConfirmed:
        return ServicesConfirmed(
            case_id=self.id, quote_id=quote_id or uuid4(), revision=revision, services=("comprehensive", "video"), price=usd(price),
            programme=RULES, confirmed_at=self.at,
        )  # fmt: skip

    def accepted(self, at: datetime | None = None) -> SpecialistAssigned:
        at = at or self.at + timedelta(days=10)
        return SpecialistAssigned(case_id=self.id, assignment_id=uuid4(), specialist_id=uuid4(), accepted_at=at)

    def delivered(self, at: datetime | None = None) -> OpinionDelivered:
        at = at or self.at + timedelta(days=30)
        return OpinionDelivered(
            case_id=self.id, opinion_id=uuid4(), document_sha256="0" * 64, signed_at=at, delivered_at=at
        )

    def withdrawn(self, at: datetime | None = None) -> CaseWithdrawn:
        return CaseWithdrawn(case_id=self.id, by="patient", withdrawn_at=at or self.at + timedelta(days=2))


@pytest.fixture
def case() -> CaseFacts:
    return CaseFacts()


def signed(
    body: bytes, *, webhook_id: str | None = None, at: datetime | None = None, secret: str = SANDBOX_WEBHOOK_SECRET
) -> dict[str, str]:
    """Return the headers by which the provider proves that it sent ``body``."""
    at, webhook_id = at or datetime.now(UTC), webhook_id or f"msg_{secrets.token_hex(8)}"
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(webhook_id, at, body.decode()),
        "content-type": "application/json",
    }


class Provider:
    """Says what a card provider says, straight to the webhook address."""

    def __init__(self, billing: ServiceUnderTest) -> None:
        self._billing = billing

    async def says(self, kind: str, data: dict[str, Any] | None, *, webhook_id: str | None = None) -> httpx.Response:
        body = json.dumps({"type": kind, "data": data}).encode()
        return await self._billing.http.post(
            "/api/billing/webhooks/gateway", content=body, headers=signed(body, webhook_id=webhook_id)
        )

    async def took(
        self,
        invoice_id: UUID,
        minor: int,
        payment_id: str | None = None,
        *,
        status: str = "succeeded",
        currency: str = "USD",
        checkout: str = "none",
    ) -> httpx.Response:
        """A card paid ``minor`` for an invoice (or tried to)."""
        data = {
            "payment_id": payment_id or f"pay_{secrets.token_hex(8)}", "checkout_id": checkout, "reference": str(invoice_id),
            "status": status, "amount_minor": minor, "currency": currency,
        }  # fmt: skip
        answer = await self.says(f"payment.{status}", data)
        assert answer.status_code == 202, answer.text
        return answer


@pytest.fixture
def provider(billing: ServiceUnderTest) -> Provider:
    return Provider(billing)


def on_the_machines_clock(billing: ServiceUnderTest, case: CaseFacts | None = None) -> None:
    """Set billing, and the day on which a case began, to the clock that the sandbox provider has."""
    billing.clock.at = datetime.now(UTC)
    if case is not None:
        case.at = billing.clock.at


async def invoice_ids(billing: ServiceUnderTest, case_id: UUID | None = None) -> list[UUID]:
    sql = "SELECT id FROM invoices WHERE case_id = $1 OR $1 IS NULL ORDER BY ordinal"
    return [row["id"] for row in await billing.fetch(sql, case_id)]


async def states(billing: ServiceUnderTest, case_id: UUID | None = None) -> list[str]:
    sql = "SELECT state FROM invoices WHERE case_id = $1 OR $1 IS NULL ORDER BY ordinal"
    return [row["state"] for row in await billing.fetch(sql, case_id)]


async def balances(billing: ServiceUnderTest, case_id: UUID | None = None) -> dict[str, int]:
    """Return every account (of one case) that isn't level."""
    rows = await billing.fetch(
        """SELECT account, sum(amount_minor)::bigint AS n FROM ledger_postings p
           JOIN ledger_transactions t ON t.id = p.transaction_id WHERE t.case_id = $1 OR $1 IS NULL GROUP BY account""",
        case_id,
    )
    found = {row["account"]: row["n"] for row in rows if row["n"]}
    assert sum(found.values()) == 0
    return found


async def queue(billing: ServiceUnderTest, name: str) -> list[str]:
    """Return the titles of what waits on a queue."""
    rows = await billing.fetch(
        "SELECT title FROM queue_items WHERE queue = $1 AND state <> 'done' ORDER BY created_at", name
    )
    return [row["title"] for row in rows]


async def eventually(true: Callable[[], Awaitable[bool]], *, within: float = 15) -> None:
    """Wait until something has become true."""
    async with asyncio.timeout(within):
        while not await true():  # noqa: ASYNC110 - it becomes true elsewhere
            await asyncio.sleep(0.03)


@contextlib.asynccontextmanager
async def served(app: Any, sock: socket.socket) -> AsyncIterator[None]:
    """Serve an ASGI application on a bound socket for as long as the block lasts."""
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="auto", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    while not server.started:  # noqa: ASYNC110 - uvicorn tells by this flag alone
        await asyncio.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        await serving


def free_socket() -> tuple[socket.socket, str]:
    sock = socket.socket()
    sock.bind(("127.0.0.1", 0))
    return sock, f"http://127.0.0.1:{sock.getsockname()[1]}"


class Sandbox:
    """The sandbox provider as it really runs; ``http`` is a browser (or merchant) of it, ``site`` is where billing is."""

    def __init__(self, app: FastAPI, url: str, http: httpx.AsyncClient, site: str) -> None:
        self.app, self.url, self.http, self.site = app, url, http, site

    async def behaves(self, **behaviour: Any) -> None:
        (await self.http.post("/sandbox/behaviour", json=behaviour)).raise_for_status()

    async def pays(self, pay_page: str, card: str = "4242 4242 4242 4242") -> httpx.Response:
        return await self.http.post(pay_page, data={"card": card, "expiry": "12/34", "code": "123"})

    async def all_delivered(self) -> bool:
        found = (await self.http.get("/sandbox/deliveries")).json()
        return bool(found) and all(one["done"] for one in found)


@pytest.fixture
async def sandbox(billing: ServiceUnderTest) -> AsyncIterator[Sandbox]:
    """The sandbox provider and billing, each on its own port, knowing each other by HTTP alone."""
    billing_socket, billing_url = free_socket()
    sandbox_socket, sandbox_url = free_socket()
    webhooks = f"{billing_url}/api/billing/webhooks/gateway"
    app = create_app(SandboxSettings(sandbox_url, webhooks, SANDBOX_API_KEY, SANDBOX_WEBHOOK_SECRET))
    billing.ctx.settings = billing.ctx.settings.model_copy(update={"gateway_url": sandbox_url})
    async with (
        served(billing.app, billing_socket),
        served(app, sandbox_socket),
        httpx.AsyncClient(base_url=sandbox_url) as http,
    ):
        yield Sandbox(app, sandbox_url, http, billing_url)
