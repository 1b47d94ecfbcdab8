"""What a card provider's message makes true, and when we ask because none comes."""

from datetime import datetime, timedelta
from enum import StrEnum

_SOONEST, _RAREST = timedelta(minutes=1), timedelta(hours=6)


class CardStatus(StrEnum):
    """What the provider has said of one attempt to pay by card."""

    PROCESSING = "processing"
    FAILED = "failed"
    SUCCEEDED = "succeeded"


def hear(known: CardStatus | None, told: CardStatus) -> CardStatus:
    """Return what is true of an attempt after one more message: a later state stays, in whatever order they come."""
    order = (CardStatus.PROCESSING, CardStatus.FAILED, CardStatus.SUCCEEDED)
    return told if known is None or order.index(told) > order.index(known) else known


def ask_again_at(since: datetime, asked_at: datetime | None) -> datetime:
    """Return when to ask about what waits ``since`` then: after a minute, then ever more rarely, to every six hours."""
    if asked_at is None:
        return since + _SOONEST
    return asked_at + min(max(asked_at - since, _SOONEST), _RAREST)
