"""Disputed card payments."""

from collections.abc import Sequence
from uuid import UUID

from services.billing.domain import Dispute, DisputeState
from services.billing.store.rows import with_amount
from shared.db import Row, Tx
from shared.ids import CaseId

_DISPUTE = """id, provider_id, provider_payment, payment_id, case_id, amount_minor, currency, reason, state, opened_at,
              evidence_due_at, settled_at, accepted_by, accepted_reason, accepted_at, concluded_by, concluded_reason,
              concluded_at"""


def _dispute(row: Row) -> Dispute:
    given = with_amount(row)
    return Dispute(state=DisputeState(given.pop("state")), **given)


async def save_dispute(tx: Tx, dispute: Dispute) -> None:
    """Write a dispute, new or changed; what it is about never changes, except that its payment becomes known."""
    await tx.execute(
        f"""INSERT INTO disputes ({_DISPUTE})
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
            ON CONFLICT (id) DO UPDATE SET payment_id = excluded.payment_id, case_id = excluded.case_id,
                state = excluded.state, evidence_due_at = excluded.evidence_due_at, settled_at = excluded.settled_at,
                accepted_by = excluded.accepted_by, accepted_reason = excluded.accepted_reason,
                accepted_at = excluded.accepted_at, concluded_by = excluded.concluded_by,
                concluded_reason = excluded.concluded_reason, concluded_at = excluded.concluded_at""",
        dispute.id, dispute.provider_id, dispute.provider_payment, dispute.payment_id, dispute.case_id,
        dispute.amount.amount_minor, dispute.amount.currency, dispute.reason, dispute.state, dispute.opened_at,
        dispute.evidence_due_at, dispute.settled_at, dispute.accepted_by, dispute.accepted_reason, dispute.accepted_at,
        dispute.concluded_by, dispute.concluded_reason, dispute.concluded_at,
    )  # fmt: skip


async def dispute(tx: Tx, dispute_id: UUID) -> Dispute | None:
    row = await tx.fetchrow(f"SELECT {_DISPUTE} FROM disputes WHERE id = $1", dispute_id)
    return _dispute(row) if row else None


async def dispute_of_provider(tx: Tx, provider_id: str) -> Dispute | None:
    """Return what is known of a dispute; nobody else can change it until the transaction ends."""
    row = await tx.fetchrow(f"SELECT {_DISPUTE} FROM disputes WHERE provider_id = $1 FOR UPDATE", provider_id)
    return _dispute(row) if row else None


async def disputes_of_case(tx: Tx, case_id: CaseId) -> list[Dispute]:
    rows = await tx.fetch(f"SELECT {_DISPUTE} FROM disputes WHERE case_id = $1 ORDER BY opened_at, id", case_id)
    return [_dispute(row) for row in rows]


async def waits_for_payment(tx: Tx, provider_payments: Sequence[str]) -> bool:
    """Whether a dispute of one of these payments was heard of, and isn't counted in yet."""
    return bool(
        await tx.fetchval(
            "SELECT EXISTS (SELECT FROM disputes WHERE provider_payment = ANY($1) AND payment_id IS NULL)",
            list(provider_payments),
        )
    )


async def disputes_waiting_for(tx: Tx, provider_payment: str) -> list[Dispute]:
    """Return the disputes of a payment that nobody had told us of."""
    rows = await tx.fetch(
        f"SELECT {_DISPUTE} FROM disputes WHERE provider_payment = $1 AND payment_id IS NULL FOR UPDATE",
        provider_payment,
    )
    return [_dispute(row) for row in rows]
