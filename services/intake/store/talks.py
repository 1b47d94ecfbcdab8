"""What was said and what is to be done: the contact log, notes, tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from shared.db import Tx
from shared.ids import CaseId, new_id


@dataclass(frozen=True, slots=True)
class Contact:
    """One try or talk, as it was written down; nothing changes it afterwards."""

    contact_id: UUID
    case_id: CaseId | None
    call_back_id: UUID | None
    happened_at: datetime
    channel: str
    direction: str
    with_whom: str
    reached: bool
    words: str
    written_by: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class StaffNote:
    note_id: UUID
    words: str
    written_by: str
    written_at: datetime


@dataclass(frozen=True, slots=True)
class Task:
    task_id: UUID
    case_id: CaseId
    case_number: str
    what: str
    due: datetime
    assignee: str
    assignee_name: str
    acting: str | None
    acting_name: str | None
    made_by: str
    state: str
    ended_by: str | None
    ended_at: datetime | None


async def insert_contact(tx: Tx, contact: Contact) -> None:
    await tx.execute(
        """INSERT INTO contacts (contact_id, case_id, call_back_id, happened_at, channel, direction, with_whom, reached,
               words, written_by, written_at)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)""",
        contact.contact_id, contact.case_id, contact.call_back_id, contact.happened_at, contact.channel,
        contact.direction, contact.with_whom, contact.reached, contact.words, contact.written_by, contact.written_at,
    )  # fmt: skip


_CONTACTS = """SELECT contact_id, case_id, call_back_id, happened_at, channel, direction, with_whom, reached, words,
                      written_by, written_at FROM contacts """


async def contacts_of(tx: Tx, case_id: CaseId) -> list[Contact]:
    """Return the log of a case, the newest first."""
    sql = _CONTACTS + "WHERE case_id = $1 ORDER BY happened_at DESC, contact_id DESC"
    return [Contact(**row) for row in await tx.fetch(sql, case_id)]


async def contacts_of_call_back(tx: Tx, call_back_id: UUID) -> list[Contact]:
    sql = _CONTACTS + "WHERE call_back_id = $1 ORDER BY happened_at DESC, contact_id DESC"
    return [Contact(**row) for row in await tx.fetch(sql, call_back_id)]


async def insert_note(tx: Tx, case_id: CaseId, words: str, by: str) -> None:
    await tx.execute(
        "INSERT INTO notes (note_id, case_id, words, written_by, written_at) VALUES ($1, $2, $3, $4, $5)",
        new_id(), case_id, words, by, tx.now,
    )  # fmt: skip


async def notes_of(tx: Tx, case_id: CaseId) -> list[StaffNote]:
    sql = "SELECT note_id, words, written_by, written_at FROM notes WHERE case_id = $1 ORDER BY written_at DESC, note_id DESC"
    return [StaffNote(**row) for row in await tx.fetch(sql, case_id)]


async def insert_task(
    tx: Tx, task_id: UUID, case_id: CaseId, what: str, due: datetime, assignee: str, acting: str | None, by: str
) -> None:
    await tx.execute(
        """INSERT INTO tasks (task_id, case_id, what, due, assignee, acting, made_by, made_at, state)
           VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 'open')""",
        task_id, case_id, what, due, assignee, acting, by, tx.now,
    )  # fmt: skip


_TASKS = """
SELECT task_id, t.case_id, case_number, what, due, assignee, a.name AS assignee_name, acting, d.name AS acting_name,
       made_by, state, ended_by, ended_at
FROM tasks t JOIN cases USING (case_id) JOIN advisors a ON a.subject = assignee LEFT JOIN advisors d ON d.subject = acting
"""


async def task(tx: Tx, task_id: UUID) -> Task | None:
    row = await tx.fetchrow(_TASKS + "WHERE task_id = $1", task_id)
    return Task(**row) if row else None


async def tasks_of(tx: Tx, case_id: CaseId) -> list[Task]:
    """Return a case's tasks: open ones first, the most urgent on top."""
    sql = _TASKS + "WHERE t.case_id = $1 ORDER BY (state <> 'open'), due, task_id"
    return [Task(**row) for row in await tx.fetch(sql, case_id)]


async def open_tasks_of(tx: Tx, advisor: str) -> list[Task]:
    """Return what this advisor is to do: their own open tasks, also while a deputy acts, and those they act in."""
    sql = _TASKS + "WHERE state = 'open' AND (assignee = $1 OR acting = $1) ORDER BY due, task_id"
    return [Task(**row) for row in await tx.fetch(sql, advisor)]


async def tasks_due(tx: Tx, advisor: str) -> list[UUID]:
    """Return which open tasks of an advisor are before the desk already."""
    sql = "SELECT task_id FROM tasks WHERE assignee = $1 AND state = 'open' AND due <= $2"
    return [row["task_id"] for row in await tx.fetch(sql, advisor, tx.now)]


async def drop_tasks(tx: Tx, case_id: CaseId, by: str) -> list[UUID]:
    """Drop what is still open in a case."""
    rows = await tx.fetch(
        """UPDATE tasks SET state = 'dropped', ended_by = $2, ended_at = $3 WHERE case_id = $1 AND state = 'open'
           RETURNING task_id""",
        case_id, by, tx.now,
    )  # fmt: skip
    return [row["task_id"] for row in rows]


async def move_tasks(tx: Tx, case_id: CaseId, to: CaseId) -> list[tuple[UUID, datetime]]:
    """Give another case what is still open in this one; return each task with its due time."""
    rows = await tx.fetch(
        "UPDATE tasks SET case_id = $2 WHERE case_id = $1 AND state = 'open' RETURNING task_id, due", case_id, to
    )
    return [(row["task_id"], row["due"]) for row in rows]


async def give_tasks(tx: Tx, items: Sequence[UUID], to: CaseId) -> list[tuple[UUID, datetime]]:
    """Give a case those of these tasks that are still open; return each with its due time."""
    rows = await tx.fetch(
        "UPDATE tasks SET case_id = $2 WHERE task_id = ANY($1::uuid[]) AND state = 'open' RETURNING task_id, due",
        items,
        to,
    )
    return [(row["task_id"], row["due"]) for row in rows]


async def end_task(tx: Tx, task_id: UUID, state: str, by: str) -> bool:
    """End an open task; False when it had ended. Of two at once, one ends it."""
    changed = await tx.changed(
        "UPDATE tasks SET state = $2, ended_by = $3, ended_at = $4 WHERE task_id = $1 AND state = 'open'",
        task_id, state, by, tx.now,
    )  # fmt: skip
    return changed == 1
