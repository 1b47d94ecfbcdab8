"""Many pieces of work in one transaction, side by side, that share their round trips.

Each piece is a strand: a coroutine with a ``Tx`` of its own on the one connection. Equal statements for which several
strands wait at the same moment travel to the database together, each with its own arguments and its own answer, so a
hundred reactions that are written for one fact each make the round trips of one. The idea is Haxl's (Marlow and others,
"There is no fork", ICFP 2014).

A strand sees what others have written, as any later statement of a transaction does, and statements of different
strands come in any order. What nobody may come between stands in ``Tx.alone``. When one strand fails, all do: the
transaction is lost.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

from shared.db import Row, Tx


async def side_by_side(tx: Tx, works: Sequence[Callable[[Tx], Awaitable[None]]]) -> None:
    """Run all ``works`` in this transaction and return when all are done; raises what the first to fail raised."""
    if len(works) == 1:
        return await works[0](tx)
    try:
        async with asyncio.TaskGroup() as group:
            strands = await tx.split(len(works), lambda connection: _Asked(connection, group))
            for work, strand in zip(works, strands, strict=True):
                group.create_task(_follow(work, strand))
    except BaseExceptionGroup as failed:
        raise failed.exceptions[0] from None


async def _follow(work: Callable[[Tx], Awaitable[None]], strand: Tx) -> None:
    await work(strand)
    await strand.catch_up()


_Run = Callable[[str, Sequence[Any]], Awaitable[Sequence[Any]]]


class _Asked:
    """What the strands of one transaction have asked the database; it stands where their connection would."""

    def __init__(self, connection: Any, group: asyncio.TaskGroup) -> None:
        self._connection = connection
        self._group = group
        self._waiting: dict[tuple[_Run, str], list[tuple[Any, asyncio.Future[Any]]]] = {}
        self._asking = False

    async def fetch(self, sql: str, *args: Any) -> list[Row]:
        rows: list[Row] = await self._answer(self._fetch, sql, args)
        return rows

    async def fetchrow(self, sql: str, *args: Any) -> Row | None:
        rows = await self.fetch(sql, *args)
        return rows[0] if rows else None

    async def fetchval(self, sql: str, *args: Any) -> Any:
        row = await self.fetchrow(sql, *args)
        return row[0] if row else None

    async def execute(self, sql: str, *args: Any) -> None:
        await self._answer(self._execute, sql, [args])

    async def executemany(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        await self._answer(self._execute, sql, list(rows))

    def _answer(self, run: _Run, sql: str, call: Any) -> asyncio.Future[Any]:
        answer = asyncio.get_running_loop().create_future()
        self._waiting.setdefault((run, sql), []).append((call, answer))
        if not self._asking:
            self._asking = True
            self._group.create_task(self._ask())  # begins when every strand that can go on has asked, too
        return answer

    async def _ask(self) -> None:
        while self._waiting:
            run, sql = first = next(iter(self._waiting))
            calls, answers = zip(*self._waiting.pop(first), strict=True)
            try:
                for answer, result in zip(answers, await run(sql, calls), strict=True):
                    if not answer.done():  # given up when another strand failed
                        answer.set_result(result)
            except Exception as error:  # noqa: BLE001 - whoever asked raises it
                for answer in answers:
                    if not answer.done():
                        answer.set_exception(error)
            await asyncio.sleep(0)  # lets those who have their answers ask again
        self._asking = False

    async def _execute(self, sql: str, calls: Sequence[Sequence[Sequence[Any]]]) -> Sequence[None]:
        await self._connection.executemany(sql, [row for rows in calls for row in rows])
        return [None] * len(calls)

    async def _fetch(self, sql: str, calls: Sequence[Sequence[Any]]) -> Sequence[Sequence[Row]]:
        numbered = _numbered(sql, len(calls[0]))
        if len(calls) == 1 or numbered is None:
            return [await self._connection.fetch(sql, *args) for args in calls]
        answers: list[list[Row]] = [[] for _ in calls]
        args = [(*args, number) for number, args in enumerate(calls)]
        for row in await self._connection.fetchmany(numbered, args, record_class=_Numbered):
            answers[row["strand"]].append(row)
        return answers


@lru_cache(maxsize=1024)
def _numbered(sql: str, arguments: int) -> str | None:
    """Return ``sql`` with one argument more, a number that each of its rows bears last; None where that can't be."""
    verb, number = sql.split(maxsplit=1)[0].upper(), f"${arguments + 1}::int AS strand"
    if verb == "SELECT":
        return f"SELECT asked.*, {number} FROM ({sql}) AS asked"
    if verb in ("INSERT", "UPDATE", "DELETE"):
        return f"WITH asked AS ({sql}) SELECT asked.*, {number} FROM asked"
    return None


class _Numbered(Row):
    """A row as whoever asked knows it: the number isn't seen."""

    def keys(self) -> Iterator[str]:
        return itertools.islice(super().keys(), len(self))

    def values(self) -> Iterator[Any]:
        return itertools.islice(super().values(), len(self))

    def items(self) -> Iterator[tuple[str, Any]]:
        return itertools.islice(super().items(), len(self))

    def __iter__(self) -> Iterator[Any]:
        return self.values()

    def __len__(self) -> int:
        return super().__len__() - 1
