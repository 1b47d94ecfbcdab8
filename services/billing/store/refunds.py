"""Money on its way back."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from services.billing.domain import Refund, RefundState
from services.billing.store.rows import with_amount
from shared.db import Tx
from shared.events import Money
from shared.ids import CaseId

_REFUND = """r.id, r.case_id, r.payment_id, p.method, r.amount_minor, r.currency, r.why, r.reason, r.decided_by,
             r.decided_at, r.state, r.of_fee_minor, r.at_provider,
             EXISTS (SELECT FROM ledger_transactions t WHERE t.source = 'refund_bounced:' || r.id) AS bounced
             FROM refunds r JOIN payments p ON p.id = r.payment_id"""


async def add_refund(tx: Tx, refund: Refund) -> None:
    await tx.execute(
        """INSERT INTO refunds
               (id, case_id, payment_id, amount_minor, currency, why, reason, decided_by, decided_at, state,
                of_fee_minor, at_provider)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)""",
        refund.id, refund.case_id, refund.payment_id, refund.amount.amount_minor, refund.amount.currency, refund.why,
        refund.reason, refund.decided_by, refund.decided_at, refund.state, refund.of_fee_minor, refund.at_provider,
    )  # fmt: skip


async def note_sent(tx: Tx, refund_id: UUID, provider_id: str) -> None:
    """Note under which name the provider has begun a refund that isn't done yet."""
    await tx.execute("UPDATE refunds SET paid_as = $2 WHERE id = $1 AND state = 'decided'", refund_id, provider_id)


async def settle_refund(tx: Tx, refund_id: UUID, state: RefundState, paid_as: str | None) -> None:
    """Note how a refund ended; ``paid_as`` is the provider's or the bank's reference."""
    await tx.execute(
        "UPDATE refunds SET state = $2, paid_as = coalesce($3, paid_as), settled_at = $4 WHERE id = $1",
        refund_id, state, paid_as, tx.now,
    )  # fmt: skip


async def refund(tx: Tx, refund_id: UUID) -> Refund | None:
    row = await tx.fetchrow(f"SELECT {_REFUND} WHERE r.id = $1", refund_id)
    return Refund(**with_amount(row)) if row else None


async def refund_at_provider(tx: Tx, name: str) -> Refund | None:
    """Return the refund that was made at the provider under this name, if it is booked."""
    row = await tx.fetchrow(f"SELECT {_REFUND} WHERE r.at_provider = $1", name)
    return Refund(**with_amount(row)) if row else None


async def note_made_at_provider(tx: Tx, refund_id: UUID, name: str) -> None:
    """Note that a refund of ours was sent by a person at the provider, under this name."""
    await tx.execute("UPDATE refunds SET at_provider = $2 WHERE id = $1", refund_id, name)


async def lower_refund(tx: Tx, refund: Refund) -> None:
    """Note that less of it goes back."""
    await tx.execute("UPDATE refunds SET amount_minor = $2 WHERE id = $1", refund.id, refund.amount.amount_minor)


async def provider_failed(tx: Tx, refund_id: UUID, provider_id: str) -> bool:
    """Whether the provider has said that what it calls ``provider_id`` failed: its last word, whatever comes late."""
    found: bool = await tx.fetchval(
        "SELECT state = 'failed' AND paid_as IS NOT DISTINCT FROM $2 FROM refunds WHERE id = $1", refund_id, provider_id
    )
    return found


@dataclass(frozen=True, slots=True)
class MadeThere:
    """A refund that somebody made at the provider itself, by its ``name`` there; ``amount``: None when it came back."""

    name: str
    title: str
    payment: str | None
    amount: Money | None


async def asked_about_at_provider(tx: Tx, case_id: CaseId) -> dict[str, MadeThere]:
    """Return what finance is asked to look at because it was sent back at the provider itself, by the provider's name."""
    rows = await tx.fetch(
        """SELECT substr(item_key, length('at_provider:') + 1) AS name, title, data FROM queue_items
           WHERE case_id = $1 AND starts_with(item_key, 'at_provider:') AND state <> 'done' ORDER BY created_at, id""",
        case_id,
    )
    return {row["name"]: _made_there(row["name"], row["title"], row["data"]) for row in rows}


def _made_there(name: str, title: str, data: Mapping[str, Any]) -> MadeThere:
    amount = Money.model_validate(data["amount"]) if data.get("amount") else None
    return MadeThere(name, title, data.get("payment"), amount)


async def refunds_of_case(tx: Tx, case_id: CaseId) -> list[Refund]:
    rows = await tx.fetch(f"SELECT {_REFUND} WHERE r.case_id = $1 ORDER BY r.decided_at, r.id", case_id)
    return [Refund(**with_amount(row)) for row in rows]
