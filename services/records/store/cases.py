"""Collections as a whole: one locked read gives the domain's value; what facts told is noted here."""

from collections.abc import Sequence
from datetime import datetime

from services.records.domain import Collection, Counts, Leg, Person, Shipment, Summary
from services.records.store import checklist
from shared.db import Tx
from shared.events import OpinionDelivered, PaymentReceived, ProgrammeRef, ServicesConfirmed
from shared.ids import CaseId

_COLLECTION = """
SELECT c.case_id, c.case_number, c.programme_id, c.programme_version, c.services, c.languages, c.manager,
       coalesce(counting.revision, 1) <= c.read_revision AS request_read, coalesce(counting.revision, 0) AS revision,
       m.name AS manager_name, c.opened_at, c.completed_at, c.completed_revision, c.target_from, c.target_to,
       c.delivered_at, c.withdrawn_at, c.said, c.zones,
       EXISTS (SELECT FROM payments p WHERE p.case_id = c.case_id AND p.revision = agreed.revision
                                        AND p.quote_id = agreed.quote_id) AS paid
FROM collections c
LEFT JOIN case_managers m ON m.subject = c.manager
LEFT JOIN LATERAL (SELECT revision, quote_id FROM confirmations f WHERE f.case_id = c.case_id AND f.supplements IS NULL
                   ORDER BY revision DESC LIMIT 1) agreed ON true
LEFT JOIN LATERAL (SELECT max(revision) AS revision FROM counting_confirmations f WHERE f.case_id = c.case_id) counting
       ON true
WHERE c.case_id = $1
"""


_HOLD = "SELECT 1 FROM collections WHERE case_id = $1 FOR UPDATE"


async def hold(tx: Tx, case_id: CaseId) -> None:
    """Make the case's row if need be, and let nobody else change the case until this commits."""
    if case_id in tx.held:
        return
    if await tx.fetchval(_HOLD, case_id) is None:
        await tx.execute("INSERT INTO collections (case_id) VALUES ($1) ON CONFLICT DO NOTHING", case_id)
        await tx.fetchval(_HOLD, case_id)
    tx.held.add(case_id)


async def lock(tx: Tx, case_id: CaseId, *, whole: bool = True) -> Collection:
    """Hold the case and return its collection; without items, parcels and summary unless it is to be the ``whole``."""
    await hold(tx, case_id)
    return await load(tx, case_id, whole=whole) or Collection(case_id)


async def load(tx: Tx, case_id: CaseId, *, whole: bool = True) -> Collection | None:
    """Return the case's collection with all that belongs to it, or None: records never heard of the case."""
    row = await tx.fetchrow(_COLLECTION, case_id)
    if row is None:
        return None
    programme = row["programme_id"] and ProgrammeRef(id=row["programme_id"], version=row["programme_version"])
    return Collection(
        case_id=case_id,
        case_number=row["case_number"],
        programme=programme or None,
        services=tuple(row["services"]),
        languages=tuple(row["languages"] or ()),
        zones=tuple(row["zones"]),
        request_read=row["request_read"],
        manager=checklist.person(row["manager"], row["manager_name"]),
        paid=row["paid"],
        opened_at=row["opened_at"],
        completed_at=row["completed_at"],
        revision=row["revision"],
        completed_revision=row["completed_revision"],
        target_from=row["target_from"],
        target_to=row["target_to"],
        delivered_at=row["delivered_at"],
        withdrawn_at=row["withdrawn_at"],
        said=row["said"],
        items=await checklist.items(tx, case_id) if whole else (),
        shipments=await shipments(tx, case_id) if whole else (),
        summary=await _latest_summary(tx, case_id) if whole else None,
    )


async def shipments(tx: Tx, case_id: CaseId) -> tuple[Shipment, ...]:
    """Return the parcels of slides of a case, the first packed first."""
    rows = await tx.fetch(
        "SELECT id, leg, courier, tracking, expected_slides, expected_blocks, packed_by, packed_by_name, packed_at,"
        " counted_slides, counted_blocks, counted_by, counted_by_name, counted_at"
        " FROM slide_shipments WHERE case_id = $1 ORDER BY packed_at, id",
        case_id,
    )
    return tuple(
        Shipment(
            id=row["id"],
            leg=Leg(row["leg"]),
            expected=Counts(row["expected_slides"], row["expected_blocks"]),
            packed_by=Person(row["packed_by"], row["packed_by_name"]),
            packed_at=row["packed_at"],
            courier=row["courier"],
            tracking=row["tracking"],
            counted=None if row["counted_by"] is None else Counts(row["counted_slides"], row["counted_blocks"]),
            counted_by=checklist.person(row["counted_by"], row["counted_by_name"]),
            counted_at=row["counted_at"],
        )
        for row in rows
    )


async def _latest_summary(tx: Tx, case_id: CaseId) -> Summary | None:
    row = await tx.fetchrow(
        "SELECT version, text, written_by, written_by_name, written_at, signed_by, signed_by_name, signed_at"
        " FROM summaries WHERE case_id = $1 ORDER BY version DESC LIMIT 1",
        case_id,
    )
    if row is None:
        return None
    return Summary(
        version=row["version"],
        text=row["text"],
        written_by=Person(row["written_by"], row["written_by_name"]),
        written_at=row["written_at"],
        signed_by=checklist.person(row["signed_by"], row["signed_by_name"]),
        signed_at=row["signed_at"],
    )


async def note_number(tx: Tx, case_id: CaseId, number: str) -> None:
    """Keep the number people read out."""
    await tx.execute("UPDATE collections SET case_number = $2 WHERE case_id = $1", case_id, number)


async def note_confirmation(tx: Tx, fact: ServicesConfirmed) -> None:
    """Keep what was confirmed; the programme stays the first one's (R17, R18)."""
    await tx.execute(
        "INSERT INTO confirmations (case_id, revision, quote_id, services, confirmed_at, supplements)"
        " VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        fact.case_id, fact.revision, fact.quote_id, list(fact.services), fact.confirmed_at, fact.supplements,
    )  # fmt: skip
    await tx.execute(
        "UPDATE collections SET programme_id = coalesce(programme_id, $2),"
        " programme_version = coalesce(programme_version, $3) WHERE case_id = $1",
        fact.case_id, fact.programme.id, fact.programme.version,
    )  # fmt: skip
    await _add_up_services(tx, fact.case_id)


async def note_payment(tx: Tx, fact: PaymentReceived) -> None:
    """Keep which confirmed revision was paid: from now on a supplement counts."""
    await tx.execute(
        "INSERT INTO payments (case_id, revision, quote_id, received_at) VALUES ($1, $2, $3, $4)"
        " ON CONFLICT DO NOTHING",
        fact.case_id, fact.revision, fact.quote_id, fact.received_at,
    )  # fmt: skip
    await _add_up_services(tx, fact.case_id)


async def _add_up_services(tx: Tx, case_id: CaseId) -> None:
    """Services add up over the revisions that count, in the order of their coming (R17)."""
    await tx.execute(
        "UPDATE collections SET services = coalesce((SELECT array_agg(service ORDER BY revision, place) FROM"
        " (SELECT DISTINCT ON (service) service, revision, place FROM counting_confirmations f,"
        " unnest(services) WITH ORDINALITY AS u (service, place)"
        " WHERE f.case_id = $1 ORDER BY service, revision, place) AS firsts), '{}') WHERE case_id = $1",
        case_id,
    )


async def note_request(tx: Tx, case_id: CaseId, revision: int, languages: Sequence[str], zones: Sequence[str]) -> None:
    """Keep the languages the patient speaks, the clocks of their country, and for which confirmation the request was read."""
    await tx.execute(
        "UPDATE collections SET languages = $2, zones = $4, read_revision = greatest(read_revision, $3)"
        " WHERE case_id = $1",
        case_id, list(languages), revision, list(zones),
    )  # fmt: skip


async def note_delivery(tx: Tx, fact: OpinionDelivered) -> None:
    """Keep when the opinion reached the patient."""
    await tx.execute("UPDATE collections SET delivered_at = $2 WHERE case_id = $1", fact.case_id, fact.delivered_at)


async def assign(tx: Tx, case_id: CaseId, manager: str) -> None:
    """Hand the case over to another case manager."""
    await tx.execute("UPDATE collections SET manager = $2 WHERE case_id = $1", case_id, manager)


async def open_(tx: Tx, case_id: CaseId, manager: str) -> None:
    """Open the collection now, in the hands of its one case manager (R22)."""
    await tx.execute("UPDATE collections SET opened_at = $2, manager = $3 WHERE case_id = $1", case_id, tx.now, manager)


async def complete(tx: Tx, case_id: CaseId, revision: int, target_from: datetime, target_to: datetime) -> None:
    """Close the list now for all that is agreed and paid up to ``revision``: the clock of R32 starts."""
    await tx.execute(
        "UPDATE collections SET completed_at = $2, completed_revision = $3, target_from = $4, target_to = $5"
        " WHERE case_id = $1",
        case_id, tx.now, revision, target_from, target_to,
    )  # fmt: skip


async def withdraw(tx: Tx, case_id: CaseId, at: datetime) -> None:
    """Close the case for everybody who isn't answerable for privacy (R29, M13)."""
    await tx.execute("UPDATE collections SET withdrawn_at = coalesce(withdrawn_at, $2) WHERE case_id = $1", case_id, at)
