"""What the sandbox provider remembers: checkouts, payments, refunds, disputes. What moved is in ``balance``, messages in ``mailbox``.

SQLite, in a file when told where (it then survives a restart), otherwise in memory. One process, one writer.
"""

import contextlib
import json
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.sandbox_gateway.balance import Balance
from deploy.sandbox_gateway.mailbox import Mailbox
from deploy.sandbox_gateway.names import new_name, when

_TABLES = """
CREATE TABLE IF NOT EXISTS checkouts (id TEXT PRIMARY KEY, amount_minor INTEGER, currency TEXT, reference TEXT,
    return_url TEXT, locale TEXT, status TEXT, expires_at REAL);
CREATE TABLE IF NOT EXISTS payments (id TEXT PRIMARY KEY, checkout_id TEXT, amount_minor INTEGER, currency TEXT,
    status TEXT, refunded_minor INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS refunds (id TEXT PRIMARY KEY, payment_id TEXT, amount_minor INTEGER, currency TEXT,
    reference TEXT, status TEXT);
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, request TEXT, status INTEGER, answer TEXT);
CREATE TABLE IF NOT EXISTS traits (payment_id TEXT PRIMARY KEY, outcome TEXT);
CREATE TABLE IF NOT EXISTS pending (refund_id TEXT PRIMARY KEY, made_at REAL);
CREATE TABLE IF NOT EXISTS disputes (id TEXT PRIMARY KEY, payment_id TEXT, reference TEXT, amount_minor INTEGER,
    currency TEXT, reason TEXT, status TEXT, evidence_due_at REAL);
"""

_PAYMENTS = """SELECT p.id AS payment_id, p.checkout_id, c.reference, p.amount_minor, p.currency, p.status, p.refunded_minor
               FROM payments p JOIN checkouts c ON c.id = p.checkout_id"""
_REFUNDS = """SELECT r.id AS refund_id, r.payment_id, r.reference, r.amount_minor, r.currency, r.status, made_at
              FROM refunds r LEFT JOIN pending ON refund_id = r.id"""


@dataclass(frozen=True, slots=True)
class Checkout:
    """A visit to the pay page. ``status``: open, confirming (second step), paid."""

    id: str
    amount_minor: int
    currency: str
    reference: str
    return_url: str
    locale: str
    status: str
    expires_at: float


class Book:
    """All of it behind plain methods."""

    def __init__(self, file: Path | None) -> None:
        self._db = sqlite3.connect(file or ":memory:", isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(_TABLES)
        self.mailbox, self.balance = Mailbox(self._db), Balance(self._db)

    def close(self) -> None:
        self._db.close()

    @contextlib.contextmanager
    def together(self) -> Iterator[None]:
        """Write all that follows, or nothing of it: what happened and what is to be said about it."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:  # told to stop, too: no transaction is left open
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    # --- checkouts and payments

    def open_checkout(
        self, amount_minor: int, currency: str, reference: str, return_url: str, locale: str, lives: float
    ) -> Checkout:
        checkout = Checkout(
            new_name("co"), amount_minor, currency, reference, return_url, locale, "open", time.time() + lives
        )
        self._db.execute(
            "INSERT INTO checkouts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (checkout.id, amount_minor, currency, reference, return_url, locale, checkout.status, checkout.expires_at),
        )
        return checkout

    def checkout(self, checkout_id: str) -> Checkout | None:
        row = self._db.execute("SELECT * FROM checkouts WHERE id = ?", (checkout_id,)).fetchone()
        return Checkout(**row) if row else None

    def move(self, checkout_id: str, before: str, after: str) -> bool:
        """Change a checkout's status; False when it isn't as it was (somebody pressed twice)."""
        changed = self._db.execute(
            "UPDATE checkouts SET status = ? WHERE id = ? AND status = ?", (after, checkout_id, before)
        )
        return changed.rowcount == 1

    def add_payment(self, checkout: Checkout, status: str) -> dict[str, Any]:
        payment = {
            "payment_id": new_name("pay"),
            "checkout_id": checkout.id,
            "reference": checkout.reference,
            "amount_minor": checkout.amount_minor,
            "currency": checkout.currency,
            "status": status,
        }
        self._db.execute(
            "INSERT INTO payments (id, checkout_id, amount_minor, currency, status) VALUES (?, ?, ?, ?, ?)",
            (payment["payment_id"], checkout.id, checkout.amount_minor, checkout.currency, status),
        )
        return payment

    def pending_payment(self, checkout: Checkout) -> dict[str, Any] | None:
        row = self._db.execute(
            "SELECT id FROM payments WHERE checkout_id = ? AND status = 'processing' ORDER BY id DESC LIMIT 1",
            (checkout.id,),
        ).fetchone()
        if row is None:
            return None
        return {
            "payment_id": row["id"],
            "checkout_id": checkout.id,
            "reference": checkout.reference,
            "amount_minor": checkout.amount_minor,
            "currency": checkout.currency,
            "status": "processing",
        }

    def end_payment(self, payment: dict[str, Any], status: str) -> dict[str, Any]:
        self._db.execute("UPDATE payments SET status = ? WHERE id = ?", (status, payment["payment_id"]))
        return payment | {"status": status}

    def payment(self, payment_id: str) -> dict[str, Any] | None:
        row = self._db.execute(f"{_PAYMENTS} WHERE p.id = ?", (payment_id,)).fetchone()
        return dict(row) if row else None

    def payments(self, checkout_id: str | None = None) -> list[dict[str, Any]]:
        """Return attempts to pay, the newest first: of one visit, or the last hundred."""
        rows = self._db.execute(
            f"{_PAYMENTS} WHERE ? IS NULL OR p.checkout_id = ? ORDER BY p.rowid DESC LIMIT 100",
            (checkout_id, checkout_id),
        )
        return [dict(row) for row in rows]

    def add_trait(self, payment_id: str, outcome: str) -> None:
        """Keep which kind of card pays, for what comes later."""
        self._db.execute("INSERT INTO traits VALUES (?, ?)", (payment_id, outcome))

    def trait(self, payment_id: str) -> str | None:
        row = self._db.execute("SELECT outcome FROM traits WHERE payment_id = ?", (payment_id,)).fetchone()
        return row["outcome"] if row else None

    # --- refunds

    def add_refund(
        self, payment: dict[str, Any], amount_minor: int, reference: str | None, status: str
    ) -> dict[str, Any]:
        refund = {
            "refund_id": new_name("re"),
            "payment_id": payment["payment_id"],
            "reference": reference,
            "amount_minor": amount_minor,
            "currency": payment["currency"],
            "status": status,
        }
        self._db.execute(
            "UPDATE payments SET refunded_minor = refunded_minor + ? WHERE id = ?",
            (amount_minor, payment["payment_id"]),
        )
        self._db.execute(
            "INSERT INTO refunds VALUES (:refund_id, :payment_id, :amount_minor, :currency, :reference, :status)",
            refund,
        )
        if status == "pending":
            self._db.execute("INSERT INTO pending VALUES (?, ?)", (refund["refund_id"], time.time()))
        return refund

    def refund(self, refund_id: str) -> dict[str, Any] | None:
        row = self._db.execute(f"{_REFUNDS} WHERE r.id = ?", (refund_id,)).fetchone()
        return dict(row) if row else None

    def refunds_of(self, payment_id: str) -> list[dict[str, Any]]:
        rows = self._db.execute(f"{_REFUNDS} WHERE r.payment_id = ? ORDER BY r.rowid", (payment_id,))
        return [dict(row) for row in rows]

    def sent_refunds(self) -> list[dict[str, Any]]:
        """Return the last hundred refunds that succeeded, the newest first."""
        rows = self._db.execute(f"{_REFUNDS} WHERE r.status = 'succeeded' ORDER BY r.rowid DESC LIMIT 100")
        return [dict(row) for row in rows]

    def pending_refunds(self) -> list[dict[str, Any]]:
        rows = self._db.execute(f"{_REFUNDS} WHERE r.status = 'pending' ORDER BY made_at")
        return [dict(row) for row in rows]

    def end_refund(self, refund_id: str, status: str) -> dict[str, Any] | None:
        """End a pending refund and return it; None when it isn't pending."""
        return self._change_refund(refund_id, "pending", status)

    def bounce_refund(self, refund_id: str) -> dict[str, Any] | None:
        """Fail a refund that had succeeded and return it; None when it hadn't."""
        return self._change_refund(refund_id, "succeeded", "failed")

    def _change_refund(self, refund_id: str, before: str, status: str) -> dict[str, Any] | None:
        changed = self._db.execute(
            "UPDATE refunds SET status = ? WHERE id = ? AND status = ?", (status, refund_id, before)
        )
        if changed.rowcount != 1 or (refund := self.refund(refund_id)) is None:
            return None
        self._db.execute("DELETE FROM pending WHERE refund_id = ?", (refund_id,))
        if status == "failed":
            self._db.execute(
                "UPDATE payments SET refunded_minor = refunded_minor - ? WHERE id = ?",
                (refund["amount_minor"], refund["payment_id"]),
            )
        return {name: value for name, value in refund.items() if name != "made_at"}

    # --- disputes

    def add_dispute(self, payment: dict[str, Any], amount_minor: int, reason: str, due: float) -> dict[str, Any]:
        dispute_id = new_name("dp")
        self._db.execute(
            "INSERT INTO disputes VALUES (?, ?, ?, ?, ?, ?, 'open', ?)",
            (dispute_id, payment["payment_id"], payment["reference"], amount_minor, payment["currency"], reason, due),
        )
        return self.disputes_of(payment["payment_id"])[0]

    def disputes_of(self, payment_id: str | None = None) -> list[dict[str, Any]]:
        """Return disputes, the newest first: of one payment, or the last hundred."""
        rows = self._db.execute(
            """SELECT id AS dispute_id, payment_id, reference, amount_minor, currency, reason, status, evidence_due_at
               FROM disputes WHERE ? IS NULL OR payment_id = ? ORDER BY rowid DESC LIMIT 100""",
            (payment_id, payment_id),
        )
        return [{**dict(row), "evidence_due_at": when(row["evidence_due_at"])} for row in rows]

    def dispute(self, dispute_id: str) -> dict[str, Any] | None:
        row = self._db.execute("SELECT payment_id FROM disputes WHERE id = ?", (dispute_id,)).fetchone()
        found = self.disputes_of(row["payment_id"]) if row else []
        return next((one for one in found if one["dispute_id"] == dispute_id), None)

    def end_dispute(self, dispute_id: str, status: str) -> dict[str, Any] | None:
        """Decide an open dispute and return it; None when it isn't open."""
        changed = self._db.execute(
            "UPDATE disputes SET status = ? WHERE id = ? AND status = 'open'", (status, dispute_id)
        )
        return self.dispute(dispute_id) if changed.rowcount == 1 else None

    # --- the same key, the same answer

    def answered(self, key: str) -> tuple[str, int, Any] | None:
        row = self._db.execute("SELECT request, status, answer FROM answers WHERE key = ?", (key,)).fetchone()
        return (row["request"], row["status"], json.loads(row["answer"])) if row else None

    def remember(self, key: str, request: str, status: int, answer: Any) -> None:
        self._db.execute("INSERT INTO answers VALUES (?, ?, ?, ?)", (key, request, status, json.dumps(answer)))
