"""What a card provider's message makes true."""

from enum import StrEnum


class CardStatus(StrEnum):
    """What the provider has said of one attempt to pay by card."""

    PROCESSING = "processing"
    FAILED = "failed"
    SUCCEEDED = "succeeded"


def hear(known: CardStatus | None, told: CardStatus) -> CardStatus:
    """Return what is true of an attempt after one more message: a later state stays, in whatever order they come."""
    order = (CardStatus.PROCESSING, CardStatus.FAILED, CardStatus.SUCCEEDED)
    return told if known is None or order.index(told) > order.index(known) else known
