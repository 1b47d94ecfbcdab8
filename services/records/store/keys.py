"""Cases' wrapped data keys."""

from dataclasses import dataclass

from shared.db import Tx
from shared.ids import CaseId


@dataclass(frozen=True)
class CaseKey:
    """A case's key as it lies; ``wrapped`` is None once it was erased. ``kek``: which key wraps it."""

    wrapped: bytes | None
    kek: str


async def case_key(tx: Tx, case_id: CaseId) -> CaseKey | None:
    """Return the case's key, or None while no file of it came."""
    row = await tx.fetchrow("SELECT wrapped, kek FROM case_keys WHERE case_id = $1", case_id)
    return None if row is None else CaseKey(**dict(row))


async def add_case_key(tx: Tx, case_id: CaseId, wrapped: bytes, kek: str) -> None:
    """Keep a case's first key; the first of two who come at once wins."""
    await tx.execute(
        "INSERT INTO case_keys (case_id, wrapped, kek, made_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        case_id, wrapped, kek, tx.now,
    )  # fmt: skip


async def erase_case_key(tx: Tx, case_id: CaseId) -> None:
    """Erase the case's key, or see to it that it never gets one; there is no way back."""
    await tx.execute(
        "INSERT INTO case_keys (case_id, kek, made_at, erased_at) VALUES ($1, '', $2, $2)"
        " ON CONFLICT (case_id) DO UPDATE SET wrapped = NULL, erased_at = coalesce(case_keys.erased_at, $2)",
        case_id, tx.now,
    )  # fmt: skip
