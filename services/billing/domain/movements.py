"""A case's account as its payer sees it: what was billed and taken back, what came and went, what is left (R21).

It is read off the ledger, entry by entry, so it can't say anything else than the books.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.billing.domain.ledger import Account, Posting

THEIRS = frozenset((Account.RECEIVABLE, Account.OVERPAYMENTS, Account.REFUNDS_PAYABLE))
"""What a payer owes us (above zero) and we owe them (below)."""
MONEY = frozenset((
    Account.BANK, Account.CARD_CLEARING, Account.UNMATCHED, Account.DISPUTED, Account.EXCHANGE, Account.PROVIDER_FEES,
))  # fmt: skip
"""Where money is, on its way in and out, and while a bank changes it. What the card provider keeps of it for itself is
between us and the provider: to the payer, all that they paid is in."""


@dataclass(frozen=True, slots=True)
class Movement:
    """An entry of the ledger, with when it was made."""

    kind: str
    source: str
    at: datetime
    postings: tuple[Posting, ...]


@dataclass(frozen=True, slots=True)
class AccountLine:
    """A movement as its payer sees it, in one currency; ``balance`` is what they owe after it, below zero what we owe them.

    ``billed``: above zero a fee, below one taken back. ``paid``: above zero money that came, below money that went.
    """

    kind: str
    source: str
    at: datetime
    currency: str
    billed: int
    paid: int
    balance: int


def account_lines(movements: Iterable[Movement]) -> list[AccountLine]:
    """Return the lines of a case's account, oldest first; what moves nothing of the payer's has none."""
    balances: defaultdict[str, int] = defaultdict(int)
    lines: list[AccountLine] = []
    for one in movements:
        for currency in sorted({posting.currency for posting in one.postings}):
            mine = [posting for posting in one.postings if posting.currency == currency]
            paid, theirs = _sum(mine, MONEY), _sum(mine, THEIRS)
            billed = theirs + paid
            balances[currency] += theirs
            if billed or paid:
                lines.append(AccountLine(one.kind, one.source, one.at, currency, billed, paid, balances[currency]))
    return lines


def balance_of(postings: Iterable[Posting], currency: str) -> int:
    """Return what a payer owes by the ledger, below zero what we owe them."""
    return _sum([one for one in postings if one.currency == currency], THEIRS)


def _sum(postings: Sequence[Posting], accounts: frozenset[Account]) -> int:
    return sum(one.amount_minor for one in postings if one.account in accounts)
