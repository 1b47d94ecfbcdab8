"""What a quote promises: services at an individual price, until a date (R19)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from services.intake.domain.refusals import Refused
from services.intake.values import N_
from shared.events import Money


class QuoteState(StrEnum):
    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    SUPERSEDED = "superseded"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class PriceLine:
    """What one service costs in a quote, in minor units, beside the programme's sample price for it."""

    service: str
    sample_minor: int
    amount_minor: int


@dataclass(frozen=True)
class Quote:
    """An individual price for a selection (R19), good until `valid_until`. A new revision supersedes the one before.

    One that `supplements` an accepted revision adds the services of its `lines` to what was agreed: `services` is then
    the whole, and `price` is for what it adds. `adjustment_minor` is what the sum of the lines was changed by.
    """

    quote_id: UUID
    revision: int
    services: tuple[str, ...]
    price: Money
    valid_until: datetime
    offered_at: datetime
    offered_by: str
    note: str
    state: QuoteState
    lines: tuple[PriceLine, ...] = ()
    adjustment_minor: int = 0
    price_reason: str = ""
    supplements: int | None = None
    surgery_advice: bool = False
    settled_at: datetime | None = None
    decline_code: str | None = None
    decline_words: str = ""
    reminded_at: datetime | None = None

    @property
    def added(self) -> tuple[str, ...]:
        """What this revision brings: all of it, or what it adds to what was agreed."""
        return self.services if self.supplements is None else tuple(line.service for line in self.lines)

    def check_answerable(self, quote_id: UUID, revision: int, now: datetime) -> None:
        """Raise Refused unless this very revision is meant, still open and not past its date."""
        if (quote_id, revision) != (self.quote_id, self.revision) or self.state is QuoteState.SUPERSEDED:
            raise Refused(N_("There is a newer quote for this case. Please read it before you answer."))
        if self.state is QuoteState.EXPIRED or (self.state is QuoteState.OPEN and now >= self.valid_until):
            raise Refused(N_("This quote is no longer valid. Your care advisor will send you a new one."))
        if self.state is not QuoteState.OPEN:
            raise Refused(N_("This quote has already been answered."))
