"""A wire that the bank takes back, also after the fee was earned: owed again or borne, in plain words, to the cent (R21)."""

from datetime import timedelta
from uuid import UUID

import pytest

from services.billing import cashier, store
from services.billing.domain import Person
from shared.events import PaymentReceived
from shared.ids import new_case_number
from shared.web import Role
from tests.billing.bank import DAY, Movement, camt
from tests.billing.conftest import PRICE, CaseFacts, balances, invoice_ids, queue, states, usd
from tests.billing.test_provider_report import felix
from tests.billing.test_statement_import import imports
from tests.billing.test_taken_back import wired
from tests.support.service import A_MONDAY, ServiceUnderTest

MATCH = "payments-to-match"


async def recalled(billing: ServiceUnderTest, receipt: UUID, minor: int = PRICE) -> None:
    """The bank takes a wire back, and finance says so at the line by which it left."""
    await imports(billing, camt([Movement(-minor, party="A Testfall", text="recall", on=DAY, reversal=True)]))
    [debit] = await billing.fetch("SELECT id FROM bank_lines WHERE amount_minor < 0 AND became IS NULL")
    said = {"receipt_id": str(receipt), "reason": "The payer recalled it"}
    done = await felix(billing).post(f"/desk/billing/lines/{debit['id']}/taken-back", data=said)
    assert done.status_code == 303, done.text


async def earned(billing: ServiceUnderTest, case: CaseFacts) -> tuple[UUID, UUID]:
    """A case paid by wire whose opinion is delivered; returns invoice and wire."""
    await billing.receives(case.submitted(new_case_number()), case.confirmed(), case.accepted(A_MONDAY))
    [invoice] = await invoice_ids(billing, case.id)
    wire = await wired(billing, invoice, PRICE)
    await billing.receives(case.delivered(A_MONDAY))
    return invoice, wire


async def test_an_earned_fee_whose_wire_is_recalled_is_owed_again_and_paid_again(
    billing: ServiceUnderTest, case: CaseFacts
) -> None:
    invoice, wire = await earned(billing, case)
    await recalled(billing, wire)
    assert await balances(billing) == {"receivable": PRICE, "revenue": -PRICE}
    assert await states(billing) == ["open"]
    told = "The bank took USD\xa02,500.00 back: USD\xa02,500.00 is owed again. Ask for it, or bear the loss"
    assert await queue(billing, MATCH) == [told]
    patient = billing.sign_in(Role.PATIENT, cases=[case.id])
    page = (await patient.get(f"/my/billing/cases/{case.id}")).text
    for words in (
        "A payment was taken back: USD\xa02,500.00 is open again.",
        "the bank took back a transfer of USD\xa02,500.00 that had been counted as your payment.",
        "Your opinion is delivered and stays yours. USD\xa02,500.00 of its price is open again.",
    ):
        assert words in page
    assert "What is open stays to be paid, because the work is done." in page, "whoever withdraws now"
    assert "the payer’s bank took this payment back" in page
    assert (
        "Payment taken back by the payer’s bank" in (await patient.get(f"/my/billing/cases/{case.id}/statement")).text
    )
    await billing.run_timers(at=A_MONDAY + timedelta(days=200))
    assert await states(billing) == ["open"], "work was done for it: it never expires"
    await wired(billing, invoice, PRICE)
    assert await states(billing) == ["paid"]
    assert await queue(billing, MATCH) == []
    assert len(await billing.emitted(PaymentReceived)) == 1
    assert await balances(billing) == {"bank": PRICE, "revenue": -PRICE}
    again = billing.sign_in(Role.PATIENT, cases=[case.id])
    assert "Nothing is open any more." in (await again.get(f"/my/billing/cases/{case.id}")).text


async def test_finance_bears_the_loss_with_a_reason_and_nobody_is_asked_any_more(
    billing: ServiceUnderTest, case: CaseFacts
) -> None:
    invoice, wire = await earned(billing, case)
    finance, here = felix(billing), f"/desk/billing/cases/{case.id}"
    early = await finance.post(
        f"{here}/invoices/{invoice}/loss", data={"reason": "No reason yet"}, headers={"Accept": "application/json"}
    )
    assert early.status_code == 409
    await recalled(billing, wire)
    page = (await finance.get(here)).text
    assert "Bear the loss of USD\xa02,500.00 on invoice 1" in page
    assert "The bank took it back: The payer recalled it" in page
    assert (await finance.post(f"{here}/invoices/{invoice}/loss", data={"reason": ""})).status_code == 422
    done = await finance.post(f"{here}/invoices/{invoice}/loss", data={"reason": "The patient has died"})
    assert done.status_code == 303
    assert await balances(billing) == {"bad_debts": PRICE, "revenue": -PRICE}
    assert await queue(billing, MATCH) == []
    assert "Felix Grau bore a loss" in (await finance.get(here)).text
    patient = billing.sign_in(Role.PATIENT, cases=[case.id])
    assert "Nothing is open any more." in (await patient.get(f"/my/billing/cases/{case.id}")).text
    statement = (await patient.get(f"/my/billing/cases/{case.id}/statement")).text
    assert "No longer asked for" in statement
    assert "Nothing is owed on either side" in statement


async def test_a_recall_before_anything_is_earned_undoes_the_match_and_says_why(
    billing: ServiceUnderTest, case: CaseFacts
) -> None:
    await billing.receives(case.submitted(new_case_number()), case.confirmed())
    [invoice] = await invoice_ids(billing, case.id)
    wire = await wired(billing, invoice, PRICE)
    await recalled(billing, wire)
    assert await balances(billing) == {"receivable": PRICE, "deferred_revenue": -PRICE}
    assert await billing.count("payments") == 0
    page = (await billing.sign_in(Role.PATIENT, cases=[case.id]).get(f"/my/billing/cases/{case.id}")).text
    assert "USD\xa02,500.00 of the price is open again." in page
    assert "the payer’s bank took this payment back" in page


@pytest.mark.parametrize("sent", [False, True], ids=["owed", "sent"])
async def test_what_was_to_go_back_of_a_recalled_wire_goes_no_more_and_what_went_is_lost(
    billing: ServiceUnderTest, case: CaseFacts, sent: bool
) -> None:
    _, wire = await earned(billing, case)
    async with billing.ctx.db.transaction() as tx:
        locked = await store.lock_case(tx, case.id)
        [payment] = await store.payments_of_case(tx, case.id)
        felix_grau = Person("staff-felix", "Felix Grau")
        refund = await cashier.decide(tx, locked, payment.id, usd(10_000), "A kindness", felix_grau)
        if sent:
            await cashier.pay_out_by_bank(tx, refund.id, "BANK-OUT-1", "Felix Grau")
    await recalled(billing, wire)
    owed = {"receivable": PRICE - 10_000, "revenue": 10_000 - PRICE}
    assert await balances(billing) == (owed | {"bank": -10_000, "bad_debts": 10_000} if sent else owed)
    [refund_row] = await billing.fetch("SELECT state FROM refunds")
    assert refund_row["state"] == ("issued" if sent else "overtaken")
    assert await queue(billing, "refunds-to-settle") == []
    [row] = await billing.fetch("SELECT applied_minor, returned_minor, lost_minor FROM payments")
    assert tuple(row) == (0, 10_000, PRICE - 10_000)
