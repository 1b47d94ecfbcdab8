"""What people do in matching, each in one transaction: choose, accept, decline, write, sign, correct, deliver.

Raises ``Refused`` (a rule says no), ``Incomplete`` (what to mend first), ``Stale`` (somebody edited it meanwhile) and
``Unknown`` (not there, or not this person's).
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from services.matching import handlers, publishing, queues
from services.matching.brief import Brief, brief_of
from services.matching.domain.candidates import Candidate, Ranking, Specialist, rank
from services.matching.domain.offers import DECLARATION, Offer, OfferState
from services.matching.domain.opinions import Gap, OpinionText, Question, check_signature, gaps
from services.matching.domain.values import Refused, Unknown
from services.matching.store import cases, offers, opinions, roster
from shared import staff_queue
from shared.backbone import errands, outbox, timers
from shared.db import Tx
from shared.events import SpecialistAssigned
from shared.ids import CaseId
from shared.service import Context


class Incomplete(Exception):
    """Things to mend first."""

    def __init__(self, found: Sequence[Gap]) -> None:
        super().__init__(" ".join(gap.sentence for gap in found))
        self.gaps = tuple(found)


class Stale(Exception):
    """The draft changed since it was read."""


async def ranking_of(ctx: Context, case_id: CaseId) -> tuple[cases.Case, Brief, Ranking]:
    """Rank the roster for this case as all stands now (M8); raises ``PeerProblem`` when intake can't be asked."""
    async with ctx.db.reading() as tx:
        case, all_of_them = await cases.case(tx, case_id), await roster.roster(tx)
        asked = await offers.offers_of(tx, case_id)
    if case.complete_at is None:
        raise Unknown("its materials are not complete yet")
    brief = await brief_of(ctx.peers, case_id)
    declined = {one.specialist_id: "declined it" for one in asked if one.state is OfferState.DECLINED}
    return case, brief, rank(brief.needs(case.discipline), all_of_them, declined)


def shortlist(ranking: Ranking, chosen: Iterable[UUID]) -> list[Candidate]:
    """Return the chosen candidates in that order. Raises ``Refused`` for somebody who can't have this case (M9)."""
    able = {candidate.specialist.id: candidate for candidate in ranking.candidates}
    picked = list(dict.fromkeys(chosen))
    if not picked:
        raise Refused("Choose at least one specialist.")
    if any(one not in able for one in picked):
        raise Refused("Somebody on this list can't have this case now: look at the ranking again.")
    return [able[one] for one in picked]


async def offer_case(tx: Tx, case_id: CaseId, candidates: Sequence[Candidate], *, by: str) -> None:
    """Ask the first of the list; the next ones follow when somebody declines or lets the clock run out (M8)."""
    case = await cases.hold_case(tx, case_id)
    earlier = await offers.offers_of(tx, case_id)
    if not case.open:
        raise Refused("This case is closed.")
    if any(one.state in (OfferState.OFFERED, OfferState.ACCEPTED) for one in earlier):
        raise Refused("Somebody was asked already: wait for the answer, or for the clock.")
    await offers.cancel_offers(tx, case_id)
    await offers.add_shortlist(tx, case_id, case.discipline, list(candidates), by, len(earlier) + 1)
    await handlers.ask_next(tx, case)


async def accept(tx: Tx, offer_id: UUID, one: Specialist, *, no_conflict: bool) -> UUID:
    """Take the case, with the declaration of M9; told as ``SpecialistAssigned``, once. Returns the assignment's id."""
    case, offer = await _own_offer(tx, offer_id, one)
    await offers.save_offer(tx, offer.accept(no_conflict, tx.now))
    assignment_id = await offers.assign(tx, offer, DECLARATION)
    await offers.cancel_offers(tx, case.case_id)
    await timers.cancel(tx, case.case_id, handlers.OFFER_CLOCK)
    await staff_queue.done(tx, queues.MY_OFFERS, str(offer.id))
    await opinions.start_opinion(tx, case.case_id, one.id, 1, OpinionText(), correction="")
    await _ask_to_write(tx, case, one)
    outbox.append(tx, SpecialistAssigned(
        case_id=case.case_id, assignment_id=assignment_id, specialist_id=one.id, accepted_at=tx.now,
    ))  # fmt: skip
    return assignment_id


async def decline(tx: Tx, offer_id: UUID, one: Specialist, *, reason: str) -> None:
    """Hand the case back; the next one is asked."""
    case, offer = await _own_offer(tx, offer_id, one)
    await offers.save_offer(tx, offer.decline(reason, tx.now))
    await staff_queue.done(tx, queues.MY_OFFERS, str(offer.id))
    await timers.cancel(tx, case.case_id, handlers.OFFER_CLOCK)
    await handlers.ask_next(tx, case)


async def _own_offer(tx: Tx, offer_id: UUID, one: Specialist) -> tuple[cases.Case, Offer]:
    found = await offers.find_offer(tx, offer_id)
    if found is None or found.specialist_id != one.id:
        raise Unknown("no such offer for you")
    case = await cases.hold_case(tx, found.case_id)
    held = await offers.find_offer(tx, offer_id)  # read again: another request may have decided it before the lock
    return case, held or found


async def _ask_to_write(tx: Tx, case: cases.Case, one: Specialist) -> None:
    key, href = str(case.case_id), f"/desk/matching/cases/{case.case_id}/opinion"
    await staff_queue.put(tx, queues.TO_WRITE, case.case_id, key, case.title, due=case.target_to, data={"href": href})
    await offers.address_item(tx, queues.TO_WRITE, key, one)


async def own_opinion(tx: Tx, case_id: CaseId, one: Specialist) -> opinions.Opinion:
    """Return the newest version for its author; to anybody else it doesn't exist."""
    found = await opinions.latest_opinion(tx, case_id)
    if found is None or found.author_id != one.id:
        raise Unknown("no opinion of yours")
    return found


async def save_draft(tx: Tx, case_id: CaseId, one: Specialist, text: OpinionText, *, expected: int) -> opinions.Opinion:
    """Keep what was written, when the draft is still at revision ``expected``."""
    draft = await _own_draft(tx, case_id, one, expected)
    await opinions.save_text(tx, draft.id, text, (), revision=draft.revision + 1)
    return await opinions.opinion(tx, draft.id)


async def sign(
    tx: Tx,
    case_id: CaseId,
    one: Specialist,
    questions: tuple[Question, ...],
    *,
    name: str,
    confirmed: bool,
    expected: int,
) -> opinions.Opinion:
    """Sign the draft: from here on it never changes, and its document is on its way to both recipients.

    Raises ``Incomplete`` while a section is empty (R31, R33), a question is open (M10), or the name isn't the author's.
    """
    draft = await _own_draft(tx, case_id, one, expected)
    if found := (*gaps(draft.text, questions), *check_signature(one.name, name, confirmed)):
        raise Incomplete(found)
    answers = tuple(draft.text.answer_to(question.id) for question in questions)
    text = draft.text.model_copy(update={"answers": answers})
    await opinions.save_text(tx, draft.id, text, questions, revision=draft.revision)
    await opinions.sign(tx, draft.id, one.name)
    await offers.end_assignments(tx, case_id)
    await staff_queue.done(tx, queues.TO_WRITE, str(case_id))
    await ask_to_publish(tx, case_id, draft.id, attempt=1)
    return await opinions.opinion(tx, draft.id)


async def correct(tx: Tx, case_id: CaseId, one: Specialist, *, reason: str) -> opinions.Opinion:
    """Begin a corrected version; the signed one stays as it is, and stays available until the new one is."""
    case = await cases.hold_case(tx, case_id)
    signed = await own_opinion(tx, case_id, one)
    if case.withdrawn_at or signed.state != "signed":
        raise Refused("Only a signed opinion of a case that isn't withdrawn is corrected: a draft is simply edited.")
    if not reason.strip():
        raise Refused("Say what is corrected, and why: it is printed on the new version.")
    began = await opinions.start_opinion(tx, case_id, one.id, signed.version + 1, signed.text, reason.strip())
    await _ask_to_write(tx, case, one)
    return await opinions.opinion(tx, began)


async def ask_to_publish(tx: Tx, case_id: CaseId, opinion_id: UUID, *, attempt: int) -> None:
    """Have the document made and delivered, or delivered again once a recipient was named."""
    payload = {"opinion_id": str(opinion_id)}
    await errands.request(tx, publishing.PUBLISH, case_id, f"{opinion_id}/{attempt}", payload)


async def deliver_again(tx: Tx, case_id: CaseId) -> None:
    """Try once more to reach a recipient who was missing (R34)."""
    case, waiting = await cases.hold_case(tx, case_id), await opinions.printed_opinion(tx, case_id)
    if case.withdrawn_at or waiting is None or waiting.delivered_at is not None:
        raise Refused("Nothing waits for a recipient here.")
    await ask_to_publish(tx, case_id, waiting.id, attempt=int(tx.now.timestamp()))


async def _own_draft(tx: Tx, case_id: CaseId, one: Specialist, expected: int) -> opinions.Opinion:
    await cases.hold_case(tx, case_id)
    draft = await own_opinion(tx, case_id, one)
    if draft.state != "draft":
        raise Refused(
            "This version is signed and never changes." if draft.state == "signed" else "This case is closed."
        )
    if draft.revision != expected:
        raise Stale(f"it is at revision {draft.revision}")
    return draft
