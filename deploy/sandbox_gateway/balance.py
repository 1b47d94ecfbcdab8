"""The merchant's balance at the sandbox provider: every movement, as its report has them, and what was paid out of it."""

import sqlite3
import time
from typing import Any

from deploy.sandbox_gateway.names import new_name, when

_TABLES = """
CREATE TABLE IF NOT EXISTS movements (n INTEGER PRIMARY KEY, id TEXT UNIQUE, kind TEXT, object_id TEXT, payment_id TEXT,
    reference TEXT, amount_minor INTEGER, currency TEXT, at REAL);
CREATE TABLE IF NOT EXISTS payouts (id TEXT PRIMARY KEY, amount_minor INTEGER, currency TEXT, status TEXT);
"""


class Balance:
    """Movements and payouts in the provider's database."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._db.executescript(_TABLES)

    def add_movement(
        self,
        id_: str,
        kind: str,
        object_id: str,
        payment_id: str | None,
        reference: str | None,
        amount_minor: int,
        currency: str,
    ) -> None:
        self._db.execute(
            """INSERT INTO movements (id, kind, object_id, payment_id, reference, amount_minor, currency, at)
               VALUES (?, ?, ?, ?, ?, ?, ?, ?)""",
            (id_, kind, object_id, payment_id, reference, amount_minor, currency, time.time()),
        )

    def standing(self) -> dict[str, int]:
        """Return what is the merchant's here, by currency."""
        rows = self._db.execute("SELECT currency, sum(amount_minor) AS minor FROM movements GROUP BY currency")
        return {row["currency"]: row["minor"] for row in rows}

    def add_payout(self, amount_minor: int, currency: str) -> dict[str, Any]:
        payout = {"payout_id": new_name("po"), "amount_minor": amount_minor, "currency": currency, "status": "paid"}
        self._db.execute("INSERT INTO payouts VALUES (:payout_id, :amount_minor, :currency, :status)", payout)
        return payout

    def payouts(self) -> list[dict[str, Any]]:
        """Return the last hundred payouts, the newest first."""
        rows = self._db.execute(
            "SELECT id AS payout_id, amount_minor, currency, status FROM payouts ORDER BY rowid DESC LIMIT 100"
        )
        return [dict(row) for row in rows]

    def fail_payout(self, payout_id: str) -> dict[str, Any] | None:
        """Take back a payout that was paid and return it; None when it wasn't."""
        changed = self._db.execute(
            "UPDATE payouts SET status = 'failed' WHERE id = ? AND status = 'paid'", (payout_id,)
        )
        return (
            next((one for one in self.payouts() if one["payout_id"] == payout_id), None) if changed.rowcount else None
        )

    def movements(self, start: float, end: float) -> list[dict[str, Any]]:
        """Return what moved from ``start`` until before ``end``, oldest first."""
        rows = self._db.execute(
            """SELECT id, kind, object_id, payment_id, reference, amount_minor, currency, at FROM movements
               WHERE at >= ? AND at < ? ORDER BY n""",
            (start, end),
        )
        return [{**dict(row), "at": when(row["at"])} for row in rows]
