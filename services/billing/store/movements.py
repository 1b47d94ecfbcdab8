"""A case's entries of the ledger, each with its postings."""

from itertools import groupby

from services.billing.domain import Account, Movement, Posting
from shared.db import Tx
from shared.ids import CaseId


async def movements_of_case(tx: Tx, case_id: CaseId) -> list[Movement]:
    """Return the case's entries, oldest first."""
    rows = await tx.fetch(
        """SELECT t.id, t.kind, t.source, t.entered_at, p.account::text AS account, p.currency, p.amount_minor
           FROM ledger_transactions t JOIN ledger_postings p ON p.transaction_id = t.id
           WHERE t.case_id = $1 ORDER BY t.entered_at, t.id, p.line""",
        case_id,
    )
    found = []
    for _, group in groupby(rows, key=lambda row: row["id"]):
        lines = list(group)
        first = lines[0]
        postings = tuple(Posting(Account(one["account"]), one["currency"], one["amount_minor"]) for one in lines)
        found.append(Movement(first["kind"], first["source"], first["entered_at"], postings))
    return found
