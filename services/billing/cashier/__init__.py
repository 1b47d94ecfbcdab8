"""What happens to a case's money: where invoice, payments, refunds and ledger change, together or not at all.

Every function takes the open transaction and the locked case. PaymentReceived is told in ``books.write``, and nowhere
else: once per invoice, by whichever road the last missing unit came in (R20, R21).
"""

from services.billing.cashier.books import (
    EXPIRY,
    REFUND_ERRAND,
    REFUND_TIMER,
    SYSTEM,
    earn,
    invoice_of,
    watch_due,
    write,
)
from services.billing.cashier.debits import (
    RefundSeen,
    TakenBack,
    debit_took_back,
    debit_was_charge,
    debit_was_refund,
    receipts_like,
    refunds_like,
    set_debit_aside,
)
from services.billing.cashier.disputing import (
    ACCEPT_ERRAND,
    TIE_ERRAND,
    accept_dispute,
    conclude_dispute,
    hear_dispute,
    tie_dispute,
)
from services.billing.cashier.hearing import hear, hear_notice
from services.billing.cashier.invoicing import expire, invoice_services, let_go, reinstate
from services.billing.cashier.proposing import confirm, decide, reject
from services.billing.cashier.queues import (
    DISPUTES,
    HELD_WITHIN,
    TO_CONFIRM,
    TO_MATCH,
    TO_REFUND,
    UNPAID,
    ask_about_held,
    ask_to_pay_back,
)
from services.billing.cashier.receiving import candidates_for, enter_receipt, take
from services.billing.cashier.refunding import (
    REFUND_GRACE,
    back_by_stage,
    decide_refund,
    hear_refund,
    keep_fee,
    pay_out,
    pay_out_by_bank,
    refund_failed,
    refund_withdrawn,
    withdraw,
)
from services.billing.cashier.statements import import_statements, wire_of
from services.billing.cashier.terms import terms_of
from services.billing.cashier.wires import (
    candidate_of,
    match_receipt,
    named_candidates,
    set_aside,
    split_receipt,
    take_up_again,
    unmatch_receipt,
    write_off_charges,
)

__all__ = [
    "ACCEPT_ERRAND",
    "DISPUTES",
    "EXPIRY",
    "HELD_WITHIN",
    "REFUND_ERRAND",
    "REFUND_GRACE",
    "REFUND_TIMER",
    "SYSTEM",
    "TIE_ERRAND",
    "TO_CONFIRM",
    "TO_MATCH",
    "TO_REFUND",
    "UNPAID",
    "RefundSeen",
    "TakenBack",
    "accept_dispute",
    "ask_about_held",
    "ask_to_pay_back",
    "back_by_stage",
    "candidate_of",
    "candidates_for",
    "conclude_dispute",
    "confirm",
    "debit_took_back",
    "debit_was_charge",
    "debit_was_refund",
    "decide",
    "decide_refund",
    "earn",
    "enter_receipt",
    "expire",
    "hear",
    "hear_dispute",
    "hear_notice",
    "hear_refund",
    "import_statements",
    "invoice_of",
    "invoice_services",
    "keep_fee",
    "let_go",
    "match_receipt",
    "named_candidates",
    "pay_out",
    "pay_out_by_bank",
    "receipts_like",
    "refund_failed",
    "refund_withdrawn",
    "refunds_like",
    "reinstate",
    "reject",
    "set_aside",
    "set_debit_aside",
    "split_receipt",
    "take",
    "take_up_again",
    "terms_of",
    "tie_dispute",
    "unmatch_receipt",
    "watch_due",
    "wire_of",
    "withdraw",
    "write",
    "write_off_charges",
]
