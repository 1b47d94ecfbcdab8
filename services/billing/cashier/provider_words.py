"""What finance reads of a difference with the card provider: what it may mean, and what to do about it (R21)."""

from services.billing.domain import Difference, DifferenceKind
from services.billing.gateway import ReportLine

_ASK = {
    DifferenceKind.MISSING_HERE: "Its message never came: take it in.",
    DifferenceKind.MISSING_THERE: "The provider has no such movement: ask it, with the number.",
    DifferenceKind.AMOUNT: "The amounts differ: ask the provider, with both.",
    DifferenceKind.CURRENCY: "The currencies differ: ask the provider, with both.",
    DifferenceKind.TWICE: "The provider moved it more than once: ask it to take one back.",
    DifferenceKind.STATE: "It stands otherwise here: take it in.",
}
_TAKE_IN = {
    (DifferenceKind.MISSING_HERE, "refund"): (
        "Somebody sent money back at the provider itself: find out who and why, and book it."
    ),
    (DifferenceKind.STATE, "refund_failure"): (
        "Its money came back to the provider, and the message never came: take it in, and pay it by bank."
    ),
}
_FIND_OUT = {
    (DifferenceKind.MISSING_HERE, "charge"): (
        "It names no invoice of ours: look at it at the provider, and send it back there."
    ),
    (DifferenceKind.MISSING_HERE, "refund"): (
        "The provider sent money back under a name that we don't know: look at it at the provider."
    ),
    (DifferenceKind.MISSING_HERE, "refund_failure"): (
        "Money that somebody sent back at the provider came back to it: nothing is to be booked. Find out who and why."
    ),
    (DifferenceKind.STATE, "refund"): (
        "The provider sent it, though it ended otherwise here: see that it does not go back twice."
    ),
    (DifferenceKind.STATE, "dispute"): "We heard that it was won, but the money is not back: ask the provider.",
}


def what_to_do(one: Difference, line: ReportLine | None, *, takeable: bool) -> str:
    """Return, for finance, what a difference may mean and what to do about it; ``takeable``: a button does it."""
    kind = line.kind if line else ""
    if takeable:
        return _TAKE_IN.get((one.kind, kind), _ASK[one.kind])
    return _FIND_OUT.get((one.kind, line.kind if line else ""), _ASK[one.kind])
