"""How a bank's table is to be read: guessed from its first lines, shown to a person, kept for the next file.

A guess is never used unseen: the desk shows how the first lines are read, and says where it could be otherwise.
"""

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from services.billing.statements.lines import NotAStatementError

DateOrder = Literal["YMD", "DMY", "MDY"]
Role = Literal[
    "booked_on", "value_on", "amount", "credit", "debit", "currency", "bank_reference", "reference", "party",
    "party_account", "remittance", "balance",
]  # fmt: skip
ROLES: dict[Role, str] = {
    "booked_on": "Booking date", "value_on": "Value date", "amount": "Amount with sign", "credit": "Money in",
    "debit": "Money out", "currency": "Currency", "bank_reference": "The bank's reference",
    "reference": "Payment reference", "party": "Name of the other side", "party_account": "Account of the other side",
    "remittance": "What they wrote", "balance": "Balance after the line",
}  # fmt: skip
_WORDS: dict[Role, str] = {
    "value_on": r"value|valuta|wert|fecha valor|date de valeur|起息|تاريخ القيمة",
    "booked_on": r"book|buchung|posting|transaction date|^date|^datum|^fecha|date op|记账|日期|التاريخ",
    "bank_reference": r"bank.?ref|bankref|transaction.?(id|ref|no)|referencia banco|umsatz.?id|^id$|流水号",
    "balance": r"balance|saldo|solde|kontostand|余额|الرصيد",
    "credit": r"credit|money in|paid in|haben|gutschrift|abono|crédit|贷方|دائن",
    "debit": r"debit|money out|paid out|soll|lastschrift|cargo|débit|借方|مدين",
    "amount": r"amount|betrag|umsatz|importe|montant|金额|المبلغ",
    "currency": r"currency|^ccy|währung|divisa|moneda|devise|币种|العملة",
    "party_account": r"iban|account|konto(?!stand)|cuenta|compte|账号|الحساب",
    "reference": r"payment ref|^reference|end.?to.?end|kundenreferenz|^referencia|^référence|参考|المرجع",
    "party": r"name|payer|counter.?party|auftraggeber|begünstig|ordenante|donneur|sender|户名|الاسم",
    "remittance": r"remittance|purpose|details|description|verwendung|buchungstext|text|concepto|libellé|memo|narrative|摘要|البيان",
}
_DELIMITERS = ";,\t|"


@dataclass(frozen=True, slots=True)
class Mapping:
    """How to read a table. ``header`` is how many rows stand above the first line; ``columns`` are counted from 0."""

    account: str
    currency: str
    delimiter: str
    decimal: Literal[".", ","]
    dates: DateOrder
    encoding: str
    header: int
    columns: dict[Role, int]
    unsure: tuple[str, ...] = field(default=(), compare=False)


def detect(data: bytes, account: str, currency: str) -> Mapping:
    """Return the likeliest way to read a table; ``unsure`` says where it is a guess. Raises ``NotAStatementError``."""
    encoding = _encoding(data)
    text = _text(data, encoding)
    delimiter = max(_DELIMITERS, key=lambda mark: _columns_with(text, mark))
    rows = _rows(text, delimiter, 200)
    header, columns = _header(rows)
    body = [row for row in rows[header:] if any(cell.strip() for cell in row)]
    amounts = [
        row[at]
        for role in ("amount", "credit", "debit")
        if (at := columns.get(role)) is not None
        for row in body
        if at < len(row)
    ]
    days = [row[columns["booked_on"]] for row in body if columns.get("booked_on", 99) < len(row)]
    dates, sure = _date_order(days)
    unsure: tuple[str, ...] = (
        () if sure else ("The dates could be day first or month first: no day in this file is above the 12th.",)
    )
    if len(columns.keys() & {"booked_on", "amount", "credit"}) < 2:
        unsure += ("Not every needed column was recognised: choose them.",)
    return Mapping(account, currency, delimiter, _decimal(amounts), dates, encoding, header, columns, unsure)


def first_rows(data: bytes, mapping: Mapping, count: int = 8) -> list[list[str]]:
    """Return the table's first rows as they stand, header included."""
    return _rows(_text(data, mapping.encoding), mapping.delimiter, mapping.header + count)


def signature(data: bytes) -> str:
    """Return what a bank's tables have in common from one day to the next, whichever account they are of: the header."""
    encoding = _encoding(data)
    text = _text(data, encoding)
    delimiter = max(_DELIMITERS, key=lambda mark: _columns_with(text, mark))
    rows = _rows(text, delimiter, 200)
    header, _ = _header(rows)
    named = rows[header - 1] if header else [str(len(rows[0]))]
    return hashlib.sha256("\x1f".join((delimiter, str(header), *named)).encode()).hexdigest()


def decoded(data: bytes, encoding: str) -> str:
    """Return the text. Raises ``NotAStatementError`` with the line of the first byte that isn't of this encoding."""
    return _text(data, encoding)


def _encoding(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8-sig"


def _text(data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as wrong:
        line = data[: wrong.start].count(b"\n") + 1
        raise NotAStatementError(
            line, "A character can't be read. Save the table as UTF-8, or download it again."
        ) from None
    except LookupError:
        raise NotAStatementError(1, f"There is no encoding {encoding[:20]}.") from None
    if (at := text.find("\0")) >= 0:
        raise NotAStatementError(text.count("\n", 0, at) + 1, "This is not a table of text. Download it as CSV.")
    return text


def _rows(text: str, delimiter: str, count: int) -> list[list[str]]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    rows: list[list[str]] = []
    try:
        for row in reader:
            rows.append(row)
            if len(rows) >= count:
                break
    except csv.Error as error:
        raise NotAStatementError(reader.line_num, f"This is not a table ({error}). Download it as CSV.") from None
    if not rows:
        raise NotAStatementError(None, "The table is empty.")
    return rows


def _columns_with(text: str, delimiter: str) -> int:
    """Return how well a delimiter cuts the first lines into equally many columns."""
    counts = Counter(len(row) for row in csv.reader(text.splitlines()[:60], delimiter=delimiter) if len(row) > 1)
    return max((columns * times for columns, times in counts.items()), default=0)


def _header(rows: Sequence[Sequence[str]]) -> tuple[int, dict[Role, int]]:
    """Return how many rows stand above the first line, and which column is what, by the words of the header."""
    best: tuple[int, dict[Role, int]] = (0, {})
    for at, row in enumerate(rows[:30]):
        found: dict[Role, int] = {}
        for role, words in _WORDS.items():
            for column, cell in enumerate(row):
                if column not in found.values() and re.search(words, cell.strip(), re.IGNORECASE) and len(cell) < 60:
                    found[role] = column
                    break
        if len(found) > len(best[1]):
            best = (at + 1, found)
    return best if len(best[1]) > 1 else (0, {})


def _decimal(amounts: Sequence[str]) -> Literal[".", ","]:
    """Tell the decimal mark: the last mark of an amount, where one or two digits follow it."""
    marks = Counter(found[1] for one in amounts if (found := re.search(r"([.,])\d{1,2}$", one.strip().rstrip("+-"))))
    return "," if marks[","] > marks["."] else "."


def _date_order(days: Sequence[str]) -> tuple[DateOrder, bool]:
    """Return the order of day, month and year, and whether it can be no other."""
    parts = [tuple(map(int, found)) for one in days if len(found := re.findall(r"\d+", one)[:3]) == 3]
    if any(first > 31 for first, _, _ in parts) or all(re.match(r"\s*\d{8}\b", one) for one in days):
        return "YMD", True
    if any(first > 12 for first, _, _ in parts):
        return "DMY", True
    if any(second > 12 for _, second, _ in parts):
        return "MDY", True
    return "DMY", not parts or any("." in one for one in days)
