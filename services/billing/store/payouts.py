"""What the card provider paid out to the bank or took from it, and the line of the bank that shows it."""

from uuid import UUID

from services.billing.domain import Payout
from services.billing.store.rows import with_amount
from services.billing.store.wires import WireReceipt
from shared.db import Tx

_PAYOUT = """id, provider_id, amount_minor, currency, sent_at, bank_text, failed_at, receipt_id, matched_by, matched_at,
             turns, taken, line_id"""


async def add_payout(tx: Tx, payout: Payout) -> bool:
    """Keep a payout; return False when it is known already."""
    changed = await tx.changed(
        """INSERT INTO provider_payouts (id, provider_id, amount_minor, currency, sent_at, bank_text, taken)
           VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (provider_id) DO NOTHING""",
        payout.id, payout.provider_id, payout.amount.amount_minor, payout.amount.currency, payout.sent_at,
        payout.bank_text, payout.taken,
    )  # fmt: skip
    return changed == 1


async def save_payout(tx: Tx, payout: Payout) -> None:
    """Write what became of a payout."""
    await tx.execute(
        """UPDATE provider_payouts SET failed_at = $2, receipt_id = $3, matched_by = $4, matched_at = $5, turns = $6,
                  line_id = $7 WHERE id = $1""",
        payout.id, payout.failed_at, payout.receipt_id, payout.matched_by, payout.matched_at, payout.turns,
        payout.line_id,
    )  # fmt: skip


async def payout(tx: Tx, payout_id: UUID) -> Payout | None:
    """Return a payout that nobody else can change until the transaction ends."""
    row = await tx.fetchrow(f"SELECT {_PAYOUT} FROM provider_payouts WHERE id = $1 FOR UPDATE", payout_id)
    return Payout(**with_amount(row)) if row else None


async def payout_of_provider(tx: Tx, provider_id: str) -> Payout | None:
    """Return a payout by the provider's name, locked as by ``payout``."""
    row = await tx.fetchrow(f"SELECT {_PAYOUT} FROM provider_payouts WHERE provider_id = $1 FOR UPDATE", provider_id)
    return Payout(**with_amount(row)) if row else None


async def payout_of_receipt(tx: Tx, receipt_id: UUID) -> Payout | None:
    """Return the payout that a line of the bank brought, locked as by ``payout``."""
    row = await tx.fetchrow(f"SELECT {_PAYOUT} FROM provider_payouts WHERE receipt_id = $1 FOR UPDATE", receipt_id)
    return Payout(**with_amount(row)) if row else None


async def payout_of_line(tx: Tx, line_id: UUID) -> Payout | None:
    """Return the payout that left our bank by this line, locked as by ``payout``."""
    row = await tx.fetchrow(f"SELECT {_PAYOUT} FROM provider_payouts WHERE line_id = $1 FOR UPDATE", line_id)
    return Payout(**with_amount(row)) if row else None


async def payouts_on_their_way(tx: Tx) -> list[Payout]:
    """Return the payouts that a line of the bank is still to show, the oldest first."""
    rows = await tx.fetch(
        f"""SELECT {_PAYOUT} FROM provider_payouts WHERE receipt_id IS NULL AND (failed_at IS NULL) = (line_id IS NULL)
            ORDER BY sent_at, id LIMIT 1000"""
    )
    return [Payout(**with_amount(row)) for row in rows]


async def payouts(tx: Tx) -> list[Payout]:
    """Return the last payouts, the newest first."""
    rows = await tx.fetch(f"SELECT {_PAYOUT} FROM provider_payouts ORDER BY sent_at DESC, id DESC LIMIT 30")
    return [Payout(**with_amount(row)) for row in rows]


async def reopen_payout_receipt(tx: Tx, receipt: WireReceipt) -> None:
    """Put a line of the bank that was taken for a payout back among those to match."""
    await tx.execute(
        """UPDATE wire_receipts SET closed_as = NULL, closed_by = NULL, closed_at = NULL, closed_reason = NULL
           WHERE id = $1 AND closed_as = 'payout'""",
        receipt.id,
    )
