"""Cases' wrapped data keys."""

from collections.abc import Sequence
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


async def wrapped_by_others(tx: Tx, kek: str, after: CaseId | None, most: int) -> list[tuple[CaseId, CaseKey]]:
    """Return, locked, the next keys in order of their cases that another than ``kek`` wraps; erased ones are none."""
    rows = await tx.fetch(
        "SELECT case_id, wrapped, kek FROM case_keys WHERE wrapped IS NOT NULL AND kek <> $1"
        " AND ($2::uuid IS NULL OR case_id > $2) ORDER BY case_id LIMIT $3 FOR UPDATE",
        kek, after, most,
    )  # fmt: skip
    return [(CaseId(row["case_id"]), CaseKey(row["wrapped"], row["kek"])) for row in rows]


async def wrap_anew(tx: Tx, keys: Sequence[tuple[CaseId, bytes]], kek: str) -> None:
    """Keep cases' keys as ``kek`` wraps them; an erased one stays erased."""
    await tx.execute(
        "UPDATE case_keys k SET wrapped = n.wrapped, kek = $3 FROM unnest($1::uuid[], $2::bytea[]) AS n (case_id, wrapped)"
        " WHERE k.case_id = n.case_id AND k.wrapped IS NOT NULL",
        [case_id for case_id, _ in keys], [wrapped for _, wrapped in keys], kek,
    )  # fmt: skip


async def wrapping_keys(tx: Tx) -> dict[str, int]:
    """Return which keys wrap cases' keys, and how many each."""
    rows = await tx.fetch("SELECT kek, count(*)::int AS n FROM case_keys WHERE wrapped IS NOT NULL GROUP BY kek")
    return {row["kek"]: row["n"] for row in rows}
