"""How old what was accepted may be: while a case waits, a scan or a blood test can become too old (R23)."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time

from services.records.domain.items import Item, ItemState
from services.records.domain.people import Refused


def dated(item: Item) -> date | None:
    """Return the day of the newest document that counts, or None: nothing came.

    The day on which something was sent stands for its own only where nobody said any: what was accepted before that was asked.
    """
    documents = item.in_use()
    said = [document.dated_on for document in documents if document.dated_on is not None]
    return max(said or (document.day for document in documents), default=None)


def fresh_until(item: Item) -> datetime | None:
    """Return the instant (UTC) from which what lies in the item is too old; None where nothing can become so."""
    day = dated(item)
    if item.max_age is None or day is None:
        return None
    return datetime.combine(day, time(), UTC) + item.max_age


def too_old(item: Item, now: datetime) -> bool:
    """Return whether the newest thing in the item is older than it may be."""
    until = fresh_until(item)
    return until is not None and until <= now


def refuse_too_old(item: Item, now: datetime) -> None:
    """Refuse to accept what a specialist could not rely on any more, or that nobody knows the day of."""
    if item.max_age is None:
        return
    if item.in_use() and not any(document.dated_on for document in item.in_use()):
        raise Refused(
            f"“{item.title}” may be at most {item.max_age.days} days old. Say the day of the examination or letter: "
            "the day on which it was sent doesn't tell."
        )
    if too_old(item, now):
        raise Refused(
            f"The newest document here is of {dated(item)}, and may be at most {item.max_age.days} days old. "
            "Return it as too old, or waive the item by name."
        )


def next_check(items: Iterable[Item]) -> datetime | None:
    """Return when the first of the accepted items becomes too old, or None: none ever does."""
    ends = (fresh_until(item) for item in items if item.state is ItemState.ACCEPTED)
    return min((end for end in ends if end is not None), default=None)


def lapsed(items: Iterable[Item], now: datetime) -> list[Item]:
    """Return the accepted items that have become too old."""
    return [item for item in items if item.state is ItemState.ACCEPTED and too_old(item, now)]
