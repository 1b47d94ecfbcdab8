"""The SMTP side: takes every mail from anyone, unless a mood says otherwise. Never faces the internet."""

import asyncio
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from deploy.mail_catcher.mailbox import Mailbox, Mood, Stage

MOST_BYTES_A_MAIL = 10 * 1024 * 1024


class _Handler:
    def __init__(self, mailbox: Mailbox) -> None:
        self._mailbox = mailbox

    async def handle_MAIL(self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802 - aiosmtpd's name
        if mood := self._mailbox.mood("mail", []):
            return _answer(mood)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _: SMTP, __: Session, envelope: Envelope, address: str, options: list[str]) -> str:  # noqa: N802 - aiosmtpd's name
        if mood := self._mailbox.mood("rcpt", [address]):
            return _answer(mood)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _: Session, envelope: Envelope) -> str:  # noqa: N802 - aiosmtpd's name
        if mood := self._mood("data", envelope):
            return _answer(mood)
        content = envelope.content or b""
        raw = content if isinstance(content, bytes) else content.encode()
        self._mailbox.add(envelope.mail_from or "", list(envelope.rcpt_tos), raw)
        if self._mood("after_data", envelope) and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        return "250 Caught"

    def _mood(self, stage: Stage, envelope: Envelope) -> Mood | None:
        return self._mailbox.mood(stage, list(envelope.rcpt_tos))


def _answer(mood: Mood) -> str:
    return f"{mood.code} {'Try again later' if mood.code < 500 else 'No such mailbox'}: asked for by a test"


async def listen(mailbox: Mailbox, host: str, port: int) -> asyncio.Server:
    """Start to take mails in this event loop; port 0 finds a free one. Close the returned server to stop."""
    loop = asyncio.get_running_loop()

    def protocol() -> Any:
        return SMTP(
            _Handler(mailbox), data_size_limit=MOST_BYTES_A_MAIL, enable_SMTPUTF8=True, hostname="mail-catcher",
            ident="mail catcher", auth_require_tls=False, loop=loop,
        )  # fmt: skip

    return await loop.create_server(protocol, host, port)
