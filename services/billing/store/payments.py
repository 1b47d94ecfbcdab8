"""Money that came in, by whichever road."""

from collections.abc import Sequence
from uuid import UUID

from services.billing.domain import Payment
from services.billing.store.rows import with_amount
from shared.db import Tx
from shared.ids import CaseId

_PAYMENT = """id, case_id, invoice_id, method, provider_id, amount_minor, currency, received_at, applied_minor,
              held_minor, returned_minor, disputed_minor, lost_minor"""


async def save_payment(tx: Tx, payment: Payment) -> None:
    """Write a payment, new or changed; where it came from never changes."""
    await tx.execute(
        f"""INSERT INTO payments ({_PAYMENT}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
            ON CONFLICT (id) DO UPDATE SET applied_minor = excluded.applied_minor, held_minor = excluded.held_minor,
                returned_minor = excluded.returned_minor, disputed_minor = excluded.disputed_minor,
                lost_minor = excluded.lost_minor""",
        payment.id, payment.case_id, payment.invoice_id, payment.method, payment.provider_id,
        payment.amount.amount_minor, payment.amount.currency, payment.received_at,
        payment.applied_minor, payment.held_minor, payment.returned_minor, payment.disputed_minor, payment.lost_minor,
    )  # fmt: skip


async def payments_of_case(tx: Tx, case_id: CaseId) -> list[Payment]:
    rows = await tx.fetch(f"SELECT {_PAYMENT} FROM payments WHERE case_id = $1 ORDER BY received_at, id", case_id)
    return [Payment(**with_amount(row)) for row in rows]


async def payments_of_invoice(tx: Tx, invoice_id: UUID) -> list[Payment]:
    rows = await tx.fetch(f"SELECT {_PAYMENT} FROM payments WHERE invoice_id = $1 ORDER BY received_at, id", invoice_id)
    return [Payment(**with_amount(row)) for row in rows]


async def payment(tx: Tx, payment_id: UUID) -> Payment | None:
    row = await tx.fetchrow(f"SELECT {_PAYMENT} FROM payments WHERE id = $1", payment_id)
    return Payment(**with_amount(row)) if row else None


async def payment_of_provider(tx: Tx, provider_id: str) -> Payment | None:
    row = await tx.fetchrow(f"SELECT {_PAYMENT} FROM payments WHERE provider_id = $1", provider_id)
    return Payment(**with_amount(row)) if row else None


async def payments_of_providers(tx: Tx, provider_ids: Sequence[str]) -> set[str]:
    """Return which of these payments, by the provider's ids, are counted in."""
    if not provider_ids:
        return set()
    rows = await tx.fetch("SELECT provider_id FROM payments WHERE provider_id = ANY($1)", provider_ids)
    return {row["provider_id"] for row in rows}
