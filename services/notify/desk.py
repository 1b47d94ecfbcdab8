"""What staff do with a message: send it again, or note that its reader was called."""

from uuid import UUID

from services.notify import store
from services.notify.handlers import ask_to_tell
from services.notify.letters import AFTER_WITHDRAWAL
from services.notify.queues import CALL_INSTEAD
from shared import staff_queue
from shared.db import Tx
from shared.events import CaseWithdrawn
from shared.web.problem import Problem


async def send_again(tx: Tx, message_id: UUID) -> UUID:
    """Ask for the next copy of a settled message and take its call off the queue; return the copy's id.

    Raises ``Problem`` 404 or 409.
    """
    message = await _settled(tx, message_id)
    history = await store.history_of(tx, message.case_id)
    if history.latest(CaseWithdrawn) and message.kind not in AFTER_WITHDRAWAL:
        said = "Only the notice of it, a refund and a sign-in link may still be sent."
        raise Problem(409, "The case was withdrawn", detail=said)
    number = await store.latest_copy(tx, message) + 1
    copy = await ask_to_tell(tx, message.case_id, message.kind, message.audience, message.occasion, number)
    await staff_queue.done(tx, CALL_INSTEAD, str(message.id))
    return copy


async def call_made(tx: Tx, message_id: UUID) -> store.Message:
    """Note that the reader was told by telephone; raises ``Problem`` 404 or 409."""
    message = await _settled(tx, message_id)
    if message.state not in store.NEEDS_A_PERSON:
        raise Problem(409, "This message needs no call", detail="It was sent, or somebody has called already.")
    await store.settle(tx, message.id, "called", smtp_code=message.smtp_code)
    await staff_queue.done(tx, CALL_INSTEAD, str(message.id))
    return message


async def _settled(tx: Tx, message_id: UUID) -> store.Message:
    message = await store.message(tx, message_id, lock=True)
    if message is None:
        raise Problem(404, "No such message", detail="Go back to the case and open it from there.")
    if message.state in {"requested", "sending"}:
        raise Problem(409, "It is on its way already", detail="Wait until it was sent or refused.")
    return message
