"""Billing's own tables as SQLAlchemy's declarative models, for the peer in ``webhooks_sqlalchemy``."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ForeignKey, Identity, Text
from sqlalchemy.dialects.postgresql import ARRAY, ENUM, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import DateTime

from services.billing.domain import Account


class Base(DeclarativeBase):
    type_annotation_map = {datetime: DateTime(timezone=True), int: BigInteger}  # noqa: RUF012 - SQLAlchemy's own


class Case(Base):
    __tablename__ = "billing_cases"
    case_id: Mapped[UUID] = mapped_column(primary_key=True)


class Invoice(Base):
    __tablename__ = "invoices"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("billing_cases.case_id"))
    quote_id: Mapped[UUID]
    revision: Mapped[int]
    ordinal: Mapped[int]
    programme_id: Mapped[str]
    programme_version: Mapped[int]
    services: Mapped[list[str]] = mapped_column(ARRAY(Text))
    price_minor: Mapped[int]
    currency: Mapped[str]
    due_at: Mapped[datetime]
    paid_minor: Mapped[int]
    cancelled: Mapped[str | None]
    received_at: Mapped[datetime | None]
    state: Mapped[str]

    @property
    def due_minor(self) -> int:
        return 0 if self.cancelled else self.price_minor - self.paid_minor


class Checkout(Base):
    __tablename__ = "checkouts"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"))
    provider_id: Mapped[str]
    closed_at: Mapped[datetime | None]


class Attempt(Base):
    __tablename__ = "card_attempts"
    provider_id: Mapped[str] = mapped_column(primary_key=True)
    checkout_id: Mapped[UUID] = mapped_column(ForeignKey("checkouts.id"))
    status: Mapped[str]
    heard_at: Mapped[datetime]


class Payment(Base):
    __tablename__ = "payments"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(ForeignKey("billing_cases.case_id"))
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"))
    method: Mapped[str]
    provider_id: Mapped[str]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    received_at: Mapped[datetime]
    applied_minor: Mapped[int]
    held_minor: Mapped[int]
    returned_minor: Mapped[int]


class Delivery(Base):
    __tablename__ = "webhook_deliveries"
    webhook_id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    received_at: Mapped[datetime]


class Entry(Base):
    __tablename__ = "ledger_transactions"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    case_id: Mapped[UUID]
    kind: Mapped[str]
    source: Mapped[str]
    entered_at: Mapped[datetime]
    entered_by: Mapped[str]
    postings: Mapped[list["Posting"]] = relationship()


class Posting(Base):
    __tablename__ = "ledger_postings"
    transaction_id: Mapped[UUID] = mapped_column(ForeignKey("ledger_transactions.id"), primary_key=True)
    line: Mapped[int] = mapped_column(primary_key=True)
    account: Mapped[str] = mapped_column(ENUM(*Account, name="ledger_account", create_type=False))
    currency: Mapped[str]
    amount_minor: Mapped[int]


class Counter(Base):
    __tablename__ = "document_counters"
    kind: Mapped[str] = mapped_column(primary_key=True)
    seller: Mapped[str] = mapped_column(primary_key=True)
    year: Mapped[int] = mapped_column(primary_key=True)
    last: Mapped[int]


class Document(Base):
    __tablename__ = "documents"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    seller: Mapped[str]
    year: Mapped[int]
    number: Mapped[int]
    case_id: Mapped[UUID] = mapped_column(ForeignKey("billing_cases.case_id"))
    invoice_id: Mapped[UUID] = mapped_column(ForeignKey("invoices.id"))
    source: Mapped[str] = mapped_column(ForeignKey("ledger_transactions.source"))
    amount_minor: Mapped[int]
    currency: Mapped[str]
    issued_at: Mapped[datetime]
    content: Mapped[dict[str, Any]] = mapped_column(JSONB)


class Timer(Base):
    __tablename__ = "timers"
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    due: Mapped[datetime]


class Outbox(Base):
    __tablename__ = "outbox"
    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[UUID]
    topic: Mapped[str]
    case_id: Mapped[UUID]
    sequence: Mapped[int]
    type: Mapped[str]
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime]


class Sequence(Base):
    __tablename__ = "outbox_sequences"
    topic: Mapped[str] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(primary_key=True)
    last: Mapped[int]
