"""A letter as an e-mail: text and HTML side by side in the reader's language, with R5's emergency notice on each.

A message's id is derived from what it is about, so a repeat after a crash carries the same ``Message-ID`` and a mail
server or reader can recognise it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr
from urllib.parse import urlsplit
from uuid import UUID, uuid5

from services.notify.languages import Speech
from services.notify.letters import Letter
from services.notify.templating import MAIL
from shared.ids import CaseId

_FAMILY = UUID("5f1c29a0-7d2e-5b8c-9a51-3f6f0c0de5a1")


@dataclass(frozen=True)
class Envelope:
    """Everything around a letter. ``message_id`` comes without angle brackets."""

    sender: str
    to_name: str
    to_address: str
    message_id: str
    written_at: datetime


@dataclass(frozen=True)
class Surroundings:
    """What stands on every message: R5's notice, how to reach the office, and the link behind the button."""

    emergency_notice: str
    office_email: str
    office_phone: str
    link: str
    sign_in_url: str


def message_key(case_id: CaseId, kind: str, audience: str, occasion: str, copy: int) -> UUID:
    """Return the id of a message: the same for the same message, however often it is asked for."""
    return uuid5(_FAMILY, f"{case_id}/{kind}/{audience}/{occasion}/{copy}")


def message_id(key: UUID, public_url: str) -> str:
    """Return the ``Message-ID`` of a message, without angle brackets."""
    return f"{key}@{urlsplit(public_url).hostname or 'localhost'}"


def write(letter: Letter, envelope: Envelope, around: Surroundings, speech: Speech) -> EmailMessage:
    """Return the e-mail, ready to hand over. ``ValueError`` when the recipient's address can't be one."""
    values = {"letter": letter, "around": around, "name": envelope.to_name, "speech": speech, "_": speech}
    to = recipient(envelope.to_name, envelope.to_address)
    mail = EmailMessage(policy=SMTP if to.addr_spec.isascii() else SMTPUTF8)
    mail["From"] = Address(*_named(envelope.sender))
    mail["To"] = to
    mail["Subject"] = _plain(letter.subject)
    mail["Date"] = format_datetime(envelope.written_at)
    mail["Message-ID"] = f"<{envelope.message_id}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    mail.set_content(MAIL.get_template("letter.txt").render(values))
    mail.add_alternative(MAIL.get_template("letter.html").render(values), subtype="html")
    mail["Content-Language"] = speech.lang  # after the content: setting that clears it
    return mail


def recipient(name: str, address: str) -> Address:
    """Return the recipient; an international domain is written in ASCII. ``ValueError`` when it can't be an address."""
    local, _, domain = address.strip().rpartition("@")
    if not local or not domain or "@" in local or not address.strip().isprintable():
        raise ValueError("An address has one @ with something on both sides, and nothing that can't be seen.")
    try:
        return Address("".join(c for c in name if c.isprintable()), local, domain.encode("idna").decode("ascii"))
    except (UnicodeError, ValueError, IndexError) as problem:
        raise ValueError("This can't be an e-mail address.") from problem


def _named(sender: str) -> Iterable[str]:
    name, address = parseaddr(sender)
    local, _, domain = address.rpartition("@")
    return name, local, domain


def _plain(subject: str) -> str:
    """Return the subject without direction marks, which some mail lists show as boxes."""
    return subject.replace("\u2066", "").replace("\u2069", "")
