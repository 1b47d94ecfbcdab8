"""Above the programme's limit a refund needs two people; until the second confirms nothing moves, whatever happens meanwhile (R21)."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from shared.ids import new_id
from shared.web import Role
from tests.billing.conftest import PRICE, CaseFacts, Provider, balances, invoice_ids, queue, usd
from tests.support.service import A_MONDAY, ServiceUnderTest

LIMIT = 100_000
"""Of the reference programme."""


@pytest.fixture
def felix(billing: ServiceUnderTest) -> httpx.AsyncClient:
    return billing.sign_in(Role.FINANCE, subject="staff-felix", name="Felix Grau")


@pytest.fixture
def sam(billing: ServiceUnderTest) -> httpx.AsyncClient:
    return billing.sign_in(Role.SUPERVISOR, subject="staff-sam", name="Sam Ferrant")


@pytest.fixture
async def payment(billing: ServiceUnderTest, case: CaseFacts, provider: Provider) -> UUID:
    """The fee of a case that a specialist reviews, paid by card."""
    await billing.receives(case.submitted(), case.confirmed(), case.accepted(A_MONDAY))
    await provider.took((await invoice_ids(billing))[0], PRICE)
    [row] = await billing.fetch("SELECT id FROM payments")
    found: UUID = row["id"]
    return found


async def post(client: httpx.AsyncClient, path: str, body: Any = None) -> httpx.Response:
    return await client.post(f"/api/billing{path}", json=body or {}, headers={"Idempotency-Key": str(new_id())})


async def wants(client: httpx.AsyncClient, case: CaseFacts, payment: UUID, minor: int) -> httpx.Response:
    body = {"payment_id": str(payment), "amount": usd(minor).model_dump(), "reason": "The review had hardly begun"}
    return await post(client, f"/cases/{case.id}/refunds", body)


async def test_up_to_the_limit_one_person_decides(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient, payment: UUID
) -> None:
    done = await wants(felix, case, payment, LIMIT)
    assert (done.status_code, done.json()["state"]) == (201, "decided")
    assert await billing.count("refund_proposals") == 0


async def test_above_the_limit_nothing_moves_until_a_second_person_confirms(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient, sam: httpx.AsyncClient, payment: UUID
) -> None:
    before = await balances(billing)
    proposed = (await wants(felix, case, payment, LIMIT + 1)).json()
    assert proposed["state"] == "proposed"
    assert await balances(billing) == before
    assert (await billing.count("refunds"), await billing.count("errands")) == (0, 0)
    assert await queue(billing, "refunds-to-confirm") == [
        "Felix Grau wants USD\xa01,000.01 to go back: a second person confirms"
    ]
    done = await post(sam, f"/refunds/{proposed['id']}/confirm")
    assert (done.status_code, done.json()["state"]) == (200, "decided")
    assert done.json()["decided_by"] == "Felix Grau and Sam Ferrant"
    assert done.json()["id"] == proposed["id"]
    assert await queue(billing, "refunds-to-confirm") == []
    assert (await balances(billing))["refunds_payable"] == -LIMIT - 1
    [ledger] = await billing.fetch("SELECT entered_by FROM ledger_transactions WHERE kind = 'refund_decided'")
    assert ledger["entered_by"] == "Felix Grau and Sam Ferrant"


async def test_many_small_refunds_do_not_make_a_large_one(
    case: CaseFacts, felix: httpx.AsyncClient, sam: httpx.AsyncClient, payment: UUID
) -> None:
    states = [(await wants(felix, case, payment, 40_000)).json()["state"] for _ in range(3)]
    assert states == ["decided", "decided", "proposed"]
    assert (await wants(sam, case, payment, 40_000)).json()["state"] == "proposed", "whoever of them it is"


async def test_money_that_is_owed_back_anyway_needs_no_second_person(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient, provider: Provider
) -> None:
    await billing.receives(case.confirmed())
    [invoice] = await invoice_ids(billing)
    await provider.took(invoice, PRICE, "pay_first")
    await provider.took(invoice, PRICE, "pay_again")
    [row] = await billing.fetch("SELECT id FROM payments WHERE held_minor > 0")
    assert await queue(billing, "payments-to-match") == [
        "Paid twice by card both times: USD\xa02,500.00 to send back or apply"
    ]
    assert (await wants(felix, case, row["id"], PRICE)).json()["state"] == "decided"


async def test_nobody_confirms_or_rejects_their_own(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient, payment: UUID
) -> None:
    proposed = (await wants(felix, case, payment, PRICE)).json()["id"]
    namesake = billing.sign_in(Role.FINANCE, subject="staff-felix", name="Another Name")
    for client in (felix, namesake):
        refused = await post(client, f"/refunds/{proposed}/confirm")
        assert (refused.status_code, "second person" in refused.json()["detail"]) == (409, True)
        assert (await post(client, f"/refunds/{proposed}/reject", {"reason": "I was wrong"})).status_code == 409
    assert await billing.count("refunds") == 0
    other = billing.sign_in(Role.FINANCE, subject="staff-other", name="Felix Grau")
    assert (await post(other, f"/refunds/{proposed}/confirm")).status_code == 200, "two people may share a name"


async def test_a_rejection_says_why_and_stays_in_the_history(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient, sam: httpx.AsyncClient, payment: UUID
) -> None:
    proposed = (await wants(felix, case, payment, PRICE)).json()["id"]
    assert (await post(sam, f"/refunds/{proposed}/reject", {"reason": ""})).status_code == 422
    done = await post(sam, f"/refunds/{proposed}/reject", {"reason": "The review is half done"})
    assert (done.status_code, done.json()["state"]) == (200, "rejected")
    late = await post(sam, f"/refunds/{proposed}/confirm")
    assert (late.status_code, late.json()["detail"]) == (409, "Sam Ferrant rejected this refund already")
    [kept] = (await felix.get(f"/api/billing/cases/{case.id}/refund-proposals")).json()["proposals"]
    assert (kept["proposed_by"], kept["state"], kept["ruled_by"], kept["ruling"]) == (
        "Felix Grau", "rejected", "Sam Ferrant", "The review is half done",
    )  # fmt: skip
    assert await billing.count("refunds") == 0
    assert await queue(billing, "refunds-to-confirm") == []


async def test_two_who_confirm_at_once_move_the_money_once(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient, sam: httpx.AsyncClient, payment: UUID
) -> None:
    proposed = (await wants(felix, case, payment, PRICE)).json()["id"]
    third = billing.sign_in(Role.FINANCE, subject="staff-third", name="Third Person")
    answers = await asyncio.gather(*(post(one, f"/refunds/{proposed}/confirm") for one in (sam, third, sam, third)))
    assert sorted(one.status_code for one in answers) == [200, 409, 409, 409]
    assert await billing.count("refunds") == 1
    assert await billing.count("errands") == 1


async def test_what_waits_is_not_decided_over_again(case: CaseFacts, felix: httpx.AsyncClient, payment: UUID) -> None:
    await wants(felix, case, payment, PRICE - 1_000)
    over = await wants(felix, case, payment, 1_001)
    assert (over.status_code, "waits for a second person" in over.json()["detail"]) == (409, True)
    assert (await wants(felix, case, payment, 1_000)).json()["state"] == "decided"
    kept = await post(felix, f"/cases/{case.id}/fee/keep", {"reason": "Nothing goes back"})
    assert (kept.status_code, "waits for a second person" in kept.json()["detail"]) == (409, True)


async def test_a_payment_that_changed_meanwhile_is_not_overdrawn(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient, sam: httpx.AsyncClient, payment: UUID
) -> None:
    proposed = (await wants(felix, case, payment, PRICE)).json()["id"]
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=1))
    felix = billing.sign_in(Role.FINANCE, subject="staff-felix", name="Felix Grau")
    sam = billing.sign_in(Role.SUPERVISOR, subject="staff-sam", name="Sam Ferrant")
    assert await billing.count("refunds") == 0, "in review the rule gives nothing back, and the proposal waits on"
    other = (await billing.fetch("SELECT id FROM payments"))[0]["id"]
    async with billing.ctx.db.transaction() as tx:  # as if a part had gone another way meanwhile
        await tx.execute(
            "UPDATE payments SET applied_minor = applied_minor - 1, returned_minor = 1 WHERE id = $1", other
        )
    refused = await post(sam, f"/refunds/{proposed}/confirm")
    assert (refused.status_code, refused.json()["detail"]) == (
        409,
        "At most USD\xa02,499.99 of this payment can go back",
    )
    assert await queue(billing, "refunds-to-confirm") != []
    assert (await post(sam, f"/refunds/{proposed}/reject", {"reason": "Too much by now"})).status_code == 200
    assert (await wants(felix, case, payment, PRICE - 1)).json()["state"] == "proposed"


async def test_a_withdrawal_that_gives_the_money_back_ends_what_waits(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient, provider: Provider
) -> None:
    await billing.receives(case.confirmed())
    await provider.took((await invoice_ids(billing))[0], PRICE)
    [row] = await billing.fetch("SELECT id FROM payments")
    proposed = (await wants(felix, case, row["id"], PRICE - 5)).json()["id"]
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=1))
    sam = billing.sign_in(Role.SUPERVISOR, subject="staff-sam", name="Sam Ferrant")
    assert [tuple(one) for one in await billing.fetch("SELECT amount_minor, why FROM refunds")] == [
        (PRICE, "withdrawn")
    ]
    assert await queue(billing, "refunds-to-confirm") == []
    late = await post(sam, f"/refunds/{proposed}/confirm")
    assert (late.status_code, "went back by the stage's rule" in late.json()["detail"]) == (409, True)


async def test_the_database_itself_refuses_one_person_twice(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient, payment: UUID
) -> None:
    proposed = (await wants(felix, case, payment, PRICE)).json()["id"]
    with pytest.raises(Exception, match="refund_proposals"):
        async with billing.ctx.db.transaction() as tx:
            await tx.execute(
                """UPDATE refund_proposals SET state = 'confirmed', ruled_by_id = proposed_by_id, ruled_by = 'x',
                       ruled_at = now() WHERE id = $1""",
                UUID(proposed),
            )


async def test_only_finance_and_supervisors_decide(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient, payment: UUID
) -> None:
    proposed = (await wants(felix, case, payment, PRICE)).json()["id"]
    for role in (Role.CARE_ADVISOR, Role.CASE_MANAGER, Role.SPECIALIST, Role.PRIVACY_OFFICER):
        client = billing.sign_in(role, subject="staff-x")
        assert (await wants(client, case, payment, 1)).status_code == 403
        assert (await post(client, f"/refunds/{proposed}/confirm")).status_code == 403
        assert (await post(client, f"/refunds/{proposed}/reject", {"reason": "no no"})).status_code == 403
        assert (await client.get(f"/api/billing/cases/{case.id}/refund-proposals")).status_code == 403
    assert (await post(felix, f"/refunds/{uuid4()}/confirm")).status_code == 404
