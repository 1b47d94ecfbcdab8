"""Taking in bank statements: each movement once, the sure ones matched at once, the others to finance (R21)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from services.billing import domain, store
from services.billing.cashier.books import SYSTEM
from services.billing.cashier.debits import look_at_debit
from services.billing.cashier.payouts import match_sure_payout
from services.billing.cashier.queues import ask_about_debit
from services.billing.cashier.wires import Part, ask_to_match, match, named_candidates
from services.billing.statements import BankLine, Statement, identities
from services.billing.store import LineRow, StatementRow, WireReceipt
from services.billing.suggestions import Candidate, Wire, sure_match
from shared import log
from shared.db import Tx
from shared.events import Money
from shared.ids import CaseId, new_id

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class File:
    """The file that is imported, and where in it a statement stands. ``hopeful`` are the cases that are locked for it."""

    hash: str
    nth: int
    by: str
    hopeful: frozenset[CaseId]


async def import_statements(tx: Tx, file_hash: str, statements: Sequence[Statement], by: str) -> list[UUID]:
    """Keep a file's statements, and return their ids; a file or a line that is known already changes nothing."""
    await store.one_import_at_a_time(tx)
    if earlier := await store.statements_of_file(tx, file_hash):
        return earlier
    hopeful = await _lock_hopeful(tx, statements)
    return [await _take_in(tx, File(file_hash, nth, by, hopeful), one) for nth, one in enumerate(statements)]


async def _lock_hopeful(tx: Tx, statements: Sequence[Statement]) -> frozenset[CaseId]:
    """Lock the cases that the file's wires may be for, and return them.

    All of the file's at once and in the order of their ids, as who hears the provider's messages does: neither ever
    waits for the other while it holds what the other needs.
    """
    found = set()
    for one in statements:
        for line in one.lines:
            sure = await _sure(tx, _row(one.currency, line)) if line.amount > 0 else None
            if sure:
                found.add(sure[0].case_id)
    return frozenset(await store.lock_cases(tx, found))


async def _take_in(tx: Tx, file: File, statement: Statement) -> UUID:
    told = identities(statement)
    known = await store.lines_of_identities(tx, told)
    new = [(identity, line) for identity, line in zip(told, statement.lines, strict=True) if identity not in known]
    kept = StatementRow(
        new_id(), statement.kind, statement.account, statement.currency, statement.name, statement.from_on,
        statement.to_on, statement.opening, statement.closing, len(told) - len(new), file.by, tx.now,
    )  # fmt: skip
    await store.add_statement(tx, kept, file.hash, file.nth)
    rows, arrived = await _receive(tx, statement.currency, new, file.by)
    await store.add_lines(tx, rows)
    known |= {identity: row.id for identity, row in rows}
    places = [(line.line, known[identity]) for identity, line in zip(told, statement.lines, strict=True)]
    await store.link_lines(tx, kept.id, places)
    matched = await _match_sure(tx, arrived, file.hopeful)
    for _, row in rows:
        if not row.credit:
            await _note_debit(tx, row, file.by)
    _log.info("statement_imported", lines=len(told), new=len(new), matched=matched)
    return kept.id


async def _receive(
    tx: Tx, currency: str, new: Sequence[tuple[str, BankLine]], by: str
) -> tuple[list[tuple[str, LineRow]], list[tuple[LineRow, WireReceipt]]]:
    """Return the rows of new lines, and the wires among them that aren't in the books yet, booked."""
    references = [line.bank_reference for _, line in new if line.bank_reference]
    by_hand = await store.receipts_of_references(tx, references)
    taken = await store.lines_of_receipts(tx, [one.id for one in by_hand.values()])
    rows: list[tuple[str, LineRow]] = []
    arrived = []
    for identity, line in new:
        row, entered = _row(currency, line), by_hand.get(line.bank_reference)
        if row.credit and entered and entered.amount == row.amount and entered.id not in taken:
            row = replace(row, receipt_id=entered.id)
            taken[entered.id] = row
        elif row.credit:
            receipt = _receipt(row, identity, by, tx, clash=entered is not None)
            row = replace(row, receipt_id=receipt.id)
            by_hand.setdefault(receipt.bank_reference, receipt)
            taken.setdefault(receipt.id, row)
            await store.add_receipt(tx, receipt)
            await store.post(tx, None, domain.bank_receipt(receipt.id, receipt.amount), by)
            arrived.append((row, receipt))
        rows.append((identity, row))
    return rows, arrived


def _row(currency: str, line: BankLine) -> LineRow:
    return LineRow(
        new_id(), Money(amount_minor=abs(line.amount), currency=currency), line.amount > 0, line.booked_on,
        line.value_on, line.bank_reference, line.party, line.party_account, line.reference, line.remittance,
        line.instructed, line.rate, line.charges_minor, line.bearer, line.returned, line.twin_line, receipt_id=None,
    )  # fmt: skip


def _receipt(row: LineRow, identity: str, by: str, tx: Tx, *, clash: bool) -> WireReceipt:
    """Return the wire that a line is. A reference that another line has already is made its own."""
    name = row.bank_reference or f"{row.booked_on:%Y%m%d}-{identity[:12]}"
    return WireReceipt(
        row.receipt_id or new_id(), f"{name}/{identity[:8]}" if clash else name, row.amount, row.party, row.text,
        row.value_on, by, tx.now,
    )  # fmt: skip


async def _match_sure(
    tx: Tx, arrived: Sequence[tuple[LineRow, WireReceipt]], hopeful: frozenset[CaseId]
) -> int:  # fmt: skip
    """Match what is sure and of a case that is locked, and put the rest on finance's queue.

    What may be in the books already, by hand or from another file, is never sure.
    """
    matched, doubts = 0, await store.perhaps_same(tx, [receipt.id for _, receipt in arrived])
    for row, receipt in arrived:
        like = doubts.get(receipt.id)
        found = None if like else await _sure(tx, row)
        if not like and not found and await match_sure_payout(tx, receipt):
            continue
        if found and found[0].case_id in hopeful:
            await match(tx, receipt, [Part(found[0].invoice_id, receipt.amount)], SYSTEM, found[1])
            matched += 1
        else:
            await ask_to_match(tx, receipt, CaseId(receipt.id), like[0] if like else None)
    return matched


async def _sure(tx: Tx, row: LineRow) -> tuple[Candidate, str] | None:
    wire = wire_of(row)
    return sure_match(wire, await named_candidates(tx, wire.text))


def wire_of(row: LineRow) -> Wire:
    """Return what is known of a wire from the bank's line."""
    return Wire(row.amount, row.text, row.party, row.instructed, row.charges_minor, row.twin_line)


async def _note_debit(tx: Tx, row: LineRow, by: str) -> None:
    """Book money that left, and ask what it was unless that is known."""
    await store.post(tx, None, domain.money_left(row.id, row.amount), by)
    if not await look_at_debit(tx, row):
        await ask_about_debit(tx, row)
