"""What was asked and answered on lines of the checklist, and when the patient's side was reminded."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from services.records.domain import Message
from shared.db import Tx
from shared.ids import CaseId, new_id

_MESSAGES = "SELECT id, item_id, party, from_desk, by_name, text, at, read_at FROM line_messages WHERE case_id = $1"


@dataclass(frozen=True)
class Chase:
    """The patient's side was reminded."""

    template: str
    audience: str
    by_name: str
    at: datetime


async def messages_of(tx: Tx, case_id: CaseId) -> list[Message]:
    """Return every message of a case, the oldest first."""
    return [Message(**dict(row)) for row in await tx.fetch(_MESSAGES + " ORDER BY at, id", case_id)]


async def add_message(tx: Tx, case_id: CaseId, one: Message) -> None:
    """Add a message to its thread."""
    await tx.execute(
        "INSERT INTO line_messages (id, case_id, item_id, party, from_desk, by_name, text, at)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        one.id, case_id, one.item_id, one.party, one.from_desk, one.by_name, one.text, one.at,
    )  # fmt: skip


async def mark_read(tx: Tx, item_id: UUID, party: str, by_name: str, *, from_desk: bool) -> None:
    """Mark what one side wrote in a thread as read by the other."""
    await tx.execute(
        "UPDATE line_messages SET read_at = $4, read_by_name = $5"
        " WHERE item_id = $1 AND party = $2 AND from_desk = $3 AND read_at IS NULL",
        item_id, party, from_desk, tx.now, by_name,
    )  # fmt: skip


async def add_chase(tx: Tx, case_id: CaseId, template: str, audience: str, by_name: str) -> UUID:
    """Note that a reminder goes out, and return its id."""
    chase_id = new_id()
    await tx.execute(
        "INSERT INTO chases (id, case_id, template, audience, by_name, at) VALUES ($1, $2, $3, $4, $5, $6)",
        chase_id, case_id, template, audience, by_name, tx.now,
    )  # fmt: skip
    return chase_id


async def chases_of(tx: Tx, case_id: CaseId) -> list[Chase]:
    """Return the case's reminders, the latest first."""
    rows = await tx.fetch(
        "SELECT template, audience, by_name, at FROM chases WHERE case_id = $1 ORDER BY at DESC, id DESC", case_id
    )
    return [Chase(**dict(row)) for row in rows]
