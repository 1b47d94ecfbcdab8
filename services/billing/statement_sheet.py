"""The statement of a case's account, in its reader's words: opening, every document and movement, the balance after each."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from services.billing.domain import AccountLine, Document
from services.billing.sheets import Parties, Sheet, Table, for_whom, small_print
from shared import programme
from shared.events import ProgrammeRef
from shared.web.i18n import N_
from shared.web.speech import Speech

KINDS = {
    "invoice_issued": N_("Invoice"),
    "invoice_reinstated": N_("Invoice, opened again"),
    "invoice_cancelled": N_("Invoice taken back"),
    "payment_received": N_("Payment received"),
    "refund_decided": N_("Fee taken back"),
    "refund_issued": N_("Money sent back"),
    "refund_lowered": N_("Less to send back: the payer’s bank took it already"),
    "refund_bounced": N_("Money that could not reach the card"),
    "charges_written_off": N_("Bank charges that we bear"),
    "wire_unmatched": N_("Payment taken off: it was counted in by mistake"),
    "dispute_lost": N_("Payment taken back by the payer’s bank"),
    "wire_recalled": N_("Payment taken back by the payer’s bank"),
    "loss_borne": N_("No longer asked for"),
}
UNNAMED = N_("Correction")
HEAD = (N_("Date"), N_("What"), N_("Document"), N_("Charged"), N_("Paid"), N_("Balance"))


def statement_sheet(
    _: Speech,
    ref: ProgrammeRef,
    case_number: str | None,
    parties: Parties,
    lines: Sequence[AccountLine],
    documents: Sequence[Document],
    at: datetime,
) -> Sheet:
    """Return the statement as of ``at``, with a table for each currency that moved."""
    rules = programme.load(ref)
    labels: dict[str, list[str]] = {}
    for document in documents:
        labels.setdefault(document.source, []).append(document.label)
    moved = sorted({line.currency for line in lines})
    tables = tuple(_table(_, one, [line for line in lines if line.currency == one], labels) for one in moved)
    return Sheet(
        lang=_.lang, rtl=_.rtl, title=_("Statement of account"), number="", seller=rules.organisation_hospital,
        address=rules.contacts.post, page=_("Page"), facts=((_("Date"), _.day(at)), *for_whom(_, case_number, parties)),
        notes=tuple(_standing(_, table_lines[-1]) for one in moved if (table_lines := _of(lines, one))), tables=tables,
        small_print=small_print(_, ref),
    )  # fmt: skip


def _of(lines: Sequence[AccountLine], currency: str) -> list[AccountLine]:
    return [line for line in lines if line.currency == currency]


def _table(_: Speech, currency: str, lines: Sequence[AccountLine], labels: Mapping[str, Sequence[str]]) -> Table:
    opening = ("", _("Opening balance"), "", "", "", _.amount(0, currency))
    rows = tuple(
        (
            _.day(line.at),
            _(KINDS.get(line.kind, UNNAMED)),
            ", ".join(labels.get(line.source, ())),
            _.amount(line.billed, currency) if line.billed else "",
            _.amount(line.paid, currency) if line.paid else "",
            _.amount(line.balance, currency),
        )
        for line in lines
    )
    billed, paid = sum(line.billed for line in lines), sum(line.paid for line in lines)
    last = (
        "",
        _("Together"),
        "",
        _.amount(billed, currency),
        _.amount(paid, currency),
        _.amount(billed - paid, currency),
    )
    return Table(currency, tuple(map(_, HEAD)), (opening, *rows, last), figures=3, sums=True)


def _standing(_: Speech, last: AccountLine) -> str:
    amount = _.amount(abs(last.balance), last.currency)
    if last.balance > 0:
        return _("%(amount)s is still to be paid.", amount=amount)
    if last.balance < 0:
        return _("We hold %(amount)s that is yours.", amount=amount)
    return _("Nothing is owed on either side in %(currency)s.", currency=last.currency)
