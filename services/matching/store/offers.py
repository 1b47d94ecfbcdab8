"""Offers, and the assignments they lead to."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.matching.domain.candidates import Candidate, Discipline, Specialist
from services.matching.domain.offers import Offer
from shared.db import Row, Tx
from shared.ids import CaseId, new_id
from shared.staff_queue import Queue


@dataclass(frozen=True, slots=True)
class Assignment:
    id: UUID
    case_id: CaseId
    discipline: Discipline
    specialist_id: UUID
    accepted_at: datetime


_OFFER = "SELECT id, case_id, discipline, specialist_id, rank, state, expires_at, decided_at, reason FROM offers "


def _offer(row: Row) -> Offer:
    return Offer(**row)


async def find_offer(tx: Tx, offer_id: UUID) -> Offer | None:
    row = await tx.fetchrow(_OFFER + "WHERE id = $1", offer_id)
    return _offer(row) if row else None


async def offers_of(tx: Tx, case_id: CaseId) -> list[Offer]:
    """Return all offers of a case, as they were ranked."""
    return [_offer(row) for row in await tx.fetch(_OFFER + "WHERE case_id = $1 ORDER BY rank", case_id)]


async def offers_to(tx: Tx, specialist_id: UUID) -> list[Offer]:
    """Return what waits for this specialist's answer, most urgent first."""
    rows = await tx.fetch(_OFFER + "WHERE specialist_id = $1 AND state = 'offered' ORDER BY expires_at", specialist_id)
    return [_offer(row) for row in rows]


async def add_shortlist(
    tx: Tx, case_id: CaseId, discipline: Discipline, candidates: list[Candidate], chosen_by: str, first_rank: int
) -> None:
    """Keep the candidates in their order; nobody is asked yet."""
    await tx.executemany(
        """INSERT INTO offers (id, case_id, discipline, specialist_id, rank, state, reasons, chosen_by, chosen_at)
           VALUES ($1, $2, $3, $4, $5, 'waiting', $6, $7, $8)""",
        [
            (new_id(), case_id, discipline.value, one.specialist.id, rank,
             [reason.model_dump() for reason in one.reasons], chosen_by, tx.now)
            for rank, one in enumerate(candidates, start=first_rank)
        ],
    )  # fmt: skip


async def save_offer(tx: Tx, offer: Offer) -> None:
    await tx.execute(
        "UPDATE offers SET state = $2, expires_at = $3, decided_at = $4, reason = $5 WHERE id = $1",
        offer.id, offer.state.value, offer.expires_at, offer.decided_at, offer.reason,
    )  # fmt: skip


async def cancel_offers(tx: Tx, case_id: CaseId) -> None:
    """Close every offer of the case that is not decided."""
    await tx.execute(
        """UPDATE offers SET state = 'cancelled', decided_at = $2
           WHERE case_id = $1 AND state IN ('waiting', 'offered')""",
        case_id, tx.now,
    )  # fmt: skip


async def assign(tx: Tx, offer: Offer, declaration: str) -> UUID:
    """Give the case to the specialist who accepted; the database refuses a second one."""
    assigned: UUID = await tx.fetchval(
        """INSERT INTO assignments (id, case_id, discipline, specialist_id, offer_id, declaration, accepted_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id""",
        new_id(), offer.case_id, offer.discipline.value, offer.specialist_id, offer.id, declaration, tx.now,
    )  # fmt: skip
    return assigned


_ASSIGNMENT = "SELECT id, case_id, discipline, specialist_id, accepted_at FROM assignments "


async def assignment_of(tx: Tx, case_id: CaseId) -> Assignment | None:
    row = await tx.fetchrow(_ASSIGNMENT + "WHERE case_id = $1", case_id)
    return Assignment(**{**row, "discipline": Discipline(row["discipline"])}) if row else None


async def cases_of(tx: Tx, specialist_id: UUID) -> list[CaseId]:
    """Return the cases that this specialist accepted, newest first."""
    rows = await tx.fetch(
        "SELECT case_id FROM assignments WHERE specialist_id = $1 ORDER BY accepted_at DESC LIMIT 100", specialist_id
    )
    return [row["case_id"] for row in rows]


async def end_assignments(tx: Tx, case_id: CaseId) -> None:
    """Free the places that this case takes."""
    await tx.execute("UPDATE assignments SET ended_at = $2 WHERE case_id = $1 AND ended_at IS NULL", case_id, tx.now)


async def address_item(tx: Tx, queue: Queue, item_key: str, specialist: Specialist) -> None:
    """Give a queue item to the one specialist it is meant for: to all others it shows as taken."""
    await tx.execute(
        """UPDATE queue_items SET state = 'claimed', claimed_by = $3, claimed_name = $4, claimed_at = $5
           WHERE queue = $1 AND item_key = $2 AND state <> 'done'""",
        queue.name, item_key, specialist.subject, specialist.name, tx.now,
    )  # fmt: skip
