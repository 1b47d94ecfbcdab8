"""Words on pages: threads on lines for either side, reminders from the desk, and a case's history (R22)."""

from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from services.records import desks, talking
from services.records.api_desk import MANAGER, OVERSEES, said, was_read
from services.records.domain import N_
from services.records.pages.common import done, mine, page_of, staff
from services.records.store import history
from services.records.views_desk import Chasing, Reading, Write
from shared.db import Tx
from shared.ids import CaseId
from shared.web import Db, Form, Once, Page, Who, allow

PATIENT_SIDE = allow(*desks.PATIENT_SIDE)
KINDS: dict[str, str] = {
    "opened": "Collection opened", "sent": "Something was sent", "item_accepted": "Accepted",
    "item_returned": "Returned", "item_waived": "Waived", "item_too_old": "Became too old, asked for again",
    "said_what_exists": "Said what exists", "said_who_has": "Said who has it", "never_made": "Said that there is none",
    "provider_added": "Hospital added", "provider_changed": "Hospital corrected", "provider_removed": "Hospital removed",
    "letter_drawn": "Letter of request drawn", "invited": "Invited to help", "helper_came": "Helper came in",
    "invitation_taken_back": "Invitation taken back", "chased": "Reminder sent",
    "manager_handed_over": "Handed over", "manager_absence": "Handed on during an absence",
    "manager_given_back": "Given back", "manager_left": "Handed on: a case manager left",
    "late_taken_in": "Taken in after completion", "late_set_aside": "Set aside after completion", "complete": "Complete",
}  # fmt: skip


@mine.post("/items/{item_id}/messages", dependencies=[PATIENT_SIDE])
@staff.post("/cases/{case_id}/items/{item_id}/messages", dependencies=[MANAGER])
async def write(request: Request, case_id: UUID, item_id: UUID, page: Page, who: Who, db: Db, once: Once) -> Response:
    """Ask or answer something on a line."""
    form = await Form.read(request, Write)
    show, back = page_of(page, who, db, case_id)
    if not form.valid:
        return await show(N_("Write your question or answer first."), f"item-{item_id}", 422)

    async def work(tx: Tx) -> None:
        await said(tx, who, case_id, item_id, form.model.text, form.model.party)

    return await done(once, work, show, back, f"item-{item_id}")


@mine.post("/items/{item_id}/messages/read", dependencies=[PATIENT_SIDE])
@staff.post("/cases/{case_id}/items/{item_id}/messages/read", dependencies=[MANAGER])
async def read(request: Request, case_id: UUID, item_id: UUID, page: Page, who: Who, db: Db, once: Once) -> Response:
    """Say that a message was read and needs no answer."""
    form = await Form.read(request, Reading)
    show, back = page_of(page, who, db, case_id)

    async def work(tx: Tx) -> None:
        await was_read(tx, who, case_id, item_id, form.model.party)

    return await done(once, work, show, back, f"item-{item_id}")


@staff.post("/cases/{case_id}/reminders", dependencies=[MANAGER])
async def chase(request: Request, case_id: UUID, page: Page, who: Who, db: Db, once: Once) -> Response:
    """Have a reminder sent."""
    form = await Form.read(request, Chasing)
    show, back = page_of(page, who, db, case_id)
    if not form.valid:
        return await show("Choose which reminder goes to whom.", "chase", 422)

    async def work(tx: Tx) -> None:
        await talking.chase(tx, CaseId(case_id), form.model.template, form.model.audience, desks.person(who))

    return await done(once, work, show, back, "chase")


@staff.get("/cases/{case_id}/history", dependencies=[OVERSEES])
async def happened(case_id: UUID, page: Page, who: Who, db: Db) -> Response:
    """Show what happened to the case and who did it, the latest first."""
    async with db.reading() as tx:
        found = await desks.see(tx, who, case_id)
        lines = await history.of_case(tx, CaseId(case_id))
    return page("history.html", case=found, lines=lines, kinds=KINDS)
