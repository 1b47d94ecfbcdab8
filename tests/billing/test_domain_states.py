"""Whatever happens to a case's money, in whatever order, the books balance and nobody's cent is lost (R17, R20, R21)."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar
from uuid import UUID, uuid4

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.billing import domain
from services.billing.domain import Account, Dispute, DisputeState, Entry, Invoice, Outcome, Payment, Refund
from shared.events import Money, ProgrammeRef
from shared.ids import CaseId

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
CASE, QUOTE = CaseId(uuid4()), uuid4()
RULES = ProgrammeRef(id="msk_international", version=1)
CURRENCIES = ("USD", "EUR")
T = TypeVar("T")
WHICH = st.integers(0, 5)


class Books(RuleBasedStateMachine):
    """One case's invoices, moved by every movement that the rules allow."""

    def __init__(self) -> None:
        super().__init__()
        self.invoices: dict[UUID, Invoice] = {}
        self.payments: dict[UUID, Payment] = {}
        self.refunds: dict[UUID, Refund] = {}
        self.disputes: dict[UUID, Dispute] = {}
        self.entries: list[Entry] = []
        self.told: Counter[int] = Counter()
        self.came_in: Counter[str] = Counter()
        self.went_out: Counter[str] = Counter()

    @initialize(price=st.integers(0, 6))
    def first_quote(self, price: int) -> None:
        self.quote_again(price)

    @precondition(lambda self: len(self.invoices) < 3)
    @rule(price=st.integers(0, 6))
    def quote_again(self, price: int) -> None:
        revision, money = len(self.invoices) + 1, Money(amount_minor=price, currency="USD")
        invoice = Invoice(
            uuid4(), CASE, QUOTE, revision, revision, RULES, ("written",), money, NOW, NOW + timedelta(days=14)
        )
        self.keep(domain.issue(invoice))

    @rule(
        which=WHICH,
        amount=st.integers(1, 1500),
        currency=st.sampled_from(["USD", "USD", "USD", "EUR"]),
        method=st.sampled_from(["card", "wire"]),
    )
    def pay(self, which: int, amount: int, currency: str, method: domain.Method) -> None:
        money, invoice = Money(amount_minor=amount, currency=currency), self.invoice(which)
        if method == "wire":
            self.entries += domain.bank_receipt(uuid4(), money)
        self.came_in[currency] += amount
        self.keep(domain.receive(invoice, Payment(uuid4(), CASE, invoice.id, method, str(uuid4()), money, NOW)))

    @rule(which=WHICH, method=st.sampled_from(["card", "wire"]))
    def pay_what_is_due(self, which: int, method: domain.Method) -> None:
        if due := self.invoice(which).due_minor:
            self.pay(which, due, "USD", method)

    @rule(which=WHICH, reason=st.sampled_from(["withdrawn", "expired"]))
    def cancel(self, which: int, reason: Literal["withdrawn", "expired"]) -> None:
        invoice = self.invoice(which)
        self.keep(domain.cancel(invoice, self.payments_of(invoice), reason))

    @rule(which=WHICH)
    def reinstate(self, which: int) -> None:
        invoice = self.invoice(which)
        if invoice.cancelled == "expired":
            self.keep(domain.reinstate(invoice, self.payments_of(invoice)))

    @rule()
    def deliver(self) -> None:
        for invoice in list(self.invoices.values()):
            self.keep(domain.earn(invoice, NOW))

    @precondition(lambda self: self.payments)
    @rule(which=WHICH, amount=st.integers(1, 10))
    def give_back(self, which: int, amount: int) -> None:
        payment = _nth(self.payments, which)
        money = Money(amount_minor=amount, currency=payment.amount.currency)
        refund = Refund(uuid4(), CASE, payment.id, payment.method, money, "decision", "a reason", "someone", NOW)
        try:
            outcome = domain.give_back(self.invoices[payment.invoice_id], payment, refund)
        except domain.MoneyRefusedError:
            return
        self.keep(outcome)
        self.refunds[refund.id] = refund

    @precondition(lambda self: self.refunds)
    @rule(which=WHICH, by=st.sampled_from(["card", "wire"]))
    def pay_out(self, which: int, by: domain.Method) -> None:
        """The provider may have sent money that a dispute overtook meanwhile: then it is gone twice, and a loss."""
        paid, entries = domain.pay_out(_nth(self.refunds, which), by)
        self.went_out[paid.amount.currency] += paid.amount.amount_minor if entries else 0
        self.refunds[paid.id], self.entries = paid, self.entries + entries

    @precondition(lambda self: self.refunds)
    @rule(which=WHICH)
    def bounce(self, which: int) -> None:
        """The card's bank gives a refund back that the provider had sent: it is owed again, once."""
        refund = _nth(self.refunds, which)
        issued = [p for one in self.entries if one.source == f"issued:{refund.id}" for p in one.postings]
        back, entries = domain.bounce(refund, issued)
        self.went_out[refund.amount.currency] -= refund.amount.amount_minor if entries else 0
        self.refunds[refund.id], self.entries = back, self.entries + entries

    @precondition(lambda self: self.refunds)
    @rule(which=WHICH)
    def lower(self, which: int) -> None:
        """Of a refund that nobody is sending no more goes back than lost disputes and other refunds leave."""
        refund = _nth(self.refunds, which)
        payment = self.payments[refund.payment_id]
        gone = sum(one.amount.amount_minor for one in self.disputes_of(payment) if one.state == DisputeState.LOST)
        others = (one for one in self.refunds.values() if one.payment_id == payment.id and one.state == "issued")
        gone += sum(one.amount.amount_minor for one in others)
        if refund.state in ("decided", "failed"):
            less, outcome = domain.lower(self.invoices[payment.invoice_id], payment, refund, gone)
            self.refunds[less.id] = less
            self.keep(outcome)
            assert less.state == "overtaken" or gone + less.amount.amount_minor <= payment.amount.amount_minor

    @precondition(lambda self: self.payments)
    @rule(which=WHICH, part=st.integers(1, 4))
    def dispute(self, which: int, part: int) -> None:
        payment = _nth(self.payments, which)
        before = sum(one.amount.amount_minor for one in self.disputes_of(payment))
        amount = min(max(1, payment.amount.amount_minor * part // 4), payment.amount.amount_minor - before)
        if amount > 0:
            money = payment.amount.model_copy(update={"amount_minor": amount})
            dispute = Dispute(
                uuid4(),
                f"dp_{uuid4()}",
                payment.provider_id,
                payment.id,
                CASE,
                money,
                "general",
                DisputeState.OPEN,
                NOW,
            )
            self.disputes[dispute.id] = dispute
            self.keep(domain.open_dispute(self.invoices[payment.invoice_id], payment, dispute))

    @precondition(lambda self: self.disputes)
    @rule(which=WHICH, told=st.sampled_from(list(DisputeState)))
    def hear_of_dispute(self, which: int, told: DisputeState) -> None:
        dispute = _nth(self.disputes, which)
        after = domain.hear_dispute(dispute.state, told)
        if after == dispute.state:
            return
        self.disputes[dispute.id] = replace(dispute, state=after)
        if after == DisputeState.WON:
            self.keep(domain.win_dispute(*self.around(dispute)))
            return
        if dispute.state == DisputeState.WON:
            self.keep(domain.reopen_dispute(*self.around(dispute)))
        mine = (one for one in self.refunds.values() if one.payment_id == dispute.payment_id)
        lost = domain.lose_dispute(*self.around(dispute), [one for one in mine if one.state in ("decided", "failed")])
        self.refunds |= {one.id: one for one in lost.overtaken}
        self.went_out[dispute.amount.currency] += dispute.amount.amount_minor
        self.keep(lost.outcome)

    # --- what it leaves behind

    def invoice(self, which: int) -> Invoice:
        return _nth(self.invoices, which)

    def payments_of(self, invoice: Invoice) -> list[Payment]:
        return [one for one in self.payments.values() if one.invoice_id == invoice.id]

    def disputes_of(self, payment: Payment) -> Iterator[Dispute]:
        return (one for one in self.disputes.values() if one.payment_id == payment.id)

    def around(self, dispute: Dispute) -> tuple[Invoice, Payment, Dispute]:
        assert dispute.payment_id
        payment = self.payments[dispute.payment_id]
        return self.invoices[payment.invoice_id], payment, dispute

    def keep(self, outcome: Outcome) -> None:
        """Do as the cashier's books do: tell that the price is in when it is for the first time, and undisputed."""
        self.payments |= {payment.id: payment for payment in outcome.payments}
        self.entries += outcome.entries
        invoice = outcome.invoice
        if invoice.settled and not invoice.received_at and not any(p.disputed_minor for p in self.payments_of(invoice)):
            self.told[invoice.revision] += 1
            invoice = replace(invoice, received_at=NOW)
        self.invoices[invoice.id] = invoice

    def balance(self, account: Account, currency: str = "USD") -> int:
        postings = (posting for entry in self.entries for posting in entry.postings)
        return sum(p.amount_minor for p in postings if (p.account, p.currency) == (account, currency))

    # --- what must hold after every step

    @invariant()
    def every_currency_sums_to_zero(self) -> None:
        for currency in CURRENCIES:
            assert sum(self.balance(account, currency) for account in Account) == 0

    @invariant()
    def the_ledger_says_what_the_rows_say(self) -> None:
        assert self.balance(Account.RECEIVABLE) == sum(one.due_minor for one in self.invoices.values())
        for currency in CURRENCIES:
            payments = [one for one in self.payments.values() if one.amount.currency == currency]
            owed = (r for r in self.refunds.values() if r.state in ("decided", "failed"))
            assert self.balance(Account.OVERPAYMENTS, currency) == -sum(one.held_minor for one in payments)
            assert self.balance(Account.DISPUTED, currency) == sum(one.disputed_minor for one in payments)
            assert self.balance(Account.REFUNDS_PAYABLE, currency) == -sum(
                one.amount.amount_minor for one in owed if one.amount.currency == currency
            )
            assert self.balance(Account.UNMATCHED, currency) == 0

    @invariant()
    def a_price_is_paid_by_its_payments(self) -> None:
        for invoice in self.invoices.values():
            applied = sum(one.applied_minor for one in self.payments_of(invoice))
            assert applied == invoice.paid_minor - invoice.returned_minor

    @invariant()
    def no_cent_is_lost(self) -> None:
        places = (Account.CARD_CLEARING, Account.BANK, Account.DISPUTED)
        for currency in CURRENCIES:
            kept = sum(self.balance(account, currency) for account in places)
            assert kept == self.came_in[currency] - self.went_out[currency]

    @invariant()
    def no_more_goes_back_than_came_in(self) -> None:
        for payment in self.payments.values():
            back = sum(one.amount.amount_minor for one in self.refunds.values() if one.payment_id == payment.id)
            assert back == payment.returned_minor
            assert back + payment.lost_minor <= payment.amount.amount_minor

    @invariant()
    def only_what_a_bank_gave_away_is_a_loss(self) -> None:
        for currency in CURRENCIES:
            lost = (one for one in self.disputes.values() if one.state == DisputeState.LOST)
            most = sum(one.amount.amount_minor for one in lost if one.amount.currency == currency)
            assert 0 <= self.balance(Account.DISPUTE_LOSSES, currency) <= most

    @invariant()
    def a_cause_is_entered_once_and_a_price_received_once(self) -> None:
        sources = [entry.source for entry in self.entries]
        assert len(sources) == len(set(sources))
        assert all(times == 1 for times in self.told.values())
        for invoice in self.invoices.values():
            disputed = any(one.disputed_minor for one in self.payments_of(invoice))
            assert self.told[invoice.revision] or not invoice.settled or disputed


def _nth(rows: dict[UUID, T], which: int) -> T:
    return list(rows.values())[which % len(rows)]


Books.TestCase.settings = settings(max_examples=200, stateful_step_count=25)
TestBooks = Books.TestCase
