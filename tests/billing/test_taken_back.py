"""A wire taken back from a case in whose hope work began: it stays in work, two people still decide, its receipt says so (R20, R21)."""

import csv
import io
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from services.billing import cashier, domain, store
from services.billing.domain import Person, Proposal
from services.billing.store import WireReceipt
from shared.events import PaymentReceived
from shared.ids import new_case_number, new_id
from shared.web import Role
from tests.billing.conftest import PRICE, CaseFacts, Provider, balances, invoice_ids, queue, states, usd
from tests.support.service import A_MONDAY, ServiceUnderTest

LATE = A_MONDAY + timedelta(days=60)
FELIX = Person("staff-felix", "Felix Grau")


async def wired(billing: ServiceUnderTest, invoice: UUID, minor: int) -> UUID:
    """A wire comes, and is matched to an invoice."""
    async with billing.ctx.db.transaction() as tx:
        receipt = WireReceipt(
            id=new_id(), bank_reference=str(new_id()), amount=usd(minor), sender="A Testfall", remittance="",
            value_on=tx.now.date(), entered_by="Felix", entered_at=tx.now,
        )  # fmt: skip
        await cashier.enter_receipt(tx, receipt)
        await cashier.match_receipt(tx, receipt.id, invoice, "Felix")
    return receipt.id


async def taken_back(billing: ServiceUnderTest, receipt: UUID) -> None:
    async with billing.ctx.db.transaction() as tx:
        await cashier.unmatch_receipt(tx, receipt, "Felix", "It was another's")


async def billed(billing: ServiceUnderTest, case: CaseFacts) -> UUID:
    await billing.receives(case.submitted(new_case_number()), case.confirmed())
    [invoice] = await invoice_ids(billing, case.id)
    return invoice


async def test_a_case_in_work_is_not_cancelled_when_a_part_of_its_price_is_taken_back(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    invoice = await billed(billing, case)
    await provider.took(invoice, PRICE - 10_000)
    wire = await wired(billing, invoice, 10_000)
    await billing.run_timers(at=LATE)
    await taken_back(billing, wire)
    await billing.run_timers(at=LATE + timedelta(days=60))
    assert await states(billing) == ["part_paid"]
    [payment] = await billing.fetch("SELECT applied_minor, held_minor FROM payments")
    assert dict(payment) == {"applied_minor": PRICE - 10_000, "held_minor": 0}
    assert any("missing again" in title for title in await queue(billing, "payments-to-match"))
    await wired(billing, invoice, 10_000)
    assert await states(billing) == ["paid"]
    assert len(await billing.emitted(PaymentReceived)) == 1
    assert await balances(billing, case.id) == {
        "card_clearing": PRICE - 10_000, "unmatched_receipts": 10_000, "deferred_revenue": -PRICE
    }  # fmt: skip


@pytest.mark.parametrize("target", ["cancelled", "paid"])
async def test_a_fee_taken_back_and_held_elsewhere_still_needs_a_second_person(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts, target: str
) -> None:
    invoice, other = await billed(billing, case), CaseFacts()
    wire = await wired(billing, invoice, PRICE)
    await taken_back(billing, wire)
    elsewhere = await billed(billing, other)
    if target == "paid":
        await provider.took(elsewhere, PRICE)
    else:
        await billing.run_timers(at=LATE)
    async with billing.ctx.db.transaction() as tx:
        payment = await cashier.match_receipt(tx, wire, elsewhere, "Felix")
        assert payment.held_minor == PRICE
        locked = await store.lock_case(tx, other.id)
        found = await cashier.decide(tx, locked, payment.id, payment.amount, "They asked", FELIX)
    assert isinstance(found, Proposal)
    assert await billing.count("refunds") == 0


async def test_a_wire_that_nobody_worked_for_is_given_back_by_one_person(
    billing: ServiceUnderTest, case: CaseFacts
) -> None:
    invoice = await billed(billing, case)
    await wired(billing, invoice, PRICE)
    await wired(billing, invoice, PRICE)
    async with billing.ctx.db.transaction() as tx:
        locked = await store.lock_case(tx, case.id)
        [twice] = [one for one in await store.payments_of_case(tx, case.id) if one.held_minor]
        refund = await cashier.decide(tx, locked, twice.id, twice.amount, "Paid twice", FELIX)
    assert isinstance(refund, domain.Refund)


async def test_the_receipt_of_a_payment_taken_back_says_so(billing: ServiceUnderTest, case: CaseFacts) -> None:
    invoice = await billed(billing, case)
    wire = await wired(billing, invoice, PRICE)
    felix = billing.sign_in(Role.FINANCE, name="Felix Grau")
    [receipt] = await billing.fetch("SELECT id FROM documents WHERE kind = 'receipt'")
    said = "this payment was not for this invoice"
    for client, where in ((felix, "/desk/billing"), (billing.sign_in(Role.PATIENT, cases=[case.id]), "/my/billing")):
        pages = (f"{where}/cases/{case.id}", f"{where}/cases/{case.id}/documents/{receipt['id']}")
        assert [said in (await client.get(page)).text for page in pages] == [False, False]
    assert [row["taken_back_at"] for row in await listed(felix)] == ["", ""]
    billing.clock.at += timedelta(hours=1)
    await taken_back(billing, wire)
    for client, where in ((felix, "/desk/billing"), (billing.sign_in(Role.PATIENT, cases=[case.id]), "/my/billing")):
        pages = (f"{where}/cases/{case.id}", f"{where}/cases/{case.id}/documents/{receipt['id']}")
        assert [said in (await client.get(page)).text for page in pages] == [True, True]
    assert [bool(row["taken_back_at"]) for row in await listed(felix)] == [False, True]


async def listed(felix: httpx.AsyncClient) -> list[dict[str, str]]:
    """Return the documents of this month for an accountant, by kind."""
    day = A_MONDAY.date()
    span = {"since": day.isoformat(), "until": (day + timedelta(days=1)).isoformat()}
    answer = await felix.get("/api/billing/books/documents.csv", params=span)
    assert answer.status_code == 200, answer.text
    return sorted(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))), key=lambda row: row["kind"])


async def test_a_span_that_is_over_says_the_same_whatever_is_taken_back_later(
    billing: ServiceUnderTest, case: CaseFacts
) -> None:
    invoice = await billed(billing, case)
    wire = await wired(billing, invoice, PRICE)
    felix = billing.sign_in(Role.FINANCE, name="Felix Grau")
    before = await listed(felix)
    billing.clock.at = LATE
    await taken_back(billing, wire)
    assert await listed(billing.sign_in(Role.FINANCE, name="Felix Grau")) == before


async def test_time_to_pay_is_the_programmes_however_often_an_invoice_is_opened_again(
    billing: ServiceUnderTest, case: CaseFacts
) -> None:
    invoice = await billed(billing, case)
    lasted = []
    for days in (60, 120, 180):
        await billing.run_timers(at=A_MONDAY + timedelta(days=days))
        async with billing.ctx.db.transaction() as tx:
            opened = await cashier.reinstate(
                tx, await store.lock_case(tx, case.id), invoice, "Felix", "They still want it"
            )
            lasted.append(opened.due_at - tx.now)
    assert lasted == [timedelta(days=14)] * 3


async def test_advisors_open_no_first_invoice_again(billing: ServiceUnderTest, case: CaseFacts) -> None:
    invoice = await billed(billing, case)
    await billing.run_timers(at=LATE)
    page = f"/desk/billing/cases/{case.id}/invoices/{invoice}/unpaid"
    ada = billing.sign_in(Role.CARE_ADVISOR, name="Ada Klein")
    assert "What came of it?" not in (await ada.get(page)).text
    said = {"outcome": "open_again", "reason": "They still want it"}
    refused = await ada.post(page, data=said, headers={"Idempotency-Key": "form number 1"})
    assert refused.status_code == 409
    assert await states(billing) == ["cancelled"]
