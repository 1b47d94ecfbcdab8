"""The contact log and the notes of a case. Each step is one transaction, and leaves who, when and why."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from services.intake import casework, store
from services.intake.contact.colleagues import Colleague, known
from services.intake.domain import Refused, Step, check_may
from services.intake.store import talks
from services.intake.store.talks import Contact
from services.intake.values import Note
from shared.db import Tx
from shared.ids import CaseId, new_id

_AHEAD = timedelta(minutes=5)
"""How far a clock on somebody's desk may be ahead of ours."""


class Talk(BaseModel):
    """One try or talk, as somebody writes it down; `at` is now when they don't say."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    channel: Literal["phone", "email", "fax", "post", "courier", "in_person"] = "phone"
    direction: Literal["out", "in"] = "out"
    with_whom: Literal["requester", "patient", "local_physician", "other"] = "requester"
    reached: bool
    words: Note = ""
    at: datetime | None = None

    @property
    def is_contact(self) -> bool:
        """Whether this stops the contact clock (R12): we reached them, by writing or by speaking with them."""
        spoke = self.direction == "out" or self.channel in ("phone", "in_person")
        return self.reached and spoke and self.with_whom in ("requester", "patient")


async def write(tx: Tx, case_id: CaseId, talk: Talk, by: Colleague, call_back_id: UUID | None = None) -> Contact:
    """Add a line to the log; the first real contact stops the contact clock (R12)."""
    case = await store.lock_case(tx, case_id)
    check_may(Step.WORK, case.stage)
    contact = await keep(tx, case_id, talk, by, call_back_id)
    if talk.is_contact and case.contacted_at is None:
        await casework.record_contact(tx, case_id, by.subject, contact.happened_at)
    return contact


async def keep(tx: Tx, case_id: CaseId | None, talk: Talk, by: Colleague, call_back_id: UUID | None) -> Contact:
    """Keep a line of the log as it is. Refused when it is of the future."""
    at = talk.at or tx.now
    if at > tx.now + _AHEAD:
        raise Refused("A contact is written down after it happened. Check date and time.")
    contact = Contact(
        new_id(), case_id, call_back_id, min(at, tx.now), talk.channel, talk.direction, talk.with_whom, talk.reached,
        talk.words, await known(tx, by), tx.now,
    )  # fmt: skip
    await talks.insert_contact(tx, contact)
    return contact


async def note(tx: Tx, case_id: CaseId, words: str, by: Colleague) -> None:
    """Keep a note that staff alone read."""
    case = await store.lock_case(tx, case_id)
    check_may(Step.WORK, case.stage)
    await talks.insert_note(tx, case_id, words, await known(tx, by))
