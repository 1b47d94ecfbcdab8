"""Double entry: accounts, postings, and entries that balance or don't exist."""

from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum


class Account(StrEnum):
    """The accounts. Assets and what is owed to us grow by debit; what we owe, and income, by credit."""

    RECEIVABLE = "receivable"
    CARD_CLEARING = "card_clearing"
    BANK = "bank"
    UNMATCHED = "unmatched_receipts"
    DEFERRED = "deferred_revenue"
    REVENUE = "revenue"
    OVERPAYMENTS = "overpayments"
    REFUNDS_PAYABLE = "refunds_payable"
    BANK_CHARGES = "bank_charges"
    EXCHANGE = "exchange"
    DISPUTED = "disputed"
    DISPUTE_LOSSES = "dispute_losses"
    PROVIDER_FEES = "provider_fees"


@dataclass(frozen=True, slots=True)
class Posting:
    account: Account
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One transaction of the ledger. ``source`` names its cause: the same cause can be entered once only."""

    kind: str
    source: str
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        sums: defaultdict[str, int] = defaultdict(int)
        for posting in self.postings:
            sums[posting.currency] += posting.amount_minor
        if any(sums.values()) or any(posting.amount_minor == 0 for posting in self.postings):
            raise ValueError(f"{self.kind} of {self.source} does not balance: {dict(sums)}")


def entry(kind: str, source: str, currency: str, amounts: dict[Account, int]) -> list[Entry]:
    postings = tuple(Posting(account, currency, amount) for account, amount in amounts.items() if amount)
    return [Entry(kind, source, postings)] if postings else []
