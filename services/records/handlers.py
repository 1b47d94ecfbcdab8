"""How records reacts to the facts of a case, to its clocks, and what it asks other services afterwards."""

from uuid import UUID

from services.records import aging, arriving, casework, guides, opening, parcels, queues, sweeping
from services.records.inspection import looking
from services.records.partner import tell
from services.records.store import access, cases, materials, uploads
from shared import programme, staff_queue
from shared.backbone import errands, timers
from shared.backbone.errands import Errand
from shared.backbone.inbox import Reaction
from shared.db import Tx
from shared.events import (
    CaseWithdrawn,
    Fact,
    OpinionDelivered,
    PartnerCaseClosed,
    PaymentReceived,
    RequestSubmitted,
    ServicesConfirmed,
    SpecialistAssigned,
)
from shared.ids import CaseId, new_id
from shared.service import Context


async def remember_case(submitted: RequestSubmitted, tx: Tx) -> None:
    """Keep the number people read out; nothing else is ours before services are confirmed."""
    await cases.hold(tx, submitted.case_id)
    await cases.note_number(tx, submitted.case_id, submitted.case_number)


async def draft_checklist(confirmed: ServicesConfirmed, tx: Tx) -> None:
    """List what these services need (R23); a supplement's come once it is paid (R17). Intake knows what the tumour needs."""
    known = await cases.lock(tx, confirmed.case_id, whole=False)
    await cases.note_confirmation(tx, confirmed)
    await _go_on(tx, confirmed.case_id, opened=known.opened_at is not None)


async def open_collection(paid: PaymentReceived, tx: Tx) -> None:
    """Give the case its case manager and ask for what is missing (R20, R22); a paid supplement adds to the list."""
    known = await cases.lock(tx, paid.case_id, whole=False)
    await cases.note_payment(tx, paid)
    await _go_on(tx, paid.case_id, opened=known.opened_at is not None)


async def _go_on(tx: Tx, case_id: CaseId, *, opened: bool) -> None:
    await opening.grow(tx, case_id)
    await opening.open_when_paid(tx, case_id)
    if opened:
        await casework.settle(tx, case_id)


async def grant_reader(assigned: SpecialistAssigned, tx: Tx) -> None:
    """Let the specialist who accepted read this case, and nobody else of theirs (R30)."""
    collection = await cases.lock(tx, assigned.case_id, whole=False)
    await access.grant(tx, assigned)
    if collection.withdrawn_at is not None:
        await access.revoke_readers(tx, assigned.case_id, collection.withdrawn_at)
    await errands.request(tx, "name_reader", assigned.case_id, str(assigned.assignment_id), {})


async def send_slides_home(delivered: OpinionDelivered, tx: Tx) -> None:
    """The opinion is out: the patient's slides are owed back, and the partner's part is over (R26)."""
    collection = await cases.lock(tx, delivered.case_id, whole=False)
    await cases.note_delivery(tx, delivered)
    await _close(tx, delivered.case_id)
    if not collection.closed:
        await tell(tx, PartnerCaseClosed(case_id=delivered.case_id, occurred_at=tx.now, reason="delivered"))


async def close_collection(withdrawn: CaseWithdrawn, tx: Tx) -> None:
    """Stop all work, end everybody's access, and send home what the laboratory holds (R29, M13)."""
    collection = await cases.lock(tx, withdrawn.case_id, whole=False)
    await cases.withdraw(tx, withdrawn.case_id, withdrawn.withdrawn_at)
    await access.revoke_readers(tx, withdrawn.case_id, withdrawn.withdrawn_at)
    await _close(tx, withdrawn.case_id)
    if not collection.closed:
        await tell(tx, PartnerCaseClosed(case_id=withdrawn.case_id, occurred_at=tx.now, reason="withdrawn"))


async def _close(tx: Tx, case_id: CaseId) -> None:
    for clock in ("nudge", casework.FRESHNESS):
        await timers.cancel(tx, case_id, clock)
    await staff_queue.done_all(tx, case_id)
    await parcels.settle_return(tx, case_id)


async def nudge(case_id: CaseId, tx: Tx) -> None:
    """Nothing has completed the collection for a while: the case manager writes to the patient (R22)."""
    collection = await cases.lock(tx, case_id)
    if collection.closed or collection.complete or collection.programme is None:
        return
    title = f"{collection.case_number or 'A patient'}: see how the collecting goes"
    data = {"href": f"/desk/records/cases/{case_id}"}
    await staff_queue.put(tx, queues.QUIET, case_id, str(case_id), title, due=tx.now, data=data)
    await timers.set(tx, case_id, "nudge", tx.now + programme.load(collection.programme).clocks.nudge_after)


async def check_freshness(case_id: CaseId, tx: Tx) -> None:
    """Something that was accepted has become too old while the case waits: it is asked for again (R23)."""
    await aging.ask_again_for_stale(tx, case_id)


async def sweep_uploads(case_id: CaseId, tx: Tx) -> None:
    """Have what never became a document taken out of the store."""
    await errands.request(tx, sweeping.SWEEP, case_id, f"{case_id}:{tx.now.isoformat()}", {})


async def look_at_files(case_id: CaseId, tx: Tx) -> None:
    """Have the files that wait looked at."""
    await errands.request(tx, sweeping.LOOK, case_id, str(new_id()), {})


async def read_request(errand: Errand, ctx: Context) -> None:
    """Ask intake for the patient's languages and tumour, which the wire doesn't carry."""
    brief = await ctx.peers.get("intake", f"/cases/{errand.case_id}/brief")
    async with ctx.db.transaction() as tx:
        patient, revision = brief["patient"], errand.payload["revision"]
        await opening.learn(
            tx, errand.case_id, revision, patient["languages"], patient.get("country"), brief["cancer_type"]
        )


async def name_reader(errand: Errand, ctx: Context) -> None:
    """Ask matching under which subject the specialist signs in."""
    assigned = await ctx.peers.get("matching", f"/cases/{errand.case_id}/specialist")
    async with ctx.db.transaction() as tx:
        await cases.hold(tx, errand.case_id)
        await access.name_reader(tx, errand.case_id, UUID(assigned["specialist_id"]), assigned["subject"])


async def delete_orphans(errand: Errand, ctx: Context) -> None:
    """Delete the objects of uploads that ended halfway, and come back for those that are still on their way."""
    age = ctx.settings.orphan_age
    async with ctx.db.reading() as tx:
        keys = await materials.abandoned_uploads(tx, errand.case_id, age)
        given_up = await uploads.abandoned(tx, errand.case_id, age, ctx.settings.upload_age)
    for upload_id in given_up:
        await sweeping.give_up(ctx, errand.case_id, upload_id)
    for key in keys:
        await sweeping.clear(ctx, key)
        async with ctx.db.transaction() as tx:
            await materials.forget_upload(tx, key)
    async with ctx.db.transaction() as tx:
        if await uploads.anything_on_its_way(tx, errand.case_id):
            await timers.set(tx, errand.case_id, sweeping.SWEEP, tx.now + age)


REACTIONS: dict[type[Fact], Reaction] = {
    RequestSubmitted: remember_case,
    ServicesConfirmed: draft_checklist,
    PaymentReceived: open_collection,
    SpecialistAssigned: grant_reader,
    OpinionDelivered: send_slides_home,
    CaseWithdrawn: close_collection,
}
TIMERS = {
    "nudge": nudge,
    casework.FRESHNESS: check_freshness,
    sweeping.SWEEP: sweep_uploads,
    sweeping.LOOK: look_at_files,
    arriving.END: arriving.end_quiet_folders,
    guides.BEGINS: guides.begin_absence,
    guides.ENDS: guides.end_absence,
}
ERRANDS = {
    "read_request": read_request,
    "name_reader": name_reader,
    sweeping.SWEEP: delete_orphans,
    sweeping.LOOK: looking.look_at_files,
}
