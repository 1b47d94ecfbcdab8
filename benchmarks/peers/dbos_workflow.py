"""DBOS: the same three-step workflow as a durable DBOS workflow of three steps, one workflow a case.

Its fewest checkpoints: all reactions of a step, side by side in the databases they belong to, are one ``@DBOS.step``;
they are harmless when run again, so a step may be at least once. Facts pass as the steps' results: no Kafka, no outbox,
no inbox, and reactions speak asyncpg as ours do. Workflows are asynchronous, started with their case's id, up to 50 at
a time; each service's pool has 10 connections, so that steps of different cases run side by side.
"""

import asyncio
import time
from collections import defaultdict
from typing import Any

from dbos import DBOS, DBOSConfig, SetWorkflowID

from benchmarks import workflow
from benchmarks.workflow import Kind, Urls
from shared.backbone import outbox
from shared.backbone.inbox import Reaction, Reactions
from shared.db import Database
from shared.envelope import read_fact
from shared.events import Fact

AT_A_TIME = 50
Told = list[tuple[str, str]]
_tables: dict[str, Reactions] = {}
_dbs: dict[str, Database] = {}


@DBOS.workflow()
async def follow_case(told: Told) -> None:
    """Pay, collect, advise."""
    told = await pay(told)
    told = await collect(told)
    await advise(told)


@DBOS.step()
async def pay(told: Told) -> Told:
    return await _react(told)


@DBOS.step()
async def collect(told: Told) -> Told:
    return await _react(told)


@DBOS.step()
async def advise(told: Told) -> Told:
    return await _react(await _react(told))


async def _react(told: Told) -> Told:
    facts = [fact for kind, value in told if (fact := read_fact(kind, value)) is not None]
    due: defaultdict[str, list[tuple[Reaction, Fact]]] = defaultdict(list)
    for name, table in _tables.items():
        for fact in facts:
            if type(fact) in table:
                due[name].append((table[type(fact)], fact))
    answers = await asyncio.gather(*(_in_one_transaction(_dbs[name], some) for name, some in due.items()))
    return [(fact.type_name(), fact.model_dump_json()) for some in answers for fact in some]


async def _in_one_transaction(db: Database, due: list[tuple[Reaction, Fact]]) -> list[Fact]:
    async with db.transaction() as tx:
        for reaction, fact in due:
            await reaction(fact, tx)
        if outbox.flush in tx.before_commit:
            tx.before_commit.remove(outbox.flush)  # the step's result tells the facts on
        return [unsent.fact for unsent in tx.unsent if not unsent.fact.topic.startswith("partner")]


async def follow_cases(urls: Urls, kind: Kind, system_url: str, warm: int, cases: int) -> float:
    """Take a few cases and then so many through the workflow; return how many seconds these took."""
    config: DBOSConfig = {
        "name": "bench", "system_database_url": system_url, "log_level": "WARNING", "sys_db_pool_size": 20,
    }  # fmt: skip
    DBOS(config=config)
    DBOS.launch()
    turns = asyncio.Semaphore(AT_A_TIME)

    async def one() -> Any:
        facts = workflow.first_facts()
        async with turns:
            with SetWorkflowID(str(facts[0].case_id)):
                told = [(fact.type_name(), fact.model_dump_json()) for fact in facts]
                handle = await DBOS.start_workflow_async(follow_case, told)
            return await handle.get_result()

    try:
        async with workflow.connected(urls, 10) as dbs:
            _dbs.update(dbs)
            _tables.update({name: workflow.reactions(name, kind) for name in urls})
            await asyncio.gather(*(one() for _ in range(warm)))
            start = time.monotonic()
            await asyncio.gather(*(one() for _ in range(cases)))
            return time.monotonic() - start
    finally:
        DBOS.destroy()
