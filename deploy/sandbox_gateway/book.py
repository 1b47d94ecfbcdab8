"""What the sandbox provider remembers: checkouts, payments, refunds and the messages still to be delivered.

SQLite, in a file when told where (it then survives a restart), otherwise in memory. One process, one writer.
"""

import json
import secrets
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TABLES = """
CREATE TABLE IF NOT EXISTS checkouts (id TEXT PRIMARY KEY, amount_minor INTEGER, currency TEXT, reference TEXT,
    return_url TEXT, locale TEXT, status TEXT, expires_at REAL);
CREATE TABLE IF NOT EXISTS payments (id TEXT PRIMARY KEY, checkout_id TEXT, amount_minor INTEGER, currency TEXT,
    status TEXT, refunded_minor INTEGER DEFAULT 0);
CREATE TABLE IF NOT EXISTS refunds (id TEXT PRIMARY KEY, payment_id TEXT, amount_minor INTEGER, currency TEXT,
    reference TEXT, status TEXT);
CREATE TABLE IF NOT EXISTS answers (key TEXT PRIMARY KEY, request TEXT, status INTEGER, answer TEXT);
CREATE TABLE IF NOT EXISTS deliveries (n INTEGER PRIMARY KEY, webhook_id TEXT, body TEXT, due REAL,
    attempts INTEGER DEFAULT 0, done INTEGER DEFAULT 0);
"""


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


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way; a duplicate has the same ``webhook_id``."""

    n: int
    webhook_id: str
    body: str
    attempts: int


class Book:
    """All of it behind plain methods."""

    def __init__(self, file: Path | None) -> None:
        self._db = sqlite3.connect(file or ":memory:", isolation_level=None, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(_TABLES)

    def close(self) -> None:
        self._db.close()

    # --- checkouts and payments

    def open_checkout(
        self, amount_minor: int, currency: str, reference: str, return_url: str, locale: str, lives: float
    ) -> Checkout:
        checkout = Checkout(
            _id("co"), amount_minor, currency, reference, return_url, locale, "open", time.time() + lives
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
            "payment_id": _id("pay"),
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

    def refund(self, payment_id: str, amount_minor: int, currency: str, reference: str) -> dict[str, Any] | str:
        """Send money back, or return the reason why not."""
        row = self._db.execute("SELECT * FROM payments WHERE id = ?", (payment_id,)).fetchone()
        if row is None or row["status"] != "succeeded":
            return "There is no such successful payment."
        if row["currency"] != currency or amount_minor > row["amount_minor"] - row["refunded_minor"]:
            return "That is more than is left of this payment."
        refund = {
            "refund_id": _id("re"),
            "payment_id": payment_id,
            "reference": reference,
            "amount_minor": amount_minor,
            "currency": currency,
            "status": "succeeded",
        }
        self._db.execute(
            "UPDATE payments SET refunded_minor = refunded_minor + ? WHERE id = ?", (amount_minor, payment_id)
        )
        self._db.execute(
            "INSERT INTO refunds VALUES (:refund_id, :payment_id, :amount_minor, :currency, :reference, :status)",
            refund,
        )
        return refund

    # --- the same key, the same answer

    def answered(self, key: str) -> tuple[str, int, Any] | None:
        row = self._db.execute("SELECT request, status, answer FROM answers WHERE key = ?", (key,)).fetchone()
        return (row["request"], row["status"], json.loads(row["answer"])) if row else None

    def remember(self, key: str, request: str, status: int, answer: Any) -> None:
        self._db.execute("INSERT INTO answers VALUES (?, ?, ?, ?)", (key, request, status, json.dumps(answer)))

    # --- messages

    def add_delivery(self, webhook_id: str, body: str, due: float) -> None:
        self._db.execute("INSERT INTO deliveries (webhook_id, body, due) VALUES (?, ?, ?)", (webhook_id, body, due))

    def due(self, now: float) -> list[Delivery]:
        rows = self._db.execute(
            "SELECT n, webhook_id, body, attempts FROM deliveries WHERE NOT done AND due <= ? ORDER BY due, n LIMIT 20",
            (now,),
        )
        return [Delivery(**row) for row in rows]

    def next_due(self) -> float | None:
        due: float | None = self._db.execute("SELECT min(due) FROM deliveries WHERE NOT done").fetchone()[0]
        return due

    def delivered(self, delivery: Delivery) -> None:
        self._db.execute("UPDATE deliveries SET done = 1, attempts = attempts + 1 WHERE n = ?", (delivery.n,))

    def try_again(self, delivery: Delivery, due: float | None) -> None:
        """Set the next attempt; None gives up."""
        self._db.execute(
            "UPDATE deliveries SET attempts = attempts + 1, due = coalesce(?, due), done = ? WHERE n = ?",
            (due, due is None, delivery.n),
        )

    def deliveries(self) -> list[dict[str, Any]]:
        rows = self._db.execute("SELECT n, webhook_id, body, attempts, done FROM deliveries ORDER BY n")
        return [{**dict(row), "body": json.loads(row["body"]), "done": bool(row["done"])} for row in rows]


def _id(prefix: str) -> str:
    return f"{prefix}_{secrets.token_hex(12)}"
