"""How intake reacts: to payment, to the opinion's delivery, and to its own clocks."""

from __future__ import annotations

from services.intake import aside, casework, drafts, duplicates, links, quoting, store
from services.intake.contact import call_backs, callers, colleagues, tasks
from services.intake.queues import REQUESTS
from shared.backbone.inbox import Reactions
from shared.db import Tx
from shared.events import OpinionDelivered, PaymentReceived
from shared.ids import CaseId


async def mark_paid(paid: PaymentReceived, tx: Tx) -> None:
    """The agreed price is in: the advisor's part is over (R20)."""
    await casework.note_progress(tx, paid.case_id, paid_at=paid.received_at)


async def close_case(delivered: OpinionDelivered, tx: Tx) -> None:
    """The opinion is with the patient and the local physician: the case is closed (R34)."""
    await casework.note_progress(tx, delivered.case_id, delivered_at=delivered.delivered_at)


async def mark_contact_late(case_id: CaseId, tx: Tx) -> None:
    """Nobody reached the requester in time: every desk is told, and shows it red (R12). The request stays where it is."""
    case = await store.lock_case(tx, case_id)
    if case.contacted_at is None:
        await casework.show_on_desk(tx, case_id)


async def end_quote(case_id: CaseId, tx: Tx) -> None:
    """The offer's date has passed: it goes back to the advisor."""
    await quoting.expire(tx, case_id)


async def remind_of_quote(case_id: CaseId, tx: Tx) -> None:
    """The offer's date is near: its reader hears of it once more."""
    await quoting.remind(tx, case_id)


REACTIONS: Reactions = {PaymentReceived: mark_paid, OpinionDelivered: close_case}
TIMERS = {
    "contact_overdue": mark_contact_late,
    "quote_expired": end_quote,
    "quote_reminder": remind_of_quote,
    "erase_draft": drafts.erase,
    "answer_sign_in": links.answer,
    "compare_patient": duplicates.compare,
    "answer_draft_link": drafts.answer,
    "call_back_due": call_backs.remind,
    "erase_call_back": call_backs.erase,
    "erase_set_aside": aside.forget,
    "task_due": tasks.bring_task,
    "absence_begins": colleagues.begin_absence,
    "absence_ends": colleagues.end_absence,
    "sweep_original": callers.sweep,
}
TAKEOVERS = {REQUESTS.name: colleagues.follow_taken}
ERRANDS = {"delete_original": callers.delete_original}
