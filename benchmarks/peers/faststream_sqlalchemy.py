"""FastStream and SQLAlchemy: the same reactions behind FastStream's Kafka subscribers.

Durable and at least once, as FastStream's documentation has it: offsets are committed after the work (``AckPolicy.ACK``
for messages, ``MANUAL`` with ``msg.ack()`` for batches), a table of event ids keeps a second delivery from a second
effect, and facts go out through the same outbox table and the same relay as ours, for FastStream brings none. Two forms:

* ``messages``: a transaction a message; a subscriber a topic and service, so that topics run side by side.
* ``batches``: ``batch=True``, up to 500 records, one transaction and one insert into the table of ids for all of them.
  It has no answer yet to a record whose reaction fails: a real build would have to add one.
"""

import asyncio
import logging
from collections.abc import Sequence
from functools import partial
from typing import Any

from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks import workflow
from benchmarks.peers.sqlalchemy_tx import SqlAlchemyTx, engine
from benchmarks.workflow import Kind, Urls
from shared.backbone.inbox import Reactions
from shared.backbone.relay import Relay
from shared.envelope import Envelope, read_envelope, read_fact
from shared.events import Fact
from shared.settings import PlatformSettings

_SEEN = """INSERT INTO inbox (event_id, topic, case_id, sequence, type)
           SELECT * FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::int[], $5::text[])
           ON CONFLICT DO NOTHING RETURNING event_id"""

Record = tuple[str, Envelope, Fact | None]


async def deliver(urls: Urls, kind: Kind, platform: PlatformSettings, stop: asyncio.Event, *, batches: bool) -> None:
    """Relay and consume for all five services until ``stop`` is set."""
    broker = KafkaBroker(platform.kafka_bootstrap, logger=None, log_level=logging.ERROR, graceful_timeout=5)
    engines = {name: engine(url, 5) for name, url in urls.items()}
    for name in urls:
        table = workflow.reactions(name, kind)
        told = sorted({platform.kafka_prefix + fact.topic for fact in table})
        (_subscribe_batches if batches else _subscribe_messages)(broker, platform, name, told, engines[name], table)
    async with asyncio.TaskGroup() as group:
        for name, url in urls.items():
            group.create_task(Relay(name, url, platform).run(stop))
        await broker.start()
        await stop.wait()
        await broker.stop()
    for one in engines.values():
        await one.dispose()


def _subscribe_messages(
    broker: KafkaBroker, platform: PlatformSettings, name: str, told: list[str], db: AsyncEngine, table: Reactions
) -> None:
    for topic in told:
        subscriber = broker.subscriber(
            topic, group_id=f"{platform.kafka_prefix}{name}.{topic}", auto_offset_reset="earliest",
            ack_policy=AckPolicy.ACK, decoder=_as_it_is,
        )  # fmt: skip

        async def on_message(message: KafkaMessage) -> None:
            await _apply(db, table, [_read(message.raw_message)])

        subscriber(on_message)


def _subscribe_batches(
    broker: KafkaBroker, platform: PlatformSettings, name: str, told: list[str], db: AsyncEngine, table: Reactions
) -> None:
    subscriber = broker.subscriber(
        *told, group_id=f"{platform.kafka_prefix}{name}", auto_offset_reset="earliest", batch=True, max_records=500,
        ack_policy=AckPolicy.MANUAL, decoder=_as_it_is,
    )  # fmt: skip

    async def on_batch(message: KafkaMessage) -> None:
        raw: Any = message.raw_message
        await _apply(db, table, [_read(one) for one in raw])
        await message.ack()

    subscriber(on_batch)


async def _as_it_is(message: Any) -> Any:
    return message.body


def _read(record: Any) -> Record:
    envelope = read_envelope(record.headers)
    return record.topic, envelope, read_fact(envelope.type, record.value)


async def _apply(db: AsyncEngine, table: Reactions, records: Sequence[Record]) -> None:
    async with db.begin() as connection:
        tx = SqlAlchemyTx(connection)
        ids = [envelope.event_id for _, envelope, _ in records]
        rows = await tx.fetch(
            _SEEN, ids, [topic for topic, _, _ in records], [envelope.case_id for _, envelope, _ in records],
            [envelope.sequence for _, envelope, _ in records], [envelope.type for _, envelope, _ in records],
        )  # fmt: skip
        new = {row["event_id"] for row in rows}
        for _, envelope, fact in sorted(records, key=lambda record: record[1].case_id):
            if envelope.event_id in new and fact is not None and type(fact) in table:
                await table[type(fact)](fact, tx)
        await tx.finish()


by_message = partial(deliver, batches=False)
by_batch = partial(deliver, batches=True)
