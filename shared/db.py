"""PostgreSQL: one transaction as a value.

A handler is given a ``Tx`` and nothing else, so all it does becomes true together or not at all (style.md, habit 2).
"""

import asyncio
import copy
import re
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar

import asyncpg
from pydantic_core import from_json, to_json

from shared.clock import Clock

Row = asyncpg.Record

AWAY = (
    asyncpg.PostgresConnectionError,
    asyncpg.exceptions.AdminShutdownError,
    asyncpg.exceptions.CrashShutdownError,
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.exceptions.IdleSessionTimeoutError,
    asyncpg.exceptions.IdleInTransactionSessionTimeoutError,
    asyncpg.exceptions.TooManyConnectionsError,
)
"""What is raised when the database can't be reached or is going down: nothing else would do better there."""

TRANSIENT = (
    *AWAY,
    asyncpg.InternalClientError,
    asyncpg.DeadlockDetectedError,
    asyncpg.SerializationError,
    asyncpg.LockNotAvailableError,
    asyncpg.QueryCanceledError,
    asyncpg.exceptions.InsufficientResourcesError,
)
"""What a ``Database`` says when trying the very same again may well succeed: nobody's data or code is at fault.

It holds no ``OSError``, ``TimeoutError`` or ``InterfaceError``: a reaction that raises one of these has a fault of its own.
"""

BARE = (*TRANSIENT, asyncpg.InterfaceError, OSError, TimeoutError)
"""The same of a connection that is held apart from any pool (``listening``)."""

UniqueViolation = asyncpg.UniqueViolationError
"""What a unique constraint refuses; ``constraint_name`` says which."""

T = TypeVar("T")


async def _in_time(asked: Awaitable[T]) -> T:
    """Await the database's answer; one that takes too long is no ``TimeoutError``, which may be the asker's own."""
    try:
        return await asked
    except TimeoutError as late:
        raise asyncpg.QueryCanceledError("the database didn't answer in time") from late


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
        """What this transaction has locked already: cases, and names (``alone``)."""
        self.known: dict[str, Any] = {}
        """What was read once for all of this transaction."""
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._gathered: dict[str, list[Sequence[Any]]] = {}
        self._late: list[_Part] = []
        self._late_args: list[Any] = []

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        """Return all rows."""
        await self.catch_up()
        rows: list[Row] = await _in_time(self._connection.fetch(sql, *args))
        return rows

    async def fetchrow(self, sql: str, *args: Any) -> Row | None:
        """Return the first row, or None."""
        await self.catch_up()
        row: Row | None = await _in_time(self._connection.fetchrow(sql, *args))
        return row

    async def fetchval(self, sql: str, *args: Any) -> Any:
        """Return the first column of the first row, or None."""
        await self.catch_up()
        return await _in_time(self._connection.fetchval(sql, *args))

    async def execute(self, sql: str, *args: Any) -> None:
        """Run a statement."""
        await self.catch_up()
        await _in_time(self._connection.execute(sql, *args))

    async def changed(self, sql: str, *args: Any) -> int:
        """Run an INSERT, UPDATE or DELETE, without RETURNING, and return how many rows it touched."""
        return len(await self.fetch(f"{sql} RETURNING true", *args))

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
        await _in_time(self._connection.executemany(sql, rows))

    def later(self, sql: str, *args: Any, name: str = "") -> None:
        """Write this with whatever else may wait, in one statement: before the next read or write, at the latest at the commit.

        They are parts of one ``WITH``, and ``name`` lets a later part read what this one returns. None sees what another
        wrote, none may touch a row that another touches, and none brings a ``WITH`` that writes. Constraints are checked
        after all of them.
        """
        self._late.append((name or f"w{len(self._late)}", sql, len(self._late_args)))
        self._late_args += args

    async def split(self, many: int, sharing: Callable[[Any], Any]) -> "list[Tx]":
        """Begin, and return this transaction ``many`` times, for work side by side; they ask what ``sharing`` makes of the connection."""
        await self.catch_up()
        strands, shared = [copy.copy(self) for _ in range(many)], sharing(self._connection)
        for strand in strands:
            strand._connection, strand._late, strand._late_args = shared, [], []
        return strands

    @asynccontextmanager
    async def alone(self, name: str, *, beside_others: bool = False) -> AsyncIterator[None]:
        """Let nobody come between: no other work of this transaction into a block of this name, no other transaction until the commit.

        Those that are ``beside_others`` wait for none of their kind. A block in one of the same name would wait for itself.
        """
        lock = "pg_advisory_xact_lock_shared" if beside_others else "pg_advisory_xact_lock"
        async with self._turns[name]:
            if (lock, name) not in self.held:
                await self.execute(f"SELECT {lock}(hashtext($1))", name)
                self.held.add((lock, name))
            yield
            await self.catch_up()

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
        await _in_time(self._connection.executemany(sql, [args]))

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

    async def execute(self, sql: str, *args: Any) -> None:
        self.later(sql, *args)

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
        async with self._lent() as connection, AsyncExitStack() as opened:
            tx = Tx(connection, self.clock.now(), begin=lambda: opened.enter_async_context(_begun(connection)))
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
            self._lent() as connection,
            _begun(connection, isolation="repeatable_read", readonly=True),
        ):
            yield Tx(connection, self.clock.now())

    @asynccontextmanager
    async def _lent(self) -> AsyncIterator[Any]:
        """Lend a connection. One that can't be had or is lost raises what ``AWAY`` holds; a borrower's own error stays."""
        borrowers: Exception | None = None
        try:
            async with self._pool.acquire() as connection:
                try:
                    yield connection
                except Exception as error:
                    borrowers = None if connection.is_closed() else error
                    raise
        except (asyncpg.InterfaceError, OSError, TimeoutError) as error:
            if error is borrowers:
                raise
            raise asyncpg.PostgresConnectionError(f"the database can't be reached: {error!r}") from error


@asynccontextmanager
async def _begun(connection: Any, **options: Any) -> AsyncIterator[None]:
    transaction = connection.transaction(**options)
    await _in_time(transaction.start())
    try:
        yield
    except BaseException:
        await _in_time(transaction.rollback())
        raise
    await _in_time(transaction.commit())


@asynccontextmanager
async def listening(url: str, name: str, channel: str, woken: asyncio.Event, **settings: str) -> AsyncIterator[Any]:
    """Lend a connection apart from any pool; ``woken`` is set when it hears of ``channel``, and when it is lost.

    Raises ``BARE``.
    """
    connection = await asyncpg.connect(
        url, timeout=5, command_timeout=30, server_settings={"application_name": name, **settings},
    )  # fmt: skip
    try:
        connection.add_termination_listener(lambda _: woken.set())
        await connection.add_listener(channel, lambda *_: woken.set())
        yield connection
    finally:
        await connection.close(timeout=2)


async def prepare(connection: Any) -> None:
    """Let ``jsonb`` columns go in and come out as Python values."""
    await connection.set_type_codec(
        "jsonb", encoder=_jsonb, decoder=lambda sent: from_json(sent[1:]), schema="pg_catalog", format="binary"
    )


def _jsonb(value: Any) -> bytes:
    return b"\1" + to_json(value)  # the format's version goes first


async def _leave_as_it_is(_connection: Any) -> None:
    """Spare each transaction asyncpg's round trip that resets a session: ours keep nothing outside their transactions."""
