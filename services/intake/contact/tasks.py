"""Tasks of a case: what, who, until when; a clock brings each to the desk. Each step is one transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from services.intake import store
from services.intake.contact.colleagues import Colleague, known, working
from services.intake.domain import Refused, Step, check_may
from services.intake.queues import TASKS
from services.intake.store import talks
from services.intake.store.talks import Task
from shared import staff_queue
from shared.backbone import timers
from shared.db import Tx
from shared.ids import CaseId, new_id


async def set_task(tx: Tx, case_id: CaseId, what: str, due: datetime, assignee: str, by: Colleague) -> UUID:
    """Set a task for a colleague (or their deputy); a clock brings it to the desk when it is due."""
    case = await store.lock_case(tx, case_id)
    check_may(Step.WORK, case.stage)
    await known(tx, by)
    does = await working(tx, assignee)
    task_id = new_id()
    await talks.insert_task(tx, task_id, case_id, what, due, does.subject, does.deputy, by.subject)
    await timers.set(tx, CaseId(task_id), "task_due", due=due)
    return task_id


async def bring_task(task_id: CaseId, tx: Tx) -> None:
    """A task is due: put it before whoever is to do it."""
    task = await talks.task(tx, task_id)
    if task is None:
        return
    await store.lock_case(tx, task.case_id)
    task = await talks.task(tx, task_id)
    if task is not None and task.state == "open":
        does = task.acting_name or task.assignee_name
        title = f"{task.case_number} · {task.what} ({does})"
        data = {"href": f"/desk/cases/{task.case_id}#tasks", "for": task.acting or task.assignee}
        await staff_queue.put(tx, TASKS, task.case_id, str(task_id), title, due=task.due, data=data)


async def end_task(tx: Tx, case_id: CaseId, task_id: UUID, state: Literal["done", "dropped"], by: Colleague) -> None:
    """Mark a task as done, or drop it; the second of two is told that it had ended."""
    await store.lock_case(tx, case_id)
    task = await _task_of(tx, case_id, task_id)
    if not await talks.end_task(tx, task_id, state, await known(tx, by)):
        raise Refused(f"This task is {task.state} already.")
    await timers.cancel(tx, CaseId(task_id), "task_due")
    await staff_queue.done(tx, TASKS, str(task_id))


async def _task_of(tx: Tx, case_id: CaseId, task_id: UUID) -> Task:
    task = await talks.task(tx, task_id)
    if task is None or task.case_id != case_id:
        raise Refused("This task isn't of this case. Open the case again.")
    return task
