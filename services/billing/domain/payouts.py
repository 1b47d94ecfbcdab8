"""What the card provider pays out to our bank: on its way, in the bank, or back in the balance (R21)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from services.billing.domain.ledger import Account, Entry, entry
from shared.events import Money

EARLY, LATE = timedelta(days=1), timedelta(days=14)
"""How long before a payout's day, by another clock, and after it the bank may have the money."""
OVERDUE = timedelta(days=7)
"""After so long a payout that no line of the bank has brought is asked about."""
_SHORTEST = 8


@dataclass(frozen=True, slots=True)
class Payout:
    """Money that the provider sent to our bank. ``bank_text``: what the bank's line says of it, beside its name there.

    ``receipt_id``: the line that brought it. ``turns`` counts the matches that were taken back.
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

    @property
    def on_its_way(self) -> bool:
        return self.failed_at is None and self.receipt_id is None


def pay_out_to_bank(payout: Payout) -> list[Entry]:
    """The money left our balance at the provider, and isn't in the bank yet."""
    return _moved("payout_sent", payout, "", Account.IN_TRANSIT, Account.CARD_CLEARING)


def payout_failed(payout: Payout) -> list[Entry]:
    """The bank didn't take it: the money is back in our balance at the provider."""
    return _moved("payout_failed", payout, ":failed", Account.CARD_CLEARING, Account.IN_TRANSIT)


def payout_arrived(payout: Payout) -> list[Entry]:
    """A line of the bank that nobody had explained is this payout."""
    return _moved("payout_arrived", payout, f":arrived:{payout.turns}", Account.UNMATCHED, Account.IN_TRANSIT)


def payout_unmatched(payout: Payout) -> list[Entry]:
    """Take ``payout_arrived`` back."""
    return _moved("payout_unmatched", payout, f":unmatched:{payout.turns}", Account.IN_TRANSIT, Account.UNMATCHED)


def payouts_like(amount: Money, value_on: date, waiting: Sequence[Payout]) -> list[Payout]:
    """Return the payouts that money in the bank may be: of just this amount, and sent about then."""
    return [
        one
        for one in waiting
        if one.on_its_way
        and one.amount == amount
        and one.sent_at.date() - EARLY <= value_on <= one.sent_at.date() + LATE
    ]


def sure_payout(amount: Money, value_on: date, text: str, waiting: Sequence[Payout]) -> Payout | None:
    """Return the payout that money in the bank is beyond doubt: the bank's line names it, and no other."""
    said = _plain(text)
    named = [one for one in payouts_like(amount, value_on, waiting) if any(name in said for name in _names(one))]
    return named[0] if len(named) == 1 else None


def _names(payout: Payout) -> list[str]:
    return [name for name in map(_plain, (payout.provider_id, payout.bank_text)) if len(name) >= _SHORTEST]


def _plain(text: str) -> str:
    return "".join(character for character in text.upper() if character.isalnum())


def _moved(kind: str, payout: Payout, cause: str, into: Account, out_of: Account) -> list[Entry]:
    amount = payout.amount.amount_minor
    amounts = {into: amount, out_of: -amount}
    return entry(kind, f"payout:{payout.provider_id}{cause}", payout.amount.currency, amounts)
