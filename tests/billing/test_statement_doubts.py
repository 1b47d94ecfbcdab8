"""What an import must not lose, count twice, match twice or wait for (R21)."""

import asyncio
from dataclasses import replace
from datetime import date

import pytest

from services.billing import cashier, domain, store
from shared.ids import new_case_number, new_id
from shared.web import Role
from tests.billing.bank import DAY, OPENING, Movement, camt, table
from tests.billing.conftest import PRICE, CaseFacts, balances, queue, states, usd
from tests.billing.test_pages import read as read_page
from tests.billing.test_pages import send
from tests.billing.test_statement_import import REFERENCE, billed, imports, receipt_id
from tests.support.processes import eventually
from tests.support.service import ServiceUnderTest


@pytest.mark.parametrize("reference", ["", "NONREF", "nonref", "NOTPROVIDED", "0", "0000", "TRF"])
async def test_equal_wires_of_two_days_are_two_whatever_the_bank_writes_as_reference(
    billing: ServiceUnderTest, reference: str
) -> None:
    monday, tuesday = date(2027, 3, 1), date(2027, 3, 2)
    moved = Movement(700, text="x", bank_reference=reference)
    await imports(billing, camt([replace(moved, on=monday)], name="1"))
    await imports(billing, camt([replace(moved, on=tuesday)], name="2", opening=OPENING + 700))
    assert (await balances(billing))["bank"] == 1_400
    assert await billing.count("wire_receipts") == 2
    assert await warnings(billing) == [None, None]


async def warnings(billing: ServiceUnderTest) -> list[str | None]:
    async with billing.ctx.db.reading() as tx:
        return [await cashier.out_of_balance(tx, one) for one in reversed(await store.statements(tx))]


async def test_a_wire_that_counts_as_known_but_is_not_shows_by_the_balances(billing: ServiceUnderTest) -> None:
    wire = Movement(700, bank_reference="TRF", text="the same in all")
    await imports(billing, camt([wire], name="in the morning", opening=0))
    await imports(billing, camt([Movement(5, text="y")], name="at noon", opening=700))
    assert await warnings(billing) == [None, None], "several statements a day are in order"
    await imports(billing, camt([wire], name="in the evening", opening=705))
    told = await warnings(billing)
    assert all(one and "USD\xa014.05 moved on this account" in one and "make USD\xa07.05" in one for one in told)


async def test_a_line_that_counts_twice_shows_by_the_balances(billing: ServiceUnderTest) -> None:
    await imports(billing, table([Movement(700, text="without a reference")], balance=False))
    await imports(billing, camt([Movement(700, text="the bank's other words", bank_reference="B1")]))
    told = await warnings(billing)
    assert told[0] is None
    assert "USD\xa07.00 moved" in (told[1] or "")
    assert "make USD\xa014.00" in (told[1] or "")


@pytest.mark.parametrize("first", ["hand", "table"])
async def test_money_that_came_by_another_road_is_never_matched_twice(
    billing: ServiceUnderTest, case: CaseFacts, first: str
) -> None:
    other = CaseFacts()
    await billed(billing, case)
    await billing.receives(other.submitted(number := new_case_number()), other.confirmed())
    felix = billing.sign_in(Role.FINANCE, name="Felix Grau")
    if first == "hand":
        by_hand = {
            "bank_reference": "NOTED-1",
            "amount": {"amount_minor": PRICE, "currency": "USD"},
            "value_on": DAY.isoformat(),
        }
        await felix.post(
            "/api/billing/receipts", json=by_hand | {"sender": "A"}, headers={"Idempotency-Key": "entered by hand"}
        )
    else:
        await imports(billing, table([Movement(PRICE, text="other words")], balance=False))
    before, [known] = await balances(billing), await billing.fetch("SELECT id, bank_reference FROM wire_receipts")
    await imports(billing, camt([Movement(PRICE, reference=domain.creditor_reference(number, 1), bank_reference="B1")]))
    assert await states(billing) == ["open", "open"]
    told = await queue(billing, "payments-to-match")
    assert any(f"perhaps the same as wire {known['bank_reference']}" in title for title in told)
    [new] = await billing.fetch("SELECT id FROM wire_receipts WHERE bank_reference = 'B1'")
    assert "Perhaps it is the same" in await read_page(felix, "/desk/billing/unmatched")
    here = f"/desk/billing/receipts/{new['id']}"
    page = await read_page(felix, here)
    assert "Is this money in the books already?" in page
    assert (await send(felix, page, f"{here}/same", other_id=str(new["id"]))).status_code == 409
    assert (await send(felix, page, f"{here}/same", other_id=str(known["id"]))).status_code == 303
    assert await balances(billing) == before
    assert "Taken out of the books by Felix Grau" in await read_page(felix, here)
    assert len(await queue(billing, "payments-to-match")) == len(told) - 1
    assert set(await warnings(billing)) == {None}
    if first == "hand":
        [line] = await billing.fetch("SELECT receipt_id FROM bank_lines")
        assert line["receipt_id"] == known["id"], "the bank's line is the other wire's now"


async def test_equal_wires_of_one_file_are_others(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billed(billing, case)
    stray = Movement(PRICE, text="x")
    await imports(billing, camt([stray]))
    await imports(billing, camt([stray, Movement(PRICE, reference=REFERENCE, bank_reference="B1")], name="2"))
    assert await states(billing) == ["paid"]


async def test_the_cases_of_all_of_a_files_statements_are_locked_at_once(billing: ServiceUnderTest) -> None:
    cases = sorted((CaseFacts(), CaseFacts()), key=lambda one: one.id)
    numbers = [new_case_number(), new_case_number()]
    for case, number in zip(cases, numbers, strict=True):
        await billing.receives(case.submitted(number), case.confirmed())
    late, early = (
        camt([Movement(PRICE, reference=domain.creditor_reference(number, 1))], name=number) for number in numbers[::-1]
    )
    inner = early[early.index(b"<Stmt>") : early.index(b"</BkToCstmrStmt>")]
    both = late.replace(b"</BkToCstmrStmt>", inner + b"</BkToCstmrStmt>")
    async with billing.ctx.db.transaction() as other:
        await store.lock_case(other, cases[0].id)
        importing = asyncio.create_task(imports(billing, both))
        await eventually(lambda: _waits_for_a_lock(billing))
        await store.lock_case(other, cases[1].id)  # a deadlock if the import held this one already
    await importing
    assert await states(billing) == ["paid", "paid"]


async def _waits_for_a_lock(billing: ServiceUnderTest) -> bool:
    return bool(
        await billing.fetch(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
    )


async def test_a_match_can_be_taken_back_after_a_refund_was_rejected(
    billing: ServiceUnderTest, case: CaseFacts
) -> None:
    await billed(billing, case)
    await imports(billing, camt([Movement(PRICE, reference=REFERENCE)]))
    [row] = await billing.fetch("SELECT id FROM payments")
    proposal = domain.Proposal(
        new_id(), case.id, row["id"], usd(PRICE), PRICE, "It was for others", domain.Person("felix", "Felix"), billing.clock.at
    )  # fmt: skip
    async with billing.ctx.db.transaction() as tx:
        await store.lock_case(tx, case.id)
        await store.add_proposal(tx, proposal)
    async with billing.ctx.db.transaction() as tx:
        with pytest.raises(domain.MoneyRefusedError, match="is proposed to"):
            await cashier.unmatch_receipt(tx, await receipt_id(billing), "Felix", "It was for others")
    async with billing.ctx.db.transaction() as tx:
        await cashier.reject(tx, proposal.id, domain.Person("nadia", "Nadia"), "Take the match back instead")
        await cashier.unmatch_receipt(tx, await receipt_id(billing), "Felix", "It was for others")
    assert await states(billing) == ["open"]
