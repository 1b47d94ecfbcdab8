"""What the card provider pays out: booked from its report, then found again among the lines of the bank (R21).

The money leaves the balance at the provider with the report, and is in transit until a line of the bank brings it. Report
and statement may come in either order; only a line that names the payout is matched without anybody looking.
"""

from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from services.billing import domain, store
from services.billing.cashier.books import SYSTEM
from services.billing.cashier.queues import TO_MATCH
from services.billing.cashier.wires import ask_to_match
from services.billing.domain import MoneyRefusedError, Payout
from services.billing.gateway import ReportLine
from services.billing.store import WireReceipt, payouts
from shared import log, staff_queue
from shared.db import Tx
from shared.events import Money
from shared.ids import CaseId, new_id

_log = log.get(__name__)


async def book_payouts(tx: Tx, lines: Sequence[ReportLine]) -> int:
    """Book the payouts that a report names, each once, and those that came back; return how many are new to us."""
    booked = 0
    for line in lines:
        if line.kind == "payout":
            booked += await _book(tx, line)
    for line in lines:
        if line.kind == "payout_failure":
            await _fail(tx, line)
    return booked


async def match_payout(tx: Tx, receipt_id: UUID, payout_id: UUID, by: str) -> None:
    """Take an unexplained line of the bank for a payout. Raises ``LookupError`` or ``MoneyRefusedError``."""
    receipt, payout = await store.receipt(tx, receipt_id, lock=True), await payouts.payout(tx, payout_id)
    if receipt is None or payout is None:
        raise LookupError("There is no such wire or payout")
    await _match(tx, receipt, payout, by)


async def _match(tx: Tx, receipt: WireReceipt, payout: Payout, by: str) -> None:
    if receipt.payment_id or receipt.closed_as:
        raise MoneyRefusedError("This wire is matched or closed already")
    if not payout.on_its_way or payout.amount != receipt.amount:
        raise MoneyRefusedError("That payout has another amount, came back, or is in the bank already")
    await store.post(tx, None, domain.payout_arrived(payout), by)
    arrived = replace(payout, receipt_id=receipt.id, matched_by=by, matched_at=tx.now)
    await payouts.save_payout(tx, arrived)
    await store.close_receipt(tx, receipt.id, "payout", by, f"It is payout {payout.provider_id} of the card provider")
    await staff_queue.done(tx, TO_MATCH, f"receipt:{receipt.id}")


async def match_sure_payout(tx: Tx, receipt: WireReceipt) -> bool:
    """Match a line of the bank that names a payout; returns whether it does."""
    waiting = await payouts.payouts_on_their_way(tx)
    found = domain.sure_payout(receipt.amount, receipt.value_on, f"{receipt.remittance} {receipt.sender}", waiting)
    payout = await payouts.payout(tx, found.id) if found else None
    if payout is None or not payout.on_its_way:
        return False
    await _match(tx, receipt, payout, SYSTEM)
    return True


async def payouts_like(tx: Tx, receipt: WireReceipt) -> list[Payout]:
    """Return the payouts that an unexplained line of the bank may be."""
    if receipt.payment_id or receipt.closed_as:
        return []
    return domain.payouts_like(receipt.amount, receipt.value_on, await payouts.payouts_on_their_way(tx))


async def unmatch_payout(tx: Tx, receipt_id: UUID, by: str, reason: str) -> None:
    """Take back that a line of the bank is a payout, by a correcting entry; it waits again. Raises ``MoneyRefusedError``."""
    receipt = await store.receipt(tx, receipt_id, lock=True)
    payout = await payouts.payout_of_receipt(tx, receipt_id)
    if receipt is None or payout is None:
        raise MoneyRefusedError("This wire was not taken for a payout")
    await store.post(tx, None, domain.payout_unmatched(payout), f"{by}: {reason}")
    on_its_way = replace(payout, receipt_id=None, matched_by=None, matched_at=None, turns=payout.turns + 1)
    await payouts.save_payout(tx, on_its_way)
    await payouts.reopen_payout_receipt(tx, receipt)
    await ask_to_match(tx, receipt, CaseId(receipt.id))


async def _book(tx: Tx, line: ReportLine) -> int:
    if line.amount_minor >= 0:
        _log.error("payout_from_the_bank", provider_payout=line.object_id)
        return 0
    amount = Money(amount_minor=-line.amount_minor, currency=line.currency)
    payout = Payout(new_id(), line.object_id, amount, line.at, line.bank_text or "")
    if not await payouts.add_payout(tx, payout):
        return 0
    await store.post(tx, None, domain.pay_out_to_bank(payout), SYSTEM)
    for receipt in await store.unmatched_receipts(tx):
        if domain.sure_payout(receipt.amount, receipt.value_on, f"{receipt.remittance} {receipt.sender}", [payout]):
            locked = await store.receipt(tx, receipt.id, lock=True)
            if locked and not locked.payment_id and not locked.closed_as:
                await _match(tx, locked, payout, SYSTEM)
                break
    return 1


async def _fail(tx: Tx, line: ReportLine) -> None:
    payout = await payouts.payout_of_provider(tx, line.object_id)
    if payout is None:
        _log.error("payout_failed_unknown", provider_payout=line.object_id)
    elif payout.failed_at is None:
        await store.post(tx, None, domain.payout_failed(payout), SYSTEM)
        await payouts.save_payout(tx, replace(payout, failed_at=line.at))
