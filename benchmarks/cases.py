"""How many whole cases a second go through all five services, beside two other ways to build the same.

What a case is stands in ``benchmarks.workflow``: six facts, three steps, 20 reactions in five databases, the very same
functions for everybody; once the services' own, once lean ones of one statement each.
Who is measured, each alone, in one process with one event loop, on the same PostgreSQL and Kafka:

* Consilium: five relays and five consumers (``peers.consilium``)
* FastStream with SQLAlchemy, a transaction a message, and in batches (``peers.faststream_sqlalchemy``)
* DBOS (``peers.dbos_workflow``)

Measured is the time from the first case's begin until the last reaction of the last case has committed; a few cases go
before, so that processes are warm. Afterwards each service's tables are checked for all that the cases must leave.

The services' own reactions make many statements, which are the same for all; lean ones show what the way of a fact
itself costs (why the target is missed: ``docs/adr/0032``). Errands (mail, HTTP) are written down by
everybody and run by nobody. Nobody here uses the batch form of a reaction.
"""

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ProcessPoolExecutor

from benchmarks import workflow
from benchmarks.report import Figure, load_per_core
from benchmarks.rig import Rig, eventually, settle
from benchmarks.workflow import HEARD_PER_CASE, Kind, Urls
from shared.db import Database
from shared.settings import PlatformSettings

CASES: Mapping[Kind, int] = {"own": 600, "lean": 1000}
WARM = 20
CONTENDERS = ("consilium", "faststream, batches", "faststream, messages", "dbos")
TARGET = 5.0
Deliver = Callable[[Urls, Kind, PlatformSettings, asyncio.Event], Awaitable[None]]


async def run(rig: Rig, scale: float) -> AsyncIterator[Figure]:
    """Measure each contender with 200 cases of the services' own reactions and 500 of lean ones, times ``scale``."""
    for kind, cases in CASES.items():
        rates: dict[str, float] = {}
        for name in CONTENDERS:
            load = load_per_core()
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as alone:
                working = alone.submit(_measure, name, kind, rig, max(20, int(cases * scale)))
                rates[name] = await asyncio.wrap_future(working)
            yield Figure(f"cases, {kind} reactions: {name}", rates[name], "cases/s", load=load)
        ours = rates.pop("consilium")
        best = max(rates, key=lambda name: rates[name])
        times = ours / rates[best]
        yield Figure(f"cases, {kind} reactions: ours to {best}", times, "x", least=TARGET, load=load_per_core())


def _measure(name: str, kind: Kind, rig: Rig, number: int) -> float:
    settle()
    return asyncio.run(_dbos(kind, rig, number) if name == "dbos" else _over_kafka(_deliver(name), kind, rig, number))


def _deliver(name: str) -> Deliver:
    from benchmarks.peers import consilium, faststream_sqlalchemy

    known: dict[str, Deliver] = {
        "consilium": consilium.deliver,
        "faststream, batches": faststream_sqlalchemy.by_batch,
        "faststream, messages": faststream_sqlalchemy.by_message,
    }
    return known[name]


async def _over_kafka(deliver: Deliver, kind: Kind, rig: Rig, number: int) -> float:
    platform = await rig.topics()
    async with workflow.databases(rig) as urls, workflow.connected(urls, 4) as dbs:
        stop = asyncio.Event()
        delivering = asyncio.ensure_future(deliver(urls, kind, platform, stop))
        await _cases(dbs, WARM, WARM)
        start = time.monotonic()
        await _cases(dbs, number, number + WARM)
        took = time.monotonic() - start
        stop.set()
        await delivering
        await workflow.check(dbs, kind, number + WARM)
    return number / took


async def _cases(dbs: dict[str, Database], number: int, expected: int) -> None:
    """Begin so many cases, each in a transaction of its own, and wait until ``expected`` are through."""

    async def begin_some(some: int) -> None:
        for _ in range(some):
            await workflow.begin(dbs["intake"])

    async def all_heard() -> bool:
        for name, heard in HEARD_PER_CASE.items():
            async with dbs[name].reading() as tx:
                if await tx.fetchval("SELECT count(*) FROM inbox") < heard * expected:
                    return False
        return True

    await asyncio.gather(*(begin_some(len(range(n, number, 4))) for n in range(4)))
    await eventually(all_heard, within=120, every=0.1)


async def _dbos(kind: Kind, rig: Rig, number: int) -> float:
    from benchmarks.peers import dbos_workflow

    async with workflow.databases(rig) as urls, rig.database() as system_url, workflow.connected(urls, 1) as dbs:
        took = await dbos_workflow.follow_cases(urls, kind, system_url, WARM, number)
        await workflow.check(dbs, kind, number + WARM)
    return number / took
