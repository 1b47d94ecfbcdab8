"""The books written out for an accountant, as CSV and JSON: the same bytes each time for a span that is over.

A cell that a spreadsheet would take for a formula gets an apostrophe before it; figures are ours and stay figures. A span
is over some minutes after its last day: by then whatever was being written has been committed or given up.
"""

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from services.billing.domain import Document
from services.billing.store import BookLine
from shared.money import plain

SETTLES = timedelta(minutes=15)
BOM = "\ufeff"
"""Without it a spreadsheet takes UTF-8 for its own country's letters."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_AT_ONCE = 500

T = TypeVar("T")
Cells = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """Whole days of the books, the last one included."""

    since: date
    until: date
    zone: str

    @property
    def begins(self) -> datetime:
        return datetime(self.since.year, self.since.month, self.since.day, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    @property
    def ends(self) -> datetime:
        after = self.until + timedelta(days=1)
        return datetime(after.year, after.month, after.day, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def closed(self, now: datetime) -> bool:
        """Whether nothing can be written into it any more."""
        return now >= self.ends + SETTLES


def ledger_cells(line: BookLine) -> Cells:
    amount = plain(abs(line.amount_minor), line.currency)
    return {
        "entered_at": _instant(line.entered_at), "transaction": str(line.transaction_id), "line": line.line,
        "kind": line.kind, "cause": line.source, "case": str(line.case_id) if line.case_id else "",
        "account": line.account, "debit": amount if line.amount_minor > 0 else "",
        "credit": amount if line.amount_minor < 0 else "", "currency": line.currency, "entered_by": line.entered_by,
    }  # fmt: skip


def document_cells(document: Document) -> Cells:
    content = document.content
    return {
        "issued_at": _instant(document.issued_at), "document": document.label, "kind": document.kind.value,
        "seller": document.seller, "year": document.year, "number": document.number,
        "case_number": document.case_number or "", "case": str(document.case_id), "invoice": content.ordinal,
        "services": ";".join(service.code for service in content.services),
        "amount": plain(document.amount.amount_minor, document.amount.currency), "currency": document.amount.currency,
        "method": content.method or "", "why": content.why or "", "cause": document.source,
        "taken_back_at": _instant(document.taken_back_at) if document.taken_back_at else "",
    }  # fmt: skip


LEDGER_HEAD = (
    "entered_at", "transaction", "line", "kind", "cause", "case", "account", "debit", "credit", "currency", "entered_by",
)  # fmt: skip
DOCUMENT_HEAD = (
    "issued_at", "document", "kind", "seller", "year", "number", "case_number", "case", "invoice", "services", "amount",
    "currency", "method", "why", "cause", "taken_back_at",
)  # fmt: skip


def safe(cell: Any) -> Any:
    """Return a cell that no spreadsheet runs as a formula."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


async def as_csv(head: tuple[str, ...], rows: AsyncIterator[T], cells: Callable[[T], Cells]) -> AsyncIterator[str]:
    """Yield a CSV file (RFC 4180, UTF-8) in pieces."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write(BOM)
    writer.writerow(head)
    waiting = 0
    async for row in rows:
        found = cells(row)
        writer.writerow([safe(found[name]) for name in head])
        waiting += 1
        if waiting == _AT_ONCE:
            yield _emptied(buffer)
            waiting = 0
    yield _emptied(buffer)


async def as_json(name: str, span: Span, rows: AsyncIterator[T], cells: Callable[[T], Cells]) -> AsyncIterator[str]:
    """Yield one JSON object in pieces: the span, and ``name`` with an object for each row, one a line."""
    yield f'{{"since": "{span.since}", "until": "{span.until}", "zone": {json.dumps(span.zone)}, "{name}": ['
    before, piece = "\n", []
    async for row in rows:
        piece.append(before + json.dumps(cells(row), ensure_ascii=False))
        before = ",\n"
        if len(piece) == _AT_ONCE:
            yield "".join(piece)
            piece = []
    yield "".join(piece) + "\n]}\n"


def _emptied(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
