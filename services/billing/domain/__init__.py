"""What billing holds to be true of money, as values: no I/O, no clock (R17, R20, R21).

Amounts are integers in minor units of an ISO 4217 currency. A posting is signed: debit above zero, credit below. Every
change of an invoice or a payment returns the entry that belongs to it; one that doesn't sum to zero can't be made.
"""

from services.billing.domain.ageing import AGES, STEPS, age_of
from services.billing.domain.cards import CardStatus, ask_again_at, hear
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
from services.billing.domain.documents import Content, Document, DocumentKind, Named, Paper, label, papers
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
from services.billing.domain.movements import AccountLine, Movement, account_lines, balance_of
from services.billing.domain.oddities import Oddity, oddity_of, twice_by
from services.billing.domain.proposals import (
    Person,
    Proposal,
    ProposalState,
    confirm,
    lapse,
    needs_second_person,
    of_fee,
    reject,
)
from services.billing.domain.reconciling import Difference, DifferenceKind, Line, Record, Subject, compare
from services.billing.domain.references import creditor_reference, find_references
from services.billing.domain.refunds import Refund, RefundState, bounce, give_back, pay_out
from services.billing.domain.stages import (
    InvoiceBack,
    PaymentBack,
    RefundStage,
    RefundTerms,
    back_at,
    stage_at,
    totals,
)
from services.billing.domain.wires import exchanged, explained, money_left, unexchanged, unmatch, write_off

__all__ = [
    "AGES",
    "STEPS",
    "Account",
    "AccountLine",
    "CardStatus",
    "Content",
    "Difference",
    "DifferenceKind",
    "Dispute",
    "DisputeState",
    "Document",
    "DocumentKind",
    "Entry",
    "Invoice",
    "InvoiceBack",
    "InvoiceState",
    "Line",
    "Method",
    "MoneyRefusedError",
    "Movement",
    "Named",
    "Oddity",
    "Outcome",
    "Paper",
    "Payment",
    "PaymentBack",
    "Person",
    "Posting",
    "Proposal",
    "ProposalState",
    "Record",
    "Refund",
    "RefundStage",
    "RefundState",
    "RefundTerms",
    "Settled",
    "Subject",
    "account_lines",
    "age_of",
    "ask_again_at",
    "back_at",
    "balance_of",
    "bank_receipt",
    "bounce",
    "cancel",
    "compare",
    "confirm",
    "creditor_reference",
    "earn",
    "entry",
    "exchanged",
    "explained",
    "fee",
    "find_references",
    "give_back",
    "hear",
    "hear_dispute",
    "issue",
    "label",
    "lapse",
    "lose_dispute",
    "money_left",
    "needs_second_person",
    "oddity_of",
    "of_fee",
    "open_dispute",
    "papers",
    "parse_money",
    "pay_out",
    "receive",
    "reinstate",
    "reject",
    "reopen_dispute",
    "stage_at",
    "totals",
    "twice_by",
    "unexchanged",
    "unmatch",
    "win_dispute",
    "write_off",
    "written",
]
