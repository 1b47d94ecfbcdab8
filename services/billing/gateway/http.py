"""The provider of ``deploy/sandbox_gateway``, or one with the same interface. Its messages follow Standard Webhooks.

The message's id names it, whichever of its deliveries we look at.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote
from uuid import UUID

import httpx
from pydantic import TypeAdapter, ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.billing.gateway.port import (
    CardNotice,
    CheckoutOrder,
    CheckoutStanding,
    DisputeNotice,
    HostedCheckout,
    Message,
    NotFromGatewayError,
    Notice,
    RefundAnswer,
    RefundNotice,
    ReportLine,
)
from services.billing.gateway.web import ask
from shared.events import Money

_LINES = TypeAdapter(list[ReportLine])


class HttpGateway:
    """The provider that speaks HTTP: the sandbox of ``deploy/sandbox_gateway``, or one with the same interface."""

    def __init__(
        self, url: str, api_key: str, webhook_secret: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._url, self._transport = url.rstrip("/"), transport
        self._headers = {"Authorization": f"Bearer {api_key}"}
        self._webhook = Webhook(webhook_secret)

    async def open_checkout(self, order: CheckoutOrder, key: str) -> HostedCheckout:
        body = {
            "amount_minor": order.amount.amount_minor,
            "currency": order.amount.currency,
            "reference": order.reference,
            "return_url": order.return_url,
            "locale": order.locale,
        }
        return HostedCheckout.model_validate(await self._post("/v1/checkouts", body, key))

    async def look_up(self, checkout_id: str) -> CheckoutStanding:
        return CheckoutStanding.model_validate(await self._get(f"/v1/checkouts/{quote(checkout_id, safe='')}"))

    async def refund(self, payment_id: str, amount: Money, reference: UUID) -> RefundAnswer:
        body = {"payment_id": payment_id, "reference": str(reference), **amount.model_dump()}
        return RefundAnswer.model_validate(await self._post("/v1/refunds", body, f"refund-{reference}"))

    async def look_up_refund(self, refund_id: str) -> RefundAnswer:
        return RefundAnswer.model_validate(await self._get(f"/v1/refunds/{quote(refund_id, safe='')}"))

    async def find_refund(self, payment_id: str, reference: UUID) -> RefundAnswer | None:
        told = await self._get("/v1/refunds", params={"payment_id": payment_id})
        ours = (one for one in told["refunds"] if one["reference"] == str(reference))
        return next((RefundAnswer.model_validate(one) for one in ours), None)

    async def accept_dispute(self, dispute_id: str) -> None:
        await self._post(f"/v1/disputes/{quote(dispute_id, safe='')}/accept", {}, f"accept-{dispute_id}")

    async def report(self, start: datetime, end: datetime) -> list[ReportLine]:
        told = await self._get("/v1/report", params={"from": start.isoformat(), "to": end.isoformat()})
        return _LINES.validate_python(told["lines"])

    def read(self, headers: Mapping[str, str], body: bytes) -> Message:
        try:
            told: Any = self._webhook.verify(body, dict(headers))
        except (WebhookVerificationError, ValueError) as error:  # ValueError: malformed base64, UTF-8 or JSON
            raise NotFromGatewayError(str(error)) from error
        webhook_id = next(value for name, value in headers.items() if name.lower() == "webhook-id")
        kind = told.get("type") if isinstance(told, dict) else None
        if not isinstance(kind, str):
            raise NotFromGatewayError("The message names no type")
        try:
            return Message(webhook_id, kind, _about(kind, told.get("data")))
        except ValidationError as error:
            raise NotFromGatewayError(
                f"{kind} is not what we agreed on: {error.error_count()} fields are wrong"
            ) from error

    async def _post(self, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        headers = {**self._headers, "Idempotency-Key": key}
        return await ask("POST", self._url + path, transport=self._transport, json=body, headers=headers)

    async def _get(self, path: str, **request: Any) -> dict[str, Any]:
        return await ask("GET", self._url + path, transport=self._transport, headers=self._headers, **request)


def _about(kind: str, data: object) -> Notice | None:
    if kind in ("payment.processing", "payment.failed", "payment.succeeded"):
        return CardNotice.model_validate(data)
    if kind in ("refund.succeeded", "refund.failed"):
        return RefundNotice.model_validate(data)
    if kind in ("dispute.opened", "dispute.won", "dispute.lost"):
        return DisputeNotice.model_validate(data)
    return None
