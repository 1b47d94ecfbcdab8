"""Delivering facts again. Every reader knows a fact by its id, so what was already applied changes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from shared import log
from shared.backbone import inbox, kafka, parked
from shared.backbone.inbox import Arrival
from shared.db import TRANSIENT
from shared.ids import CaseId
from shared.service import Context
from shared.topics import PARTITIONS

MAX_RECORDS = 500


@dataclass
class Replayed:
    """How many records were read, how many facts were new to a reaction, and how many wait or were dropped in ``parked``.

    ``failed``: by topic, partition and offset, why another could not be applied; a case's later records wait behind it.
    """

    read: int = 0
    new: int = 0
    parked: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    stuck: set[bytes | None] = field(default_factory=set)


async def from_outbox(ctx: Context, *, case_id: CaseId | None = None, since: datetime | None = None) -> int:
    """Have the relay send this service's facts again, of one case or since a time; return how many will be."""
    if case_id is None and since is None:
        raise ValueError("say which facts to send again: those of a case, or those since a time")
    async with ctx.db.transaction() as tx:
        again: int = await tx.fetchval(
            """WITH again AS (
                   UPDATE outbox SET published_at = NULL
                   WHERE published_at IS NOT NULL AND ($1::uuid IS NULL OR case_id = $1)
                     AND ($2::timestamptz IS NULL OR created_at >= $2) RETURNING 1)
               SELECT count(*) FROM again""",
            case_id, since,
        )  # fmt: skip
        await tx.execute("SELECT pg_notify('outbox', '')")
    return again


async def from_kafka(ctx: Context, topics: Sequence[str], *, since: datetime | None = None) -> Replayed:
    """Read the topics again up to their present ends and apply what this service missed.

    The consumer group's offsets stay, and nothing is parked but what was missed behind a parked record of its case.
    Raises ``ValueError`` when Kafka can't be reached, or has no such topic.
    """
    client, done = kafka.consumer(ctx.platform, ctx.service.name), Replayed()
    prefix = ctx.platform.kafka_prefix
    try:
        await client.start()
        await _require_known(client, prefix, topics)
        places = [TopicPartition(prefix + topic, number) for topic in topics for number in range(PARTITIONS)]
        client.assign(places)
        ends = await client.end_offsets(places)
        await _rewind(client, ends, since)
        while unread := [place for place in places if await client.position(place) < ends[place]]:
            polled = await client.getmany(*unread, timeout_ms=1_000, max_records=MAX_RECORDS)
            arrivals = [kafka.arrival(ctx.platform, record) for records in polled.values() for record in records]
            unknown = await parked.without_known(ctx.db, arrivals)
            done.read += len(arrivals)
            done.parked += len(arrivals) - len(unknown)
            await _deliver(ctx, unknown, done)
    except KafkaError as error:
        raise ValueError(f"Kafka at {ctx.platform.kafka_bootstrap} doesn't answer: {error!r}") from error
    finally:
        await client.stop()
    return done


async def _require_known(client: AIOKafkaConsumer, prefix: str, topics: Sequence[str]) -> None:
    """Refuse topics that Kafka hasn't: it would be asked for their ends until that times out."""
    there = await client.topics()
    if missing := [topic for topic in topics if prefix + topic not in there]:
        known = sorted(name.removeprefix(prefix) for name in there if name.startswith(prefix) and name[:2] != "__")
        raise ValueError(f"Kafka has no topic {', '.join(missing)}; it has {', '.join(known) or 'none'}")


async def _deliver(ctx: Context, arrivals: Sequence[Arrival], done: Replayed) -> None:
    """Apply all in one transaction; when that fails, one by one, and note those that fail."""
    free = [arrival for arrival in arrivals if arrival.key not in done.stuck]
    try:
        async with ctx.db.transaction() as tx:
            done.new += await inbox.apply(tx, ctx.service.reactions, free, service=ctx.service.name)
    except TRANSIENT:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, it is named, and the rest goes on
        if len(free) > 1:
            for arrival in free:
                await _deliver(ctx, [arrival], done)
        else:
            [failed] = free
            done.failed[f"{failed.topic} {failed.partition}:{failed.offset}"] = log.scrub(repr(error))
            done.stuck |= {failed.key} - {None}


async def _rewind(client: AIOKafkaConsumer, ends: Mapping[TopicPartition, int], since: datetime | None) -> None:
    await client.seek_to_beginning(*ends)
    if since is not None:
        found = await client.offsets_for_times(dict.fromkeys(ends, int(since.timestamp() * 1000)))
        for place, first in found.items():
            client.seek(place, first.offset if first else ends[place])
