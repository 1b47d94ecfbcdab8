"""How this product talks to Kafka: the one place that holds the clients' settings."""

import asyncio
import contextlib
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from shared.backbone.inbox import Arrival
from shared.settings import PlatformSettings

LARGEST_BATCH = 256 * 1024
SESSION_MS = 8_000
"""A member of a group that says nothing for so long is replaced."""


def _connection(settings: PlatformSettings, client_id: str) -> dict[str, Any]:
    options: dict[str, Any] = {"bootstrap_servers": settings.kafka_bootstrap, "client_id": client_id}
    if settings.kafka_username is not None:
        options |= {
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": settings.kafka_username,
            "sasl_plain_password": settings.kafka_password or "",
        }
    return options


def producer(settings: PlatformSettings, service: str) -> AIOKafkaProducer:
    """Return an unstarted producer that Kafka lets write each record once, however often it has to try."""
    return AIOKafkaProducer(
        **_connection(settings, f"{service}-relay"),
        enable_idempotence=True,
        acks="all",
        max_batch_size=LARGEST_BATCH,
        request_timeout_ms=15_000,
        retry_backoff_ms=50,
    )


def consumer(settings: PlatformSettings, service: str, *topics: str) -> AIOKafkaConsumer:
    """Return an unstarted consumer that commits nothing by itself: a member of the service's group, which begins at the
    first record; without topics, one that reads what it is assigned.
    """
    return AIOKafkaConsumer(
        *(settings.kafka_prefix + topic for topic in topics),
        **_connection(settings, f"{service}-worker"),
        group_id=f"{settings.kafka_prefix}consilium.{service}" if topics else None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=SESSION_MS // 8,
        rebalance_timeout_ms=SESSION_MS,
        retry_backoff_ms=100,
        metadata_max_age_ms=30_000,
    )


def arrival(settings: PlatformSettings, record: Any) -> Arrival:
    """Return a polled record as the inbox takes it."""
    topic = record.topic.removeprefix(settings.kafka_prefix)
    return Arrival(topic, record.partition, record.offset, record.key, record.value, record.headers)


async def let_go(client: AIOKafkaConsumer | AIOKafkaProducer, stop: asyncio.Event) -> None:
    """End a client in good order, if that takes few seconds; fewer once we are told to stop, since a broker may be away."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(client.stop(), 0.4 if stop.is_set() else 5.0)
