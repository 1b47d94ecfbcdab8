"""Whatever happens to a case's money, in whatever order, on the real database: books and rows say the same (R17, R20, R21)."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from services.billing import cashier, handlers, store
from services.billing.cashier.recalling import recall
from services.billing.domain import MoneyRefusedError
from services.billing.store import WireReceipt
from shared.db import Tx
from shared.ids import new_id
from tests.billing.conftest import CaseFacts, Provider, usd
from tests.support.service import ServiceUnderTest

T = TypeVar("T")
WHICH = st.integers(0, 5)
SAYS_THE_SAME = """
WITH ledger AS (
    SELECT coalesce(sum(amount_minor) FILTER (WHERE account = 'receivable'), 0) AS receivable,
           coalesce(sum(amount_minor) FILTER (WHERE account = 'overpayments'), 0) AS overpayments,
           coalesce(sum(amount_minor) FILTER (WHERE account = 'disputed'), 0) AS disputed,
           coalesce(sum(amount_minor) FILTER (WHERE account = 'refunds_payable'), 0) AS refunds_payable,
           coalesce(sum(amount_minor), 0) AS total
    FROM ledger_postings p JOIN ledger_transactions t ON t.id = p.transaction_id WHERE t.case_id = $1)
SELECT total = 0 AS balanced,
       receivable = (SELECT coalesce(sum(price_minor - paid_minor) FILTER (WHERE cancelled IS NULL), 0)
                     FROM invoices WHERE case_id = $1) AS what_is_due,
       -overpayments = (SELECT coalesce(sum(held_minor), 0) FROM payments WHERE case_id = $1) AS what_is_held,
       disputed = (SELECT coalesce(sum(disputed_minor), 0) FROM payments WHERE case_id = $1) AS what_banks_decide_on,
       -refunds_payable = (SELECT coalesce(sum(amount_minor) FILTER (WHERE state IN ('decided', 'failed')), 0)
                           FROM refunds WHERE case_id = $1) AS what_goes_back,
       NOT EXISTS (SELECT FROM payments p WHERE case_id = $1 AND returned_minor + lost_minor > amount_minor
                   OR case_id = $1 AND returned_minor <> (SELECT coalesce(sum(amount_minor), 0) FROM refunds r
                                                         WHERE r.payment_id = p.id)) AS no_more_than_came,
       NOT EXISTS (SELECT FROM invoices i WHERE case_id = $1 AND paid_minor - returned_minor - written_off_minor <>
                   (SELECT coalesce(sum(applied_minor), 0) FROM payments p WHERE p.invoice_id = i.id)) AS prices,
       NOT EXISTS (SELECT FROM invoices i WHERE case_id = $1 AND (received_at IS NOT NULL)::int <>
                   (SELECT count(*) FROM outbox o WHERE o.case_id = $1 AND o.type = 'PaymentReceived.v1'
                    AND (o.payload->>'revision')::int = i.revision)) AS told_once,
       (SELECT count(*) FROM outbox WHERE case_id = $1 AND type = 'RefundIssued.v1')
           = (SELECT count(*) FROM ledger_transactions WHERE case_id = $1 AND source LIKE 'issued:%') AS refunds_told
FROM ledger
"""


class Money(RuleBasedStateMachine):
    """One case; each step is a message, a fact or a decision as billing meets it."""

    billing: ServiceUnderTest
    loop: asyncio.AbstractEventLoop

    def __init__(self) -> None:
        super().__init__()
        self.case, self.quote, self.revisions = CaseFacts(), uuid4(), 0
        self.provider = Provider(self.billing)
        self.disputes: dict[str, str] = {}
        self.quote_again(3)

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(120)

    async def does(self, work: Any, *arguments: Any) -> None:
        """Do a step in its transaction; what the rules of money refuse changes nothing."""
        try:
            async with self.billing.ctx.db.transaction() as tx:
                await work(tx, *arguments)
        except MoneyRefusedError:
            return

    def rows(self, table: str) -> list[Any]:
        return self.wait(self.billing.fetch(f"SELECT * FROM {table} WHERE case_id = $1 ORDER BY id", self.case.id))

    @precondition(lambda self: self.revisions < 3)
    @rule(price=st.integers(1, 6))
    def quote_again(self, price: int) -> None:
        self.revisions += 1
        now = self.billing.clock.now()
        fact = self.case.confirmed(price, revision=self.revisions, quote_id=self.quote)
        self.wait(self.billing.receives(fact.model_copy(update={"confirmed_at": now})))

    @rule(
        which=WHICH, minor=st.integers(1, 8), times=st.integers(1, 2), status=st.sampled_from(["succeeded", "failed"])
    )
    def card(self, which: int, minor: int, times: int, status: str) -> None:
        invoice, attempt = self.one_of("invoices", which)["id"], f"pay_{uuid4().hex}"
        for _ in range(times):
            self.wait(self.provider.took(invoice, minor, attempt, status=status))

    @rule(which=WHICH)
    def card_of_what_is_due(self, which: int) -> None:
        invoice = self.one_of("invoices", which)
        if due := invoice["price_minor"] - invoice["paid_minor"]:
            self.wait(self.provider.took(invoice["id"], due))

    @rule(which=WHICH, minor=st.integers(1, 8))
    def wire(self, which: int, minor: int) -> None:
        async def comes(tx: Tx, invoice_id: UUID) -> None:
            receipt = WireReceipt(
                id=new_id(), bank_reference=uuid4().hex, amount=usd(minor), sender="A Testfall", remittance="",
                value_on=tx.now.date(), entered_by="Felix", entered_at=tx.now,
            )  # fmt: skip
            await cashier.enter_receipt(tx, receipt)
            await cashier.match_receipt(tx, receipt.id, invoice_id, "Felix")

        self.wait(self.does(comes, self.one_of("invoices", which)["id"]))

    @rule(which=WHICH, minor=st.integers(1, 8))
    def refund(self, which: int, minor: int) -> None:
        async def decides(tx: Tx, payment_id: UUID) -> None:
            case = await store.lock_case(tx, self.case.id)
            await cashier.decide_refund(tx, case, payment_id, usd(minor), "decision", "a reason", "Felix")

        if payment := self.one_of("payments", which):
            self.wait(self.does(decides, payment["id"]))

    @rule(which=WHICH, status=st.sampled_from(["succeeded", "succeeded", "failed"]))
    def provider_refunds(self, which: int, status: str) -> None:
        if refund := self.one_of("refunds", which):
            told = {"refund_id": f"re_{refund['id']}", "reference": str(refund["id"]), "status": status}
            self.wait(self.provider.says(f"refund.{status}", told))

    @rule(which=WHICH)
    def bank_refunds(self, which: int) -> None:
        if refund := self.one_of("refunds", which):
            self.wait(self.does(cashier.pay_out_by_bank, refund["id"], uuid4().hex, "Felix"))

    @rule(which=WHICH, minor=st.integers(1, 8))
    def refund_made_at_the_provider(self, which: int, minor: int) -> None:
        payment = self.one_of("payments", which)
        if payment and payment["method"] == "card":
            there = cashier.RefundThere(f"re_{uuid4().hex}", payment["provider_id"], usd(minor))
            self.wait(self.does(cashier.book_refund_there, there, "by mistake", "Felix"))

    @rule(which=WHICH)
    def bank_takes_a_wire_back(self, which: int) -> None:
        async def takes(tx: Tx, payment_id: UUID) -> None:
            receipt_id = await tx.fetchval("SELECT id FROM wire_receipts WHERE payment_id = $1", payment_id)
            receipt = await store.receipt(tx, receipt_id, lock=True) if receipt_id else None
            if receipt:
                await recall(tx, receipt, "Felix", "a recall")
                await store.close_receipt(tx, receipt.id, "taken_back", "Felix", "a recall")

        if payment := self.one_of("payments", which):
            self.wait(self.does(takes, payment["id"]))

    @rule(which=WHICH)
    def bear_the_loss(self, which: int) -> None:
        async def bears(tx: Tx, invoice_id: UUID) -> None:
            await cashier.bear_loss(tx, await store.lock_case(tx, self.case.id), invoice_id, "a reason", "Felix")

        self.wait(self.does(bears, self.one_of("invoices", which)["id"]))

    @rule(which=WHICH)
    def dispute(self, which: int) -> None:
        payment = self.one_of("payments", which)
        if payment and payment["method"] == "card" and payment["provider_id"] not in self.disputes.values():
            name = f"dp_{uuid4().hex}"
            self.disputes[name] = payment["provider_id"]
            self.tell_of_dispute(name, "open")

    @precondition(lambda self: self.disputes)
    @rule(which=WHICH, status=st.sampled_from(["open", "won", "lost"]))
    def hear_of_dispute(self, which: int, status: str) -> None:
        self.tell_of_dispute(list(self.disputes)[which % len(self.disputes)], status)

    def tell_of_dispute(self, name: str, status: str) -> None:
        [payment] = [one for one in self.rows("payments") if one["provider_id"] == self.disputes[name]]
        told = {
            "dispute_id": name, "payment_id": payment["provider_id"], "reference": str(payment["invoice_id"]),
            "status": status, "amount_minor": payment["amount_minor"], "currency": payment["currency"],
        }  # fmt: skip
        kind = "opened" if status == "open" else status
        assert self.wait(self.provider.says(f"dispute.{kind}", told)).status_code == 202

    @rule()
    def time_to_pay_passes(self) -> None:
        self.billing.clock.at += timedelta(days=60)
        self.wait(self.does(lambda tx: handlers.expire_invoices(self.case.id, tx)))

    @rule(which=WHICH)
    def reinstate(self, which: int) -> None:
        async def opens(tx: Tx, invoice_id: UUID) -> None:
            await cashier.reinstate(tx, await store.lock_case(tx, self.case.id), invoice_id, "Felix", "a reason")

        self.wait(self.does(opens, self.one_of("invoices", which)["id"]))

    @rule()
    def accept(self) -> None:
        self.wait(self.billing.receives(self.case.accepted(self.billing.clock.now())))

    @rule()
    def deliver(self) -> None:
        self.wait(self.billing.receives(self.case.delivered(self.billing.clock.now())))

    @rule()
    def withdraw(self) -> None:
        self.wait(self.billing.receives(self.case.withdrawn(self.billing.clock.now())))
        self.wait(self.does(lambda tx: handlers.refund_withdrawn(self.case.id, tx)))

    def one_of(self, table: str, which: int) -> Any:
        rows = self.rows(table)
        return rows[which % len(rows)] if rows else None

    @invariant()
    def books_and_rows_say_the_same(self) -> None:
        [said] = self.wait(self.billing.fetch(SAYS_THE_SAME, self.case.id))
        assert all(said.values()), {what: true for what, true in said.items() if not true}

    @invariant()
    def a_whole_undisputed_price_is_told(self) -> None:
        disputed = {one["invoice_id"] for one in self.rows("payments") if one["disputed_minor"]}
        for one in self.rows("invoices"):
            whole = one["paid_minor"] == one["price_minor"] and not one["cancelled"]
            assert one["received_at"] or not whole or one["id"] in disputed


@pytest.mark.timeout(600)
async def test_whatever_happens_books_and_rows_say_the_same(billing: ServiceUnderTest) -> None:
    Money.billing, Money.loop = billing, asyncio.get_running_loop()
    few = settings(max_examples=20, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck))
    await asyncio.to_thread(run_state_machine_as_test, Money, settings=few)
    [total] = await billing.fetch("SELECT coalesce(sum(amount_minor), 0) AS off FROM ledger_postings")
    assert total["off"] == 0
