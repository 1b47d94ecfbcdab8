"""Stripe's messages: the ``Stripe-Signature`` header, and what each kind of event means to billing."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from pydantic import ValidationError

from services.billing.domain import CardStatus, DisputeState
from services.billing.gateway.port import CardNotice, DisputeNotice, Message, NotFromGatewayError, Notice, RefundNotice
from services.billing.gateway.stripe_amounts import from_stripe

TOLERANCE = timedelta(minutes=5)
_DISPUTES = {
    "needs_response": DisputeState.OPEN,
    "under_review": DisputeState.OPEN,
    "won": DisputeState.WON,
    "lost": DisputeState.LOST,
}
"""Inquiries (``warning_…``) and prevented disputes take no money, so they mean nothing to the books."""


def check(headers: Mapping[str, str], body: bytes, secret: str, now: datetime) -> None:
    """Believe a body that one of the header's ``v1`` signatures signs, lately. Raises ``NotFromGatewayError``."""
    sent = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), "")
    pairs = [part.strip().partition("=") for part in sent.split(",")]
    times = [value for name, _, value in pairs if name == "t"]
    signatures = [value for name, _, value in pairs if name == "v1"]
    if len(times) != 1 or not times[0].isdecimal() or len(times[0]) > 12 or not signatures:
        raise NotFromGatewayError("The Stripe-Signature header is missing or broken")
    due = hmac.new(secret.encode(), times[0].encode() + b"." + body, hashlib.sha256).hexdigest().encode()
    matches = [hmac.compare_digest(due, one.encode("utf-8", "surrogateescape")) for one in signatures]
    if not any(matches):
        raise NotFromGatewayError("No signature fits")
    if abs(now - datetime.fromtimestamp(int(times[0]), UTC)) > TOLERANCE:
        raise NotFromGatewayError("The message is too old, or from the future")


def read(body: bytes) -> Message:
    """Return what a believed event means. Raises ``NotFromGatewayError`` when it has another shape than documented."""
    kind = "The message"
    try:
        event = json.loads(body)
        webhook_id, kind, about = str(event["id"]), str(event["type"]), event["data"]["object"]
        return Message(webhook_id, kind, _about(kind, about))
    except ValidationError as error:
        raise NotFromGatewayError(f"{kind} has another shape: {error.error_count()} fields are wrong") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NotFromGatewayError(f"The message has another shape: {type(error).__name__}") from error


def status_of(intent: Mapping[str, Any]) -> CardStatus | None:
    """Return how an attempt stands; None when nobody has tried to pay yet."""
    if intent["status"] == "succeeded":
        return CardStatus.SUCCEEDED
    if intent["status"] in ("processing", "requires_action", "requires_capture"):
        return CardStatus.PROCESSING
    if intent["status"] == "canceled" or intent.get("last_payment_error"):
        return CardStatus.FAILED
    return None


def reference_of(about: Mapping[str, Any]) -> UUID | None:
    """Return our own id, which we put into ``metadata``; None when it isn't ours."""
    said = (about.get("metadata") or {}).get("reference") or about.get("client_reference_id")
    try:
        return UUID(str(said)) if said else None
    except ValueError:
        return None


def id_of(told: str | Mapping[str, Any] | None) -> str | None:
    """Return the id of an object that may be expanded."""
    return told if isinstance(told, str) or told is None else str(told["id"])


def _about(kind: str, about: dict[str, Any]) -> Notice | None:
    if kind.startswith("checkout.session."):
        return _session(kind, about)
    if kind.startswith("payment_intent."):
        return _intent(kind, about)
    if kind.startswith("charge.dispute."):
        return _dispute(about)
    if kind.startswith("refund.") or kind == "charge.refund.updated":
        return _refund(about)
    if kind in ("charge.succeeded", "charge.failed", "charge.pending"):
        return _charge(about)
    return None


def _session(kind: str, session: dict[str, Any]) -> CardNotice | None:
    intent = id_of(session.get("payment_intent"))
    if kind == "checkout.session.expired" or session["mode"] != "payment" or intent is None:
        return None
    if kind == "checkout.session.async_payment_failed":
        status = CardStatus.FAILED
    else:
        status = CardStatus.SUCCEEDED if session["payment_status"] == "paid" else CardStatus.PROCESSING
    return _card(intent, session["id"], session, status, session["amount_total"])


def _intent(kind: str, intent: dict[str, Any]) -> CardNotice | None:
    status = CardStatus.FAILED if kind == "payment_intent.payment_failed" else status_of(intent)
    if status is None:
        return None
    amount = intent["amount_received"] if status == CardStatus.SUCCEEDED else intent["amount"]
    return _card(intent["id"], "", intent, status, amount)


def _charge(charge: dict[str, Any]) -> CardNotice | None:
    intent = id_of(charge.get("payment_intent"))
    if intent is None:
        return None
    if charge["status"] == "succeeded":
        status = CardStatus.SUCCEEDED if charge["captured"] else CardStatus.PROCESSING
    else:
        status = CardStatus.FAILED if charge["status"] == "failed" else CardStatus.PROCESSING
    amount = charge["amount_captured"] if status == CardStatus.SUCCEEDED else charge["amount"]
    return _card(intent, "", charge, status, amount)


def _card(payment_id: str, checkout_id: str, about: dict[str, Any], status: CardStatus, amount: int) -> CardNotice:
    money = from_stripe(amount, about["currency"])
    return CardNotice(
        payment_id=payment_id, checkout_id=checkout_id, reference=reference_of(about), status=status,
        **money.model_dump(),
    )  # fmt: skip


def _dispute(dispute: dict[str, Any]) -> DisputeNotice | None:
    state, payment_id = _DISPUTES.get(dispute["status"]), id_of(dispute.get("payment_intent"))
    if state is None or payment_id is None:
        return None
    due = (dispute.get("evidence_details") or {}).get("due_by")
    return DisputeNotice(
        dispute_id=dispute["id"], payment_id=payment_id, status=state, reason=dispute["reason"],
        evidence_due_at=datetime.fromtimestamp(due, UTC) if due else None,
        **from_stripe(dispute["amount"], dispute["currency"]).model_dump(),
    )  # fmt: skip


def _refund(refund: dict[str, Any]) -> RefundNotice | None:
    if refund["status"] not in ("succeeded", "failed", "canceled"):
        return None
    status = "succeeded" if refund["status"] == "succeeded" else "failed"
    return RefundNotice.model_validate({
        "refund_id": refund["id"], "reference": reference_of(refund), "status": status,
        "payment_id": id_of(refund.get("payment_intent")),
        **from_stripe(refund["amount"], refund["currency"]).model_dump(),
    })  # fmt: skip
