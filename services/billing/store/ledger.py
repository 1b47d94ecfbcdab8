"""The ledger: written once, never changed."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.billing.domain import Account, Entry, Posting
from shared.db import Tx
from shared.ids import CaseId, new_id


@dataclass(frozen=True, slots=True)
class LedgerLine:
    transaction_id: UUID
    case_id: CaseId | None
    kind: str
    entered_at: datetime
    entered_by: str
    account: str
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class Balance:
    account: str
    currency: str
    amount_minor: int


async def post(tx: Tx, case_id: CaseId | None, entries: Iterable[Entry], by: str) -> None:
    """Write entries into the ledger; the database refuses one that doesn't balance or whose source it has."""
    for entry in entries:
        transaction_id = new_id()
        await tx.execute(
            """INSERT INTO ledger_transactions (id, case_id, kind, source, entered_at, entered_by)
               VALUES ($1, $2, $3, $4, $5, $6)""",
            transaction_id, case_id, entry.kind, entry.source, tx.now, by,
        )  # fmt: skip
        await tx.executemany(
            """INSERT INTO ledger_postings (transaction_id, line, account, currency, amount_minor)
               VALUES ($1, $2, $3, $4, $5)""",
            [(transaction_id, line, p.account, p.currency, p.amount_minor) for line, p in enumerate(entry.postings, 1)],
        )


async def postings_of(tx: Tx, source: str) -> list[Posting]:
    """Return what a cause moved; nothing where it never was."""
    rows = await tx.fetch(
        """SELECT p.account, p.currency, p.amount_minor FROM ledger_postings p
           JOIN ledger_transactions t ON t.id = p.transaction_id WHERE t.source = $1 ORDER BY p.line""",
        source,
    )
    return [Posting(Account(row["account"]), row["currency"], row["amount_minor"]) for row in rows]


async def ledger_of_case(tx: Tx, case_id: CaseId) -> list[LedgerLine]:
    """Return the case's postings, oldest first."""
    rows = await tx.fetch(
        """SELECT t.id AS transaction_id, t.case_id, t.kind, t.entered_at, t.entered_by, p.account, p.amount_minor,
               p.currency
           FROM ledger_transactions t JOIN ledger_postings p ON p.transaction_id = t.id
           WHERE t.case_id = $1 ORDER BY t.entered_at, t.id, p.line""",
        case_id,
    )
    return [LedgerLine(**row) for row in rows]


async def trial_balance(tx: Tx) -> list[Balance]:
    """Return each account's balance per currency, debit above zero; the amounts of a currency sum to zero."""
    rows = await tx.fetch(
        """SELECT account, currency, sum(amount_minor)::bigint AS amount_minor FROM ledger_postings
           GROUP BY account, currency ORDER BY currency, account"""
    )
    return [Balance(**row) for row in rows]
