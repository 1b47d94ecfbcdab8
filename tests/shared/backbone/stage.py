"""A toy service with topics of its own, whose workers are processes, or run in the test's own."""

import asyncio
import dataclasses
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from shared import topics
from shared.backbone import worker
from shared.backbone.inbox import Arrival
from shared.ids import CaseId
from shared.service import Context
from tests.support import kafka_topics
from tests.support.processes import eventually, running
from tests.support.service import ServiceUnderTest

MODULE = "tests.shared.backbone.toy"


class Stage:
    """The toy, its broker and the topics' prefix."""

    def __init__(self, toy: ServiceUnderTest, bootstrap: str, prefix: str, folder: Path) -> None:
        self.toy, self.bootstrap, self.prefix, self.folder = toy, bootstrap, prefix, folder
        self.environment = {
            "TOY_DATABASE_URL": toy.database_url, "KAFKA_BOOTSTRAP": bootstrap, "KAFKA_PREFIX": prefix,
            "TOY_SESSION_MS": "1000",  # so long the group waits for each that died
        }  # fmt: skip

    @property
    def ctx(self) -> Context:
        """The toy's context, which knows these topics."""
        here = {"kafka_bootstrap": self.bootstrap, "kafka_prefix": self.prefix}
        return dataclasses.replace(self.toy.ctx, platform=self.toy.ctx.platform.model_copy(update=here))

    def worker(self, name: str = "worker", **environment: str | None):  # type: ignore[no-untyped-def]
        """Lend a worker that is a process: to kill, freeze or stop."""
        told = {**self.environment, **environment}
        return running(MODULE, "worker", log=self.folder / f"{name}.log", environment=told)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Have a worker run in this process, and end in good order: cheaper than a process of its own."""
        stop = asyncio.Event()
        running = asyncio.create_task(worker.run(self.ctx, stop))
        try:
            yield
        finally:
            stop.set()
            await running

    async def send(self, *arrivals: Arrival) -> None:
        """Put records into their topics."""
        await kafka_topics.send(self.bootstrap, self.prefix, *arrivals)

    async def heard_by_case(self) -> dict[CaseId, list[str]]:
        """Return what was done for each case, in alphabetical order."""
        found: defaultdict[CaseId, list[str]] = defaultdict(list)
        for row in await self.toy.fetch("SELECT case_id, what FROM heard ORDER BY what"):
            found[row["case_id"]].append(row["what"])
        return found

    async def heard(self, case_id: CaseId) -> list[str]:
        """Return what was done for a case, in order."""
        rows = await self.toy.fetch("SELECT what FROM heard WHERE case_id = $1 ORDER BY id", case_id)
        return [row["what"] for row in rows]

    async def told(self) -> list[Arrival]:
        """Return what was sent to Kafka."""
        return await kafka_topics.records_in(self.bootstrap, self.prefix, topics.BILLING)

    async def settled(self, expected: Mapping[CaseId, Iterable[str]], *, within: float = 60.0) -> None:
        """Wait until exactly this was done for these cases."""

        async def as_expected() -> bool:
            found = await self.heard_by_case()
            return all(found[case] == sorted(what) for case, what in expected.items())

        await eventually(as_expected, within=within, what="every fact applied once")

    async def until_count(self, table: str, n: int) -> None:
        """Wait until a table has so many rows."""

        async def so_many() -> bool:
            return await self.toy.count(table) == n

        await eventually(so_many, within=30, what=f"{n} rows in {table}")

    async def until_told(self, n: int) -> None:
        """Wait until so many records stand in the toy's topic."""

        async def so_many() -> bool:
            return len(await self.told()) == n

        await eventually(so_many, within=30, every=0.2, what=f"{n} records told")

    async def all_is_sent(self, *, within: float = 30.0) -> None:
        """Wait until nothing waits for Kafka but what it refuses."""

        async def none() -> bool:
            asked = "SELECT count(*) AS n FROM outbox WHERE published_at IS NULL AND refused IS NULL"
            return bool((await self.toy.fetch(asked))[0]["n"] == 0)

        await eventually(none, within=within, what="all is sent")


def id_of(arrival: Arrival) -> Any:
    """Return the id of a record's fact."""
    return dict(arrival.headers)["ce_id"]


def sequence_of(arrival: Arrival) -> int:
    """Return the number of a record's fact."""
    return int(dict(arrival.headers)["ce_sequence"] or 0)
