"""What hears the provider, and what runs billing's and matching's clocks, dies at each step: all of it happens once.

Billing's minutes-long drill on real processes, with broker, database and provider killed too, is ``test_money``.
"""

import os
import socket
import sys
import tomllib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest

from deploy.local import child
from deploy.local.places import ROOT
from deploy.sandbox_gateway.app import SandboxSettings, create_app
from services.billing import cashier, handlers, reconciling, store
from services.billing.gateway import CheckoutOrder
from services.billing.gateway.chosen import gateway_of
from services.billing.settings import SANDBOX_API_KEY, SANDBOX_WEBHOOK_SECRET, BillingSettings
from services.billing.store import Checkout
from services.matching import handlers as matching
from services.matching.seed import load_roster
from services.matching.store import cases
from shared.backbone import timers
from shared.clock import Clock
from shared.db import Database
from shared.ids import CaseId, new_id
from tests.billing.conftest import eventually, served
from tests.matching.conftest import ROSTER
from tests.support import facts
from tests.support.dying import dying, fetch, own_database
from tests.support.facts import a_case, complete, confirmed
from tests.support.mortal import LIVES, TIMER_DEATHS

pytestmark = pytest.mark.timeout(240)


@asynccontextmanager
async def provider(webhooks: str, environment: pytest.MonkeyPatch) -> AsyncIterator[httpx.AsyncClient]:
    """Run the sandbox provider in this process; lend a browser (or merchant) of it."""
    listening = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    environment.setenv("BILLING_GATEWAY_URL", url)
    app = create_app(SandboxSettings(url, webhooks, SANDBOX_API_KEY, SANDBOX_WEBHOOK_SECRET))
    async with served(app, listening), httpx.AsyncClient(base_url=url) as browser:
        yield browser


async def _pays(db: Database, case_id: CaseId, browser: httpx.AsyncClient) -> None:
    """Have the case billed and its pay page used."""
    now = Clock().now()
    async with db.transaction() as tx:
        await handlers.invoice_services(confirmed(case_id, quote_id=uuid4(), confirmed_at=now), tx)
    async with db.transaction() as tx:
        [invoice] = await store.invoices_of_case(tx, case_id)
        order = CheckoutOrder(invoice.price, str(invoice.id), "http://consilium.test/back", "en")
        hosted = await gateway_of(BillingSettings()).open_checkout(order, str(invoice.id))
        await cashier.open_card(tx, Checkout(
            new_id(), case_id, invoice.id, hosted.id, hosted.url, invoice.price, now, hosted.expires_at, None,
        ))  # fmt: skip
    card = {"card": "4242 4242 4242 4242", "expiry": "12/34", "code": "123"}
    assert (await browser.post(hosted.url, data=card)).status_code == 303


async def test_billing_dies_with_every_message_every_clock_and_every_errand_in_hand(
    postgres_url: str, platform_environment: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    port, case_id, unpaid = child.free_port(), a_case(), a_case()
    async with (
        own_database("billing", postgres_url, platform_environment) as db,
        provider(f"http://127.0.0.1:{port}/api/billing/webhooks/gateway", platform_environment) as browser,
    ):
        ear = await _ear(port, tmp_path / "ear.log")
        try:
            await _pays(db, case_id, browser)

            async def all_told() -> bool:
                return all(one["done"] for one in (await browser.get("/sandbox/deliveries")).json())

            await eventually(all_told, within=60)
        finally:
            child.stop(ear)
        assert max(one["attempts"] for one in (await browser.get("/sandbox/deliveries")).json()) >= 2, "it died twice"
        assert await fetch(db, "SELECT case_id FROM payments") == [(case_id,)]

        await _all_is_due(db, case_id, unpaid)
        async with dying("billing", "due") as deaths:
            dies = [*(4 * TIMER_DEATHS), "refund.sent", "report.read"]
            assert await deaths(*dies, LIVES) == len(dies)
        assert await fetch(db, "SELECT error FROM timers WHERE attempts > 0") == []
        assert await fetch(db, "SELECT state FROM refunds") == [("issued",)]
        assert await fetch(db, "SELECT cancelled FROM invoices WHERE case_id = $1", unpaid) == [("expired",)]
        assert await fetch(db, "SELECT count(*) FROM provider_checks") == [(1,)]
        told = await fetch(db, "SELECT type FROM outbox WHERE case_id = $1 ORDER BY id", case_id)
        assert [kind for (kind,) in told] == ["PaymentReceived.v1", "RefundIssued.v1"]
        assert await _at_provider(browser) == ["charge", "refund"]


async def _ear(port: int, log: Path) -> Any:
    """Start billing's server, which dies with each message that it hears, before and after its commit, and then lives."""
    argv = [sys.executable, "-P", "-m", "tests.support.mortal", "billing", str(port)]
    started = child.spawn(
        [*argv, "messages.heard", "messages.committed", LIVES],
        log=log, env={**os.environ, "PYTHONPATH": str(ROOT)}, cwd=ROOT,
    )  # fmt: skip

    async def listens() -> bool:
        return child.listens(port)

    await eventually(listens, within=60)
    return started


async def _all_is_due(db: Database, case_id: CaseId, unpaid: CaseId) -> None:
    """Withdraw the case that is paid, bill another, and have all clocks strike."""
    async with db.transaction() as tx:
        await handlers.stop_billing(facts.withdrawn(case_id, withdrawn_at=tx.now), tx)
        await handlers.invoice_services(confirmed(unpaid, quote_id=uuid4(), confirmed_at=tx.now), tx)
        await timers.keep_running(tx, {reconciling.CHECK: tx.now})
        await timers.set(tx, case_id, cashier.ASK_TIMER, tx.now)
    async with db.transaction() as tx:
        await tx.execute("UPDATE invoices SET due_at = $2 WHERE case_id = $1", unpaid, tx.now)
        await tx.execute("UPDATE timers SET due = $1", tx.now)
    assert {name for (name,) in await fetch(db, "SELECT name FROM timers")} == set(handlers.TIMERS)


async def _at_provider(browser: httpx.AsyncClient) -> list[str]:
    span = {"from": "2020-01-01T00:00:00+00:00", "to": "2100-01-01T00:00:00+00:00"}
    answer = await browser.get("/v1/report", params=span, headers={"Authorization": f"Bearer {SANDBOX_API_KEY}"})
    return sorted(line["kind"] for line in answer.raise_for_status().json()["lines"] if line["kind"] != "fee")


async def test_an_offer_that_nobody_answers_goes_to_the_next_once_whoever_dies(
    postgres_url: str, platform_environment: pytest.MonkeyPatch
) -> None:
    case_id = a_case()
    async with own_database("matching", postgres_url, platform_environment) as db:
        async with db.transaction() as tx:
            await load_roster(tx, tomllib.loads(ROSTER.read_text()))
            await matching.note_case_number(facts.submitted(case_id), tx)
            await matching.begin_matching(complete(case_id), tx)
        async with db.transaction() as tx:
            await tx.execute(
                """INSERT INTO offers (id, case_id, discipline, specialist_id, rank, state, reasons, chosen_by, chosen_at)
                   SELECT gen_random_uuid(), $1, 'oncology', id, row_number() OVER (ORDER BY name), 'waiting', '[]', 'lead', $2
                   FROM specialists WHERE active ORDER BY name LIMIT 2""",
                case_id, tx.now,
            )  # fmt: skip
            await matching.ask_next(tx, await cases.hold_case(tx, case_id))
        async with db.transaction() as tx:
            await tx.execute("UPDATE offers SET expires_at = $1 WHERE state = 'offered'", tx.now)
            await tx.execute("UPDATE timers SET due = $1", tx.now)
        async with dying("matching", "timers") as deaths:
            assert await deaths(*TIMER_DEATHS) == len(TIMER_DEATHS)
        assert await fetch(db, "SELECT state FROM offers ORDER BY rank") == [("expired",), ("offered",)]
        assert await fetch(db, "SELECT queue, state FROM queue_items ORDER BY queue, state") == [
            ("my-offers", "claimed"), ("my-offers", "done"), ("to-match", "done"),
        ]  # fmt: skip
        assert await fetch(db, "SELECT name, error, attempts FROM timers") == [(matching.OFFER_CLOCK, None, 0)]
