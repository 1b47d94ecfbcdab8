"""The mails that were caught, newest first, in bounded memory, and the bad moods that tests can put the server in."""

import asyncio
import email
import email.policy
import itertools
import re
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from functools import cached_property
from html import unescape
from typing import Any, Literal

_LINK = re.compile(r"""href=["'](https?://[^"']+)["']""", re.IGNORECASE)

Stage = Literal["mail", "rcpt", "data", "after_data"]


@dataclass(frozen=True)
class Mail:
    """One mail as it came over SMTP. ``to`` holds the envelope's recipients, whatever the headers say."""

    id: int
    received_at: datetime
    sender: str
    to: tuple[str, ...]
    raw: bytes

    @cached_property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.raw, policy=email.policy.default)

    @property
    def subject(self) -> str:
        return str(self.message["Subject"] or "")

    def body(self, kind: Literal["plain", "html"]) -> str:
        """Return the text or the HTML part, or an empty string."""
        part = self.message.get_body((kind,))
        return str(part.get_content()) if part is not None else ""

    @property
    def links(self) -> list[str]:
        """The addresses that the HTML part leads to, in their order, each once."""
        return list(dict.fromkeys(unescape(link) for link in _LINK.findall(self.body("html"))))

    def as_json(self) -> dict[str, Any]:
        """Return what the JSON interface tells of it: headers, both parts and the links."""
        return {
            "id": self.id,
            "received_at": self.received_at.isoformat(),
            "from": self.sender,
            "to": list(self.to),
            "subject": self.subject,
            "message_id": str(self.message["Message-ID"] or ""),
            "headers": {name: str(value) for name, value in self.message.items()},
            "text": self.body("plain"),
            "html": self.body("html"),
            "links": self.links,
        }


@dataclass
class Mood:
    """The next ``times`` commands of this stage, for recipients that end in ``to``, are answered with ``code``.

    ``after_data`` keeps the mail and then drops the connection without an answer: what a crash between the server's
    acceptance and the sender's note looks like.
    """

    stage: Stage
    code: int
    times: int
    to: str = ""


@dataclass
class Mailbox:
    """At most ``most`` mails and ``most_bytes`` bytes; the oldest make room."""

    most: int = 500
    most_bytes: int = 32 * 1024 * 1024
    moods: list[Mood] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._mails: deque[Mail] = deque()
        self._bytes = 0
        self._ids = itertools.count(1)
        self._arrived = asyncio.Event()

    def add(self, sender: str, to: list[str], raw: bytes) -> Mail:
        """Keep one mail and wake whoever waits for it."""
        mail = Mail(next(self._ids), datetime.now(UTC), sender, tuple(to), raw)
        self._mails.append(mail)
        self._bytes += len(raw)
        while len(self._mails) > self.most or (self._bytes > self.most_bytes and len(self._mails) > 1):
            self._bytes -= len(self._mails.popleft().raw)
        self._arrived.set()
        self._arrived = asyncio.Event()
        return mail

    def find(self, *, to: str = "", subject: str = "") -> list[Mail]:
        """Return the mails to this address (empty: to anyone) whose subject holds these words, newest first."""
        return [mail for mail in reversed(self._mails) if _matches(mail, to, subject)]

    async def wait_for(self, *, to: str = "", subject: str = "", seconds: float = 0) -> list[Mail]:
        """Return as ``find`` does, waiting up to ``seconds`` for the first match."""
        try:
            async with asyncio.timeout(seconds):
                while not (found := self.find(to=to, subject=subject)):
                    await self._arrived.wait()
                return found
        except TimeoutError:
            return self.find(to=to, subject=subject)

    def get(self, mail_id: int) -> Mail | None:
        """Return this mail, or None when it never came or made room."""
        return next((mail for mail in self._mails if mail.id == mail_id), None)

    def remove(self, *, to: str = "", subject: str = "") -> int:
        """Forget the matching mails and return how many they were."""
        gone = self.find(to=to, subject=subject)
        self._mails = deque(mail for mail in self._mails if mail not in gone)
        self._bytes = sum(len(mail.raw) for mail in self._mails)
        return len(gone)

    def mood(self, stage: Stage, recipients: list[str]) -> Mood | None:
        """Take one turn of the first mood that applies here."""
        for mood in self.moods:
            if mood.stage == stage and mood.times and any(to.endswith(mood.to) for to in recipients or [""]):
                mood.times -= 1
                return mood
        return None


def _matches(mail: Mail, to: str, subject: str) -> bool:
    wanted = to.casefold()
    return (not wanted or any(address.casefold() == wanted for address in mail.to)) and subject in mail.subject
