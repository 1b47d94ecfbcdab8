"""What happens to a quote: offered, asked about, brought to mind, answered, run out; and services added later (R17, R19).

Each step is one transaction and locks the case first, so of two people who answer, offer or let time run out at once
exactly one gets their way, and the other a sentence. Every revision is kept as it was offered.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from services.intake import casework, open_quote, pricing, store
from services.intake.domain import Quote, QuoteState, Refused, ServiceSelection, Stage, Step, check_may
from services.intake.pricing import Asked
from services.intake.queues import QUOTES
from services.intake.store import Case, quotes
from services.intake.store.quotes import QuoteQuestion
from services.intake.values import N_
from shared import programme, staff_queue
from shared.backbone import outbox, timers
from shared.db import Tx
from shared.events import (
    QuoteDeclined,
    QuoteLeftUnanswered,
    QuoteOffered,
    QuoteQuestionAnswered,
    ServicesConfirmed,
)
from shared.ids import CaseId
from shared.programme import Programme

UNANSWERED_AT_ONCE = 10
ADD_TO = "Services are agreed, in revision {revision}. Open the case again: a quote now adds to them."
NOTHING_AGREED = "No services are agreed that this quote could add to. Open the case again."

DECLINE_REASONS = {
    "price": N_("The price is too high"),
    "later": N_("Not now, perhaps later"),
    "elsewhere": N_("I get an opinion somewhere else"),
    "travel": N_("I would rather travel and be seen in person"),
    "services": N_("These are not the services that I need"),
    "other": N_("Another reason"),
}


async def offer(
    tx: Tx,
    case_id: CaseId,
    codes: tuple[str, ...],
    asked: Asked,
    note: str,
    by: str,
    *,
    supplements: int | None = None,
    seen: int | None = None,
    surgery_advice: bool = False,
) -> Quote:
    """Offer services at an individual price (R17, R19); an open offer is superseded and stays in the history.

    Once services are agreed, `codes` are added to those of the accepted revision that it `supplements`: a quote that was
    meant as the first one never becomes a supplement because it was accepted meanwhile. `seen` is the newest revision
    that the advisor knew of: Refused when somebody offered another meanwhile. `surgery_advice` puts R4's sentence into the quote.
    """
    case = await store.lock_case(tx, case_id)
    history = await quotes.of_case(tx, case_id)
    _check_up_to_date(case, history, supplements, seen)
    rules, agreed = programme.load(case.programme), pricing.agreed_in(history)
    ServiceSelection(pricing.whole_of(rules, agreed.services if agreed else (), codes), rules)
    made = pricing.price(rules, codes, asked)
    quote = pricing.next_revision(
        rules, history, codes, made, note=note, by=by, now=tx.now, surgery_advice=surgery_advice
    )
    await quotes.settle(tx, case_id, QuoteState.SUPERSEDED)
    await quotes.insert(tx, case_id, quote)
    await store.bump_version(tx, case_id)
    await store.set_contacted(tx, case_id, by)
    await timers.cancel(tx, case_id, "contact_overdue")
    await _start_clocks(tx, case_id, quote, rules)
    await staff_queue.done(tx, QUOTES, f"answer:{case_id}")
    await _quote_wishes(tx, case_id, quote, by)
    outbox.append(tx, QuoteOffered(case_id=case_id, quote_id=quote.quote_id, revision=quote.revision, price=quote.price,
                                   valid_until=quote.valid_until, offered_at=quote.offered_at,
                                   supplements=quote.supplements))  # fmt: skip
    await casework.show_on_desk(tx, case_id)
    return quote


def _check_up_to_date(case: Case, history: Sequence[Quote], supplements: int | None, seen: int | None) -> None:
    """Raise Refused unless the case takes an offer now, and stands as the advisor who makes it saw it."""
    agreed, newest = pricing.agreed_in(history), history[0].revision if history else 0
    check_may(Step.ADD_SERVICE if agreed else Step.OFFER_QUOTE, case.stage)
    if supplements != (agreed.revision if agreed else None):
        raise Refused(ADD_TO.format(revision=agreed.revision) if agreed else NOTHING_AGREED)
    if seen is not None and seen != newest:
        raise Refused("Somebody else offered a quote meanwhile. Read it first, then offer yours if it is still right.")


async def _start_clocks(tx: Tx, case_id: CaseId, quote: Quote, rules: Programme) -> None:
    await timers.set(tx, case_id, "quote_expired", due=quote.valid_until)
    remind_at = quote.valid_until - rules.clocks.quote_reminder
    if remind_at > quote.offered_at:
        await timers.set(tx, case_id, "quote_reminder", due=remind_at)


async def _answerable(tx: Tx, case_id: CaseId, revision: int, quote_id: UUID) -> tuple[Case, Quote]:
    case = await store.lock_case(tx, case_id)
    check_may(Step.ANSWER_QUOTE, case.stage)
    last = await quotes.newest(tx, case_id)
    if last is None:
        raise Refused(N_("There is no quote for this case yet. Your care advisor will send you one."))
    last.check_answerable(quote_id, revision, tx.now)
    await open_quote.stop_clocks(tx, case_id)
    return case, last


async def accept(tx: Tx, case_id: CaseId, revision: int, quote_id: UUID) -> Case:
    """The requester agrees to what the advisor offered: services are confirmed, or added to (R17, R20)."""
    case, quote = await _answerable(tx, case_id, revision, quote_id)
    await quotes.settle(tx, case_id, QuoteState.ACCEPTED)
    await store.set_confirmed(tx, case_id)
    added = () if quote.supplements is None else quote.added
    outbox.append(tx, ServicesConfirmed(case_id=case_id, quote_id=quote.quote_id, revision=quote.revision,
                                        services=quote.services, price=quote.price, programme=case.programme,
                                        confirmed_at=tx.now, supplements=quote.supplements, added=added))  # fmt: skip
    return await casework.show_on_desk(tx, case_id)


async def decline(tx: Tx, case_id: CaseId, revision: int, quote_id: UUID, code: str, words: str) -> Case:
    """The requester says no to this offer, and why; the case goes back to the advisor."""
    if code not in DECLINE_REASONS:
        raise Refused(N_("Choose why you decline."))
    case, quote = await _answerable(tx, case_id, revision, quote_id)
    await quotes.settle(tx, case_id, QuoteState.DECLINED, code=code, words=words.strip())
    await store.bump_version(tx, case_id)
    outbox.append(tx, QuoteDeclined(case_id=case_id, quote_id=quote.quote_id, revision=quote.revision,
                                    declined_at=tx.now))  # fmt: skip
    await _tell_advisors(tx, case, quote, "declined")
    return await casework.show_on_desk(tx, case_id)


async def expire(tx: Tx, case_id: CaseId) -> None:
    """End an offer whose date has passed; nothing happens when it was answered or replaced meanwhile."""
    case = await store.lock_case(tx, case_id)
    quote = await quotes.newest(tx, case_id)
    if quote is None or tx.now < quote.valid_until or not await quotes.settle(tx, case_id, QuoteState.EXPIRED):
        return
    await timers.cancel(tx, case_id, "quote_reminder")
    await store.bump_version(tx, case_id)
    await _tell_advisors(tx, case, quote, "ran out")
    await casework.show_on_desk(tx, case_id)


async def _tell_advisors(tx: Tx, case: Case, quote: Quote, what: str) -> None:
    """Put a supplement that came to nothing before an advisor; a first quote that did brings the whole request back."""
    if quote.supplements is not None:
        title = f"{case.case_number} · the quote for added services {what}"
        await staff_queue.put(tx, QUOTES, case.case_id, f"answer:{case.case_id}", title, data=_to_quotes(case.case_id))


async def remind(tx: Tx, case_id: CaseId) -> None:
    """Bring an unanswered quote to mind, once, while there is time to answer it."""
    await store.lock_case(tx, case_id)
    last = await quotes.newest(tx, case_id)
    if last is None or tx.now >= last.valid_until:
        return
    if (quote := await quotes.mark_reminded(tx, case_id)) is not None:
        outbox.append(tx, QuoteLeftUnanswered(case_id=case_id, quote_id=quote.quote_id, revision=quote.revision,
                                              price=quote.price, valid_until=quote.valid_until,
                                              reminded_at=tx.now))  # fmt: skip


# --- questions -------------------------------------------------------------------------------------------------------


async def ask(tx: Tx, case_id: CaseId, revision: int, quote_id: UUID, text: str, by: str) -> UUID:
    """Ask about the newest quote, answered or not; an advisor answers in words. Its date goes on running."""
    case = await store.lock_case(tx, case_id)
    check_may(Step.ASK_ABOUT_QUOTE, case.stage)
    last = await quotes.newest(tx, case_id)
    if last is None:
        raise Refused(N_("There is no quote for this case yet. Your care advisor will send you one."))
    if (quote_id, revision) != (last.quote_id, last.revision):
        raise Refused(N_("There is a newer quote for this case. Please read it before you answer."))
    waiting = [one for one in await quotes.questions_of(tx, case_id) if one.answer is None]
    if len(waiting) >= UNANSWERED_AT_ONCE:
        raise Refused(N_("You have asked many questions that are not answered yet. Please wait for the answers."))
    question_id = await quotes.add_question(tx, case_id, last, text, by)
    rules = programme.load(case.programme)
    await staff_queue.put(
        tx, QUOTES, case_id, f"question:{question_id}", f"{case.case_number} · a question about the quote",
        due=rules.calendar.contact_due(tx.now), data={"href": f"/desk/intake/cases/{case_id}/questions/{question_id}"},
    )  # fmt: skip
    return question_id


async def answer(tx: Tx, question_id: UUID, words: str, by: str) -> QuoteQuestion:
    """Answer a question in words, once: the letter's link leads back to the quote, where both stand."""
    found = await quotes.question(tx, question_id)
    if found is None:
        raise store.UnknownCase(str(question_id))
    case = await store.lock_case(tx, found.case_id)
    if case.stage is Stage.WITHDRAWN:
        check_may(Step.ASK_ABOUT_QUOTE, case.stage)
    found = await quotes.question(tx, question_id) or found
    if found.answer is not None:
        raise Refused(f"{found.answered_by} has answered this question already. Their answer stands.")
    await quotes.answer_question(tx, question_id, words, by)
    await staff_queue.done(tx, QUOTES, f"question:{question_id}")
    outbox.append(tx, QuoteQuestionAnswered(case_id=found.case_id, answer_id=question_id, answered_at=tx.now))
    return found


# --- wishes ----------------------------------------------------------------------------------------------------------


async def wish(tx: Tx, case_id: CaseId, service: str, words: str, by: str) -> UUID:
    """Put before the advisors that a service should be added (R17): only they quote it."""
    case = await store.lock_case(tx, case_id)
    check_may(Step.ADD_SERVICE, case.stage)
    rules = programme.load(case.programme)
    agreed = pricing.agreed_in(await quotes.of_case(tx, case_id))
    whole = pricing.whole_of(rules, agreed.services if agreed else (), (service,))
    ServiceSelection(whole, rules)
    wish_id = await quotes.add_wish(tx, case_id, service, words, by)
    title = f"{case.case_number} · add {rules.catalogue[service].title}?"
    due = rules.calendar.contact_due(tx.now)
    await staff_queue.put(tx, QUOTES, case_id, f"wish:{wish_id}", title, due=due, data=_to_quotes(case_id))
    return wish_id


async def set_aside(tx: Tx, case_id: CaseId, wish_id: UUID, words: str, by: str) -> None:
    """Settle a wish without a quote, and say why."""
    await store.lock_case(tx, case_id)
    if wish_id not in {one.wish_id for one in await quotes.wishes_of(tx, case_id) if one.outcome is None}:
        raise Refused("This wish is settled already. Open the case again to see how.")
    await quotes.settle_wish(tx, wish_id, "set_aside", by, words)
    await staff_queue.done(tx, QUOTES, f"wish:{wish_id}")


async def _quote_wishes(tx: Tx, case_id: CaseId, quote: Quote, by: str) -> None:
    for one in await quotes.wishes_of(tx, case_id):
        if one.outcome is None and one.service in quote.added:
            await quotes.settle_wish(tx, one.wish_id, "quoted", by)
            await staff_queue.done(tx, QUOTES, f"wish:{one.wish_id}")


def _to_quotes(case_id: CaseId) -> dict[str, str]:
    return {"href": f"/desk/cases/{case_id}#quotes"}
