"""What goes wrong with the database is told from what goes wrong with who asks it."""

import asyncio

import asyncpg
import pytest

from deploy.local import child
from shared import db
from shared.clock import Clock
from shared.db import AWAY, TRANSIENT, Database
from tests.support.service import ServiceUnderTest, run_as_admin


async def _raise_within(toy: ServiceUnderTest, error: Exception, *, lost_by: str | None = None) -> None:
    """Raise in a transaction whose connection, with an administrator's address, is lost before."""
    async with toy.ctx.db.transaction() as tx:
        backend = await tx.fetchval("SELECT pg_backend_pid()")
        if lost_by is not None:
            await run_as_admin(lost_by, f"SELECT pg_terminate_backend({backend}, 5000)")
        raise error


OWN = [OSError("disk"), TimeoutError("peer"), asyncpg.InterfaceError("pool"), ValueError("value")]


@pytest.mark.parametrize("own", OWN, ids=lambda error: type(error).__name__)
async def test_what_the_asker_raises_stays_what_it_is(toy: ServiceUnderTest, own: Exception) -> None:
    with pytest.raises(type(own)) as raised:
        await _raise_within(toy, own)
    assert raised.value is own
    assert not isinstance(own, TRANSIENT)


async def test_a_connection_that_is_lost_in_the_middle_is_the_database_being_away(
    toy: ServiceUnderTest, postgres_url: str
) -> None:
    with pytest.raises(AWAY):
        await _raise_within(toy, LookupError("whatever was in hand"), lost_by=postgres_url)


async def _ask(database: Database, sql: str, *before: str) -> None:
    async with database.transaction() as tx:
        for statement in before:
            await tx.execute(statement)
        await tx.fetchval(sql)


async def test_a_server_that_is_not_there_is_away() -> None:
    nowhere = await Database.connect(f"postgresql://nobody@127.0.0.1:{child.free_port()}/nothing", Clock())
    with pytest.raises(AWAY):
        await _ask(nowhere, "SELECT 1")


async def test_an_answer_that_takes_too_long_may_come_the_next_time(toy: ServiceUnderTest) -> None:
    with pytest.raises(TRANSIENT) as raised:
        await _ask(toy.ctx.db, "SELECT pg_sleep(5)", "SET LOCAL statement_timeout = 5")
    assert not isinstance(raised.value, AWAY)
    with pytest.raises(TRANSIENT):  # the driver's own patience, which is a minute
        await db._in_time(asyncio.wait_for(asyncio.sleep(5), 0.01))
