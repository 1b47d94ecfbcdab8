"""A card refund may come back days after it succeeded: it is owed again, and finance pays it by bank, once (R21)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.billing.gateway import gateway_of
from shared.events import RefundIssued
from shared.web import Role
from tests.billing.conftest import PRICE, CaseFacts, Provider, Sandbox, balances, eventually, invoice_ids, queue, states
from tests.billing.test_gateway import pay_page
from tests.support.service import A_MONDAY, ServiceUnderTest

REFUNDS = "refunds-to-settle"
GIVEN_BACK = ["Pay back USD\xa02,500.00 by bank transfer: its card's bank gave it back"]


async def withdrawn(billing: ServiceUnderTest, provider: Provider, case: CaseFacts) -> UUID:
    """A paid case is withdrawn; return the refund that the provider is to send."""
    await billing.receives(case.submitted(), case.confirmed())
    await provider.took((await invoice_ids(billing))[0], PRICE, "pay_1")
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=1))
    [row] = await billing.fetch("SELECT id FROM refunds")
    found: UUID = row["id"]
    return found


async def ended(provider: Provider, refund: UUID, status: str) -> None:
    said = {"refund_id": "re_1", "reference": str(refund), "status": status}
    assert (await provider.says(f"refund.{status}", said)).status_code == 202


async def pays_by_bank(billing: ServiceUnderTest, refund: UUID, reference: str = "OUT-1") -> int:
    felix = billing.sign_in(Role.FINANCE, name="Felix Grau")
    done = await felix.post(
        f"/api/billing/refunds/{refund}/paid", json={"bank_reference": reference},
        headers={"Idempotency-Key": f"paid as {reference}"},
    )  # fmt: skip
    return done.status_code


async def test_it_is_owed_again_and_paid_by_bank_and_told_once(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    refund = await withdrawn(billing, provider, case)
    await ended(provider, refund, "succeeded")
    before = await billing.count("documents")
    for status in ("failed", "failed", "succeeded", "failed"):
        await ended(provider, refund, status)
        assert await balances(billing) == {"card_clearing": PRICE, "refunds_payable": -PRICE}, status
        assert await queue(billing, REFUNDS) == GIVEN_BACK
    assert await pays_by_bank(billing, refund) == 200
    for status in ("failed", "succeeded"):
        await ended(provider, refund, status)
    assert await pays_by_bank(billing, refund, "OUT-2") == 409
    assert await balances(billing) == {"card_clearing": PRICE, "bank": -PRICE}
    assert await queue(billing, REFUNDS) == []
    assert await states(billing) == ["refunded"]
    assert len(await billing.emitted(RefundIssued)) == 1
    assert await billing.count("documents") == before, "the fee stays taken back, by the same credit note"
    patient = billing.sign_in(Role.PATIENT, cases=[case.id])
    account = (await patient.get(f"/my/billing/cases/{case.id}/statement")).text
    assert account.count("Money that could not reach the card") == 1
    assert account.count("Money sent back") == 2


async def test_its_success_may_be_told_after_its_failure(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    refund = await withdrawn(billing, provider, case)
    await ended(provider, refund, "failed")
    await ended(provider, refund, "succeeded")
    assert await balances(billing) == {"card_clearing": PRICE, "refunds_payable": -PRICE}, "failed is the last word"
    assert len(await queue(billing, REFUNDS)) == 1
    assert await billing.emitted(RefundIssued) == []


async def test_what_was_sent_though_a_dispute_had_taken_it_comes_back_as_no_debt(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    refund = await withdrawn(billing, provider, case)
    for status in ("opened", "lost"):
        said = {
            "dispute_id": "dp_1", "payment_id": "pay_1", "status": "open" if status == "opened" else status,
            "amount_minor": PRICE, "currency": "USD",
        }  # fmt: skip
        await provider.says(f"dispute.{status}", said)
    await ended(provider, refund, "succeeded")
    await ended(provider, refund, "failed")
    assert await balances(billing) == {}
    assert await queue(billing, REFUNDS) == []
    assert await pays_by_bank(billing, refund) == 409


@pytest.mark.parametrize("first", ["failed", "lost"])
async def test_what_a_lost_dispute_took_is_not_paid_back_as_well(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts, first: str
) -> None:
    refund = await withdrawn(billing, provider, case)

    async def loses() -> None:
        for status in ("open", "lost"):
            said = {
                "dispute_id": "dp_1", "payment_id": "pay_1", "status": status, "amount_minor": 100_000, "currency": "USD",
            }  # fmt: skip
            await provider.says(f"dispute.{'opened' if status == 'open' else status}", said)

    if first == "lost":
        await loses()
    await ended(provider, refund, "failed")
    if first == "failed":
        await loses()
    assert await queue(billing, REFUNDS) == ["Pay back USD\xa01,500.00 by bank transfer: a lost dispute took the rest"]
    assert await pays_by_bank(billing, refund) == 200
    assert await balances(billing) == {"card_clearing": PRICE - 100_000, "bank": -(PRICE - 100_000)}
    [told] = await billing.emitted(RefundIssued)
    assert told.price.amount_minor == PRICE - 100_000


@pytest.mark.parametrize("behaviour", [{}, {"duplicate": 3}], ids=["well", "twice"])
async def test_the_provider_bounces_it_over_http(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts, behaviour: dict[str, int]
) -> None:
    began = datetime.now(UTC)
    await billing.receives(case.confirmed())
    await sandbox.pays(await pay_page(billing, case))
    await eventually(sandbox.all_delivered)
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=1))
    await billing.run_errands()
    await eventually(sandbox.all_delivered)
    assert await balances(billing) == {}
    await sandbox.behaves(**behaviour)
    [row] = await billing.fetch("SELECT id, paid_as FROM refunds")
    assert row["paid_as"] in (await sandbox.http.get("/sandbox")).text
    await sandbox.http.post(f"/sandbox/refunds/{row['paid_as']}/bounce")
    again = await sandbox.http.post(f"/sandbox/refunds/{row['paid_as']}/bounce", follow_redirects=True)
    assert "Only a refund that succeeded" in again.text
    await eventually(sandbox.all_delivered)
    assert await balances(billing) == {"card_clearing": PRICE, "refunds_payable": -PRICE}
    assert await queue(billing, REFUNDS) == GIVEN_BACK
    assert (await gateway_of(billing.ctx.settings).look_up_refund(row["paid_as"])).status == "failed"
    report = await gateway_of(billing.ctx.settings).report(began, datetime.now(UTC) + timedelta(minutes=1))
    assert [one.amount_minor for one in report if one.kind.startswith("refund")] == [-PRICE, PRICE]
    assert await pays_by_bank(billing, row["id"]) == 200
    assert len(await billing.emitted(RefundIssued)) == 1
