"""What the sandbox provider does with money: payments, fees, refunds, disputes, payouts. Each step is one transaction of the book.

The movements of the merchant's balance are kept, as a real provider's report has them: above zero to the merchant.
"""

import secrets
import time
from decimal import Decimal
from typing import Any, Literal

from deploy.sandbox_gateway.book import Book, Checkout
from deploy.sandbox_gateway.messenger import Messenger
from shared.money import minor_digits

EVIDENCE_DAYS = 7
LATER = 5.0
"""Seconds until a refund that is pending ends by itself."""
Ending = Literal["succeeded", "failed"]


class Refused(Exception):
    """The provider won't do it; the text says why."""


class Ledger:
    """All steps of money."""

    def __init__(self, book: Book, messenger: Messenger) -> None:
        self._book, self._messenger = book, messenger

    def try_payment(self, checkout: Checkout, outcome: str) -> dict[str, Any]:
        """Begin an attempt to pay; how the card's refunds will go is kept with it."""
        with self._book.together():
            payment = self._book.add_payment(checkout, "processing")
            self._book.add_trait(payment["payment_id"], outcome)
            self._messenger.say("payment.processing", payment)
        return payment

    def end_payment(self, payment: dict[str, Any], status: Ending) -> None:
        """Take the money, or don't. A card that disputes does so at once."""
        with self._book.together():
            ended = self._book.end_payment(payment, status)
            if status == "succeeded":
                self._move("charge", ended["payment_id"], ended, ended["amount_minor"])
                self._move("fee", ended["payment_id"], ended, -_fee(ended["amount_minor"], ended["currency"]))
            self._messenger.say(f"payment.{status}", ended)
        if status == "succeeded" and self._book.trait(ended["payment_id"]) == "dispute":
            self.open_dispute(ended["payment_id"], "fraudulent")

    def refund(self, payment_id: str, amount_minor: int, currency: str, reference: str | None) -> dict[str, Any]:
        """Send money back, at once or later, as the card is; without a ``reference`` of the merchant's when a person does.

        Raises ``Refused``.
        """
        payment = self._book.payment(payment_id)
        if payment is None or payment["status"] != "succeeded":
            raise Refused("There is no such successful payment.")
        if any(one["status"] != "won" for one in self._book.disputes_of(payment_id)):
            raise Refused("This payment is disputed: its money can't be refunded.")
        if payment["currency"] != currency or amount_minor > payment["amount_minor"] - payment["refunded_minor"]:
            raise Refused("That is more than is left of this payment.")
        later = self._book.trait(payment_id) in ("refund later", "refund fails")
        with self._book.together():
            refund = self._book.add_refund(payment, amount_minor, reference, "pending" if later else "succeeded")
            self._move("refund", refund["refund_id"], refund, -amount_minor)
            if not later:
                self._messenger.say("refund.succeeded", refund)
        if later:
            self._messenger.wake_at(time.time() + LATER)
        return refund

    def end_refund(self, refund_id: str, status: Ending) -> None:
        """End a pending refund; of one that fails the money is back in the balance."""
        with self._book.together():
            refund = self._book.end_refund(refund_id, status)
            if refund is None:
                return
            if status == "failed":
                self._move("refund_failure", refund_id, refund, refund["amount_minor"])
            self._messenger.say(f"refund.{status}", refund)

    def bounce_refund(self, refund_id: str) -> bool:
        """Let the card's bank give a refund back that had succeeded; False when it hadn't, or there is none."""
        with self._book.together():
            refund = self._book.bounce_refund(refund_id)
            if refund is None:
                return False
            self._move("refund_failure", refund_id, refund, refund["amount_minor"])
            self._messenger.say("refund.failed", refund)
        return True

    def end_due_refunds(self, now: float) -> None:
        """End those refunds whose time has come, as their cards are."""
        for refund in self._book.pending_refunds():
            if refund["made_at"] + LATER <= now:
                fails = self._book.trait(refund["payment_id"]) == "refund fails"
                self.end_refund(refund["refund_id"], "failed" if fails else "succeeded")

    def open_dispute(self, payment_id: str, reason: str, amount_minor: int | None = None) -> dict[str, Any]:
        """Take the money of a payment back for its holder's bank, and a fee. Raises ``Refused``."""
        payment = self._book.payment(payment_id)
        if payment is None or payment["status"] != "succeeded":
            raise Refused("There is no such successful payment.")
        if any(one["status"] == "open" for one in self._book.disputes_of(payment_id)):
            raise Refused("A dispute of this payment is open already.")
        amount = min(amount_minor or payment["amount_minor"], payment["amount_minor"])
        with self._book.together():
            due = time.time() + EVIDENCE_DAYS * 86400
            dispute = self._book.add_dispute(payment, amount, reason, due)
            self._move("dispute", dispute["dispute_id"], dispute, -amount)
            self._move("dispute_fee", dispute["dispute_id"], dispute, -_dispute_fee(payment["currency"]))
            self._messenger.say("dispute.opened", dispute)
        return dispute

    def decide_dispute(self, dispute_id: str, status: Literal["won", "lost"]) -> bool:
        """Let the bank decide; False when it has, or there is no such dispute."""
        with self._book.together():
            dispute = self._book.end_dispute(dispute_id, status)
            if dispute is None:
                return False
            if status == "won":
                self._move("dispute_reversal", dispute_id, dispute, dispute["amount_minor"])
                self._move("dispute_fee_reversal", dispute_id, dispute, _dispute_fee(dispute["currency"]))
            self._messenger.say(f"dispute.{status}", dispute)
        return True

    def pay_out(self, currency: str) -> dict[str, Any]:
        """Send the merchant's balance in a currency to their bank, less a fee; take from the bank what the merchant owes.

        Raises ``Refused`` when there is nothing.
        """
        standing = self._book.balance.standing().get(currency, 0)
        amount = standing - _payout_fee(currency)
        if 0 <= standing <= _payout_fee(currency):
            raise Refused("There is nothing to pay out in this currency.")
        with self._book.together():
            payout = self._book.balance.add_payout(amount, currency)
            about = payout | {"payment_id": None, "reference": None}
            self._move("payout", payout["payout_id"], about, -amount)
            self._move("payout_fee", payout["payout_id"], about, -_payout_fee(currency))
        return payout

    def fail_payout(self, payout_id: str) -> bool:
        """Let the merchant's bank refuse a payout: the money is back in the balance. False when there is none to refuse."""
        with self._book.together():
            payout = self._book.balance.fail_payout(payout_id)
            if payout is None:
                return False
            self._move(
                "payout_failure", payout_id, payout | {"payment_id": None, "reference": None}, payout["amount_minor"]
            )
        return True

    def _move(self, kind: str, object_id: str, about: dict[str, Any], amount_minor: int) -> None:
        self._book.balance.add_movement(
            f"txn_{secrets.token_hex(12)}", kind, object_id, about["payment_id"], about["reference"], amount_minor,
            about["currency"],
        )  # fmt: skip


def _fee(amount_minor: int, currency: str) -> int:
    """2.9 % and 0.30 of a currency with cents."""
    return round(amount_minor * 29 / 1000) + int(Decimal("0.3").scaleb(minor_digits(currency)))


def _dispute_fee(currency: str) -> int:
    return int(Decimal(15).scaleb(minor_digits(currency)))


def _payout_fee(currency: str) -> int:
    return int(Decimal("0.25").scaleb(minor_digits(currency)))
