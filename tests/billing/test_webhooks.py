"""The provider's messages: forged, late, twice, out of order, all at once: the money is counted once (R21)."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from itertools import permutations
from types import NoneType
from typing import Any
from uuid import UUID, uuid4

import asyncpg

from services.billing.ear import Ear
from services.billing.gateway import CardNotice, Message
from shared.events import PaymentReceived, RefundIssued
from tests.billing.conftest import PRICE, CaseFacts, Provider, balances, eventually, invoice_ids, signed, states
from tests.support.service import A_MONDAY, ServiceUnderTest

WEBHOOKS = "/api/billing/webhooks/gateway"


def succeeded(invoice: Any, payment_id: str = "pay_1", minor: int = PRICE) -> dict[str, Any]:
    return {
        "payment_id": payment_id,
        "checkout_id": "co_1",
        "reference": str(invoice),
        "status": "succeeded",
        "amount_minor": minor,
        "currency": "USD",
    }


def body_of(kind: str, data: Any) -> bytes:
    return json.dumps({"type": kind, "data": data}).encode()


async def test_a_message_that_is_not_the_providers_changes_nothing(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billing.receives(case.confirmed())
    [invoice] = await invoice_ids(billing)
    body = body_of("payment.succeeded", succeeded(invoice))
    good = signed(body)
    forgeries = [
        {},
        signed(body, secret="whsec_c29tZWJvZHkgZWxzZQ=="),
        signed(body, at=datetime.now(UTC) - timedelta(minutes=6)),
        signed(body, at=datetime.now(UTC) + timedelta(minutes=6)),
        {**good, "webhook-id": "msg_other"},
        {**good, "webhook-signature": "not a signature"},
        {**good, "webhook-signature": "v1,€"},
        {**good, "webhook-timestamp": "yesterday"},
    ]
    for headers in forgeries:
        encoded = {name: value.encode() for name, value in headers.items()}
        answer = await billing.http.post(WEBHOOKS, content=body, headers=encoded)  # type: ignore[arg-type]
        assert answer.status_code == 400, headers
        assert answer.headers["content-type"] == "application/problem+json"
    changed = await billing.http.post(WEBHOOKS, content=body.replace(b"250000", b"250001"), headers=good)
    assert changed.status_code == 400
    assert await states(billing) == ["open"]
    assert await billing.count("webhook_deliveries") == 0


async def test_a_signed_message_in_no_form_we_know_is_refused(billing: ServiceUnderTest) -> None:
    for body in (b"{", b"[]", b"null", b'{"type":7}', b'{"type":"payment.succeeded"}'):
        assert (await billing.http.post(WEBHOOKS, content=body, headers=signed(body))).status_code == 400, body
    assert (await billing.http.post(WEBHOOKS, content=b"\xff\xfe", headers=signed(b"{}"))).status_code == 400


async def test_kinds_that_we_do_not_know_are_taken_and_do_nothing(
    billing: ServiceUnderTest, provider: Provider
) -> None:
    assert (await provider.says("payment.disputed", {"whatever": 1})).status_code == 202
    assert (await provider.says("payout.paid", None)).status_code == 202
    assert await billing.count("ledger_transactions") == 0


async def test_messages_about_nothing_of_ours_do_nothing(billing: ServiceUnderTest, provider: Provider) -> None:
    await provider.took(uuid4(), 100)
    refund = {"refund_id": "re_1", "reference": str(uuid4()), "status": "succeeded"}
    assert (await provider.says("refund.succeeded", refund)).status_code == 202
    assert await billing.count("payments") == 0
    assert await billing.emitted() == []


async def test_one_message_delivered_often_counts_once(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billing.receives(case.confirmed())
    [invoice] = await invoice_ids(billing)
    body = body_of("payment.succeeded", succeeded(invoice))
    for _ in range(3):
        answer = await billing.http.post(WEBHOOKS, content=body, headers=signed(body, webhook_id="msg_1"))
        assert answer.status_code == 202
    assert await billing.count("payments") == 1
    assert len(await billing.emitted(PaymentReceived)) == 1


async def test_many_messages_at_once_make_one_payment_received(billing: ServiceUnderTest) -> None:
    async def deliver(body: bytes, webhook_id: str) -> int:
        answer = await billing.http.post(WEBHOOKS, content=body, headers=signed(body, webhook_id=webhook_id))
        return answer.status_code

    for round_ in range(8):
        case = CaseFacts()
        await billing.receives(case.confirmed())
        [invoice] = await invoice_ids(billing, case.id)
        body = body_of("payment.succeeded", succeeded(invoice, f"pay_{round_}"))
        answers = await asyncio.gather(*(deliver(body, f"msg_{round_}_{n % 4}") for n in range(12)))
        assert set(answers) == {202}
        assert await billing.count("payments") == round_ + 1
        assert await billing.count("webhook_deliveries") == 4 * (round_ + 1)
        assert len(await billing.emitted(PaymentReceived)) == round_ + 1
        assert await balances(billing, case.id) == {"card_clearing": PRICE, "deferred_revenue": -PRICE}


async def test_two_payments_at_once_make_one_payment_received_and_a_surplus(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.confirmed())
    [invoice] = await invoice_ids(billing)
    await asyncio.gather(*(provider.took(invoice, PRICE, f"pay_{n}") for n in range(4)))
    assert len(await billing.emitted(PaymentReceived)) == 1
    assert (await balances(billing))["overpayments"] == -3 * PRICE


async def test_the_order_of_messages_does_not_matter(billing: ServiceUnderTest, provider: Provider) -> None:
    for nth, order in enumerate(permutations(["processing", "failed", "succeeded"])):
        case = CaseFacts()
        await billing.receives(case.confirmed())
        [invoice] = await invoice_ids(billing, case.id)
        for status in order:
            await provider.took(invoice, PRICE, f"pay_{nth}", status=status)
        assert await states(billing, case.id) == ["paid"], order
        assert len(await billing.emitted(PaymentReceived)) == nth + 1, order


async def test_a_refund_that_is_heard_of_twice_is_told_once(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.confirmed())
    await provider.took((await invoice_ids(billing))[0], PRICE)
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=1))
    [refund] = await billing.fetch("SELECT id FROM refunds")
    said = {"refund_id": "re_1", "reference": str(refund["id"]), "status": "succeeded"}
    for status in ("succeeded", "succeeded"):  # with failures, in both orders: test_refund_comes_back
        await provider.says(f"refund.{status}", said | {"status": status})
    [told] = await billing.emitted(RefundIssued)
    assert told.refund_id == refund["id"]
    assert await balances(billing) == {}
    assert await states(billing) == ["refunded"]


async def invoices_of_new_cases(billing: ServiceUnderTest, number: int) -> list[UUID]:
    cases = [CaseFacts() for _ in range(number)]
    await billing.receives(*(case.confirmed() for case in cases))
    return [(await invoice_ids(billing, case.id))[0] for case in cases]


async def test_messages_that_come_at_once_are_committed_together(billing: ServiceUnderTest, provider: Provider) -> None:
    invoices = await invoices_of_new_cases(billing, 30)
    await asyncio.gather(*(provider.took(invoice, PRICE) for invoice in invoices))
    assert len(await billing.emitted(PaymentReceived)) == 30
    told_in = await billing.fetch("SELECT DISTINCT xmin::text FROM webhook_deliveries")
    assert len(told_in) < 10, "30 messages, and hardly more than one commit"


async def test_nobody_is_answered_before_the_commit(billing: ServiceUnderTest, provider: Provider) -> None:
    [slow, other] = await invoices_of_new_cases(billing, 2)
    async with billing.ctx.db.transaction() as tx:
        await tx.execute("SELECT FROM billing_cases c JOIN invoices i USING (case_id) WHERE i.id = $1 FOR UPDATE", slow)
        answers = [asyncio.create_task(provider.took(invoice, PRICE)) for invoice in (slow, other)]
        await eventually(lambda: _somebody_waits(billing))
        assert not any(answer.done() for answer in answers)
        assert await billing.count("webhook_deliveries") == 0
    await asyncio.gather(*answers)
    assert await billing.count("webhook_deliveries") == 2
    assert await billing.count("payments") == 2


async def _somebody_waits(billing: ServiceUnderTest) -> bool:
    waiting = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    return bool(await billing.fetch(waiting))


async def test_a_message_that_can_not_be_taken_in_fails_alone(billing: ServiceUnderTest) -> None:
    invoices, ear = await invoices_of_new_cases(billing, 4), Ear(billing.ctx.db)
    async with billing.ctx.db.transaction() as tx:
        await tx.execute("ALTER TABLE payments ADD CONSTRAINT none_is_broken CHECK (provider_id <> 'pay_0')")
    messages = [
        Message(f"msg_{nth}", "payment.succeeded", CardNotice.model_validate(succeeded(invoice, f"pay_{nth}")))
        for nth, invoice in enumerate(invoices)
    ]
    heard = await asyncio.gather(*map(ear.hear, messages), return_exceptions=True)
    assert [type(one) for one in heard] == [asyncpg.CheckViolationError, NoneType, NoneType, NoneType]
    assert await billing.count("webhook_deliveries") == 3
    assert len(await billing.emitted(PaymentReceived)) == 3
    async with billing.ctx.db.transaction() as tx:
        await tx.execute("ALTER TABLE payments DROP CONSTRAINT none_is_broken")
    await ear.hear(messages[0])
    assert len(await billing.emitted(PaymentReceived)) == 4, "it is sent again, and comes right"


async def test_messages_of_one_case_that_come_at_once_end_as_in_any_order(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.confirmed())
    [invoice] = await invoice_ids(billing)
    statuses = ("processing", "failed", "succeeded", "processing", "succeeded")
    await asyncio.gather(*(provider.took(invoice, PRICE, "pay_1", status=status) for status in statuses))
    assert await states(billing) == ["paid"]
    assert await billing.count("payments") == 1
    assert len(await billing.emitted(PaymentReceived)) == 1
