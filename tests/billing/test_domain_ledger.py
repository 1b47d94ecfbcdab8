"""Whatever happens to a case's money, in whatever order, the books balance and nobody's cent is lost (R21)."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.billing import domain
from services.billing.domain import Account, Entry, Invoice, Outcome, Payment, Refund
from shared.events import Money, ProgrammeRef
from shared.ids import CaseId

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
CASE = CaseId(uuid4())
RULES = ProgrammeRef(id="msk_international", version=1)


class Books(RuleBasedStateMachine):
    """One invoice, moved by every movement that the rules allow."""

    def __init__(self) -> None:
        super().__init__()
        self.invoice: Invoice
        self.payments: dict[object, Payment] = {}
        self.refunds: list[Refund] = []
        self.entries: list[Entry] = []
        self.came_in: Counter[str] = Counter()
        self.went_out: Counter[str] = Counter()
        self.settled_before = False

    @initialize(price=st.integers(0, 6))
    def issue(self, price: int) -> None:
        money = Money(amount_minor=price, currency="USD")
        self.keep(
            domain.issue(
                Invoice(uuid4(), CASE, uuid4(), 1, 1, RULES, ("written",), money, NOW, NOW + timedelta(days=14))
            )
        )

    @rule(
        amount=st.integers(1, 1500),
        currency=st.sampled_from(["USD", "USD", "USD", "EUR"]),
        method=st.sampled_from(["card", "wire"]),
    )
    def pay(self, amount: int, currency: str, method: domain.Method) -> None:
        money = Money(amount_minor=amount, currency=currency)
        arrived = Payment(uuid4(), CASE, self.invoice.id, method, str(uuid4()), money, NOW)
        if method == "wire":
            self.entries += domain.bank_receipt(uuid4(), money)
        self.came_in[currency] += amount
        self.keep(domain.receive(self.invoice, arrived))

    @precondition(lambda self: self.invoice.due_minor)
    @rule(method=st.sampled_from(["card", "wire"]))
    def pay_what_is_due(self, method: domain.Method) -> None:
        self.pay(amount=self.invoice.due_minor, currency="USD", method=method)

    @rule(reason=st.sampled_from(["withdrawn", "expired"]))
    def cancel(self, reason: str) -> None:
        self.keep(domain.cancel(self.invoice, list(self.payments.values()), reason))  # type: ignore[arg-type]

    @precondition(lambda self: self.invoice.cancelled == "expired")
    @rule()
    def reinstate(self) -> None:
        self.keep(domain.reinstate(self.invoice, list(self.payments.values())))

    @rule()
    def deliver(self) -> None:
        self.keep(domain.earn(self.invoice, NOW))

    @precondition(lambda self: self.payments)
    @rule(which=st.integers(0, 5), amount=st.integers(1, 10))
    def give_back(self, which: int, amount: int) -> None:
        payment = list(self.payments.values())[which % len(self.payments)]
        money = Money(amount_minor=amount, currency=payment.amount.currency)
        refund = Refund(uuid4(), CASE, payment.id, payment.method, money, "decision", "a reason", "someone", NOW)
        try:
            outcome = domain.give_back(self.invoice, payment, refund)
        except domain.MoneyRefusedError:
            return
        self.keep(outcome)
        self.refunds.append(refund)

    @precondition(lambda self: self.refunds)
    @rule(which=st.integers(0, 5), by=st.sampled_from(["card", "wire"]))
    def pay_out(self, which: int, by: domain.Method) -> None:
        at = which % len(self.refunds)
        before = self.refunds[at]
        paid, entries = domain.pay_out(before, by)
        self.went_out[paid.amount.currency] += paid.amount.amount_minor if entries else 0
        self.refunds[at], self.entries = paid, self.entries + entries

    def keep(self, outcome: Outcome) -> None:
        self.invoice = outcome.invoice
        self.payments |= {payment.id: payment for payment in outcome.payments}
        self.entries += outcome.entries

    def balance(self, account: Account, currency: str = "USD") -> int:
        postings = (posting for entry in self.entries for posting in entry.postings)
        return sum(p.amount_minor for p in postings if (p.account, p.currency) == (account, currency))

    @invariant()
    def every_currency_sums_to_zero(self) -> None:
        for currency in ("USD", "EUR"):
            assert sum(self.balance(account, currency) for account in Account) == 0

    @invariant()
    def the_ledger_says_what_the_rows_say(self) -> None:
        in_price = [p for p in self.payments.values() if p.amount.currency == "USD"]
        pending = sum(
            r.amount.amount_minor for r in self.refunds if r.state == "decided" and r.amount.currency == "USD"
        )
        assert self.balance(Account.RECEIVABLE) == self.invoice.due_minor
        assert self.balance(Account.OVERPAYMENTS) == -sum(p.held_minor for p in in_price)
        assert self.balance(Account.REFUNDS_PAYABLE) == -pending
        assert sum(p.applied_minor for p in in_price) == self.invoice.paid_minor - self.invoice.returned_minor
        assert self.balance(Account.UNMATCHED) == 0

    @invariant()
    def no_cent_is_lost(self) -> None:
        for currency in ("USD", "EUR"):
            kept = self.balance(Account.CARD_CLEARING, currency) + self.balance(Account.BANK, currency)
            assert kept == self.came_in[currency] - self.went_out[currency]

    @invariant()
    def a_cause_is_entered_once(self) -> None:
        sources = [entry.source for entry in self.entries]
        assert len(sources) == len(set(sources))


Books.TestCase.settings = settings(max_examples=500, stateful_step_count=20)
TestBooks = Books.TestCase
