"""Handing out invoices, receipts and credit notes: numbered in the transaction that causes them, just before its commit.

The row that counts a series is locked after everything else, for one statement and the commit: who writes another case
waits that long and no longer, and nobody who holds it waits for anything else (ADR 0024).
"""

from collections.abc import Iterable
from zoneinfo import ZoneInfo

from services.billing import domain, store
from services.billing.domain import Content, DocumentKind, Entry, Invoice, Named, Outcome, Paper, Payment
from services.billing.store import CaseRow, Unnumbered
from shared import programme
from shared.db import Tx


class _Numbering:
    """What a transaction hands out at its end."""

    def __init__(self) -> None:
        self.waiting: list[Unnumbered] = []

    async def __call__(self, tx: Tx) -> None:
        if tx.before_commit[-1] is not self:
            tx.before_commit.append(self)
            return
        waiting, self.waiting = self.waiting, []
        await store.number_documents(tx, waiting)


def hand_out(tx: Tx, case: CaseRow, outcome: Outcome, entries: Iterable[Entry]) -> None:
    """Have the documents of these entries made when ``tx`` commits, and never if it doesn't."""
    for entry in entries:
        for paper in domain.papers(entry):
            _numbering_of(tx).waiting.append(_unnumbered(tx, case, outcome, entry, paper))


def _numbering_of(tx: Tx) -> _Numbering:
    for finish in tx.before_commit:
        if isinstance(finish, _Numbering):
            return finish
    made = _Numbering()
    tx.before_commit.append(made)
    return made


def _unnumbered(tx: Tx, case: CaseRow, outcome: Outcome, entry: Entry, paper: Paper) -> Unnumbered:
    invoice = outcome.invoice
    rules = programme.load(invoice.programme)
    year = tx.now.astimezone(ZoneInfo(rules.calendar.zone)).year
    content = _content(invoice)
    if paper.kind is DocumentKind.RECEIPT:
        content = content.model_copy(update=_of_payment(outcome.payments[0]))
    elif paper.kind is DocumentKind.CREDIT_NOTE:
        why = invoice.cancelled or ("dispute" if entry.kind.startswith("dispute") else "refund")
        content = content.model_copy(update={"why": why})
    return Unnumbered(paper, invoice.programme.id, year, case.case_id, invoice.id, content)


def _content(invoice: Invoice) -> Content:
    rules = programme.load(invoice.programme)
    named = [
        Named(code=code, titles={locale: rules.catalogue[code].title_in(locale) for locale in rules.locales})
        if code in rules.catalogue
        else Named(code=code, titles={})
        for code in invoice.services
    ]
    return Content(
        seller=rules.organisation_hospital, seller_address=rules.contacts.post or "",
        ordinal=invoice.ordinal, revision=invoice.revision, services=tuple(named), price=invoice.price,
        due_at=invoice.due_at,
    )  # fmt: skip


def _of_payment(payment: Payment) -> dict[str, object]:
    return {"method": payment.method, "applied_minor": payment.applied_minor, "held_minor": payment.held_minor}
