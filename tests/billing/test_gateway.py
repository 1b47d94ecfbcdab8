"""Billing and the real sandbox provider, each on its own port, over HTTP (R21)."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from deploy.sandbox_gateway.book import Book
from services.billing.cashier.refunding import LOOK_FIRST
from services.billing.gateway import (
    CheckoutOrder,
    GatewayRefusedError,
    GatewayUnavailableError,
    HttpGateway,
    gateway_of,
)
from services.billing.settings import SANDBOX_WEBHOOK_SECRET, BillingSettings
from shared.events import PaymentReceived, RefundIssued
from shared.web import Role
from tests.billing.conftest import (
    PRICE,
    CaseFacts,
    Sandbox,
    balances,
    eventually,
    invoice_ids,
    on_the_machines_clock,
    queue,
    states,
    usd,
)
from tests.support.service import A_MONDAY, ServiceUnderTest


async def pay_page(billing: ServiceUnderTest, case: CaseFacts, key: str = "a key of my own") -> str:
    """Ask for the pay page as the patient does."""
    patient = billing.sign_in(Role.PATIENT, subject="patient-1", cases=[case.id])
    [invoice, *_] = await invoice_ids(billing)
    asked = await patient.post(
        f"/api/billing/cases/{case.id}/invoices/{invoice}/checkout", headers={"Idempotency-Key": key}
    )
    assert asked.status_code == 200, asked.text
    return str(asked.json()["url"])


@pytest.mark.parametrize(
    "behaviour",
    [
        {},
        {"duplicate": 5},
        {"reorder": True, "hold_back_seconds": 0.3},
        {"duplicate": 3, "reorder": True, "delay_seconds": 0.3, "hold_back_seconds": 0.3},
    ],
    ids=["well", "twice", "out of order", "all of it"],
)
async def test_a_card_payment_arrives_once_however_the_provider_behaves(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts, behaviour: dict[str, object]
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    await sandbox.behaves(**behaviour)
    url = await pay_page(billing, case)
    gone_back = await sandbox.pays(url)
    assert gone_back.status_code == 303
    assert gone_back.headers["location"].startswith("http://consilium.test/my/billing/cases/")
    await eventually(sandbox.all_delivered)
    assert await states(billing) == ["paid"]
    assert len(await billing.emitted(PaymentReceived)) == 1
    assert await balances(billing) == {"card_clearing": PRICE, "deferred_revenue": -PRICE}


async def test_a_message_is_tried_again_until_it_is_taken(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    await billing.receives(case.confirmed())
    url = await pay_page(billing, case)
    messenger = sandbox.app.state.messenger
    right, messenger._url = messenger._url, "http://127.0.0.1:9/nobody"
    await sandbox.pays(url)

    async def tried_in_vain() -> bool:
        return all(one["attempts"] >= 1 for one in sandbox.app.state.book.mailbox.deliveries())

    await eventually(tried_in_vain)
    assert await states(billing) == ["open"]
    messenger._url = right
    await eventually(sandbox.all_delivered)
    assert await states(billing) == ["paid"]


async def test_a_declined_card_takes_nothing_and_another_card_may_follow(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    await billing.receives(case.confirmed())
    url = await pay_page(billing, case)
    declined = await sandbox.pays(url, "4000 0000 0000 0002")
    assert declined.status_code == 402
    assert "declined this card" in declined.text
    await eventually(sandbox.all_delivered)
    assert await states(billing) == ["open"]
    assert (await sandbox.pays(url)).status_code == 303
    await eventually(sandbox.all_delivered)
    assert await states(billing) == ["paid"]


@pytest.mark.parametrize(("answer", "state"), [("approve", "paid"), ("refuse", "open")])
async def test_a_bank_may_ask_for_a_second_step(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts, answer: str, state: str
) -> None:
    await billing.receives(case.confirmed())
    url = await pay_page(billing, case)
    await sandbox.pays(url, "4000 0025 0000 3155")
    assert "is it you who pays" in (await sandbox.http.get(url)).text
    await sandbox.http.post(f"{url}/confirm", data={"answer": answer})
    await eventually(sandbox.all_delivered)
    assert await states(billing) == [state]
    again = await sandbox.http.post(f"{url}/confirm", data={"answer": "approve"})
    assert again.status_code == 200, "pressing it again shows how it stands"


async def test_the_pay_page_says_what_to_correct(billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts) -> None:
    await billing.receives(case.confirmed())
    url = await pay_page(billing, case)
    wrong = await sandbox.http.post(url, data={"card": "1234", "expiry": "01/20", "code": "x"})
    assert wrong.status_code == 422
    for sentence in ("knows no real card", "has expired", "3 or 4 digits"):
        assert sentence in wrong.text
    assert (await sandbox.http.post(url, data={"card": "1234", "expiry": "soon"})).status_code == 422
    assert (await sandbox.http.get("/pay/co_nobody")).status_code == 404


async def test_paying_twice_on_one_page_takes_the_money_once(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    await billing.receives(case.confirmed())
    url = await pay_page(billing, case)
    await sandbox.pays(url)
    assert "This payment is done" in (await sandbox.pays(url)).text
    await eventually(sandbox.all_delivered)
    assert await billing.count("payments") == 1
    billing.ctx.settings = billing.ctx.settings.model_copy(update={"gateway_url": "http://127.0.0.1:9"})
    assert await pay_page(billing, case) == url, "the same request again, with the money in and the provider away"


async def test_asking_again_for_the_same_amount_leads_to_the_same_page(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    on_the_machines_clock(billing, case)
    await billing.receives(case.confirmed())
    first = await pay_page(billing, case)
    assert await pay_page(billing, case) == first, "the same request again"
    assert await pay_page(billing, case, "another key altogether") == first
    assert await billing.count("checkouts") == 1


async def test_a_closed_pay_page_takes_nothing(billing: ServiceUnderTest, sandbox: Sandbox) -> None:
    body = {
        "amount_minor": 5,
        "currency": "KWD",
        "reference": "r",
        "return_url": "http://x.test/",
        "lives_seconds": 1e-9,
    }
    headers = {"Authorization": "Bearer development-only", "Idempotency-Key": "k"}
    made = (await sandbox.http.post("/v1/checkouts", json=body, headers=headers)).json()
    assert "This payment page is closed" in (await sandbox.pays(made["url"])).text
    shown = (await sandbox.http.get(made["url"])).text
    assert "KWD\xa00.005" in shown
    assert 'name="card"' not in shown
    other = await sandbox.http.post("/v1/checkouts", json=body | {"amount_minor": 6}, headers=headers)
    assert other.status_code == 422, "the same key for something else"
    assert (
        await sandbox.http.post("/v1/checkouts", json=body, headers=headers | {"Authorization": ""})
    ).status_code == 401
    assert (
        await sandbox.http.post("/v1/checkouts", json=body, headers={"Authorization": headers["Authorization"]})
    ).status_code == 400


async def test_a_withdrawn_patients_money_goes_back_to_the_card(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    await billing.receives(case.confirmed())
    await sandbox.pays(await pay_page(billing, case))
    await eventually(sandbox.all_delivered)
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=1))
    await billing.run_errands()
    await eventually(sandbox.all_delivered)
    [told] = await billing.emitted(RefundIssued)
    assert told.price == usd(PRICE)
    assert await balances(billing) == {}
    assert await states(billing) == ["refunded"]


async def test_a_worker_that_dies_after_the_refund_sends_it_once(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    await billing.receives(case.confirmed())
    await sandbox.pays(await pay_page(billing, case))
    await eventually(sandbox.all_delivered)
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=1))
    [refund] = await billing.fetch("SELECT r.id, p.provider_id FROM refunds r JOIN payments p ON p.id = r.payment_id")
    await sandbox.behaves(delay_seconds=60)
    gateway = gateway_of(billing.ctx.settings)
    sent = await gateway.refund(refund["provider_id"], usd(PRICE), refund["id"])  # and here it died
    await billing.run_errands()
    [row] = await billing.fetch("SELECT state, paid_as FROM refunds")
    assert tuple(row) == ("issued", sent.id)
    assert len(await billing.emitted(RefundIssued)) == 1
    said = [one["body"]["type"] for one in sandbox.app.state.book.mailbox.deliveries()]
    assert said.count("refund.succeeded") == 1


async def test_a_refund_waits_while_the_provider_is_away(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    await billing.receives(case.confirmed())
    await sandbox.pays(await pay_page(billing, case))
    await eventually(sandbox.all_delivered)
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=1))
    there = billing.ctx.settings
    billing.ctx.settings = there.model_copy(update={"gateway_url": "http://127.0.0.1:9"})
    await billing.run_errands(may_fail=True)
    assert await billing.emitted(RefundIssued) == []
    billing.ctx.settings = there
    billing.clock.at += timedelta(minutes=5)
    await billing.run_errands()
    await eventually(sandbox.all_delivered)
    assert len(await billing.emitted(RefundIssued)) == 1


async def test_a_refund_that_the_provider_refuses_goes_to_finance(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    await billing.receives(case.confirmed())
    await sandbox.pays(await pay_page(billing, case))
    await eventually(sandbox.all_delivered)
    sandbox.app.state.book._db.execute("UPDATE payments SET refunded_minor = amount_minor")
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=1))
    await billing.run_errands()
    assert await queue(billing, "refunds-to-settle") == [f"Pay back USD\xa02,500.00 {LOOK_FIRST}"]
    [refund] = await billing.fetch("SELECT id FROM refunds WHERE state = 'failed'")
    felix = billing.sign_in(Role.FINANCE, name="Felix Grau")
    paid = await felix.post(
        f"/api/billing/refunds/{refund['id']}/paid",
        json={"bank_reference": "OUT-1"},
        headers={"Idempotency-Key": "paid by bank"},
    )
    assert paid.status_code == 200, paid.text
    assert await balances(billing) == {"card_clearing": PRICE, "bank": -PRICE}
    assert len(await billing.emitted(RefundIssued)) == 1
    assert await queue(billing, "refunds-to-settle") == []


async def test_a_provider_that_is_away_is_said_so_and_nothing_is_kept(
    billing: ServiceUnderTest, case: CaseFacts
) -> None:
    await billing.receives(case.confirmed())
    billing.ctx.settings = billing.ctx.settings.model_copy(update={"gateway_url": "http://127.0.0.1:9"})
    patient = billing.sign_in(Role.PATIENT, cases=[case.id])
    [invoice] = await invoice_ids(billing)
    asked = await patient.post(
        f"/api/billing/cases/{case.id}/invoices/{invoice}/checkout", headers={"Idempotency-Key": "some key"}
    )
    assert asked.status_code == 503
    assert "bank transfer" in asked.json()["detail"]
    assert await billing.count("checkouts") == 0


@pytest.mark.parametrize(
    ("status", "error"), [(500, GatewayUnavailableError), (429, GatewayUnavailableError), (422, GatewayRefusedError)]
)
async def test_the_port_tells_later_from_never(status: int, error: type[Exception]) -> None:
    answers = httpx.MockTransport(lambda _: httpx.Response(status, text="not JSON"))
    gateway = HttpGateway("http://provider.test", "key", SANDBOX_WEBHOOK_SECRET, answers)
    with pytest.raises(error):
        await gateway.refund("pay_1", usd(1), uuid4())
    with pytest.raises(error):
        await gateway.open_checkout(CheckoutOrder(usd(1), "r", "http://x.test/", "en"), "key")


def test_what_the_provider_remembers_survives_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "book.sqlite"
    book = Book(file)
    checkout = book.open_checkout(100, "USD", "r", "http://x.test/", "en", 60)
    book.mailbox.add("msg_1", "{}", 0)
    book.close()
    again = Book(file)
    assert again.checkout(checkout.id) == checkout
    assert [one.webhook_id for one in again.mailbox.due(1)] == ["msg_1"]
    again.mailbox.try_again(again.mailbox.due(1)[0], None)
    assert again.mailbox.next_due() is None
    again.close()


def test_production_does_not_start_on_the_sandboxs_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BILLING_DATABASE_URL", "postgresql://x")
    monkeypatch.setenv("CONSILIUM_ENV", "production")
    with pytest.raises(ValueError, match="BILLING_GATEWAY_API_KEY"):
        BillingSettings()
    monkeypatch.setenv("BILLING_GATEWAY_API_KEY", "another")
    monkeypatch.setenv("BILLING_GATEWAY_WEBHOOK_SECRET", "whsec_YW5vdGhlcg==")
    assert isinstance(gateway_of(BillingSettings()), HttpGateway)
