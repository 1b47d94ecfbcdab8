"""Every SQL statement of billing. Amounts are minor units; whoever changes a case's money holds ``lock_case`` first."""

from services.billing.store.cards import (
    Checkout,
    add_checkout,
    attempt_on_invoice,
    attempt_status,
    checkout_of_provider,
    close_checkout,
    count_checkouts,
    latest_attempt,
    latest_checkout,
    note_delivery,
    save_attempt,
)
from services.billing.store.cases import CaseRow, case, lock_case, save_case
from services.billing.store.invoices import (
    add_invoice,
    invoice,
    invoice_for_reference,
    invoices_of_case,
    invoices_of_case_number,
    save_invoice,
    states_of_case,
    unpaid_of_amount,
)
from services.billing.store.ledger import Balance, LedgerLine, ledger_of_case, post, trial_balance
from services.billing.store.payments import (
    payment,
    payment_of_provider,
    payments_of_case,
    payments_of_invoice,
    save_payment,
)
from services.billing.store.refunds import add_refund, refund, refunds_of_case, settle_refund
from services.billing.store.rows import with_amount
from services.billing.store.wires import WireReceipt, add_receipt, mark_matched, receipt, unmatched_receipts

__all__ = [
    "Balance",
    "CaseRow",
    "Checkout",
    "LedgerLine",
    "WireReceipt",
    "add_checkout",
    "add_invoice",
    "add_receipt",
    "add_refund",
    "attempt_on_invoice",
    "attempt_status",
    "case",
    "checkout_of_provider",
    "close_checkout",
    "count_checkouts",
    "invoice",
    "invoice_for_reference",
    "invoices_of_case",
    "invoices_of_case_number",
    "latest_attempt",
    "latest_checkout",
    "ledger_of_case",
    "lock_case",
    "mark_matched",
    "note_delivery",
    "payment",
    "payment_of_provider",
    "payments_of_case",
    "payments_of_invoice",
    "post",
    "receipt",
    "refund",
    "refunds_of_case",
    "save_attempt",
    "save_case",
    "save_invoice",
    "save_payment",
    "settle_refund",
    "states_of_case",
    "trial_balance",
    "unmatched_receipts",
    "unpaid_of_amount",
    "with_amount",
]
