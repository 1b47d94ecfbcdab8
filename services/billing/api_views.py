"""What billing's JSON interface says and hears: the shapes of its bodies. Amounts are minor units (R21)."""

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.billing.domain import InvoiceState, Proposal, ProposalState
from shared.events import Money
from shared.web import Incoming


def _moves(money: Money) -> Money:
    if not 0 < money.amount_minor < 10**15:
        raise ValueError("Money that moves is more than nothing, and less than a quadrillion")
    return money


Amount = Annotated[Money, AfterValidator(_moves)]
Reason = Annotated[str, Field(min_length=3, max_length=500)]


class View(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class InvoiceView(View):
    """An invoice; ``missing_minor`` is what is still to be paid, ``reference`` what a wire transfer has to carry."""

    id: UUID
    case_id: UUID
    quote_id: UUID
    revision: int
    services: tuple[str, ...]
    price: Money
    paid_minor: int
    missing_minor: int
    state: InvoiceState
    reference: str | None
    issued_at: datetime
    due_at: datetime


class InvoiceList(BaseModel):
    invoices: list[InvoiceView]


class CheckoutView(BaseModel):
    url: str
    amount: Money
    expires_at: datetime


class NewReceipt(Incoming):
    """A line of the bank statement: ``bank_reference`` is the bank's own, so that it can't be entered twice."""

    bank_reference: str = Field(min_length=3, max_length=100)
    amount: Amount
    sender: str = Field(min_length=1, max_length=200)
    remittance: str = Field(default="", max_length=500)
    value_on: date


class ReceiptView(BaseModel):
    id: UUID
    candidates: list[UUID]


class Match(Incoming):
    invoice_id: UUID


class PaymentView(View):
    id: UUID
    invoice_id: UUID
    method: Literal["card", "wire"]
    amount: Money
    applied_minor: int
    held_minor: int
    returned_minor: int
    received_at: datetime


class NewRefund(Incoming):
    payment_id: UUID
    amount: Amount
    reason: Reason


class RefundView(View):
    """A refund; ``proposed`` while it waits for a second person, until when nothing moves, or ``rejected``, ``lapsed``."""

    id: UUID
    payment_id: UUID
    amount: Money
    why: str
    reason: str
    decided_by: str
    state: str

    @classmethod
    def proposed(cls, one: Proposal) -> "RefundView":
        """Return what is to be seen of a refund above the limit."""
        state = "proposed" if one.state is ProposalState.WAITING else str(one.state)
        return cls(id=one.id, payment_id=one.payment_id, amount=one.amount, why="decision", reason=one.reason,
                   decided_by=one.proposed_by.name, state=state)  # fmt: skip


class PaidOut(Incoming):
    """A refund that finance sent from the bank."""

    bank_reference: str = Field(min_length=3, max_length=100)


class Ruling(Incoming):
    reason: Reason


class Done(BaseModel):
    done: bool = True


class LedgerView(BaseModel):
    """A case's postings, oldest first: debit above zero. Those of one transaction sum to zero per currency."""

    payments: list[PaymentView]
    refunds: list[RefundView]
    postings: list["PostingView"]


class PostingView(View):
    transaction_id: UUID
    kind: str
    entered_at: datetime
    entered_by: str
    account: str
    amount_minor: int
    currency: str


class BalanceView(View):
    account: str
    currency: str
    amount_minor: int


class TrialBalance(BaseModel):
    balances: list[BalanceView]
