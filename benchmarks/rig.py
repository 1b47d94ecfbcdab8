"""What every bench stands on: a real PostgreSQL that writes durably, a real Kafka, fresh databases and fresh topics."""

import asyncio
import contextlib
import logging
import multiprocessing
import os
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from deploy.local.kafka import LocalKafka
from deploy.local.places import state
from deploy.local.postgres import LocalPostgres
from shared import log
from shared.collector import spare_the_collector
from shared.ids import new_id
from shared.migrations import migrate
from shared.service import BACKBONE_MIGRATIONS
from shared.settings import PlatformSettings
from tests.support import kafka_topics


@dataclass(frozen=True)
class Rig:
    """Where the servers are; ``postgres`` is an administrator's address. It travels to other processes."""

    postgres: str
    kafka: str

    async def topics(self) -> PlatformSettings:
        """Make all topics under a new prefix, and return the settings that lead there."""
        return PlatformSettings(kafka_bootstrap=self.kafka, kafka_prefix=await kafka_topics.create(self.kafka))

    @contextlib.asynccontextmanager
    async def database(self, *migrations: Path) -> AsyncIterator[str]:
        """Lend an empty database with the backbone's tables and those of ``migrations``; it is dropped at the end."""
        name = f"bench_{new_id().hex}"
        admin = await asyncpg.connect(self.postgres)
        try:
            await admin.execute(f"CREATE DATABASE {name}")
            url = f"{self.postgres.rsplit('/', 1)[0]}/{name}"
            if migrations:
                await migrate(url, migrations)
            yield url
        finally:
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
            await admin.close()


BACKBONE = BACKBONE_MIGRATIONS


@contextlib.contextmanager
def rig(*, kafka: bool = True) -> Iterator[Rig]:
    """Lend the servers that TEST_DATABASE_URL and TEST_KAFKA_BOOTSTRAP name, else local ones, thrown away at the end."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="consilium-bench-")))
        folder.chmod(0o711)  # PostgreSQL's own user passes through when we are root
        postgres, broker = os.environ.get("TEST_DATABASE_URL"), os.environ.get("TEST_KAFKA_BOOTSTRAP")
        if postgres is None:
            postgres = stack.enter_context(LocalPostgres(folder / "postgres")).url()
        if broker is None and kafka:
            broker = stack.enter_context(LocalKafka(folder / "kafka", remembered=state() / "kafka.jars")).bootstrap
        yield Rig(postgres, broker or "")


def settle() -> None:
    """Make a process that measures, or is measured, as a worker's is, peers' included; only our own warnings come through.

    A broker whose topics are a second old makes its clients grumble.
    """
    spare_the_collector()
    log.configure("bench", level="warning", style="console")
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)


@contextlib.contextmanager
def beside(work: Callable[..., None], *args: Any) -> Iterator[None]:
    """Run ``work`` in a process of its own until the block ends: told by SIGTERM, and killed after 10 s."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=args, daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join(10)
        process.kill()


async def eventually(ask: Callable[[], Any], *, within: float, every: float = 0.05) -> None:
    """Wait until ``ask()`` is true; raises ``TimeoutError``."""
    async with asyncio.timeout(within):
        while not await ask():  # noqa: ASYNC110 - what is asked stands in a database
            await asyncio.sleep(every)


def percentile(values: Sequence[float], part: float) -> float:
    """Return the value that ``part`` of all don't exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]
