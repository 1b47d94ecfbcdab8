"""What the card provider pays out to our bank, or takes from it: on its way, in the bank, or back where it was (R21)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal
from uuid import UUID

from services.billing.domain.ledger import Account, Entry, entry
from shared.events import Money

EARLY, LATE = timedelta(days=1), timedelta(days=14)
"""How long before a payout's day, by another clock, and after it the bank may have the money."""
OVERDUE = timedelta(days=7)
"""After so long a payout that no line of the bank has brought is asked about."""
_SHORTEST = 8
Side = Literal["credit", "debit"]
"""Of a line of the bank: money that came, or that left."""


@dataclass(frozen=True, slots=True)
class Payout:
    """Money that the provider sent to our bank, or has ``taken`` from it since we owed it.

    ``bank_text``: what the bank's line says of it, beside its name there. ``failed_at``: since when the bank is known to
    have refused it. ``receipt_id``: the line that brought it, or brought back what was taken; ``line_id``: the line by
    which what was taken left. ``turns`` counts the matches that were taken back.
    """

    id: UUID
    provider_id: str
    amount: Money
    sent_at: datetime
    bank_text: str
    failed_at: datetime | None = None
    receipt_id: UUID | None = None
    matched_by: str | None = None
    matched_at: datetime | None = None
    turns: int = 0
    taken: bool = False
    line_id: UUID | None = None

    @property
    def waits_for(self) -> Side | None:
        """Whether a line of the bank is still to bring it, or to show that it left."""
        if self.receipt_id:
            return None
        if self.line_id:
            return "credit" if self.failed_at else None
        return None if self.failed_at else "debit" if self.taken else "credit"

    @property
    def since(self) -> datetime:
        """When the money that a line of the bank is to show set out."""
        return self.failed_at if self.line_id and self.failed_at else self.sent_at


def pay_out_to_bank(payout: Payout) -> list[Entry]:
    """The money left our balance at the provider, and isn't in the bank yet; or the other way round, when it is taken."""
    kind = "payout_taken" if payout.taken else "payout_sent"
    return _moved(kind, payout, "", Account.IN_TRANSIT, Account.CARD_CLEARING)


def payout_failed(payout: Payout) -> list[Entry]:
    """The bank refused it: in our balance at the provider all is as before."""
    return _moved("payout_failed", payout, ":failed", Account.CARD_CLEARING, Account.IN_TRANSIT)


def payout_arrived(payout: Payout) -> list[Entry]:
    """A line of the bank that nobody had explained is this payout: brought it, or shows that it left."""
    return _moved("payout_arrived", payout, f":arrived:{payout.turns}", Account.UNMATCHED, Account.IN_TRANSIT)


def payout_unmatched(payout: Payout) -> list[Entry]:
    """Take ``payout_arrived`` back."""
    return _moved("payout_unmatched", payout, f":unmatched:{payout.turns}", Account.IN_TRANSIT, Account.UNMATCHED)


def payout_returned(payout: Payout) -> list[Entry]:
    """A line of the bank that nobody had explained brings back what was taken."""
    return _moved("payout_returned", payout, f":returned:{payout.turns}", Account.IN_TRANSIT, Account.UNMATCHED)


def payout_not_returned(payout: Payout) -> list[Entry]:
    """Take ``payout_returned`` back."""
    return _moved("payout_unmatched", payout, f":not_returned:{payout.turns}", Account.UNMATCHED, Account.IN_TRANSIT)


def payouts_like(side: Side, amount: Money, value_on: date, waiting: Sequence[Payout]) -> list[Payout]:
    """Return the payouts that a line of the bank may be: of just this amount, to this side, and sent about then."""
    return [
        one
        for one in waiting
        if one.waits_for == side
        and one.amount == amount
        and one.since.date() - EARLY <= value_on <= one.since.date() + LATE
    ]


def sure_payout(side: Side, amount: Money, value_on: date, text: str, waiting: Sequence[Payout]) -> Payout | None:
    """Return the payout that a line of the bank is beyond doubt: it names it, and no other."""
    said = _plain(text)
    named = [one for one in payouts_like(side, amount, value_on, waiting) if any(name in said for name in _names(one))]
    return named[0] if len(named) == 1 else None


def _names(payout: Payout) -> list[str]:
    return [name for name in map(_plain, (payout.provider_id, payout.bank_text)) if len(name) >= _SHORTEST]


def _plain(text: str) -> str:
    return "".join(character for character in text.upper() if character.isalnum())


def _moved(kind: str, payout: Payout, cause: str, into: Account, out_of: Account) -> list[Entry]:
    amount = -payout.amount.amount_minor if payout.taken else payout.amount.amount_minor
    amounts = {into: amount, out_of: -amount}
    return entry(kind, f"payout:{payout.provider_id}{cause}", payout.amount.currency, amounts)
