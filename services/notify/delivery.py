"""The errand that sends one message: asks intake who is to be reached, writes the letter, and hands it over.

Names and addresses live in this module's variables for the length of one attempt and nowhere else. An attempt that dies
after the mail server took the message leads to at most one repeat, under the same ``Message-ID``.
"""

from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel

from services.notify import mail, store
from services.notify.domain import History, identity, overtaken
from services.notify.languages import Speech
from services.notify.letters import AFTER_WITHDRAWAL, KIND_OF, Audience, compose
from services.notify.queues import CALL_INSTEAD, call_title
from services.notify.senders import Refused, SmtpSender, TryLater
from shared import log, programme, staff_queue
from shared.backbone.errands import Errand
from shared.db import Tx
from shared.events import CallBackBooked, CallBackMissed, CaseWithdrawn, Fact, RequestSubmitted
from shared.peers import PeerProblem
from shared.service import Context

_log = log.get(__name__)
_UNREADABLE = 553
LINKS_ALONE = frozenset({"sign_in", "form_saved"})
"""Nobody need be called about these: whoever wants a link asks for another."""


class NotYet(Exception):
    """What the letter is written from has not all arrived; the next attempt will find it."""


class Person(BaseModel):
    """Somebody to reach, as intake knows them at this moment."""

    name: str
    email: str | None = None
    role: str | None = None


class Contacts(BaseModel):
    """Intake's answer to the claim check."""

    locale: str
    requester: Person
    patient: Person
    local_physician: Person | None = None
    withdrawn: bool = False


@dataclass(frozen=True)
class Reader:
    """Who gets the message, and as whom its link lets them in."""

    name: str
    address: str
    enters_as: Audience


@dataclass(frozen=True)
class Outcome:
    """How a message ended."""

    state: Literal["sent", "no_address", "bounced", "failed", "withheld"]
    locale: str | None = None
    smtp_code: int | None = None


async def send(errand: Errand, ctx: Context) -> None:
    """Send the message that the errand names, unless it is settled. Raises to be tried again, until time is up."""
    key = UUID(errand.payload["message"])
    async with ctx.db.transaction() as tx:
        message = await store.begin_attempt(tx, key, mail.message_id(key, ctx.platform.public_url))
        history = await store.history_of(tx, errand.case_id)
    if message is None:
        return
    try:
        outcome = await _deliver(message, history, ctx)
    except (TryLater, PeerProblem, NotYet) as trouble:
        if ctx.clock.now() - message.requested_at < ctx.settings.give_up_after:
            raise
        outcome = Outcome("failed", smtp_code=getattr(trouble, "code", None))
    async with ctx.db.transaction() as tx:
        await _settle(tx, message, outcome, history)


def reader_of(contacts: Contacts, audience: Audience) -> Reader | None:
    """Return whom this audience is, or None when no e-mail reaches them.

    A patient without an address of their own is reached through the caregiver or relative who asked for them (R9),
    never through a referring clinician.
    """
    person: Person | None = getattr(contacts, audience)
    if person is not None and person.email:
        return Reader(person.name, person.email, audience)
    requester = contacts.requester
    if audience == "patient" and requester.email and requester.role != "clinician":
        return Reader(requester.name, requester.email, "requester")
    return None


async def _deliver(message: store.Message, history: History, ctx: Context) -> Outcome:
    contacts = await _contacts(message, ctx)
    if contacts is None:
        return Outcome("no_address")
    if _is_withheld(message, contacts, history):
        return Outcome("withheld")
    reader = reader_of(contacts, message.audience)
    if reader is None:
        return Outcome("no_address")
    if history.programme is None:
        raise NotYet("no fact of this case has named its programme yet")
    rules = programme.load(history.programme)
    speech = Speech(contacts.locale, rules.calendar.zone)
    occasion = _occasion(message, history)
    theirs = await _their_time(occasion, contacts.locale, ctx)
    letter = compose(message.kind, occasion, history, message.audience, speech, theirs)
    try:
        mail.recipient(reader.name, reader.address)
    except ValueError:
        return Outcome("bounced", speech.code, _UNREADABLE)
    around = mail.Surroundings(
        emergency_notice=rules.text("emergency_notice", speech.code), office_email=rules.contacts.email,
        office_phone=rules.contacts.phone, link=await _link(message, reader, letter.path, ctx),
        sign_in_url=ctx.platform.public_url + ("/request/link" if message.kind == "form_saved" else "/my/sign-in"),
    )  # fmt: skip
    envelope = mail.Envelope(
        sender=ctx.platform.mail_from, to_name=reader.name, to_address=reader.address,
        message_id=message.message_id or "", written_at=ctx.clock.now(),
    )  # fmt: skip
    try:
        await SmtpSender(ctx.platform.smtp_url).send(mail.write(letter, envelope, around, speech))
    except Refused as refused:
        return Outcome("bounced", speech.code, refused.code)
    return Outcome("sent", speech.code)


def _is_withheld(message: store.Message, contacts: Contacts, history: History) -> bool:
    """Whether it is better not sent: the case is withdrawn, its reader is told already, or its quote was answered."""
    if message.kind == "withdrawn":
        return message.audience == "patient" and not _reads_for_themselves(contacts)
    withdrawn = contacts.withdrawn or history.latest(CaseWithdrawn) is not None
    if withdrawn and message.kind not in AFTER_WITHDRAWAL:
        return True
    return message.kind == "quote_reminder" and overtaken(_occasion(message, history), history)


def _reads_for_themselves(contacts: Contacts) -> bool:
    """Whether the patient has a mail box of their own, so that a letter to who asked for them isn't theirs too (R9)."""
    own, asks = contacts.patient.email, contacts.requester.email
    return own is not None and own.lower() != (asks or "").lower()


async def _contacts(message: store.Message, ctx: Context) -> Contacts | None:
    """Return who is to be reached now; None when intake keeps nobody for this case any more."""
    try:
        answer: Any = await ctx.peers.get("intake", f"/cases/{message.case_id}/contacts")
    except PeerProblem as problem:
        if problem.status in {404, 410}:
            return None
        raise
    return Contacts.model_validate(answer)


async def _their_time(fact: Fact, locale: str, ctx: Context) -> Speech | None:
    """Return how the reader's own clock tells the time of a call (R11): intake knows where they are."""
    if not isinstance(fact, (CallBackBooked, CallBackMissed)):
        return None
    answer: Any = await ctx.peers.get("intake", f"/cases/{fact.case_id}/call-backs/{fact.call_back_id}")
    return Speech(locale, answer["zone"])


async def _link(message: store.Message, reader: Reader, path: str, ctx: Context) -> str:
    """Return a fresh single-use link: an earlier attempt's may have run out while the mail server was away."""
    body, key = {"audience": reader.enters_as, "path": path}, f"{message.id}.{message.attempts}"
    answer = await ctx.peers.post("intake", f"/cases/{message.case_id}/links", body, key=key)
    return str(answer["url"])


def _occasion(message: store.Message, history: History) -> Fact:
    for fact in history.facts:
        if KIND_OF[type(fact)] == message.kind and identity(fact) == message.occasion:
            return fact
    raise NotYet("the fact that this message is about is not in the timeline")


async def _settle(tx: Tx, message: store.Message, outcome: Outcome, history: History) -> None:
    await store.settle(tx, message.id, outcome.state, locale=outcome.locale, smtp_code=outcome.smtp_code)
    said = {"case_id": str(message.case_id), "kind": message.kind, "audience": message.audience, "state": outcome.state}
    if outcome.state in store.NEEDS_A_PERSON and message.kind not in LINKS_ALONE:
        request = history.latest(RequestSubmitted)
        title = call_title(message.kind, message.audience, request.case_number if request else "")
        href = f"/desk/notify/messages/{message.id}"
        await staff_queue.put(tx, CALL_INSTEAD, message.case_id, str(message.id), title, data={"href": href})
        _log.error("message_needs_a_person", **said, smtp_code=outcome.smtp_code)
    else:
        _log.info("message_settled", **said)


ERRANDS = {"send": send}
