"""Money may go back at the provider itself, or be refused there though it went: it never goes back twice (R21)."""

import asyncio
from datetime import timedelta

from services.billing.cashier.refunding import LOOK_FIRST
from services.billing.gateway import gateway_of
from shared.events import RefundIssued
from shared.web import Role
from tests.billing.conftest import PRICE, CaseFacts, Sandbox, balances, eventually, on_the_machines_clock, queue, usd
from tests.billing.test_gateway import pay_page
from tests.billing.test_provider_desk import checks_by_itself, tomorrow
from tests.billing.test_provider_report import DIFFERENCES, felix, matters
from tests.support.service import A_MONDAY, ServiceUnderTest

REFUNDS = "refunds-to-settle"
NOT_BY_US = "USD\xa02,500.00 was sent back at the provider, not by us: look at the case before paying anything back"


async def paid(billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts) -> str:
    """Return the provider's name of the payment."""
    await billing.receives(case.submitted(), case.confirmed())
    await sandbox.pays(await pay_page(billing, case))
    await eventually(sandbox.all_delivered)
    [row] = await billing.fetch("SELECT provider_id FROM payments")
    return str(row["provider_id"])


async def withdrawn(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=1))


async def test_what_somebody_refunds_at_the_provider_comes_to_finance_who_look_first(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    payment = await paid(billing, sandbox, case)
    await sandbox.http.post(f"/sandbox/payments/{payment}/refund")
    await eventually(sandbox.all_delivered)
    assert await queue(billing, REFUNDS) == [NOT_BY_US]
    await withdrawn(billing, case)
    await billing.run_errands()
    assert await queue(billing, REFUNDS) == [NOT_BY_US, f"Pay back USD\xa02,500.00 {LOOK_FIRST}"]
    assert await billing.emitted(RefundIssued) == []
    felix, here = billing.sign_in(Role.FINANCE, name="Felix Grau"), f"/desk/billing/cases/{case.id}"
    page = (await felix.get(here)).text
    name = sandbox.app.state.book.refunds_of(payment)[0]["refund_id"]
    assert NOT_BY_US in page
    assert f"{here}/at-provider/{name}/looked" in page
    for nth, status in enumerate((303, 404)):
        done = await felix.post(f"{here}/at-provider/{name}/looked", headers={"Idempotency-Key": f"form number {nth}"})
        assert done.status_code == status
    assert await queue(billing, REFUNDS) == [f"Pay back USD\xa02,500.00 {LOOK_FIRST}"]
    assert NOT_BY_US not in (await felix.get(here)).text


async def test_a_refund_of_ours_that_the_provider_has_in_spite_of_its_refusal_is_issued(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    payment = await paid(billing, sandbox, case)
    await withdrawn(billing, case)
    [refund] = await billing.fetch("SELECT id FROM refunds")
    await sandbox.behaves(silent=True)
    sent = await gateway_of(billing.ctx.settings).refund(payment, usd(PRICE), refund["id"])
    book = sandbox.app.state.book
    book._db.execute("DELETE FROM answers")  # a provider forgets its keys after a day, and refuses what is done already
    await billing.run_errands()
    [row] = await billing.fetch("SELECT state, paid_as FROM refunds")
    assert tuple(row) == ("issued", sent.id)
    assert await queue(billing, REFUNDS) == []
    assert await balances(billing) == {}
    assert book.payment(payment)["refunded_minor"] == PRICE


async def test_what_was_refunded_at_the_provider_is_booked_once_and_shows_at_once(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    on_the_machines_clock(billing, case)
    payment = await paid(billing, sandbox, case)
    await sandbox.behaves(silent=True)
    await sandbox.http.post(f"/sandbox/payments/{payment}/refund")
    await tomorrow(billing)
    await checks_by_itself(billing)
    [matter] = await matters(billing)
    finance, here = felix(billing), f"{DIFFERENCES}/{matter}/take-in"
    page = (await finance.get(f"{DIFFERENCES}/{matter}")).text
    assert "find out who and why, and book it" in page
    assert f"/desk/billing/cases/{case.id}" in page
    assert (await finance.post(here)).status_code == 422
    why = {"reason": "Tom, by mistake for case 12"}
    answers = await asyncio.gather(
        *(finance.post(here, data=why, headers={"Idempotency-Key": f"form no {n}"}) for n in range(3))
    )
    assert sorted(one.status_code for one in answers) == [303, 409, 409]
    [refund] = await billing.fetch("SELECT state, decided_by, reason, at_provider FROM refunds")
    name = sandbox.app.state.book.refunds_of(payment)[0]["refund_id"]
    assert tuple(refund) == ("issued", "Felix Grau", why["reason"], name)
    assert await balances(billing) == {"provider_fees": 7_280, "card_clearing": -7_280}
    assert len(await billing.emitted(RefundIssued)) == 1
    patient = billing.sign_in(Role.PATIENT, cases=[case.id])
    assert "USD\xa02,500.00 was sent back to you." in (await patient.get(f"/my/billing/cases/{case.id}")).text
    statement = (await patient.get(f"/my/billing/cases/{case.id}/statement")).text
    assert "Money sent back" in statement
    assert "Nothing is owed on either side" in statement
    await sandbox.behaves()
    sandbox.app.state.messenger.say("refund.succeeded", sandbox.app.state.book.refunds_of(payment)[0])
    await eventually(sandbox.all_delivered)
    billing.clock.at += timedelta(days=1)
    await checks_by_itself(billing)
    assert (await matters(billing), await queue(billing, REFUNDS)) == ([], [])
    assert await billing.count("refunds") == 1


async def test_it_is_booked_from_the_case_as_soon_as_it_is_heard_of(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    payment = await paid(billing, sandbox, case)
    await sandbox.http.post(f"/sandbox/payments/{payment}/refund")
    await eventually(sandbox.all_delivered)
    name = sandbox.app.state.book.refunds_of(payment)[0]["refund_id"]
    finance, here = felix(billing), f"/desk/billing/cases/{case.id}/at-provider/{name}/book"
    assert (await finance.post(here, data={"reason": ""})).status_code == 422
    assert (await finance.post(here, data={"reason": "Tom, on the phone"})).status_code == 303
    assert (await finance.post(here, data={"reason": "Tom, on the phone"})).status_code == 404
    assert await queue(billing, REFUNDS) == []
    assert await balances(billing) == {}
    assert "Sent by somebody at the provider itself" in (await finance.get(f"/desk/billing/cases/{case.id}")).text
    await withdrawn(billing, case)
    await billing.run_errands()
    assert await billing.count("refunds") == 1, "nothing is left to go back"


async def test_a_refund_that_we_owe_already_is_the_one_that_went(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    payment = await paid(billing, sandbox, case)
    sandbox.app.state.ledger.refund(payment, 100_000, "USD", None)
    await eventually(sandbox.all_delivered)
    await withdrawn(billing, case)
    await billing.run_errands()
    assert f"Pay back USD\xa02,500.00 {LOOK_FIRST}" in await queue(billing, REFUNDS)
    name = sandbox.app.state.book.refunds_of(payment)[0]["refund_id"]
    booked = await felix(billing).post(
        f"/desk/billing/cases/{case.id}/at-provider/{name}/book", data={"reason": "Tom, before the withdrawal"}
    )
    assert booked.status_code == 303
    rows = await billing.fetch("SELECT amount_minor, state, at_provider FROM refunds ORDER BY amount_minor")
    assert [tuple(row) for row in rows] == [(100_000, "issued", name), (150_000, "failed", None)]
    assert await queue(billing, REFUNDS) == [
        "Pay back USD\xa01,500.00 by bank transfer: the rest was sent back at the provider"
    ]
    assert await balances(billing) == {"card_clearing": PRICE - 100_000, "refunds_payable": -150_000}


async def test_what_went_back_of_an_unpaid_price_is_to_be_paid_again(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    payment = await paid(billing, sandbox, case)
    async with billing.ctx.db.transaction() as tx:
        await tx.execute("UPDATE invoices SET price_minor = price_minor + 1000, received_at = NULL")
    sandbox.app.state.ledger.refund(payment, 50_000, "USD", None)
    await eventually(sandbox.all_delivered)
    name = sandbox.app.state.book.refunds_of(payment)[0]["refund_id"]
    await felix(billing).post(
        f"/desk/billing/cases/{case.id}/at-provider/{name}/book", data={"reason": "Tom, by mistake"}
    )
    [invoice] = await billing.fetch("SELECT price_minor - paid_minor AS due, state FROM invoices")
    assert tuple(invoice) == (51_000, "part_paid")
    assert (await balances(billing))["receivable"] == 50_000


async def test_one_that_comes_back_to_the_provider_is_owed_again(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    on_the_machines_clock(billing, case)
    payment = await paid(billing, sandbox, case)
    await sandbox.http.post(f"/sandbox/payments/{payment}/refund")
    await eventually(sandbox.all_delivered)
    name = sandbox.app.state.book.refunds_of(payment)[0]["refund_id"]
    finance = felix(billing)
    await finance.post(f"/desk/billing/cases/{case.id}/at-provider/{name}/book", data={"reason": "Tom, by mistake"})
    await sandbox.http.post(f"/sandbox/refunds/{name}/bounce")
    await eventually(sandbox.all_delivered)
    assert (await balances(billing))["refunds_payable"] == -PRICE
    [waits] = await queue(billing, REFUNDS)
    assert waits.startswith("Pay back USD\xa02,500.00 by bank transfer")
    await tomorrow(billing)
    await checks_by_itself(billing)
    assert await matters(billing) == [], "went and came back on both sides"
