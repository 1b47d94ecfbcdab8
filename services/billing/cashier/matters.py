"""Differences with the card provider as finance works them off: found, taken in or settled with a reason, gone (R21).

A difference is the same matter in every check that finds it. What a person settled stays settled when
just the same is found again; what was taken in, or gone, and is found once more is open again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.billing.cashier.queues import PROVIDER, ask_about_difference
from services.billing.domain import MoneyRefusedError
from services.billing.store import ProviderDifference, matters
from services.billing.store.matters import Matter
from shared import log, staff_queue
from shared.db import Tx
from shared.ids import new_id

_log = log.get(__name__)


@dataclass(frozen=True, slots=True)
class Seen:
    """A difference that a check found, what it is about, and how far back the report has to be read to judge it."""

    difference: ProviderDifference
    subject: str
    key: str
    read_from: datetime

    @property
    def identity(self) -> str:
        return self.difference.identity or ""


async def note_differences(tx: Tx, seen: Sequence[Seen], judged: Sequence[Matter], by: str) -> None:
    """Open a matter for what is new, open again what was thought done, and close what this check didn't find any more."""
    known = await matters.matters_known_by(tx, [one.identity for one in seen])
    for one in seen:
        matter = known.get(one.identity)
        if matter is None:
            await _open(tx, one, by)
        elif matter.state in ("taken_in", "gone"):
            await matters.move_matter(tx, matter.id, "open", "found_again", by, "")
            await ask_about_difference(tx, matter)
    await matters.see_matters(tx, [one.id for one in known.values()])
    found = {one.identity for one in seen}
    for matter in judged:
        if matter.identity not in found:
            await _end(tx, matter, "gone", by, "")


async def settle(tx: Tx, matter_id: UUID, reason: str, by: str) -> Matter:
    """Say what became of a difference that no button settles. Raises ``LookupError`` or ``MoneyRefusedError``."""
    matter = await open_matter(tx, matter_id)
    await _end(tx, matter, "settled", by, reason)
    return matter


async def taken_in(tx: Tx, matter: Matter, reason: str, by: str) -> None:
    """Note that the books were brought to where the provider is."""
    await _end(tx, matter, "taken_in", by, reason)


async def open_again(tx: Tx, matter_id: UUID, reason: str, by: str) -> Matter:
    """Work off once more what somebody settled by mistake. Raises ``LookupError`` or ``MoneyRefusedError``."""
    matter = await matters.matter(tx, matter_id, lock=True)
    if matter is None:
        raise LookupError("There is no such difference")
    if matter.state != "settled":
        raise MoneyRefusedError("Only a difference that somebody settled can be opened again")
    await matters.move_matter(tx, matter.id, "open", "opened_again", by, reason)
    await ask_about_difference(tx, matter)
    return matter


async def open_matter(tx: Tx, matter_id: UUID) -> Matter:
    """Return a matter that nobody else settles meanwhile. Raises ``LookupError`` or ``MoneyRefusedError``."""
    matter = await matters.matter(tx, matter_id, lock=True)
    if matter is None:
        raise LookupError("There is no such difference")
    if matter.state != "open":
        last = (await matters.steps_of_matter(tx, matter.id))[-1]
        raise MoneyRefusedError(f"This difference is worked off already: {last.by}, {last.step.replace('_', ' ')}")
    return matter


async def _open(tx: Tx, one: Seen, by: str) -> None:
    matter = Matter(
        new_id(), one.identity, one.subject, one.key, one.read_from, tx.now, tx.now, "open", one.difference
    )  # fmt: skip
    await matters.add_matter(tx, matter)
    await matters.move_matter(tx, matter.id, "open", "found", by, "")
    await ask_about_difference(tx, matter)
    _log.error("provider_differs", kind=one.difference.kind, movement=one.difference.movement)


async def _end(tx: Tx, matter: Matter, how: str, by: str, reason: str) -> None:
    assert how in ("taken_in", "settled", "gone")
    await matters.move_matter(tx, matter.id, how, how, by, reason)  # type: ignore[arg-type]
    await staff_queue.done(tx, PROVIDER, f"matter:{matter.id}")
