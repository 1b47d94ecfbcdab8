"""What matching does about facts and clocks, and the steps they share with what people do; the tables stand at the end.

A fact may come before or after any other: each is stored, and the case is looked at as a whole.
"""

from services.matching import publishing
from services.matching.domain.candidates import Specialist
from services.matching.domain.offers import Offer, OfferState
from services.matching.queues import MY_OFFERS, TO_MATCH
from services.matching.store import cases, offers, opinions, roster
from shared import staff_queue
from shared.backbone import timers
from shared.backbone.inbox import Reaction
from shared.db import Tx
from shared.events import CaseWithdrawn, Fact, RecordsComplete, RequestSubmitted
from shared.ids import CaseId

OFFER_CLOCK = "offer_expires"


async def note_case_number(submitted: RequestSubmitted, tx: Tx) -> None:
    """Remember how people call the case, whether or not it ever needs a specialist."""
    await ask_for_match(tx, await cases.learn_number(tx, submitted.case_id, submitted.case_number))


async def begin_matching(complete: RecordsComplete, tx: Tx) -> None:
    """All materials are in: have a person choose who is asked first (R30)."""
    await ask_for_match(tx, await cases.learn_complete(tx, complete))


async def stop_matching(withdrawn: CaseWithdrawn, tx: Tx) -> None:
    """Stop everything: clocks, offers, drafts, and what waits on desks (R29). What was delivered stays delivered."""
    await cases.learn_withdrawn(tx, withdrawn.case_id, withdrawn.withdrawn_at)
    await offers.cancel_offers(tx, withdrawn.case_id)
    await offers.end_assignments(tx, withdrawn.case_id)
    await opinions.close_drafts(tx, withdrawn.case_id)
    await timers.cancel_all(tx, withdrawn.case_id)
    await staff_queue.done_all(tx, withdrawn.case_id)


async def expire_offer(case_id: CaseId, tx: Tx) -> None:
    """Nobody answered in time: ask the next one (M8)."""
    case = await cases.hold_case(tx, case_id)
    for offer in await offers.offers_of(tx, case_id):
        over = offer.expire(tx.now)
        if over is not offer:
            await offers.save_offer(tx, over)
            await staff_queue.done(tx, MY_OFFERS, str(offer.id))
            await ask_next(tx, case)


async def ask_for_match(tx: Tx, case: cases.Case, note: str = "") -> None:
    """Put the case before those who choose, unless it is closed or somebody was asked or accepted already."""
    if not case.open:
        return
    asked = await offers.offers_of(tx, case.case_id)
    if not any(one.state in (OfferState.OFFERED, OfferState.ACCEPTED) for one in asked):
        await staff_queue.put(
            tx, TO_MATCH, case.case_id, str(case.case_id), f"{case.title}{note}", due=case.target_from,
            data={"href": f"/desk/matching/cases/{case.case_id}"},
        )  # fmt: skip


async def ask_next(tx: Tx, case: cases.Case) -> None:
    """Offer the case to the next of the shortlist who has room; when it is used up, ask for a new choice."""
    for waiting in await offers.offers_of(tx, case.case_id):
        if waiting.state is not OfferState.WAITING:
            continue
        one = await roster.specialist(tx, waiting.specialist_id)
        if one.active and one.free:
            await _ask(tx, case, waiting, one)
            return
        passed = waiting.model_copy(update={"state": OfferState.CANCELLED, "decided_at": tx.now, "reason": "no room"})
        await offers.save_offer(tx, passed)
    await ask_for_match(tx, case, note=": nobody on the list accepted, choose again")


async def _ask(tx: Tx, case: cases.Case, waiting: Offer, one: Specialist) -> None:
    expires_at = tx.now + case.rules.clocks.offer_expires
    await offers.save_offer(tx, waiting.model_copy(update={"state": OfferState.OFFERED, "expires_at": expires_at}))
    await timers.set(tx, case.case_id, OFFER_CLOCK, expires_at)
    await staff_queue.put(
        tx, MY_OFFERS, case.case_id, str(waiting.id), case.title, due=expires_at,
        data={"href": f"/desk/matching/offers/{waiting.id}"},
    )  # fmt: skip
    await offers.address_item(tx, MY_OFFERS, str(waiting.id), one)
    await staff_queue.done(tx, TO_MATCH, str(case.case_id))


REACTIONS: dict[type[Fact], Reaction] = {
    RequestSubmitted: note_case_number,
    RecordsComplete: begin_matching,
    CaseWithdrawn: stop_matching,
}
TIMERS = {OFFER_CLOCK: expire_offer}
ERRANDS = {publishing.PUBLISH: publishing.publish_opinion}
