"""Wires beyond the plain case: charges that we bear, money changed on the way, matches and wires taken back (R21)."""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from services.billing.domain.invoices import Invoice, Outcome, Payment
from services.billing.domain.ledger import Account, Entry, entry
from services.billing.domain.money import MoneyRefusedError, written
from services.billing.domain.refunds import Refund
from shared.events import Money


def money_left(line_id: UUID, amount: Money) -> list[Entry]:
    """The bank's account shrank, and nobody has said yet why."""
    amounts = {Account.UNMATCHED: amount.amount_minor, Account.BANK: -amount.amount_minor}
    return entry("bank_debit", f"line:{line_id}", amount.currency, amounts)


def received_once(receipt: UUID, amount: Money) -> list[Entry]:
    """Take back that a wire came: it is in the books already as another one."""
    amounts = {Account.UNMATCHED: amount.amount_minor, Account.BANK: -amount.amount_minor}
    return entry("wire_received_once", f"same:{receipt}", amount.currency, amounts)


def explained(line_id: UUID, amount: Money, account: Account) -> list[Entry]:
    """Say what money that left was: it weighs on ``account``; BANK when its refund is in the books already."""
    amounts = {account: amount.amount_minor, Account.UNMATCHED: -amount.amount_minor}
    return entry("bank_debit_explained", f"explained:{line_id}", amount.currency, amounts)


def exchanged(payment_id: UUID, came: Money, counted: Money) -> list[Entry]:
    """Count what was instructed instead of what the bank made of it: the rest of both stands under exchange."""
    away = {Account.UNMATCHED: came.amount_minor, Account.EXCHANGE: -came.amount_minor}
    into = {Account.EXCHANGE: counted.amount_minor, Account.UNMATCHED: -counted.amount_minor}
    return [
        *entry("wire_exchanged", f"exchanged:{payment_id}:out", came.currency, away),
        *entry("wire_exchanged", f"exchanged:{payment_id}:in", counted.currency, into),
    ]


def unexchanged(payment_id: UUID, came: Money, counted: Money) -> list[Entry]:
    """Take ``exchanged`` back."""
    back = {Account.EXCHANGE: came.amount_minor, Account.UNMATCHED: -came.amount_minor}
    out = {Account.UNMATCHED: counted.amount_minor, Account.EXCHANGE: -counted.amount_minor}
    return [
        *entry("wire_unmatched", f"unexchanged:{payment_id}:out", came.currency, back),
        *entry("wire_unmatched", f"unexchanged:{payment_id}:in", counted.currency, out),
    ]


def write_off(invoice: Invoice, limit: Money | None) -> Outcome:
    """Bear what banks kept of a transfer: what is missing counts as paid. Raises ``MoneyRefusedError``."""
    short = Money(amount_minor=invoice.due_minor, currency=invoice.price.currency)
    if not invoice.due_minor or not invoice.paid_minor or invoice.earned_at:
        raise MoneyRefusedError("Only the rest of an invoice that is paid in part can be written off")
    if limit is None or limit.currency != short.currency or short.amount_minor > limit.amount_minor:
        most = written(limit) if limit and limit.currency == short.currency else f"nothing in {short.currency}"
        raise MoneyRefusedError(f"{written(short)} is missing; bank charges are written off up to {most}")
    amounts = {Account.BANK_CHARGES: short.amount_minor, Account.RECEIVABLE: -short.amount_minor}
    source = f"charges:{invoice.id}:{invoice.turns}:{invoice.paid_minor}"
    paid, lost = invoice.price.amount_minor, invoice.written_off_minor + short.amount_minor
    return Outcome(
        replace(invoice, paid_minor=paid, written_off_minor=lost, turns=invoice.turns + 1),
        entries=entry("charges_written_off", source, short.currency, amounts),
    )


def unmatch(invoice: Invoice, payment: Payment) -> Outcome:
    """Take a wrong match back by a correcting entry; charges written off on the invoice come back with it.

    The payment is no more: the outcome has none. Raises ``MoneyRefusedError`` once something was earned or went back.
    """
    if invoice.earned_at:
        raise MoneyRefusedError("The fee is earned: this match can't be taken back any more")
    if payment.returned_minor or (payment.applied_minor and invoice.returned_minor):
        raise MoneyRefusedError("Money of this invoice went back: this match can't be taken back any more")
    off = invoice.written_off_minor if payment.applied_minor else 0
    amounts = {
        Account.RECEIVABLE: payment.applied_minor + off,
        Account.OVERPAYMENTS: payment.held_minor,
        Account.UNMATCHED: -payment.amount.amount_minor,
        Account.BANK_CHARGES: -off,
    }
    return Outcome(
        replace(
            invoice, paid_minor=invoice.paid_minor - payment.applied_minor - off,
            written_off_minor=invoice.written_off_minor - off,
        ),
        entries=entry("wire_unmatched", f"unmatched:{payment.id}", payment.amount.currency, amounts),
    )  # fmt: skip


def recall(invoice: Invoice, payment: Payment, unsent: Sequence[Refund]) -> Outcome:
    """The bank took a wire back that can't simply be unmatched: its fee is earned, or money of it went back.

    What it paid is to be paid again; ``unsent`` refunds of it are owed to nobody any more; what was sent back is lost.
    """
    owed_back = sum(one.amount.amount_minor for one in unsent)
    sent = payment.returned_minor - owed_back
    amounts = {
        Account.RECEIVABLE: payment.applied_minor,
        Account.OVERPAYMENTS: payment.held_minor,
        Account.REFUNDS_PAYABLE: owed_back,
        Account.BAD_DEBTS: sent,
        Account.UNMATCHED: -payment.amount.amount_minor,
    }
    lost = payment.amount.amount_minor - payment.returned_minor
    return Outcome(
        replace(invoice, paid_minor=invoice.paid_minor - payment.applied_minor),
        (replace(payment, applied_minor=0, held_minor=0, lost_minor=lost),),
        entry("wire_recalled", f"recalled:{payment.id}", payment.amount.currency, amounts),
    )


def bear_loss(invoice: Invoice) -> Outcome:
    """Ask no more for what a bank took back of an earned fee. Raises ``MoneyRefusedError``."""
    due = invoice.due_minor
    if not due or not invoice.earned_at:
        raise MoneyRefusedError("Only what is missing again of an earned fee can be borne as a loss")
    amounts = {Account.BAD_DEBTS: due, Account.RECEIVABLE: -due}
    paid, lost = invoice.price.amount_minor, invoice.written_off_minor + due
    return Outcome(
        replace(invoice, paid_minor=paid, written_off_minor=lost, turns=invoice.turns + 1),
        entries=entry("loss_borne", f"loss:{invoice.id}:{invoice.turns}", invoice.price.currency, amounts),
    )
