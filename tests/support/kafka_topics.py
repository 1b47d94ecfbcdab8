"""Topics of a test's own on the run's broker, and reading what stands in them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from shared import topics
from shared.backbone.inbox import Arrival
from shared.ids import new_id

ALL = (*topics.FACTS, topics.PARTNER_RECORDS)


async def create(bootstrap: str) -> str:
    """Make all topics under a new prefix, and return the prefix."""
    prefix = f"t{new_id().hex[14:]}."
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(prefix + topic, topics.PARTITIONS, 1) for topic in ALL])
    finally:
        await admin.close()
    return prefix


@asynccontextmanager
async def producer(bootstrap: str) -> AsyncIterator[AIOKafkaProducer]:
    """Lend a plain producer."""
    client = AIOKafkaProducer(bootstrap_servers=bootstrap, enable_idempotence=True)
    await client.start()
    try:
        yield client
    finally:
        await client.stop()


async def send(bootstrap: str, prefix: str, *arrivals: Arrival) -> None:
    """Put records into their topics, in this order."""
    async with producer(bootstrap) as client:
        for one in arrivals:
            await client.send(prefix + one.topic, one.value, key=one.key, headers=list(one.headers))
        await client.flush()


async def records_in(bootstrap: str, prefix: str, topic: str) -> list[Arrival]:
    """Return every record of a topic, partition by partition."""
    client = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="earliest")
    await client.start()
    try:
        places = [TopicPartition(prefix + topic, n) for n in range(topics.PARTITIONS)]
        client.assign(places)
        ends = await client.end_offsets(places)
        found: list[Arrival] = []
        while any([await client.position(place) < ends[place] for place in places]):
            polled = await client.getmany(timeout_ms=200)
            found += [
                Arrival(topic, r.partition, r.offset, r.key, r.value, r.headers) for rs in polled.values() for r in rs
            ]
        return sorted(found, key=lambda a: (a.partition, a.offset))
    finally:
        await client.stop()
