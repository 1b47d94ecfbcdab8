"""Work side by side in one transaction: each its own answer, few round trips, and all of it or none."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
import pytest

from shared import telemetry
from shared.backbone import outbox
from shared.db import Database, Row, Tx
from shared.ids import CaseId, new_id
from shared.strands import side_by_side
from tests.shared.backbone.toy import refund
from tests.support.facts import a_case, paid, withdrawn
from tests.support.service import ServiceUnderTest

TABLE = "CREATE TABLE IF NOT EXISTS things (name text PRIMARY KEY, size int, said jsonb)"


@pytest.fixture
async def db(toy: ServiceUnderTest) -> Database:
    async with toy.ctx.db.transaction() as tx:
        await tx.execute(TABLE)
        rows = [("pebble", 1, {"is": ["small"]}), ("rock", 20, None), ("cliff", 300, {})]
        await tx.executemany("INSERT INTO things VALUES ($1, $2, $3)", rows)
    return toy.ctx.db


async def _together(db: Database, *works: Callable[[Tx], Awaitable[Any]]) -> list[Any]:
    """Run works side by side in a transaction and return what each returned, in their order."""
    answers: list[Any] = [None] * len(works)

    def keeping(place: int) -> Callable[[Tx], Awaitable[None]]:
        async def work(tx: Tx) -> None:
            answers[place] = await works[place](tx)

        return work

    async with db.transaction() as tx:
        await side_by_side(tx, [keeping(place) for place in range(len(works))])
    return answers


def _asking(how: str, sql: str, *many: Sequence[Any]) -> list[Callable[[Tx], Awaitable[Any]]]:
    def one(args: Sequence[Any]) -> Callable[[Tx], Awaitable[Any]]:
        return lambda tx: getattr(tx, how)(sql, *args)

    return [one(args) for args in many]


async def _names(db: Database) -> list[str]:
    async with db.reading() as tx:
        return [row["name"] for row in await tx.fetch("SELECT name FROM things ORDER BY name")]


async def test_each_gets_the_answer_to_its_own_question(db: Database) -> None:
    asked = "SELECT name, size FROM things WHERE size >= $1 ORDER BY size"
    answers = await _together(db, *_asking("fetch", asked, [20], [1000], [1]))
    assert [[tuple(row) for row in rows] for rows in answers] == [
        [("rock", 20), ("cliff", 300)], [], [("pebble", 1), ("rock", 20), ("cliff", 300)],
    ]  # fmt: skip
    assert await _together(db, *_asking("fetchval", "SELECT size FROM things WHERE name = $1", ["rock"], ["sand"])) == [
        20, None,
    ]  # fmt: skip


async def test_a_row_looks_as_it_does_alone(db: Database) -> None:
    sql = "SELECT * FROM things WHERE name = $1 FOR UPDATE"
    async with db.transaction() as tx:
        alone = await tx.fetchrow(sql, "pebble")
    shared, nothing = await _together(db, *_asking("fetchrow", sql, ["pebble"], ["sand"]))
    assert nothing is None
    assert alone is not None
    for looked_at in (dict, tuple, list, len, lambda row: dict(**row), lambda row: list(row.values()), _by_place):
        assert looked_at(shared) == looked_at(alone)


def _by_place(row: Row) -> Any:
    return list(row.keys()), list(row.items()), row[0], row["said"], row.get("nothing", "default")


async def test_writes_of_each_kind_do_what_they_do_alone(db: Database) -> None:
    insert = "INSERT INTO things VALUES ($1, $2) ON CONFLICT DO NOTHING"
    assert await _together(db, *_asking("changed", insert, ["rock", 9], ["sand", 0])) == [0, 1]
    grow = "UPDATE things SET size = size + $2 WHERE name = $1 RETURNING size"
    assert await _together(db, *_asking("fetchval", grow, ["sand", 5], ["rock", 1], ["moon", 1])) == [5, 21, None]
    in_with = "WITH gone AS (DELETE FROM things WHERE name = $1 RETURNING size) SELECT coalesce(sum(size), 0) FROM gone"
    assert await _together(db, *_asking("fetchval", in_with, ["sand"], ["moon"])) == [5, 0]
    await _together(db, *_asking("execute", "DELETE FROM things WHERE name = $1", ["rock"], ["cliff"]))
    rows = [[("a", 1), ("b", 2)], [], [("c", 3)]]
    await _together(db, *_asking("executemany", "INSERT INTO things VALUES ($1, $2)", *([some] for some in rows)))
    assert await _names(db) == ["a", "b", "c", "pebble"]


async def test_what_waits_is_written_before_its_strand_reads_and_at_its_end(db: Database) -> None:
    def putting(name: str) -> Callable[[Tx], Awaitable[int]]:
        async def put(tx: Tx) -> int:
            await tx.late.execute("INSERT INTO things VALUES ($1, 1)", name)
            found = await tx.changed("UPDATE things SET size = 2 WHERE name = $1", name)
            tx.later("UPDATE things SET size = 3 WHERE name = $1", name)
            return found

        return put

    assert await _together(db, putting("a"), putting("b")) == [1, 1]
    async with db.reading() as tx:
        assert await tx.fetchval("SELECT count(*) FROM things WHERE size = 3") == 2


async def test_a_hundred_make_the_round_trips_of_one(db: Database) -> None:
    async def work(tx: Tx) -> None:
        await tx.fetchval("SELECT size FROM things WHERE name = 'rock'")
        await tx.execute("UPDATE things SET size = size + 1 WHERE name = 'rock'")

    async with db.transaction() as tx:
        await tx.catch_up()
        sent: list[str] = []
        with tx._connection.query_logger(lambda query: sent.append(query.query)):
            await side_by_side(tx, [work] * 100)
        assert await tx.fetchval("SELECT size FROM things WHERE name = 'rock'") == 120
    assert len(sent) == 2


async def test_strands_that_part_go_on_side_by_side(db: Database) -> None:
    def work(name: str, steps: int) -> Callable[[Tx], Awaitable[None]]:
        async def walk(tx: Tx) -> None:
            for step in range(steps):
                await asyncio.sleep(0.001 * (steps % 3))
                await tx.execute("INSERT INTO things VALUES ($1, $2)", f"{name}{step}", step)

        return walk

    await _together(db, *(work(f"{steps}-", steps) for steps in range(7)))
    assert len(await _names(db)) == 3 + sum(range(7))


async def test_nobody_comes_between_in_a_block_that_is_alone(db: Database) -> None:
    async def count_on(tx: Tx) -> None:
        async with tx.alone("things"):
            most = await tx.fetchval("SELECT max(size) FROM things")
            await asyncio.sleep(0)
            await tx.late.execute("INSERT INTO things VALUES ($1, $2)", f"n{most + 1}", most + 1)

    async def beside(many: int) -> None:
        async with db.transaction() as tx:
            await side_by_side(tx, [count_on] * many)

    await asyncio.gather(beside(5), beside(1), beside(4))
    assert {name for name in await _names(db) if name[0] == "n"} == {f"n{size}" for size in range(301, 311)}


async def test_the_first_that_fails_says_why_and_nothing_is_kept(db: Database) -> None:
    async def put(tx: Tx) -> None:
        await tx.execute("INSERT INTO things VALUES ($1, 1)", str(new_id()))
        await asyncio.sleep(30)

    async def fail(tx: Tx) -> None:
        await tx.fetch("SELECT 1")
        raise own

    own = LookupError("no such stone")
    with pytest.raises(LookupError) as raised:
        async with asyncio.timeout(5):
            await _together(db, put, put, fail)
    assert raised.value is own
    with pytest.raises(asyncpg.UniqueViolationError):
        await _together(db, *_asking("execute", "INSERT INTO things VALUES ($1)", ["a"], ["b"], ["rock"], ["c"]))
    assert await _names(db) == ["cliff", "pebble", "rock"]


async def test_what_each_tells_is_told_and_goes_on_with_its_own_trace(toy: ServiceUnderTest) -> None:
    def telling(case_id: CaseId, trace: str) -> Callable[[Tx], Awaitable[Any]]:
        async def tell(tx: Tx) -> None:
            with telemetry.continuing(f"00-{trace}-00f067aa0ba902b7-01", "tell"):
                await tx.fetch("SELECT 1")
                outbox.append(tx, refund(case_id, tx))

        return tell

    told = {a_case(): new_id().hex for _ in range(5)}
    await _together(toy.ctx.db, *(telling(case_id, trace) for case_id, trace in told.items()))
    rows = await toy.fetch("SELECT case_id, traceparent FROM outbox")
    assert {row["case_id"]: row["traceparent"].split("-")[1] for row in rows} == told


async def test_reactions_of_a_batch_run_side_by_side_and_a_case_in_its_order(toy: ServiceUnderTest) -> None:
    together = [a_case() for _ in range(20)]
    arrivals = [toy.arrival(paid(case, revision=revision)) for revision in (1, 2, 3) for case in together]
    arrivals += [toy.arrival(withdrawn(case)) for case in together]
    assert await toy.applies(*arrivals) == 80
    for case in together:
        heard = await toy.fetch("SELECT what FROM heard WHERE case_id = $1 ORDER BY id", case)
        assert [row["what"] for row in heard] == ["paid 1", "paid 2", "paid 3", "withdrawn"]
