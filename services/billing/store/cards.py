"""Visits to the card provider's pay page, and what was heard of them."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.billing.domain import CardStatus
from services.billing.store.rows import with_amount
from shared.db import Tx
from shared.events import Money
from shared.ids import CaseId


@dataclass(frozen=True, slots=True)
class Checkout:
    id: UUID
    case_id: CaseId
    invoice_id: UUID
    provider_id: str
    url: str
    amount: Money
    opened_at: datetime
    expires_at: datetime
    closed_at: datetime | None


_CHECKOUT = "id, case_id, invoice_id, provider_id, url, amount_minor, currency, opened_at, expires_at, closed_at"


async def add_checkout(tx: Tx, checkout: Checkout) -> None:
    """Keep a checkout; the same one a second time changes nothing."""
    await tx.execute(
        f"""INSERT INTO checkouts ({_CHECKOUT}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
            ON CONFLICT (provider_id) DO NOTHING""",
        checkout.id, checkout.case_id, checkout.invoice_id, checkout.provider_id, checkout.url,
        checkout.amount.amount_minor, checkout.amount.currency, checkout.opened_at, checkout.expires_at,
        checkout.closed_at,
    )  # fmt: skip


async def checkout_of_provider(tx: Tx, provider_id: str) -> Checkout | None:
    row = await tx.fetchrow(f"SELECT {_CHECKOUT} FROM checkouts WHERE provider_id = $1", provider_id)
    return Checkout(**with_amount(row)) if row else None


async def latest_checkout(tx: Tx, invoice_id: UUID) -> Checkout | None:
    row = await tx.fetchrow(
        f"SELECT {_CHECKOUT} FROM checkouts WHERE invoice_id = $1 ORDER BY opened_at DESC, id DESC LIMIT 1", invoice_id
    )
    return Checkout(**with_amount(row)) if row else None


async def count_checkouts(tx: Tx, invoice_id: UUID) -> int:
    count: int = await tx.fetchval("SELECT count(*) FROM checkouts WHERE invoice_id = $1", invoice_id)
    return count


async def close_checkout(tx: Tx, checkout_id: UUID) -> None:
    await tx.execute("UPDATE checkouts SET closed_at = coalesce(closed_at, $2) WHERE id = $1", checkout_id, tx.now)


async def attempt_status(tx: Tx, provider_id: str) -> CardStatus | None:
    status = await tx.fetchval("SELECT status FROM card_attempts WHERE provider_id = $1", provider_id)
    return CardStatus(status) if status else None


async def latest_attempt(tx: Tx, checkout_id: UUID) -> CardStatus | None:
    status = await tx.fetchval(
        """SELECT status FROM card_attempts WHERE checkout_id = $1
           ORDER BY status = 'succeeded' DESC, heard_at DESC LIMIT 1""",
        checkout_id,
    )
    return CardStatus(status) if status else None


async def attempt_on_invoice(tx: Tx, provider_id: str, invoice_id: UUID) -> CardStatus | None:
    """Return what was heard of one attempt, if it is one to pay this invoice."""
    status = await tx.fetchval(
        """SELECT a.status FROM card_attempts a JOIN checkouts c ON c.id = a.checkout_id
           WHERE a.provider_id = $1 AND c.invoice_id = $2""",
        provider_id, invoice_id,
    )  # fmt: skip
    return CardStatus(status) if status else None


async def save_attempt(tx: Tx, provider_id: str, checkout_id: UUID, status: CardStatus) -> None:
    await tx.execute(
        """INSERT INTO card_attempts (provider_id, checkout_id, status, heard_at) VALUES ($1, $2, $3, $4)
           ON CONFLICT (provider_id) DO UPDATE SET status = excluded.status, heard_at = excluded.heard_at""",
        provider_id, checkout_id, status, tx.now,
    )  # fmt: skip


async def note_delivery(tx: Tx, webhook_id: str, kind: str) -> bool:
    """Return whether this message is new. Two at once take turns: the second sees the first's row when it commits."""
    tag = await tx.execute(
        "INSERT INTO webhook_deliveries (webhook_id, kind, received_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        webhook_id, kind, tx.now,
    )  # fmt: skip
    return tag == "INSERT 0 1"
