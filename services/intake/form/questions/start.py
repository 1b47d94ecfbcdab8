"""Before you start: the emergency notice, which path, where, and a link to come back by."""

from __future__ import annotations

from typing import ClassVar, Literal

from services.intake.domain import Path, Stream
from services.intake.values import Email
from shared.web import Incoming
from shared.web.i18n import N_

WANTS_EMAIL = N_("Enter an e-mail address in the correct format, like name@example.com")


class Start(Incoming):
    """The emergency notice, before anything else (R5)."""

    sentences: ClassVar[dict[str, str]] = {"emergency_read": N_("Confirm that you have read the emergency notice")}
    emergency_read: Literal["yes"]
    emergency_notice_version: str


class WayIn(Incoming):
    """Which of the two paths (R8)."""

    sentences: ClassVar[dict[str, str]] = {"path": N_("Say who is asking")}
    path: Path


class Where(Incoming):
    """Remote or in person; no answer means in person (R7)."""

    stream: Stream = Stream.IN_PERSON


class Save(Incoming):
    """Where to send a link to come back by, if one is wanted."""

    sentences: ClassVar[dict[str, str]] = {"email": WANTS_EMAIL}
    email: Email | None = None
