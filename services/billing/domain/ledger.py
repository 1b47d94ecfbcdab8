"""Double entry: accounts, postings, and entries that balance or don't exist."""

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
    IN_TRANSIT = "in_transit"
    BAD_DEBTS = "bad_debts"


@dataclass(frozen=True, slots=True)
class Posting:
    account: Account
    currency: str
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One transaction of the ledger, in one currency. ``source`` names its cause, which can be entered once only."""

    kind: str
    source: str
    postings: tuple[Posting, ...]

    def __post_init__(self) -> None:
        if len(currencies := {posting.currency for posting in self.postings}) > 1:
            raise ValueError(f"{self.kind} of {self.source} is in more than one currency: {sorted(currencies)}")
        off = sum(posting.amount_minor for posting in self.postings)
        if off or any(posting.amount_minor == 0 for posting in self.postings):
            raise ValueError(f"{self.kind} of {self.source} does not balance: off by {off}")


def entry(kind: str, source: str, currency: str, amounts: dict[Account, int]) -> list[Entry]:
    postings = tuple(Posting(account, currency, amount) for account, amount in amounts.items() if amount)
    return [Entry(kind, source, postings)] if postings else []
