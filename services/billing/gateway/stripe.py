"""Stripe: Checkout Sessions, refunds, disputes and the balance report of its public API, by HTTP.

Our ``payment_id`` is its PaymentIntent, ``checkout_id`` its Checkout Session. No card number comes to us: the session's page
is Stripe's. Amounts are converted at this border alone: some currencies count otherwise there than in ISO 4217.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx

from services.billing.domain import CardStatus
from services.billing.gateway import stripe_messages
from services.billing.gateway.port import (
    CardNotice,
    CheckoutOrder,
    CheckoutStanding,
    HostedCheckout,
    Message,
    RefundAnswer,
    ReportLine,
)
from services.billing.gateway.stripe_amounts import from_stripe, to_stripe
from services.billing.gateway.stripe_report import lines_of
from services.billing.gateway.web import ask
from shared.clock import Clock
from shared.events import Money

API_VERSION = "2024-06-20"
"""The version in whose shapes it answers; that of its messages is chosen at the webhook endpoint."""
_LOCALES = {"en": "en", "es": "es", "zh_Hans": "zh"}
_REFUND_STATUS = {"succeeded": "succeeded", "failed": "failed", "canceled": "failed"}


class StripeGateway:
    """The port, spoken to Stripe."""

    def __init__(
        self,
        secret_key: str,
        webhook_secret: str,
        url: str = "https://api.stripe.com",
        clock: Clock | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url, self._transport, self._webhook_secret = url.rstrip("/"), transport, webhook_secret
        self._headers = {"Authorization": f"Bearer {secret_key}", "Stripe-Version": API_VERSION}
        self._clock = clock or Clock()

    async def open_checkout(self, order: CheckoutOrder, key: str) -> HostedCheckout:
        form = {
            "mode": "payment",
            "client_reference_id": order.reference,
            "metadata[reference]": order.reference,
            "payment_intent_data[metadata][reference]": order.reference,
            "payment_method_types[0]": "card",
            "line_items[0][quantity]": "1",
            "line_items[0][price_data][currency]": order.amount.currency.lower(),
            "line_items[0][price_data][unit_amount]": str(to_stripe(order.amount)),
            "line_items[0][price_data][product_data][name]": f"Invoice {order.reference[:8]}",
            "locale": _LOCALES.get(order.locale, "auto"),
            "success_url": f"{order.return_url}?payment={{CHECKOUT_SESSION_ID}}",
            "cancel_url": order.return_url,
        }
        told = await self._post("/v1/checkout/sessions", form, key)
        return HostedCheckout(id=told["id"], url=told["url"], expires_at=told["expires_at"])

    async def look_up(self, checkout_id: str) -> CheckoutStanding:
        path = f"/v1/checkout/sessions/{quote(checkout_id, safe='')}"
        session = await self._get(path, {"expand[]": "payment_intent"})
        return CheckoutStanding(open=session["status"] == "open", attempts=_attempts(session))

    async def refund(self, payment_id: str, amount: Money, reference: UUID) -> RefundAnswer:
        form = {
            "payment_intent": payment_id,
            "amount": str(to_stripe(amount)),
            "reason": "requested_by_customer",
            "metadata[reference]": str(reference),
        }
        return _refund_answer(await self._post("/v1/refunds", form, f"refund-{reference}"))

    async def look_up_refund(self, refund_id: str) -> RefundAnswer:
        return _refund_answer(await self._get(f"/v1/refunds/{quote(refund_id, safe='')}", {}))

    async def find_refund(self, payment_id: str, reference: UUID) -> RefundAnswer | None:
        told = await self._get("/v1/refunds", {"payment_intent": payment_id, "limit": "100"})
        ours = (one for one in told["data"] if stripe_messages.reference_of(one) == reference)
        return next((_refund_answer(one) for one in ours), None)

    async def accept_dispute(self, dispute_id: str) -> None:
        await self._post(f"/v1/disputes/{quote(dispute_id, safe='')}/close", {}, f"accept-{dispute_id}")

    async def report(self, start: datetime, end: datetime) -> list[ReportLine]:
        found = [line async for told in self._balance(start, end) for line in lines_of(told)]
        return sorted(found, key=lambda line: (line.at, line.id))

    def read(self, headers: Mapping[str, str], body: bytes) -> Message:
        stripe_messages.check(headers, body, self._webhook_secret, self._clock.now())
        return stripe_messages.read(body)

    async def _balance(self, start: datetime, end: datetime) -> AsyncIterator[dict[str, Any]]:
        """Yield the balance transactions of a span, page by page."""
        after: dict[str, str] = {}
        while True:
            asked = {
                "created[gte]": str(int(start.timestamp())), "created[lt]": str(int(end.timestamp())), "limit": "100",
                "expand[]": "data.source", **after,
            }  # fmt: skip
            page = await self._get("/v1/balance_transactions", asked)
            for told in page["data"]:
                yield told
            if not page["has_more"] or not page["data"]:
                return
            after = {"starting_after": page["data"][-1]["id"]}

    async def _post(self, path: str, form: dict[str, str], key: str) -> dict[str, Any]:
        headers = {**self._headers, "Idempotency-Key": key}
        return await ask("POST", self._url + path, transport=self._transport, data=form, headers=headers)

    async def _get(self, path: str, asked: dict[str, str]) -> dict[str, Any]:
        return await ask("GET", self._url + path, transport=self._transport, params=asked, headers=self._headers)


def _attempts(session: dict[str, Any]) -> tuple[CardNotice, ...]:
    """Return what a session's PaymentIntent (there is one, made at the first attempt) says."""
    intent = session.get("payment_intent")
    if not isinstance(intent, dict):
        return ()
    status = stripe_messages.status_of(intent)
    if status is None:
        return ()
    minor = intent["amount_received"] if status == CardStatus.SUCCEEDED else intent["amount"]
    money = from_stripe(minor, intent["currency"])
    notice = CardNotice(
        payment_id=intent["id"], checkout_id=session["id"], reference=stripe_messages.reference_of(session), status=status,
        **money.model_dump(),
    )  # fmt: skip
    return (notice,)


def _refund_answer(told: dict[str, Any]) -> RefundAnswer:
    status = _REFUND_STATUS.get(told["status"], "pending")
    return RefundAnswer.model_validate({"id": told["id"], "status": status, "reason": told.get("failure_reason")})
