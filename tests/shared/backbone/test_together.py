"""Writes that go out together: all of them or none, in one statement, and part of their transaction."""

import asyncpg
import pytest

from shared.backbone import timers
from shared.ids import CaseId, new_id
from tests.support.service import ServiceUnderTest


async def _write(toy: ServiceUnderTest, *names: str) -> None:
    case_id = CaseId(new_id())
    async with toy.ctx.db.transaction() as tx:
        for name in names:
            tx.later("INSERT INTO timers (case_id, name, due) VALUES ($1, $2, $3)", case_id, name, tx.now)
        await tx.late.executemany(
            "INSERT INTO worker_reports (part, as_of, ok, said) VALUES ($2, $1, true, $3)",
            [(tx.now, f"{name} told", {"it": name}) for name in names],
        )


async def test_each_write_gets_its_own_arguments(toy: ServiceUnderTest) -> None:
    await _write(toy, *"abcdefghijkl")
    assert [row["name"] for row in await toy.fetch("SELECT name FROM timers ORDER BY name")] == [*"abcdefghijkl"]
    told = await toy.fetch("SELECT part, said FROM worker_reports ORDER BY part")
    assert [(row["part"], row["said"]) for row in told] == [(f"{name} told", {"it": name}) for name in "abcdefghijkl"]


async def test_one_that_fails_takes_all_back(toy: ServiceUnderTest) -> None:
    with pytest.raises(asyncpg.UniqueViolationError):
        await _write(toy, "a", "b", "a")
    assert await toy.count("timers") == 0


async def test_nothing_to_write_asks_nothing(toy: ServiceUnderTest) -> None:
    await _write(toy)
    assert await toy.count("timers") == 0


async def test_who_reads_sees_what_was_written_before(toy: ServiceUnderTest) -> None:
    case_id = CaseId(new_id())
    async with toy.ctx.db.transaction() as tx:
        await tx.late.execute("INSERT INTO timers (case_id, name, due) VALUES ($1, 'soon', $2)", case_id, tx.now)
        assert await tx.late.fetchval("SELECT count(*) FROM timers") == 1
        tx.later("UPDATE timers SET name = 'later' WHERE case_id = $1", case_id)
        assert await tx.changed("DELETE FROM timers WHERE name = 'later'") == 1


async def test_a_later_write_reads_what_an_earlier_one_returns(toy: ServiceUnderTest) -> None:
    case_id = CaseId(new_id())
    async with toy.ctx.db.transaction() as tx:
        tx.later(
            "INSERT INTO timers (case_id, name, due) VALUES ($1, 'soon', $2) RETURNING name",
            case_id,
            tx.now,
            name="set",
        )
        tx.later("INSERT INTO worker_reports (part, as_of, ok, said) SELECT name, $1, true, '{}' FROM set", tx.now)
    assert [row["part"] for row in await toy.fetch("SELECT part FROM worker_reports")] == ["soon"]


async def test_what_a_step_leaves_for_the_commit_is_done_at_the_commit(toy: ServiceUnderTest) -> None:
    done = []

    async def finish(_tx: object) -> None:
        done.append(True)

    async with toy.ctx.db.transaction() as tx:
        await timers.set(tx.late, CaseId(new_id()), "soon", due=tx.now)
        tx.late.before_commit.append(finish)
        assert not done
    assert done == [True]
    assert await toy.count("timers") == 1
