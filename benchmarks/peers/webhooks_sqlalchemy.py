"""FastAPI and SQLAlchemy: the same ``POST /api/billing/webhooks/gateway``, built the way their documentation shows.

Declarative models of billing's own tables, so that the same constraints and triggers hold; an ``AsyncSession`` and one
transaction a message, committed before the answer. It promises what ours does: signature and age checked by the same
code, each message once, what is true of an attempt in whatever order it is told, a payment counted in once under the
case's lock, ledger, numbered receipt, clock, desk and the fact PaymentReceived in an outbox with the case's next number. It has none of
our middleware.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import uvicorn
from fastapi import FastAPI, HTTPException, Request
from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine

from benchmarks.peers.webhooks_models import (
    Attempt,
    Case,
    Checkout,
    Counter,
    Delivery,
    Document,
    Entry,
    Invoice,
    Outbox,
    Payment,
    Posting,
    Sequence,
    Timer,
)
from services.billing.domain import CardStatus, Content, Named
from services.billing.domain import hear as hear_status
from services.billing.gateway import CardNotice, HttpGateway, NotFromGatewayError
from services.billing.settings import SANDBOX_WEBHOOK_SECRET
from shared import programme
from shared.events import Money, PaymentReceived, ProgrammeRef
from shared.ids import CaseId, new_id

POOL = 10
"""Connections of one process: as many as ours gets beside it."""


def create_app(url: str) -> FastAPI:
    """Return the application on billing's database."""
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=POOL, max_overflow=0)
    sessions = async_sessionmaker(engine, expire_on_commit=False)
    provider = HttpGateway("http://127.0.0.1", "unused", SANDBOX_WEBHOOK_SECRET)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await engine.dispose()

    app = FastAPI(lifespan=lifespan)

    @app.post("/api/billing/webhooks/gateway", status_code=202)
    async def hear(request: Request) -> dict[str, bool]:
        try:
            message = provider.read(request.headers, await request.body())
        except NotFromGatewayError as error:
            raise HTTPException(400, str(error)) from None
        async with sessions.begin() as db:
            now = datetime.now(UTC)
            noted = await db.scalar(
                insert(Delivery)
                .values(webhook_id=message.webhook_id, kind=message.kind, received_at=now)
                .on_conflict_do_nothing()
                .returning(Delivery.webhook_id)
            )
            if noted and isinstance(message.about, CardNotice):
                await _hear_card(db, message.about, now)
        return {"done": True}

    return app


async def _hear_card(db: AsyncSession, notice: CardNotice, now: datetime) -> None:
    checkout = await db.scalar(select(Checkout).where(Checkout.provider_id == notice.checkout_id))
    invoice_id = checkout.invoice_id if checkout else notice.reference
    case = await db.scalar(
        select(Case).join(Invoice, Invoice.case_id == Case.case_id).where(Invoice.id == invoice_id).with_for_update(of=Case)
    )  # fmt: skip
    if case is None:
        return
    if checkout:
        attempt = await db.get(Attempt, notice.payment_id)
        status = hear_status(CardStatus(attempt.status) if attempt else None, notice.status)
        if attempt is None:
            db.add(Attempt(provider_id=notice.payment_id, checkout_id=checkout.id, status=status, heard_at=now))
        else:
            attempt.status, attempt.heard_at = status, now
    if notice.status != CardStatus.SUCCEEDED:
        return
    if await db.scalar(select(Payment.id).where(Payment.provider_id == notice.payment_id)):
        return
    if checkout:
        checkout.closed_at = checkout.closed_at or now
    await _take(db, await db.get_one(Invoice, invoice_id), notice, now)


async def _take(db: AsyncSession, invoice: Invoice, notice: CardNotice, now: datetime) -> None:
    """Count a payment in. The benchmark pays each invoice exactly, so what is held never needs a desk's attention here."""
    applied = min(invoice.due_minor, notice.amount_minor) if notice.currency == invoice.currency else 0
    held = notice.amount_minor - applied
    assert not held, "the benchmark pays what is due"
    payment = Payment(
        id=new_id(), case_id=invoice.case_id, invoice_id=invoice.id, method="card", provider_id=notice.payment_id,
        amount_minor=notice.amount_minor, currency=notice.currency, received_at=now, applied_minor=applied, held_minor=held,
        returned_minor=0,
    )  # fmt: skip
    db.add(payment)
    entry = Entry(
        id=new_id(), case_id=invoice.case_id, kind="payment_received", source=f"payment:{payment.id}", entered_at=now,
        entered_by="system",
    )  # fmt: skip
    entry.postings = [
        Posting(line=line, account=account, currency=notice.currency, amount_minor=amount)
        for line, (account, amount) in enumerate((("card_clearing", applied), ("receivable", -applied)), 1)
    ]
    db.add(entry)
    invoice.paid_minor += applied
    invoice.state = "part_paid" if invoice.due_minor else "paid"
    if not invoice.due_minor and invoice.received_at is None:
        invoice.received_at = now
        await _tell(db, invoice, now)
    await _watch_due(db, invoice.case_id)
    await _hand_out_receipt(db, invoice, payment, entry, now)


async def _hand_out_receipt(db: AsyncSession, invoice: Invoice, payment: Payment, entry: Entry, now: datetime) -> None:
    """Write the receipt with the next number; the row that counts is locked last, after all else is written."""
    rules = programme.load(ProgrammeRef(id=invoice.programme_id, version=invoice.programme_version))
    year = now.astimezone(ZoneInfo(rules.calendar.zone)).year
    titles = [
        Named(code=code, titles={locale: rules.catalogue[code].title_in(locale) for locale in rules.locales})
        for code in invoice.services
    ]
    content = Content(
        seller=rules.organisation_hospital, seller_address=rules.contacts.post or "",
        ordinal=invoice.ordinal, revision=invoice.revision, services=tuple(titles), due_at=invoice.due_at,
        price=Money(amount_minor=invoice.price_minor, currency=invoice.currency), method="card",
        applied_minor=payment.applied_minor, held_minor=payment.held_minor,
    )  # fmt: skip
    await db.flush()
    number = await db.scalar(
        insert(Counter)
        .values(kind="receipt", seller=invoice.programme_id, year=year, last=1)
        .on_conflict_do_update(index_elements=["kind", "seller", "year"], set_={"last": Counter.last + 1})
        .returning(Counter.last)
    )
    db.add(
        Document(
            id=new_id(), kind="receipt", seller=invoice.programme_id, year=year, number=number, case_id=invoice.case_id,
            invoice_id=invoice.id, source=entry.source, amount_minor=payment.amount_minor, currency=payment.currency,
            issued_at=now, content=content.model_dump(mode="json"),
        )
    )  # fmt: skip


async def _tell(db: AsyncSession, invoice: Invoice, now: datetime) -> None:
    price = Money(amount_minor=invoice.price_minor, currency=invoice.currency)
    fact = PaymentReceived(
        case_id=CaseId(invoice.case_id), quote_id=invoice.quote_id, revision=invoice.revision, price=price, method="card",
        received_at=now,
    )  # fmt: skip
    told = await db.get(Sequence, (fact.topic, invoice.case_id))
    if told is None:
        told = Sequence(topic=fact.topic, case_id=invoice.case_id, last=0)
        db.add(told)
    told.last += 1
    db.add(
        Outbox(
            event_id=new_id(), topic=fact.topic, case_id=invoice.case_id, sequence=told.last, type=fact.type_name(),
            payload=fact.model_dump(mode="json"), created_at=now,
        )
    )  # fmt: skip


async def _watch_due(db: AsyncSession, case_id: UUID) -> None:
    invoices = (await db.scalars(select(Invoice).where(Invoice.case_id == case_id))).all()
    due = [one.due_at for one in invoices if one.due_minor]
    if due:
        await db.merge(Timer(case_id=case_id, name="expire_invoices", due=min(due)))
    else:
        await db.execute(delete(Timer).where(Timer.case_id == case_id, Timer.name == "expire_invoices"))


def serve(url: str, port: int) -> None:
    """Serve it until told to stop."""
    uvicorn.run(create_app(url), host="127.0.0.1", port=port, log_level="warning", access_log=False)
