"""Facts in, invoices, ledger and facts out, on a real PostgreSQL (R17, R20, R21)."""

from datetime import timedelta
from itertools import permutations
from uuid import uuid4

from shared.events import PaymentReceived
from shared.ids import new_case_number
from tests.billing.conftest import PRICE, CaseFacts, Provider, balances, invoice_ids, queue, states, usd
from tests.support.service import A_MONDAY, ServiceUnderTest

AFTER_GRACE = timedelta(minutes=1)


async def test_confirmed_services_are_billed_once(billing: ServiceUnderTest, case: CaseFacts) -> None:
    confirmed = case.confirmed()
    await billing.receives(case.submitted(), confirmed, confirmed)
    again = confirmed.model_copy()
    await billing.receives(again)
    assert await states(billing) == ["open"]
    assert await balances(billing) == {"receivable": PRICE, "deferred_revenue": -PRICE}
    assert await billing.emitted() == []


async def test_a_later_revision_adds_an_invoice(billing: ServiceUnderTest, case: CaseFacts, provider: Provider) -> None:
    quote = uuid4()
    await billing.receives(case.confirmed(quote_id=quote), case.confirmed(90_000, quote_id=quote, revision=2))
    first, second = await invoice_ids(billing)
    await provider.took(second, 90_000)
    await provider.took(first, PRICE)
    told = await billing.emitted(PaymentReceived)
    assert [(one.revision, one.price) for one in told] == [(2, usd(90_000)), (1, usd(PRICE))]


async def test_nothing_to_pay_is_paid_at_once(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billing.receives(case.confirmed(0))
    assert await states(billing) == ["paid"]
    assert len(await billing.emitted(PaymentReceived)) == 1


async def test_exactly_the_price_is_told_once(billing: ServiceUnderTest, case: CaseFacts, provider: Provider) -> None:
    confirmed = case.confirmed()
    await billing.receives(confirmed)
    [invoice] = await invoice_ids(billing)
    await provider.took(invoice, PRICE - 1)
    assert await states(billing) == ["part_paid"]
    assert await billing.emitted() == []
    await provider.took(invoice, 1)
    assert await states(billing) == ["paid"]
    [told] = await billing.emitted()
    assert (told.case_id, told.quote_id, told.price, told.method) == (case.id, confirmed.quote_id, usd(PRICE), "card")


async def test_a_surplus_is_owed_back_and_told_to_finance(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.confirmed())
    [invoice] = await invoice_ids(billing)
    await provider.took(invoice, PRICE + 100)
    await provider.took(invoice, 50)
    assert await states(billing) == ["overpaid"]
    assert len(await billing.emitted(PaymentReceived)) == 1
    assert (await balances(billing))["overpayments"] == -150
    assert await queue(billing, "payments-to-match") == [
        "More than the price: USD\xa01.00 to send back or apply",
        "More than the price: USD\xa00.50 to send back or apply",
    ]


async def test_an_unpaid_invoice_expires_and_late_money_waits_for_staff(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.confirmed())
    [invoice] = await invoice_ids(billing)
    await billing.run_timers(at=A_MONDAY + timedelta(days=15))
    assert await states(billing) == ["cancelled"]
    assert await balances(billing) == {}
    await provider.took(invoice, PRICE)
    assert await billing.emitted() == []
    assert await queue(billing, "payments-to-match") == [
        "Came after the time to pay: USD\xa02,500.00 to send back or apply"
    ]


async def test_an_invoice_does_not_expire_once_it_is_paid(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.confirmed())
    await provider.took((await invoice_ids(billing))[0], PRICE)
    await billing.run_timers(at=A_MONDAY + timedelta(days=400))
    assert await states(billing) == ["paid"]
    assert await billing.count("timers") == 0


async def test_part_of_the_price_is_held_when_time_runs_out(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.confirmed())
    await provider.took((await invoice_ids(billing))[0], 100)
    await billing.run_timers(at=A_MONDAY + timedelta(days=15))
    assert await balances(billing) == {"card_clearing": 100, "overpayments": -100}
    assert len(await queue(billing, "payments-to-match")) == 1


async def test_withdrawing_cancels_what_is_unpaid(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billing.receives(case.confirmed(), case.withdrawn())
    assert await states(billing) == ["cancelled"]
    await billing.run_timers(at=A_MONDAY + AFTER_GRACE)
    assert await balances(billing) == {}
    assert await billing.count("refunds") == 0


async def test_withdrawing_before_acceptance_sends_all_of_it_back(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.confirmed())
    await provider.took((await invoice_ids(billing))[0], PRICE)
    await billing.receives(case.withdrawn())
    assert await billing.count("refunds") == 0, "an acceptance may be under way"
    await billing.run_timers(at=A_MONDAY + AFTER_GRACE)
    [refund] = await billing.fetch("SELECT amount_minor, why, state FROM refunds")
    assert tuple(refund) == (PRICE, "withdrawn", "decided")
    assert await billing.count("errands") == 1
    assert await balances(billing) == {"card_clearing": PRICE, "refunds_payable": -PRICE}


async def test_an_acceptance_heard_within_the_grace_time_counts(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.confirmed())
    await provider.took((await invoice_ids(billing))[0], PRICE)
    await billing.receives(case.withdrawn(), case.accepted(A_MONDAY + timedelta(days=1)))
    await billing.run_timers(at=A_MONDAY + AFTER_GRACE)
    assert await billing.count("refunds") == 0
    assert await queue(billing, "refunds-to-settle") == ["Withdrawn after a specialist accepted: rule on the fee"]


async def test_a_part_payment_goes_back_even_after_acceptance(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.confirmed(), case.accepted(A_MONDAY), case.confirmed(90_000, revision=2))
    first, second = await invoice_ids(billing)
    await provider.took(first, PRICE)
    await provider.took(second, 1_000)
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + AFTER_GRACE)
    assert [row["amount_minor"] for row in await billing.fetch("SELECT amount_minor FROM refunds")] == [1_000]
    assert await states(billing) == ["paid", "refunded"]


async def test_a_delivered_opinion_earns_the_fee(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.confirmed())
    await provider.took((await invoice_ids(billing))[0], PRICE)
    delivered = case.delivered()
    await billing.receives(case.accepted(), delivered, delivered)
    assert await balances(billing) == {"card_clearing": PRICE, "revenue": -PRICE}


async def test_money_for_a_withdrawn_case_is_held(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.confirmed(), case.withdrawn())
    await billing.run_timers(at=A_MONDAY + AFTER_GRACE)
    await provider.took((await invoice_ids(billing))[0], PRICE)
    assert await billing.emitted() == []
    assert await queue(billing, "payments-to-match") == [
        "Came after the case was withdrawn: USD\xa02,500.00 to send back or apply"
    ]


async def test_every_order_of_facts_ends_in_the_same_books(billing: ServiceUnderTest, provider: Provider) -> None:
    for order in permutations(["submitted", "confirmed", "accepted", "delivered"]):
        case, number = CaseFacts(), new_case_number()
        accepted = case.accepted()
        facts = {
            "submitted": case.submitted(number),
            "confirmed": case.confirmed(),
            "accepted": accepted,
            "delivered": case.delivered(),
        }
        await billing.receives(*(facts[name] for name in order))
        await provider.took((await invoice_ids(billing, case.id))[0], PRICE)
        await billing.receives(*(facts[name].model_copy() for name in order))
        assert await balances(billing, case.id) == {"card_clearing": PRICE, "revenue": -PRICE}, order
        assert await states(billing, case.id) == ["paid"], order
        assert [fact.case_id for fact in await billing.emitted()].count(case.id) == 1, order
        [row] = await billing.fetch("SELECT case_number, accepted_at FROM billing_cases WHERE case_id = $1", case.id)
        assert tuple(row) == (number, accepted.accepted_at), order


async def test_every_order_around_a_withdrawal_ends_in_the_same_books(billing: ServiceUnderTest) -> None:
    for order in permutations(["confirmed", "accepted", "withdrawn"]):
        case = CaseFacts()
        facts = {"confirmed": case.confirmed(), "accepted": case.accepted(A_MONDAY), "withdrawn": case.withdrawn()}
        await billing.receives(*(facts[name] for name in order))
        assert await states(billing, case.id) == ["cancelled"], order
    await billing.run_timers(at=A_MONDAY + AFTER_GRACE)
    assert await balances(billing) == {}
    assert await billing.emitted() == []


async def test_every_order_around_a_paid_cases_withdrawal_gives_the_same_money_back(
    billing: ServiceUnderTest, provider: Provider
) -> None:
    for order in permutations(["paid", "accepted", "withdrawn"]):
        case = CaseFacts()
        await billing.receives(case.confirmed())
        [invoice] = await invoice_ids(billing, case.id)
        for step in order:
            if step == "paid":
                await provider.took(invoice, PRICE)
            else:
                await billing.receives(case.accepted(A_MONDAY) if step == "accepted" else case.withdrawn())
        paid_in_time = order.index("paid") < order.index("withdrawn")
        assert await states(billing, case.id) == ["paid" if paid_in_time else "cancelled"], order
    await billing.run_timers(at=A_MONDAY + AFTER_GRACE)
    assert await billing.count("refunds") == 3, "what came after the withdrawal bought no work"
    assert len(await queue(billing, "refunds-to-settle")) == 3, "a fee paid before it is finance's to rule on"
