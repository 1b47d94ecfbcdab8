"""Money that left the account: a refund, a wire that the bank took back, a payout that took, the bank's charge (R21).

The ledger's bank account moves when the statement is read; what is said here moves the amount from where it waits.
"""

from dataclasses import dataclass
from uuid import UUID

from services.billing import domain, store
from services.billing.cashier.books import SYSTEM
from services.billing.cashier.payouts import match_sure_taken, unmatch_payout
from services.billing.cashier.queues import TO_MATCH
from services.billing.cashier.recalling import recall
from services.billing.cashier.refunding import pay_out_by_bank
from services.billing.cashier.wires import locked_receipt
from services.billing.domain import Account, MoneyRefusedError
from services.billing.store import LineRow, SentBack, WireReceipt
from services.billing.suggestions import names_alike
from shared import staff_queue
from shared.db import Tx


@dataclass(frozen=True, slots=True)
class RefundSeen:
    """A refund that a debit may be, and why."""

    sent: SentBack
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A wire that a debit may have taken back, and why."""

    receipt: WireReceipt
    reasons: tuple[str, ...]


async def look_at_debit(tx: Tx, row: LineRow) -> bool:
    """Recognise a refund that finance marked as paid under this very reference of the bank, and what the card provider took
    under the name of a payout. Returns whether it is one.
    """
    refund_id = await store.refund_paid_as(tx, row.bank_reference, row.amount) if row.bank_reference else None
    if refund_id is None:
        return await match_sure_taken(tx, row)
    await store.post(tx, None, domain.explained(row.id, row.amount, Account.BANK), SYSTEM)
    await store.settle_line(tx, row.id, "refund", SYSTEM, "Finance had marked it as paid", refund_id=refund_id)
    return True


async def refunds_like(tx: Tx, row: LineRow) -> list[RefundSeen]:
    """Return refunds of just this amount that are to be paid by bank, the likeliest first."""
    found = []
    for sent in await store.sent_back_of_amount(tx, row.amount):
        reasons = ["Exactly this amount is to go back"]
        if names_alike(row.party, sent.payer):
            reasons.append("The name is that of who paid")
        if sent.case_number and sent.case_number[:9].replace("-", "") in row.text.upper().replace("-", "").replace(
            " ", ""
        ):
            reasons.append(f"The case number {sent.case_number} stands in the text")
        found.append(RefundSeen(sent, tuple(reasons)))
    return sorted(found, key=lambda one: -len(one.reasons))


async def receipts_like(tx: Tx, row: LineRow) -> list[TakenBack]:
    """Return wires that the bank may have taken back by this debit, the likeliest first."""
    found = []
    ids = await store.received_before(tx, row.amount, row.booked_on)
    lines = await store.lines_of_receipts(tx, ids)
    for receipt_id in ids:
        receipt = await store.receipt(tx, receipt_id)
        assert receipt is not None
        told = lines.get(receipt_id)
        reasons = ["Exactly this amount came in before"]
        if row.returned:
            reasons.append("The bank calls it a return or a reversal")
        if names_alike(row.party, receipt.sender) or (
            told and row.party_account and told.party_account == row.party_account
        ):
            reasons.append("It came from the same name or account")
        if told and row.bank_reference and row.bank_reference == told.bank_reference:
            reasons.append("The bank's reference is the same")
        found.append(TakenBack(receipt, tuple(reasons)))
    return (
        sorted(found, key=lambda one: -len(one.reasons))
        if row.returned
        else [one for one in found if len(one.reasons) > 1]
    )


async def debit_was_refund(tx: Tx, line_id: UUID, refund_id: UUID, by: str) -> None:
    """This money was a refund: it is paid out. Raises ``MoneyRefusedError``."""
    row = await _locked_debit(tx, line_id)
    refund = await store.refund(tx, refund_id)
    if refund is None:
        raise LookupError("There is no such refund")
    if refund.amount != row.amount:
        raise MoneyRefusedError("The refund has another amount than the money that left")
    await pay_out_by_bank(tx, refund_id, row.bank_reference or f"statement {row.booked_on.isoformat()}", by)
    await store.post(tx, refund.case_id, domain.explained(row.id, row.amount, Account.BANK), by)
    await store.settle_line(tx, row.id, "refund", by, None, refund_id=refund_id)
    await _done(tx, row)


async def debit_took_back(tx: Tx, line_id: UUID, receipt_id: UUID, by: str, reason: str) -> None:
    """The bank took a wire back: its match ends, and both amounts level out. Raises ``MoneyRefusedError``."""
    row = await _locked_debit(tx, line_id)
    receipt = await locked_receipt(tx, receipt_id)
    if receipt.amount != row.amount or receipt.closed_as in ("taken_back", "same"):
        raise MoneyRefusedError("That wire has another amount, or was taken back or closed already")
    if receipt.payment_id:
        await recall(tx, receipt, by, reason)
    elif receipt.closed_as == "payout":
        await unmatch_payout(tx, receipt_id, by, f"The bank took it back: {reason}")
    await store.close_receipt(tx, receipt.id, "taken_back", by, reason)
    await staff_queue.done(tx, TO_MATCH, f"receipt:{receipt.id}")
    await store.settle_line(tx, row.id, "taken_back", by, reason, receipt_id=receipt_id)
    await _done(tx, row)


async def debit_was_charge(tx: Tx, line_id: UUID, by: str, reason: str) -> None:
    """The bank charged us for its work. Raises ``MoneyRefusedError``."""
    row = await _locked_debit(tx, line_id)
    await store.post(tx, None, domain.explained(row.id, row.amount, Account.BANK_CHARGES), by)
    await store.settle_line(tx, row.id, "charge", by, reason)
    await _done(tx, row)


async def set_debit_aside(tx: Tx, line_id: UUID, by: str, reason: str) -> None:
    """It is for other books than ours; it stays as unmatched in the ledger. Raises ``MoneyRefusedError``."""
    row = await _locked_debit(tx, line_id)
    await store.settle_line(tx, row.id, "set_aside", by, reason)
    await _done(tx, row)


async def _locked_debit(tx: Tx, line_id: UUID) -> LineRow:
    row = await store.bank_line(tx, line_id, lock=True)
    if row is None or row.credit:
        raise LookupError("No such money left the account")
    if row.became:
        raise MoneyRefusedError(f"{row.settled_by} has said already what this was")
    return row


async def _done(tx: Tx, row: LineRow) -> None:
    await staff_queue.done(tx, TO_MATCH, f"line:{row.id}")
