"""Reactions: each fact is kept for the timeline, and whoever waits for it is to be told, in one transaction.

Telling is asked for here and done by ``delivery.send`` afterwards. Any order of facts, and any doubles, leave the same
rows.
"""

from uuid import UUID

from services.notify import store
from services.notify.domain import identity
from services.notify.letters import AFTER_WITHDRAWAL, KIND_OF, Audience, audiences
from services.notify.queues import CALL_INSTEAD
from shared import staff_queue
from shared.backbone import errands
from shared.backbone.inbox import Reactions
from shared.db import Tx
from shared.events import CaseWithdrawn, Fact
from shared.ids import CaseId


async def note_and_tell(fact: Fact, tx: Tx) -> None:
    """Keep the fact and ask for a message to each of its audiences."""
    store.note(tx, fact)
    for audience in audiences(fact):
        await ask_to_tell(tx, fact.case_id, KIND_OF[type(fact)], audience, identity(fact))


async def stop_calling(withdrawn: CaseWithdrawn, tx: Tx) -> None:
    """Tell the requester, and take calls about the withdrawn request off the desk; its refund is still worth one."""
    await note_and_tell(withdrawn, tx)
    for message in await store.messages_of(tx, withdrawn.case_id):
        if message.kind not in AFTER_WITHDRAWAL:
            await staff_queue.done(tx, CALL_INSTEAD, str(message.id))


async def ask_to_tell(tx: Tx, case_id: CaseId, kind: str, audience: Audience, occasion: str, copy: int = 1) -> UUID:
    """Ask for one message to be sent once this transaction commits, and return its id; asking again changes nothing."""
    message_id = store.ask_for(tx, case_id, kind, audience, occasion, copy)
    await errands.request(tx, "send", case_id, str(message_id), {"message": str(message_id)})
    return message_id


REACTIONS: Reactions = {**dict.fromkeys(KIND_OF, note_and_tell), CaseWithdrawn: stop_calling}
