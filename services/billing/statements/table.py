"""A bank's table, read as its mapping says: row by row, and nothing is guessed any more."""

import csv
import io
import re
from collections.abc import Iterator
from datetime import date
from itertools import pairwise

from services.billing.statements.lines import (
    BankLine,
    NotAStatementError,
    Statement,
    account_name,
    bank_reference,
    exact,
    with_twins,
)
from services.billing.statements.mapping import Mapping, Role, decoded
from shared.money import written

MAX_ROWS = 50_000


def read(data: bytes, mapping: Mapping) -> Statement:
    """Return the table as a statement. Raises ``NotAStatementError`` with the line."""
    _check(mapping)
    read_rows = [_line(number, row, mapping) for number, row in _rows(decoded(data, mapping.encoding), mapping)]
    if not read_rows:
        raise NotAStatementError(None, "The table has no lines under its header.")
    opening, closing = _balances([(line, balance) for line, balance in read_rows], mapping.currency)
    lines = with_twins([(line, nth) for nth, (line, _) in enumerate(read_rows) if line.amount])
    days = [line.booked_on for line, _ in read_rows]
    name = f"{min(days).isoformat()} to {max(days).isoformat()}"
    return Statement(
        account_name(mapping.account), mapping.currency, name, min(days), max(days), opening, closing, lines, "csv"
    )


def _check(mapping: Mapping) -> None:
    if not account_name(mapping.account) or not re.fullmatch("[A-Z]{3}", mapping.currency):
        raise NotAStatementError(None, "Say of which account the table is, and in which currency it is kept.")
    if "booked_on" not in mapping.columns:
        raise NotAStatementError(None, "Say which column has the booking date.")
    if "amount" not in mapping.columns and not {"credit", "debit"} <= mapping.columns.keys():
        raise NotAStatementError(None, "Say which column has the amount, or which two have money in and money out.")


def _rows(text: str, mapping: Mapping) -> Iterator[tuple[int, list[str]]]:
    """Yield each row that has anything in it, with the line on which it begins."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=mapping.delimiter, strict=True)
    width = max(mapping.columns.values()) + 1
    nth = 0
    while True:
        number = reader.line_num + 1
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise NotAStatementError(
                number,
                "A quotation mark is opened and never closed, or closed in the middle. Part of the file may be missing.",
            ) from None
        nth += 1
        if nth <= mapping.header or not any(cell.strip() for cell in row):
            continue
        if nth > MAX_ROWS:
            raise NotAStatementError(number, f"The table has more than {MAX_ROWS:,} lines. Download a shorter time.")
        if len(row) < width:
            raise NotAStatementError(
                number, f"This line has {len(row)} columns instead of at least {width}: part of it may be missing."
            )
        yield number, row


def _line(number: int, row: list[str], mapping: Mapping) -> tuple[BankLine, int | None]:
    """Return one row's movement, and the balance after it where the table has one."""

    def cell(role: Role) -> str:
        at = mapping.columns.get(role)
        return " ".join(row[at].split()) if at is not None else ""

    if cell("currency") and cell("currency").upper() != mapping.currency:
        raise NotAStatementError(
            number, f"The account is kept in {mapping.currency}, this line is in {cell('currency')[:10]}."
        )
    booked = _day(number, cell("booked_on"), mapping)
    line = BankLine(
        number, _amount(number, cell("amount"), cell("credit"), cell("debit"), mapping), booked,
        _day(number, cell("value_on"), mapping) if cell("value_on") else booked,
        bank_reference=bank_reference(cell("bank_reference")), party=cell("party"), party_account=account_name(cell("party_account")),
        reference=cell("reference"), remittance=cell("remittance"),
    )  # fmt: skip
    balance = _figures(number, cell("balance"), mapping) if cell("balance") else None
    return line, balance


def _amount(number: int, amount: str, credit: str, debit: str, mapping: Mapping) -> int:
    if amount:
        return _figures(number, amount, mapping)
    into = abs(_figures(number, credit, mapping)) if credit else 0
    out = abs(_figures(number, debit, mapping)) if debit else 0
    if not credit and not debit:
        raise NotAStatementError(number, "This line has no amount.")
    if into and out:
        raise NotAStatementError(number, "This line says money in and money out at once.")
    return into - out


def _figures(number: int, text: str, mapping: Mapping) -> int:
    """Read an amount such as ``-1.234,50``, ``(12.00)``, ``12,00-`` or ``1'000.00 CR``."""
    marks = {"D": "-", "DR": "-", "S": "-", "C": "", "CR": "", "H": ""}
    found = re.fullmatch(
        r"(\()?\s*([+\-\u2212]?)\s*(\d[\d.,' \u00a0\u202f\u2019]*?)\s*([+\-\u2212]?)\)?\s*(DR?|CR?|S|H)?",
        text.strip(),
        re.IGNORECASE,
    )
    if found is None:
        raise NotAStatementError(number, f"“{text[:40]}” is not an amount.")
    thousands = "," if mapping.decimal == "." else r"\."
    whole, point, cents = found[3].partition(mapping.decimal)
    whole = re.sub(rf"(?<=\d)[{thousands}' \u00a0\u202f\u2019](?=\d{{3}}(?!\d))", "", whole)
    if not whole.isdigit() or (point and not cents.isdigit()):
        raise NotAStatementError(
            number, f"“{text[:40]}” is not an amount written with “{mapping.decimal}” before the cents."
        )
    negative = (
        bool(found[1]) or (found[2] in "-\u2212" and bool(found[2])) or (found[4] in "-\u2212" and bool(found[4]))
    )
    negative = negative or marks.get((found[5] or "").upper()) == "-"
    minor = exact(f"{whole}.{cents}" if cents else whole, mapping.currency, number)
    return -minor if negative else minor


def _day(number: int, text: str, mapping: Mapping) -> date:
    order = mapping.dates
    parts = re.findall(r"\d+", text)[:3]
    if order == "YMD" and len(parts) == 1 and len(parts[0]) == 8:
        parts = [parts[0][:4], parts[0][4:6], parts[0][6:]]
    try:
        named = dict(zip(order, map(int, parts), strict=True))
        year = named["Y"] if named["Y"] > 99 else named["Y"] + 2000
        return date(year, named["M"], named["D"])
    except ValueError:
        meant = {"DMY": "day, month, year", "MDY": "month, day, year", "YMD": "year, month, day"}[order]
        raise NotAStatementError(number, f"“{text[:40]}” is not a date in the order {meant}.") from None


def _balances(rows: list[tuple[BankLine, int | None]], currency: str) -> tuple[int | None, int | None]:
    """Return opening and closing balance if each line's follows from the one before. Raises ``NotAStatementError``."""
    if not rows or any(balance is None for _, balance in rows):
        return None, None
    known = [(line, balance) for line, balance in rows if balance is not None]
    chosen, breaks = min(((way, _breaks(way)) for way in (known, known[::-1])), key=lambda one: len(one[1]))
    if not breaks:
        return chosen[0][1] - chosen[0][0].amount, chosen[-1][1]
    line, balance, expected = breaks[0]
    raise NotAStatementError(
        line.line, f"The balance {written(balance, currency)} doesn't follow from the line before, which leads to "
        f"{written(expected, currency)}. A line is missing or wrong."
    )  # fmt: skip


def _breaks(rows: list[tuple[BankLine, int]]) -> list[tuple[BankLine, int, int]]:
    """Return where a balance doesn't follow from the one before; banks write the oldest or the newest line first."""
    return [
        (line, balance, before + line.amount)
        for (_, before), (line, balance) in pairwise(rows)
        if before + line.amount != balance
    ]
