"""A transaction of SQLAlchemy (asyncio, asyncpg) that the services' reactions can be given, statement for statement.

Statements go through ``exec_driver_sql``, SQLAlchemy's shortest way for SQL as text: no ORM, no compilation.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import event
from sqlalchemy.engine import CursorResult
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from shared.db import Tx, prepare


def engine(url: str, size: int) -> AsyncEngine:
    """Return an engine for a service's database; ``jsonb`` goes in and comes out as it does for the reactions."""
    made = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), pool_size=size, max_overflow=0)

    @event.listens_for(made.sync_engine, "connect")
    def prepared(connection: Any, _record: Any) -> None:
        connection.run_async(prepare)

    return made


class SqlAlchemyTx(Tx):
    """Offers what ``Tx`` offers, on an open transaction of SQLAlchemy."""

    def __init__(self, connection: AsyncConnection) -> None:
        super().__init__(connection, datetime.now(UTC))

    async def _run(self, sql: str, args: Sequence[Any]) -> CursorResult[Any]:
        result: CursorResult[Any] = await self._connection.exec_driver_sql(sql, tuple(args))
        return result

    async def fetch(self, sql: str, *args: Any) -> list[Any]:
        return list((await self._run(sql, args)).mappings())

    async def fetchrow(self, sql: str, *args: Any) -> Any:
        return (await self._run(sql, args)).mappings().first()

    async def fetchval(self, sql: str, *args: Any) -> Any:
        return (await self._run(sql, args)).scalar()

    async def execute(self, sql: str, *args: Any) -> None:
        await self._run(sql, args)

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        await self._connection.exec_driver_sql(sql, [tuple(row) for row in rows])

    async def _send(self, sql: str, args: Sequence[Any]) -> None:
        await self._run(sql, args)
