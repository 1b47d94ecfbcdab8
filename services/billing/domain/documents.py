"""Invoices, receipts and credit notes as documents: which movement leaves which behind, and what it says for good (R21)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.billing.domain.invoices import Method
from services.billing.domain.ledger import Account, Entry, Posting
from services.billing.domain.references import creditor_reference
from shared.events import Money
from shared.ids import CaseId


class DocumentKind(StrEnum):
    INVOICE = "invoice"
    RECEIPT = "receipt"
    CREDIT_NOTE = "credit_note"


PREFIXES = {DocumentKind.INVOICE: "INV", DocumentKind.RECEIPT: "RCT", DocumentKind.CREDIT_NOTE: "CRN"}
FEE = frozenset((Account.DEFERRED, Account.REVENUE))
CAME_TO = frozenset((Account.CARD_CLEARING, Account.UNMATCHED, Account.BANK))


@dataclass(frozen=True, slots=True)
class Paper:
    """A document that an entry of the ledger obliges us to hand out."""

    kind: DocumentKind
    source: str
    amount: Money


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Named(_Frozen):
    """A service, and its names in each language at the time of issue."""

    code: str
    titles: dict[str, str]

    def title(self, locale: str) -> str:
        return self.titles.get(locale) or self.titles.get("en") or self.code


class Content(_Frozen):
    """What a document says, frozen at its issue: parties, services, price, dates. Nobody's name but the seller's."""

    seller: str
    seller_address: str
    ordinal: int
    revision: int
    services: tuple[Named, ...]
    price: Money
    due_at: datetime
    method: Method | None = None
    applied_minor: int = 0
    held_minor: int = 0
    why: Literal["withdrawn", "expired", "refund", "dispute"] | None = None


@dataclass(frozen=True, slots=True)
class Document:
    """A document as it was handed out; ``number`` counts from 1 per kind, seller and year, without a gap.

    The case's number never changes and may be heard of after the services, so it is looked up when the document is read.
    ``taken_back_at``: its payment was taken back from this invoice since; ``recalled``: by the bank. The document itself
    never changes.
    """

    id: UUID
    kind: DocumentKind
    seller: str
    year: int
    number: int
    case_id: CaseId
    invoice_id: UUID
    source: str
    amount: Money
    issued_at: datetime
    content: Content
    case_number: str | None
    taken_back_at: datetime | None = None
    recalled: bool = False

    @property
    def reference(self) -> str | None:
        """The reference that a wire for this invoice carries."""
        return creditor_reference(self.case_number, self.content.ordinal) if self.case_number else None

    @property
    def label(self) -> str:
        return label(self.kind, self.year, self.number)


def label(kind: str, year: int, number: int) -> str:
    """Return the number that people read out, such as ``INV-2027-000042``."""
    return f"{PREFIXES[DocumentKind(kind)]}-{year}-{number:06d}"


def papers(entry: Entry) -> list[Paper]:
    """Return what an entry leaves behind: an invoice for a fee, a credit note for one taken back, a receipt for money."""
    found: list[Paper] = []
    fee = -_sum(entry.postings, FEE)
    came = _sum(entry.postings, CAME_TO)
    if fee:
        kind = DocumentKind.INVOICE if fee > 0 else DocumentKind.CREDIT_NOTE
        found.append(Paper(kind, entry.source, _money(entry, abs(fee))))
    if entry.kind == "payment_received" and came > 0:
        found.append(Paper(DocumentKind.RECEIPT, entry.source, _money(entry, came)))
    return found


def _sum(postings: Iterable[Posting], accounts: frozenset[Account]) -> int:
    return sum(one.amount_minor for one in postings if one.account in accounts)


def _money(entry: Entry, minor: int) -> Money:
    return Money(amount_minor=minor, currency=entry.postings[0].currency)
