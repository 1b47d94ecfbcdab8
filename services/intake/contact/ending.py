"""What becomes of calls, tasks and interpreters' bookings when their case ends: withdrawn (R29, M13), or going on in another."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from services.intake.queues import CALL_BACKS, TASKS
from services.intake.store import call_backs, handed_on, interpreters, talks
from shared import staff_queue
from shared.backbone import timers
from shared.db import Tx
from shared.ids import CaseId


async def end_all(tx: Tx, case_id: CaseId, by: str) -> None:
    """Cancel what was still to be said or done. The caller holds the case's lock."""
    for call in await call_backs.open_of_case(tx, case_id):
        await call_backs.end(tx, call.call_back_id, "cancelled", by)
        await timers.cancel(tx, CaseId(call.call_back_id), "call_back_due")
        await staff_queue.done(tx, CALL_BACKS, str(call.call_back_id))
    for task_id in await talks.drop_tasks(tx, case_id, by):
        await timers.cancel(tx, CaseId(task_id), "task_due")
        await staff_queue.done(tx, TASKS, str(task_id))
    await interpreters.cancel_for_case(tx, case_id)


async def hand_on(tx: Tx, case_id: CaseId, to: CaseId) -> None:
    """Leave what was promised and what is to be done to the case in which this one goes on. The caller holds both."""
    calls, tasks = await call_backs.move_open(tx, case_id, to), await talks.move_tasks(tx, case_id, to)
    await handed_on.note(tx, case_id, [*calls, *(task_id for task_id, _ in tasks)])
    await _show_anew(tx, calls, tasks)


async def bring_back(tx: Tx, case_id: CaseId) -> None:
    """Bring back what this case had left to another, as far as it is still open: it stands by itself again."""
    items = await handed_on.take_back(tx, case_id)
    calls, tasks = await call_backs.give(tx, items, case_id), await talks.give_tasks(tx, items, case_id)
    await _show_anew(tx, calls, tasks)


async def _show_anew(tx: Tx, calls: list[UUID], tasks: list[tuple[UUID, datetime]]) -> None:
    """Have what stands before the desk already be shown again, now with the case whose it is."""
    for call_back_id in calls:
        if await staff_queue.waits(tx, CALL_BACKS, str(call_back_id)):
            await timers.set(tx, CaseId(call_back_id), "call_back_due", due=tx.now)
    for task_id, due in tasks:
        await timers.set(tx, CaseId(task_id), "task_due", due)
