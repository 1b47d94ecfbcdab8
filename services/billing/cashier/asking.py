"""Money is never in limbo: what waits for a word of the provider is asked about, should no message come (R21)."""

from uuid import UUID

from services.billing import domain, store
from services.billing.cashier.hearing import hear_notice
from services.billing.domain import CardStatus
from services.billing.gateway import CheckoutStanding
from services.billing.store import Checkout
from shared.backbone import errands, timers
from shared.db import Tx
from shared.ids import CaseId

ASK_TIMER, ASK_ERRAND = "ask_provider", "ask_provider"


async def open_card(tx: Tx, checkout: Checkout) -> None:
    """Keep a visit to the pay page, and begin to wait for its end."""
    await store.add_checkout(tx, checkout)
    await watch_provider(tx, checkout.case_id)


async def watch_provider(tx: Tx, case_id: CaseId) -> None:
    """Set the clock for the next question about a case; without one when nothing waits."""
    waiting = await store.waiting_for_provider(tx, case_id)
    if waiting:
        due = min(domain.ask_again_at(one.since, one.asked_at) for one in waiting)
        await timers.set(tx, case_id, ASK_TIMER, due)
    else:
        await timers.cancel(tx, case_id, ASK_TIMER)


async def ask_provider(tx: Tx, case_id: CaseId) -> None:
    """Have the provider asked about what has waited long enough."""
    for one in await store.waiting_for_provider(tx, case_id):
        if domain.ask_again_at(one.since, one.asked_at) <= tx.now:
            payload = {"kind": one.kind, "id": str(one.id), "provider_id": one.provider_id}
            await errands.request(tx, ASK_ERRAND, case_id, f"{one.id}:{tx.now.isoformat()}", payload)
            await store.note_asked(tx, one)
    await watch_provider(tx, case_id)


async def hear_standing(tx: Tx, case_id: CaseId, checkout_id: UUID, standing: CheckoutStanding) -> None:
    """Do what its messages would have done; a page on which nobody can pay any more is closed."""
    await store.lock_case(tx, case_id)
    for attempt in standing.attempts:
        await hear_notice(tx, attempt)
    if not standing.open and all(one.status != CardStatus.PROCESSING for one in standing.attempts):
        await store.close_checkout(tx, checkout_id)
    await watch_provider(tx, case_id)
