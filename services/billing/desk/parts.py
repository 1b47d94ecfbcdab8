"""What finance's pages share: who may see them, and how they read amounts."""

from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from services.billing import domain
from services.billing.api import FINANCE
from shared.events import Money
from shared.web import Incoming, allow

money_desk = [allow(*FINANCE)]
BankReference = Annotated[str, Field(min_length=3, max_length=100)]


class AmountForm(Incoming):
    """An amount as a person types it, in figures, with its currency."""

    currency: str = Field(pattern="^[A-Z]{3}$")
    amount: str

    @field_validator("amount")
    @classmethod
    def _reads_as_money(cls, amount: str, info: ValidationInfo) -> str:
        domain.parse_money(amount, info.data.get("currency", "USD"))
        return amount

    @property
    def money(self) -> Money:
        return domain.parse_money(self.amount, self.currency)
