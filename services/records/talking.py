"""Words between senders and the case manager: threads on lines of the checklist, and reminders by template (R22).

What is said stays here: the facts that ask notify for a letter carry ids and codes alone.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Literal
from uuid import UUID

from services.records import queues
from services.records.casework import called, desk, review_due
from services.records.domain import (
    LOCAL_PHYSICIAN,
    PATIENT,
    Collection,
    Message,
    Person,
    Refused,
    threads,
)
from services.records.store import cases, history, talks
from shared import programme, staff_queue
from shared.backbone import outbox, timers
from shared.db import Tx
from shared.events import CaseManagerWrote, MaterialsChased
from shared.ids import CaseId, new_id

Audience = Literal["requester", "local_physician"]
Template = Literal["gentle", "how_to_get", "last_items", "newer_needed"]
CHASES: Mapping[Template, str] = {
    "gentle": "How is it going? A friendly reminder",
    "how_to_get": "Help with getting things from hospitals",
    "last_items": "Only a little is missing",
    "newer_needed": "Something has become too old, or came back",
}
QUIET_BETWEEN = timedelta(hours=20)
"""Nobody is reminded twice in a day."""

_AUDIENCE: Mapping[str, Audience] = {PATIENT: "requester", LOCAL_PHYSICIAN: "local_physician"}


async def write(tx: Tx, case_id: CaseId, item_id: UUID, party: str, text: str, by: Person, *, from_desk: bool) -> UUID:
    """Add a message to a thread; whoever writes has read what the other wrote.

    A sender's message waits on the case managers' queue; the case manager's is told by a letter that says nothing of
    it, unless one that told of an earlier one is still unread.
    """
    collection = await cases.lock(tx, case_id)
    collection.refuse_unless_open()
    item = collection.item(item_id)
    earlier = await _thread(tx, case_id, item_id, party)
    if from_desk and party not in _AUDIENCE and not earlier:
        raise Refused("Nobody of that name has written here. Choose whom to ask.")
    one = Message(new_id(), item_id, party, from_desk, by.name, text, tx.now)
    await talks.add_message(tx, case_id, one)
    await talks.mark_read(tx, item_id, party, by.name, from_desk=not from_desk)
    if not from_desk:
        await _put_question(tx, collection, f"{called(collection)}: a question about {item.title}", item_id, party)
    else:
        await staff_queue.done(tx, queues.QUESTIONS, _key(item_id, party))
        untold = any(said.from_desk and said.read_at is None for said in earlier)
        if party in _AUDIENCE and not untold:
            outbox.append(tx, CaseManagerWrote(
                case_id=case_id, message_id=one.id, audience=_AUDIENCE[party], wrote_at=tx.now,
            ))  # fmt: skip
    return one.id


async def mark_read(tx: Tx, case_id: CaseId, item_id: UUID, party: str, by: Person, *, by_desk: bool) -> None:
    """Say that a thread was read and needs no answer."""
    (await cases.lock(tx, case_id)).item(item_id)
    await talks.mark_read(tx, item_id, party, by.name, from_desk=not by_desk)
    if by_desk:
        await staff_queue.done(tx, queues.QUESTIONS, _key(item_id, party))


async def chase(tx: Tx, case_id: CaseId, template: Template, audience: Audience, by: Person) -> UUID:
    """Have a reminder sent, in the reader's language; the next nudge of the clock begins anew (R22)."""
    collection = await cases.lock(tx, case_id)
    collection.refuse_unless_open()
    if collection.complete or collection.closed:
        raise Refused("Nothing is asked for any more, so there is nothing to remind of.")
    for earlier in await talks.chases_of(tx, case_id):
        if earlier.audience == audience and tx.now - earlier.at < QUIET_BETWEEN:
            raise Refused(f"{earlier.by_name} sent them a reminder within the last day. Give them time to answer.")
    chase_id = await talks.add_chase(tx, case_id, template, audience, by.name)
    outbox.append(tx, MaterialsChased(
        case_id=case_id, chase_id=chase_id, template=template, audience=audience, chased_at=tx.now,
    ))  # fmt: skip
    history.note(tx, case_id, "chased", by, template=template, audience=audience)
    await staff_queue.done(tx, queues.QUIET, str(case_id))
    assert collection.programme is not None
    await timers.set(tx, case_id, "nudge", tx.now + programme.load(collection.programme).clocks.nudge_after)
    return chase_id


async def _thread(tx: Tx, case_id: CaseId, item_id: UUID, party: str) -> tuple[Message, ...]:
    found = threads(await talks.messages_of(tx, case_id)).get(item_id, [])
    return next((one.messages for one in found if one.party == party), ())


async def _put_question(tx: Tx, collection: Collection, title: str, item_id: UUID, party: str) -> None:
    data = {"href": f"{desk(collection.case_id)}#item-{item_id}"}
    due = review_due(collection, tx.now)
    await staff_queue.put(tx, queues.QUESTIONS, collection.case_id, _key(item_id, party), title, due=due, data=data)


def _key(item_id: UUID, party: str) -> str:
    return f"{item_id}:{party}"
