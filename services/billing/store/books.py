"""The books for an accountant: turnover per account in a span of time, and the ledger and documents page by page."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from services.billing.domain import Document
from services.billing.store.documents import DOCUMENT, read_document
from shared.db import Database, Tx

PAGE = 2000
_FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Turnover:
    """An account in one currency, in minor units: balances are debit above zero, what moved in the span is by side."""

    account: str
    currency: str
    opening: int
    debit: int
    credit: int
    closing: int


@dataclass(frozen=True, slots=True)
class BookLine:
    """A posting, with the entry that it is a part of."""

    transaction_id: UUID
    line: int
    entered_at: datetime
    kind: str
    source: str
    case_id: UUID | None
    account: str
    amount_minor: int
    currency: str
    entered_by: str


T = TypeVar("T")
Place = tuple[datetime, UUID, int]


async def turnover(tx: Tx, since: datetime, until: datetime) -> list[Turnover]:
    """Return what each account held at ``since``, what moved before ``until``, and what it held then."""
    rows = await tx.fetch(
        """SELECT p.account::text AS account, p.currency,
               coalesce(sum(p.amount_minor) FILTER (WHERE t.entered_at < $1), 0)::bigint AS opening,
               coalesce(sum(p.amount_minor) FILTER (WHERE t.entered_at >= $1 AND p.amount_minor > 0), 0)::bigint AS debit,
               coalesce(-sum(p.amount_minor) FILTER (WHERE t.entered_at >= $1 AND p.amount_minor < 0), 0)::bigint AS credit,
               sum(p.amount_minor)::bigint AS closing
           FROM ledger_postings p JOIN ledger_transactions t ON t.id = p.transaction_id
           WHERE t.entered_at < $2 GROUP BY p.account, p.currency ORDER BY p.currency, p.account::text""",
        since, until,
    )  # fmt: skip
    return [Turnover(**row) for row in rows]


async def ledger_lines(db: Database, since: datetime, until: datetime) -> AsyncIterator[BookLine]:
    """Yield the postings of a span, oldest first. No connection is held while whoever reads takes their time."""

    async def page(tx: Tx, after: Place) -> list[BookLine]:
        rows = await tx.fetch(
            """SELECT t.id AS transaction_id, p.line, t.entered_at, t.kind, t.source, t.case_id,
                      p.account::text AS account, p.amount_minor, p.currency, t.entered_by
               FROM ledger_transactions t JOIN ledger_postings p ON p.transaction_id = t.id
               WHERE t.entered_at >= $1 AND t.entered_at < $4 AND (t.entered_at, t.id, p.line) > ($1, $2, $3)
               ORDER BY t.entered_at, t.id, p.line LIMIT $5""",
            *after, until, PAGE,
        )  # fmt: skip
        return [BookLine(**row) for row in rows]

    async for one in _paged(db, (since, _FIRST, 0), page, lambda one: (one.entered_at, one.transaction_id, one.line)):
        yield one


async def documents_between(db: Database, since: datetime, until: datetime) -> AsyncIterator[Document]:
    """Yield the documents of a span, oldest first; what was taken back after the span is not said, so that it stays the same."""

    async def page(tx: Tx, after: Place) -> list[Document]:
        rows = await tx.fetch(
            f"""SELECT {DOCUMENT} FROM documents
                WHERE issued_at >= $1 AND issued_at < $3 AND (issued_at, id) > ($1, $2)
                ORDER BY issued_at, id LIMIT $4""",
            *after[:2], until, PAGE,
        )  # fmt: skip
        return [_as_of(until, read_document(row)) for row in rows]

    async for one in _paged(db, (since, _FIRST, 0), page, lambda one: (one.issued_at, one.id, 0)):
        yield one


def _as_of(until: datetime, one: Document) -> Document:
    later = one.taken_back_at is not None and one.taken_back_at >= until
    return replace(one, taken_back_at=None) if later else one


async def _paged(
    db: Database, after: Place, page: Callable[[Tx, Place], Awaitable[list[T]]], place: Callable[[T], Place]
) -> AsyncIterator[T]:
    while True:
        async with db.reading() as tx:
            found = await page(tx, after)
        for one in found:
            yield one
        if len(found) < PAGE:
            return
        after = place(found[-1])
