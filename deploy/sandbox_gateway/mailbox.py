"""The messages that the sandbox provider has still to deliver, and those that it has."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

_TABLE = """
CREATE TABLE IF NOT EXISTS deliveries (n INTEGER PRIMARY KEY, webhook_id TEXT, body TEXT, due REAL,
    attempts INTEGER DEFAULT 0, done INTEGER DEFAULT 0);
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message on its way; a duplicate has the same ``webhook_id``."""

    n: int
    webhook_id: str
    body: str
    attempts: int


class Mailbox:
    """Deliveries in the provider's database: one is put there with what it tells of."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._db.executescript(_TABLE)

    def add(self, webhook_id: str, body: str, due: float) -> None:
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
