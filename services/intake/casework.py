"""What people do to a case. Each step is one transaction: rows, clocks, the desk's queue, and the fact it proves.

Every step locks the case, asks `domain` whether it may happen, and raises `Refused` with a sentence when it may not.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from services.intake import open_quote, store
from services.intake.contact import callers, ending
from services.intake.domain import (
    Patient,
    QuoteState,
    Request,
    Step,
    Stream,
    check_may,
    check_move,
    check_request,
)
from services.intake.queues import POSSIBLE_DUPLICATES, REQUESTS, Waiting, waiting_for
from services.intake.store import Case, circumstances, duplicates, quotes, requests
from services.intake.store.requests import Person
from shared import events, programme, staff_queue
from shared.backbone import outbox, timers
from shared.db import Tx
from shared.events import CaseWithdrawn, RequestSubmitted
from shared.ids import CaseId, new_case_number
from shared.programme import Programme


class Changed(Exception):
    """Someone changed the case since it was read."""


async def submit(
    tx: Tx,
    request: Request,
    rules: Programme,
    case_id: CaseId,
    channel: events.Channel = "web",
    entered_by: str | None = None,
    number: str | None = None,
) -> Case:
    """Make the request a case, start its contact clock (R12) and tell it: all with the commit, and in one statement.

    `case_id` is new: whoever calls holds the draft that it is of, or has just made it. `number` is the case number when
    one was shown already.
    """
    check_request(request, rules, tx.now.date())
    received = tx.now if channel == "web" else await callers.received_at(tx, case_id)
    due = rules.calendar.contact_due(received)
    case = store.new_case(tx, case_id, number or new_case_number(), rules.ref, request, channel, entered_by, due)
    await store.insert_case(tx.late, case, request.emergency_notice_version)
    await requests.insert_people(tx.late, case_id, request)
    await requests.insert_questions(tx.late, case_id, request.questions)
    await circumstances.insert(tx.late, case_id, request)
    await requests.insert_consent(tx.late, case_id, request, (rules.organisation_hospital, rules.organisation_partner))
    await _put_on_desk(tx.late, case, request.patient, Waiting.CONTACT)
    await timers.set(tx, case_id, "contact_overdue", due=due)
    await timers.set(tx, case_id, "compare_patient", due=tx.now)
    if channel != "web":
        await callers.note_consent(tx, case_id, request.consent.version)
    outbox.append(tx, _submitted(case, request))
    return case


def _submitted(case: Case, request: Request) -> RequestSubmitted:
    return RequestSubmitted.model_validate(
        {
            "case_id": case.case_id,
            "case_number": case.case_number,
            "programme": case.programme,
            "path": case.path,
            "stream": case.stream,
            "requester": request.requester.role,
            "channel": case.channel,
            "consent_version": request.consent.version,
            "emergency_notice_version": request.emergency_notice_version,
            "submitted_at": case.submitted_at,
            "contact_due_at": case.contact_due_at,
        }
    )


async def show_on_desk(tx: Tx, case_id: CaseId) -> Case:
    """Put the case on the advisors' queue with what it waits for, or take it off; return it as it stands."""
    case = await store.load_case(tx, case_id)
    last = await quotes.newest(tx, case_id)
    waiting = waiting_for(case.stage, case.contacted_at, last.state if last else None)
    if waiting is None:
        await staff_queue.done(tx, REQUESTS, str(case_id))
        return case
    await _put_on_desk(tx, case, (await requests.people(tx, case_id))["patient"], waiting)
    return case


async def _put_on_desk(tx: Tx, case: Case, patient: Patient | Person, waiting: Waiting) -> None:
    data = {
        "href": f"/desk/cases/{case.case_id}", "waiting": waiting, "stream": case.stream, "channel": case.channel,
        "language": next(iter(patient.languages or ()), None), "country": patient.country,
        "zone": programme.load(case.programme).calendar.zone,
    }  # fmt: skip
    due = case.contact_due_at if waiting is Waiting.CONTACT else None
    await staff_queue.put(tx, REQUESTS, case.case_id, str(case.case_id), f"{case.case_number} · {patient.name}",
                          due=due, data=data)  # fmt: skip


async def record_contact(tx: Tx, case_id: CaseId, by: str, at: datetime | None = None) -> Case:
    """Stop the contact clock: somebody reached the requester (R12), at `at` or just now. `contact.log` keeps what was said."""
    case = await store.lock_case(tx, case_id)
    check_may(Step.RECORD_CONTACT, case.stage)
    await store.set_contacted(tx, case_id, by, at)
    await timers.cancel(tx, case_id, "contact_overdue")
    return await show_on_desk(tx, case_id)


async def move(tx: Tx, case_id: CaseId, to: Stream, reason: str, by: str, version: int) -> Case:
    """Move the request between remote and in person, with its reason (R7); Changed unless `version` is the newest."""
    case = await store.lock_case(tx, case_id)
    if case.version != version:
        raise Changed
    check_may(Step.MOVE_STREAM, case.stage)
    check_move(case.stream, to, reason)
    await store.insert_move(tx, case_id, to, reason.strip(), by)
    return await show_on_desk(tx, case_id)


async def withdraw(tx: Tx, case_id: CaseId, by: Literal["patient", "staff"], reason: str) -> Case:
    """End the case and its consent, at whatever stage (R29, M13): clocks stop, links of the local physician close."""
    case = await store.lock_case(tx, case_id)
    check_may(Step.WITHDRAW, case.stage)
    await open_quote.settle(tx, case_id, QuoteState.WITHDRAWN)
    await store.set_withdrawn(tx, case_id, by, reason)
    await ending.end_all(tx, case_id, by)
    await duplicates.end_consents(tx, await duplicates.continued_here(tx, case_id))
    await _decide_no_more(tx, case_id)
    await timers.cancel(tx, case_id, "contact_overdue")
    outbox.append(tx, CaseWithdrawn(case_id=case_id, by=by, withdrawn_at=tx.now))
    return await show_on_desk(tx, case_id)


async def _decide_no_more(tx: Tx, case_id: CaseId) -> None:
    """Take the case's pairs off the queue: a withdrawn case can't be merged with any."""
    for pair in await duplicates.pairs_of(tx, case_id):
        if pair.state == "open":
            await staff_queue.done(tx, POSSIBLE_DUPLICATES, pair.key)


async def note_progress(
    tx: Tx, case_id: CaseId, *, paid_at: datetime | None = None, delivered_at: datetime | None = None
) -> None:
    """Keep what another service told. No request waits on the desk once paid; nothing waits once delivered."""
    await store.note_progress(tx, case_id, paid_at=paid_at, delivered_at=delivered_at)
    await timers.cancel(tx, case_id, "contact_overdue")
    await staff_queue.done(tx, REQUESTS, str(case_id))
    if delivered_at is not None:
        await open_quote.settle(tx, case_id, QuoteState.EXPIRED)
