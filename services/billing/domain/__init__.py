"""What billing holds to be true of money, as values: no I/O, no clock (R17, R20, R21).

Amounts are integers in minor units of an ISO 4217 currency. A posting is signed: debit above zero, credit below. Every
change of an invoice or a payment returns the entry that belongs to it; one that doesn't sum to zero can't be made.
"""

from services.billing.domain.cards import CardStatus, hear
from services.billing.domain.disputes import (
    Dispute,
    DisputeState,
    Settled,
    fee,
    hear_dispute,
    lose_dispute,
    open_dispute,
    reopen_dispute,
    win_dispute,
)
from services.billing.domain.invoices import (
    Invoice,
    InvoiceState,
    Method,
    Outcome,
    Payment,
    bank_receipt,
    cancel,
    earn,
    issue,
    receive,
    reinstate,
)
from services.billing.domain.ledger import Account, Entry, Posting, entry
from services.billing.domain.money import MoneyRefusedError, parse_money, written
from services.billing.domain.references import creditor_reference, find_references
from services.billing.domain.refunds import Refund, RefundRight, RefundState, give_back, pay_out, refund_right

__all__ = [
    "Account",
    "CardStatus",
    "Dispute",
    "DisputeState",
    "Entry",
    "Invoice",
    "InvoiceState",
    "Method",
    "MoneyRefusedError",
    "Outcome",
    "Payment",
    "Posting",
    "Refund",
    "RefundRight",
    "RefundState",
    "Settled",
    "bank_receipt",
    "cancel",
    "creditor_reference",
    "earn",
    "entry",
    "fee",
    "find_references",
    "give_back",
    "hear",
    "hear_dispute",
    "issue",
    "lose_dispute",
    "open_dispute",
    "parse_money",
    "pay_out",
    "receive",
    "refund_right",
    "reinstate",
    "reopen_dispute",
    "win_dispute",
    "written",
]
