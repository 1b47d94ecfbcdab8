"""What the card provider pays out, or takes when we owe it: booked from its report, then found again at the bank (R21).

The money leaves the balance at the provider with the report, and is in transit until a line of the bank brings it; what
is taken goes the other way. Report and statement may come in either order; only a line that names the payout is matched
without anybody looking.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from uuid import UUID

from services.billing import domain, store
from services.billing.cashier.books import SYSTEM
from services.billing.cashier.queues import TO_MATCH, ask_about_debit
from services.billing.cashier.wires import ask_to_match
from services.billing.domain import MoneyRefusedError, Payout
from services.billing.gateway import ReportLine
from services.billing.store import LineRow, WireReceipt, payouts
from shared import log, staff_queue
from shared.db import Tx
from shared.events import Money
from shared.ids import CaseId, new_id

_log = log.get(__name__)
_REFUSED = "That payout has another amount, came back, or is in the bank already"


async def book_payouts(tx: Tx, lines: Sequence[ReportLine]) -> int:
    """Book the payouts that a report names, each once, and those that came back; return how many are new to us."""
    booked = 0
    for line in lines:
        if line.kind == "payout" and line.amount_minor:
            booked += await _book(tx, line)
    for line in lines:
        if line.kind == "payout_failure":
            await _fail(tx, line)
    return booked


async def match_payout(tx: Tx, receipt_id: UUID, payout_id: UUID, by: str) -> None:
    """Take money that came for a payout, or for what one took. Raises ``LookupError`` or ``MoneyRefusedError``."""
    receipt, payout = await store.receipt(tx, receipt_id, lock=True), await payouts.payout(tx, payout_id)
    if receipt is None or payout is None:
        raise LookupError("There is no such wire or payout")
    await _match(tx, receipt, payout, by)


async def match_taken(tx: Tx, line_id: UUID, payout_id: UUID, by: str) -> None:
    """Take money that left for what the provider took. Raises ``LookupError`` or ``MoneyRefusedError``."""
    row, payout = await store.bank_line(tx, line_id, lock=True), await payouts.payout(tx, payout_id)
    if row is None or row.credit or payout is None:
        raise LookupError("No such money left the account, or there is no such payout")
    await _match_debit(tx, row, payout, by)


async def match_sure_payout(tx: Tx, receipt: WireReceipt) -> bool:
    """Match a line of the bank that names a payout; returns whether it does."""
    payout = await _waiting(tx, domain.sure_payout("credit", *_said(receipt), await payouts.payouts_on_their_way(tx)))
    if payout:
        await _match(tx, receipt, payout, SYSTEM)
    return payout is not None


async def match_sure_taken(tx: Tx, row: LineRow) -> bool:
    """Match money that left under the name of a payout that the provider took; returns whether it did."""
    payout = await _waiting(tx, domain.sure_payout("debit", *_told(row), await payouts.payouts_on_their_way(tx)))
    if payout:
        await _match_debit(tx, row, payout, SYSTEM)
    return payout is not None


async def payouts_like(tx: Tx, receipt: WireReceipt) -> list[Payout]:
    """Return the payouts that an unexplained line of the bank may be."""
    if receipt.payment_id or receipt.closed_as:
        return []
    return domain.payouts_like("credit", receipt.amount, receipt.value_on, await payouts.payouts_on_their_way(tx))


async def taken_like(tx: Tx, row: LineRow) -> list[Payout]:
    """Return what the provider took that money which left may be."""
    return domain.payouts_like("debit", row.amount, row.value_on, await payouts.payouts_on_their_way(tx))


async def unmatch_payout(tx: Tx, receipt_id: UUID, by: str, reason: str) -> None:
    """Take back that a line of the bank is a payout, by a correcting entry; it waits again. Raises ``MoneyRefusedError``."""
    receipt = await store.receipt(tx, receipt_id, lock=True)
    payout = await payouts.payout_of_receipt(tx, receipt_id)
    if receipt is None or payout is None:
        raise MoneyRefusedError("This wire was not taken for a payout")
    entries = domain.payout_not_returned(payout) if payout.taken else domain.payout_unmatched(payout)
    await store.post(tx, None, entries, f"{by}: {reason}")
    on_its_way = replace(payout, receipt_id=None, matched_by=None, matched_at=None, turns=payout.turns + 1)
    await payouts.save_payout(tx, on_its_way)
    await payouts.reopen_payout_receipt(tx, receipt)
    await ask_to_match(tx, receipt, CaseId(receipt.id))


async def unmatch_taken(tx: Tx, line_id: UUID, by: str, reason: str) -> None:
    """Take back that money which left was taken by the provider; it waits again. Raises ``MoneyRefusedError``."""
    row = await store.bank_line(tx, line_id, lock=True)
    payout = await payouts.payout_of_line(tx, line_id)
    if row is None or payout is None:
        raise MoneyRefusedError("This money was not taken for a payout")
    if payout.receipt_id:
        raise MoneyRefusedError("The bank gave this money back: say first of that wire that it is no payout")
    await store.post(tx, None, domain.payout_unmatched(payout), f"{by}: {reason}")
    await payouts.save_payout(tx, replace(payout, line_id=None, turns=payout.turns + 1))
    await store.reopen_line(tx, line_id)
    await ask_about_debit(tx, row)


async def _match(tx: Tx, receipt: WireReceipt, payout: Payout, by: str) -> None:
    if receipt.payment_id or receipt.closed_as:
        raise MoneyRefusedError("This wire is matched or closed already")
    if payout.waits_for != "credit" or payout.amount != receipt.amount:
        raise MoneyRefusedError(_REFUSED)
    entries = domain.payout_returned(payout) if payout.taken else domain.payout_arrived(payout)
    await store.post(tx, None, entries, by)
    await payouts.save_payout(tx, replace(payout, receipt_id=receipt.id, matched_by=by, matched_at=tx.now))
    it = "It gives back what payout {} took" if payout.taken else "It is payout {} of the card provider"
    await store.close_receipt(tx, receipt.id, "payout", by, it.format(payout.provider_id))
    await staff_queue.done(tx, TO_MATCH, f"receipt:{receipt.id}")


async def _match_debit(tx: Tx, row: LineRow, payout: Payout, by: str) -> None:
    if row.became:
        raise MoneyRefusedError(f"{row.settled_by} has said already what this was")
    if payout.waits_for != "debit" or payout.amount != row.amount:
        raise MoneyRefusedError(_REFUSED)
    await store.post(tx, None, domain.payout_arrived(payout), by)
    await payouts.save_payout(tx, replace(payout, line_id=row.id))
    await store.settle_line(tx, row.id, "payout", by, f"The card provider took it: payout {payout.provider_id}")
    await staff_queue.done(tx, TO_MATCH, f"line:{row.id}")


async def _waiting(tx: Tx, found: Payout | None) -> Payout | None:
    """Return a payout as it stands once nobody else can change it, if it waits still for the same."""
    payout = await payouts.payout(tx, found.id) if found else None
    return payout if found and payout and payout.waits_for == found.waits_for else None


def _said(receipt: WireReceipt) -> tuple[Money, date, str]:
    return receipt.amount, receipt.value_on, f"{receipt.remittance} {receipt.sender}"


def _told(row: LineRow) -> tuple[Money, date, str]:
    return row.amount, row.value_on, f"{row.text} {row.party}"


async def _book(tx: Tx, line: ReportLine) -> int:
    taken = line.amount_minor > 0
    amount = Money(amount_minor=abs(line.amount_minor), currency=line.currency)
    payout = Payout(new_id(), line.object_id, amount, line.at, line.bank_text or "", taken=taken)
    if not await payouts.add_payout(tx, payout):
        return 0
    await store.post(tx, None, domain.pay_out_to_bank(payout), SYSTEM)
    await (_find_debit if taken else _find_credit)(tx, payout)
    return 1


async def _find_credit(tx: Tx, payout: Payout) -> None:
    """Match a payout to the line of the bank that came before the report did."""
    for receipt in await store.unmatched_receipts(tx):
        if domain.sure_payout("credit", *_said(receipt), [payout]):
            locked = await store.receipt(tx, receipt.id, lock=True)
            if locked and not locked.payment_id and not locked.closed_as:
                await _match(tx, locked, payout, SYSTEM)
                break


async def _find_debit(tx: Tx, payout: Payout) -> None:
    """Match what was taken to the line of the bank that came before the report did."""
    for row in await store.unexplained_debits(tx):
        if domain.sure_payout("debit", *_told(row), [payout]):
            locked = await store.bank_line(tx, row.id, lock=True)
            if locked and not locked.became:
                await _match_debit(tx, locked, payout, SYSTEM)
                break


async def _fail(tx: Tx, line: ReportLine) -> None:
    payout = await payouts.payout_of_provider(tx, line.object_id)
    if payout is None:
        _log.error("payout_failed_unknown", provider_payout=line.object_id)
    elif payout.failed_at is None:
        await store.post(tx, None, domain.payout_failed(payout), SYSTEM)
        await payouts.save_payout(tx, replace(payout, failed_at=line.at))
