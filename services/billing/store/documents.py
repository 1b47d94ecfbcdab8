"""Documents that were handed out, and the numbers they got."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.billing.domain import Content, Document, DocumentKind, Paper
from services.billing.store.rows import with_amount
from shared.db import Row, Tx
from shared.ids import CaseId, new_id


@dataclass(frozen=True, slots=True)
class Unnumbered:
    """A document that waits for its number."""

    paper: Paper
    seller: str
    year: int
    case_id: CaseId
    invoice_id: UUID
    content: Content

    @property
    def series(self) -> tuple[str, str, int]:
        return self.paper.kind, self.seller, self.year


# Takes as many numbers as there are documents, which locks the series until the commit, and writes them with their numbers.
_NUMBER = """
WITH counted AS (
    INSERT INTO document_counters AS c (kind, seller, year, last) VALUES ($1, $2, $3, $4)
    ON CONFLICT (kind, seller, year) DO UPDATE SET last = c.last + excluded.last
    RETURNING last
)
INSERT INTO documents (id, kind, seller, year, number, case_id, invoice_id, source, amount_minor, currency, issued_at, content)
SELECT id, $1, $2, $3, last - $4 + place, case_id, invoice_id, source, amount_minor, currency, $5, content
FROM counted, unnest($6::uuid[], $7::uuid[], $8::uuid[], $9::text[], $10::bigint[], $11::text[], $12::json[])
    WITH ORDINALITY AS t (id, case_id, invoice_id, source, amount_minor, currency, content, place)
"""


async def number_documents(tx: Tx, waiting: Sequence[Unnumbered]) -> None:
    """Write documents with the next numbers of their series; the series are locked in one order, until the commit."""
    for series in sorted({one.series for one in waiting}):
        some = [one for one in waiting if one.series == series]
        await tx.execute(
            _NUMBER, *series, len(some), tx.now,
            [new_id() for _ in some],
            [one.case_id for one in some],
            [one.invoice_id for one in some],
            [one.paper.source for one in some],
            [one.paper.amount.amount_minor for one in some],
            [one.paper.amount.currency for one in some],
            [one.content.model_dump_json() for one in some],
        )  # fmt: skip


DOCUMENT = """id, kind, seller, year, number, case_id, invoice_id, source, amount_minor, currency, issued_at, content,
              (SELECT c.case_number FROM billing_cases c WHERE c.case_id = documents.case_id) AS case_number,
              CASE kind WHEN 'receipt' THEN (SELECT m.undone_at FROM wire_matches m
                  WHERE m.payment_id = substring(source FROM '^payment:(.*)$')::uuid) END AS taken_back_at,
              kind = 'receipt' AND EXISTS (SELECT FROM wire_matches m WHERE m.recalled
                  AND m.payment_id = substring(source FROM '^payment:(.*)$')::uuid) AS recalled"""


def read_document(row: Row) -> Document:
    given = with_amount(row)
    given["content"], given["kind"] = Content.model_validate(given["content"]), DocumentKind(given["kind"])
    return Document(**given)


async def document(tx: Tx, document_id: UUID) -> Document | None:
    row = await tx.fetchrow(f"SELECT {DOCUMENT} FROM documents WHERE id = $1", document_id)
    return read_document(row) if row else None


async def documents_of_case(tx: Tx, case_id: CaseId) -> list[Document]:
    """Return the case's documents, oldest first."""
    rows = await tx.fetch(f"SELECT {DOCUMENT} FROM documents WHERE case_id = $1 ORDER BY issued_at, id", case_id)
    return [read_document(row) for row in rows]


async def invoiced_by(tx: Tx, document: Document) -> Document | None:
    """Return the invoice that a receipt or credit note is about, as it stood then."""
    row = await tx.fetchrow(
        f"""SELECT {DOCUMENT} FROM documents WHERE invoice_id = $1 AND kind = 'invoice' AND issued_at <= $2
            ORDER BY issued_at DESC, id DESC LIMIT 1""",
        document.invoice_id, document.issued_at,
    )  # fmt: skip
    return read_document(row) if row else None


async def name_payer(tx: Tx, document_id: UUID, name: str, by: str) -> None:
    """Keep whom a receipt is to name as its payer; what was said before stays, and the newest counts."""
    await tx.execute(
        "INSERT INTO receipt_payers (document_id, said_at, name, said_by) VALUES ($1, $2, $3, $4)",
        document_id, tx.now, name, by,
    )  # fmt: skip


async def payer_of(tx: Tx, document_id: UUID) -> str | None:
    name: str | None = await tx.fetchval(
        "SELECT name FROM receipt_payers WHERE document_id = $1 ORDER BY said_at DESC LIMIT 1", document_id
    )
    return name
