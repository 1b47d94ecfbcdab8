"""What people and facts do to one case's collection. Each function takes the open transaction and locks the case.

Raises ``Refused`` with a sentence for the person who asked, ``Stale`` when they decided on something older.
"""

from collections.abc import Collection as Ids
from dataclasses import replace
from datetime import date, datetime, timedelta
from uuid import UUID

from services.records import queues
from services.records.domain import (
    N_,
    Collection,
    Decision,
    Document,
    DocumentId,
    IdentityCheck,
    Item,
    ItemState,
    Person,
    Refused,
    Stale,
    Summary,
    Unknown,
    came_late,
    completeness,
    decided,
    describing,
    next_check,
    slides_in,
    tied,
)
from services.records.partner import tell
from services.records.store import cases, history, imaging, materials
from shared import programme, staff_queue
from shared.backbone import outbox, timers
from shared.db import Tx
from shared.events import (
    MaterialReturned,
    PartnerItemAccepted,
    PartnerItemReturned,
    PartnerItemWaived,
    PartnerRecordsComplete,
    RecordsComplete,
)
from shared.ids import CaseId

FRESHNESS = "freshness"
_TOLD = {
    ItemState.ACCEPTED: PartnerItemAccepted,
    ItemState.RETURNED: PartnerItemReturned,
    ItemState.WAIVED: PartnerItemWaived,
}


async def put_before_manager(tx: Tx, case_id: CaseId, document_ids: Ids[UUID]) -> None:
    """Documents were looked at and are clean: they go before the case manager, as material that came late if it did (R28).

    A line that was waived while they were looked at is open again: somebody decides on what came, or waives it once more.
    """
    late = came_late(await cases.lock(tx, case_id, whole=False))
    if late:  # before they are read: an accepted item may hold nothing unproven
        await materials.mark_late(tx, list(document_ids))
    collection = await cases.lock(tx, case_id)
    for item in collection.items:
        new = [document for document in item.documents if document.id in document_ids]
        if not new or collection.closed:
            continue
        if late:
            title = f"{item.title}, after everything was complete: take it in or not"
        else:
            title = f"{item.title}, which was waived: it came after all" if item.waived else item.title
            await materials.mark_uploaded(tx, item.id)
        await put_for_review(tx, collection, item, title)
        history.note(tx, case_id, "sent", new[-1].uploaded_by, item.id)
        await staff_queue.done(tx, queues.QUIET, str(case_id))
        if item.waived and not late:
            await settle(tx, case_id)


async def decide(tx: Tx, case_id: CaseId, item_id: UUID, decision: Decision, version: int) -> None:
    """Accept, return or waive an item, tell who must know, and see whether that was the last one (R24, R28)."""
    collection = await cases.lock(tx, case_id)
    before = collection.item(item_id)
    refuse_stale(before.version, version)
    decision = explained(collection, before, decision)
    item = decided(collection, item_id, decision)
    await materials.decide(tx, case_id, item, decision)
    await staff_queue.done(tx, queues.MATERIALS, str(item.id))
    if decision.state is ItemState.RETURNED:
        await imaging.judge_line(tx, case_id, item.id)
        outbox.append(tx, MaterialReturned(case_id=case_id, item_id=item.id, returned_at=tx.now))
    history.note(tx, case_id, f"item_{decision.state}", decision.by, item.id, reason=decision.reason)
    fact = _TOLD[decision.state]
    await tell(tx, fact(case_id=case_id, occurred_at=tx.now, item_id=item.id, requirement=item.code))
    await settle(tx, case_id)


def explained(collection: Collection, item: Item, decision: Decision) -> Decision:
    """Return the decision with what its template says, in English, and what a waiver means for the opinion (R28).

    Raises ``Refused`` for a template that the programme doesn't have.
    """
    if decision.code is not None and collection.programme is not None:
        templates = programme.load(collection.programme).return_reasons
        if decision.state is not ItemState.RETURNED or decision.code not in templates:
            raise Refused("There is no such reason to choose. Open the case again.")
    if decision.state is ItemState.WAIVED and not decision.meaning:
        return replace(decision, meaning=item.about.get("without", {}).get("en"))
    return decision


def reason_for(collection: Collection, code: str | None, words: str | None) -> str | None:
    """Return what stands as a reason in English: the words, or the template's where there are none."""
    if words or code is None or collection.programme is None:
        return words or None
    template = programme.load(collection.programme).return_reasons.get(code)
    return template.title if template else None


async def describe(
    tx: Tx,
    case_id: CaseId,
    document_id: UUID,
    *,
    language: str | None,
    original: UUID | None,
    pages: int | None,
    version: int,
    dated_on: date | None = None,
) -> None:
    """Say a document's language, its day, and of which original it is the translation (R23, R24, M3).

    A day that is known, such as a scan's from its header, stands until another one is said.
    """
    item, document = await _describing(tx, case_id, document_id, version)
    if dated_on is not None and dated_on > tx.now.date() + timedelta(days=1):
        raise Refused("A document can't be of a day to come. Check the date.")
    changed = replace(
        document, language=language, pages=pages, translation_of=None, dated_on=dated_on or document.dated_on
    )
    item = replace(item, documents=tuple(changed if d.id == document.id else d for d in item.documents))
    if original is not None:
        item = tied(item, document.id, DocumentId(original))
    await materials.describe(tx, item, next(d for d in item.documents if d.id == document.id))


async def check_identity(tx: Tx, case_id: CaseId, document_id: UUID, check: IdentityCheck, version: int) -> None:
    """Record the comparison of a document with the patient; somebody else's is shown to nobody from now on (M5)."""
    item, document = await _describing(tx, case_id, document_id, version)
    await materials.describe(tx, item, replace(document, identity=check))
    await imaging.judge_checked(tx, case_id, document_id)


async def describe_alike(tx: Tx, case_id: CaseId, document_id: UUID, version: int) -> None:
    """Say of a line's other undescribed documents what was said of this one: language, day, and whose it is (R24, M5)."""
    item, said = await _describing(tx, case_id, document_id, version)
    for document in item.undescribed():
        alike = replace(document, language=said.language, dated_on=said.dated_on, identity=said.identity)
        await materials.describe(tx, item, alike)
        await imaging.judge_checked(tx, case_id, document.id)


async def write_summary(tx: Tx, case_id: CaseId, text: str, by: Person, version: int) -> int:
    """Add a version of the case summary (R27) to the one its writer saw, 0 for none; return its number."""
    collection = await _summarising(tx, case_id, version)
    summary = Summary(version + 1, text, by, tx.now)
    await materials.write_summary(tx, collection.case_id, summary)
    return summary.version


async def sign_summary(tx: Tx, case_id: CaseId, by: Person, version: int) -> None:
    """Sign the version that was read; with that the records may be complete."""
    collection = await _summarising(tx, case_id, version)
    if collection.summary is None:
        raise Refused("There is no summary yet. Write it first.")
    if collection.summary.signed_by is not None:
        raise Refused(f"{collection.summary.signed_by.name} has signed this summary already.")
    replace(collection.summary, signed_by=by, signed_at=tx.now)
    await materials.sign_summary(tx, case_id, version, by)
    await settle(tx, case_id)


async def settle(tx: Tx, case_id: CaseId) -> None:
    """Tell RecordsComplete if nothing is missing, once; ask for the summary if nothing else is (R24-R28, R32)."""
    collection = await cases.lock(tx, case_id)
    await watch_freshness(tx, collection)
    if collection.complete or collection.programme is None or collection.closed:
        return
    missing = {m.code for m in completeness(collection)}
    if collection.grown and "item" in missing:
        await _ask_for_more(tx, collection)
    if missing == {"summary"}:
        title, due = f"{called(collection)}: all materials are in", review_due(collection, tx.now)
        data = {"href": desk(case_id) + "#summary"}
        await staff_queue.put(tx, queues.SUMMARIES, case_id, str(case_id), title, due=due, data=data)
        return
    await staff_queue.done(tx, queues.SUMMARIES, str(case_id))
    if missing:
        return
    target_from, target_to = programme.load(collection.programme).targets(collection.services, tx.now)
    await cases.complete(tx, case_id, collection.revision, target_from, target_to)
    for clock in ("nudge", FRESHNESS):
        await timers.cancel(tx, case_id, clock)
    await staff_queue.done(tx, queues.QUIET, str(case_id))
    history.note(tx, case_id, "complete", None)
    counts = tally(collection)
    outbox.append(tx, RecordsComplete(
        case_id=case_id, services=collection.services, programme=collection.programme, **counts,
        completed_at=tx.now, target_from=target_from, target_to=target_to,
    ))  # fmt: skip
    await tell(tx, PartnerRecordsComplete(case_id=case_id, occurred_at=tx.now, **counts))


async def watch_freshness(tx: Tx, collection: Collection) -> None:
    """Have a timer look again when the first accepted item becomes too old; never once the specialist has started (R23)."""
    if not any(item.max_age for item in collection.items):
        return
    due = None if collection.complete or collection.closed else next_check(collection.items)
    if due is None:
        await timers.cancel(tx, collection.case_id, FRESHNESS)
    else:
        await timers.set(tx, collection.case_id, FRESHNESS, due)


async def _ask_for_more(tx: Tx, collection: Collection) -> None:
    """Services were added after the records were complete: the case manager asks for what they need, or waives it."""
    more = sum(item.needed and item.state is ItemState.NEEDED for item in collection.items)
    title = f"{called(collection)}: services were added, {more} more to ask for"
    data = {"href": desk(collection.case_id)}
    await staff_queue.put(tx, queues.QUIET, collection.case_id, str(collection.case_id), title, due=tx.now, data=data)
    assert collection.programme is not None
    nudge_due_at = tx.now + programme.load(collection.programme).clocks.nudge_after
    await timers.set(tx, collection.case_id, "nudge", nudge_due_at)


def tally(collection: Collection) -> dict[str, int]:
    """Return how many items are needed, received and waived, and how many slides are in the laboratory."""
    states = [item.state for item in collection.items if item.needed]
    return {
        "needed": len(states),
        "received": states.count(ItemState.ACCEPTED),
        "waived": states.count(ItemState.WAIVED),
        "slides": slides_in(collection.shipments),
    }


def refuse_stale(now: int, seen: int) -> None:
    """Refuse an edit of something that changed since its editor saw it."""
    if now != seen:
        raise Stale("Somebody changed this in the meantime. Look at it again, then decide.")


async def _describing(tx: Tx, case_id: CaseId, document_id: UUID, version: int) -> tuple[Item, Document]:
    collection = await cases.lock(tx, case_id)
    for item in collection.items:
        for document in item.documents:
            if document.id == document_id:
                refuse_stale(item.version, version)
                return describing(collection, item.id, document), document
    raise Unknown(N_("This document isn't of this case. Open the case again."))


async def _summarising(tx: Tx, case_id: CaseId, version: int) -> Collection:
    collection = await cases.lock(tx, case_id)
    collection.refuse_unless_open()
    if collection.complete:
        raise Refused("The records are complete: the specialist reads this summary, so it stands.")
    refuse_stale(collection.summary.version if collection.summary else 0, version)
    return collection


async def put_for_review(tx: Tx, collection: Collection, item: Item, title: str) -> None:
    """Put an item before the case manager, with a clock on it."""
    title, due = f"{called(collection)}: {title}", review_due(collection, tx.now)
    data = {"href": f"{desk(collection.case_id)}#item-{item.id}"}
    await staff_queue.put(tx, queues.MATERIALS, collection.case_id, str(item.id), title, due=due, data=data)


def review_due(collection: Collection, came_at: datetime | None) -> datetime | None:
    """Return by when something that came is looked at: the end of the next business day."""
    if collection.programme is None or came_at is None:
        return None
    return programme.load(collection.programme).calendar.next_business_day_end(came_at)


def called(collection: Collection) -> str:
    """Return what people call the case."""
    return collection.case_number or f"Case {str(collection.case_id)[:8]}"


def desk(case_id: CaseId) -> str:
    """Return where the case opens on the desk."""
    return f"/desk/records/cases/{case_id}"
