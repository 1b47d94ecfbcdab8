"""A card's holder has their bank take the money back: before, during and after the work, in any order (R21)."""

from datetime import timedelta
from itertools import permutations
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.billing import cashier
from shared.events import PaymentReceived, RefundIssued
from shared.web import Role
from tests.billing.conftest import PRICE, CaseFacts, Provider, balances, invoice_ids, queue, states
from tests.support.service import A_MONDAY, ServiceUnderTest

DISPUTES, REFUNDS = "card-disputes", "refunds-to-settle"


async def disputed(
    provider: Provider, status: str, minor: int = PRICE, *, invoice: UUID | None = None, dispute: str = "dp_1"
) -> None:
    """The provider says how the dispute of ``pay_1`` stands."""
    data: dict[str, Any] = {
        "dispute_id": dispute, "payment_id": "pay_1", "reference": str(invoice) if invoice else None,
        "status": "open" if status == "opened" else status, "amount_minor": minor, "currency": "USD",
        "reason": "product_not_received", "evidence_due_at": (A_MONDAY + timedelta(days=7)).isoformat(),
    }  # fmt: skip
    answer = await provider.says(f"dispute.{status}", data)
    assert answer.status_code == 202, answer.text


async def paid_by_card(billing: ServiceUnderTest, provider: Provider, case: CaseFacts) -> UUID:
    await billing.receives(case.submitted(), case.confirmed())
    [invoice] = await invoice_ids(billing)
    await provider.took(invoice, PRICE, "pay_1")
    return invoice


def key(said: str) -> dict[str, str]:
    return {"Idempotency-Key": said}


async def test_a_dispute_takes_the_money_and_a_win_brings_it_back(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    await paid_by_card(billing, provider, case)
    await disputed(provider, "opened")
    assert await balances(billing) == {"disputed": PRICE, "deferred_revenue": -PRICE}
    assert await queue(billing, DISPUTES) == ["Answer the dispute of USD\xa02,500.00"]
    assert await states(billing) == ["paid"], "the work goes on"
    await disputed(provider, "won")
    assert await balances(billing) == {"card_clearing": PRICE, "deferred_revenue": -PRICE}
    assert await queue(billing, DISPUTES) == []
    assert len(await billing.emitted(PaymentReceived)) == 1


@pytest.mark.parametrize("delivered", [False, True], ids=["before delivery", "after delivery"])
async def test_a_lost_dispute(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts, *, delivered: bool
) -> None:
    await paid_by_card(billing, provider, case)
    if delivered:
        await billing.receives(case.delivered())
    await disputed(provider, "opened")
    await disputed(provider, "lost")
    assert await balances(billing) == ({"revenue": -PRICE, "dispute_losses": PRICE} if delivered else {})
    assert await states(billing) == ["refunded"]
    [said] = await queue(billing, DISPUTES)
    assert "is lost" in said
    assert len(await billing.emitted()) == 1, "PaymentReceived stays the one thing told"
    if not delivered:
        await billing.receives(case.delivered())
        assert await balances(billing) == {}, "work that nobody paid for is no income"


@pytest.mark.parametrize("end", ["won", "lost"])
async def test_messages_in_any_order_the_payments_own_included_end_the_same(
    billing: ServiceUnderTest, provider: Provider, end: str
) -> None:
    """But for what was told: a payment known to be disputed is not, and what of it is lost is to be paid again."""
    for nth, order in enumerate(permutations(["payment", "opened", end])):
        case = CaseFacts()
        await billing.receives(case.confirmed())
        [invoice] = await invoice_ids(billing, case.id)
        for said in order:
            if said == "payment":
                await provider.took(invoice, PRICE, f"pay_{nth}")
            else:
                data = {
                    "dispute_id": f"dp_{nth}", "payment_id": f"pay_{nth}", "status": "open" if said == "opened" else said,
                    "amount_minor": PRICE, "currency": "USD",
                }  # fmt: skip
                assert (await provider.says(f"dispute.{said}", data)).status_code == 202
        told = end == "won" or order[0] == "payment"
        left = {"card_clearing": PRICE, "deferred_revenue": -PRICE} if end == "won" else {}
        left = left if told else {"receivable": PRICE, "deferred_revenue": -PRICE}
        assert [one.case_id for one in await billing.emitted(PaymentReceived)].count(case.id) == told, order
        assert await balances(billing, case.id) == left, order
        assert len(await queue(billing, DISPUTES)) == (0 if end == "won" else nth + 1), order
        await billing.run_errands()
        assert await balances(billing, case.id) == left


async def test_a_dispute_waits_for_its_payment_as_long_as_it_takes(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    await billing.receives(case.confirmed())
    [invoice] = await invoice_ids(billing)
    await disputed(provider, "opened", invoice=invoice)
    await disputed(provider, "opened", dispute="dp_2", minor=1)
    await billing.run_errands(may_fail=True)
    assert await balances(billing) == {"receivable": PRICE, "deferred_revenue": -PRICE}
    await provider.took(invoice, PRICE, "pay_1")
    billing.clock.at += timedelta(minutes=1)
    await billing.run_errands()
    assert (await balances(billing))["disputed"] == PRICE + 1


async def test_a_dispute_of_nothing_of_ours_does_nothing(billing: ServiceUnderTest, provider: Provider) -> None:
    await disputed(provider, "lost", invoice=uuid4())
    assert await billing.count("ledger_transactions") == 0


async def test_a_message_told_again_or_late_changes_nothing(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    await paid_by_card(billing, provider, case)
    for status in ("opened", "opened", "won", "opened", "won"):
        await disputed(provider, status)
    assert await billing.count("disputes") == 1
    assert await balances(billing) == {"card_clearing": PRICE, "deferred_revenue": -PRICE}
    for status in ("lost", "won", "lost"):
        await disputed(provider, status)
    assert await balances(billing) == {}, "lost is the last word"


async def test_a_withdrawn_case_waits_for_the_bank_and_is_then_sent_back_what_is_left(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    await paid_by_card(billing, provider, case)
    await disputed(provider, "opened", 200_000)
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=1))
    [first] = await billing.fetch("SELECT amount_minor FROM refunds")
    assert first["amount_minor"] == PRICE - 200_000, "what is not disputed"
    await disputed(provider, "won", 200_000)
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=3))
    rows = await billing.fetch("SELECT sum(amount_minor)::bigint AS n FROM refunds")
    assert rows[0]["n"] == PRICE


async def test_a_withdrawn_case_whose_dispute_is_lost_is_sent_nothing_more(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    await paid_by_card(billing, provider, case)
    await disputed(provider, "opened")
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=1))
    await disputed(provider, "lost")
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=3))
    assert await billing.count("refunds") == 0
    assert await balances(billing) == {}


async def test_a_refund_under_way_waits_and_a_lost_dispute_overtakes_it(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    await paid_by_card(billing, provider, case)
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=1))
    await disputed(provider, "opened")
    await billing.run_errands()
    [refund] = await billing.fetch("SELECT id, state FROM refunds")
    assert refund["state"] == "decided", "nothing was asked of the provider, which is not even there"
    felix = billing.sign_in(Role.FINANCE, name="Felix Grau")
    by_bank = {"bank_reference": "OUT-1"}
    paid = await felix.post(f"/api/billing/refunds/{refund['id']}/paid", json=by_bank, headers=key("paid by bank"))
    assert paid.status_code == 409
    await disputed(provider, "lost")
    [refund] = await billing.fetch("SELECT id, state FROM refunds")
    assert refund["state"] == "overtaken"
    paid = await felix.post(f"/api/billing/refunds/{refund['id']}/paid", json=by_bank, headers=key("paid by bank too"))
    assert paid.status_code == 409
    assert await balances(billing) == {}
    assert await billing.emitted(RefundIssued) == []
    said = {"refund_id": "re_1", "reference": str(refund["id"]), "status": "succeeded"}
    await provider.says("refund.succeeded", said)
    assert await balances(billing) == {"dispute_losses": PRICE, "card_clearing": -PRICE}, "sent after all: a loss"


async def test_a_dispute_after_the_refund_is_a_loss_only_when_it_is_lost(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    await paid_by_card(billing, provider, case)
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=1))
    [refund] = await billing.fetch("SELECT id FROM refunds")
    said = {"refund_id": "re_1", "reference": str(refund["id"]), "status": "succeeded"}
    await provider.says("refund.succeeded", said)
    await disputed(provider, "opened")
    assert await balances(billing) == {"card_clearing": -PRICE, "disputed": PRICE}
    await disputed(provider, "lost")
    assert await balances(billing) == {"card_clearing": -PRICE, "dispute_losses": PRICE}


async def test_payment_is_not_received_while_a_part_of_it_is_disputed(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    await billing.receives(case.confirmed())
    [invoice] = await invoice_ids(billing)
    await provider.took(invoice, 100_000, "pay_1")
    await disputed(provider, "opened", 100_000)
    await provider.took(invoice, PRICE - 100_000, "pay_2")
    assert await billing.emitted(PaymentReceived) == []
    await disputed(provider, "lost", 100_000)
    assert await states(billing) == ["part_paid"]
    await provider.took(invoice, 100_000, "pay_3")
    assert len(await billing.emitted(PaymentReceived)) == 1
    assert await balances(billing) == {"card_clearing": PRICE, "deferred_revenue": -PRICE}


async def test_finance_accepts_a_dispute_and_writes_down_what_a_lost_one_means(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    await paid_by_card(billing, provider, case)
    await disputed(provider, "opened")
    [row] = await billing.fetch("SELECT id FROM disputes")
    async with billing.ctx.db.transaction() as tx:
        found = await cashier.accept_dispute(tx, await _locked(tx, case), row["id"], "The patient is right", "Felix")
    assert found.accepted_by == "Felix"
    assert await queue(billing, DISPUTES) == []
    [errand] = await billing.fetch("SELECT kind, payload FROM errands WHERE kind = 'accept_dispute'")
    assert errand["payload"] == {"provider_id": "dp_1"}
    await disputed(provider, "lost")
    async with billing.ctx.db.transaction() as tx:
        await cashier.conclude_dispute(tx, await _locked(tx, case), row["id"], "The work stops", "Felix")
    assert await queue(billing, DISPUTES) == []


async def _locked(tx: Any, case: CaseFacts) -> Any:
    from services.billing import store

    return await store.lock_case(tx, case.id)


async def test_finances_page_says_what_to_do_and_the_patients_says_it_plainly(
    billing: ServiceUnderTest, provider: Provider, case: CaseFacts
) -> None:
    await paid_by_card(billing, provider, case)
    await disputed(provider, "opened")
    [row] = await billing.fetch("SELECT id FROM disputes")
    felix = billing.sign_in(Role.FINANCE, name="Felix Grau")
    patient = billing.sign_in(Role.PATIENT, cases=[case.id])
    desk, mine = f"/desk/billing/cases/{case.id}", f"/my/billing/cases/{case.id}"
    page = (await felix.get(desk)).text
    for said in ("A card payment is disputed", "Evidence is due on", "never medical papers", "Accept the dispute"):
        assert said in page
    assert "The bank now decides whose the money is" in (await patient.get(mine)).text
    unsaid = await felix.post(f"{desk}/disputes/{row['id']}/accept", data={"reason": ""}, headers=key("form number 0"))
    assert unsaid.status_code == 422
    assert "Say why, in a sentence" in unsaid.text
    early = await felix.post(
        f"{desk}/disputes/{row['id']}/conclude", data={"reason": "Too early"}, headers=key("form number 1")
    )
    assert early.status_code == 409
    done = await felix.post(
        f"{desk}/disputes/{row['id']}/accept", data={"reason": "The patient is right."}, headers=key("form number 2")
    )
    assert done.status_code == 303
    assert "Felix Grau accepted it" in (await felix.get(desk)).text
    await disputed(provider, "lost")
    assert "Write it down" in (await felix.get(desk)).text
    await felix.post(
        f"{desk}/disputes/{row['id']}/conclude", data={"reason": "the case is withdrawn."}, headers=key("form number 3")
    )
    assert "the case is withdrawn." in (await felix.get(desk)).text
    assert await queue(billing, DISPUTES) == []
    assert "back to the card" in (await patient.get(mine)).text
    advisor = billing.sign_in(Role.CARE_ADVISOR)
    assert (
        await advisor.post(
            f"{desk}/disputes/{row['id']}/accept", data={"reason": "Not mine"}, headers=key("form number 4")
        )
    ).status_code == 403
