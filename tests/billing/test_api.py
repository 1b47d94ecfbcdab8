"""The JSON interface: who may, what it answers, and that a refusal changes nothing (R21)."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from services.billing.domain import creditor_reference
from shared.events import PaymentReceived, RefundIssued
from shared.web import Role
from tests.billing.conftest import NUMBER, PRICE, CaseFacts, Provider, balances, invoice_ids, queue, states
from tests.support.service import A_MONDAY, ServiceUnderTest


@pytest.fixture
def felix(billing: ServiceUnderTest) -> httpx.AsyncClient:
    return billing.sign_in(Role.FINANCE, subject="staff-felix", name="Felix Grau")


def usd(minor: int) -> dict[str, Any]:
    return {"amount_minor": minor, "currency": "USD"}


def a_wire(minor: int, remittance: str = "", reference: str = "BANK-0001") -> dict[str, Any]:
    return {
        "bank_reference": reference,
        "amount": usd(minor),
        "sender": "A N OTHER",
        "remittance": remittance,
        "value_on": "2027-03-01",
    }


async def post(client: httpx.AsyncClient, path: str, body: Any, key: str | None = None) -> httpx.Response:
    return await client.post(f"/api/billing{path}", json=body, headers={"Idempotency-Key": key or uuid4().hex})


async def test_patients_see_their_own_invoices_only(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    patient = billing.sign_in(Role.PATIENT, cases=[case.id])
    [shown] = (await patient.get(f"/api/billing/cases/{case.id}/invoices")).json()["invoices"]
    assert (shown["state"], shown["missing_minor"], shown["reference"]) == (
        "open",
        PRICE,
        creditor_reference(NUMBER, 1),
    )
    one = await patient.get(f"/api/billing/cases/{case.id}/invoices/{shown['id']}")
    assert one.json() == shown
    stranger = billing.sign_in(Role.PATIENT, cases=[uuid4()])
    assert (await stranger.get(f"/api/billing/cases/{case.id}/invoices")).status_code == 404
    assert (await billing.http.get(f"/api/billing/cases/{case.id}/invoices")).status_code == 401


async def test_an_invoice_of_another_case_is_nobodys(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billing.receives(case.confirmed())
    [invoice] = await invoice_ids(billing)
    other = uuid4()
    patient = billing.sign_in(Role.PATIENT, cases=[other])
    assert (await patient.get(f"/api/billing/cases/{other}/invoices/{invoice}")).status_code == 404
    assert (await post(patient, f"/cases/{other}/invoices/{invoice}/checkout", {})).status_code == 404


async def test_money_moves_by_finance_alone(billing: ServiceUnderTest, case: CaseFacts) -> None:
    for role in (Role.PATIENT, Role.CARE_ADVISOR, Role.CASE_MANAGER, Role.SPECIALIST, Role.PRIVACY_OFFICER):
        client = billing.sign_in(role, cases=[case.id])
        for path in (
            "/receipts",
            f"/receipts/{uuid4()}/match",
            f"/cases/{case.id}/refunds",
            f"/refunds/{uuid4()}/paid",
        ):
            assert (await post(client, path, {})).status_code == 403, (role, path)
        for path in (f"/cases/{case.id}/ledger", "/trial-balance"):
            assert (await client.get(f"/api/billing{path}")).status_code == 403, (role, path)


async def test_a_paid_invoice_has_no_pay_page(billing: ServiceUnderTest, case: CaseFacts, provider: Provider) -> None:
    await billing.receives(case.confirmed())
    [invoice] = await invoice_ids(billing)
    await provider.took(invoice, PRICE)
    patient = billing.sign_in(Role.PATIENT, cases=[case.id])
    refused = await post(patient, f"/cases/{case.id}/invoices/{invoice}/checkout", {})
    assert refused.status_code == 409
    assert refused.json()["detail"] == "Nothing is to be paid on this invoice"


async def test_a_wire_finds_its_invoice_by_the_reference(
    billing: ServiceUnderTest, felix: httpx.AsyncClient, case: CaseFacts
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    [invoice] = await invoice_ids(billing)
    entered = await post(felix, "/receipts", a_wire(PRICE, f"ref/{creditor_reference(NUMBER, 1)} thanks"))
    assert (entered.status_code, entered.json()["candidates"]) == (201, [str(invoice)])
    assert await queue(billing, "payments-to-match") == ["Wire of USD\xa02,500.00 to match"]
    assert await balances(billing) == {
        "bank": PRICE,
        "unmatched_receipts": -PRICE,
        "receivable": PRICE,
        "deferred_revenue": -PRICE,
    }
    matched = await post(felix, f"/receipts/{entered.json()['id']}/match", {"invoice_id": str(invoice)})
    assert matched.json()["applied_minor"] == PRICE
    [told] = await billing.emitted(PaymentReceived)
    assert told.method == "wire"
    assert await queue(billing, "payments-to-match") == []
    assert await balances(billing) == {"bank": PRICE, "deferred_revenue": -PRICE}


async def test_a_wire_without_a_reference_is_offered_where_just_that_is_missing(
    billing: ServiceUnderTest, felix: httpx.AsyncClient, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    [invoice] = await invoice_ids(billing)
    await provider.took(invoice, 50_000)
    nothing = await post(felix, "/receipts", a_wire(PRICE, reference="BANK-1"))
    fits = await post(felix, "/receipts", a_wire(PRICE - 50_000, reference="BANK-2"))
    assert nothing.json()["candidates"] == []
    assert fits.json()["candidates"] == [str(invoice)]
    await post(felix, f"/receipts/{fits.json()['id']}/match", {"invoice_id": str(invoice)})
    assert await states(billing) == ["paid"]


async def test_a_bank_line_is_entered_and_matched_once(
    billing: ServiceUnderTest, felix: httpx.AsyncClient, case: CaseFacts
) -> None:
    await billing.receives(case.confirmed())
    [invoice] = await invoice_ids(billing)
    entered = await post(felix, "/receipts", a_wire(PRICE), key="one request")
    assert (await post(felix, "/receipts", a_wire(PRICE), key="one request")).json() == entered.json()
    again = await post(felix, "/receipts", a_wire(PRICE))
    assert (again.status_code, "entered before" in again.json()["detail"]) == (409, True)
    path = f"/receipts/{entered.json()['id']}/match"
    answers = await asyncio.gather(*(post(felix, path, {"invoice_id": str(invoice)}) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert await billing.count("payments") == 1
    assert len(await billing.emitted(PaymentReceived)) == 1


async def test_a_wire_that_cannot_be_is_refused(billing: ServiceUnderTest, felix: httpx.AsyncClient) -> None:
    for wrong in (
        {"amount": {"amount_minor": -1, "currency": "USD"}},
        {"amount": {"amount_minor": 0, "currency": "USD"}},
        {"amount": {"amount_minor": 1.5, "currency": "USD"}},
        {"amount": {"amount_minor": 10**18, "currency": "USD"}},
        {"amount": {"amount_minor": 1, "currency": "usd"}},
        {"value_on": "yesterday"},
        {"sender": ""},
        {"unknown": 1},
    ):
        refused = await post(felix, "/receipts", a_wire(PRICE) | wrong)
        assert refused.status_code == 422, wrong
        assert refused.headers["content-type"] == "application/problem+json"
    assert await billing.count("wire_receipts") == 0
    assert await billing.count("ledger_transactions") == 0


async def test_no_key_no_change(billing: ServiceUnderTest, felix: httpx.AsyncClient) -> None:
    assert (await felix.post("/api/billing/receipts", json=a_wire(PRICE))).status_code == 400
    assert await billing.count("wire_receipts") == 0


async def test_unknown_wires_and_refunds_are_not_found(
    billing: ServiceUnderTest, felix: httpx.AsyncClient, case: CaseFacts
) -> None:
    assert (await post(felix, f"/receipts/{uuid4()}/match", {"invoice_id": str(uuid4())})).status_code == 404
    assert (await post(felix, f"/refunds/{uuid4()}/paid", {"bank_reference": "OUT-1"})).status_code == 404
    new = {"payment_id": str(uuid4()), "amount": usd(1), "reason": "because"}
    assert (await post(felix, f"/cases/{case.id}/refunds", new)).status_code == 404


async def wired(billing: ServiceUnderTest, felix: httpx.AsyncClient, minor: int, invoice: UUID) -> str:
    """Have a wire come in for an invoice, and return the payment's id."""
    entered = await post(felix, "/receipts", a_wire(minor, reference=uuid4().hex))
    matched = await post(felix, f"/receipts/{entered.json()['id']}/match", {"invoice_id": str(invoice)})
    return str(matched.json()["id"])


async def test_a_surplus_goes_back_by_bank_once_finance_has_paid_it(
    billing: ServiceUnderTest, felix: httpx.AsyncClient, case: CaseFacts
) -> None:
    await billing.receives(case.confirmed())
    [invoice] = await invoice_ids(billing)
    payment = await wired(billing, felix, PRICE + 700, invoice)
    new = {"payment_id": payment, "amount": usd(700), "reason": "Paid too much"}
    refund = (await post(felix, f"/cases/{case.id}/refunds", new)).json()
    assert (refund["state"], refund["decided_by"]) == ("decided", "Felix Grau")
    assert await queue(billing, "payments-to-match") == []
    assert await queue(billing, "refunds-to-settle") == ["Pay back USD\xa07.00 by bank transfer"]
    assert await billing.emitted(RefundIssued) == []
    assert await states(billing) == ["paid"]
    paid = await post(felix, f"/refunds/{refund['id']}/paid", {"bank_reference": "OUT-1"})
    assert paid.json()["state"] == "issued"
    assert (await post(felix, f"/refunds/{refund['id']}/paid", {"bank_reference": "OUT-2"})).status_code == 409
    [told] = await billing.emitted(RefundIssued)
    assert told.price.amount_minor == 700
    assert await balances(billing) == {"bank": PRICE, "deferred_revenue": -PRICE}


async def test_no_more_goes_back_than_came(
    billing: ServiceUnderTest, felix: httpx.AsyncClient, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.confirmed(90_000))
    await provider.took((await invoice_ids(billing))[0], 90_000)
    [payment] = (await felix.get(f"/api/billing/cases/{case.id}/ledger")).json()["payments"]
    new = {"payment_id": payment["id"], "amount": usd(90_000), "reason": "Goodwill"}
    answers = await asyncio.gather(*(post(felix, f"/cases/{case.id}/refunds", new) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    early = await post(felix, f"/refunds/{(await refund_ids(billing))[0]}/paid", {"bank_reference": "OUT-1"})
    assert (early.status_code, "card provider is sending" in early.json()["detail"]) == (409, True)
    assert await billing.count("errands") == 1


async def refund_ids(billing: ServiceUnderTest) -> list[UUID]:
    return [row["id"] for row in await billing.fetch("SELECT id FROM refunds ORDER BY decided_at")]


async def test_staff_may_send_a_fee_back_after_acceptance_with_a_reason(
    billing: ServiceUnderTest, felix: httpx.AsyncClient, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.confirmed(), case.accepted(A_MONDAY))
    await provider.took((await invoice_ids(billing))[0], PRICE)
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=1))
    [payment] = (await felix.get(f"/api/billing/cases/{case.id}/ledger")).json()["payments"]
    without = {"payment_id": payment["id"], "amount": usd(100_000), "reason": ""}
    assert (await post(felix, f"/cases/{case.id}/refunds", without)).status_code == 422
    decided = await post(felix, f"/cases/{case.id}/refunds", without | {"reason": "The review had hardly begun"})
    assert decided.status_code == 201
    kept = await post(felix, f"/cases/{case.id}/fee/keep", {"reason": "The specialist had read the records"})
    assert kept.status_code == 200
    assert await queue(billing, "refunds-to-settle") == []
    assert await balances(billing) == {
        "card_clearing": PRICE,
        "refunds_payable": -100_000,
        "revenue": -(PRICE - 100_000),
    }


async def test_a_fee_is_kept_of_withdrawn_cases_only(
    billing: ServiceUnderTest, felix: httpx.AsyncClient, case: CaseFacts
) -> None:
    await billing.receives(case.confirmed())
    assert (await post(felix, f"/cases/{case.id}/fee/keep", {"reason": "no reason"})).status_code == 409


async def test_a_fee_is_not_kept_before_the_rule_gave_its_part_back_nor_ruled_on_twice(
    billing: ServiceUnderTest, felix: httpx.AsyncClient, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.confirmed())
    await provider.took((await invoice_ids(billing))[0], PRICE)
    await billing.receives(case.withdrawn())
    early = await post(felix, f"/cases/{case.id}/fee/keep", {"reason": "Quicker than the rule"})
    assert (early.status_code, "programme's rule" in early.json()["detail"]) == (409, True)
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=1))
    felix = billing.sign_in(Role.FINANCE, name="Felix Grau")
    assert (await balances(billing))["refunds_payable"] == -PRICE
    assert (await post(felix, f"/cases/{case.id}/fee/keep", {"reason": "Nothing is left"})).status_code == 200
    again = await post(felix, f"/cases/{case.id}/fee/keep", {"reason": "Another reason"})
    assert (again.status_code, "ruled on this fee already" in again.json()["detail"]) == (409, True)
    [kept] = await billing.fetch("SELECT kept_reason FROM billing_cases")
    assert kept["kept_reason"] == "Nothing is left"


async def test_late_money_is_applied_when_finance_opens_the_invoice_again(
    billing: ServiceUnderTest, felix: httpx.AsyncClient, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.confirmed())
    [invoice] = await invoice_ids(billing)
    path = f"/cases/{case.id}/invoices/{invoice}/reinstate"
    assert (await post(felix, path, {"reason": "They still want it"})).status_code == 409, "it is open still"
    await billing.run_timers(at=A_MONDAY + timedelta(days=15))
    felix = billing.sign_in(Role.FINANCE, name="Felix Grau")
    await provider.took(invoice, PRICE)
    assert (await post(felix, path, {"reason": "They still want it"})).status_code == 200
    assert await states(billing) == ["paid"]
    assert len(await billing.emitted(PaymentReceived)) == 1
    assert await queue(billing, "payments-to-match") == []


async def test_an_invoice_opened_again_expires_again(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.confirmed())
    [invoice] = await invoice_ids(billing)
    await billing.run_timers(at=A_MONDAY + timedelta(days=15))
    felix = billing.sign_in(Role.FINANCE)
    await post(felix, f"/cases/{case.id}/invoices/{invoice}/reinstate", {"reason": "They still want it"})
    assert await states(billing) == ["open"]
    await billing.run_timers(at=A_MONDAY + timedelta(days=40))
    assert await states(billing) == ["cancelled"]
    assert await balances(billing) == {}


async def test_a_withdrawn_cases_invoice_is_not_opened_again(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billing.receives(case.confirmed())
    [invoice] = await invoice_ids(billing)
    await billing.run_timers(at=A_MONDAY + timedelta(days=15))
    await billing.receives(case.withdrawn())
    felix = billing.sign_in(Role.FINANCE)
    refused = await post(felix, f"/cases/{case.id}/invoices/{invoice}/reinstate", {"reason": "They still want it"})
    assert (refused.status_code, "withdrawn" in refused.json()["detail"]) == (409, True)


async def test_the_trial_balance_sums_to_zero_per_currency(
    billing: ServiceUnderTest, felix: httpx.AsyncClient, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.confirmed())
    [invoice] = await invoice_ids(billing)
    await provider.took(invoice, PRICE + 1)
    await provider.took(invoice, 99, currency="EUR")
    found = (await felix.get("/api/billing/trial-balance")).json()["balances"]
    for currency in ("USD", "EUR"):
        lines = [line for line in found if line["currency"] == currency]
        assert lines
        assert sum(line["amount_minor"] for line in lines) == 0
    ledger = (await felix.get(f"/api/billing/cases/{case.id}/ledger")).json()
    assert [line["kind"] for line in ledger["postings"]].count("payment_received") == 5
