"""Whatever is sent to billing's JSON interface: no server error, and no answer that its OpenAPI document doesn't name."""

import pytest
from schemathesis import GenerationMode

from shared.web import Role
from tests.billing.conftest import PRICE, CaseFacts, Provider, Sandbox, invoice_ids, usd
from tests.support.answers import MODES, all_are_turned_away, try_everything
from tests.support.service import ServiceUnderTest


async def places(billing: ServiceUnderTest, provider: Provider) -> dict[str, object]:
    """Return ids of what is there: an invoice with a part of its price paid and more held, a refund, a wire."""
    case = CaseFacts()
    await billing.receives(case.submitted(), case.confirmed())
    [invoice] = await invoice_ids(billing, case.id)
    await provider.took(invoice, PRICE + 500, "pay_1")
    finance = billing.sign_in(Role.FINANCE, name="Felix Grau")
    [payment] = await billing.fetch("SELECT id FROM payments")
    back = {"payment_id": str(payment["id"]), "amount": usd(500).model_dump(), "reason": "paid too much"}
    at = f"/api/billing/cases/{case.id}/refunds"
    refund = await finance.post(at, json=back, headers={"Idempotency-Key": "the refund"})
    line = {
        "bank_reference": "bank-0001",
        "amount": usd(100).model_dump(),
        "sender": "A Testfall",
        "value_on": "2027-01-04",
    }
    wire = await finance.post("/api/billing/receipts", json=line, headers={"Idempotency-Key": "the wire"})
    [item, *_] = await billing.fetch("SELECT id FROM queue_items")
    return {
        "case_id": case.id, "invoice_id": invoice, "receipt_id": wire.json()["id"], "item_id": item["id"],
        "refund_id": refund.json().get("id", case.id),
    }  # fmt: skip


@pytest.mark.parametrize("mode", MODES, ids=["fit", "unfit"])
async def test_every_answer_is_one_that_the_document_names(
    billing: ServiceUnderTest, provider: Provider, sandbox: Sandbox, mode: GenerationMode
) -> None:
    seen = await try_everything(billing, mode, await places(billing, provider))
    reached = set().union(*seen.values())
    assert reached >= ({200, 201, 404, 409, 422} if mode is GenerationMode.POSITIVE else {400, 422}), seen


async def test_who_is_nobody_or_has_another_role_is_told_so_in_the_documents_words(
    billing: ServiceUnderTest, provider: Provider
) -> None:
    known = await places(billing, provider)
    await all_are_turned_away(billing, Role.LAB, known, {})
