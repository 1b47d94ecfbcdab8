"""The advisors' queues: what is on the one of requests, what each case waits for, and how advisors narrow it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from babel import Locale

from services.intake.domain import Channel, QuoteState, Stage, Stream
from shared.staff_queue import Facet, Queue

ADVISORS = ("care_advisor", "supervisor")


class Waiting(StrEnum):
    """What a case on the queue waits for."""

    CONTACT = "to_contact"
    QUOTE = "to_quote"
    DECLINED = "quote_declined"
    EXPIRED = "quote_expired"
    ANSWER = "quote_open"
    PAYMENT = "awaiting_payment"


WAITING: dict[str, str] = {
    Waiting.CONTACT: "To contact",
    Waiting.QUOTE: "To quote",
    Waiting.DECLINED: "Quote declined",
    Waiting.EXPIRED: "Quote expired",
    Waiting.ANSWER: "Quote open",
    Waiting.PAYMENT: "Awaiting payment",
}
ADVISOR_ACTS = (Waiting.CONTACT, Waiting.QUOTE, Waiting.DECLINED, Waiting.EXPIRED)
"""Where the next step is the advisor's; with the other two it is the requester's."""
STREAMS: dict[str, str] = {Stream.REMOTE: "Remote", Stream.IN_PERSON: "In person"}
CHANNELS: dict[str, str] = {
    Channel.WEB: "Web form",
    Channel.PHONE: "Telephone",
    Channel.EMAIL: "E-mail",
    Channel.FAX: "Fax",
    Channel.POST: "Post",
    Channel.COURIER: "Courier",
}
_ENGLISH = Locale("en")


def language(code: str) -> str:
    """Return a language's English name."""
    return str(_ENGLISH.languages.get(code, code))


def country(code: str) -> str:
    """Return a country's English name."""
    return str(_ENGLISH.territories.get(code, code))


REQUESTS = Queue(
    "requests", "Requests", ADVISORS,
    facets=(
        Facet("waiting", "Waits for", WAITING, first=ADVISOR_ACTS),
        Facet("stream", "Stream", STREAMS),
        Facet("channel", "Came by", CHANNELS),
        Facet("language", "Language", language),
        Facet("country", "Country", country),
    ),
)  # fmt: skip
POSSIBLE_DUPLICATES = Queue("possible-duplicates", "Possible duplicates", ADVISORS)
QUOTES = Queue("quotes", "Quotes: questions, wishes, answers", ADVISORS)
SET_ASIDE = Queue("set-aside", "Set aside as spam", ADVISORS)
CALL_BACKS = Queue("call-backs", "Call-backs", ADVISORS)
TASKS = Queue("tasks", "Tasks that are due", ADVISORS)
QUEUES = (REQUESTS, POSSIBLE_DUPLICATES, QUOTES, SET_ASIDE, CALL_BACKS, TASKS)


def waiting_for(stage: Stage, contacted_at: datetime | None, last_quote: QuoteState | None) -> Waiting | None:
    """Return what a case at this stage waits for; None when nothing is left for the advisors' queue (R12, R17, R20)."""
    if stage is Stage.QUOTED:
        return Waiting.ANSWER
    if stage is Stage.CONFIRMED:
        return Waiting.PAYMENT
    if stage is not Stage.REQUESTED:
        return None
    if contacted_at is None:
        return Waiting.CONTACT
    ended = {QuoteState.DECLINED: Waiting.DECLINED, QuoteState.EXPIRED: Waiting.EXPIRED}
    return ended.get(last_quote, Waiting.QUOTE) if last_quote else Waiting.QUOTE
