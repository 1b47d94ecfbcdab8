"""How an amount stands in a row."""

from typing import Any

from shared.db import Row
from shared.events import Money


def with_amount(row: Row) -> dict[str, Any]:
    given = dict(row)
    given["amount"] = Money(amount_minor=given.pop("amount_minor"), currency=given.pop("currency"))
    return given
