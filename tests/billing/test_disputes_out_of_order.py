"""Disputes of which we hear before their payment, or in another currency than it (R20, R21)."""

from datetime import timedelta
from uuid import UUID

import pytest

from services.billing import cashier, store
from services.billing.domain import DisputeState, MoneyRefusedError
from services.billing.gateway import DisputeNotice, ReportLine
from services.billing.store import matters
from shared.events import PaymentReceived
from tests.billing.conftest import PRICE, CaseFacts, Provider, balances, invoice_ids, queue, states, usd
from tests.support.service import A_MONDAY, ServiceUnderTest


async def billed(billing: ServiceUnderTest, case: CaseFacts) -> UUID:
    await billing.receives(case.submitted(), case.confirmed())
    [invoice] = await invoice_ids(billing)
    return invoice


async def said(provider: Provider, status: str, minor: int, *, currency: str = "USD", dispute: str = "dp_1") -> None:
    data = {
        "dispute_id": dispute, "payment_id": "pay_1", "status": status, "amount_minor": minor, "currency": currency,
    }  # fmt: skip
    kind = "opened" if status == "open" else status
    assert (await provider.says(f"dispute.{kind}", data)).status_code == 202


async def test_money_known_to_be_disputed_is_told_once_the_dispute_is_won(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    invoice = await billed(billing, case)
    await said(provider, "open", PRICE)
    await provider.took(invoice, PRICE, "pay_1")
    assert await billing.emitted(PaymentReceived) == [], "nothing clinical starts for it"
    await said(provider, "won", PRICE)
    assert len(await billing.emitted(PaymentReceived)) == 1
    assert await states(billing) == ["paid"]


async def test_money_known_to_be_lost_is_to_be_paid_again(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    invoice = await billed(billing, case)
    await said(provider, "lost", PRICE)
    await provider.took(invoice, PRICE, "pay_1")
    assert await billing.emitted(PaymentReceived) == []
    assert await states(billing) == ["open"]
    await provider.took(invoice, PRICE, "pay_2")
    assert len(await billing.emitted(PaymentReceived)) == 1
    assert await balances(billing) == {"card_clearing": PRICE, "deferred_revenue": -PRICE}


async def test_of_two_disputes_heard_of_before_their_payment_both_must_be_won(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    invoice = await billed(billing, case)
    await said(provider, "won", 100)
    await said(provider, "open", 200, dispute="dp_2")
    await provider.took(invoice, PRICE, "pay_1")
    assert await billing.emitted(PaymentReceived) == []
    await said(provider, "won", 200, dispute="dp_2")
    assert len(await billing.emitted(PaymentReceived)) == 1


@pytest.mark.parametrize("first", ["payment", "dispute"])
async def test_a_dispute_in_another_currency_blocks_the_whole_payment_and_comes_to_finance(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts, first: str
) -> None:
    invoice = await billed(billing, case)
    if first == "payment":
        await provider.took(invoice, PRICE, "pay_1")
    await said(provider, "open", 100, currency="EUR")
    if first == "dispute":
        await provider.took(invoice, PRICE, "pay_1")
    assert len(await billing.emitted(PaymentReceived)) == (1 if first == "payment" else 0)
    [title] = await queue(billing, "card-disputes")
    assert "EUR\xa01.00 over a payment of USD\xa02,500.00" in title
    assert await balances(billing) == {"card_clearing": PRICE, "deferred_revenue": -PRICE}, "no currency is mixed in"
    await refused_to_go_back(billing, case)
    await said(provider, "lost", 100, currency="EUR")
    [title] = await queue(billing, "card-disputes")
    assert "have the loss booked" in title
    await refused_to_go_back(billing, case)


async def refused_to_go_back(billing: ServiceUnderTest, case: CaseFacts) -> None:
    async with billing.ctx.db.transaction() as tx:
        locked = await store.lock_case(tx, case.id)
        [payment] = await store.payments_of_case(tx, case.id)
        assert [one.payment_id for one in await store.disputes_of_case(tx, case.id)] == [payment.id]
        with pytest.raises(MoneyRefusedError, match=r"At most USD\xa00\.00"):
            await cashier.decide_refund(tx, locked, payment.id, usd(1), "decision", "They asked", "Felix")


async def test_a_won_dispute_in_another_currency_blocks_nothing_more(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    invoice = await billed(billing, case)
    await provider.took(invoice, PRICE, "pay_1")
    for status in ("open", "won", "won"):
        await said(provider, status, 100, currency="EUR")
    assert await queue(billing, "card-disputes") == []
    [row] = await billing.fetch("SELECT disputed_minor FROM payments")
    assert row["disputed_minor"] == 0


async def test_what_the_report_says_is_not_taken_in_while_it_stands_otherwise_here(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    invoice = await billed(billing, case)
    await provider.took(invoice, PRICE, "pay_1")
    await said(provider, "lost", PRICE)
    line = ReportLine(
        id="txn_1", kind="dispute_reversal", object_id="dp_1", payment_id="pay_1", amount_minor=PRICE, currency="USD",
        at=A_MONDAY,
    )  # fmt: skip
    span = cashier.Span(A_MONDAY, A_MONDAY + timedelta(days=1))
    async with billing.ctx.db.transaction() as tx:
        await cashier.check_report(tx, [line], span, "Felix", A_MONDAY)
        [matter] = [one for one in await matters.open_matters(tx) if one.subject == "dispute"]
    with pytest.raises(MoneyRefusedError, match="stands otherwise"):
        async with billing.ctx.db.transaction() as tx:
            await cashier.take_in(tx, matter.id, "", "Felix")
    [row] = await billing.fetch("SELECT state FROM provider_matters WHERE id = $1", matter.id)
    assert row["state"] == "open"


async def test_a_dispute_in_another_currency_asked_about_is_kept_too(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    from services.billing.cashier.hearing import hear_notice

    invoice = await billed(billing, case)
    await provider.took(invoice, PRICE, "pay_1")
    async with billing.ctx.db.transaction() as tx:
        await hear_notice(tx, DisputeNotice(
            dispute_id="dp_1", payment_id="pay_1", reference=None, status=DisputeState.OPEN, amount_minor=1, currency="EUR",
        ))  # fmt: skip
    assert await billing.count("disputes") == 1
