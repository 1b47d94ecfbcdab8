"""PostgreSQL: one transaction as a value, and numbered SQL migrations.

A handler is given a ``Tx`` and nothing else, so all it does becomes true together or not at all (style.md, habit 2).
"""

import hashlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import asyncpg

from shared.clock import Clock

Row = asyncpg.Record

TRANSIENT = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.InsufficientResourcesError,
    OSError,
    TimeoutError,
)
"""What the database says when trying the very same again may well succeed: nobody's data is at fault."""

UniqueViolation = asyncpg.UniqueViolationError
"""What a unique constraint refuses; ``constraint_name`` says which."""

AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.exceptions.OperatorInterventionError,
    ConnectionError,
)
"""What is raised when the database can't be reached or is going down."""


class Tx:
    """One open transaction; ``now`` is the one instant at which all of it happens.

    ``begin`` opens it in the database, at its first read or write. One that only writes ``later`` never needs it: it is
    one statement, and true together or not at all by itself.
    """

    def __init__(self, connection: Any, now: datetime, begin: Callable[[], Awaitable[Any]] | None = None) -> None:
        self._connection = connection
        self._unbegun = [begin] if begin else []
        self.now = now
        self.before_commit: list[Callable[[Tx], Awaitable[None]]] = []
        self.unsent: list[Any] = []
        self.clocks: dict[Any, datetime | None] = {}
        self.held: set[Any] = set()
        """Which cases this transaction has locked already."""
        self._gathered: dict[str, list[Sequence[Any]]] = {}
        self._late: list[_Part] = []
        self._late_args: list[Any] = []

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        """Return all rows."""
        await self.catch_up()
        rows: list[Row] = await self._connection.fetch(sql, *args)
        return rows

    async def fetchrow(self, sql: str, *args: Any) -> Row | None:
        """Return the first row, or None."""
        await self.catch_up()
        row: Row | None = await self._connection.fetchrow(sql, *args)
        return row

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """Return the first column of the first row, or None."""
        await self.catch_up()
        return await self._connection.fetchval(sql, *args)

    async def execute(self, sql: str, *args: Any) -> str:
        """Run a statement and return its command tag, such as ``UPDATE 1``."""
        await self.catch_up()
        tag: str = await self._connection.execute(sql, *args)
        return tag

    def at_commit(self, sql: str, *row: Any) -> None:
        """Have ``sql`` run once before this commits, with a list per argument: one of each row that was given for it.

        A transaction that applies many facts pays one round trip for all of them. What it writes can't be read before.
        """
        if sql not in self._gathered:
            rows = self._gathered[sql] = []

            async def write(tx: Tx) -> None:
                tx.later(sql, *map(list, zip(*rows, strict=True)))

            self.before_commit.append(write)
        self._gathered[sql].append(row)

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement once per row of arguments."""
        await self.catch_up()
        await self._connection.executemany(sql, rows)

    def later(self, sql: str, *args: Any, name: str = "") -> None:
        """Write this with whatever else may wait, in one statement: before the next read or write, at the latest at the commit.

        They are parts of one ``WITH``, and ``name`` lets a later part read what this one returns. None sees what another
        wrote, none may touch a row that another touches, and none brings a ``WITH`` that writes. Constraints are checked
        after all of them.
        """
        self._late.append((name or f"w{len(self._late)}", sql, len(self._late_args)))
        self._late_args += args

    @property
    def late(self) -> "Tx":
        """This transaction for functions whose writes may wait (``later``); it can be read from as ever."""
        return _Late(self)

    async def catch_up(self) -> None:
        """Write what has waited; whatever comes after is of the same transaction."""
        while self._unbegun:
            await self._unbegun.pop()()
        await self._write()

    async def _write(self) -> None:
        if self._late:
            sql, args = _as_one(tuple(self._late)), [*self._late_args]
            self._late.clear()
            self._late_args.clear()
            await self._send(sql, args)

    async def _send(self, sql: str, args: Sequence[Any]) -> None:
        await self._connection.execute(sql, *args)

    async def finish(self) -> None:
        """Write all that waited for the commit; nothing may follow but the commit itself."""
        for last in self.before_commit:
            await last(self)
        await self._write()


_Part = tuple[str, str, int]
"""A statement that waits: what it is called, how it reads, and how many arguments come before its own."""


class _Late(Tx):
    """What ``late`` lends: takes writes down instead of running them."""

    def __init__(self, tx: Tx) -> None:
        vars(self).update(
            vars(tx)
        )  # one transaction: what waits, and what is to happen at its commit, are the same lists

    async def execute(self, sql: str, *args: Any) -> str:
        self.later(sql, *args)
        return ""

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        for row in rows:
            self.later(sql, *row)


@lru_cache(maxsize=1024)
def _as_one(parts: tuple[_Part, ...]) -> str:
    """Return the statement that does what all parts do; the same parts give the same text, which PostgreSQL has prepared."""
    if len(parts) == 1:
        return parts[0][1]
    named = ", ".join(f"{name} AS ({_counting_from(before, sql)})" for name, sql, before in parts)
    return f"WITH {named} SELECT"


def _counting_from(before: int, sql: str) -> str:
    return _PLACEHOLDER.sub(lambda found: f"${int(found[1]) + before}", sql)


_PLACEHOLDER = re.compile(r"\$(\d+)")


class Database:
    """A service's own database, reached through a pool that never leaves this module's callers for a handler."""

    def __init__(self, pool: Any, clock: Clock) -> None:
        self._pool = pool
        self.clock = clock

    @classmethod
    async def connect(cls, url: str, clock: Clock, *, size: int = 5, name: str = "consilium") -> "Database":
        """Open a pool of at most ``size`` connections, made when they are needed."""
        pool = await asyncpg.create_pool(
            url, min_size=0, max_size=size, init=prepare, reset=_leave_as_it_is, command_timeout=60,
            server_settings={"application_name": name, "idle_in_transaction_session_timeout": "60s"},
        )  # fmt: skip
        return cls(pool, clock)

    async def close(self) -> None:
        """Close the pool, waiting a moment for what is under way."""
        await self._pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Tx]:
        """Open a transaction that commits at the end of the block, or rolls back on any exception."""
        async with self._pool.acquire() as connection, AsyncExitStack() as opened:
            tx = Tx(
                connection,
                self.clock.now(),
                begin=lambda: opened.enter_async_context(connection.transaction()),
            )
            yield tx
            await tx.finish()

    @asynccontextmanager
    async def statements(self) -> AsyncIterator[Tx]:
        """Lend what runs statements each of which is a transaction by itself, and one round trip instead of three."""
        async with self._pool.acquire() as connection:
            yield Tx(connection, self.clock.now())

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Tx]:
        """Open a read-only transaction in which every query sees the same instant."""
        async with (
            self._pool.acquire() as connection,
            connection.transaction(isolation="repeatable_read", readonly=True),
        ):
            yield Tx(connection, self.clock.now())


async def listener(url: str) -> Any:
    """Return a connection to LISTEN on, apart from any pool; whoever asked closes it. Raises ``TRANSIENT``."""
    return await asyncpg.connect(url, timeout=5)


async def prepare(connection: Any) -> None:
    """Let ``jsonb`` columns go in and come out as Python values."""
    await connection.set_type_codec("jsonb", encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def _leave_as_it_is(_connection: Any) -> None:
    """Spare each transaction asyncpg's round trip that resets a session: ours keep nothing outside their transactions."""


MIGRATION_LOCK = 7_203_941

_LEDGER = """
CREATE TABLE IF NOT EXISTS schema_migrations (
    name text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())
"""


class MigrationChanged(Exception):
    """A migration that ran here before reads differently now: add a new one instead of editing it."""


async def migrate(url: str, folders: Sequence[Path], *, stage: str = "pre") -> list[str]:
    """Run the migrations ``<stage>_*.sql`` of ``folders`` that have not run yet, and return their names.

    One runner at a time (advisory lock), each migration in a transaction of its own with lock and statement time-outs,
    so a migration that meets a busy table fails fast instead of queueing everyone behind it. ``pre`` runs before the
    new code starts, ``post`` after the old code is gone.
    """
    connection = await asyncpg.connect(url, server_settings={"lock_timeout": "5s", "statement_timeout": "120s"})
    try:
        await connection.execute("SET lock_timeout = '60s'")
        await connection.execute("SELECT pg_advisory_lock($1)", MIGRATION_LOCK)
        await connection.execute("SET lock_timeout = '5s'")
        await connection.execute(_LEDGER)
        done = {
            row["name"]: row["sha256"] for row in await connection.fetch("SELECT name, sha256 FROM schema_migrations")
        }
        return [
            f"{folder.parent.name}/{file.name}"
            for folder in folders
            for file in sorted(folder.glob(f"{stage}_*.sql"))
            if await _run(connection, f"{folder.parent.name}/{file.name}", file.read_text(encoding="utf-8"), done)
        ]
    finally:
        await connection.close()


async def _run(connection: Any, name: str, sql: str, done: dict[str, str]) -> bool:
    digest = hashlib.sha256(sql.encode()).hexdigest()
    if name in done:
        if done[name] != digest:
            raise MigrationChanged(f"{name} was edited after it ran; restore it and add a new migration instead")
        return False
    async with connection.transaction():
        await connection.execute(sql)
        await connection.execute("INSERT INTO schema_migrations (name, sha256) VALUES ($1, $2)", name, digest)
    return True
