"""What billing holds to be true of money, as values: no I/O, no clock (R17, R20, R21).

Amounts are integers in minor units of an ISO 4217 currency. A posting is signed: debit above zero, credit below. Every
change of an invoice or a payment returns the entry that belongs to it; one that doesn't sum to zero can't be made.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Literal
from uuid import UUID

from shared.events import Money, ProgrammeRef
from shared.ids import CaseId

Method = Literal["card", "wire"]
_WITHOUT_CENTS = frozenset(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV"))
_CFA = frozenset(("XAF", "XOF", "XPF"))
_WITH_MILLS = frozenset(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"))


class Account(StrEnum):
    """The accounts. Assets and what is owed to us grow by debit; what we owe, and income, by credit."""

    RECEIVABLE = "receivable"
    CARD_CLEARING = "card_clearing"
    BANK = "bank"
    UNMATCHED = "unmatched_receipts"
    DEFERRED = "deferred_revenue"
    REVENUE = "revenue"
    OVERPAYMENTS = "overpayments"
    REFUNDS_PAYABLE = "refunds_payable"


class InvoiceState(StrEnum):
    OPEN = "open"
    PART_PAID = "part_paid"
    PAID = "paid"
    OVERPAID = "overpaid"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


class CardStatus(StrEnum):
    """What the provider has said of one attempt to pay by card."""

    PROCESSING = "processing"
    FAILED = "failed"
    SUCCEEDED = "succeeded"


class RefundRight(StrEnum):
    """What a patient who withdraws gets back without anyone deciding (R21)."""

    FULL = "full"
    NONE = "none"


class MoneyRefusedError(ValueError):
    """A movement of money that the rules don't allow; the text says what to do."""


# --- amounts ---------------------------------------------------------------------------------------------------------


def decimals(currency: str) -> int:
    """Return how many digits of ``currency`` stand behind the decimal point."""
    return 0 if currency in _WITHOUT_CENTS | _CFA else 3 if currency in _WITH_MILLS else 2


def parse_money(text: str, currency: str) -> Money:
    """Return what a person typed, such as ``2,450.00``. Raises ``ValueError`` that says what to type."""
    places = decimals(currency)
    try:
        amount = Decimal(text.replace(",", "").replace(" ", "").replace("\u00a0", "")).scaleb(places)
    except InvalidOperation:
        raise ValueError("Enter the amount in figures, such as 2450.00") from None
    if not amount.is_finite() or amount != int(amount) or not 0 < amount < 10**15:
        raise ValueError(f"Enter an amount above zero with at most {places} digits after the point")
    return Money(amount_minor=int(amount), currency=currency)


def written(money: Money) -> str:
    """Return the amount with its currency code, such as ``2450.00 USD``: exact, and the same for every reader."""
    places = decimals(money.currency)
    return f"{Decimal(money.amount_minor).scaleb(-places):.{places}f} {money.currency}"


# --- the reference that a wire transfer carries ----------------------------------------------------------------------


def creditor_reference(case_number: str, ordinal: int) -> str:
    """Return the ISO 11649 reference of a case's nth invoice, such as ``RF18 7K3M 9QXW 01``.

    It is the case number without its check character, the ordinal, and two check digits that a bank checks too.
    """
    body = case_number.replace("-", "")[:8] + f"{ordinal:02d}"
    plain = f"RF{98 - _mod97(body + 'RF00'):02d}{body}"
    return " ".join(plain[start : start + 4] for start in range(0, len(plain), 4))


def find_references(remittance: str) -> list[tuple[str, int]]:
    """Return (case number without check, ordinal) of each sound reference in a bank's free text."""
    text = "".join(character for character in remittance.upper() if character.isascii() and character.isalnum())
    found: list[tuple[str, int]] = []
    for start in (at for at in range(len(text)) if text.startswith("RF", at)):
        candidate = text[start : start + 14]
        check, body = candidate[2:4], candidate[4:]
        if len(candidate) == 14 and check.isdigit() and body[8:].isdigit() and _mod97(body + "RF" + check) == 1:
            found.append((f"{body[:4]}-{body[4:8]}", int(body[8:])))
    return found


def _mod97(text: str) -> int:
    return int("".join(str(int(character, 36)) for character in text)) % 97


# --- double entry ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Posting:
    account: Account
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One transaction of the ledger. ``source`` names its cause: the same cause can be entered once only."""

    kind: str
    source: str
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        sums: defaultdict[str, int] = defaultdict(int)
        for posting in self.postings:
            sums[posting.currency] += posting.amount_minor
        if any(sums.values()) or any(posting.amount_minor == 0 for posting in self.postings):
            raise ValueError(f"{self.kind} of {self.source} does not balance: {dict(sums)}")


def _entry(kind: str, source: str, currency: str, amounts: dict[Account, int]) -> list[Entry]:
    postings = tuple(Posting(account, currency, amount) for account, amount in amounts.items() if amount)
    return [Entry(kind, source, postings)] if postings else []


# --- invoices and payments -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Invoice:
    """What one quote revision costs, and how much of it is in.

    ``paid_minor`` is what was applied to the price: never more than it. ``returned_minor`` is what went back out of it.
    ``turns`` counts cancellations and reinstatements. ``received_at`` is when PaymentReceived was told, once.
    """

    id: UUID
    case_id: CaseId
    quote_id: UUID
    revision: int
    ordinal: int
    programme: ProgrammeRef
    services: tuple[str, ...]
    price: Money
    issued_at: datetime
    due_at: datetime
    paid_minor: int = 0
    returned_minor: int = 0
    turns: int = 0
    cancelled: Literal["withdrawn", "expired"] | None = None
    received_at: datetime | None = None
    earned_at: datetime | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.returned_minor <= self.paid_minor <= self.price.amount_minor:
            raise ValueError(
                f"invoice {self.id}: paid {self.paid_minor}, returned {self.returned_minor} of {self.price}"
            )

    @property
    def due_minor(self) -> int:
        """What is still missing, in minor units; nothing once cancelled."""
        return 0 if self.cancelled else self.price.amount_minor - self.paid_minor

    @property
    def settled(self) -> bool:
        """Whether exactly the quoted amount is in."""
        return not self.cancelled and self.due_minor == 0

    def state(self, held_minor: int = 0, refunded_minor: int = 0) -> InvoiceState:
        """Return the state, given what its payments hold beyond the price and what was sent back of them."""
        if self.cancelled:
            return InvoiceState.REFUNDED if refunded_minor and not held_minor else InvoiceState.CANCELLED
        if self.due_minor:
            return InvoiceState.PART_PAID if self.paid_minor else InvoiceState.OPEN
        if self.price.amount_minor and self.returned_minor == self.price.amount_minor:
            return InvoiceState.REFUNDED
        return InvoiceState.OVERPAID if held_minor else InvoiceState.PAID


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that came in once: each unit of it is applied to a price, held for staff, or sent back."""

    id: UUID
    case_id: CaseId
    invoice_id: UUID
    method: Method
    provider_id: str
    amount: Money
    received_at: datetime
    applied_minor: int = 0
    held_minor: int = 0
    returned_minor: int = 0

    def __post_init__(self) -> None:
        parts = (self.applied_minor, self.held_minor, self.returned_minor)
        if min(parts) < 0 or sum(parts) not in (0, self.amount.amount_minor):
            raise ValueError(f"payment {self.id}: {parts} of {self.amount}")

    @property
    def came_to(self) -> Account:
        return Account.CARD_CLEARING if self.method == "card" else Account.UNMATCHED

    @property
    def returnable_minor(self) -> int:
        return self.applied_minor + self.held_minor


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a movement of money leaves behind: the invoice and payments as they now stand, and the entries to write."""

    invoice: Invoice
    payments: tuple[Payment, ...] = ()
    entries: list[Entry] = field(default_factory=list)


def issue(invoice: Invoice) -> Outcome:
    """The patient owes the price, and we owe the work."""
    price = invoice.price.amount_minor
    amounts = {Account.RECEIVABLE: price, Account.DEFERRED: -price}
    return Outcome(invoice, entries=_entry("invoice_issued", f"invoice:{invoice.id}", invoice.price.currency, amounts))


def bank_receipt(receipt_id: UUID, amount: Money) -> list[Entry]:
    """Money is in the bank, and nobody knows yet whose it is."""
    amounts = {Account.BANK: amount.amount_minor, Account.UNMATCHED: -amount.amount_minor}
    return _entry("wire_received", f"receipt:{receipt_id}", amount.currency, amounts)


def receive(invoice: Invoice, payment: Payment) -> Outcome:
    """Apply a payment to what is due; the rest (all of it when cancelled, or in another currency) is held for staff."""
    same_currency = payment.amount.currency == invoice.price.currency
    applied = min(invoice.due_minor, payment.amount.amount_minor) if same_currency else 0
    held = payment.amount.amount_minor - applied
    amounts = {payment.came_to: applied + held, Account.RECEIVABLE: -applied, Account.OVERPAYMENTS: -held}
    return Outcome(
        replace(invoice, paid_minor=invoice.paid_minor + applied),
        (replace(payment, applied_minor=applied, held_minor=held),),
        _entry("payment_received", f"payment:{payment.id}", payment.amount.currency, amounts),
    )


def cancel(invoice: Invoice, payments: Sequence[Payment], reason: Literal["withdrawn", "expired"]) -> Outcome:
    """Take the invoice back: nothing is due any more, and what was applied to it is held, to be sent back."""
    if invoice.cancelled or invoice.earned_at:
        return Outcome(invoice, tuple(payments))
    freed = sum(payment.applied_minor for payment in payments)
    price, back = invoice.price.amount_minor, invoice.returned_minor
    amounts = {
        Account.DEFERRED: price - back,
        Account.RECEIVABLE: -invoice.due_minor,
        Account.OVERPAYMENTS: -freed,
    }
    turns = invoice.turns + 1
    return Outcome(
        replace(invoice, cancelled=reason, paid_minor=0, returned_minor=0, turns=turns),
        tuple(replace(p, applied_minor=0, held_minor=p.held_minor + p.applied_minor) for p in payments),
        _entry("invoice_cancelled", f"cancel:{invoice.id}:{turns}", invoice.price.currency, amounts),
    )


def reinstate(invoice: Invoice, payments: Sequence[Payment]) -> Outcome:
    """Open an expired invoice again and apply the money that came too late for it."""
    if invoice.cancelled != "expired":
        raise MoneyRefusedError("Only an invoice whose time to pay has passed can be opened again")
    price, due, turns = invoice.price.amount_minor, invoice.price.amount_minor, invoice.turns + 1
    applied: list[Payment] = []
    for payment in payments:
        take = min(due, payment.held_minor) if payment.amount.currency == invoice.price.currency else 0
        due -= take
        moved = replace(payment, applied_minor=payment.applied_minor + take, held_minor=payment.held_minor - take)
        applied.append(moved)
    amounts = {Account.DEFERRED: -price, Account.RECEIVABLE: due, Account.OVERPAYMENTS: price - due}
    return Outcome(
        replace(invoice, cancelled=None, paid_minor=price - due, turns=turns),
        tuple(applied),
        _entry("invoice_reinstated", f"reinstate:{invoice.id}:{turns}", invoice.price.currency, amounts),
    )


def earn(invoice: Invoice, at: datetime) -> Outcome:
    """The work is done: what is left of the price becomes income. Harmless before payment and a second time."""
    if not invoice.settled or invoice.earned_at:
        return Outcome(invoice)
    kept = invoice.price.amount_minor - invoice.returned_minor
    amounts = {Account.DEFERRED: kept, Account.REVENUE: -kept}
    entries = _entry("fee_earned", f"earned:{invoice.id}", invoice.price.currency, amounts)
    return Outcome(replace(invoice, earned_at=at), entries=entries)


# --- refunds ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Refund:
    """Money on its way back to where it came from. ``state``: decided, issued, or failed (the provider refused)."""

    id: UUID
    case_id: CaseId
    payment_id: UUID
    method: Method
    amount: Money
    why: Literal["withdrawn", "decision"]
    reason: str
    decided_by: str
    decided_at: datetime
    state: Literal["decided", "issued", "failed"] = "decided"


def refund_right(accepted_at: datetime | None, withdrawn_at: datetime) -> RefundRight:
    """Everything before a specialist accepts, nothing after: the review starts with the acceptance (R21)."""
    return RefundRight.FULL if accepted_at is None or withdrawn_at < accepted_at else RefundRight.NONE


def give_back(invoice: Invoice, payment: Payment, refund: Refund) -> Outcome:
    """Owe a part of a payment back: what is held first, then what was applied. Raises ``MoneyRefusedError``."""
    amount = refund.amount.amount_minor
    if refund.amount.currency != payment.amount.currency or amount <= 0 or amount > payment.returnable_minor:
        left = Money(amount_minor=payment.returnable_minor, currency=payment.amount.currency)
        raise MoneyRefusedError(f"At most {written(left)} of this payment can go back")
    from_held = min(amount, payment.held_minor)
    from_price = amount - from_held
    if from_price and not invoice.settled:
        raise MoneyRefusedError("Part of the price is still missing: cancel the invoice before sending its money back")
    income = Account.REVENUE if invoice.earned_at else Account.DEFERRED
    amounts = {Account.OVERPAYMENTS: from_held, income: from_price, Account.REFUNDS_PAYABLE: -amount}
    return Outcome(
        replace(invoice, returned_minor=invoice.returned_minor + from_price),
        (
            replace(
                payment,
                applied_minor=payment.applied_minor - from_price,
                held_minor=payment.held_minor - from_held,
                returned_minor=payment.returned_minor + amount,
            ),
        ),
        _entry("refund_decided", f"refund:{refund.id}", refund.amount.currency, amounts),
    )


def pay_out(refund: Refund, method: Method) -> tuple[Refund, list[Entry]]:
    """The money left, by the card provider or from the bank. Nothing happens a second time."""
    if refund.state == "issued":
        return refund, []
    source = Account.CARD_CLEARING if method == "card" else Account.BANK
    amounts = {Account.REFUNDS_PAYABLE: refund.amount.amount_minor, source: -refund.amount.amount_minor}
    entries = _entry("refund_issued", f"issued:{refund.id}", refund.amount.currency, amounts)
    return replace(refund, state="issued"), entries


# --- what a provider's message does ----------------------------------------------------------------------------------


def hear(known: CardStatus | None, told: CardStatus) -> CardStatus:
    """Return what is true of an attempt after one more message: a later state stays, in whatever order they come."""
    order = (CardStatus.PROCESSING, CardStatus.FAILED, CardStatus.SUCCEEDED)
    return told if known is None or order.index(told) > order.index(known) else known
