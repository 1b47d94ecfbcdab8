"""What the provider pays out: in transit from its report on, in the bank once a line brings it, and no patient's money (R21)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from services.billing.domain import Payout, payouts_like, sure_payout
from shared.ids import new_id
from tests.billing.bank import Movement, camt, table
from tests.billing.conftest import PRICE, Sandbox, balances, eventually, on_the_machines_clock, queue, usd
from tests.billing.test_provider_desk import checks_by_itself, tomorrow
from tests.billing.test_provider_report import FEE, felix, paid
from tests.billing.test_statement_import import imports
from tests.support.service import A_MONDAY, ServiceUnderTest

OUT = PRICE - FEE - 25
"""The price, less what the provider keeps of a charge and of a payout."""


async def paid_out(billing: ServiceUnderTest, sandbox: Sandbox) -> str:
    """A card is charged and the balance paid out; returns the payout's name."""
    on_the_machines_clock(billing)
    await paid(billing, sandbox)
    await eventually(sandbox.all_delivered)
    await sandbox.http.post("/sandbox/payouts", data={"currency": "USD"})
    await tomorrow(billing)
    return str(sandbox.app.state.book.balance.payouts()[0]["payout_id"])


def line(name: str, amount: int = OUT) -> Movement:
    return Movement(amount, party="Sandbox Payments Ltd", text=f"CARD PAYOUT {name}", on=datetime.now(UTC).date())


@pytest.mark.parametrize("first", ["report", "camt", "table"])
async def test_a_payout_and_its_line_find_each_other_in_either_order(
    billing: ServiceUnderTest, sandbox: Sandbox, first: str
) -> None:
    name = await paid_out(billing, sandbox)
    statement = table([line(name)]) if first == "table" else camt([line(name)])
    if first == "report":
        await checks_by_itself(billing)
        assert (await balances(billing))["in_transit"] == OUT
        assert (await balances(billing)).get("card_clearing", 0) == 0, "the provider has nothing of ours any more"
        await imports(billing, statement)
    else:
        await imports(billing, statement)
        assert len(await queue(billing, "payments-to-match")) == 1
        await checks_by_itself(billing)
    assert await balances(billing) == {"bank": OUT, "provider_fees": FEE + 25, "deferred_revenue": -PRICE}
    assert await queue(billing, "payments-to-match") == []
    [receipt] = await billing.fetch("SELECT id, closed_as, closed_by, closed_reason FROM wire_receipts")
    assert tuple(receipt)[1:] == ("payout", "system", f"It is payout {name} of the card provider")
    finance = felix(billing)
    assert "In the bank" in (await finance.get("/desk/billing/provider")).text
    assert "No invoice fits" not in (await finance.get(f"/desk/billing/receipts/{receipt['id']}")).text
    before = await balances(billing)
    await imports(billing, statement)
    await checks_by_itself(billing)
    assert await balances(billing) == before, "again is harmless"


async def test_a_line_that_does_not_name_it_is_only_suggested_and_can_be_taken_back(
    billing: ServiceUnderTest, sandbox: Sandbox
) -> None:
    await paid_out(billing, sandbox)
    await checks_by_itself(billing)
    await imports(billing, camt([line("by some other name"), line("too little", OUT - 1)]))
    [receipt, other] = await billing.fetch("SELECT id FROM wire_receipts ORDER BY amount_minor DESC")
    finance = felix(billing)
    page, odd = f"/desk/billing/receipts/{receipt['id']}", f"/desk/billing/receipts/{other['id']}"
    assert "It is payout po_" in (await finance.get(page)).text
    assert "It is payout po_" not in (await finance.get(odd)).text
    [payout] = await billing.fetch("SELECT id FROM provider_payouts")
    said = {"payout_id": str(payout["id"])}
    refused = await finance.post(f"{odd}/payout", data=said, headers={"Accept": "application/json"})
    assert refused.status_code == 409
    for _ in range(2):
        assert (await finance.post(f"{page}/payout", data=said)).status_code == 303
        assert "in_transit" not in await balances(billing)
        undone = await finance.post(f"{page}/no-payout", data={"reason": "It was a refund of our supplier"})
        assert undone.status_code == 303
        assert (await balances(billing))["in_transit"] == OUT
    assert len(await queue(billing, "payments-to-match")) == 2
    [entry] = await billing.fetch(
        "SELECT entered_by FROM ledger_transactions WHERE kind = 'payout_unmatched' ORDER BY entered_at LIMIT 1"
    )
    assert entry["entered_by"] == "Felix Grau: It was a refund of our supplier"


async def test_a_payout_that_the_bank_refuses_is_back_in_the_balance(
    billing: ServiceUnderTest, sandbox: Sandbox
) -> None:
    name = await paid_out(billing, sandbox)
    await sandbox.http.post(f"/sandbox/payouts/{name}/fail")
    await checks_by_itself(billing)
    found = await balances(billing)
    assert found == {"card_clearing": OUT, "provider_fees": FEE + 25, "deferred_revenue": -PRICE}
    assert sandbox.app.state.book.balance.standing() == {"USD": OUT}
    assert "Back at the provider since" in (await felix(billing).get("/desk/billing/provider")).text
    await imports(billing, camt([line(name)]))
    assert len(await queue(billing, "payments-to-match")) == 1, "what came back is no match"


async def test_a_payout_that_the_bank_takes_back_after_all_is_explained_at_the_line_by_which_it_left(
    billing: ServiceUnderTest, sandbox: Sandbox
) -> None:
    name = await paid_out(billing, sandbox)
    await checks_by_itself(billing)
    await imports(billing, camt([line(name)]))
    await sandbox.http.post(f"/sandbox/payouts/{name}/fail")
    billing.clock.at += timedelta(days=1)
    await checks_by_itself(billing)
    left = Movement(-OUT, party="Sandbox Payments Ltd", text=name, on=datetime.now(UTC).date(), reversal=True)
    await imports(billing, camt([left], name="2"))
    [debit] = await billing.fetch("SELECT id FROM bank_lines WHERE amount_minor < 0")
    [receipt] = await billing.fetch("SELECT id FROM wire_receipts")
    finance = felix(billing)
    assert "taken for a payout" in (await finance.get(f"/desk/billing/lines/{debit['id']}")).text
    said = {"receipt_id": str(receipt["id"]), "reason": "The account was closed"}
    assert (await finance.post(f"/desk/billing/lines/{debit['id']}/taken-back", data=said)).status_code == 303
    assert await balances(billing) == {"card_clearing": OUT, "provider_fees": FEE + 25, "deferred_revenue": -PRICE}


OWED = FEE + 1_500 + 25
"""What the provider takes of a charge that is disputed at once: its fees, and that of the payout."""


async def taken(billing: ServiceUnderTest, sandbox: Sandbox) -> str:
    """A card's holder disputes, and the provider takes from the bank what we owe it; returns the payout's name."""
    on_the_machines_clock(billing)
    await paid(billing, sandbox, "4000 0000 0000 0259")
    await eventually(sandbox.all_delivered)
    await sandbox.http.post("/sandbox/payouts", data={"currency": "USD"})
    await tomorrow(billing)
    [payout] = sandbox.app.state.book.balance.payouts()
    assert payout["amount_minor"] == -OWED
    return str(payout["payout_id"])


@pytest.mark.parametrize("first", ["report", "camt"])
async def test_what_the_provider_takes_and_its_line_find_each_other_in_either_order(
    billing: ServiceUnderTest, sandbox: Sandbox, first: str
) -> None:
    name = await taken(billing, sandbox)
    statement, before = (
        camt([line(name, -OWED)]),
        {"disputed": PRICE, "deferred_revenue": -PRICE, "provider_fees": OWED},
    )
    if first == "report":
        await checks_by_itself(billing)
        assert await balances(billing) == before | {"in_transit": -OWED}
        await imports(billing, statement)
    else:
        await imports(billing, statement)
        assert len(await queue(billing, "payments-to-match")) == 1
        await checks_by_itself(billing)
    assert await balances(billing) == before | {"bank": -OWED}
    assert await queue(billing, "payments-to-match") == []
    finance = felix(billing)
    [row] = await billing.fetch("SELECT id FROM bank_lines")
    assert f"The card provider took it: payout {name}" in (await finance.get(f"/desk/billing/lines/{row['id']}")).text
    assert "Left the bank" in (await finance.get("/desk/billing/provider")).text
    await imports(billing, statement)
    await checks_by_itself(billing)
    assert await balances(billing) == before | {"bank": -OWED}, "again is harmless"


async def test_what_the_provider_took_is_only_suggested_under_another_name_and_may_come_back(
    billing: ServiceUnderTest, sandbox: Sandbox
) -> None:
    name = await taken(billing, sandbox)
    await checks_by_itself(billing)
    await imports(billing, camt([line("by some other name", -OWED), line("too little", 1 - OWED)]))
    [row, other] = await billing.fetch("SELECT id FROM bank_lines ORDER BY amount_minor")
    finance = felix(billing)
    page, odd = f"/desk/billing/lines/{row['id']}", f"/desk/billing/lines/{other['id']}"
    assert f"It is payout {name}" in (await finance.get(page)).text
    assert "It is payout" not in (await finance.get(odd)).text
    [payout] = await billing.fetch("SELECT id FROM provider_payouts")
    said = {"payout_id": str(payout["id"])}
    refused = await finance.post(f"{odd}/payout", data=said, headers={"Accept": "application/json"})
    assert refused.status_code == 409
    unmatched = await balances(billing)
    for _ in range(2):
        assert (await finance.post(f"{page}/payout", data=said)).status_code == 303
        assert "in_transit" not in await balances(billing)
        undone = await finance.post(f"{page}/no-payout", data={"reason": "It was our supplier's bill"})
        assert (undone.status_code, await balances(billing)) == (303, unmatched)
    assert len(await queue(billing, "payments-to-match")) == 2
    assert (await finance.post(f"{page}/payout", data=said)).status_code == 303

    await sandbox.http.post(f"/sandbox/payouts/{name}/fail")
    billing.clock.at += timedelta(days=1)
    await checks_by_itself(billing)
    assert (await balances(billing))["in_transit"] == OWED, "on its way back to the bank"
    finance = felix(billing)
    assert "On its way back to the bank" in (await finance.get("/desk/billing/provider")).text
    await imports(billing, camt([line(f"RETURN {name}", OWED)], name="2"))
    [receipt] = await billing.fetch("SELECT id FROM wire_receipts")
    back = await balances(billing)
    assert "in_transit" not in back
    assert back["card_clearing"] == -OWED, "we owe it again"
    wire = f"/desk/billing/receipts/{receipt['id']}"
    assert f"It gives back what payout {name} took" in (await finance.get(wire)).text
    refused = await finance.post(f"{page}/no-payout", data={"reason": "x y"}, headers={"Accept": "application/json"})
    assert refused.status_code == 409
    assert (await finance.post(f"{wire}/no-payout", data={"reason": "Not this one"})).status_code == 303
    assert (await balances(billing))["in_transit"] == OWED
    assert (await finance.post(f"{wire}/payout", data=said)).status_code == 303
    assert await balances(billing) == back


def payout(name: str, minor: int = 500, days: int = 0) -> Payout:
    return Payout(new_id(), name, usd(minor), A_MONDAY + timedelta(days=days), "")


def found(text: str, waiting: list[Payout], minor: int = 500) -> UUID | None:
    one = sure_payout("credit", usd(minor), A_MONDAY.date(), text, waiting)
    return one.id if one else None


def test_only_a_line_that_names_one_payout_of_its_amount_is_sure() -> None:
    mine, twin = payout("po_abcdef12"), payout("po_abcdef13")
    assert found("CARD PAYOUT PO-ABCDEF12", [mine, twin]) == mine.id
    assert found("po_abcdef12 po_abcdef13", [mine, twin]) is None
    assert found("po_abcdef12", [mine], minor=501) is None
    assert found("wages", [mine]) is None
    assert found("po_1", [payout("po_1")]) is None, "too short a name proves nothing"
    assert found("po_abcdef12", [payout("po_abcdef12", days=-15)]) is None
    assert payouts_like("credit", usd(500), A_MONDAY.date(), [mine, payout("po_late", days=2)]) == [mine]
