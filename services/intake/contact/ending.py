"""What becomes of calls, tasks and interpreters' bookings when their case ends: withdrawn (R29, M13), or going on in another."""

from __future__ import annotations

from services.intake.queues import CALL_BACKS, TASKS
from services.intake.store import call_backs, interpreters, talks
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
    await call_backs.move_open(tx, case_id, to)
    for task_id, due in await talks.move_tasks(tx, case_id, to):
        await timers.set(
            tx, CaseId(task_id), "task_due", due
        )  # one that is due already is shown anew, with its new case
