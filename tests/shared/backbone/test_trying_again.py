"""Whoever tries again goes on for as long as it takes, forgets it once it went well, and hears what it has to hear."""

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared import telemetry, topics
from shared.backbone import housekeeping, kafka, pace, runner
from shared.backbone.consumer import Consumer
from shared.db import TRANSIENT, Database, Row
from tests.shared.backbone.stage import Stage
from tests.support.facts import a_case, confirmed, paid
from tests.support.processes import eventually
from tests.support.service import ServiceUnderTest


@asynccontextmanager
async def going_on(part: Callable[[asyncio.Event], Awaitable[None]]) -> AsyncIterator["asyncio.Future[None]"]:
    """Have a part of a worker run; it is told to stop at the end."""
    stop = asyncio.Event()
    task = asyncio.ensure_future(part(stop))
    try:
        yield task
    finally:
        stop.set()
        await asyncio.wait({task})


def _consumer(stage: Stage) -> Consumer:
    return Consumer("toy", stage.ctx.service.reactions, stage.ctx.db, stage.ctx.platform)


async def _tried_again(stage: Stage, consumer: Consumer) -> None:
    """Return once a reaction has said ``Retry``, or the consumer is over."""
    tried = telemetry.RETRIED.labels("toy")._value
    before = tried.get()
    await stage.send(stage.toy.arrival(confirmed(a_case(), services=("RETRY",))))
    async with going_on(consumer.run) as task:

        async def once_more() -> bool:
            return task.done() or bool(tried.get() > before)

        await eventually(once_more, what="another try")
        assert not task.done(), task.exception()


async def test_a_reaction_may_say_retry_for_days(stage: Stage) -> None:
    consumer, prefix = _consumer(stage), stage.ctx.platform.kafka_prefix
    consumer._retries = {TopicPartition(prefix + topics.INTAKE, n): (5_000, 0.0) for n in range(topics.PARTITIONS)}
    await _tried_again(stage, consumer)


async def test_what_went_well_in_the_end_is_no_reason_to_wait_longer_the_next_time(
    stage: Stage, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    consumer = _consumer(stage)
    await _tried_again(stage, consumer)
    monkeypatch.setenv("TOY_MENDED", "yes")
    async with going_on(consumer.run):
        await stage.until_count("heard", 1)

        async def forgotten() -> bool:
            return consumer._retries == {}

        await eventually(forgotten, within=3, what="a fresh start")


async def test_partitions_that_come_back_are_not_said_to_lag_by_what_another_member_read(
    stage: Stage, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    async def send_some() -> None:
        await stage.send(*(stage.toy.arrival(paid(a_case())) for _ in range(30)))

    first, second = _consumer(stage), _consumer(stage)
    clients = []
    make = kafka.consumer

    def remember(*args: Any, **options: Any) -> AIOKafkaConsumer:
        clients.append(make(*args, **options))
        return clients[-1]

    monkeypatch.setattr(kafka, "consumer", remember)
    async with going_on(first.run):
        await send_some()
        await stage.until_count("heard", 30)
        async with going_on(second.run):
            await eventually(lambda: _shared(*clients), what="each has some")
            await send_some()
            await stage.until_count("heard", 60)
        await eventually(lambda: _has(clients[0], 2 * topics.PARTITIONS), what="all are back")
        await asyncio.sleep(1)  # a poll, and the lag is measured
        assert first.lag == 0


async def _shared(*members: AIOKafkaConsumer) -> bool:
    return len(members) == 2 and all([await _has(member, topics.PARTITIONS) for member in members])


async def _has(member: AIOKafkaConsumer, partitions: int) -> bool:
    return len(member.assignment()) == partitions


async def test_a_runner_whose_ear_was_cut_off_gets_another(toy: ServiceUnderTest) -> None:
    async def ears() -> list[Row]:
        here = "application_name = 'toy-runner' AND datname = current_database()"
        return await toy.fetch(f"SELECT pid FROM pg_stat_activity WHERE {here}")

    async with going_on(lambda stop: runner.run(toy.ctx, stop)):
        first = await eventually(ears, what="an ear")
        async with toy.ctx.db.transaction() as tx:
            await tx.fetch("SELECT pg_terminate_backend($1)", first[0]["pid"])

        async def another() -> bool:
            return bool(found := await ears()) and found != first

        await eventually(another, within=10, what="another ear")


async def test_a_sweep_that_met_an_outage_is_made_up_for_soon(
    toy: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    sweeps: list[int] = []

    async def sweep(_db: Database) -> int:
        sweeps.append(1)
        if len(sweeps) == 1:
            raise TRANSIENT[0]
        return 0

    async def made_up() -> bool:
        return len(sweeps) == 2

    monkeypatch.setattr(housekeeping, "sweep", sweep)
    async with going_on(lambda stop: housekeeping.run(toy.ctx, stop)):
        await eventually(made_up, within=3, what="another sweep")


async def test_a_part_rests_longer_each_time_until_it_has_gone_well_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pace, "FIRST_PAUSE", 0.05)
    monkeypatch.setattr(pace, "LONGEST_PAUSE", 1.0)
    begun: list[float] = []

    async def part() -> None:
        begun.append(time.monotonic())
        if len(begun) == 5:
            await asyncio.sleep(1.1)
        raise OSError("an outage")

    async def six_times() -> bool:
        return len(begun) >= 6

    async with going_on(lambda stop: pace.go_on(part, stop, through=(OSError,), event="part_interrupted")):
        await eventually(six_times, every=0.01, what="six attempts")
    rests = [after - before for before, after in itertools.pairwise(begun)]
    assert rests[3] > 0.3, rests
    assert rests[4] < 1.5, rests
