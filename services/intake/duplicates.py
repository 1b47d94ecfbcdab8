"""The same patient asking twice: found by name across scripts and date of birth, shown to staff, decided by a person.

A merged case goes on in the other one: its clock and its place on the queue end, what it holds stays, and its people's
links lead to the case that goes on. Nothing of it is told on the wire (ADR 0018), and all of it can be undone.
"""

from __future__ import annotations

from dataclasses import replace

from services.intake import casework, open_quote, store
from services.intake.contact import ending as promises
from services.intake.domain import QuoteState, Refused, check_merge
from services.intake.names import dates_alike, likeness
from services.intake.queues import POSSIBLE_DUPLICATES
from services.intake.store import duplicates, findable, requests
from services.intake.store.duplicates import Pair
from shared import staff_queue
from shared.backbone import timers
from shared.db import Tx
from shared.ids import CaseId


class UnknownPair(LookupError):
    """Nobody found these two cases alike."""


async def compare(case_id: CaseId, tx: Tx) -> None:
    """Make the people of a case findable, and put every earlier or later case of the same patient before staff."""
    case, people = await store.load_case(tx, case_id), await requests.people(tx, case_id)
    await findable.put(tx, case_id, people.values())
    patient = people["patient"]
    if patient.birth_date is None or case.continued_in or case.withdrawn_at:
        return
    names = [name for name in (patient.name, patient.latin_name) if name]
    for other in await duplicates.born_on(tx, dates_alike(patient.birth_date), case_id):
        alike = max(
            (likeness(mine, patient.birth_date, theirs, other.birth_date) for mine in names for theirs in other.names),
            key=lambda found: found.score,
        )
        if not alike.worth_a_look:
            continue
        first, second = sorted([(case.submitted_at, case_id), (other.submitted_at, other.case_id)])
        await _put_before_staff(tx, Pair(second[1], first[1], alike.name, alike.born, alike.score, tx.now, "open"))


async def _put_before_staff(tx: Tx, pair: Pair) -> None:
    """Show a pair, once."""
    if await duplicates.insert_pair(tx, pair):
        await _show(tx, pair)


async def _show(tx: Tx, pair: Pair) -> None:
    """Put the pair on the queue, unless one of the two was withdrawn: nothing is left to decide then."""
    later, earlier = await store.load_case(tx, pair.later), await store.load_case(tx, pair.earlier)
    if later.withdrawn_at or earlier.withdrawn_at:
        return
    title = f"{later.case_number} and {earlier.case_number}"
    await staff_queue.put(tx, POSSIBLE_DUPLICATES, pair.later, pair.key, title, data={"href": href(pair)})


def href(pair: Pair) -> str:
    """Return the page on which a pair stands side by side."""
    return f"/desk/intake/duplicates/{pair.later}/{pair.earlier}"


async def _locked(tx: Tx, later: CaseId, earlier: CaseId) -> Pair:
    """Lock both cases, always in the order of their ids, and return their pair."""
    for case_id in sorted((later, earlier)):
        await store.lock_case(tx, case_id)
    pair = await duplicates.pair(tx, later, earlier)
    if pair is None:
        raise UnknownPair
    return pair


async def merge(tx: Tx, later: CaseId, earlier: CaseId, kept: CaseId, reason: str, by: str) -> None:
    """Have the other case go on in `kept`: clocks, open quote and queue items of the other end, nothing is deleted."""
    pair = await _locked(tx, later, earlier)
    _still_open(pair)
    ending = await store.load_case(tx, pair.other(kept))
    check_merge(ending.stage, (await store.load_case(tx, kept)).stage)
    await open_quote.settle(tx, ending.case_id, QuoteState.WITHDRAWN)
    await duplicates.continue_in(tx, ending.case_id, kept)
    await promises.hand_on(tx, ending.case_id, kept)
    await timers.cancel(tx, ending.case_id, "contact_overdue")
    await casework.show_on_desk(tx, ending.case_id)
    await _settle(tx, pair, "merged", kept, reason, by)
    await _hand_on_open_pairs(tx, ending.case_id, kept)


async def _hand_on_open_pairs(tx: Tx, ended: CaseId, kept: CaseId) -> None:
    """Have the case that goes on be compared where the ended one still waited for a decision."""
    for waiting in await duplicates.pairs_of(tx, ended):
        if waiting.state == "open":
            await staff_queue.done(tx, POSSIBLE_DUPLICATES, waiting.key)
            other = waiting.other(ended)
            later, earlier = (other, kept) if waiting.later == other else (kept, other)
            if other != kept and not await duplicates.pair(tx, earlier, later):
                await _put_before_staff(tx, replace(waiting, later=later, earlier=earlier))


async def keep_apart(tx: Tx, later: CaseId, earlier: CaseId, reason: str, by: str) -> None:
    """Note that these are two patients, or two matters of one that stay two."""
    pair = await _locked(tx, later, earlier)
    _still_open(pair)
    await _settle(tx, pair, "apart", None, reason, by)


async def reopen(tx: Tx, later: CaseId, earlier: CaseId, reason: str, by: str) -> None:
    """Take the last decision back: a merged case stands by itself again, with its clock where it was."""
    pair = await _locked(tx, later, earlier)
    if pair.state == "open":
        raise Refused("Nothing was decided about these two cases yet.")
    if pair.state == "merged":
        await _part(tx, pair)
    await duplicates.decide(tx, pair, "reopened", None, reason.strip(), by)
    await _show(tx, pair)


async def _part(tx: Tx, pair: Pair) -> None:
    both = [await store.load_case(tx, case_id) for case_id in (pair.later, pair.earlier)]
    if any(case.withdrawn_at for case in both):
        raise Refused("The request was withdrawn, and with it the consent of both. They can't be parted any more.")
    [ended] = [case for case in both if case.continued_in in (pair.later, pair.earlier)]
    await duplicates.continue_in(tx, ended.case_id, None)
    await promises.bring_back(tx, ended.case_id)
    if ended.contacted_at is None:
        await timers.set(tx, ended.case_id, "contact_overdue", due=ended.contact_due_at)
    await casework.show_on_desk(tx, ended.case_id)
    for waiting in await duplicates.pairs_of(tx, ended.case_id):
        if waiting.state == "open":
            await _show(tx, waiting)


async def _settle(tx: Tx, pair: Pair, decision: duplicates.Decision, kept: CaseId | None, reason: str, by: str) -> None:
    if not reason.strip():
        raise Refused("Say why, so that whoever looks next understands.")
    await duplicates.decide(tx, pair, decision, kept, reason.strip(), by)
    await staff_queue.done(tx, POSSIBLE_DUPLICATES, pair.key)


def _still_open(pair: Pair) -> None:
    if pair.state != "open":
        raise Refused("Somebody has decided about these two cases already. Read what they wrote.")
