"""What was accepted and has become too old while the case waits (R23)."""

from services.records.casework import settle
from services.records.domain import dated, lapsed
from services.records.partner import tell
from services.records.store import cases, history, imaging, materials
from shared.backbone import outbox
from shared.db import Tx
from shared.events import MaterialReturned, PartnerItemReturned
from shared.ids import CaseId


async def ask_again_for_stale(tx: Tx, case_id: CaseId) -> None:
    """Ask again for what was accepted and is too old by now, with the reason at the line (R23)."""
    collection = await cases.lock(tx, case_id)
    if collection.complete or collection.closed:
        return
    for item in lapsed(collection.items, tx.now):
        day = dated(item)
        assert day is not None
        await materials.lapse(tx, item, day)
        await imaging.judge_line(tx, case_id, item.id)
        history.note(tx, case_id, "item_too_old", None, item.id, day=day.isoformat())
        outbox.append(tx, MaterialReturned(case_id=case_id, item_id=item.id, returned_at=tx.now))
        await tell(tx, PartnerItemReturned(
            case_id=case_id, occurred_at=tx.now, item_id=item.id, requirement=item.code,
        ))  # fmt: skip
    await settle(tx, case_id)
