"""Whether an account's lines in the books make what the bank's balances say: a line lost or counted twice shows (R21)."""

from collections.abc import Sequence

from services.billing import store
from services.billing.store import StatementRow
from shared.db import Tx
from shared.money import written


async def out_of_balance(tx: Tx, statement: StatementRow) -> str | None:
    """Return in a sentence how a statement's days differ from the bank's balances; None when they don't, or it has none.

    Statements that share days with it count too: a bank may write several a day.
    """
    if statement.opening_minor is None or statement.closing_minor is None:
        return None
    found = await store.balanced_statements(tx, statement)
    said, moved = _said(found), await store.moved(tx, found)
    if said == moved:
        return None
    told, counted = written(said, statement.currency), written(moved, statement.currency)
    return (
        f"By the bank's balances {told} moved on this account in these days, the lines in the books make {counted}. "
        "A line is missing or counted twice: compare the lines with the bank's, and look among the wires to match."
    )


def _said(statements: Sequence[StatementRow]) -> int:
    """Return what moved by the balances, from the first of these statements to the last.

    Of those that begin on one day, the first is the one whose opening balance is not where another ends.
    """
    early, late = min(one.from_on for one in statements), max(one.to_on for one in statements)
    begin, end = [one for one in statements if one.from_on == early], [one for one in statements if one.to_on == late]
    firsts = [one for one in begin if all(one is it or one.opening_minor != it.closing_minor for it in begin)]
    lasts = [one for one in end if all(one is it or one.closing_minor != it.opening_minor for it in end)]
    opening, closing = (firsts or begin)[0].opening_minor, (lasts or end)[-1].closing_minor
    assert opening is not None
    assert closing is not None
    return closing - opening
