"""Sending what the outbox holds to Kafka: every fact, at least once, each case's facts in their order.

One relay per service is active: the one whose connection holds the advisory lock. PostgreSQL ends that connection when
it falls silent (``idle_session_timeout``), so a relay that froze is replaced within seconds, and learns on waking that
it may no longer mark anything. A fact it sent twice is told apart by its id.
"""

import asyncio
import contextlib
import functools
import itertools
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import asyncpg
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import InvalidMessageError, KafkaError, MessageSizeTooLargeError, RecordTooLargeError
from aiokafka.partitioner import DefaultPartitioner

from shared import log, telemetry
from shared.backbone import failpoints, kafka
from shared.db import BARE, Row
from shared.envelope import Envelope
from shared.settings import PlatformSettings

LOCK = 7_203_942
BATCH = 2_000
POLL_SECONDS = 1.0
SILENCE = "5s"
"""How long the active relay may say nothing to PostgreSQL before another takes over."""

# ARRAY(…) runs once; a plain IN (…) may run again for every row while statistics are stale.
_TAKE = """
SELECT id, event_id, topic, case_id, sequence, type, payload, traceparent, created_at FROM outbox
WHERE id = ANY(ARRAY(
    SELECT id FROM outbox o WHERE published_at IS NULL
      AND NOT EXISTS (
        SELECT FROM outbox r WHERE r.case_id = o.case_id AND r.refused IS NOT NULL AND r.published_at IS NULL)
    ORDER BY id LIMIT $1))
ORDER BY id
"""
_MARK = "UPDATE outbox SET published_at = clock_timestamp() WHERE id = ANY($1)"
_REFUSE = "UPDATE outbox SET refused = $2 WHERE id = $1"
_REFUSED_FOR_GOOD = (MessageSizeTooLargeError, RecordTooLargeError, InvalidMessageError)

T = TypeVar("T")
_log = log.get(__name__)


@dataclass
class _Outcome:
    sent: list[int] = field(default_factory=list)
    refused: dict[int, str] = field(default_factory=dict)


class Relay:
    """The outbox's way to Kafka, for one service."""

    def __init__(self, service: str, database_url: str, settings: PlatformSettings) -> None:
        self._service = service
        self._url = database_url
        self._settings = settings
        self._partition_of = DefaultPartitioner()
        self.active = False

    async def run(self, stop: asyncio.Event) -> None:
        """Relay until ``stop`` is set, starting anew after any failure; what was not marked is sent again."""
        backoff = 0.2
        while not stop.is_set():
            try:
                await self._relay(stop)
                backoff = 0.2
            except (*BARE, KafkaError) as error:
                _log.warning("relay_interrupted", problem=repr(error), again_in_seconds=backoff)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), backoff)
                backoff = min(backoff * 2, 3.0)
            finally:
                self.active = False

    async def _relay(self, stop: asyncio.Event) -> None:
        connection = await asyncpg.connect(
            self._url, timeout=5, command_timeout=30,
            server_settings={
                "application_name": f"{self._service}-relay",
                "idle_session_timeout": SILENCE,
                "synchronous_commit": "off",  # a mark lost in a crash sends a fact again, which its readers know by its id
            },
        )  # fmt: skip
        try:
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
                if await _either(stop, POLL_SECONDS):
                    return
            woken = asyncio.Event()
            connection.add_termination_listener(lambda _: woken.set())
            await connection.add_listener("outbox", lambda *_: woken.set())
            producer = kafka.producer(self._settings, self._service)
            try:
                await self._alive(connection, producer.start())
                self.active = True
                _log.info("relay_active")
                await self._drain(connection, producer, woken, stop)
            finally:
                await asyncio.wait_for(producer.stop(), kafka.patience(stop))
        finally:
            connection.terminate() if connection.is_closed() else await connection.close(timeout=2)

    async def _drain(
        self, connection: Any, producer: AIOKafkaProducer, woken: asyncio.Event, stop: asyncio.Event
    ) -> None:
        waking = asyncio.create_task(_wake(woken, when=stop))
        try:
            while not stop.is_set():
                woken.clear()
                if not await self.send_next(connection, producer):
                    await _either(woken, POLL_SECONDS)
        finally:
            waking.cancel()

    async def send_next(self, connection: Any, producer: AIOKafkaProducer) -> int:
        """Send and mark the next batch of facts; return how many were taken."""
        rows = await connection.fetch(_TAKE, BATCH)
        if not rows:
            return 0
        failpoints.reach("relay.taken")
        by_partition: dict[TopicPartition, list[Row]] = {}
        for row in rows:
            by_partition.setdefault(await self._place(producer, row), []).append(row)
        outcome = _Outcome()
        sending = asyncio.gather(*(self._send(producer, place, some, outcome) for place, some in by_partition.items()))
        try:
            await self._alive(connection, sending)
        finally:
            if outcome.sent:
                failpoints.reach("relay.acknowledged")
                await connection.execute(_MARK, outcome.sent)
                telemetry.PUBLISHED.labels(self._service).inc(len(outcome.sent))
                failpoints.reach("relay.marked")
            for row_id, why in outcome.refused.items():
                _log.error("fact_refused", outbox_id=row_id, problem=why)
                await connection.execute(_REFUSE, row_id, why)
        return len(rows)

    async def _place(self, producer: AIOKafkaProducer, row: Row) -> TopicPartition:
        topic = self._settings.kafka_prefix + row["topic"]
        partitions = sorted(await producer.partitions_for(topic))
        return TopicPartition(topic, self._partition_of(_key(row), partitions, partitions))

    async def _send(
        self, producer: AIOKafkaProducer, place: TopicPartition, rows: Sequence[Row], outcome: _Outcome
    ) -> None:
        """Send one partition's rows, batch after batch; the rows of a batch that Kafka refuses go again one by one."""
        left, alone = list(rows), 0
        while left:
            batch = producer.create_batch()
            add = functools.partial(_add, batch, self._service)
            some = list(itertools.takewhile(add, left[:1] if alone else left))
            try:
                await _delivered(producer, batch, place)
            except _REFUSED_FOR_GOOD as why:
                if len(some) > 1:
                    alone = len(some)
                    continue
                outcome.refused[some[0]["id"]] = repr(why)
                left = [row for row in left if row["case_id"] != some[0]["case_id"]]
            else:
                outcome.sent.extend(row["id"] for row in some)
                left = left[len(some) :]
            alone = max(alone - 1, 0)

    async def _alive(self, connection: Any, work: Awaitable[T]) -> T:
        """Await ``work`` while telling PostgreSQL each second that this relay lives; raise when the lock is gone."""
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait({task}, timeout=POLL_SECONDS))[0]:
                await connection.execute("SELECT 1")
            return task.result()
        finally:
            task.cancel()


def _key(row: Row) -> bytes:
    return str(row["case_id"]).encode()


def _add(batch: Any, service: str, row: Row) -> bool:
    envelope = Envelope(
        event_id=row["event_id"],
        type=row["type"],
        source=f"/consilium/{service}",
        time=row["created_at"],
        case_id=row["case_id"],
        sequence=row["sequence"],
        traceparent=row["traceparent"],
    )
    taken = batch.append(timestamp=None, key=_key(row), value=row["payload"].encode(), headers=envelope.headers())
    return taken is not None


async def _delivered(producer: AIOKafkaProducer, batch: Any, place: TopicPartition) -> None:
    delivery = await producer.send_batch(batch, place.topic, partition=place.partition)
    failpoints.reach("relay.sent")
    await delivery


async def _either(event: asyncio.Event, seconds: float) -> bool:
    """Wait for the event, at most so long; return whether it came."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)
    return event.is_set()


async def _wake(woken: asyncio.Event, *, when: asyncio.Event) -> None:
    """Let who waits for one event notice the other at once."""
    await when.wait()
    woken.set()
