"""The quote that waits for an answer: its clocks, and its end when the case comes to one."""

from __future__ import annotations

from services.intake.domain import QuoteState
from services.intake.queues import QUOTES
from services.intake.store import quotes
from shared import staff_queue
from shared.backbone import timers
from shared.db import Tx
from shared.ids import CaseId

CLOCKS = ("quote_expired", "quote_reminder")


async def stop_clocks(tx: Tx, case_id: CaseId) -> None:
    """Let the quote neither run out nor be brought to mind."""
    for name in CLOCKS:
        await timers.cancel(tx, case_id, name)


async def settle(tx: Tx, case_id: CaseId, state: QuoteState) -> None:
    """Close what waits for an answer or for an advisor: the case has come to its end."""
    await quotes.settle(tx, case_id, state)
    await stop_clocks(tx, case_id)
    for wish in await quotes.wishes_of(tx, case_id):
        if wish.outcome is None:
            await quotes.settle_wish(tx, wish.wish_id, "withdrawn", None)
            await staff_queue.done(tx, QUOTES, f"wish:{wish.wish_id}")
    for question in await quotes.questions_of(tx, case_id):
        await staff_queue.done(tx, QUOTES, f"question:{question.question_id}")
    await staff_queue.done(tx, QUOTES, f"answer:{case_id}")
