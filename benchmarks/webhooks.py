"""The card provider's messages by the hundred thousand, beside the same handler on SQLAlchemy.

Each of 5,000 invoices is told of in 20 deliveries: seven messages (two attempts that fail, one that pays, one of a kind
that nobody knows), twelve deliveries of one of them again, and one that is forged or stale. All of them are shuffled and
sent over 64 kept-alive connections, signed at the moment of sending, to one server process. FastAPI with SQLAlchemy
(``peers.webhooks_sqlalchemy``) gets a fifth of it, of the same mix: the two take turns, five each, and what counts is
how many were answered in the time of all turns. Each has a database of its own with billing's own tables.

At the end both must have it right: one payment per invoice, each attempt as it really ended, a ledger that balances,
PaymentReceived once per invoice, and nothing of what was forged.
"""

import asyncio
import base64
import contextlib
import hmac
import json
import logging
import os
import random
import tempfile
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks.http import Connection
from benchmarks.report import Figure, load_per_core
from benchmarks.rig import BACKBONE, Rig
from benchmarks.served import served
from services.billing import handlers, store
from services.billing.settings import SANDBOX_WEBHOOK_SECRET
from services.billing.store import Checkout
from shared import log
from shared.clock import Clock
from shared.db import Database
from shared.ids import new_id
from shared.web.tokens import make_keys
from tests.support.facts import a_case, confirmed

PATH = "/api/billing/webhooks/gateway"
INVOICES, PEERS_PART, TURNS, CONNECTIONS = 5_000, 0.2, 5, 64
MIGRATIONS = Path(handlers.__file__).parent / "migrations"
KEY = base64.b64decode(SANDBOX_WEBHOOK_SECRET.removeprefix("whsec_"))


@dataclass(frozen=True, slots=True)
class Sending:
    """One delivery; ``wrong`` when it must be refused."""

    webhook_id: str
    body: bytes
    wrong: str | None = None

    def headers(self) -> dict[str, str]:
        """Sign as the provider does, now; what is stale was signed an hour ago, what is forged by somebody else."""
        at = int(time.time()) - (3600 if self.wrong == "stale" else 0)
        key = b"somebody else's" if self.wrong == "forged" else KEY
        mac = hmac.digest(key, f"{self.webhook_id}.{at}.".encode() + self.body, "sha256")
        return {
            "Content-Type": "application/json",
            "webhook-id": self.webhook_id,
            "webhook-timestamp": str(at),
            "webhook-signature": "v1," + base64.b64encode(mac).decode(),
        }


@dataclass
class Contender:
    """Who is measured: where it listens, what it is still to be sent, and what it has answered in which time."""

    port: int
    invoices: int
    post: list[Sending]
    sent: int = 0
    seconds: float = 0.0
    loads: list[float] = field(default_factory=list)

    async def turn(self, number: int) -> None:
        """Send one turn's part of the post, and check every answer."""
        part = iter(self.post[len(self.post) * number // TURNS : len(self.post) * (number + 1) // TURNS])
        connections = [await Connection.open(self.port) for _ in range(CONNECTIONS)]
        self.loads.append(load_per_core())
        begin = time.monotonic()
        self.sent += sum(await asyncio.gather(*(_send(part, connection) for connection in connections)))
        self.seconds += time.monotonic() - begin
        for connection in connections:
            connection.close()


async def run(rig: Rig, scale: float) -> AsyncIterator[Figure]:
    """Measure both; ``scale`` lessens the invoices, and with them all that is told of them."""
    ours, peer = max(100, int(INVOICES * scale)), max(50, int(INVOICES * scale * PEERS_PART))
    async with contextlib.AsyncExitStack() as stack:
        keys = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="consilium-keys-")))
        make_keys(keys, ("billing",))
        urls, contenders = [], []
        for serve, invoices in ((serve_ours, ours), (serve_peer, peer)):
            url = await stack.enter_async_context(rig.database(BACKBONE, MIGRATIONS))
            post = await _write_post(url, invoices)
            urls.append(url)
            contenders.append(Contender(await stack.enter_async_context(served(serve, url, keys)), invoices, post))
        for number in range(TURNS):
            for contender in contenders:
                await contender.turn(number)
        for url, contender in zip(urls, contenders, strict=True):
            await _is_right(url, contender.invoices)
    first, second = (contender.sent / contender.seconds for contender in contenders)
    load = max(contenders[0].loads)
    yield Figure(
        f"webhooks, {contenders[0].sent:,} for {ours:,} invoices: Consilium", first, "webhooks/s", least=1000, load=load
    )
    load = max(contenders[1].loads)
    yield Figure(
        f"webhooks, {contenders[1].sent:,} for {peer:,}: FastAPI + SQLAlchemy", second, "webhooks/s", load=load
    )
    yield Figure("webhooks: ours to FastAPI + SQLAlchemy", first / second, "x", least=4, load=load)


async def _send(post: Any, connection: Connection) -> int:
    sent = 0
    for one in post:
        status, answer = await connection.send("POST", PATH, one.body, **one.headers())
        assert status == (400 if one.wrong else 202), (one.wrong, status, answer)
        sent += 1
    return sent


async def _write_post(url: str, invoices: int) -> list[Sending]:
    """Issue invoices as billing itself does, open a pay page for each, and return what the provider will send."""
    db, chance = await Database.connect(url, Clock(), size=1), random.Random(invoices)
    try:
        post = [sending for _ in range(invoices) for sending in await _told_of_one(db, chance)]
    finally:
        await db.close()
    chance.shuffle(post)
    return post


async def _told_of_one(db: Database, chance: random.Random) -> list[Sending]:
    case_id, page = a_case(), f"co_{uuid4().hex}"
    async with db.transaction() as tx:
        await handlers.invoice_services(confirmed(case_id, confirmed_at=tx.now), tx)
        [invoice] = await store.invoices_of_case(tx, case_id)
        await store.add_checkout(
            tx,
            Checkout(
                new_id(), case_id, invoice.id, page, f"https://pay.example/{page}", invoice.price, tx.now,
                tx.now + timedelta(hours=1), closed_at=None,
            ),
        )  # fmt: skip
    attempts = [f"pay_{uuid4().hex}" for _ in range(3)]
    ends = ("failed", "failed", "succeeded")
    told = [
        (f"payment.{status}", name) for name, end in zip(attempts, ends, strict=True) for status in ("processing", end)
    ]
    messages = [_message(kind, name, page, invoice) for kind, name in (*told, ("checkout.closed", attempts[-1]))]
    again = [chance.choice(messages) for _ in range(12)]
    paying = next(one for one in messages if b"succeeded" in one.body)
    wrong = Sending(f"msg_{uuid4().hex}", paying.body, chance.choice(("forged", "stale")))
    return [*messages, *again, wrong]


def _message(kind: str, attempt: str, page: str, invoice: Any) -> Sending:
    data = {
        "payment_id": attempt, "checkout_id": page, "reference": str(invoice.id), "status": kind.partition(".")[2],
        **invoice.price.model_dump(),
    }  # fmt: skip
    return Sending(f"msg_{uuid4().hex}", json.dumps({"type": kind, "data": data}).encode())


RIGHT = {
    "SELECT count(*) FROM payments WHERE applied_minor = amount_minor": 1,
    "SELECT count(DISTINCT invoice_id) FROM payments": 1,
    "SELECT count(*) FROM invoices WHERE state = 'paid' AND paid_minor = price_minor": 1,
    "SELECT count(*) FROM outbox WHERE type = 'PaymentReceived.v1'": 1,
    "SELECT count(DISTINCT case_id) FROM outbox WHERE type = 'PaymentReceived.v1' AND sequence = 1": 1,
    "SELECT count(*) FROM webhook_deliveries": 7,
    "SELECT count(*) FROM card_attempts WHERE status = 'succeeded'": 1,
    "SELECT count(*) FROM card_attempts WHERE status = 'failed'": 2,
    "SELECT count(*) FROM card_attempts": 3,
    "SELECT count(*) FROM checkouts WHERE closed_at IS NOT NULL": 1,
    "SELECT count(*) FROM ledger_transactions WHERE kind = 'payment_received'": 1,
    "SELECT count(*) FROM documents WHERE kind = 'receipt'": 1,
    "SELECT last FROM document_counters WHERE kind = 'receipt'": 1,
    "SELECT coalesce(sum(amount_minor), 0) FROM ledger_postings": 0,
    "SELECT coalesce(sum(amount_minor), 0) FROM ledger_postings WHERE account = 'receivable'": 0,
    """SELECT count(*) FROM invoices i JOIN payments p ON p.invoice_id = i.id AND p.amount_minor = i.price_minor
       JOIN ledger_transactions t ON t.source = 'payment:' || p.id
       JOIN ledger_postings l ON l.transaction_id = t.id AND l.account = 'card_clearing'
       WHERE l.amount_minor = p.amount_minor""": 1,
}
"""What must be found when all is told, per invoice."""


async def _is_right(url: str, invoices: int) -> None:
    db = await Database.connect(url, Clock(), size=1)
    try:
        async with db.reading() as tx:
            for ask, each in RIGHT.items():
                found = await tx.fetchval(ask)
                assert found == each * invoices, f"{ask}: {found} instead of {each * invoices}"
    finally:
        await db.close()


def serve_ours(url: str, keys: Path, port: int) -> None:
    """Serve billing alone, as ``python -m services.billing api`` does."""
    os.environ |= {
        "BILLING_DATABASE_URL": url, "JWKS_FILE": str(keys / "jwks.json"),
        "BILLING_SIGNING_KEY_FILE": str(keys / "billing.pem"), "LOG_LEVEL": "warning", "BILLING_POOL_SIZE": "10",
    }  # fmt: skip
    import uvicorn

    from services.billing.__main__ import SERVICE
    from shared.web.hosting import serve

    log.configure("bench", level="warning", style="console")
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
    uvicorn.run(serve(SERVICE), host="127.0.0.1", port=port, log_config=None, access_log=False, server_header=False)


def serve_peer(url: str, _keys: Path, port: int) -> None:
    """Serve the same built with FastAPI and SQLAlchemy."""
    from benchmarks.peers import webhooks_sqlalchemy

    webhooks_sqlalchemy.serve(url, port)
