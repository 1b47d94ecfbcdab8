"""Signed messages to the merchant (Standard Webhooks), tried again until taken; badly behaved when told to be."""

import asyncio
import contextlib
import json
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
from pydantic import BaseModel, Field
from standardwebhooks.webhooks import Webhook

from deploy.sandbox_gateway.book import Book
from deploy.sandbox_gateway.mailbox import Delivery

RETRIES = (0.5, 1, 2, 4, 8, 15, 30, 60, 120, 300, 600, 1800, 3600)
"""Seconds before each further attempt."""


class Behaviour(BaseModel):
    """How badly the provider behaves. All zero and false: each message once, at once, in order."""

    duplicate: int = Field(0, ge=0, le=20, description="How many more times each message is sent")
    delay_seconds: float = Field(0, ge=0, le=3600, description="How late each message is")
    reorder: bool = Field(False, description="Whether the first message of a payment or dispute comes after its last")
    silent: bool = Field(False, description="Whether messages are never sent at all")
    hold_back_seconds: float = Field(1, ge=0, le=3600, description="How much later the first one then comes")


class Messenger:
    """Delivers what is in the book. ``say`` never waits; ``run`` does the sending."""

    def __init__(self, book: Book, url: str, secret: str) -> None:
        self.behaviour = Behaviour()
        self._book, self._url, self._webhook = book, url, Webhook(secret)
        self._something_new = asyncio.Event()
        self._wake_at: float | None = None
        self.before_sending: Callable[[float], None] = lambda _now: None

    def say(self, kind: str, data: dict[str, Any]) -> None:
        """Put a message into the book, as often and as late as the behaviour says."""
        body = json.dumps(
            {"type": kind, "timestamp": datetime.now(UTC).isoformat(), "data": data}, separators=(",", ":")
        )
        webhook_id = f"msg_{secrets.token_hex(12)}"
        if self.behaviour.silent:
            return
        due = time.time() + self.behaviour.delay_seconds
        if self.behaviour.reorder and kind in ("payment.processing", "dispute.opened"):
            due += self.behaviour.hold_back_seconds
        for _ in range(1 + self.behaviour.duplicate):
            self._book.mailbox.add(webhook_id, body, due)
        self._something_new.set()

    def wake_at(self, at: float) -> None:
        """Look again at ``at``, for what ends by itself."""
        self._wake_at = min(at, self._wake_at or at)
        self._something_new.set()

    async def run(self) -> None:
        """Send what is due, for ever."""
        async with httpx.AsyncClient(timeout=10) as http:
            while True:
                self._something_new.clear()
                self._end_what_is_due()
                await asyncio.gather(
                    *(self._deliver(http, delivery) for delivery in self._book.mailbox.due(time.time()))
                )
                dues = [due for due in (self._book.mailbox.next_due(), self._wake_at) if due is not None]
                wait = max(0.0, min([60.0, *(due - time.time() for due in dues)]))
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._something_new.wait(), wait)

    def _end_what_is_due(self) -> None:
        if self._wake_at is not None and self._wake_at <= time.time():
            self._wake_at = None
        self.before_sending(time.time())

    async def _deliver(self, http: httpx.AsyncClient, delivery: Delivery) -> None:
        """Try once, signed with the time of this attempt."""
        now = datetime.now(UTC)
        headers = {
            "webhook-id": delivery.webhook_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(delivery.webhook_id, now, delivery.body),
            "content-type": "application/json",
        }
        try:
            answer = await http.post(self._url, content=delivery.body, headers=headers)
            taken = answer.is_success
        except httpx.HTTPError:
            taken = False
        if taken:
            self._book.mailbox.delivered(delivery)
        else:
            wait = RETRIES[delivery.attempts] if delivery.attempts < len(RETRIES) else None
            self._book.mailbox.try_again(delivery, None if wait is None else time.time() + wait)
