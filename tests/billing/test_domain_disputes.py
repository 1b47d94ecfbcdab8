"""Disputes as values: every step balances, and the same money never goes back twice (R21)."""

from dataclasses import replace
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing import domain
from services.billing.domain import Account, Dispute, DisputeState, Entry, Invoice, MoneyRefusedError, Payment, Refund
from shared.ids import CaseId
from tests.billing.conftest import PRICE, RULES, usd
from tests.support.service import A_MONDAY

CASE = CaseId(uuid4())


def an_invoice(price: int = PRICE, *, told: bool = True) -> Invoice:
    return Invoice(
        uuid4(), CASE, uuid4(), 1, 1, RULES, ("comprehensive",), usd(price), A_MONDAY, A_MONDAY,
        received_at=A_MONDAY if told else None,
    )  # fmt: skip


def paid(invoice: Invoice, minor: int) -> domain.Outcome:
    return domain.receive(invoice, Payment(uuid4(), CASE, invoice.id, "card", "pay_1", usd(minor), A_MONDAY))


def a_dispute(payment: Payment, minor: int) -> Dispute:
    return Dispute(
        uuid4(), "dp_1", payment.provider_id, payment.id, CASE, usd(minor), "fraudulent", DisputeState.OPEN, A_MONDAY
    )


def a_refund(payment: Payment, minor: int, *, issued: bool = False) -> Refund:
    return Refund(
        uuid4(), CASE, payment.id, "card", usd(minor), "decision", "A reason", "Felix", A_MONDAY,
        "issued" if issued else "decided",
    )  # fmt: skip


def sums(*entries: Entry) -> dict[Account, int]:
    found: dict[Account, int] = {}
    for entry in entries:
        for posting in entry.postings:
            found[posting.account] = found.get(posting.account, 0) + posting.amount_minor
    return {account: amount for account, amount in found.items() if amount}


@pytest.mark.parametrize("first", [None, *DisputeState])
def test_messages_of_a_dispute_end_the_same_in_any_order(first: DisputeState | None) -> None:
    for second in DisputeState:
        forward = domain.hear_dispute(domain.hear_dispute(None, first) if first else None, second)
        back = domain.hear_dispute(domain.hear_dispute(None, second), first) if first else second
        assert forward == back


def test_money_in_dispute_cannot_go_back_by_a_refund_too() -> None:
    [payment] = paid(an_invoice(), PRICE).payments
    invoice = paid(an_invoice(), PRICE).invoice
    blocked = domain.open_dispute(invoice, payment, a_dispute(payment, 200_000)).payments[0]
    assert blocked.returnable_minor == PRICE - 200_000
    with pytest.raises(MoneyRefusedError):
        domain.give_back(invoice, blocked, a_refund(payment, PRICE - 200_000 + 1))


def test_a_lost_dispute_of_work_not_done_yet_shrinks_what_we_owe_and_of_done_work_is_a_loss() -> None:
    for earned in (False, True):
        took = paid(an_invoice(), PRICE)
        invoice, [payment] = took.invoice, took.payments
        if earned:
            invoice = domain.earn(invoice, A_MONDAY).invoice
        dispute = a_dispute(payment, PRICE)
        opened = domain.open_dispute(invoice, payment, dispute)
        lost = domain.lose_dispute(invoice, opened.payments[0], dispute, ())
        price_account = Account.DISPUTE_LOSSES if earned else Account.DEFERRED
        assert sums(*opened.entries, *lost.outcome.entries) == {price_account: PRICE, Account.CARD_CLEARING: -PRICE}
        assert lost.outcome.payments[0].returnable_minor == 0
        assert lost.outcome.invoice.due_minor == 0, "nobody is asked for the price again by itself"


def test_a_lost_part_payment_is_missing_again() -> None:
    took = paid(an_invoice(told=False), 100_000)
    dispute = a_dispute(took.payments[0], 100_000)
    blocked = domain.open_dispute(took.invoice, took.payments[0], dispute).payments[0]
    lost = domain.lose_dispute(took.invoice, blocked, dispute, ())
    assert lost.outcome.invoice.due_minor == PRICE


def test_a_refund_that_was_not_sent_is_overtaken_and_one_that_was_is_a_loss() -> None:
    took = paid(an_invoice(), PRICE)
    for issued in (False, True):
        refund = a_refund(took.payments[0], PRICE, issued=issued)
        owed = domain.give_back(took.invoice, took.payments[0], refund)
        dispute = a_dispute(owed.payments[0], PRICE)
        blocked = domain.open_dispute(owed.invoice, owed.payments[0], dispute).payments[0]
        lost = domain.lose_dispute(owed.invoice, blocked, dispute, () if issued else (refund,))
        account = Account.DISPUTE_LOSSES if issued else Account.REFUNDS_PAYABLE
        assert sums(*lost.outcome.entries) == {account: PRICE, Account.DISPUTED: -PRICE}
        assert [one.state for one in lost.overtaken] == ([] if issued else ["overtaken"])


@given(
    price=st.integers(1, 1000),
    came=st.integers(1, 1500),
    disputed=st.integers(1, 1500),
    share=st.floats(0, 1),
    sent_late=st.booleans(),
    told=st.booleans(),
    earned=st.booleans(),
)
def test_whatever_is_lost_the_books_account_for_each_unit(
    price: int, came: int, disputed: int, share: float, *, sent_late: bool, told: bool, earned: bool
) -> None:
    took = paid(an_invoice(price, told=told), came)
    invoice, payment, entries, unsent = took.invoice, took.payments[0], list(took.entries), []
    if earned:
        done = domain.earn(invoice, A_MONDAY)
        invoice, entries = done.invoice, entries + done.entries
    back = int(share * (payment.returnable_minor if invoice.settled else payment.held_minor))
    if back:
        owed = domain.give_back(invoice, payment, refund := a_refund(payment, back))
        invoice, payment, unsent = owed.invoice, owed.payments[0], [refund]
        entries += owed.entries
    dispute = a_dispute(payment, disputed)
    opened = domain.open_dispute(invoice, payment, dispute)
    lost = domain.lose_dispute(opened.invoice, opened.payments[0], dispute, unsent)
    entries += [*opened.entries, *lost.outcome.entries]
    left, still_owed = lost.outcome.payments[0], back - sum(one.amount.amount_minor for one in lost.overtaken)
    booked = sums(*entries)
    assert booked.get(Account.DISPUTED, 0) == 0
    assert booked.get(Account.CARD_CLEARING, 0) == came - disputed
    assert -booked.get(Account.OVERPAYMENTS, 0) == left.held_minor
    assert -booked.get(Account.REFUNDS_PAYABLE, 0) == still_owed
    assert left.disputed_minor == 0
    if lost.overtaken and sent_late:
        [overtaken] = lost.overtaken
        _, late = domain.pay_out(overtaken, "card")
        assert sums(*late) == {Account.DISPUTE_LOSSES: back, Account.CARD_CLEARING: -back}


def test_lost_after_won_takes_the_money_a_second_time() -> None:
    took = paid(an_invoice(), PRICE)
    dispute = a_dispute(took.payments[0], PRICE)
    steps = [domain.open_dispute(took.invoice, took.payments[0], dispute)]
    steps.append(domain.win_dispute(steps[-1].invoice, steps[-1].payments[0], dispute))
    assert steps[-1].payments[0] == replace(took.payments[0], disputed_minor=0)
    steps.append(domain.reopen_dispute(steps[-1].invoice, steps[-1].payments[0], dispute))
    steps.append(domain.lose_dispute(steps[-1].invoice, steps[-1].payments[0], dispute, ()).outcome)
    found = sums(*(entry for step in steps for entry in step.entries))
    assert found == {Account.DEFERRED: PRICE, Account.CARD_CLEARING: -PRICE}
    assert len({entry.source for step in steps for entry in step.entries}) == 4, "each is a cause of its own"
