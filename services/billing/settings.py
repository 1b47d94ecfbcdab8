"""Billing's own settings, from the environment with the prefix ``BILLING_``."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

from shared.events import Money
from shared.money import minor_digits
from shared.settings import ServiceSettings

SANDBOX_API_KEY = "development-only"
SANDBOX_WEBHOOK_SECRET = "whsec_ZGV2ZWxvcG1lbnQtb25seQ=="  # noqa: S105 - the sandbox's; production is refused with it


class BillingSettings(ServiceSettings):
    """Where the card provider is, and where wires go."""

    model_config = SettingsConfigDict(env_prefix="BILLING_", extra="ignore")

    gateway: Annotated[
        Literal["sandbox", "stripe"], Field(description="The card provider: ours to play with, or Stripe")
    ] = "sandbox"
    stripe_secret_key: Annotated[SecretStr, Field(description="sk_… or rk_…: what we show Stripe")] = SecretStr("")
    stripe_webhook_secret: Annotated[SecretStr, Field(description="whsec_…: of the endpoint made at Stripe")] = (
        SecretStr("")
    )
    stripe_url: Annotated[str, Field(description="Stripe's API")] = "https://api.stripe.com"
    stripe_pay_origin: Annotated[str, Field(description="Where Stripe's pay pages are")] = "https://checkout.stripe.com"
    gateway_url: Annotated[str, Field(description="The card provider's HTTP interface")] = "http://127.0.0.1:8395"
    gateway_pay_origin: Annotated[
        str | None, Field(description="Where its pay pages are for browsers; gateway_url when unset")
    ] = None
    gateway_api_key: Annotated[SecretStr, Field(description="What we show the provider")] = SecretStr(SANDBOX_API_KEY)
    gateway_webhook_secret: Annotated[SecretStr, Field(description="whsec_…: what its messages are signed with")] = (
        SecretStr(SANDBOX_WEBHOOK_SECRET)
    )
    books_zone: Annotated[str, Field(description="Whose days the books are kept in, such as America/New_York")] = "UTC"
    provider_check_hour: Annotated[
        int,
        Field(ge=0, le=23, description="When the provider's report is held against the books each day, in books_zone"),
    ] = 6
    consilium_env: Annotated[str, Field(validation_alias="CONSILIUM_ENV")] = "development"
    wire_beneficiary: Annotated[str, Field(description="Whom a wire transfer goes to")] = "Consilium (made-up account)"
    wire_bank: Annotated[str, Field(description="Name and place of the bank")] = "Example Bank, New York"
    wire_account: Annotated[str, Field(description="Account number or IBAN")] = "000 000 000 (example)"
    wire_bic: Annotated[str, Field(description="SWIFT/BIC of the bank")] = "EXAMUS00"
    charges_borne: Annotated[
        dict[str, Decimal],
        Field(description="By currency, up to how much of an invoice banks' charges may be written off"),
    ] = {"USD": Decimal(50), "EUR": Decimal(45)}  # noqa: RUF012 - pydantic copies it

    def charges_limit(self, currency: str) -> Money | None:
        """Return up to how much of a price we bear of banks' charges; None where nothing is settled."""
        limit = self.charges_borne.get(currency)
        return Money(amount_minor=int(limit.scaleb(minor_digits(currency))), currency=currency) if limit else None

    @model_validator(mode="after")
    def production_has_its_own_secrets(self) -> Self:
        """Refuse to take real money on the sandbox's secrets, which everybody can read."""
        ours = (self.gateway_api_key.get_secret_value(), self.gateway_webhook_secret.get_secret_value())
        if self.gateway == "stripe":
            self._stripe_is_configured()
        elif self.consilium_env == "production" and (SANDBOX_API_KEY in ours or SANDBOX_WEBHOOK_SECRET in ours):
            raise ValueError("set BILLING_GATEWAY_API_KEY and BILLING_GATEWAY_WEBHOOK_SECRET to your provider's own")
        return self

    def _stripe_is_configured(self) -> None:
        """Refuse Stripe without its secrets anywhere, and with a test key in production: it takes no money."""
        key = self.stripe_secret_key.get_secret_value()
        if not key or not self.stripe_webhook_secret.get_secret_value():
            raise ValueError(
                "set BILLING_STRIPE_SECRET_KEY and BILLING_STRIPE_WEBHOOK_SECRET, or BILLING_GATEWAY=sandbox"
            )
        if self.consilium_env == "production" and key.startswith(("sk_test_", "rk_test_")):
            raise ValueError("BILLING_STRIPE_SECRET_KEY is a test key, which takes no real money")
