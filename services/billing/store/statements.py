"""Bank statements and their lines, tables that wait to be read, and how each bank's tables are read."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from services.billing.store.rows import with_amount
from shared.db import Row, Tx
from shared.events import Money
from shared.ids import CaseId

Became = Literal["refund", "taken_back", "charge", "set_aside", "payout"]


@dataclass(frozen=True, slots=True)
class StatementRow:
    """A statement as it was imported. ``known_lines`` were in the books before it."""

    id: UUID
    kind: str
    account: str
    currency: str
    name: str
    from_on: date
    to_on: date
    opening_minor: int | None
    closing_minor: int | None
    known_lines: int
    imported_by: str
    imported_at: datetime
    lines: int = 0
    open_lines: int = 0


@dataclass(frozen=True, slots=True)
class LineRow:
    """A movement of the account, and what became of it. A credit's story is its receipt's (``receipt_id``)."""

    id: UUID
    amount: Money
    credit: bool
    booked_on: date
    value_on: date
    bank_reference: str
    party: str
    party_account: str
    reference: str
    remittance: str
    instructed: Money | None
    rate: str
    charges_minor: int
    bearer: str | None
    returned: bool
    twin_line: int | None
    receipt_id: UUID | None
    became: Became | None = None
    refund_id: UUID | None = None
    returned_receipt_id: UUID | None = None
    settled_by: str | None = None
    settled_at: datetime | None = None
    reason: str | None = None

    @property
    def text(self) -> str:
        return " ".join(part for part in (self.reference, self.remittance) if part)


@dataclass(frozen=True, slots=True)
class StatementLine:
    """A line as a statement shows it; ``case_id`` and ``closed_as`` tell what became of the money that came."""

    line: int
    row: LineRow
    new: bool
    matched_by: str | None
    case_id: CaseId | None
    closed_as: str | None


_STATEMENT = """s.id, s.kind, s.account, s.currency, s.name, s.from_on, s.to_on, s.opening_minor, s.closing_minor,
                s.known_lines, s.imported_by, s.imported_at"""
_LINE = """l.id, abs(l.amount_minor) AS amount_minor, l.currency, l.amount_minor > 0 AS credit, l.booked_on, l.value_on,
           l.bank_reference, l.party, l.party_account, l.reference, l.remittance, l.instructed_minor,
           l.instructed_currency, l.rate, l.charges_minor, l.bearer, l.returned, l.twin_line, l.receipt_id, l.became,
           l.refund_id, l.returned_receipt_id, l.settled_by, l.settled_at, l.reason"""
_COUNTED = """count(*) AS lines, count(*) FILTER (
                  WHERE l.amount_minor < 0 AND l.became IS NULL
                     OR l.amount_minor > 0 AND w.payment_id IS NULL AND w.closed_as IS NULL) AS open_lines"""


def _line(row: Row) -> LineRow:
    given = with_amount(row)
    minor, currency = given.pop("instructed_minor"), given.pop("instructed_currency")
    return LineRow(instructed=Money(amount_minor=minor, currency=currency) if currency else None, **given)


async def one_import_at_a_time(tx: Tx) -> None:
    await tx.execute("SELECT pg_advisory_xact_lock(hashtext('billing.statements'))")


async def statements_of_file(tx: Tx, file_hash: str) -> list[UUID]:
    rows = await tx.fetch("SELECT id FROM bank_statements WHERE file_hash = $1 ORDER BY ordinal", file_hash)
    return [row["id"] for row in rows]


async def add_statement(tx: Tx, row: StatementRow, file_hash: str, ordinal: int) -> None:
    await tx.execute(
        """INSERT INTO bank_statements (id, file_hash, ordinal, kind, account, currency, name, from_on, to_on,
               opening_minor, closing_minor, known_lines, imported_by, imported_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)""",
        row.id, file_hash, ordinal, row.kind, row.account, row.currency, row.name, row.from_on, row.to_on,
        row.opening_minor, row.closing_minor, row.known_lines, row.imported_by, row.imported_at,
    )  # fmt: skip


async def lines_of_identities(tx: Tx, identities: Sequence[str]) -> dict[str, UUID]:
    """Return which of these lines are known already."""
    rows = await tx.fetch("SELECT identity, id FROM bank_lines WHERE identity = ANY($1)", list(identities))
    return {row["identity"]: row["id"] for row in rows}


async def add_lines(tx: Tx, lines: Sequence[tuple[str, LineRow]]) -> None:
    """Keep new lines, each with its identity."""
    await tx.executemany(
        """INSERT INTO bank_lines (id, identity, amount_minor, currency, booked_on, value_on, bank_reference, party,
               party_account, reference, remittance, instructed_minor, instructed_currency, rate, charges_minor,
               bearer, returned, twin_line, receipt_id)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)""",
        [
            (one.id, identity, one.amount.amount_minor if one.credit else -one.amount.amount_minor, one.amount.currency,
             one.booked_on, one.value_on, one.bank_reference, one.party, one.party_account, one.reference, one.remittance,
             one.instructed.amount_minor if one.instructed else None,
             one.instructed.currency if one.instructed else None, one.rate, one.charges_minor, one.bearer,
             one.returned, one.twin_line, one.receipt_id)
            for identity, one in lines
        ],
    )  # fmt: skip


async def link_lines(tx: Tx, statement_id: UUID, lines: Sequence[tuple[int, UUID]]) -> None:
    """Note which lines a statement has, and where in its file they stand."""
    await tx.executemany(
        "INSERT INTO bank_statement_lines (statement_id, nth, line, line_id) VALUES ($1, $2, $3, $4)",
        [(statement_id, nth, line, line_id) for nth, (line, line_id) in enumerate(lines)],
    )


async def statements(tx: Tx, limit: int = 100) -> list[StatementRow]:
    """Return the newest imports, with how many of their lines nobody has explained."""
    rows = await tx.fetch(
        f"""SELECT {_STATEMENT}, {_COUNTED} FROM (SELECT * FROM bank_statements ORDER BY imported_at DESC, id DESC LIMIT $1) s
            LEFT JOIN bank_statement_lines sl ON sl.statement_id = s.id LEFT JOIN bank_lines l ON l.id = sl.line_id
            LEFT JOIN wire_receipts w ON w.id = l.receipt_id
            GROUP BY {_STATEMENT} ORDER BY s.imported_at DESC, s.id DESC""",
        limit,
    )
    return [StatementRow(**row) for row in rows]


async def statement(tx: Tx, statement_id: UUID) -> StatementRow | None:
    row = await tx.fetchrow(f"SELECT {_STATEMENT} FROM bank_statements s WHERE s.id = $1", statement_id)
    return StatementRow(**row) if row else None


async def balanced_statements(tx: Tx, like: StatementRow) -> list[StatementRow]:
    """Return the statements of an account that share days with this one and say both balances, the first imported first."""
    rows = await tx.fetch(
        f"""SELECT {_STATEMENT} FROM bank_statements s
            WHERE s.account = $1 AND s.currency = $2 AND s.from_on <= $4 AND s.to_on >= $3
              AND s.opening_minor IS NOT NULL AND s.closing_minor IS NOT NULL ORDER BY s.imported_at, s.ordinal""",
        like.account, like.currency, like.from_on, like.to_on,
    )  # fmt: skip
    return [StatementRow(**row) for row in rows]


async def moved(tx: Tx, statements: Sequence[StatementRow]) -> int:
    """Return what an account's lines make: those of these statements, and of their days in files without balances."""
    found: int = await tx.fetchval(
        """SELECT coalesce(sum(amount_minor), 0)::bigint FROM (
               SELECT DISTINCT l.id, l.amount_minor FROM bank_lines l
               JOIN bank_statement_lines sl ON sl.line_id = l.id JOIN bank_statements s ON s.id = sl.statement_id
               LEFT JOIN wire_receipts w ON w.id = l.receipt_id
               WHERE s.account = $1 AND s.currency = $2 AND w.closed_as IS DISTINCT FROM 'same' AND (s.id = ANY($5)
                  OR (s.opening_minor IS NULL OR s.closing_minor IS NULL) AND l.booked_on BETWEEN $3 AND $4)) AS lines""",
        statements[0].account, statements[0].currency, min(one.from_on for one in statements),
        max(one.to_on for one in statements), [one.id for one in statements],
    )  # fmt: skip
    return found


async def lines_of_statement(tx: Tx, statement_id: UUID) -> list[StatementLine]:
    """Return a statement's lines in the file's order, with what became of each."""
    rows = await tx.fetch(
        f"""SELECT {_LINE}, sl.line, w.matched_by, p.case_id, w.closed_as,
                   NOT EXISTS (SELECT FROM bank_statement_lines o JOIN bank_statements s ON s.id = o.statement_id
                               JOIN bank_statements mine ON mine.id = sl.statement_id
                               WHERE o.line_id = l.id AND (s.imported_at, s.id) < (mine.imported_at, mine.id)) AS new
            FROM bank_statement_lines sl JOIN bank_lines l ON l.id = sl.line_id
            LEFT JOIN wire_receipts w ON w.id = l.receipt_id LEFT JOIN payments p ON p.id = w.payment_id
            WHERE sl.statement_id = $1 ORDER BY sl.nth""",
        statement_id,
    )
    return [_shown(dict(row)) for row in rows]


def _shown(given: dict[str, Any]) -> StatementLine:
    own = {name: given.pop(name) for name in ("line", "new", "matched_by", "case_id", "closed_as")}
    return StatementLine(row=_line(given), **own)  # type: ignore[arg-type]


async def bank_line(tx: Tx, line_id: UUID, *, lock: bool = False) -> LineRow | None:
    end = "FOR UPDATE" if lock else ""
    row = await tx.fetchrow(f"SELECT {_LINE} FROM bank_lines l WHERE l.id = $1 {end}", line_id)
    return _line(row) if row else None


async def lines_of_receipts(tx: Tx, receipt_ids: Sequence[UUID]) -> dict[UUID, LineRow]:
    """Return what the bank said of each of these wires; one entered by hand has no line."""
    rows = await tx.fetch(f"SELECT {_LINE} FROM bank_lines l WHERE l.receipt_id = ANY($1)", list(receipt_ids))
    return {line.receipt_id: line for line in map(_line, rows) if line.receipt_id}


async def unexplained_debits(tx: Tx) -> list[LineRow]:
    """Return money that left and nobody has said why, the oldest first."""
    rows = await tx.fetch(
        f"""SELECT {_LINE} FROM bank_lines l WHERE l.amount_minor < 0 AND l.became IS NULL
            ORDER BY l.booked_on, l.id LIMIT 200"""
    )
    return [_line(row) for row in rows]


async def settle_line(
    tx: Tx, line_id: UUID, became: Became, by: str, reason: str | None, *, refund_id: UUID | None = None,
    receipt_id: UUID | None = None,
) -> None:  # fmt: skip
    """Note what a debit was."""
    await tx.execute(
        """UPDATE bank_lines SET became = $2, settled_by = $3, settled_at = $4, reason = $5, refund_id = $6,
                  returned_receipt_id = $7 WHERE id = $1""",
        line_id, became, by, tx.now, reason, refund_id, receipt_id,
    )  # fmt: skip


async def reopen_line(tx: Tx, line_id: UUID) -> None:
    """Forget what a debit was taken for."""
    await tx.execute(
        """UPDATE bank_lines SET became = NULL, settled_by = NULL, settled_at = NULL, reason = NULL
           WHERE id = $1 AND became = 'payout'""",
        line_id,
    )


async def add_upload(tx: Tx, upload_id: UUID, content: bytes, by: str) -> None:
    """Keep a table until somebody says how it is read; those of yesterday go."""
    await tx.execute("DELETE FROM bank_uploads WHERE uploaded_at < $1::timestamptz - interval '1 day'", tx.now)
    await tx.execute("INSERT INTO bank_uploads VALUES ($1, $2, $3, $4)", upload_id, content, by, tx.now)


async def upload(tx: Tx, upload_id: UUID) -> bytes | None:
    content: bytes | None = await tx.fetchval("SELECT content FROM bank_uploads WHERE id = $1", upload_id)
    return content


async def drop_upload(tx: Tx, upload_id: UUID) -> None:
    await tx.execute("DELETE FROM bank_uploads WHERE id = $1", upload_id)


async def mappings(tx: Tx, signature: str) -> list[dict[str, Any]]:
    """Return how tables that look like this are read, one for each account, the one said last first."""
    rows = await tx.fetch(
        "SELECT mapping::text FROM bank_mappings WHERE signature = $1 ORDER BY said_at DESC, account, currency",
        signature,
    )
    return [json.loads(row["mapping"]) for row in rows]


async def save_mapping(
    tx: Tx, signature: str, account: str, currency: str, mapping: dict[str, Any], by: str
) -> None:  # fmt: skip
    """Keep how this account's tables are read; the newest word counts."""
    await tx.execute(
        """INSERT INTO bank_mappings (signature, account, currency, mapping, said_by, said_at)
           VALUES ($1, $2, $3, $4::text::jsonb, $5, $6)
           ON CONFLICT (signature, account, currency) DO UPDATE SET mapping = excluded.mapping,
               said_by = excluded.said_by, said_at = excluded.said_at""",
        signature, account, currency, json.dumps(mapping), by, tx.now,
    )  # fmt: skip
