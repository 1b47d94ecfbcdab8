"""A field that no person sees: whatever fills it in is told that all went well, and its request waits apart for staff.

A browser's form filler, or a reader that was set up oddly, may fill it in too: that is why a person looks, and can let the
request in as the case that it would have been, under the number that was shown.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Literal
from uuid import UUID

from starlette.datastructures import FormData

from services.intake import casework
from services.intake.domain import Refused, Request, check_request
from services.intake.queues import SET_ASIDE
from services.intake.store import aside as store
from services.intake.store.aside import Aside
from shared import programme, staff_queue
from shared.backbone import timers
from shared.db import Tx
from shared.ids import CaseId, new_case_number
from shared.programme import Programme

FIELD = "_website"
"""Its name says what machines like to fill in; it begins as fields do that no form's model reads."""


async def look(tx: Tx, draft_id: UUID, sent: FormData) -> None:
    """Mark the draft when the field holds anything."""
    if is_caught(sent):
        await store.mark(tx, draft_id)


def is_caught(sent: FormData) -> bool:
    """Tell whether the field holds anything."""
    return bool(sent.get(FIELD))


async def caught(tx: Tx, request: Request, rules: Programme, draft_id: UUID, keep: timedelta) -> bool:
    """Set the request aside when its draft was marked, and tell whether it was. It must be as complete as any other.

    What nobody decides is erased after `keep`.
    """
    if not await store.is_marked(tx, draft_id):
        return False
    check_request(request, rules, tx.now.date())
    due = rules.calendar.contact_due(tx.now)
    kept = Aside(CaseId(draft_id), new_case_number(), rules.ref, request, tx.now, due, "open", None, None)
    if await store.insert(tx, kept):
        title = f"{kept.case_number} · {request.patient.name}"
        data = {"href": f"/desk/intake/set-aside/{draft_id}"}
        await staff_queue.put(tx, SET_ASIDE, kept.case_id, str(draft_id), title, due=due, data=data)
        await timers.set(tx, kept.case_id, "erase_set_aside", due=tx.now + keep)
    return True


async def let_in(tx: Tx, case_id: CaseId, by: str) -> None:
    """A person looked, and it is a person's request: make it the case it would have been."""
    kept = await _open(tx, case_id)
    assert kept.request is not None
    await casework.submit(tx, kept.request, programme.load(kept.programme), case_id, number=kept.case_number)
    await _settled(tx, case_id, "let_in", by)


async def erase(tx: Tx, case_id: CaseId, by: str) -> None:
    """A person looked, and it is nobody's request: forget what it said."""
    await _open(tx, case_id)
    await _settled(tx, case_id, "erased", by)


async def forget(case_id: CaseId, tx: Tx) -> None:
    """Nobody decided in time: forget what it said, as of a form that nobody sent."""
    kept = await store.lock(tx, case_id)
    if kept is not None and kept.state == "open":
        await _settled(tx, case_id, "erased", "nobody, in time")


async def _open(tx: Tx, case_id: CaseId) -> Aside:
    kept = await store.lock(tx, case_id)
    if kept is None or kept.state != "open":
        raise Refused("Somebody has decided about this request already.")
    return kept


async def _settled(tx: Tx, case_id: CaseId, state: Literal["let_in", "erased"], by: str) -> None:
    await store.settle(tx, case_id, state, by)
    await timers.cancel(tx, case_id, "erase_set_aside")
    await staff_queue.done(tx, SET_ASIDE, str(case_id))
