"""Taking in a bank's statement: what is sure is matched, what is not goes to finance, and nothing counts twice (R21)."""

import hashlib
from collections import Counter
from datetime import date, timedelta
from uuid import UUID

import pytest

from services.billing import cashier, domain, store
from services.billing.statements import detect, read
from shared.events import PaymentReceived
from shared.ids import new_case_number
from shared.web import Role
from tests.billing.bank import ACCOUNT, Movement, camt, table
from tests.billing.conftest import NUMBER, PRICE, CaseFacts, balances, invoice_ids, queue, states, usd
from tests.support.service import ServiceUnderTest

REFERENCE = domain.creditor_reference(NUMBER, 1)


async def imports(billing: ServiceUnderTest, data: bytes, by: str = "Felix Grau") -> list[object]:
    """Take in a file as the desk does, a table as it is guessed."""
    statements = read(data) if data.startswith(b"<") else read(data, detect(data, ACCOUNT, "USD"))
    async with billing.ctx.db.transaction() as tx:
        return list(await cashier.import_statements(tx, hashlib.sha256(data).hexdigest(), statements, by))


async def billed(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billing.receives(case.submitted(), case.confirmed())


async def receipt_id(billing: ServiceUnderTest) -> UUID:
    [row] = await billing.fetch("SELECT id FROM wire_receipts")
    found: UUID = row["id"]
    return found


async def test_a_sound_reference_and_the_exact_amount_pay_the_invoice_at_once(
    billing: ServiceUnderTest, case: CaseFacts
) -> None:
    await billed(billing, case)
    await imports(billing, camt([Movement(PRICE, reference=REFERENCE)]))
    assert len(await billing.emitted(PaymentReceived)) == 1
    assert await states(billing) == ["paid"]
    [match] = await billing.fetch("SELECT * FROM wire_matches")
    assert match["matched_by"] == "system"
    assert "is sound and names invoice 1" in match["why"]
    assert await queue(billing, "payments-to-match") == []


@pytest.mark.parametrize(
    "movement",
    [
        Movement(PRICE - 1, text=REFERENCE),
        Movement(PRICE + 1, text=REFERENCE),
        Movement(PRICE, text=REFERENCE.replace("M", "N")),
        Movement(PRICE, text=f"case {NUMBER}"),
        Movement(PRICE, text=""),
        Movement(PRICE, text=f"{REFERENCE} {domain.creditor_reference('1234-5678-X', 1)}", party="two references"),
    ],
    ids=["short", "over", "typo", "number", "nothing", "with another reference"],
)
async def test_what_is_not_sure_waits_for_finance(
    billing: ServiceUnderTest, case: CaseFacts, movement: Movement
) -> None:
    await billed(billing, case)
    await imports(billing, camt([movement]))
    if movement.party == "two references":
        assert await states(billing) == ["paid"], "the other reference names nothing of ours"
        return
    assert await states(billing) == ["open"]
    assert len(await queue(billing, "payments-to-match")) == 1


async def test_the_same_file_and_an_overlapping_one_change_nothing(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billed(billing, case)
    first = [
        Movement(PRICE, reference=REFERENCE, bank_reference="B1"),
        Movement(700, text="x"),
        Movement(700, text="x"),
        Movement(-300),
    ]
    [statement] = await imports(billing, camt(first))
    before = await balances(billing)
    assert await imports(billing, camt(first)) == [statement]
    later = [*first[1:], Movement(900, text="new")]
    [overlapping] = await imports(billing, camt(later, name="2"))
    assert overlapping != statement
    after = await balances(billing)
    assert after["bank"] - before["bank"] == 900
    assert await billing.count("bank_lines") == 5
    assert len(await billing.emitted(PaymentReceived)) == 1


async def test_a_table_and_the_camt_file_of_the_same_day_are_one(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billed(billing, case)
    ides = date(2027, 3, 15)  # no month has this number, so the guess is right
    movements = [
        Movement(PRICE, reference=REFERENCE, bank_reference="B1", on=ides),
        Movement(700, text="x", bank_reference="B2", on=ides),
    ]
    await imports(billing, camt(movements))
    for style in ("german", "american"):
        await imports(billing, table(movements, style=style))
    assert await billing.count("bank_lines") == 2


async def test_a_wire_entered_by_hand_is_known_again_by_the_banks_reference(
    billing: ServiceUnderTest, case: CaseFacts
) -> None:
    await billed(billing, case)
    felix = billing.sign_in(Role.FINANCE)
    by_hand = {
        "bank_reference": "BANK-1",
        "amount": {"amount_minor": PRICE, "currency": "USD"},
        "sender": "A",
        "value_on": "2027-03-02",
    }
    answer = await felix.post("/api/billing/receipts", json=by_hand, headers={"Idempotency-Key": "entered-by-hand"})
    assert answer.status_code == 201
    await imports(
        billing,
        camt([Movement(PRICE, reference=REFERENCE, bank_reference="BANK-1"), Movement(5, bank_reference="BANK-1")]),
    )
    assert await billing.count("wire_receipts") == 2
    assert (await balances(billing))["bank"] == PRICE + 5


async def test_the_ledgers_bank_is_the_banks_balance(billing: ServiceUnderTest) -> None:
    moved = [Movement(700), Movement(-300), Movement(-250, reversal=True), Movement(12)]
    await imports(billing, camt(moved))
    found = await balances(billing)
    assert found == {"bank": 162, "unmatched_receipts": -162}
    assert len(await queue(billing, "payments-to-match")) == 4


async def test_money_taken_back_levels_out_and_opens_the_invoice_again(
    billing: ServiceUnderTest, case: CaseFacts
) -> None:
    await billed(billing, case)
    await imports(
        billing,
        camt(
            [
                Movement(PRICE, reference=REFERENCE, bank_reference="B1"),
                Movement(-PRICE, reversal=True, bank_reference="B1"),
            ]
        ),
    )
    assert await states(billing) == ["paid"]
    async with billing.ctx.db.transaction() as tx:
        [debit] = await store.unexplained_debits(tx)
        [seen] = await cashier.receipts_like(tx, debit)
        assert "The bank calls it a return or a reversal" in seen.reasons
        await cashier.debit_took_back(tx, debit.id, seen.receipt.id, "Felix", "The sender's bank asked for it")
    assert await states(billing) == ["open"]
    assert await balances(billing) == {"receivable": PRICE, "deferred_revenue": -PRICE}
    assert any("missing again" in title for title in await queue(billing, "payments-to-match"))


async def test_a_refund_that_left_is_paid_out_by_its_line(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billed(billing, case)
    await imports(billing, camt([Movement(PRICE + 500, reference=REFERENCE)]))
    [invoice] = await invoice_ids(billing)
    async with billing.ctx.db.transaction() as tx:
        payment = await cashier.match_receipt(tx, await receipt_id(billing), invoice, "Felix")
        locked = await store.lock_case(tx, payment.case_id)
        amount = payment.amount.model_copy(update={"amount_minor": 500})
        refund = await cashier.decide_refund(tx, locked, payment.id, amount, "decision", "Too much", "Felix")
    await imports(billing, camt([Movement(-500, text=f"refund {NUMBER}", bank_reference="OUT1")], name="2"))
    async with billing.ctx.db.transaction() as tx:
        [debit] = await store.unexplained_debits(tx)
        [seen] = await cashier.refunds_like(tx, debit)
        assert seen.sent.refund.id == refund.id
        assert any("case number" in reason for reason in seen.reasons)
        await cashier.debit_was_refund(tx, debit.id, refund.id, "Felix")
    assert await balances(billing) == {"bank": PRICE, "deferred_revenue": -PRICE}
    assert await queue(billing, "refunds-to-settle") == []


async def test_a_refund_marked_as_paid_before_is_known_by_its_reference(
    billing: ServiceUnderTest, case: CaseFacts
) -> None:
    await billed(billing, case)
    await imports(billing, camt([Movement(PRICE + 500, reference=REFERENCE)]))
    [invoice] = await invoice_ids(billing)
    async with billing.ctx.db.transaction() as tx:
        payment = await cashier.match_receipt(tx, await receipt_id(billing), invoice, "Felix")
        locked = await store.lock_case(tx, payment.case_id)
        amount = payment.amount.model_copy(update={"amount_minor": 500})
        refund = await cashier.decide_refund(tx, locked, payment.id, amount, "decision", "Too much", "Felix")
        await cashier.pay_out_by_bank(tx, refund.id, "OUT1", "Felix")
    await imports(billing, camt([Movement(-500, bank_reference="OUT1")], name="2"))
    assert await balances(billing) == {"bank": PRICE, "deferred_revenue": -PRICE}
    assert await queue(billing, "payments-to-match") == []


async def test_one_wire_for_two_invoices_and_back(billing: ServiceUnderTest, case: CaseFacts) -> None:
    other = CaseFacts()
    await billed(billing, case)
    await billing.receives(other.submitted(new_case_number()), other.confirmed(1_000))
    [first], [second] = await invoice_ids(billing, case.id), await invoice_ids(billing, other.id)
    await imports(billing, camt([Movement(PRICE + 1_000, text="for both")]))
    wire = await receipt_id(billing)
    async with billing.ctx.db.transaction() as tx:
        with pytest.raises(domain.MoneyRefusedError, match=r"make USD\xa02,501\.00"):
            await cashier.split_receipt(tx, wire, [(first, usd(PRICE)), (second, usd(100))], "Felix", "Both")
        await cashier.split_receipt(tx, wire, [(first, usd(PRICE)), (second, usd(1_000))], "Felix", "Both")
    assert Counter(await states(billing)) == {"paid": 2}
    async with billing.ctx.db.transaction() as tx:
        await cashier.unmatch_receipt(tx, wire, "Felix", "It was for others")
    assert Counter(await states(billing)) == {"open": 2}
    assert await billing.count("payments") == 0
    found = await balances(billing)
    assert found == {
        "bank": PRICE + 1_000, "unmatched_receipts": -PRICE - 1_000, "receivable": PRICE + 1_000, "deferred_revenue": -PRICE - 1_000
    }  # fmt: skip
    async with billing.ctx.db.transaction() as tx:
        await cashier.match_receipt(tx, wire, first, "Felix")
    assert len(await billing.emitted(PaymentReceived)) == 2, (
        "once for each invoice, however often its money comes and goes"
    )


async def test_nothing_is_taken_back_once_it_is_earned(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billed(billing, case)
    await imports(billing, camt([Movement(PRICE, reference=REFERENCE)]))
    await billing.receives(case.accepted(), case.delivered())
    async with billing.ctx.db.transaction() as tx:
        with pytest.raises(domain.MoneyRefusedError, match="earned"):
            await cashier.unmatch_receipt(tx, await receipt_id(billing), "Felix", "Wrong")


async def test_charges_are_borne_up_to_a_limit_and_never_sent_back(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billed(billing, case)
    await imports(billing, camt([Movement(PRICE - 2_500, text=REFERENCE, charges=2_500, bearer="SHAR")]))
    [invoice] = await invoice_ids(billing)
    limit = billing.ctx.settings.charges_limit("USD")
    async with billing.ctx.db.transaction() as tx:
        with pytest.raises(domain.MoneyRefusedError, match="no wire is counted in"):
            await cashier.write_off_charges(tx, invoice, limit, "Felix", "x")  # no wire is in yet
    async with billing.ctx.db.transaction() as tx:
        await cashier.match_receipt(tx, await receipt_id(billing), invoice, "Felix")
    assert await states(billing) == ["part_paid"]
    async with billing.ctx.db.transaction() as tx:
        with pytest.raises(domain.MoneyRefusedError, match=r"up to USD\xa010\.00"):
            await cashier.write_off_charges(tx, invoice, domain.parse_money("10", "USD"), "Felix", "Too much")
        await cashier.write_off_charges(tx, invoice, limit, "Felix", "Shared charges")
    assert len(await billing.emitted(PaymentReceived)) == 1
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=billing.clock.at + timedelta(minutes=1))
    assert (await balances(billing))["refunds_payable"] == -(PRICE - 2_500)
    assert "bank_charges" not in await balances(billing)


async def test_money_changed_on_the_way_counts_as_instructed(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billed(billing, case)
    euros = camt([Movement(231_000, text=REFERENCE, instructed=(PRICE, "USD"), rate="0.924")], currency="EUR")
    await imports(billing, euros)
    assert await states(billing) == ["open"], "another currency is never sure"
    [invoice] = await invoice_ids(billing)
    async with billing.ctx.db.transaction() as tx:
        await cashier.match_receipt(tx, await receipt_id(billing), invoice, "Felix")
    assert await states(billing) == ["paid"]
    rows = await billing.fetch(
        "SELECT account, currency, sum(amount_minor)::bigint AS n FROM ledger_postings GROUP BY 1, 2 HAVING sum(amount_minor) <> 0"
    )
    assert {(row["account"], row["currency"]): row["n"] for row in rows} == {
        ("bank", "EUR"): 231_000, ("exchange", "EUR"): -231_000, ("exchange", "USD"): PRICE, ("deferred_revenue", "USD"): -PRICE
    }  # fmt: skip
    async with billing.ctx.db.transaction() as tx:
        await cashier.unmatch_receipt(tx, await receipt_id(billing), "Felix", "Wrong")
    rows = await billing.fetch(
        "SELECT sum(amount_minor)::bigint AS n FROM ledger_postings WHERE account = 'exchange' GROUP BY currency"
    )
    assert [row["n"] for row in rows] == [0, 0]
