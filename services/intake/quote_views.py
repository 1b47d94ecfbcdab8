"""What tools see of a quote: staff more than the patient's side, which reads no reasons for a price."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from services.intake.domain import Quote
from services.intake.store.quotes import QuoteQuestion, Wish
from shared.events import Money


class LineView(BaseModel):
    service: str
    price: Money


class QuoteView(BaseModel):
    """One revision. ``price`` is what it is to be paid with; a supplement's is for what it added alone."""

    quote_id: UUID
    revision: int
    services: tuple[str, ...]
    price: Money
    valid_until: datetime
    state: str
    supplements: int | None
    added: tuple[str, ...]
    lines: list[LineView]
    note: str

    @classmethod
    def of(cls, quote: Quote) -> QuoteView:
        currency = quote.price.currency
        lines = [
            LineView(service=line.service, price=Money(amount_minor=line.amount_minor, currency=currency))
            for line in quote.lines
        ]
        return cls(
            quote_id=quote.quote_id, revision=quote.revision, services=quote.services, price=quote.price,
            valid_until=quote.valid_until, state=quote.state, supplements=quote.supplements, added=quote.added,
            lines=lines, note=quote.note,
        )  # fmt: skip


class QuestionView(BaseModel):
    question_id: UUID
    revision: int
    text: str
    asked_at: datetime
    answer: str | None
    answered_at: datetime | None

    @classmethod
    def of(cls, one: QuoteQuestion) -> QuestionView:
        return cls.model_validate(one, from_attributes=True)


class Questions(BaseModel):
    """Everything that was asked about a case's quotes, in the order of asking."""

    questions: list[QuestionView]


class WishView(BaseModel):
    wish_id: UUID
    service: str
    words: str
    wished_by: str
    wished_at: datetime
    outcome: str | None
    settled_as: str

    @classmethod
    def of(cls, one: Wish) -> WishView:
        return cls.model_validate(one, from_attributes=True)


class Wishes(BaseModel):
    """Services that somebody wants added to a case, and what became of each wish."""

    wishes: list[WishView]
