"""Where materials are to come from: what exists, which hospital has it, and who helps to send it (R22, R23).

Each function takes the open transaction and locks the case; it raises ``Refused``, ``Unknown`` or ``Stale`` in words
for the person who asked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from services.records import queues
from services.records.casework import put_for_review, refuse_stale, settle
from services.records.domain import (
    N_,
    SETTLED,
    Authority,
    Collection,
    Helper,
    Person,
    Provider,
    Refused,
    Relation,
    Unknown,
)
from services.records.opening import draft
from services.records.store import cases, history, providers
from shared import programme, staff_queue
from shared.backbone import errands
from shared.db import Tx
from shared.ids import CaseId, new_id

INVITATION_LIFE = timedelta(days=60)
MOST_PROVIDERS, MOST_HELPERS = 30, 10


async def say_what_exists(tx: Tx, case_id: CaseId, answers: Mapping[str, bool], by: Person) -> None:
    """Keep what the patient's side answers, and bring the checklist to it: yes adds lines, no takes them off (R23)."""
    collection = await _open(tx, case_id)
    assert collection.programme is not None
    rules = programme.load(collection.programme)
    if strange := set(answers) - set(rules.history):
        raise Refused(f"There is no question {min(strange)}. Open the page again.")
    said = {**collection.said, **answers}
    if said == collection.said:
        return
    await providers.say_what_exists(tx, case_id, said)
    history.note(tx, case_id, "said_what_exists", by, said=said)
    await draft(tx, case_id, collection.revision)
    # What also hangs on the tumour follows once intake has been asked again: records keeps no diagnosis.
    key = f"{case_id}:{collection.revision}:{new_id()}"
    await errands.request(tx, "read_request", case_id, key, {"revision": collection.revision})
    await settle(tx, case_id)


async def add_provider(tx: Tx, case_id: CaseId, one: Provider, by: Person) -> UUID:
    """Add a hospital or practice that has something of the patient's; its id is ``one.id``."""
    await _open(tx, case_id)
    if len(await providers.of_case(tx, case_id)) >= MOST_PROVIDERS:
        raise Refused(N_("So many hospitals can't be kept here. Remove one that you don't need."))
    await providers.add(tx, case_id, one)
    history.note(tx, case_id, "provider_added", by, name=one.name)
    return one.id


async def change_provider(tx: Tx, case_id: CaseId, changed: Provider, by: Person, version: int) -> int:
    """Correct a provider; return its new version."""
    await _open(tx, case_id)
    refuse_stale((await provider_of(tx, case_id, changed.id)).version, version)
    await providers.change(tx, changed)
    history.note(tx, case_id, "provider_changed", by, name=changed.name)
    return version + 1


async def remove_provider(tx: Tx, case_id: CaseId, provider_id: UUID, by: Person) -> None:
    """Take a provider off the case: nothing is asked of it any more."""
    await _open(tx, case_id)
    known = await provider_of(tx, case_id, provider_id)
    await providers.remove(tx, provider_id)
    history.note(tx, case_id, "provider_removed", by, name=known.name)


async def provider_of(tx: Tx, case_id: CaseId, provider_id: UUID) -> Provider:
    """Return a provider of this case. Raises ``Unknown``."""
    for one in await providers.of_case(tx, case_id):
        if one.id == provider_id:
            return one
    raise Unknown(N_("This hospital isn't on the list of this case. Open the page again."))


async def say_who_has(
    tx: Tx, case_id: CaseId, item_id: UUID, provider_ids: Sequence[UUID], by: Person, *, never_made: bool
) -> None:
    """Keep who has an item, or that it was never made: then the case manager looks whether to waive it (R22, R28)."""
    collection = await _open(tx, case_id)
    item = collection.item(item_id)
    if item.state in SETTLED:
        raise Refused(N_("This item is settled and needs nothing more. Write to your case manager if that is wrong."))
    if never_made and (provider_ids or item.documents):
        raise Refused(N_("Say either who has it, or that there is none."))
    for one in provider_ids:
        await provider_of(tx, case_id, one)
    await providers.say_who_has(tx, item_id, provider_ids, never_made=never_made)
    history.note(tx, case_id, "never_made" if never_made else "said_who_has", by, item_id)
    if never_made:
        await put_for_review(tx, collection, item, f"“{item.title}” doesn't exist, says the patient's side")
    elif item.never_made:
        await staff_queue.done(tx, queues.MATERIALS, str(item_id))


async def invite(
    tx: Tx, case_id: CaseId, name: str, relation: Relation, authority: Authority, by: Person
) -> UUID:  # fmt: skip
    """Let somebody help to collect, with a relation and an authority that stand in the record (R9, R22)."""
    await _open(tx, case_id)
    invited = [one for one in await providers.helpers_of(tx, case_id) if one.is_welcome(tx.now)]
    if len(invited) >= MOST_HELPERS:
        raise Refused(N_("So many people can't help at once. Take an invitation back first."))
    one = Helper(new_id(), name, relation, authority, by.name, tx.now, tx.now + INVITATION_LIFE)
    await providers.invite(tx, case_id, one, by)
    history.note(tx, case_id, "invited", by, name=name, authority=authority, relation=relation)
    return one.id


async def revoke(tx: Tx, case_id: CaseId, helper_id: UUID, by: Person) -> None:
    """Take an invitation back, at any stage of the case."""
    await cases.hold(tx, case_id)
    known = await providers.helper(tx, helper_id)
    if known is None or known[0] != case_id:
        raise Unknown(N_("Nobody was invited by this. Open the page again."))
    if known[1].revoked_at is None:
        await providers.revoke(tx, helper_id, by, tx.now)
        history.note(tx, case_id, "invitation_taken_back", by, name=known[1].name)


async def come_in(tx: Tx, helper_id: UUID) -> tuple[Collection, Helper]:
    """Return the case that an invitation leads to, and note the visit. Raises ``Refused`` when it lets nobody in."""
    known = await providers.helper(tx, helper_id)
    if known is None or not known[1].is_welcome(tx.now):
        raise Refused(N_("This invitation doesn't work any more. Ask who sent it to you for a new one."))
    collection = await _open(tx, known[0])
    await providers.note_visit(tx, helper_id)
    history.note(tx, known[0], "helper_came", Person(f"helper:{helper_id}", known[1].name))
    return collection, replace(known[1], came_at=tx.now)


async def _open(tx: Tx, case_id: CaseId) -> Collection:
    collection = await cases.lock(tx, case_id)
    collection.refuse_unless_open()
    return collection
