"""Invoices and the payments that settle them: each change returns the entry that belongs to it (R17, R20, R21)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from services.billing.domain.ledger import Account, Entry, entry
from services.billing.domain.money import MoneyRefusedError
from shared.events import Money, ProgrammeRef
from shared.ids import CaseId

Method = Literal["card", "wire"]


class InvoiceState(StrEnum):
    OPEN = "open"
    PART_PAID = "part_paid"
    PAID = "paid"
    OVERPAID = "overpaid"
    CANCELLED = "cancelled"
    REFUNDED = "refunded"


@dataclass(frozen=True, slots=True)
class Invoice:
    """What one quote revision costs, and how much of it is in.

    ``paid_minor`` is what was applied to the price: never more than it. ``returned_minor`` is what went back out of it.
    ``written_off_minor`` is the part of ``paid_minor`` that banks kept and we bear: no one gets it back.
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
    written_off_minor: int = 0

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
        if self.price.amount_minor and self.returned_minor == self.price.amount_minor - self.written_off_minor:
            return InvoiceState.REFUNDED
        return InvoiceState.OVERPAID if held_minor else InvoiceState.PAID


@dataclass(frozen=True, slots=True)
class Payment:
    """Money that came in once: each unit is applied to a price, held for staff, sent back, or lost in a dispute.

    ``disputed_minor``: for so much of what is applied or held, banks have still to decide.
    """

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
    disputed_minor: int = 0
    lost_minor: int = 0

    def __post_init__(self) -> None:
        parts = (self.applied_minor, self.held_minor, self.returned_minor, self.lost_minor)
        if min(parts) < 0 or sum(parts) not in (0, self.amount.amount_minor):
            raise ValueError(f"payment {self.id}: {parts} of {self.amount}")

    @property
    def came_to(self) -> Account:
        return Account.CARD_CLEARING if self.method == "card" else Account.UNMATCHED

    @property
    def returnable_minor(self) -> int:
        return max(0, self.applied_minor + self.held_minor - self.disputed_minor)

    @property
    def free_minor(self) -> int:
        """What is held and not disputed: it may be applied to a price or go back."""
        return min(self.held_minor, self.returnable_minor)


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
    return Outcome(invoice, entries=entry("invoice_issued", f"invoice:{invoice.id}", invoice.price.currency, amounts))


def bank_receipt(receipt_id: UUID, amount: Money) -> list[Entry]:
    """Money is in the bank, and nobody knows yet whose it is."""
    amounts = {Account.BANK: amount.amount_minor, Account.UNMATCHED: -amount.amount_minor}
    return entry("wire_received", f"receipt:{receipt_id}", amount.currency, amounts)


def receive(invoice: Invoice, payment: Payment) -> Outcome:
    """Apply a payment to what is due; the rest (all of it when cancelled, or in another currency) is held for staff."""
    same_currency = payment.amount.currency == invoice.price.currency
    applied = min(invoice.due_minor, payment.amount.amount_minor) if same_currency else 0
    held = payment.amount.amount_minor - applied
    amounts = {payment.came_to: applied + held, Account.RECEIVABLE: -applied, Account.OVERPAYMENTS: -held}
    return Outcome(
        replace(invoice, paid_minor=invoice.paid_minor + applied),
        (replace(payment, applied_minor=applied, held_minor=held),),
        entry("payment_received", f"payment:{payment.id}", payment.amount.currency, amounts),
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
        Account.BANK_CHARGES: -invoice.written_off_minor,
    }
    turns = invoice.turns + 1
    return Outcome(
        replace(invoice, cancelled=reason, paid_minor=0, returned_minor=0, written_off_minor=0, turns=turns),
        tuple(replace(p, applied_minor=0, held_minor=p.held_minor + p.applied_minor) for p in payments),
        entry("invoice_cancelled", f"cancel:{invoice.id}:{turns}", invoice.price.currency, amounts),
    )


def reinstate(invoice: Invoice, payments: Sequence[Payment]) -> Outcome:
    """Open an expired invoice again and apply the money that came too late for it."""
    if invoice.cancelled != "expired":
        raise MoneyRefusedError("Only an invoice whose time to pay has passed can be opened again")
    price, due, turns = invoice.price.amount_minor, invoice.price.amount_minor, invoice.turns + 1
    applied: list[Payment] = []
    for payment in payments:
        take = min(due, payment.free_minor) if payment.amount.currency == invoice.price.currency else 0
        due -= take
        moved = replace(payment, applied_minor=payment.applied_minor + take, held_minor=payment.held_minor - take)
        applied.append(moved)
    amounts = {Account.DEFERRED: -price, Account.RECEIVABLE: due, Account.OVERPAYMENTS: price - due}
    return Outcome(
        replace(invoice, cancelled=None, paid_minor=price - due, turns=turns),
        tuple(applied),
        entry("invoice_reinstated", f"reinstate:{invoice.id}:{turns}", invoice.price.currency, amounts),
    )


def earn(invoice: Invoice, at: datetime) -> Outcome:
    """The work is done: what is left of the price becomes income. Harmless before payment and a second time."""
    if not invoice.settled or invoice.earned_at:
        return Outcome(invoice)
    kept = invoice.price.amount_minor - invoice.returned_minor
    amounts = {Account.DEFERRED: kept, Account.REVENUE: -kept}
    entries = entry("fee_earned", f"earned:{invoice.id}", invoice.price.currency, amounts)
    return Outcome(replace(invoice, earned_at=at), entries=entries)
