"""One named case manager for each case: naming, handing over, standing in, coming back (R22).

Cases are locked in the order of their ids, so two absences that begin at once wait for each other.
"""

from datetime import datetime
from uuid import UUID

from services.records.domain import (
    Absence,
    CaseManager,
    Collection,
    HandOverKind,
    Person,
    Refused,
    Unknown,
    choose_manager,
    goes_back,
    refuse_absence,
)
from services.records.store import cases, guides, history
from shared.backbone import timers
from shared.db import Tx
from shared.ids import CaseId, new_id

BEGINS, ENDS = "absence_begins", "absence_ends"


async def hand_over(tx: Tx, case_id: CaseId, to: str, words: str, by: Person) -> None:
    """Give one case to a colleague for good, with words for them."""
    collection = await cases.lock(tx, case_id)
    collection.refuse_unless_open()
    if collection.closed:
        raise Refused("Nothing is left to do in this case, so it stays where it is.")
    receiver = await _working(tx, to)
    assert collection.manager is not None
    if receiver.subject == collection.manager.subject:
        raise Refused(f"{receiver.name} has this case already.")
    await _give(tx, collection, HandOverKind.HANDED_OVER, receiver, words=words, by=by)


async def enter_absence(
    tx: Tx, manager: str, deputy: str | None, starts_at: datetime, ends_at: datetime, by: Person
) -> UUID:  # fmt: skip
    """Write down that somebody will be away, and who stands in; two clocks begin and end it."""
    by_subject = {one.subject: one for one in await guides.roster(tx)}
    away = by_subject.get(manager) or await _working(tx, manager)
    stands_in = await _working(tx, deputy) if deputy else None
    if stands_in is None and len(by_subject) < 2:
        raise Refused("Nobody else is on the roster who could take over. Add somebody first.")
    absence = Absence(
        new_id(),
        manager,
        away.name,
        stands_in.subject if stands_in else None,
        stands_in.name if stands_in else None,
        starts_at,
        ends_at,
    )
    refuse_absence(absence, await guides.open_absences(tx), tx.now)
    await guides.add_absence(tx, absence, by.name)
    await timers.set(tx, CaseId(absence.id), BEGINS, max(starts_at, tx.now))
    return absence.id


async def begin_absence(absence_id: CaseId, tx: Tx) -> None:
    """Give every open case of who is away to who stands in."""
    absence = await guides.lock_absence(tx, absence_id)
    if absence is None or absence.began_at or absence.ended_at:
        return
    await guides.mark_absence(tx, absence_id, began=tx.now)
    for case_id in await guides.cases_of(tx, absence.manager):
        await _pass_on(tx, case_id, absence.manager, HandOverKind.ABSENCE, absence)
    await timers.set(tx, absence_id, ENDS, absence.ends_at)


async def end_absence(absence_id: CaseId, tx: Tx) -> None:
    """Give back what is still theirs: not what a colleague was given for good, nor what is over."""
    absence = await guides.lock_absence(tx, absence_id)
    if absence is None or absence.ended_at:
        return
    await guides.mark_absence(tx, absence_id, ended=tx.now)
    back = next((one for one in await guides.roster(tx) if one.subject == absence.manager), None)
    for case_id in await guides.handed_during(tx, absence_id) if back else ():
        collection = await cases.lock(tx, case_id, whole=False)
        if back and not collection.closed and goes_back(await guides.hand_overs_of(tx, case_id), absence_id):
            await _give(tx, collection, HandOverKind.GIVEN_BACK, back, absence=absence)
    for clock in (BEGINS, ENDS):
        await timers.cancel(tx, absence_id, clock)


async def come_back(tx: Tx, absence_id: UUID) -> None:
    """End an absence now, before its day or before it began. Raises ``Unknown``."""
    if await guides.lock_absence(tx, absence_id) is None:
        raise Unknown("There is no such absence. Open the page again.")
    await end_absence(CaseId(absence_id), tx)


async def relieve_who_left(tx: Tx) -> None:
    """Give on the cases of everybody who isn't on the roster any more."""
    for subject in await guides.inactive_with_cases(tx):
        for case_id in await guides.cases_of(tx, subject):
            await _pass_on(tx, case_id, subject, HandOverKind.LEFT, None)


async def _pass_on(tx: Tx, case_id: CaseId, giver: str, kind: HandOverKind, absence: Absence | None) -> None:
    """Give a case to the deputy, or to whom the rule chooses; where nobody else is, it stays rather than be nobody's."""
    collection = await cases.lock(tx, case_id, whole=False)
    if collection.closed or collection.manager is None or collection.manager.subject != giver:
        return
    others = [one for one in await guides.roster(tx) if one.subject != giver]
    deputy = next((one for one in others if absence and one.subject == absence.deputy), None)
    receiver = deputy or choose_manager(others, collection.languages, collection.zones, tx.now)
    if receiver is not None:
        await _give(tx, collection, kind, receiver, absence=absence)


async def _give(
    tx: Tx, collection: Collection, kind: HandOverKind, to: CaseManager, *, words: str = "", by: Person | None = None,
    absence: Absence | None = None,
) -> None:  # fmt: skip
    assert collection.manager is not None
    if to.subject == collection.manager.subject:
        return
    await guides.add_hand_over(
        tx, collection.case_id, kind, collection.manager.subject, to.subject, words=words,
        by_name=by.name if by else None, absence_id=absence.id if absence else None,
    )  # fmt: skip
    history.note(
        tx, collection.case_id, f"manager_{kind}", by, giver=collection.manager.name, to=to.name, words=words
    )  # fmt: skip


async def _working(tx: Tx, subject: str) -> CaseManager:
    for one in await guides.roster(tx):
        if one.subject == subject:
            return one
    raise Refused("Nobody of that name is on the roster. Choose a colleague from the list.")
