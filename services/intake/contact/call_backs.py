"""Calling back (R11): booked with a language and a time, brought to the desk, tried by rule, told to whoever waits.

A call is known by its id alone, also where there is no case yet: its clocks and its item on the queue carry that id.
What passes on the wire is the case, the call's id and times.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from services.intake import store
from services.intake.contact import log, rules
from services.intake.contact.colleagues import Colleague, known
from services.intake.contact.log import Talk
from services.intake.domain import Refused, Step, check_may
from services.intake.queues import CALL_BACKS, SET_ASIDE
from services.intake.store import call_backs, interpreters
from services.intake.store.call_backs import CallBack
from services.intake.values import N_
from shared import programme, staff_queue
from shared.backbone import outbox, timers
from shared.db import Tx
from shared.events import CallBackBooked, CallBackMissed
from shared.ids import CaseId
from shared.programme import Programme

PATIENTS_DESK = "the patient's side"


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants: a language, a number, and a time on their own wall; no time means as soon as possible."""

    language: str
    phone: str
    zone: str
    at: datetime | None = None
    interpreter: bool = False


def planned(wish: Wish, rules_of: Programme, now: datetime) -> datetime:
    """Return when the call is to be made. Refused when the wished time is over."""
    if wish.at is None:
        return rules.soonest(rules_of.calendar, rules_of.call_backs, wish.zone, now)
    if wish.at <= now:
        raise Refused(N_("This time is over. Choose one that is still to come."))
    return wish.at


async def book(
    tx: Tx,
    call_back_id: UUID,
    wish: Wish,
    *,
    asked_by: Literal["staff", "patient", "public"],
    rules_of: Programme,
    case_id: CaseId | None = None,
    locale: str = "en",
    by: Colleague | None = None,
    caught: bool = False,
) -> CallBack:
    """Book a call; the same id again changes nothing. Of a case, it is told, so that a letter can confirm it.

    One that a machine seems to have asked for (`caught`) waits among what was set aside until a person has looked.
    """
    if case_id is not None:
        case = await store.lock_case(tx, case_id)
        check_may(Step.WORK, case.stage)
        locale = case.locale
    at = planned(wish, rules_of, tx.now)
    call = CallBack(
        call_back_id, case_id, rules_of.id, asked_by, locale, wish.language, wish.interpreter, wish.phone, wish.zone, at,
        at, 0, "booked", await known(tx, by) if by else None, tx.now,
        caught=caught,
    )  # fmt: skip
    if await call_backs.insert(tx, call):
        await _await(tx, call, rules_of)
        if case_id is not None:
            outbox.append(tx, CallBackBooked(case_id=case_id, call_back_id=call_back_id, at=at, booked_at=tx.now))
    return call


async def _await(tx: Tx, call: CallBack, rules_of: Programme) -> None:
    """Set the clock that reminds the desk; a stranger's call stands on the queue from the start."""
    assert call.next_at is not None
    if call.apart:
        await _set_aside(tx, call, rules_of)
        return
    if call.case_id is None:
        await _show(tx, call, soon=False)
    else:
        await staff_queue.done(tx, CALL_BACKS, str(call.call_back_id))
    due = max(call.next_at - rules_of.call_backs.remind_before, tx.now)
    await timers.set(tx, CaseId(call.call_back_id), "call_back_due", due=due)


async def _set_aside(tx: Tx, call: CallBack, rules_of: Programme) -> None:
    """Put a machine's call before staff, apart; nobody rings it by mistake, and unlooked at it is erased as others are."""
    assert call.next_at is not None
    data = {"href": f"/desk/call-backs/{call.call_back_id}"}
    title = f"no case yet · call back in {call.language}"
    key = CaseId(call.call_back_id)
    await staff_queue.put(tx, SET_ASIDE, key, str(key), title, due=call.next_at, data=data)
    await timers.set(tx, key, "erase_call_back", due=call.next_at + rules_of.call_backs.erase_after)


async def _show(tx: Tx, call: CallBack, *, soon: bool) -> None:
    number = (await store.load_case(tx, call.case_id)).case_number if call.case_id else "no case yet"
    more = f", try {call.tries + 1}" if call.tries else ""
    title = f"{number} · call back in {call.language}{more}"
    data = {"href": f"/desk/call-backs/{call.call_back_id}", "soon": soon, "language": call.language}
    key = CaseId(call.case_id or call.call_back_id)
    await staff_queue.put(tx, CALL_BACKS, key, str(call.call_back_id), title, due=call.next_at, data=data)


async def remind(call_back_id: CaseId, tx: Tx) -> None:
    """It is nearly time: bring the call to the desk."""
    call = await _locked(tx, call_back_id)
    if call is not None and call.state == "booked" and not call.apart:
        await _show(tx, call, soon=True)


async def _locked(tx: Tx, call_back_id: UUID) -> CallBack | None:
    """Lock a call, its case first: every step takes these two in the same order."""
    call = await call_backs.load(tx, call_back_id)
    if call is not None and call.case_id is not None:
        await store.lock_case(tx, call.case_id)
    return await call_backs.lock(tx, call_back_id)


async def note_try(tx: Tx, call_back_id: UUID, talk: Talk, by: Colleague, tries_seen: int) -> CallBack:
    """Log a try. Reached: the call is over. Not reached: again by rule, and after the last try a letter says so.

    `tries_seen` is how many tries the page showed: of two advisors who log the same try, the second is told.
    """
    call = await _open(tx, call_back_id)
    if call.tries != tries_seen:
        raise Refused("Somebody else logged a try meanwhile. Look at the call again.")
    if call.case_id is not None:
        await log.write(tx, call.case_id, talk, by, call_back_id)
    else:
        await log.keep(tx, None, talk, by, call_back_id)
    if talk.reached:
        await call_backs.end(tx, call_back_id, "reached", by.subject)
        return await _over(tx, call)
    rules_of = await _rules_of(tx, call)
    tries = call.tries + 1
    if tries < rules_of.call_backs.tries:
        next_at = rules.next_try(rules_of.calendar, rules_of.call_backs, call.zone, call.wished_at, tx.now)
        await call_backs.count_try(tx, call_back_id, next_at)
        await interpreters.cancel_for_call_back(tx, call_back_id)
        call = replace(call, tries=tries, next_at=next_at)
        await _looked_at(tx, call)
        await _await(tx, call, rules_of)
        return call
    await call_backs.count_try(tx, call_back_id, None)
    if call.case_id is not None:
        outbox.append(
            tx, CallBackMissed(case_id=call.case_id, call_back_id=call_back_id, tries=tries, missed_at=tx.now)
        )
    return await _over(tx, call)


async def cancel(tx: Tx, call_back_id: UUID, by: Colleague | None) -> CallBack:
    """Call nobody: whoever asked doesn't want it any more, or it was a mistake."""
    call = await _open(tx, call_back_id)
    await call_backs.end(tx, call_back_id, "cancelled", await known(tx, by) if by else PATIENTS_DESK)
    return await _over(tx, call)


async def _looked_at(tx: Tx, call: CallBack) -> None:
    """A person has looked: what was set aside is a call like others."""
    if call.caught:
        await timers.cancel(tx, CaseId(call.call_back_id), "erase_call_back")
        await staff_queue.done(tx, SET_ASIDE, str(call.call_back_id))


async def _over(tx: Tx, call: CallBack) -> CallBack:
    await _looked_at(tx, call)
    await timers.cancel(tx, CaseId(call.call_back_id), "call_back_due")
    await staff_queue.done(tx, CALL_BACKS, str(call.call_back_id))
    await interpreters.cancel_for_call_back(tx, call.call_back_id)
    if call.case_id is None:
        keep = (await _rules_of(tx, call)).call_backs.erase_after
        await timers.set(tx, CaseId(call.call_back_id), "erase_call_back", due=tx.now + keep)
    ended = await call_backs.load(tx, call.call_back_id)
    assert ended is not None
    return ended


async def erase(call_back_id: CaseId, tx: Tx) -> None:
    """Forget somebody who asked for a call and for nothing else."""
    await call_backs.erase(tx, call_back_id)
    await staff_queue.done(tx, SET_ASIDE, str(call_back_id))


async def _open(tx: Tx, call_back_id: UUID) -> CallBack:
    call = await _locked(tx, call_back_id)
    if call is None:
        raise store.UnknownCase(str(call_back_id))
    if call.state != "booked":
        raise Refused(f"This call is over already: {call.state}.")
    return call


async def _rules_of(tx: Tx, call: CallBack) -> Programme:
    if call.case_id is not None:
        return programme.load((await store.load_case(tx, call.case_id)).programme)
    return programme.current(call.programme)
