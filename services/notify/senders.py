"""The port to the mail server: hand over a message, and learn if it was taken, refused for good, or may be tried again.

Answers of a mail server may hold addresses; only their numbers leave this module.
"""

import ssl
from email.message import EmailMessage
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib


class Refused(Exception):
    """The server will never take this message for this recipient: a person must call instead."""

    def __init__(self, code: int) -> None:
        super().__init__(f"the mail server refused for good ({code})")
        self.code = code


class TryLater(Exception):
    """The server could not take the message now, or could not be reached."""

    def __init__(self, code: int | None, why: str) -> None:
        super().__init__(f"the mail server could not take it now ({code or why})")
        self.code = code


class Sender(Protocol):
    """Where messages go."""

    async def send(self, mail: EmailMessage) -> None:
        """Hand over ``mail``; returns once the server has taken it. Raises ``Refused`` or ``TryLater``."""


class SmtpSender:
    """A mail server at ``smtp[s]://[user:password@]host[:port]``; ``smtps`` or ``?starttls=1`` for TLS."""

    def __init__(self, url: str, *, timeout: float = 20, trust: ssl.SSLContext | None = None) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"smtp", "smtps"} or not parts.hostname:
            raise ValueError("SMTP_URL must look like smtp://host:25 or smtps://user:password@host:465.")
        self._host = parts.hostname
        self._implicit = parts.scheme == "smtps"
        self._port = parts.port or (465 if self._implicit else 25)
        self._username = unquote(parts.username) if parts.username else None
        self._password = unquote(parts.password) if parts.password else None
        asked = parse_qs(parts.query).get("starttls", ["auto"])[0]
        self._starttls = None if asked == "auto" else asked in {"1", "true", "required"}
        secure = self._implicit or self._starttls
        if self._username and not secure and self._host not in {"127.0.0.1", "::1", "localhost"}:
            raise ValueError("SMTP_URL has a password but no TLS: use smtps:// or add ?starttls=1.")
        self._trust = trust
        self._timeout = timeout

    async def send(self, mail: EmailMessage) -> None:
        try:
            await aiosmtplib.send(
                mail, hostname=self._host, port=self._port, username=self._username, password=self._password,
                use_tls=self._implicit, start_tls=False if self._implicit else self._starttls,
                timeout=self._timeout, tls_context=self._trust,
            )  # fmt: skip
        except aiosmtplib.SMTPRecipientsRefused as refused:
            raise _verdict(refused.recipients[0].code) from None
        except aiosmtplib.SMTPDataError as refused:
            raise _verdict(refused.code) from None
        except aiosmtplib.SMTPNotSupported:
            raise Refused(553) from None
        except aiosmtplib.SMTPResponseException as trouble:
            raise TryLater(trouble.code, type(trouble).__name__) from None
        except (aiosmtplib.SMTPException, OSError) as trouble:
            raise TryLater(None, type(trouble).__name__) from None


def _verdict(code: int) -> Refused | TryLater:
    return Refused(code) if code >= 500 else TryLater(code, "asked to wait")
