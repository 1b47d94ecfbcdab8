"""The broker and the database die under load; what was told arrives once, and work goes on by itself."""

import asyncio
import signal
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from deploy.local.kafka import LocalKafka
from deploy.local.postgres import LocalPostgres
from shared import topics
from shared.backbone import outbox
from shared.db import TRANSIENT, Database
from shared.ids import CaseId
from tests.shared.backbone import toy as toy_module
from tests.support import kafka_topics
from tests.support.facts import a_case, paid
from tests.support.processes import Running, eventually, running
from tests.support.service import ServiceUnderTest, under_test

pytestmark = pytest.mark.timeout(300)
MODULE = "tests.shared.backbone.toy"
ROUNDS, PER_ROUND = 40, 10
KILLABLE = {"fsync": "off"}
"""The machine stays up, so the disk need not be waited for; what is committed has left the server's memory."""


class Ground:
    """A broker and a database that this test may kill, and a toy service on them."""

    def __init__(
        self, kafka: LocalKafka, postgres: LocalPostgres, toy: ServiceUnderTest, prefix: str, folder: Path
    ) -> None:
        self.kafka, self.postgres, self.toy, self.prefix, self.folder = kafka, postgres, toy, prefix, folder

    @asynccontextmanager
    async def worker(self) -> AsyncIterator[Running]:
        environment = {
            "TOY_DATABASE_URL": self.toy.database_url,
            "KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "KAFKA_PREFIX": self.prefix,
        }
        async with running(MODULE, "worker", log=self.folder / "worker.log", environment=environment) as worker:
            await worker.said("relay_active")
            await worker.said("consumer_started")
            yield worker

    async def tell(self, cases: list[CaseId]) -> list[CaseId]:
        """Tell a fact of each case, ten a transaction; return those whose transaction was acknowledged."""
        told: list[CaseId] = []
        for start in range(0, len(cases), PER_ROUND):
            some = cases[start : start + PER_ROUND]
            try:
                async with self.toy.ctx.db.transaction() as tx:
                    for case in some:
                        outbox.append(tx, toy_module.refund(case, tx))
                told += some
            except TRANSIENT:
                await asyncio.sleep(0.2)
            await asyncio.sleep(0.02)
        return told

    async def published(self) -> list[str]:
        """Return the case of every record in the topic that the toy tells in."""
        found = await kafka_topics.records_in(self.kafka.bootstrap, self.prefix, topics.BILLING)
        own = [record for record in found if dict(record.headers)["ce_type"] == b"RefundIssued.v1"]
        return [(record.key or b"").decode() for record in own]

    async def all_marked(self) -> bool:
        """Whether the relay has nothing left to do."""
        try:
            rows = await self.toy.fetch("SELECT count(*) AS n FROM outbox WHERE published_at IS NULL")
        except TRANSIENT:
            return False
        return bool(rows[0]["n"] == 0)


@pytest.fixture
async def ground(platform_environment: pytest.MonkeyPatch, keys_folder: Path) -> AsyncIterator[Ground]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="outage-")))
        folder.chmod(0o711)  # PostgreSQL's user passes through when we are root
        kafka = await stack.enter_async_context(LocalKafka(folder / "kafka"))
        postgres = await stack.enter_async_context(LocalPostgres(folder / "postgres", settings=KILLABLE))
        prefix = await kafka_topics.create(kafka.bootstrap)
        lent = under_test(toy_module.SERVICE, postgres.url(), platform_environment, keys_folder)
        yield Ground(kafka, postgres, await stack.enter_async_context(lent), prefix, folder)


async def test_a_killed_broker_loses_and_doubles_no_fact(ground: Ground) -> None:
    cases = [a_case() for _ in range(ROUNDS * PER_ROUND)]
    async with ground.worker():
        telling = asyncio.create_task(ground.tell(cases))
        await asyncio.sleep(0.4)
        await asyncio.to_thread(ground.kafka.kill)
        await asyncio.sleep(1.0)
        await ground.kafka.start_async()
        assert len(await telling) == len(cases), "telling needs no broker"
        await eventually(ground.all_marked, within=90, what="all facts published after the broker came back")
        heard = a_case()
        await kafka_topics.send(ground.kafka.bootstrap, ground.prefix, ground.toy.arrival(paid(heard)))
        await eventually(lambda: ground.toy.fetch("SELECT 1 FROM heard WHERE case_id = $1", heard), within=60)
    published = await ground.published()
    assert set(published) == {str(case) for case in cases}
    assert len(published) == len(cases), "an idempotent producer writes each record once across a restart of the broker"


@pytest.mark.parametrize("group", [False, True], ids=["postmaster alone", "whole group"])
async def test_a_killed_database_loses_nothing_that_it_acknowledged(ground: Ground, group: bool) -> None:
    cases = [a_case() for _ in range(ROUNDS * PER_ROUND)]
    await kafka_topics.send(
        ground.kafka.bootstrap, ground.prefix, *(ground.toy.arrival(paid(case)) for case in cases[:200])
    )
    async with ground.worker() as worker:
        telling = asyncio.create_task(ground.tell(cases))
        await asyncio.sleep(0.4)
        await asyncio.to_thread(ground.postgres.kill, group=group)
        await asyncio.sleep(1.0)
        await ground.postgres.start_async()
        told = await telling
        assert told, "some transactions were acknowledged"
        await eventually(ground.all_marked, within=60, what="all facts published after the database came back")
        await eventually(lambda: _each_heard_once(ground.toy.ctx.db, cases[:200]), within=60, what="each heard once")
        assert worker.alive
        worker.signal(signal.SIGTERM)
        assert await worker.ended(within=5) == 0
    assert {str(case) for case in told} <= set(await ground.published())


async def _each_heard_once(db: Database, cases: list[CaseId]) -> bool:
    async with db.reading() as tx:
        rows = await tx.fetch("SELECT case_id, count(*) AS n FROM heard GROUP BY case_id")
    assert all(row["n"] == 1 for row in rows), "applied twice"
    return {row["case_id"] for row in rows} == set(cases)
