"""Migrations run once each, one runner at a time, and never otherwise than they were."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest

from shared.ids import new_id
from shared.migrations import MigrationChanged, migrate
from tests.support.service import run_as_admin, with_database


@pytest.fixture
async def empty(postgres_url: str) -> AsyncIterator[str]:
    """An empty database."""
    name = f"test_migrations_{new_id().hex[12:]}"
    await run_as_admin(postgres_url, f"CREATE DATABASE {name}")
    yield with_database(postgres_url, name)
    await run_as_admin(postgres_url, f"DROP DATABASE {name} WITH (FORCE)")


def _write(folder: Path, name: str, sql: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(sql)


async def test_each_runs_once_however_many_start_at_once(empty: str, tmp_path: Path) -> None:
    folder = tmp_path / "toy" / "migrations"
    _write(folder, "pre_0001_rows.sql", "CREATE TABLE rows (n int); SELECT pg_sleep(0.1); INSERT INTO rows VALUES (1)")
    _write(folder, "post_0002_more.sql", "INSERT INTO rows VALUES (2)")
    ran = await asyncio.gather(*(migrate(empty, [folder]) for _ in range(4)))
    assert sorted(ran) == [[], [], [], ["toy/pre_0001_rows.sql"]]
    assert await migrate(empty, [folder], stage="post") == ["toy/post_0002_more.sql"]
    assert await _numbers(empty) == [1, 2]


async def test_one_that_fails_leaves_nothing_of_itself_and_what_came_before_it(empty: str, tmp_path: Path) -> None:
    folder = tmp_path / "toy" / "migrations"
    _write(folder, "pre_0001_rows.sql", "CREATE TABLE rows (n int); INSERT INTO rows VALUES (1)")
    _write(folder, "pre_0002_wrong.sql", "INSERT INTO rows VALUES (2); SELECT 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(empty, [folder])
    assert await _numbers(empty) == [1]
    _write(folder, "pre_0002_wrong.sql", "INSERT INTO rows VALUES (3)")
    assert await migrate(empty, [folder]) == ["toy/pre_0002_wrong.sql"]


async def test_one_that_was_edited_after_it_ran_is_refused(empty: str, tmp_path: Path) -> None:
    folder = tmp_path / "toy" / "migrations"
    _write(folder, "pre_0001_rows.sql", "CREATE TABLE rows (n int)")
    await migrate(empty, [folder])
    _write(folder, "pre_0001_rows.sql", "CREATE TABLE rows (n bigint)")
    _write(folder, "pre_0002_more.sql", "INSERT INTO rows VALUES (1)")
    with pytest.raises(MigrationChanged, match=r"toy/pre_0001_rows\.sql"):
        await migrate(empty, [folder])
    assert await _numbers(empty) == []


async def _numbers(url: str) -> list[int]:
    connection = await asyncpg.connect(url)
    try:
        return [row["n"] for row in await connection.fetch("SELECT n FROM rows ORDER BY n")]
    finally:
        await connection.close()
