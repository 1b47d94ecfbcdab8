"""The real servers under every other test: they start, are killed, and come back with what they had."""

from pathlib import Path

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from deploy.local.kafka import LocalKafka, declared_topics, new_cluster_id
from deploy.local.places import state
from deploy.local.postgres import LocalPostgres


async def test_the_shared_postgres_answers(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    assert await connection.fetchval("SHOW timezone") == "UTC"
    await connection.close()


async def test_the_shared_kafka_has_the_declared_topics(kafka_bootstrap: str) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap)
    await consumer.start()
    try:
        assert {topic["name"] for topic in declared_topics()} <= await consumer.topics()
    finally:
        await consumer.stop()


async def test_a_killed_postgres_keeps_what_it_committed(tmp_path: Path) -> None:
    async with LocalPostgres(tmp_path / "pg") as server:
        connection = await asyncpg.connect(server.url())
        await connection.execute("CREATE TABLE kept AS SELECT 7 AS answer")
        for group in (False, True):
            server.kill(group=group)
            await server.start_async()
        await connection.close()
        again = await asyncpg.connect(server.url())
        assert await again.fetchval("SELECT answer FROM kept") == 7
        await again.close()


def test_no_cluster_of_kafka_is_called_as_an_option_would_be() -> None:
    assert [made for made in (new_cluster_id() for _ in range(2000)) if made.startswith("-")] == []


async def test_a_killed_kafka_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    async with LocalKafka(tmp_path / "kafka", remembered=state() / "kafka.jars") as broker:
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, enable_idempotence=True)
        await producer.start()
        sent = await producer.send_and_wait("intake.events", b"fact", key=b"case")
        await producer.stop()
        broker.kill()
        await broker.start_async()
        reader = AIOKafkaConsumer("intake.events", bootstrap_servers=broker.bootstrap, auto_offset_reset="earliest")
        await reader.start()
        record = await reader.getone()
        assert (record.value, record.partition, record.offset) == (b"fact", sent.partition, sent.offset)
        await reader.stop()
