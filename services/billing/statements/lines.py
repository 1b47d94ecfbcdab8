"""A statement and its lines, as values; how a line is known again when another file brings it once more."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Literal

from shared.events import Money
from shared.money import minor_digits, written

Bearer = Literal["ours", "shared", "theirs"]
"""Who carries the banks' charges: we (BEN), each their own (SHA), the sender (OUR), as seen from our side."""


class NotAStatementError(ValueError):
    """A file that can't be read; the text says what is wrong, on which line, and what to do."""

    def __init__(self, line: int | None, sentence: str) -> None:
        super().__init__(f"Line {line}: {sentence}" if line else sentence)
        self.line = line


@dataclass(frozen=True, slots=True)
class BankLine:
    """One movement of the account: above zero came in, below zero left. ``line`` is where in the file it stands.

    ``instructed`` is what the sender told their bank to send, ``rate`` what it was changed at; ``charges_minor`` is
    what banks kept, in the account's currency, as far as they say. ``twin_line`` names an earlier line of the same
    file that carries the same reference of the bank. ``returned``: the bank calls it a reversal or a return.
    """

    line: int
    amount: int
    booked_on: date
    value_on: date
    bank_reference: str = ""
    party: str = ""
    party_account: str = ""
    reference: str = ""
    remittance: str = ""
    instructed: Money | None = None
    rate: str = ""
    charges_minor: int = 0
    bearer: Bearer | None = None
    returned: bool = False
    twin_line: int | None = None

    @property
    def text(self) -> str:
        """Everything the sender wrote: the structured reference first."""
        return " ".join(part for part in (self.reference, self.remittance) if part)


@dataclass(frozen=True, slots=True)
class Statement:
    """An account over a span of days. ``opening`` and ``closing`` are None where the file doesn't say."""

    account: str
    currency: str
    name: str
    from_on: date
    to_on: date
    opening: int | None
    closing: int | None
    lines: tuple[BankLine, ...]
    kind: Literal["camt.053", "csv"]


def identities(statement: Statement) -> list[str]:
    """Return for each line by what it is known again: account, day, amount, and the bank's reference, else name and text.

    Lines that are equal in all of this are told apart by their order among each other. The day counts beside the
    reference: some banks give the same one to every wire.
    """
    seen: Counter[str] = Counter()
    found = []
    for line in statement.lines:
        amount = f"{line.amount} {statement.currency}"
        own = ("reference", line.bank_reference) if line.bank_reference else (
            "line", _plain(line.party), _plain(line.text)
        )  # fmt: skip
        key = "\x1f".join((account_name(statement.account), amount, line.booked_on.isoformat(), *own))
        found.append(hashlib.sha256(f"{key}\x1f{seen[key]}".encode()).hexdigest())
        seen[key] += 1
    return found


def account_name(written: str) -> str:
    """Return an account's number without its spaces, so that two ways to write it are one account."""
    return re.sub(r"[\s-]", "", written).upper()


def bank_reference(written: str) -> str:
    """Return the bank's reference, or nothing where it only fills the place of one."""
    return "" if re.fullmatch(r"NON-?REF|NOT ?PROVIDED|[0\s]*", written.strip(), re.IGNORECASE) else written


def exact(text: str, currency: str, line: int) -> int:
    """Return plain figures such as ``2450.00`` in minor units. Raises ``NotAStatementError``."""
    if not re.fullmatch(r"[+-]?\d{1,15}(\.\d{1,6})?", text):
        raise NotAStatementError(line, f"“{text[:40]}” is not an amount.")
    minor = Decimal(text).scaleb(minor_digits(currency))
    if minor != int(minor):
        raise NotAStatementError(line, f"{text} has more digits after the point than {currency} has.")
    return int(minor)


def check_balances(statement: Statement, line: int) -> Statement:
    """Return the statement if its lines lead from one balance to the other. Raises ``NotAStatementError``."""
    if statement.opening is not None and statement.closing is not None:
        total = statement.opening + sum(one.amount for one in statement.lines)
        if total != statement.closing:
            told, found = written(statement.closing, statement.currency), written(total, statement.currency)
            raise NotAStatementError(
                line, f"The closing balance is {told}, but opening balance and lines make {found}. "
                "A line is missing or wrong: download the statement again, or ask the bank."
            )  # fmt: skip
    return statement


def with_twins(lines: Sequence[tuple[BankLine, int]]) -> tuple[BankLine, ...]:
    """Return the lines, each with the earlier one that has the same reference of the bank, if it is another entry's.

    ``lines`` come with the number of their entry: the parts of one batch may share a reference.
    """
    first: dict[tuple[str, bool], tuple[int, int]] = {}
    found = []
    for line, entry in lines:
        key = (line.bank_reference, line.amount > 0)
        again = line.bank_reference and first.setdefault(key, (line.line, entry))[1] != entry
        found.append(replace(line, twin_line=first[key][0]) if again else line)
    return tuple(found)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()
