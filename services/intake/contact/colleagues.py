"""Who has a case: taking it, handing it over, and the deputy while somebody is away. Each step is one transaction.

A case and a task keep their owner while a deputy acts, so that coming back gives back all that is still theirs, and
nothing that was handed on meanwhile.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from services.intake import store
from services.intake.domain import Refused, Step, check_may
from services.intake.queues import REQUESTS
from services.intake.store import colleagues, talks
from services.intake.store.colleagues import Absence, Advisor
from shared import staff_queue
from shared.backbone import timers
from shared.db import Tx
from shared.ids import CaseId, new_id
from shared.web.principals import Principal


@dataclass(frozen=True, slots=True)
class Colleague:
    """Who acts, as the history will name them."""

    subject: str
    name: str


def colleague(who: Principal) -> Colleague:
    """Return who acts, as the history will name them."""
    return Colleague(who.subject, who.name or who.subject)


class _Advisor(BaseModel):
    model_config = ConfigDict(extra="forbid")

    subject: str = Field(min_length=1)
    name: str = Field(min_length=1)
    active: bool = True


async def seed(tx: Tx, entries: list[Any]) -> None:
    """Load the desk's roster; loading it again brings entries up to date."""
    for one in (_Advisor.model_validate(entry) for entry in entries):
        await colleagues.set_advisor(tx, one.subject, one.name, active=one.active)


async def known(tx: Tx, by: Colleague) -> str:
    """Put whoever acts on the roster, if they aren't there yet, and return their subject."""
    await colleagues.set_advisor(tx, by.subject, by.name)
    return by.subject


async def working(tx: Tx, subject: str) -> Advisor:
    """Return a colleague to whom work can be given. Raises ``Refused``."""
    found = await colleagues.advisor(tx, subject)
    if found is None:
        raise Refused("Nobody of that name works at the desk. Choose a colleague from the list.")
    return found


async def take(tx: Tx, case_id: CaseId, by: Colleague) -> None:
    """Make the case this person's; of two at once one gets it, and the other is told who has it."""
    case = await store.lock_case(tx, case_id)
    check_may(Step.WORK, case.stage)
    held = await colleagues.holding(tx, case_id)
    if held and held.advisor != by.subject:
        raise Refused(f"{held.advisor_name} has this case. Ask them to hand it over.")
    if held is None:
        await _give(tx, case_id, "taken", await known(tx, by), by, "")


async def hand_over(tx: Tx, case_id: CaseId, to: str, words: str, by: Colleague) -> None:
    """Give the case to a colleague, with words for them; what lies claimed on a queue goes with it."""
    case = await store.lock_case(tx, case_id)
    check_may(Step.WORK, case.stage)
    await known(tx, by)
    receiver = await working(tx, to)
    held = await colleagues.holding(tx, case_id)
    if held and held.advisor == receiver.subject:
        raise Refused(f"{receiver.name} has this case already.")
    await _give(tx, case_id, "handed_over", receiver.subject, by, words)


async def follow_taken(tx: Tx, taken: staff_queue.TakingOver) -> None:
    """Who takes a case over on the queue has it: it and its history say so, unless it was theirs, or nobody's, already."""
    await store.lock_case(tx, taken.case_id)
    held = await colleagues.holding(tx, taken.case_id)
    if held is None or taken.by in (held.advisor, held.acting):
        return
    by = Colleague(taken.by, taken.name)
    await colleagues.hold(tx, taken.case_id, await known(tx, by), None)
    await colleagues.insert_hand_over(tx, taken.case_id, "taken", by.subject, taken.reason, by.subject)
    await store.bump_version(tx, taken.case_id)


async def _give(tx: Tx, case_id: CaseId, kind: str, to: str, by: Colleague, words: str) -> None:
    receiver = await working(tx, to)
    await colleagues.hold(tx, case_id, receiver.subject, receiver.deputy)
    await colleagues.insert_hand_over(tx, case_id, kind, receiver.subject, words, by.subject)
    if receiver.deputy is not None:
        await colleagues.insert_hand_over(tx, case_id, "fell_to_deputy", receiver.deputy, "", by.subject)
    await _show_holder(tx, case_id, receiver.deputy or receiver.subject, receiver.deputy_name or receiver.name)
    await store.bump_version(tx, case_id)


async def _show_holder(tx: Tx, case_id: CaseId, subject: str, name: str) -> None:
    await staff_queue.pass_on(tx, REQUESTS, str(case_id), to=subject, name=name)


async def enter_absence(
    tx: Tx, advisor: str, deputy: str, starts: datetime, ends: datetime, by: Colleague
) -> UUID:  # fmt: skip
    """Write down that somebody will be away and who acts meanwhile; two clocks begin and end it."""
    await known(tx, by)
    await colleagues.lock_advisors(tx, advisor, deputy)
    away, acts = await working(tx, advisor), await working(tx, deputy)
    absence = Absence(new_id(), advisor, away.name, deputy, acts.name, starts, ends, None, None)
    check_absence(absence, await colleagues.open_absences(tx), tx.now)
    await colleagues.insert_absence(tx, absence, by.subject)
    await timers.set(tx, CaseId(absence.absence_id), "absence_begins", due=max(starts, tx.now))
    return absence.absence_id


def check_absence(new: Absence, others: list[Absence], now: datetime) -> None:
    """Raise Refused unless the absence leaves every case with somebody who is there."""
    if new.advisor == new.deputy:
        raise Refused("Choose somebody else as deputy.")
    if new.ends <= max(new.starts, now):
        raise Refused("The absence must end after it begins, and not in the past.")
    for other in others:
        if other.starts >= new.ends or new.starts >= other.ends:
            continue
        if other.advisor == new.advisor:
            raise Refused(f"{new.advisor_name} is away at that time already. End that absence first.")
        if other.advisor == new.deputy:
            raise Refused(f"{new.deputy_name} is away at that time too. Choose another deputy.")
        if other.deputy == new.advisor:
            raise Refused(f"{new.advisor_name} is deputy for {other.advisor_name} at that time. Change that first.")


async def begin_absence(absence_id: CaseId, tx: Tx) -> None:
    """Let the deputy act in all that the absent colleague has."""
    absence = await colleagues.lock_absence(tx, absence_id)
    if absence is None or absence.ended_at or absence.began_at:
        return
    await colleagues.adopt_claims(tx, absence.advisor, REQUESTS.name)
    held = await colleagues.cases_held(tx, absence.advisor)
    for case_id in held:
        await store.lock_case(tx, case_id)
    await colleagues.begin_absence(tx, absence_id)
    await colleagues.set_acting(tx, absence.advisor, held, absence.deputy)
    for case_id in held:
        await colleagues.insert_hand_over(tx, case_id, "fell_to_deputy", absence.deputy, "", absence.advisor)
        await _show_holder(tx, case_id, absence.deputy, absence.deputy_name)
    await _rename_due_tasks(tx, absence.advisor)
    await timers.set(tx, absence_id, "absence_ends", due=absence.ends)


async def end_absence(absence_id: CaseId, tx: Tx) -> None:
    """Give back what is still theirs."""
    absence = await colleagues.lock_absence(tx, absence_id)
    if absence is None or absence.ended_at:
        return
    held = await colleagues.cases_held(tx, absence.advisor) if absence.began_at else []
    for case_id in held:
        await store.lock_case(tx, case_id)
    await colleagues.end_absence(tx, absence_id)
    await colleagues.set_acting(tx, absence.advisor, held, None)
    for case_id in held:
        await colleagues.insert_hand_over(tx, case_id, "given_back", absence.advisor, "", absence.advisor)
        await _show_holder(tx, case_id, absence.advisor, absence.advisor_name)
    await _rename_due_tasks(tx, absence.advisor)
    for name in ("absence_begins", "absence_ends"):
        await timers.cancel(tx, absence_id, name)


async def _rename_due_tasks(tx: Tx, advisor: str) -> None:
    """Have the tasks that are before the desk brought again, now under the name of who is to do them."""
    for task_id in await talks.tasks_due(tx, advisor):
        await timers.set(tx, CaseId(task_id), "task_due", due=tx.now)


async def come_back(tx: Tx, absence_id: UUID, by: Colleague) -> None:
    """End an absence now, before its date or before it began."""
    await known(tx, by)
    await end_absence(CaseId(absence_id), tx)
