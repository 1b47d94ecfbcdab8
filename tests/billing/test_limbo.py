"""Between "the provider took the money" and "we know": nothing is lost and nothing counted twice, whoever dies (R21)."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from services.billing.domain import ask_again_at
from shared.events import PaymentReceived, RefundIssued
from shared.web import Role
from tests.billing.conftest import (
    PRICE,
    CaseFacts,
    Sandbox,
    balances,
    eventually,
    free_socket,
    invoice_ids,
    queue,
    served,
    states,
)
from tests.support.service import A_MONDAY, ServiceUnderTest


async def pay_page(billing: ServiceUnderTest, case: CaseFacts) -> str:
    patient = billing.sign_in(Role.PATIENT, subject="patient-1", cases=[case.id])
    [invoice] = await invoice_ids(billing, case.id)
    asked = await patient.post(
        f"/api/billing/cases/{case.id}/invoices/{invoice}/checkout", headers={"Idempotency-Key": f"pay {case.id}"}
    )
    assert asked.status_code == 200, asked.text
    return str(asked.json()["url"])


async def minutes_later(billing: ServiceUnderTest, minutes: float) -> None:
    await billing.run_timers(at=billing.clock.at + timedelta(minutes=minutes))
    await billing.run_errands()


def test_we_ask_soon_and_then_ever_more_rarely() -> None:
    asked, gaps = None, []
    for _ in range(14):
        again = ask_again_at(A_MONDAY, asked)
        gaps.append((again - (asked or A_MONDAY)).total_seconds() / 60)
        asked = again
    assert gaps[:5] == [1, 1, 2, 4, 8]
    assert gaps[-1] == 360


async def test_a_payment_whose_message_never_comes_is_asked_about(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    await billing.receives(case.confirmed())
    await sandbox.behaves(silent=True)
    url = await pay_page(billing, case)
    await minutes_later(billing, 1.1)
    assert await states(billing) == ["open"], "nobody has paid yet"
    await sandbox.pays(url, "4000 0025 0000 3155")
    await minutes_later(billing, 2)
    assert (await billing.fetch("SELECT status FROM card_attempts"))[0]["status"] == "processing"
    await sandbox.http.post(f"{url}/confirm", data={"answer": "approve"})
    await minutes_later(billing, 5)
    assert await states(billing) == ["paid"]
    assert len(await billing.emitted(PaymentReceived)) == 1
    assert await billing.fetch("SELECT 1 FROM timers WHERE name = 'ask_provider'") == [], "nothing is left to ask"


async def test_what_was_asked_and_what_is_told_later_is_one_payment(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    await billing.receives(case.confirmed())
    await sandbox.behaves(delay_seconds=1.5)
    await sandbox.pays(await pay_page(billing, case))
    await minutes_later(billing, 1.1)
    assert await states(billing) == ["paid"], "we asked before the message came"
    await eventually(sandbox.all_delivered)
    assert await balances(billing) == {"card_clearing": PRICE, "deferred_revenue": -PRICE}
    assert len(await billing.emitted(PaymentReceived)) == 1


async def test_a_visit_that_nobody_paid_is_closed_when_its_page_is(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    await billing.receives(case.confirmed())
    await pay_page(billing, case)
    sandbox.app.state.book._db.execute("UPDATE checkouts SET expires_at = 0")
    await minutes_later(billing, 1.1)
    assert (await billing.fetch("SELECT closed_at FROM checkouts"))[0]["closed_at"] is not None
    assert await billing.fetch("SELECT 1 FROM timers WHERE name = 'ask_provider'") == []


async def test_a_refund_that_is_pending_ends_as_the_provider_says_even_when_it_says_nothing(
    billing: ServiceUnderTest, sandbox: Sandbox
) -> None:
    for nth, (card, state, told) in enumerate(
        [("4000 0000 0000 7726", "issued", 1), ("4000 0000 0000 5126", "failed", 0)]
    ):
        case = CaseFacts()
        await billing.receives(case.confirmed())
        await sandbox.pays(await pay_page(billing, case), card)
        await eventually(sandbox.all_delivered)
        await sandbox.behaves(silent=True)
        await billing.receives(case.withdrawn())
        await minutes_later(billing, 1)
        [pending] = await billing.fetch("SELECT state, paid_as FROM refunds WHERE case_id = $1", case.id)
        assert pending["state"] == "decided"
        assert pending["paid_as"].startswith("re_")
        sandbox.app.state.ledger.end_due_refunds(datetime.now(UTC).timestamp() + 60)
        await minutes_later(billing, 3)
        [refund] = await billing.fetch("SELECT state FROM refunds WHERE case_id = $1", case.id)
        assert refund["state"] == state
        assert len([one for one in await billing.emitted(RefundIssued) if one.case_id == case.id]) == told
        assert len(await queue(billing, "refunds-to-settle")) == nth
        await sandbox.behaves()


async def test_an_accepted_dispute_is_lost_at_the_provider(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    from services.billing import cashier, store

    await billing.receives(case.confirmed())
    await sandbox.pays(await pay_page(billing, case), "4000 0000 0000 0259")
    await eventually(sandbox.all_delivered)
    [dispute] = await billing.fetch("SELECT id, state, evidence_due_at FROM disputes")
    assert dispute["state"] == "open"
    assert dispute["evidence_due_at"] is not None
    async with billing.ctx.db.transaction() as tx:
        await cashier.accept_dispute(tx, await store.lock_case(tx, case.id), dispute["id"], "They are right", "Felix")
    await billing.run_errands()
    await eventually(sandbox.all_delivered)
    assert (await billing.fetch("SELECT state FROM disputes"))[0]["state"] == "lost"
    assert await balances(billing) == {}


@asynccontextmanager
async def provider_process(state: Path, url: str, webhooks: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The provider as a process of its own that remembers what happened."""
    environment = os.environ | {
        "SANDBOX_GATEWAY_PORT": url.rpartition(":")[2], "SANDBOX_GATEWAY_WEBHOOK_URL": webhooks,
        "SANDBOX_GATEWAY_STATE": str(state),
    }  # fmt: skip
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "deploy.sandbox_gateway", env=environment)

    async def answers() -> bool:
        try:
            async with httpx.AsyncClient() as http:
                return (await http.get(f"{url}/livez")).is_success
        except httpx.TransportError:
            return False

    await eventually(answers, within=40)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
            await process.wait()


async def test_a_provider_that_is_killed_right_after_it_took_the_money(
    billing: ServiceUnderTest, case: CaseFacts, tmp_path: Path
) -> None:
    sock, site = free_socket()
    other, url = free_socket()
    other.close()
    billing.ctx.settings = billing.ctx.settings.model_copy(update={"gateway_url": url})
    await billing.receives(case.confirmed())
    webhooks = f"{site}/api/billing/webhooks/gateway"
    async with provider_process(tmp_path / "book.sqlite", url, webhooks) as provider:
        page = await pay_page(billing, case)
        async with httpx.AsyncClient() as http:
            paid = await http.post(page, data={"card": "4242424242424242", "expiry": "12/34", "code": "123"})
        assert paid.status_code == 303
        provider.send_signal(signal.SIGKILL)
        await provider.wait()
    await billing.run_timers(at=billing.clock.at + timedelta(minutes=1.1))
    await billing.run_errands(may_fail=True)
    assert await states(billing) == ["open"], "billing isn't served, and the provider is gone"
    async with served(billing.app, sock), provider_process(tmp_path / "book.sqlite", url, webhooks):

        async def paid_up() -> bool:
            return await states(billing) == ["paid"]

        await eventually(paid_up, within=40)
        billing.clock.at += timedelta(minutes=30)
        await billing.run_timers()
        await billing.run_errands()
    assert await balances(billing) == {"card_clearing": PRICE, "deferred_revenue": -PRICE}
    assert len(await billing.emitted(PaymentReceived)) == 1
