"""How often something may be asked: buckets of tries in PostgreSQL, so that every replica counts alike and a restart forgets nothing.

A bucket holds so many tries and fills again evenly. One row holds when it will be full; one statement takes a try.
"""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import BeforeValidator

from shared.db import Database

_UNITS = {"s": 1, "min": 60, "h": 3600, "d": 86400}
_SWEEP_ONE_IN = 100


@dataclass(frozen=True, slots=True)
class Rate:
    """So many tries at once, and as many again over `per`."""

    tries: int
    per: timedelta

    @property
    def each(self) -> timedelta:
        return self.per / self.tries

    @classmethod
    def parse(cls, text: object) -> "Rate | None":
        """Read ``20/1h`` or ``300/10min``; ``off`` is no limit. Raises ``ValueError`` saying how to write one."""
        if text is None or isinstance(text, Rate):
            return text
        if text == "off":
            return None
        found = re.fullmatch(r"([1-9]\d{0,6})/([1-9]\d{0,4})(s|min|h|d)", str(text))
        if found is None:
            raise ValueError("write a limit as tries/time, such as 20/1h or 300/10min, or off")
        return cls(int(found[1]), timedelta(seconds=int(found[2]) * _UNITS[found[3]]))


Limit = Annotated[Rate | None, BeforeValidator(Rate.parse)]
"""A setting: ``20/1h``, or ``off``."""


class TooOften(Exception):
    """The bucket is empty; a try is there again after `wait`."""

    def __init__(self, wait: timedelta) -> None:
        super().__init__(f"again in {wait}")
        self.wait = wait


_TAKE = """
INSERT INTO limits AS l (key, full_at) VALUES ($1, $2::timestamptz + $3::interval)
ON CONFLICT (key) DO UPDATE SET full_at = greatest(l.full_at, $2) + $3
    WHERE greatest(l.full_at, $2) + $3 <= $2 + $4::interval
RETURNING full_at
"""
_SWEEP = "DELETE FROM limits WHERE key IN (SELECT key FROM limits WHERE full_at < $1 LIMIT 1000 FOR UPDATE SKIP LOCKED)"


async def take(db: Database, rate: Rate | None, *bucket: str) -> None:
    """Take one try from the bucket of this name, at once and for good: what the caller does next may fail. Raises ``TooOften``."""
    if rate is None:
        return
    key = hashlib.sha256("\0".join(bucket).encode()).digest()
    async with db.transaction() as tx:
        taken = await tx.fetchval(_TAKE, key, tx.now, rate.each, rate.per)
        full_at: datetime | None = (
            None if taken else await tx.fetchval("SELECT full_at FROM limits WHERE key = $1", key)
        )
        if secrets.randbelow(_SWEEP_ONE_IN) == 0:
            await tx.execute(_SWEEP, tx.now)
        now = tx.now
    if full_at is not None:
        raise TooOften(max(full_at + rate.each - rate.per - now, timedelta(seconds=1)))
