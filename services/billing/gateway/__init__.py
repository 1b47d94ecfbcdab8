"""The card provider: the port, who stands behind it, and which one the settings choose (R21)."""

from services.billing.gateway.chosen import gateway_of
from services.billing.gateway.http import HttpGateway
from services.billing.gateway.port import (
    CardNotice,
    CheckoutOrder,
    CheckoutStanding,
    DisputeNotice,
    Gateway,
    GatewayRefusedError,
    GatewayUnavailableError,
    GatewayUnknownError,
    HostedCheckout,
    Message,
    NotFromGatewayError,
    Notice,
    RefundAnswer,
    RefundNotice,
    ReportLine,
)
from services.billing.gateway.stripe import StripeGateway

__all__ = [
    "CardNotice",
    "CheckoutOrder",
    "CheckoutStanding",
    "DisputeNotice",
    "Gateway",
    "GatewayRefusedError",
    "GatewayUnavailableError",
    "GatewayUnknownError",
    "HostedCheckout",
    "HttpGateway",
    "Message",
    "NotFromGatewayError",
    "Notice",
    "RefundAnswer",
    "RefundNotice",
    "ReportLine",
    "StripeGateway",
    "gateway_of",
]
