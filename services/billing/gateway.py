"""The port to the card provider: open a hosted pay page, send money back, believe a signed message (R21).

Nothing here runs inside a transaction. Every request carries an idempotency key, so that asking again is harmless. Our
provider's messages follow Standard Webhooks: the id names the message, whichever of its deliveries we look at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

import httpx
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.billing.domain import CardStatus
from shared.events import Money

_TIMEOUT = httpx.Timeout(10, connect=3)


class GatewayUnavailableError(Exception):
    """The provider can't be reached or fails: the same request may work later."""


class GatewayRefusedError(Exception):
    """The provider understood and refused: the same request will never work. The text is its reason."""


class NotFromGatewayError(Exception):
    """A message whose signature, age or form is wrong. It is signed anew at each attempt, so a late one comes right."""


@dataclass(frozen=True, slots=True)
class CheckoutOrder:
    """What the pay page asks for. ``reference`` comes back in each message; nothing personal or clinical is in it."""

    amount: Money
    reference: str
    return_url: str
    locale: str


class HostedCheckout(BaseModel):
    id: str
    url: str
    expires_at: AwareDatetime


class RefundAnswer(BaseModel):
    id: str
    status: Literal["pending", "succeeded", "failed"]
    reason: str | None = None


class CardNotice(BaseModel):
    """An attempt to pay changed its state. ``reference``: our invoice's id."""

    model_config = ConfigDict(frozen=True)
    payment_id: Annotated[str, Field(min_length=1, max_length=100)]
    checkout_id: str
    reference: UUID | None = None
    status: CardStatus
    amount_minor: Annotated[int, Field(ge=0)]
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")]

    @property
    def amount(self) -> Money:
        return Money(amount_minor=self.amount_minor, currency=self.currency)


class RefundNotice(BaseModel):
    """A refund reached its end; ``reference`` is our refund's id when it was us who asked."""

    model_config = ConfigDict(frozen=True)
    refund_id: str
    reference: UUID | None = None
    status: Literal["succeeded", "failed"]


@dataclass(frozen=True, slots=True)
class Message:
    """A message that is surely the provider's. ``about`` is None for a kind that we don't know, which does nothing."""

    webhook_id: str
    kind: str
    about: CardNotice | RefundNotice | None


class Gateway(Protocol):
    """A card provider."""

    async def open_checkout(self, order: CheckoutOrder, key: str) -> HostedCheckout:
        """Return the pay page for an order; the same key gives the same page. Raises ``Gateway…Error``."""

    async def refund(self, payment_id: str, amount: Money, reference: UUID) -> RefundAnswer:
        """Send money back once per ``reference``. Raises ``Gateway…Error``."""

    def read(self, headers: Mapping[str, str], body: bytes) -> Message:
        """Return a message after checking its signature and age. Raises ``NotFromGatewayError``."""


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

    async def refund(self, payment_id: str, amount: Money, reference: UUID) -> RefundAnswer:
        body = {"payment_id": payment_id, "reference": str(reference), **amount.model_dump()}
        return RefundAnswer.model_validate(await self._post("/v1/refunds", body, f"refund-{reference}"))

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

    async def _post(self, path: str, body: dict[str, Any], key: str) -> Any:
        try:
            async with httpx.AsyncClient(timeout=_TIMEOUT, transport=self._transport) as http:
                answer = await http.post(self._url + path, json=body, headers={**self._headers, "Idempotency-Key": key})
        except httpx.TransportError as error:
            raise GatewayUnavailableError(f"The card provider can't be reached: {type(error).__name__}") from error
        if answer.status_code >= 500 or answer.status_code in (408, 409, 425, 429):
            raise GatewayUnavailableError(f"The card provider answered {answer.status_code}")
        if answer.is_error:
            raise GatewayRefusedError(f"{answer.status_code}: {_detail(answer)}")
        return answer.json()


def _about(kind: str, data: object) -> CardNotice | RefundNotice | None:
    if kind in ("payment.processing", "payment.failed", "payment.succeeded"):
        return CardNotice.model_validate(data)
    if kind in ("refund.succeeded", "refund.failed"):
        return RefundNotice.model_validate(data)
    return None


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("detail", ""))
    except ValueError:
        return answer.text[:200]
