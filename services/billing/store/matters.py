"""Differences with the card provider that stand until somebody settles them, with what became of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.billing.store.provider import ProviderDifference, read_difference
from shared.db import Row, Tx
from shared.ids import new_id

MatterState = Literal["open", "taken_in", "settled", "gone"]
Step = Literal["found", "found_again", "taken_in", "settled", "opened_again", "gone"]


@dataclass(frozen=True, slots=True)
class Matter:
    """A difference as it stands, whichever checks find it. ``read_from``: so far back the report was read for it."""

    id: UUID
    identity: str
    subject: str
    key: str
    read_from: datetime
    found_at: datetime
    seen_at: datetime
    state: MatterState
    difference: ProviderDifference


@dataclass(frozen=True, slots=True)
class MatterStep:
    """That something became of a matter: when, by whom and why."""

    step: Step
    at: datetime
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Silence:
    """That the provider's report can't be had: since when it is asked for, and how often it was."""

    since: datetime
    attempts: int


_OWN = "m.id AS matter_id, m.identity AS known_by, m.subject, m.key, m.read_from, m.found_at, m.seen_at, m.state"
_DIFFERENCE = """d.id, d.check_id, d.ordinal, d.kind, d.movement, d.object_id, d.line, d.case_id, d.ours_minor,
                 d.ours_currency, d.said, d.takeable, d.taken_in_by, d.taken_in_at, d.identity"""
_MATTER = f"SELECT {_OWN}, {_DIFFERENCE} FROM provider_matters m JOIN provider_differences d ON d.id = m.difference_id"


def _matter(row: Row) -> Matter:
    given = dict(row)
    own = {name: given.pop(name) for name in ("subject", "key", "read_from", "found_at", "seen_at", "state")}
    own |= {"id": given.pop("matter_id"), "identity": given.pop("known_by")}
    return Matter(**own, difference=read_difference(given))


async def open_matters(tx: Tx) -> list[Matter]:
    """Return what finance has to work off, the oldest first."""
    rows = await tx.fetch(f"{_MATTER} WHERE m.state = 'open' ORDER BY m.found_at, m.id")
    return [_matter(row) for row in rows]


async def ended_matters(tx: Tx) -> list[Matter]:
    """Return the last that ended, the newest first."""
    rows = await tx.fetch(f"{_MATTER} WHERE m.state <> 'open' ORDER BY m.seen_at DESC, m.id DESC LIMIT 30")
    return [_matter(row) for row in rows]


async def matters_known_by(tx: Tx, identities: Sequence[str]) -> dict[str, Matter]:
    rows = await tx.fetch(f"{_MATTER} WHERE m.identity = ANY($1)", list(identities))
    return {row["known_by"]: _matter(row) for row in rows}


async def matter(tx: Tx, matter_id: UUID, *, lock: bool = False) -> Matter | None:
    """Return a matter; ``lock`` keeps others from settling it until the transaction ends."""
    row = await tx.fetchrow(f"{_MATTER} WHERE m.id = $1 {'FOR UPDATE OF m' if lock else ''}", matter_id)
    return _matter(row) if row else None


async def add_matter(tx: Tx, one: Matter) -> None:
    await tx.execute(
        """INSERT INTO provider_matters (id, identity, subject, key, difference_id, read_from, found_at, seen_at, state)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)""",
        one.id, one.identity, one.subject, one.key, one.difference.id, one.read_from, one.found_at, one.seen_at,
        one.state,
    )  # fmt: skip


async def see_matters(tx: Tx, matter_ids: Sequence[UUID]) -> None:
    """Note that these were found once more."""
    await tx.execute("UPDATE provider_matters SET seen_at = $2 WHERE id = ANY($1)", list(matter_ids), tx.now)


async def move_matter(tx: Tx, matter_id: UUID, state: MatterState, step: Step, by: str, reason: str) -> None:
    """Note a step, and how the matter stands after it."""
    await tx.execute("UPDATE provider_matters SET state = $2 WHERE id = $1", matter_id, state)
    await tx.execute(
        "INSERT INTO provider_matter_steps (id, matter_id, step, at, by, reason) VALUES ($1, $2, $3, $4, $5, $6)",
        new_id(), matter_id, step, tx.now, by, reason,
    )  # fmt: skip


async def steps_of_matter(tx: Tx, matter_id: UUID) -> list[MatterStep]:
    """Return what became of a matter, oldest first."""
    rows = await tx.fetch(
        "SELECT step, at, by, reason FROM provider_matter_steps WHERE matter_id = $1 ORDER BY id", matter_id
    )
    return [MatterStep(**row) for row in rows]


async def provider_silence(tx: Tx, errand: str) -> Silence | None:
    """Return since when the report that this errand fetches can't be had; None when the last was had."""
    row = await tx.fetchrow(
        """SELECT min(requested_at) AS since, max(attempts) AS attempts FROM errands
           WHERE kind = $1 AND done_at IS NULL AND error IS NOT NULL""",
        errand,
    )
    return Silence(row["since"], row["attempts"]) if row and row["since"] else None
