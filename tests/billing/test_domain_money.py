"""Amounts, references and single movements of money, as values (R21)."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing import domain
from services.billing.domain import Account, CardStatus, Entry, Invoice, InvoiceState, Payment, Posting, Refund
from shared.events import Money, ProgrammeRef
from shared.ids import CaseId, new_case_number

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
CASE = CaseId(uuid4())
RULES = ProgrammeRef(id="msk_international", version=1)


def usd(minor: int) -> Money:
    return Money(amount_minor=minor, currency="USD")


def invoice(price: int = 250_000) -> Invoice:
    return Invoice(
        id=uuid4(),
        case_id=CASE,
        quote_id=uuid4(),
        revision=1,
        ordinal=1,
        programme=RULES,
        services=("written",),
        price=usd(price),
        issued_at=NOW,
        due_at=NOW + timedelta(days=14),
    )


def payment(of: Invoice, amount: Money, method: domain.Method = "card") -> Payment:
    return Payment(uuid4(), CASE, of.id, method, f"pay_{uuid4().hex}", amount, NOW)


def refund(of: Payment, amount: Money) -> Refund:
    return Refund(uuid4(), CASE, of.id, of.method, amount, "decision", "a reason", "Felix Grau", NOW)


def balances(entries: list[Entry]) -> dict[Account, int]:
    found: dict[Account, int] = {}
    for posting in (posting for entry in entries for posting in entry.postings):
        found[posting.account] = found.get(posting.account, 0) + posting.amount_minor
    return {account: amount for account, amount in found.items() if amount}


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [("2450", "USD", 245_000), ("2,450.05", "USD", 245_005), ("12 000", "JPY", 12_000), ("1.234", "KWD", 1_234)],
)
def test_an_amount_that_a_person_typed_is_exact(text: str, currency: str, minor: int) -> None:
    assert domain.parse_money(text, currency) == Money(amount_minor=minor, currency=currency)


@pytest.mark.parametrize(
    ("text", "currency"),
    [("", "USD"), ("0", "USD"), ("-1", "USD"), ("1.005", "USD"), ("1.5", "JPY"), ("NaN", "USD"), ("1e400", "USD")],
)
def test_an_amount_that_is_not_one_says_what_to_type(text: str, currency: str) -> None:
    with pytest.raises(ValueError, match=r"^Enter"):
        domain.parse_money(text, currency)


@given(st.integers(1, 10**12), st.sampled_from(["USD", "JPY", "KWD", "EUR"]))
def test_what_is_written_reads_back_to_the_same_amount(minor: int, currency: str) -> None:
    money = Money(amount_minor=minor, currency=currency)
    assert domain.parse_money(domain.written(money).removeprefix(f"{currency}\xa0"), currency) == money


@given(st.integers(1, 99), st.sampled_from(["", "INV ", "Payment for /", "ref."]), st.booleans())
def test_a_reference_is_found_in_whatever_a_bank_makes_of_it(ordinal: int, before: str, squeezed: bool) -> None:
    number = new_case_number()
    reference = domain.creditor_reference(number, ordinal)
    text = before + (reference.replace(" ", "").lower() if squeezed else reference) + " thank you"
    assert (number[:9], ordinal) in domain.find_references(text)


def test_a_reference_with_one_wrong_character_is_nobodys() -> None:
    reference = domain.creditor_reference("7K3M-9QXW-S", 1)
    wrong = reference.replace("7K3M", "7K3N")
    assert domain.find_references(reference) == [("7K3M-9QXW", 1)]
    assert domain.find_references(wrong) == []


def test_an_entry_that_does_not_balance_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="more than one currency"):
        Entry("x", "y", (Posting(Account.BANK, "USD", 5), Posting(Account.REVENUE, "EUR", -5)))
    with pytest.raises(ValueError, match="does not balance: off by 1"):
        Entry("x", "y", (Posting(Account.BANK, "USD", 5), Posting(Account.REVENUE, "USD", -4)))


def test_exactly_the_price_settles_an_invoice() -> None:
    billed = domain.issue(invoice())
    paid = domain.receive(billed.invoice, payment(billed.invoice, usd(250_000)))
    assert paid.invoice.settled
    assert paid.invoice.state() is InvoiceState.PAID
    assert balances(billed.entries + paid.entries) == {Account.CARD_CLEARING: 250_000, Account.DEFERRED: -250_000}


def test_part_of_the_price_says_what_is_missing() -> None:
    billed = invoice()
    part = domain.receive(billed, payment(billed, usd(100_000)))
    assert (part.invoice.due_minor, part.invoice.state()) == (150_000, InvoiceState.PART_PAID)


def test_more_than_the_price_is_owed_back() -> None:
    billed = invoice()
    over = domain.receive(billed, payment(billed, usd(250_001)))
    assert over.invoice.settled
    assert over.payments[0].held_minor == 1
    assert over.invoice.state(held_minor=1) is InvoiceState.OVERPAID
    assert balances(over.entries)[Account.OVERPAYMENTS] == -1


def test_another_currency_is_held_whole() -> None:
    billed = invoice()
    held = domain.receive(billed, payment(billed, Money(amount_minor=250_000, currency="EUR")))
    assert held.invoice.due_minor == 250_000
    assert held.payments[0].held_minor == 250_000


def test_money_for_a_cancelled_invoice_is_held_whole() -> None:
    gone = domain.cancel(invoice(), (), "withdrawn").invoice
    assert domain.receive(gone, payment(gone, usd(250_000))).payments[0].held_minor == 250_000


def test_an_expired_invoice_opens_again_for_money_that_came_late() -> None:
    gone = domain.cancel(invoice(), (), "expired").invoice
    late = domain.receive(gone, payment(gone, usd(260_000)))
    back = domain.reinstate(late.invoice, late.payments)
    assert back.invoice.settled
    assert back.payments[0].held_minor == 10_000


def test_an_invoice_of_a_withdrawn_case_never_opens_again() -> None:
    gone = domain.cancel(invoice(), (), "withdrawn").invoice
    with pytest.raises(domain.MoneyRefusedError, match="Only an invoice whose time to pay has passed"):
        domain.reinstate(gone, ())


def test_no_more_than_was_paid_goes_back() -> None:
    billed = invoice()
    paid = domain.receive(billed, payment(billed, usd(250_000)))
    with pytest.raises(domain.MoneyRefusedError, match=r"At most USD\xa02,500\.00"):
        domain.give_back(paid.invoice, paid.payments[0], refund(paid.payments[0], usd(250_001)))


def test_a_part_payment_goes_back_only_with_its_invoice_cancelled() -> None:
    billed = invoice()
    part = domain.receive(billed, payment(billed, usd(100)))
    with pytest.raises(domain.MoneyRefusedError, match="still missing"):
        domain.give_back(part.invoice, part.payments[0], refund(part.payments[0], usd(100)))
    gone = domain.cancel(part.invoice, part.payments, "expired")
    back = domain.give_back(gone.invoice, gone.payments[0], refund(gone.payments[0], usd(100)))
    assert back.invoice.state(0, back.payments[0].returned_minor) is InvoiceState.REFUNDED


def test_an_earned_fee_goes_back_out_of_income() -> None:
    billed = domain.issue(invoice())
    paid = domain.receive(billed.invoice, payment(billed.invoice, usd(250_000)))
    earned = domain.earn(paid.invoice, NOW)
    back = domain.give_back(earned.invoice, paid.payments[0], refund(paid.payments[0], usd(50_000)))
    left = balances(billed.entries + paid.entries + earned.entries + back.entries)
    assert left[Account.REVENUE] == -200_000
    assert domain.earn(back.invoice, NOW).entries == []
    assert domain.cancel(back.invoice, back.payments, "withdrawn").entries == []


def test_a_whole_fee_sent_back_by_decision_reads_as_refunded() -> None:
    billed = invoice()
    paid = domain.receive(billed, payment(billed, usd(250_000)))
    back = domain.give_back(paid.invoice, paid.payments[0], refund(paid.payments[0], usd(250_000)))
    assert back.invoice.state(0, 250_000) is InvoiceState.REFUNDED


@given(st.permutations([CardStatus.PROCESSING, CardStatus.FAILED, CardStatus.SUCCEEDED] * 2))
def test_a_success_stays_in_whatever_order_messages_come(told: list[CardStatus]) -> None:
    known: CardStatus | None = None
    for status in told:
        known = domain.hear(known, status)
    assert known is CardStatus.SUCCEEDED


def test_a_payment_whose_parts_do_not_add_up_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="payment"):
        Payment(uuid4(), CASE, uuid4(), "card", "p", usd(10), NOW, applied_minor=4, held_minor=5)
    with pytest.raises(ValueError, match="invoice"):
        Invoice(uuid4(), CASE, uuid4(), 1, 1, RULES, ("written",), usd(10), NOW, NOW, paid_minor=11)
