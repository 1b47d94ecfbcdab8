"""Sending what the outbox holds to Kafka: every fact, at least once, each case's facts in their order.

One relay per service is active: the one whose connection holds the advisory lock. PostgreSQL ends that connection when
it falls silent (``idle_session_timeout``), so a relay that froze is replaced within seconds, and learns on waking that
it may no longer mark anything. A fact it sent twice is told apart by its id.
"""

import asyncio
import functools
import itertools
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import InvalidMessageError, KafkaError, MessageSizeTooLargeError, RecordTooLargeError
from aiokafka.partitioner import DefaultPartitioner

from shared import log, telemetry
from shared.backbone import failpoints, kafka, pace
from shared.db import BARE, Row, listening
from shared.envelope import Envelope
from shared.ids import CaseId
from shared.settings import PlatformSettings

LOCK = 7_203_942
BATCH = 2_000
SILENCE = "5s"
"""How long the active relay may say nothing to PostgreSQL before another takes over."""

# The last seven columns are an envelope's fields, in order.
# ARRAY(…) runs once; a plain IN (…) may run again for every row while statistics are stale.
_TAKE = """
SELECT id, topic, payload, event_id, type, $2 AS source, created_at, case_id, sequence, traceparent FROM outbox
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

_log = log.get(__name__)


@dataclass
class _Outcome:
    sent: list[int] = field(default_factory=list)
    refused: dict[CaseId, tuple[int, str]] = field(default_factory=dict)
    """By the case that stops there: the row, and why."""


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
        await pace.go_on(lambda: self._relay(stop), stop, through=(*BARE, KafkaError), event="relay_interrupted")

    async def _relay(self, stop: asyncio.Event) -> None:
        """Wait for the lock, and be the active relay for as long as this connection holds it."""
        woken = asyncio.Event()
        async with listening(
            self._url, f"{self._service}-relay", "outbox", woken,
            idle_session_timeout=SILENCE,
            synchronous_commit="off",  # a mark lost in a crash sends a fact again, which its readers know by its id
        ) as connection:  # fmt: skip
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LOCK):
                await pace.pause(pace.POLL_SECONDS, stop)
                if stop.is_set():
                    return
            await self._be_active(connection, woken, stop)

    async def _be_active(self, connection: Any, woken: asyncio.Event, stop: asyncio.Event) -> None:
        producer = kafka.producer(self._settings, self._service)
        try:
            await _alive(connection, producer.start())
            self.active = True
            _log.info("relay_active")
            await pace.whenever(woken, connection, lambda: self.send_next(connection, producer), stop)
        finally:
            self.active = False
            await kafka.let_go(producer, stop)

    async def send_next(self, connection: Any, producer: AIOKafkaProducer) -> int:
        """Send and mark the next batch of facts; return how many were taken."""
        rows = await connection.fetch(_TAKE, BATCH, f"/consilium/{self._service}")
        if not rows:
            return 0
        failpoints.reach("relay.taken")
        by_partition: dict[TopicPartition, list[Row]] = {}
        for row in rows:
            by_partition.setdefault(await self._place(producer, row), []).append(row)
        outcome = _Outcome()
        sending = asyncio.gather(*(self._send(producer, place, some, outcome) for place, some in by_partition.items()))
        try:
            await _alive(connection, sending)
        finally:
            if outcome.sent:
                failpoints.reach("relay.acknowledged")
                await connection.execute(_MARK, outcome.sent)
                telemetry.PUBLISHED.labels(self._service).inc(len(outcome.sent))
                failpoints.reach("relay.marked")
            for row_id, why in outcome.refused.values():
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
        while rows := [row for row in rows if row["case_id"] not in outcome.refused]:
            batch = producer.create_batch()
            some = list(itertools.takewhile(functools.partial(_add, batch), rows))
            try:
                delivery = await producer.send_batch(batch, place.topic, partition=place.partition)
                failpoints.reach("relay.sent")
                await delivery
                outcome.sent.extend(row["id"] for row in some)
            except _REFUSED_FOR_GOOD as why:
                if len(some) == 1:
                    outcome.refused[some[0]["case_id"]] = some[0]["id"], repr(why)
                else:
                    for row in some:
                        await self._send(producer, place, [row], outcome)
            rows = rows[len(some) :]


async def _alive(connection: Any, work: Awaitable[object]) -> None:
    """Await ``work`` while telling PostgreSQL each second that this relay lives; raise when the lock is gone."""
    await pace.alongside(work, pace.POLL_SECONDS, lambda: connection.execute("SELECT 1"))


def _key(row: Row) -> bytes:
    return str(row["case_id"]).encode()


def _add(batch: Any, row: Row) -> bool:
    """Add a fact to a batch that has room for it; return whether it had."""
    _, _, payload, *envelope = row
    headers = Envelope(*envelope).headers()
    return batch.append(timestamp=None, key=_key(row), value=payload.encode(), headers=headers) is not None
