"""Documents and statements as their reader sees them: the same words on the page and in the PDF.

Everything in a sheet is text that is ready to be shown; who shows it adds no words of their own.
"""

import asyncio
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from services.billing.domain import Document, DocumentKind
from shared import programme
from shared.events import ProgrammeRef
from shared.typesetting import Unprintable, spelled_out, typeset
from shared.web.i18n import N_
from shared.web.speech import Speech

TEMPLATE = Path(__file__).parent / "templates" / "paper.typ"
WORDS = Path(__file__).parent / "locale"
TITLES = {
    DocumentKind.INVOICE: N_("Invoice"),
    DocumentKind.RECEIPT: N_("Receipt"),
    DocumentKind.CREDIT_NOTE: N_("Credit note"),
}
METHODS = {"card": N_("Card"), "wire": N_("Bank transfer")}
REASONS = {
    "withdrawn": N_("The case was withdrawn, so the fee is taken back."),
    "expired": N_("The time to pay ended before the whole price was in, so the invoice is taken back."),
    "refund": N_("Part or all of the fee goes back to who paid it."),
    "dispute": N_("The payer’s bank took the payment back."),
}


@dataclass(frozen=True)
class Table:
    """Rows under a head; the columns from ``figures`` on hold amounts. The last row is a sum where ``sums`` says so."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    figures: int
    sums: bool


@dataclass(frozen=True)
class Sheet:
    """All that a document or a statement says."""

    lang: str
    rtl: bool
    title: str
    number: str
    seller: str
    address: str
    page: str
    facts: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    tables: tuple[Table, ...]
    small_print: tuple[str, ...]


@dataclass(frozen=True)
class Parties:
    """Whom a document is for, as intake says now, and who is named as the payer; nobody where nobody is known."""

    patient: str | None = None
    payer: str | None = None


def document_sheet(
    _: Speech, document: Document, rules: ProgrammeRef, parties: Parties, invoice: Document | None
) -> Sheet:
    """Return a document in the reader's language; ``invoice`` is the one that a receipt or credit note is about."""
    content = document.content
    about = _about(_, document, invoice)
    facts = [
        (_("Number"), document.label),
        (_("Date"), _.day(document.issued_at)),
        *for_whom(_, document.case_number, parties),
        *about,
    ]
    why = (_(REASONS[content.why]),) if content.why else ()
    if document.taken_back_at:
        day = _.day(document.taken_back_at)
        why = (
            _("Taken back on %(day)s: the payer’s bank took this payment back.", day=day)
            if document.recalled
            else _("Taken back on %(day)s: this payment was not for this invoice.", day=day),
        )
    return Sheet(
        lang=_.lang, rtl=_.rtl, title=_(TITLES[document.kind]), number=document.label, seller=content.seller,
        address=content.seller_address, page=_("Page"), facts=tuple(facts), notes=why, tables=(_table(_, document),),
        small_print=small_print(_, rules),
    )  # fmt: skip


def for_whom(_: Speech, case_number: str | None, parties: Parties) -> list[tuple[str, str]]:
    """Return the rows that say whose it is. Whoever intake doesn't know (any more) is the patient of the case."""
    number = _.own(case_number) if case_number else "–"
    rows = [(_("Case number"), number)]
    rows.append((_("Patient"), parties.patient or _("The patient of case %(number)s", number=number)))
    if parties.payer:
        rows.append((_("Paid by"), parties.payer))
    return rows


def small_print(_: Speech, ref: ProgrammeRef) -> tuple[str, ...]:
    rules = programme.load(ref)
    keys = (*(("sample_prices",) if rules.sample_prices else ()), "not_affiliated")
    return tuple(rules.text(key, _.code) for key in keys if key in rules.texts)


def _about(_: Speech, document: Document, invoice: Document | None) -> list[tuple[str, str]]:
    content = document.content
    if document.kind is DocumentKind.INVOICE:
        rows = [(_("Pay by"), _.day(content.due_at))]
        return [*rows, (_("Reference for a bank transfer"), document.reference)] if document.reference else rows
    rows = [(_("For invoice"), invoice.label)] if invoice else []
    return [(_("Paid with"), _(METHODS[content.method])), *rows] if content.method else rows


def _table(_: Speech, document: Document) -> Table:
    content, currency = document.content, document.amount.currency
    titles, caption = [service.title(_.code) for service in content.services], ""
    if document.kind is DocumentKind.RECEIPT:
        caption = "; ".join(titles)
        rows = [(_("Counted towards the price"), _.amount(content.applied_minor, currency))]
        if content.held_minor:
            rows.append((_("Held for you: your payment page says why"), _.amount(content.held_minor, currency)))
        last = (_("Received"), _.money(document.amount))
    else:
        rows = [(title, "") for title in titles]
        back = document.kind is DocumentKind.CREDIT_NOTE
        last = (_("Taken back") if back else _("Total to pay"), _.money(document.amount))
    head = (_("What"), _("Amount"))
    return Table(caption, head, (*rows, last), figures=1, sums=True)


def render(sheet: Sheet, at: datetime, node_modules: Path) -> bytes:
    """Return a tagged PDF. What is written in a script without a font is spelled in Latin letters."""
    content = asdict(sheet)
    try:
        return typeset(TEMPLATE, "paper", content, at, node_modules)
    except Unprintable as problem:
        return typeset(TEMPLATE, "paper", spelled_out(content, problem.characters), at, node_modules)


async def render_beside(sheet: Sheet, at: datetime, node_modules: Path) -> bytes:
    """Render without holding up whoever else is served."""
    return await asyncio.to_thread(render, sheet, at, node_modules)
