"""A case on the desk: everything its page shows, drawn anew with what somebody typed when a form needs mending."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from fastapi import Response

from services.intake import store, zones
from services.intake.queues import ADVISORS, REQUESTS
from services.intake.store import (
    call_backs,
    callers,
    circumstances,
    colleagues,
    duplicates,
    history,
    interpreters,
    quotes,
    requests,
    talks,
)
from shared import programme, staff_queue
from shared.db import Tx
from shared.ids import CaseId
from shared.web import Form, Role
from shared.web.pages import PageOf
from shared.web.principals import Principal

ADVISOR_ROLES = tuple(map(Role, ADVISORS))
KNOWS_PEOPLE = (
    *ADVISOR_ROLES,
    Role.CASE_MANAGER,
    Role.CLINICAL_LEAD,
    Role.PRIVACY_OFFICER,
)
"""Specialists are not here: matching shows each the people of the cases that were offered to them (R30)."""

HAPPENED = {
    "submitted": "Request entered",
    "arrived": "Reached the office",
    "original": "Original attached",
    "original_read": "Original opened",
    "consent_voice": "Consent read out and agreed by voice",
    "consent_in_writing": "Consent given in writing",
    "consent_signature": "Signature on the consent is here",
    "clock_stopped": "First contact; the contact clock stopped",
    "talk_out": "We reached them",
    "talk_in": "They reached us",
    "not_reached": "Tried, not reached",
    "note": "Note",
    "task": "Task set",
    "task_done": "Task done",
    "task_dropped": "Task dropped",
    "taken": "Taken on",
    "handed_over": "Handed over",
    "taken_over": "Taken over on the queue",
    "fell_to_deputy": "Fell to the deputy",
    "given_back": "Given back",
    "call_back": "Call-back booked",
    "call_back_reached": "Called back and reached",
    "call_back_missed": "Call-back given up: nobody answered",
    "call_back_cancelled": "Call-back cancelled",
    "interpreter": "Interpreter booked",
    "moved": "Moved to the other stream",
    "quote": "Quote offered, revision",
    "quote_open": "Quote",
    "quote_accepted": "Quote accepted, revision",
    "quote_declined": "Quote declined, revision",
    "quote_superseded": "Quote superseded, revision",
    "quote_expired": "Quote ran out, revision",
    "quote_withdrawn": "Quote withdrawn, revision",
    "paid": "Paid",
    "delivered": "Opinion delivered",
    "withdrawn": "Withdrawn",
}
"""How each kind of happening reads; one that is not here is shown under its own name."""


async def show_case(page: PageOf, tx: Tx, who: Principal, case_id: CaseId, **forms: Form[Any]) -> Response:
    """Draw the case's page. `forms` are those that were sent and need mending, by the name of their part."""
    case = await store.load_case(tx, case_id)
    people = await requests.people(tx, case_id)
    advisor = who.has(*ADVISOR_ROLES)
    wrong = next(iter(forms.values()), None)
    return page(
        "desk_case.html", status=422 if forms else 200, case=case, people=people,
        circumstances=await circumstances.of_case(tx, case_id), confidants=await circumstances.confidants(tx, case_id),
        declared_by=await circumstances.declared_by(tx, case_id),
        questions=await requests.questions(tx, case_id), moves=await store.moves(tx, case_id),
        quotes=await quotes.of_case(tx, case_id), thread=await quotes.questions_of(tx, case_id),
        wishes=await quotes.wishes_of(tx, case_id), rules=programme.load(case.programme), form=wrong or Form.blank(),
        forms={"move": Form.blank(), **_blank(who), **forms}, knows_people=who.has(*KNOWS_PEOPLE),
        privacy=who.has(Role.PRIVACY_OFFICER), advisor=advisor, holding=await colleagues.holding(tx, case_id),
        names=await colleagues.names(tx), clocks_there=clocks_of(people["patient"].country, tx.now),
        spoken=spoken(people["patient"].languages or ()), likenesses=await duplicates.pairs_of(tx, case_id),
        takeovers=await staff_queue.takeovers(tx, case_id),
        **(await _work(tx, case_id) if advisor else {}),
    )  # fmt: skip


async def _work(tx: Tx, case_id: CaseId) -> dict[str, Any]:
    """Return what advisors alone see of their work on a case."""
    return {
        "log": await talks.contacts_of(tx, case_id),
        "notes": await talks.notes_of(tx, case_id),
        "tasks": await talks.tasks_of(tx, case_id),
        "colleagues": await colleagues.advisors(tx),
        "calls": await call_backs.of_case(tx, case_id),
        "bookings": await interpreters.bookings_of_case(tx, case_id),
        "originals": await callers.originals_of(tx, case_id),
        "consents": await callers.consent_acts(tx, case_id),
        "claimed": await colleagues.claimed_name(tx, case_id, REQUESTS.name),
        "history": await history.of_case(tx, case_id),
        "happened": HAPPENED,
    }


def _blank(who: Principal) -> dict[str, Form[Any]]:
    return {
        "log": Form.blank(channel="phone", direction="out", with_whom="requester"),
        "note": Form.blank(),
        "task": Form.blank(assignee=who.subject),
        "hand_over": Form.blank(),
    }


def clocks_of(country: str | None, now: datetime) -> list[str]:
    """Return a zone of each clock in a country that shows another time now, the earliest first."""
    clocks = {now.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC): zone for zone in zones.of_country(country)}
    return [clocks[shown] for shown in sorted(clocks)]


def spoken(codes: list[str] | tuple[str, ...]) -> list[tuple[str, str]]:
    """Return (code, English name) of languages."""
    known = Locale.parse("en").languages
    return [(code, known.get(code, known.get(code.partition("_")[0], code))) for code in codes]
