"""Slides and blocks by courier, to the laboratory and home again: a manifest at one end, a count at the other (R26)."""

from uuid import UUID

from services.records import queues
from services.records.casework import called, decide, desk, put_for_review, settle
from services.records.domain import (
    N_,
    SETTLED,
    Collection,
    Counts,
    Decision,
    ItemState,
    Kind,
    Leg,
    Person,
    Refused,
    Shipment,
    Unknown,
    owed_home,
)
from services.records.store import cases, materials
from shared import staff_queue
from shared.db import Tx
from shared.ids import CaseId, new_id


async def pack_slides(
    tx: Tx, case_id: CaseId, leg: Leg, expected: Counts, courier: str, tracking: str, by: Person
) -> UUID:
    """Write down a parcel and its manifest; the other end will count it (R26)."""
    collection = await cases.lock(tx, case_id)
    if leg is Leg.TO_LABORATORY:
        collection.refuse_unless_open()
    owed = owed_home(collection.shipments)
    if leg is Leg.HOME and (expected.slides > owed.slides or expected.blocks > owed.blocks):
        raise Refused(f"The laboratory holds {owed.slides} slides and {owed.blocks} blocks of this case. Count again.")
    parcel = Shipment(new_id(), leg, expected, by, tx.now, courier, tracking)
    await materials.add_shipment(tx, case_id, parcel)
    if leg is Leg.HOME:
        await settle_return(tx, case_id)
        return parcel.id
    for item in collection.items:
        if item.kind is Kind.SLIDES and item.state not in SETTLED:
            await materials.mark_uploaded(tx, item.id)
    title = f"{called(collection)}: {expected.slides} slides, {expected.blocks} blocks"
    data = {"href": desk(case_id) + "#slides"}
    await staff_queue.put(tx, queues.SLIDES_IN, case_id, str(parcel.id), title, data=data)
    return parcel.id


async def count_slides(tx: Tx, case_id: CaseId, parcel_id: UUID, counted: Counts, by: Person) -> None:
    """Record what was in a parcel. As many as were packed: the item is in; another number: the case manager decides."""
    parcel = _parcel(await cases.lock(tx, case_id), parcel_id)
    await materials.count_shipment(tx, parcel_id, counted, by)
    await staff_queue.done(tx, queues.SLIDES_IN, str(parcel_id))
    if parcel.leg is Leg.HOME:
        return
    collection = await cases.lock(tx, case_id)
    incoming = [s for s in collection.shipments if s.leg is Leg.TO_LABORATORY]
    for item in collection.items:
        if item.kind is not Kind.SLIDES or item.state in SETTLED or collection.withdrawn_at is not None:
            continue
        if all(s.agrees for s in incoming):
            await decide(tx, case_id, item.id, Decision(ItemState.ACCEPTED, by, tx.now), item.version)
        elif counted != parcel.expected:
            await put_for_review(
                tx, collection, item, "the laboratory counted another number of slides than was packed"
            )
    await settle_return(tx, case_id)
    await settle(tx, case_id)


async def settle_return(tx: Tx, case_id: CaseId) -> None:
    """Owe the patient their slides once the opinion is out, or the case withdrawn: until all are on their way (R26)."""
    collection = await cases.lock(tx, case_id, whole=False)
    owed = owed_home(await cases.shipments(tx, case_id))
    if not owed.total:
        await staff_queue.done(tx, queues.SLIDES_HOME, str(case_id))
    elif collection.closed:
        title = f"{called(collection)}: {owed.slides} slides, {owed.blocks} blocks to send home"
        data = {"href": desk(case_id) + "#slides"}
        await staff_queue.put(tx, queues.SLIDES_HOME, case_id, str(case_id), title, data=data)


async def leg_of(tx: Tx, case_id: CaseId, parcel_id: UUID) -> Leg:
    """Return which way a parcel travels. Raises ``Unknown``."""
    return _parcel(await cases.lock(tx, case_id), parcel_id).leg


def _parcel(collection: Collection, parcel_id: UUID) -> Shipment:
    for parcel in collection.shipments:
        if parcel.id == parcel_id:
            return parcel
    raise Unknown(N_("This parcel isn't of this case. Open the case again."))
