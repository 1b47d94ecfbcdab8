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
    HostedCheckout,
    Message,
    NotFromGatewayError,
    Notice,
    RefundAnswer,
    RefundNotice,
    ReportLine,
)

__all__ = [
    "CardNotice",
    "CheckoutOrder",
    "CheckoutStanding",
    "DisputeNotice",
    "Gateway",
    "GatewayRefusedError",
    "GatewayUnavailableError",
    "HostedCheckout",
    "HttpGateway",
    "Message",
    "NotFromGatewayError",
    "Notice",
    "RefundAnswer",
    "RefundNotice",
    "ReportLine",
    "gateway_of",
]
