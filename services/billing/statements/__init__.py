"""What a bank's statement says: files in, values out. No database, no clock; a file that is broken says so, by its line.

A file is read whole or not at all. CAMT.053 is told from a table by its first character.
"""

from services.billing.statements import camt053, table
from services.billing.statements.lines import BankLine, NotAStatementError, Statement, account_name, identities
from services.billing.statements.mapping import Mapping, detect, first_rows, signature

MAX_BYTES = 8 << 20
"""The largest file that is read: a year of a busy account."""


def is_camt(data: bytes) -> bool:
    """Tell whether a file is XML of whatever kind, rather than a table."""
    return data[:200].replace(b"\0", b"").lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n").startswith(b"<")


def check_size(data: bytes) -> None:
    """Refuse what can't be a statement by its size alone. Raises ``NotAStatementError``."""
    if not data.strip():
        raise NotAStatementError(None, "Choose a file that is not empty.")
    if len(data) > MAX_BYTES:
        limit = MAX_BYTES >> 20
        raise NotAStatementError(None, f"The file has more than {limit} MiB. Download a shorter time.")


def read(data: bytes, mapping: Mapping | None = None) -> list[Statement]:
    """Return the statements of a file; a table needs its ``mapping``. Raises ``NotAStatementError``."""
    check_size(data)
    if is_camt(data):
        return camt053.read(data)
    if mapping is None:
        raise NotAStatementError(1, "Nobody has said yet how the columns of this table are to be read.")
    return [table.read(data, mapping)]


__all__ = [
    "MAX_BYTES",
    "BankLine",
    "Mapping",
    "NotAStatementError",
    "Statement",
    "account_name",
    "check_size",
    "detect",
    "first_rows",
    "identities",
    "is_camt",
    "read",
    "signature",
]
