"""Which card provider the settings name."""

from services.billing.gateway.http import HttpGateway
from services.billing.gateway.port import Gateway
from services.billing.gateway.stripe import StripeGateway
from services.billing.settings import BillingSettings


def gateway_of(settings: BillingSettings) -> Gateway:
    """Return the card provider that the settings name."""
    if settings.gateway == "stripe":
        return StripeGateway(
            settings.stripe_secret_key.get_secret_value(),
            settings.stripe_webhook_secret.get_secret_value(),
            settings.stripe_url,
        )
    return HttpGateway(
        settings.gateway_url,
        settings.gateway_api_key.get_secret_value(),
        settings.gateway_webhook_secret.get_secret_value(),
    )
