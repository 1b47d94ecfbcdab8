"""Quotes: every revision is kept, one at most waits for an answer."""

from __future__ import annotations

from services.intake.domain import Quote, QuoteState
from shared.db import Row, Tx
from shared.events import Money
from shared.ids import CaseId


async def insert(tx: Tx, case_id: CaseId, quote: Quote) -> None:
    await tx.execute(
        """INSERT INTO quotes (quote_id, revision, case_id, services, amount_minor, currency, note, offered_at,
               valid_until, offered_by, state)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)""",
        quote.quote_id, quote.revision, case_id, quote.services, quote.price.amount_minor, quote.price.currency,
        quote.note, quote.offered_at, quote.valid_until, quote.offered_by, quote.state,
    )  # fmt: skip


async def of_case(tx: Tx, case_id: CaseId) -> list[Quote]:
    """Return every revision ever offered, the newest first."""
    rows = await tx.fetch(
        """SELECT quote_id, revision, services, amount_minor, currency, note, offered_at, valid_until, offered_by, state
           FROM quotes WHERE case_id = $1 ORDER BY offered_at DESC, revision DESC""",
        case_id,
    )
    return [_quote(row) for row in rows]


async def newest(tx: Tx, case_id: CaseId) -> Quote | None:
    """Return the last revision offered, whatever became of it."""
    return next(iter(await of_case(tx, case_id)), None)


def _quote(row: Row) -> Quote:
    return Quote(
        quote_id=row["quote_id"],
        revision=row["revision"],
        services=tuple(row["services"]),
        price=Money(amount_minor=row["amount_minor"], currency=row["currency"]),
        valid_until=row["valid_until"],
        offered_at=row["offered_at"],
        offered_by=row["offered_by"],
        note=row["note"],
        state=QuoteState(row["state"]),
    )


async def settle(tx: Tx, case_id: CaseId, state: QuoteState) -> bool:
    """Give the case's open quote its end; False when none is open."""
    tag = await tx.execute(
        "UPDATE quotes SET state = $2, settled_at = $3 WHERE case_id = $1 AND state = 'open'", case_id, state, tx.now
    )
    return tag == "UPDATE 1"
