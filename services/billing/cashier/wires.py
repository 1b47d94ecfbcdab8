"""Wires and the invoices they are for: matched, split, taken back, set aside; banks' charges that we bear (R21).

Taking a match back changes no entry and untells no fact: PaymentReceived stays told, and is not told again when the
price comes in anew. What follows for a case in whose hope work began, a person decides: finance finds it on its queue.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.billing import domain, store
from services.billing.cashier.books import invoice_of, watch_due, write
from services.billing.cashier.queues import TO_MATCH
from services.billing.cashier.receiving import take
from services.billing.domain import Invoice, MoneyRefusedError, Payment, written
from services.billing.store import MatchRow, SoughtRow, WireReceipt
from services.billing.suggestions import Candidate
from shared import log, staff_queue
from shared.db import Tx
from shared.events import Money
from shared.ids import CaseId

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Part:
    """So much of a wire is for this invoice. ``counted`` is what it counts as when money was changed on the way."""

    invoice_id: UUID
    amount: Money
    counted: Money | None = None


def candidate_of(row: SoughtRow) -> Candidate:
    reference = domain.creditor_reference(row.case_number, row.ordinal) if row.case_number else ""
    due = Money(amount_minor=row.due_minor, currency=row.currency)
    return Candidate(
        row.invoice_id, row.case_id, row.case_number, row.ordinal, reference, due, live=row.live, payers=row.payers
    )


async def named_candidates(tx: Tx, text: str) -> list[Candidate]:
    """Return the invoices that sound references in a text name, paid and cancelled ones too."""
    named = [await store.invoice_for_reference(tx, *found) for found in domain.find_references(text)]
    if not any(named):
        return []
    return [candidate_of(row) for row in await store.sought_by_ids(tx, [one.id for one in named if one])]


async def ask_to_match(tx: Tx, receipt: WireReceipt, case_id: CaseId, like: WireReceipt | None = None) -> None:
    """Put a wire on finance's queue; ``like`` is another that may be the same money."""
    doubt = f": perhaps the same as wire {like.bank_reference}" if like else ""
    await staff_queue.put(
        tx, TO_MATCH, case_id, f"receipt:{receipt.id}", f"Wire of {written(receipt.amount)} to match{doubt}",
        due=tx.now + timedelta(days=1), data={"href": f"/desk/billing/receipts/{receipt.id}"},
    )  # fmt: skip


async def match_receipt(tx: Tx, receipt_id: UUID, invoice_id: UUID, by: str, why: str = "") -> Payment:
    """Count a wire in for an invoice. Raises ``LookupError`` or, when it was matched before, ``MoneyRefusedError``.

    Money that was instructed in the invoice's currency, and changed by a bank, counts as what was instructed.
    """
    receipt = await locked_receipt(tx, receipt_id)
    invoice = await store.invoice(tx, invoice_id)
    if invoice is None:
        raise LookupError("There is no such wire or invoice")
    counted = await _counted(tx, receipt, invoice)
    [payment] = await match(tx, receipt, [Part(invoice_id, receipt.amount, counted)], by, why or "Chosen by hand")
    return payment


async def split_receipt(
    tx: Tx, receipt_id: UUID, parts: Sequence[tuple[UUID, Money]], by: str, why: str
) -> list[Payment]:
    """Count one wire in for several invoices; the parts make up the whole wire. Raises as ``match_receipt``."""
    receipt = await locked_receipt(tx, receipt_id)
    if len({invoice_id for invoice_id, _ in parts}) != len(parts) or not parts:
        raise MoneyRefusedError("Name each invoice once")
    if any(part.currency != receipt.amount.currency for _, part in parts):
        raise MoneyRefusedError(f"Split the wire in its own currency, {receipt.amount.currency}")
    total = sum(part.amount_minor for _, part in parts)
    if total != receipt.amount.amount_minor:
        told = written(Money(amount_minor=total, currency=receipt.amount.currency))
        raise MoneyRefusedError(f"The parts make {told}, the wire is {written(receipt.amount)}")
    return await match(tx, receipt, [Part(invoice_id, amount) for invoice_id, amount in parts], by, why)


async def match(tx: Tx, receipt: WireReceipt, parts: Sequence[Part], by: str, why: str) -> list[Payment]:
    """Count a locked wire in, part by part. Raises ``MoneyRefusedError`` when it was matched or closed before."""
    if receipt.payment_id:
        raise MoneyRefusedError(f"{receipt.matched_by} matched this wire already: look at its case")
    if receipt.closed_as:
        raise MoneyRefusedError(f"{receipt.closed_by} closed this wire: {receipt.closed_reason}")
    invoices = [await store.invoice(tx, part.invoice_id) for part in parts]
    if any(one is None for one in invoices):
        raise LookupError("There is no such wire or invoice")
    cases = {
        case_id: await store.lock_case(tx, case_id) for case_id in sorted({one.case_id for one in invoices if one})
    }
    nth = len(await store.matches_of_receipt(tx, receipt.id))
    payments = []
    for part, invoice in zip(parts, invoices, strict=True):
        assert invoice is not None
        nth += 1
        name = f"wire:{receipt.bank_reference}" + (f"#{nth}" if nth > 1 else "")
        payment = await take(tx, cases[invoice.case_id], invoice.id, "wire", name, part.counted or part.amount, by)
        if part.counted:
            await store.post(tx, invoice.case_id, domain.exchanged(payment.id, part.amount, part.counted), by)
        await store.add_match(tx, MatchRow(payment.id, receipt.id, invoice.id, part.amount, why, by, tx.now))
        payments.append(payment)
    await store.mark_matched(tx, receipt.id, payments[0].id, by)
    await staff_queue.done(tx, TO_MATCH, f"receipt:{receipt.id}")
    return payments


async def unmatch_receipt(tx: Tx, receipt_id: UUID, by: str, reason: str) -> None:
    """Take a wrong match back, all of a wire's parts, by correcting entries; the wire waits to be matched again.

    Raises ``MoneyRefusedError`` once something of it was earned or went back.
    """
    receipt = await locked_receipt(tx, receipt_id)
    matches = [one for one in await store.matches_of_receipt(tx, receipt_id) if one.undone_at is None]
    if not matches:
        raise MoneyRefusedError("This wire is not matched")
    invoices = {one.payment_id: await store.invoice(tx, one.invoice_id) for one in matches}
    for case_id in sorted({one.case_id for one in invoices.values() if one}):
        await store.lock_case(tx, case_id)
    for one in matches:
        await unmatch(tx, one, by, reason)
    await ask_to_match(tx, receipt, CaseId(receipt.id))


async def unmatch(tx: Tx, one: MatchRow, by: str, reason: str) -> None:
    """Take one match back. Raises ``MoneyRefusedError`` once something of it was earned or went back."""
    payment = await store.payment(tx, one.payment_id)
    if payment is None or await store.has_refunds(tx, one.payment_id):
        raise MoneyRefusedError(
            "Money of this wire went back, or is proposed to: this match can't be taken back any more"
        )
    case = await store.lock_case(tx, payment.case_id)
    invoice = await invoice_of(tx, case, payment.invoice_id)
    outcome = domain.unmatch(invoice, payment)
    if payment.amount.currency != one.amount.currency:
        entries = domain.unexchanged(payment.id, one.amount, payment.amount)
        await store.post(tx, case.case_id, entries, by)
    await store.undo_match(tx, payment.id, by, reason)
    await staff_queue.done(tx, TO_MATCH, f"held:{payment.id}")
    await write(tx, case, outcome, by)
    await watch_due(tx, case.case_id)
    if invoice.received_at and not outcome.invoice.settled:
        due = written(_due(outcome.invoice))
        told = f"PaymentReceived was told, but {due} is missing again: tell the care advisor"
        await say_open_again(tx, outcome.invoice, told)
    _log.info("wire_unmatched", case_id=str(case.case_id))


async def say_open_again(tx: Tx, invoice: Invoice, title: str) -> None:
    """The price of a case in whose hope work began is missing again: a person sees to it, until it is in (``take``)."""
    await staff_queue.put(
        tx, TO_MATCH, invoice.case_id, f"open-again:{invoice.id}", title,
        due=tx.now + timedelta(days=1), data={"href": f"/desk/billing/cases/{invoice.case_id}"},
    )  # fmt: skip


async def write_off_charges(tx: Tx, invoice_id: UUID, limit: Money | None, by: str, reason: str) -> Invoice:
    """Bear what banks kept of an invoice's wires, up to ``limit``. Raises ``MoneyRefusedError``."""
    seen = await store.invoice(tx, invoice_id)
    if seen is None:
        raise LookupError("There is no such invoice")
    case = await store.lock_case(tx, seen.case_id)
    invoice = await invoice_of(tx, case, invoice_id)
    if not any(one.method == "wire" for one in await store.payments_of_invoice(tx, invoice_id)):
        raise MoneyRefusedError("Banks keep charges of transfers only: no wire is counted in for this invoice")
    outcome = domain.write_off(invoice, limit)
    settled = await write(tx, case, outcome, f"{by}: {reason}")
    await watch_due(tx, case.case_id)
    return settled


async def set_aside(tx: Tx, receipt_id: UUID, by: str, reason: str) -> None:
    """Note that a wire is for no invoice, and why; it stays in the books as unmatched. Raises ``MoneyRefusedError``."""
    receipt = await locked_receipt(tx, receipt_id)
    if receipt.payment_id or receipt.closed_as:
        raise MoneyRefusedError("This wire is matched or closed already")
    await store.close_receipt(tx, receipt.id, "set_aside", by, reason)
    await staff_queue.done(tx, TO_MATCH, f"receipt:{receipt.id}")


async def same_as(tx: Tx, receipt_id: UUID, other_id: UUID, by: str) -> None:
    """This wire is in the books already as the other one: a correcting entry takes it out. Raises ``MoneyRefusedError``."""
    locked = {one: await locked_receipt(tx, one) for one in sorted({receipt_id, other_id})}
    receipt, other = locked[receipt_id], locked[other_id]
    if receipt.payment_id or receipt.closed_as:
        raise MoneyRefusedError("This wire is matched or closed already")
    if other.id not in {one.id for one in (await store.perhaps_same(tx, [receipt.id])).get(receipt.id, [])}:
        raise MoneyRefusedError("That wire can't be the same money: amount, day or account differ, or it is closed")
    await store.post(tx, None, domain.received_once(receipt.id, receipt.amount), by)
    await store.close_as_same(tx, receipt.id, other.id, by, f"It is the same money as wire {other.bank_reference}")
    await staff_queue.done(tx, TO_MATCH, f"receipt:{receipt.id}")


async def take_up_again(tx: Tx, receipt_id: UUID) -> None:
    """Put a wire that was set aside back among those to match. Raises ``MoneyRefusedError``."""
    receipt = await locked_receipt(tx, receipt_id)
    if receipt.closed_as != "set_aside":
        raise MoneyRefusedError("This wire was not set aside")
    await store.reopen_receipt(tx, receipt.id)
    await ask_to_match(tx, receipt, CaseId(receipt.id))


async def locked_receipt(tx: Tx, receipt_id: UUID) -> WireReceipt:
    receipt = await store.receipt(tx, receipt_id, lock=True)
    if receipt is None:
        raise LookupError("There is no such wire or invoice")
    return receipt


async def _counted(tx: Tx, receipt: WireReceipt, invoice: Invoice) -> Money | None:
    """Return what was instructed, if it was in the invoice's currency and came in another."""
    line = (await store.lines_of_receipts(tx, [receipt.id])).get(receipt.id)
    told = line.instructed if line else None
    changed = told and told.currency == invoice.price.currency != receipt.amount.currency
    return told if changed else None


def _due(invoice: Invoice) -> Money:
    return Money(amount_minor=invoice.due_minor, currency=invoice.price.currency)
