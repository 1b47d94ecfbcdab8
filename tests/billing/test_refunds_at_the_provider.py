"""Money may go back at the provider itself, or be refused there though it went: it never goes back twice (R21)."""

from datetime import timedelta

from services.billing.cashier.refunding import LOOK_FIRST
from services.billing.gateway import gateway_of
from shared.events import RefundIssued
from shared.web import Role
from tests.billing.conftest import PRICE, CaseFacts, Sandbox, balances, eventually, queue, usd
from tests.billing.test_gateway import pay_page
from tests.support.service import A_MONDAY, ServiceUnderTest

REFUNDS = "refunds-to-settle"
NOT_BY_US = "2500.00 USD was sent back at the provider, not by us: look at the case before paying anything back"


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
    assert await queue(billing, REFUNDS) == [NOT_BY_US, f"Pay back 2500.00 USD {LOOK_FIRST}"]
    assert await billing.emitted(RefundIssued) == []
    felix, here = billing.sign_in(Role.FINANCE, name="Felix Grau"), f"/desk/billing/cases/{case.id}"
    page = (await felix.get(here)).text
    name = sandbox.app.state.book.refunds_of(payment)[0]["refund_id"]
    assert NOT_BY_US in page
    assert f"{here}/at-provider/{name}/looked" in page
    for nth, status in enumerate((303, 404)):
        done = await felix.post(f"{here}/at-provider/{name}/looked", headers={"Idempotency-Key": f"form number {nth}"})
        assert done.status_code == status
    assert await queue(billing, REFUNDS) == [f"Pay back 2500.00 USD {LOOK_FIRST}"]
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
