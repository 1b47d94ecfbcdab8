"""How a collection opens, whom it gets as its guide, and how its checklist grows with what becomes known (R17, R20-R23)."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from babel.core import get_global

from services.records.casework import settle
from services.records.domain import choose_manager
from services.records.partner import tell
from services.records.store import cases, guides, history, imaging, materials
from shared import programme
from shared.backbone import errands, outbox, timers
from shared.db import Tx
from shared.events import CollectionOpened, PartnerCollectionOpened
from shared.ids import CaseId


class NobodyToGuide(Exception):
    """No case manager is active: seed the roster, then retry the parked fact (R22)."""


async def grow(tx: Tx, case_id: CaseId) -> None:
    """Bring the checklist up to what counts by now, and have the patient's request read for it (R17, R23)."""
    collection = await cases.lock(tx, case_id, whole=False)
    if collection.revision:
        await draft(tx, case_id, collection.revision)
        payload = {"revision": collection.revision}
        await errands.request(tx, "read_request", case_id, f"{case_id}:{collection.revision}", payload)


async def draft(tx: Tx, case_id: CaseId, revision: int, cancer_type: str | None = None) -> None:
    """Bring the checklist up to what the confirmed services, and the tumour once it is known, call for (R23)."""
    collection = await cases.lock(tx, case_id, whole=False)
    if collection.programme is not None and collection.withdrawn_at is None:
        rules = programme.load(collection.programme)
        asked = rules.checklist(collection.services, cancer_type, collection.said)
        await materials.add_items(tx, case_id, revision, asked)
        await materials.drop_items(tx, case_id, rules.depending_on_history() - {one.code for one in asked})


async def open_when_paid(tx: Tx, case_id: CaseId) -> None:
    """Give a paid case its case manager and ask for what is missing (R20, R22); once, whichever fact came last."""
    collection = await cases.lock(tx, case_id, whole=False)
    if not collection.paid or collection.opened_at is not None or collection.withdrawn_at is not None:
        return
    assert collection.programme is not None
    manager = await guides.give_out(
        tx, lambda roster: choose_manager(roster, collection.languages, collection.zones, tx.now)
    )
    if manager is None:
        raise NobodyToGuide("no case manager is active: seed the roster, then retry this record")
    await cases.open_(tx, case_id, manager.subject)
    history.note(tx, case_id, "opened", None, to=manager.name)
    nudge_due_at = tx.now + programme.load(collection.programme).clocks.nudge_after
    if collection.delivered_at is None:
        await timers.set(tx, case_id, "nudge", nudge_due_at)
    outbox.append(tx, CollectionOpened(case_id=case_id, opened_at=tx.now, nudge_due_at=nudge_due_at))
    needed = await materials.count_needed(tx, case_id)
    await tell(tx, PartnerCollectionOpened(case_id=case_id, occurred_at=tx.now, needed=needed))


@cache
def zones_of(country: str | None) -> tuple[str, ...]:
    """Return the time zones of a country (ISO 3166 alpha-2), none for one that isn't known."""
    territories: Mapping[str, Any] = get_global("zone_territories")
    return tuple(
        sorted(zone for zone, place in territories.items() if place == country and zone in available_timezones())
    )


async def learn(
    tx: Tx, case_id: CaseId, revision: int, languages: Sequence[str], country: str | None, cancer_type: str | None
) -> None:
    """Take from the patient's request what shapes the collection: languages, clock and tumour (R22, R23).

    A case manager who doesn't speak with the patient hands over to one who does, as long as nothing was decided.
    """
    await draft(tx, case_id, revision, cancer_type)
    await imaging.learn_cancer(tx, case_id, cancer_type)
    zones = zones_of(country)
    await cases.note_request(tx, case_id, revision, languages, zones)
    collection = await cases.lock(tx, case_id)
    untouched = all(item.decision is None for item in collection.items) and collection.summary is None
    untouched = untouched and not await guides.hand_overs_of(tx, case_id)
    if collection.manager is not None and untouched:
        roster = [replace(m, load=m.load - (m.subject == collection.manager.subject)) for m in await guides.roster(tx)]
        better = choose_manager(roster, languages, zones, tx.now)
        current = next((m for m in roster if m.subject == collection.manager.subject), None)
        speaks = current is not None and not current.languages.isdisjoint(languages)
        if better is not None and not speaks:
            await cases.assign(tx, case_id, better.subject)
    await settle(tx, case_id)
