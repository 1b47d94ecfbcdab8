"""Delivering facts again. Every reader knows a fact by its id, so what was already applied changes nothing."""

from collections.abc import Sequence
from datetime import datetime

from aiokafka import TopicPartition

from shared.backbone import inbox, kafka
from shared.ids import CaseId
from shared.service import Context

MAX_RECORDS = 500


async def from_outbox(ctx: Context, *, case_id: CaseId | None = None, since: datetime | None = None) -> int:
    """Have the relay send this service's facts again, of one case or since a time; return how many will be."""
    if case_id is None and since is None:
        raise ValueError("say which facts to send again: those of a case, or those since a time")
    async with ctx.db.transaction() as tx:
        tag = await tx.execute(
            """UPDATE outbox SET published_at = NULL
               WHERE published_at IS NOT NULL AND ($1::uuid IS NULL OR case_id = $1)
                 AND ($2::timestamptz IS NULL OR created_at >= $2)""",
            case_id, since,
        )  # fmt: skip
        await tx.execute("SELECT pg_notify('outbox', '')")
    return int(tag.split()[-1])


async def from_kafka(ctx: Context, topics: Sequence[str], *, since: datetime | None = None) -> tuple[int, int]:
    """Read the topics again up to their present ends and apply what this service missed.

    Returns how many records were read and how many facts were new to a reaction. The consumer group's offsets stay.
    """
    client = kafka.consumer(ctx.platform, ctx.service.name, group=None)
    await client.start()
    try:
        places = [
            TopicPartition(topic, partition)
            for topic in (ctx.platform.kafka_prefix + name for name in topics)
            for partition in sorted(await _partitions(client, topic))
        ]
        client.assign(places)
        ends = await client.end_offsets(places)
        await _rewind(client, places, since)
        read = new = 0
        while unread := [place for place in places if await client.position(place) < ends[place]]:
            polled = await client.getmany(*unread, timeout_ms=1_000, max_records=MAX_RECORDS)
            arrivals = [kafka.arrival(ctx.platform, record) for records in polled.values() for record in records]
            read += len(arrivals)
            async with ctx.db.transaction() as tx:
                new += await inbox.apply(tx, ctx.service.reactions, arrivals, service=ctx.service.name)
    finally:
        await client.stop()
    return read, new


async def _partitions(client: object, topic: str) -> set[int]:
    await client._client.force_metadata_update()  # type: ignore[attr-defined]
    await client._client._wait_on_metadata(topic)  # type: ignore[attr-defined]
    found: set[int] = client.partitions_for_topic(topic)  # type: ignore[attr-defined]
    return found


async def _rewind(client: object, places: Sequence[TopicPartition], since: datetime | None) -> None:
    await client.seek_to_beginning(*places)  # type: ignore[attr-defined]
    if since is not None:
        at = await client.offsets_for_times({place: int(since.timestamp() * 1000) for place in places})  # type: ignore[attr-defined]
        ends = await client.end_offsets(places)  # type: ignore[attr-defined]
        for place in places:
            client.seek(place, at[place].offset if at[place] else ends[place])  # type: ignore[attr-defined]
