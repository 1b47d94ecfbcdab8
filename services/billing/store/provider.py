"""What we have of what the provider's report is about, and what differed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from services.billing.domain import Record
from shared.db import Row, Tx
from shared.ids import CaseId


@dataclass(frozen=True, slots=True)
class ProviderCheck:
    """One time that a report was held against the books; ``fees`` and ``payouts`` is how many were booked from it."""

    id: UUID
    starts_at: datetime
    ends_at: datetime
    checked_at: datetime
    checked_by: str
    lines: int
    fees: int
    payouts: int = 0
    differences: int = 0


@dataclass(frozen=True, slots=True)
class ProviderDifference:
    """One difference as a check found it, with the report's line where there is one. ``identity``: known again by it."""

    id: UUID
    check_id: UUID
    ordinal: int
    kind: str
    movement: str
    object_id: str
    line: dict[str, Any] | None
    case_id: CaseId | None
    ours_minor: int | None
    ours_currency: str | None
    said: str
    takeable: bool
    taken_in_by: str | None = None
    taken_in_at: datetime | None = None
    identity: str | None = None


_DIFFERENCE = """id, check_id, ordinal, kind, movement, object_id, line, case_id, ours_minor, ours_currency, said, takeable,
                 taken_in_by, taken_in_at, identity"""

# A refund is known by our own id, one that was made at the provider by its name there; by which road it went, its entry
# in the ledger tells.
_RECORDS = """
SELECT * FROM (
    SELECT 'charge' AS subject, provider_id AS key, amount_minor, currency, 'paid' AS state, received_at AS at, case_id
    FROM payments WHERE method = 'card'
    UNION ALL
    SELECT 'charge', a.provider_id, c.amount_minor, c.currency, 'tried', a.heard_at, c.case_id
    FROM card_attempts a JOIN checkouts c ON c.id = a.checkout_id
    WHERE NOT EXISTS (SELECT FROM payments p WHERE p.provider_id = a.provider_id)
    UNION ALL
    SELECT 'refund', r.id::text, r.amount_minor, r.currency,
           CASE WHEN r.at_provider IS NOT NULL THEN 'elsewhere'
                WHEN r.state = 'decided' THEN CASE WHEN r.paid_as IS NULL THEN 'decided' ELSE 'sent' END
                WHEN EXISTS (SELECT FROM ledger_transactions t WHERE t.source = 'refund_bounced:' || r.id) THEN 'elsewhere'
                WHEN EXISTS (SELECT FROM ledger_transactions t JOIN ledger_postings l ON l.transaction_id = t.id
                             WHERE t.source = 'issued:' || r.id AND l.account = 'card_clearing') THEN 'issued'
                ELSE 'elsewhere' END,
           coalesce(r.settled_at, r.decided_at), r.case_id
    FROM refunds r JOIN payments p ON p.id = r.payment_id WHERE p.method = 'card'
    UNION ALL
    SELECT 'refund', r.at_provider, r.amount_minor, r.currency,
           CASE WHEN NOT EXISTS (SELECT FROM ledger_transactions t WHERE t.source = 'refund_bounced:' || r.id) THEN 'issued'
                WHEN EXISTS (SELECT FROM ledger_transactions t JOIN ledger_postings l ON l.transaction_id = t.id
                             WHERE t.source = 'issued_again:' || r.id AND l.account = 'card_clearing') THEN 'issued'
                ELSE 'elsewhere' END,
           r.settled_at, r.case_id
    FROM refunds r WHERE r.at_provider IS NOT NULL AND r.settled_at IS NOT NULL
    UNION ALL
    SELECT 'dispute', provider_id, amount_minor, currency, state, coalesce(settled_at, opened_at), case_id
    FROM disputes WHERE payment_id IS NOT NULL
) AS ours
WHERE (at >= $1 AND at < $2) OR key = ANY($3)
"""


async def records_about(tx: Tx, start: datetime, end: datetime, keys: Sequence[str]) -> list[Record]:
    """Return what we heard of in a span, and whatever else ``keys`` name."""
    return [Record(**row) for row in await tx.fetch(_RECORDS, start, end, list(keys))]


async def begin_check(tx: Tx) -> None:
    """Keep other checks from booking fees until the transaction ends."""
    await tx.execute("SELECT pg_advisory_xact_lock(hashtextextended('provider_check', 0))")


async def sources_booked(tx: Tx, sources: Sequence[str]) -> set[str]:
    """Return which of these causes are in the ledger."""
    rows = await tx.fetch("SELECT source FROM ledger_transactions WHERE source = ANY($1)", list(sources))
    return {row["source"] for row in rows}


async def cases_of_payments(tx: Tx, provider_ids: Sequence[str]) -> dict[str, CaseId]:
    rows = await tx.fetch("SELECT provider_id, case_id FROM payments WHERE provider_id = ANY($1)", list(provider_ids))
    return {row["provider_id"]: CaseId(row["case_id"]) for row in rows}


async def add_check(tx: Tx, check: ProviderCheck, differences: Sequence[ProviderDifference]) -> None:
    """Keep one look at the report, with all that differed."""
    await tx.execute(
        """INSERT INTO provider_checks (id, starts_at, ends_at, checked_at, checked_by, lines, fees, payouts)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8)""",
        check.id, check.starts_at, check.ends_at, check.checked_at, check.checked_by, check.lines, check.fees,
        check.payouts,
    )  # fmt: skip
    await tx.executemany(
        """INSERT INTO provider_differences (id, check_id, ordinal, kind, movement, object_id, line, case_id, ours_minor,
                                             ours_currency, said, takeable, identity)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)""",
        [
            (one.id, one.check_id, one.ordinal, one.kind, one.movement, one.object_id, one.line, one.case_id,
             one.ours_minor, one.ours_currency, one.said, one.takeable, one.identity)
            for one in differences
        ],
    )  # fmt: skip


_CHECKS = """SELECT c.id, starts_at, ends_at, checked_at, checked_by, lines, fees, payouts, count(d.id)::int AS differences
             FROM provider_checks c LEFT JOIN provider_differences d ON d.check_id = c.id"""


async def checks(tx: Tx) -> list[ProviderCheck]:
    """Return the last looks at the report, the newest first."""
    rows = await tx.fetch(f"{_CHECKS} GROUP BY c.id ORDER BY checked_at DESC, c.id DESC LIMIT 30")
    return [ProviderCheck(**row) for row in rows]


async def check(tx: Tx, check_id: UUID) -> ProviderCheck | None:
    row = await tx.fetchrow(f"{_CHECKS} WHERE c.id = $1 GROUP BY c.id", check_id)
    return ProviderCheck(**row) if row else None


async def differences_of(tx: Tx, check_id: UUID) -> list[ProviderDifference]:
    rows = await tx.fetch(
        f"SELECT {_DIFFERENCE} FROM provider_differences WHERE check_id = $1 ORDER BY ordinal", check_id
    )
    return [read_difference(row) for row in rows]


def read_difference(row: Row | dict[str, Any]) -> ProviderDifference:
    return ProviderDifference(**row)


async def first_checkout_at(tx: Tx) -> datetime | None:
    """Return since when cards are taken."""
    found: datetime | None = await tx.fetchval("SELECT min(opened_at) FROM checkouts")
    return found


async def checked_until(tx: Tx, by: str) -> datetime | None:
    """Return until when ``by`` has held the report against the books; None before the first time."""
    found: datetime | None = await tx.fetchval("SELECT max(ends_at) FROM provider_checks WHERE checked_by = $1", by)
    return found
