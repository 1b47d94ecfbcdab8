"""Visits to the card provider's pay page, and what was heard of them."""

from collections.abc import Mapping, Sequence
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


async def latest_checkout(tx: Tx, invoice_id: UUID) -> Checkout | None:
    row = await tx.fetchrow(
        f"SELECT {_CHECKOUT} FROM checkouts WHERE invoice_id = $1 ORDER BY opened_at DESC, id DESC LIMIT 1", invoice_id
    )
    return Checkout(**with_amount(row)) if row else None


async def count_checkouts(tx: Tx, invoice_id: UUID) -> int:
    count: int = await tx.fetchval("SELECT count(*) FROM checkouts WHERE invoice_id = $1", invoice_id)
    return count


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for a word of the provider: a visit to the pay page, or a refund (``provider_id`` names it there)."""

    kind: str
    id: UUID
    provider_id: str
    since: datetime
    asked_at: datetime | None


async def waiting_for_provider(tx: Tx, case_id: CaseId) -> list[Waiting]:
    """Return the case's visits that aren't closed and refunds that the provider has begun."""
    rows = await tx.fetch(
        """SELECT 'checkout' AS kind, id, provider_id, opened_at AS since, asked_at FROM checkouts
           WHERE case_id = $1 AND closed_at IS NULL
           UNION ALL
           SELECT 'refund', id, paid_as, decided_at, asked_at FROM refunds
           WHERE case_id = $1 AND state = 'decided' AND paid_as IS NOT NULL""",
        case_id,
    )
    return [Waiting(**row) for row in rows]


async def note_asked(tx: Tx, waiting: Waiting) -> None:
    """Note that the provider is asked now."""
    table = {"checkout": "checkouts", "refund": "refunds"}[waiting.kind]
    await tx.execute(f"UPDATE {table} SET asked_at = $2 WHERE id = $1", waiting.id, tx.now)


async def close_checkout(tx: Tx, checkout_id: UUID) -> None:
    await tx.execute("UPDATE checkouts SET closed_at = coalesce(closed_at, $2) WHERE id = $1", checkout_id, tx.now)


async def attempt_statuses(tx: Tx, provider_ids: Sequence[str]) -> dict[str, CardStatus]:
    """Return what was heard so far of each of these attempts, but for those of which nothing was."""
    if not provider_ids:
        return {}
    rows = await tx.fetch("SELECT provider_id, status FROM card_attempts WHERE provider_id = ANY($1)", provider_ids)
    return {row["provider_id"]: CardStatus(row["status"]) for row in rows}


async def latest_attempt(tx: Tx, checkout_id: UUID) -> CardStatus | None:
    status = await tx.fetchval(
        """SELECT status FROM card_attempts WHERE checkout_id = $1
           ORDER BY status = 'succeeded' DESC, heard_at DESC LIMIT 1""",
        checkout_id,
    )
    return CardStatus(status) if status else None


async def attempt_on_invoice(tx: Tx, provider_id: str, invoice_id: UUID) -> CardStatus | None:
    """Return what was heard of one attempt (or of a visit, as Stripe names it), if it is one to pay this invoice."""
    status = await tx.fetchval(
        """SELECT a.status FROM card_attempts a JOIN checkouts c ON c.id = a.checkout_id
           WHERE (a.provider_id = $1 OR c.provider_id = $1) AND c.invoice_id = $2
           ORDER BY a.status = 'succeeded' DESC, a.heard_at DESC LIMIT 1""",
        provider_id, invoice_id,
    )  # fmt: skip
    return CardStatus(status) if status else None


async def checkout_of_attempt(tx: Tx, provider_id: str) -> str | None:
    """Return the provider's name of the visit on which somebody tried to pay."""
    found: str | None = await tx.fetchval(
        "SELECT c.provider_id FROM card_attempts a JOIN checkouts c ON c.id = a.checkout_id WHERE a.provider_id = $1",
        provider_id,
    )
    return found


async def save_attempts(tx: Tx, attempts: Sequence[tuple[str, UUID, CardStatus]]) -> None:
    """Write what is true of attempts: the provider's id, our checkout's and the status of each."""
    if attempts:
        names, checkouts, statuses = zip(*attempts, strict=True)
        await tx.execute(
            """INSERT INTO card_attempts (provider_id, checkout_id, status, heard_at)
               SELECT provider_id, checkout_id, status, $4
               FROM unnest($1::text[], $2::uuid[], $3::text[]) AS t (provider_id, checkout_id, status)
               ON CONFLICT (provider_id) DO UPDATE SET status = excluded.status, heard_at = excluded.heard_at""",
            names, checkouts, statuses, tx.now,
        )  # fmt: skip


async def note_deliveries(tx: Tx, kinds: Mapping[str, str]) -> set[str]:
    """Return which of these messages (their ids, with the kind of each) are new; others' are awaited until they commit.

    Ids are written in their order, so that two who have some in common wait for each other in one direction only.
    """
    rows = await tx.fetch(
        """INSERT INTO webhook_deliveries (webhook_id, kind, received_at)
           SELECT webhook_id, kind, $3 FROM unnest($1::text[], $2::text[]) AS t (webhook_id, kind) ORDER BY webhook_id
           ON CONFLICT DO NOTHING RETURNING webhook_id""",
        list(kinds), list(kinds.values()), tx.now,
    )  # fmt: skip
    return {row["webhook_id"] for row in rows}


@dataclass(frozen=True, slots=True)
class Meant:
    """What of ours a provider's message is about; nothing where it names nothing of ours."""

    checkout_id: UUID | None
    invoice_id: UUID | None
    case_id: CaseId | None


async def meant_by(tx: Tx, named: Sequence[tuple[str, UUID | None]]) -> list[Meant]:
    """Return, in their order, what is meant by names: the provider's of a checkout, or else an invoice's own id."""
    if not named:
        return []
    checkouts, references = zip(*named, strict=True)
    rows = await tx.fetch(
        """SELECT c.id AS checkout_id, i.id AS invoice_id, i.case_id
           FROM unnest($1::text[], $2::uuid[]) WITH ORDINALITY AS t (checkout, reference, place)
           LEFT JOIN checkouts c ON c.provider_id = t.checkout
           LEFT JOIN invoices i ON i.id = coalesce(c.invoice_id, t.reference) ORDER BY t.place""",
        checkouts, references,
    )  # fmt: skip
    return [Meant(**row) for row in rows]
