"""What goes wrong with the database is told from what goes wrong with who asks it."""

import asyncio

import asyncpg
import pytest

from deploy.local import child
from shared import db
from shared.clock import Clock
from shared.db import AWAY, TRANSIENT, Database
from tests.support.service import ServiceUnderTest, run_as_admin


async def test_what_the_asker_raises_stays_what_it_is(toy: ServiceUnderTest) -> None:
    for own in (OSError("disk"), TimeoutError("peer"), asyncpg.InterfaceError("pool"), ValueError("value")):
        with pytest.raises(type(own)) as raised:
            async with toy.ctx.db.transaction() as tx:
                await tx.fetchval("SELECT 1")
                raise own
        assert raised.value is own
        assert not isinstance(own, TRANSIENT)


async def test_a_connection_that_is_lost_in_the_middle_is_the_database_being_away(
    toy: ServiceUnderTest, postgres_url: str
) -> None:
    with pytest.raises(AWAY):
        async with toy.ctx.db.transaction() as tx:
            backend = await tx.fetchval("SELECT pg_backend_pid()")
            await run_as_admin(postgres_url, f"SELECT pg_terminate_backend({backend}, 5000)")
            await tx.fetchval("SELECT 1")
    with pytest.raises(AWAY):
        async with toy.ctx.db.transaction() as tx:
            backend = await tx.fetchval("SELECT pg_backend_pid()")
            await run_as_admin(postgres_url, f"SELECT pg_terminate_backend({backend}, 5000)")
            raise LookupError("whatever was in hand")


async def test_a_server_that_is_not_there_is_away() -> None:
    nowhere = await Database.connect(f"postgresql://nobody@127.0.0.1:{child.free_port()}/nothing", Clock())
    with pytest.raises(AWAY):
        async with nowhere.transaction() as tx:
            await tx.fetchval("SELECT 1")
    with pytest.raises(AWAY):
        async with nowhere.reading():
            pass


async def test_an_answer_that_takes_too_long_may_come_the_next_time(toy: ServiceUnderTest) -> None:
    with pytest.raises(TRANSIENT) as raised:
        async with toy.ctx.db.transaction() as tx:
            await tx.execute("SET LOCAL statement_timeout = 5")
            await tx.fetchval("SELECT pg_sleep(5)")
    assert not isinstance(raised.value, AWAY)
    with pytest.raises(TRANSIENT):  # the driver's own patience, which is a minute
        await db._in_time(asyncio.wait_for(asyncio.sleep(5), 0.01))  # noqa: SLF001
