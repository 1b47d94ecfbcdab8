"""Stripe's balance transactions as lines of our report: what moved, and what Stripe kept of it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from services.billing.gateway.port import ReportLine
from services.billing.gateway.stripe_amounts import moved
from services.billing.gateway.stripe_messages import id_of, reference_of

_KINDS = {
    "charge": "charge",
    "refund": "refund",
    "refund_failure": "refund_failure",
    "dispute": "dispute",
    "dispute_reversal": "dispute_reversal",
    "payout": "payout",
    "payout_reversal": "payout_failure",
}
"""By ``reporting_category``, which tells the ``adjustment`` of a dispute from others."""
_FEES = {"dispute": "dispute_fee", "dispute_reversal": "dispute_fee_reversal", "payout": "payout_fee"}


def lines_of(told: dict[str, Any]) -> Iterator[ReportLine]:
    """Yield the movement, and its fee, of one balance transaction; what is neither of payments nor payouts has none.

    What was paid is told in the currency in which it was, and what Stripe changed it into beside it. Its own
    ``exchange_rate`` is left: both amounts are exact, and what they make is all that moved.
    """
    kind = _KINDS.get(told["reporting_category"])
    if told["reporting_category"] == "fee":
        yield _line(told, told["id"], "fee", told["id"], told["amount"], told["currency"])
    if kind is None or not isinstance(told["source"], dict):
        return
    source = told["source"]
    payment_id = id_of(source.get("payment_intent"))
    object_id = payment_id if kind == "charge" and payment_id else source["id"]
    sign = 1 if told["amount"] >= 0 else -1
    if kind in ("payout", "payout_failure") or source["currency"] == told["currency"]:
        yield _line(told, told["id"], kind, object_id, told["amount"], told["currency"])
    else:
        own = _line(told, told["id"], kind, object_id, sign * int(source["amount"]), source["currency"])
        settled = {
            "settled_minor": moved(told["amount"], told["currency"]),
            "settled_currency": told["currency"].upper(),
        }
        yield own.model_copy(update=settled)
    if told["fee"]:
        yield _line(told, f"{told['id']}:fee", _FEES.get(kind, "fee"), object_id, -told["fee"], told["currency"])


def _line(told: dict[str, Any], line_id: str, kind: str, object_id: str, amount: int, currency: str) -> ReportLine:
    source = told["source"] if isinstance(told["source"], dict) else {}
    return ReportLine.model_validate({
        "id": line_id, "kind": kind, "object_id": object_id, "payment_id": id_of(source.get("payment_intent")),
        "reference": reference_of(source), "amount_minor": moved(amount, currency), "currency": currency.upper(),
        "at": datetime.fromtimestamp(told["created"], UTC), "bank_text": (source.get("trace_id") or {}).get("value"),
    })  # fmt: skip
