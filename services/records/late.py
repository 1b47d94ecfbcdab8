"""What comes after the records are complete: it reopens nothing silently, somebody decides (R28)."""

from uuid import UUID

from services.records import queues
from services.records.casework import refuse_stale
from services.records.domain import Item, Late, Person, put_aside, taken_in
from services.records.store import cases, history, materials
from shared import staff_queue
from shared.backbone import outbox
from shared.db import Tx
from shared.events import MaterialReturned
from shared.ids import CaseId


async def take_in_late(tx: Tx, case_id: CaseId, document_id: UUID, words: str, by: Person, version: int) -> None:
    """Let a document that came after completeness count, with a word to the specialist (R28)."""
    collection = await cases.lock(tx, case_id)
    item = taken_in(collection, document_id, words, by, tx.now)
    refuse_stale(item.version, version)
    was = collection.item(item.id)
    if was.decision is not item.decision and item.decision is not None:
        await materials.decide(tx, case_id, item, item.decision)
    await _late_settled(tx, item, document_id)
    history.note(tx, case_id, "late_taken_in", by, item.id, words=words)


async def set_late_aside(tx: Tx, case_id: CaseId, document_id: UUID, words: str, by: Person, version: int) -> None:
    """Leave a document that came after completeness out of the opinion, with a reason for who sent it (R28)."""
    item = put_aside(await cases.lock(tx, case_id), document_id, words, by, tx.now)
    refuse_stale(item.version, version)
    await _late_settled(tx, item, document_id)
    history.note(tx, case_id, "late_set_aside", by, item.id, reason=words)
    outbox.append(tx, MaterialReturned(case_id=case_id, item_id=item.id, returned_at=tx.now))


async def _late_settled(tx: Tx, item: Item, document_id: UUID) -> None:
    document = next(one for one in item.documents if one.id == document_id)
    await materials.settle_late(tx, item, document)
    if not any(one.late is Late.WAITS for one in item.documents):
        await staff_queue.done(tx, queues.MATERIALS, str(item.id))
