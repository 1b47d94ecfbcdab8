"""Invoices: billed once a quote's revision, taken back when their time ends, opened again (R17, R20)."""

from dataclasses import replace
from datetime import timedelta
from typing import Literal
from uuid import UUID

from services.billing import domain, store
from services.billing.cashier.books import SYSTEM, invoice_of, watch_due, write
from services.billing.cashier.documents import hand_out
from services.billing.cashier.queues import UNPAID, ask_about_held, ask_about_unpaid, why_held
from services.billing.domain import Invoice, MoneyRefusedError
from services.billing.store import CaseRow, Correction
from shared import log, programme, staff_queue
from shared.db import Tx
from shared.events import ServicesConfirmed
from shared.ids import new_id

_log = log.get(__name__)


async def invoice_services(tx: Tx, case: CaseRow, confirmed: ServicesConfirmed, time_to_pay: timedelta) -> None:
    """Bill one quote revision, once; a supplement gets an invoice of its own, for what it added alone (R17)."""
    earlier = await store.invoices_of_case(tx, case.case_id)
    if any((one.quote_id, one.revision) == (confirmed.quote_id, confirmed.revision) for one in earlier):
        return
    invoice = Invoice(
        id=new_id(), case_id=case.case_id, quote_id=confirmed.quote_id, revision=confirmed.revision,
        ordinal=len(earlier) + 1, programme=confirmed.programme, services=confirmed.added or confirmed.services,
        price=confirmed.price, issued_at=tx.now,
        due_at=confirmed.confirmed_at + time_to_pay,
    )  # fmt: skip
    await store.add_invoice(tx, invoice)
    _log.info("invoice_issued", case_id=str(case.case_id), revision=invoice.revision)
    if case.withdrawn_at:
        issued = domain.issue(invoice)
        await store.post(tx, case.case_id, issued.entries, SYSTEM)
        hand_out(tx, case, issued, issued.entries)
        await write(tx, case, domain.cancel(invoice, (), "withdrawn"), SYSTEM)
        return
    await write(tx, case, domain.issue(invoice), SYSTEM)
    await watch_due(tx, case.case_id)


async def expire(tx: Tx, case: CaseRow) -> None:
    """Take back what was not paid in time; what came of it is held for staff.

    An invoice of which PaymentReceived was told stays: somebody works in its hope, and a person decides (``open-again``).
    """
    for invoice in await store.invoices_of_case(tx, case.case_id):
        if invoice.due_minor and invoice.received_at is None and invoice.due_at <= tx.now:
            payments = await store.payments_of_invoice(tx, invoice.id)
            outcome = domain.cancel(invoice, payments, "expired")
            await write(tx, case, outcome, SYSTEM)
            for payment in outcome.payments:
                await ask_about_held(tx, payment, await why_held(tx, outcome.invoice, payment))
            if invoice.ordinal > 1 and outcome.invoice.cancelled:
                await ask_about_unpaid(tx, outcome.invoice)
    await watch_due(tx, case.case_id)


async def reinstate(tx: Tx, case: CaseRow, invoice_id: UUID, by: str, reason: str) -> Invoice:
    """Open an expired invoice again, for as long as at first, and apply what is held. Raises ``MoneyRefusedError``."""
    invoice = await invoice_of(tx, case, invoice_id)
    if case.withdrawn_at:
        raise MoneyRefusedError("The case was withdrawn: send the money back instead")
    payments = await store.payments_of_invoice(tx, invoice.id)
    time_to_pay = programme.load(invoice.programme).clocks.quote_valid
    outcome = domain.reinstate(replace(invoice, due_at=tx.now + time_to_pay), payments)
    written_invoice = await write(tx, case, outcome, by)
    await _correct(tx, invoice, "opened_again", reason, by)
    for payment in outcome.payments:
        await ask_about_held(tx, payment, await why_held(tx, written_invoice, payment))
    await watch_due(tx, case.case_id)
    return written_invoice


async def let_go(tx: Tx, case: CaseRow, invoice_id: UUID, by: str, reason: str) -> None:
    """Note that a supplement whose time to pay is over stays unpaid, and why; it can still be opened again (R17).

    Raises ``MoneyRefusedError`` for an invoice that didn't expire.
    """
    invoice = await invoice_of(tx, case, invoice_id)
    if invoice.cancelled != "expired":
        raise MoneyRefusedError("Only an invoice whose time to pay has passed can be let go")
    await _correct(tx, invoice, "let_go", reason, by)


async def _correct(tx: Tx, invoice: Invoice, kind: Literal["opened_again", "let_go"], reason: str, by: str) -> None:
    """Write down who changed an invoice by hand, and why; nobody has to look after it any more."""
    await store.add_correction(tx, Correction(new_id(), invoice.case_id, invoice.id, kind, reason, by, tx.now))
    await staff_queue.done(tx, UNPAID, f"unpaid:{invoice.id}")
