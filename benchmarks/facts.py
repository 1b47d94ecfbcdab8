"""Made-up facts by the thousand, as the rows of an outbox and as the records of a topic."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import DefaultPartitioner

from shared import topics
from shared.envelope import Envelope
from shared.events import Fact
from shared.ids import EventId, new_id
from shared.settings import PlatformSettings
from tests.support import facts

OUTBOX = ("event_id", "topic", "case_id", "sequence", "type", "payload", "created_at")


def payments(number: int) -> Iterator[Fact]:
    """Yield PaymentReceived of as many different cases."""
    return (facts.paid(facts.a_case()) for _ in range(number))


def confirmations(number: int) -> Iterator[Fact]:
    """Yield ServicesConfirmed of as many different cases."""
    return (facts.confirmed(facts.a_case()) for _ in range(number))


def outbox_row(fact: Fact) -> tuple[Any, ...]:
    """Return a case's first fact as its owner's outbox holds it before the relay has seen it."""
    return new_id(), fact.topic, fact.case_id, 1, fact.type_name(), fact.model_dump_json(), datetime.now(UTC)


async def fill(settings: PlatformSettings, told: Iterator[Fact]) -> None:
    """Put facts into their topic, each the first of its case, enveloped as the relay does it."""
    client = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap, max_batch_size=256 * 1024)
    partition_of, places = DefaultPartitioner(), list(range(topics.PARTITIONS))
    await client.start()
    try:
        batches: dict[tuple[str, int], Any] = {}
        for fact in told:
            key, topic = str(fact.case_id).encode(), settings.kafka_prefix + fact.topic
            place = (topic, partition_of(key, places, places))
            record = {
                "timestamp": None,
                "key": key,
                "value": fact.model_dump_json().encode(),
                "headers": _headers(fact),
            }
            batch = batches.setdefault(place, client.create_batch())
            if batch.append(**record) is None:
                await client.send_batch(batch, topic, partition=place[1])
                batches[place] = client.create_batch()
                batches[place].append(**record)
        for (topic, partition), batch in batches.items():
            await client.send_batch(batch, topic, partition=partition)
        await client.flush()
    finally:
        await client.stop()


def _headers(fact: Fact) -> list[tuple[str, bytes]]:
    now = datetime.now(UTC)
    return Envelope(EventId(new_id()), fact.type_name(), "/consilium/bench", now, fact.case_id, 1, None).headers()
