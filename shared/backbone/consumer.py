"""Hearing facts: from Kafka through the inbox into a service's reactions, each once and in its case's order.

What was polled is one transaction, then its offsets are committed. When that transaction fails, its records are taken
one by one, so that a bad one can't hold up the rest: it is parked, or its partition waits when the reaction said
``Retry``. Too many parked ones in a row stop the consumer instead: a bad deploy must not drain a topic into a table.

Polling goes on in lanes side by side, so that one reads while the database works for another. A lane has the partitions
of certain numbers; a case's key gives it the same number in every topic, so a case is always in one lane.
"""

import asyncio
import contextlib
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from shared import log, telemetry
from shared.backbone import failpoints, inbox, kafka, parked
from shared.backbone.inbox import Arrival, Reactions, Retry
from shared.db import TRANSIENT, Database
from shared.settings import PlatformSettings

LANES = 2
MAX_RECORDS = 500
IN_A_ROW = 5
OF_LAST_100 = 10
SLOWEST_RETRY = 30.0
ANSWERS_WITHIN = 5.0

_log = log.get(__name__)


class Consumer:
    """One member of a service's consumer group."""

    def __init__(self, service: str, reactions: Reactions, db: Database, settings: PlatformSettings) -> None:
        self._service = service
        self._reactions = reactions
        self._db = db
        self._settings = settings
        self._retries: dict[TopicPartition, tuple[int, float]] = {}
        self._read_to: dict[TopicPartition, int] = {}
        self._parked_lately: deque[bool] = deque(maxlen=100)
        self._looking = asyncio.Lock()
        self.stopped: str | None = None
        """Why this consumer takes no more records until it is started anew, or None."""
        self.lag = 0
        self._went_on = dict.fromkeys(range(LANES), time.monotonic())

    @property
    def topics(self) -> list[str]:
        """The topics in which something may concern this service."""
        return sorted({fact.topic for fact in self._reactions})

    @property
    def stands_still_for(self) -> float:
        """Seconds since one of the lanes last took care of records, or heard from Kafka that there are none."""
        return round(time.monotonic() - min(self._went_on.values()), 1) if self.topics else 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Consume until ``stop`` is set; connects anew for as long as Kafka can't be reached."""
        if not self.topics:
            return
        while not stop.is_set():
            client = kafka.consumer(self._settings, self._service, *self.topics, group=f"consilium.{self._service}")
            try:
                await client.start()
                _log.info("consumer_started", topics=self.topics)
                async with asyncio.TaskGroup() as lanes:
                    for lane in range(LANES):
                        lanes.create_task(self._follow(client, lane, stop))
            except* (KafkaError, OSError, TimeoutError, *TRANSIENT) as errors:
                _log.warning("consumer_interrupted", problem=repr(errors.exceptions))
                await _pause(stop, 1.0)
            finally:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(client.stop(), kafka.patience(stop))

    async def _follow(self, client: AIOKafkaConsumer, lane: int, stop: asyncio.Event) -> None:
        while not stop.is_set():
            places = [place for place in client.assignment() if place.partition % LANES == lane]
            if not places:
                await _pause(stop, 0.1)
            if not places or await self._round(client, places, stop) or _answered(client, places):
                self._went_on[lane] = time.monotonic()

    async def _round(self, client: AIOKafkaConsumer, places: Sequence[TopicPartition], stop: asyncio.Event) -> bool:
        """Poll a lane's partitions once and take care of all that came; return whether anything did."""
        self._resume_due(client)
        polled = await client.getmany(*places, timeout_ms=400, max_records=MAX_RECORDS)
        await self._measure_lag(client, polled)
        arrivals = [kafka.arrival(self._settings, record) for records in polled.values() for record in records]
        if not arrivals:
            return False
        failpoints.reach("consumer.polled")
        with telemetry.BATCH_SECONDS.labels(self._service).time():
            if await self._apply(arrivals, stop):
                offsets = {place: records[-1].offset + 1 for place, records in polled.items()}
            else:
                async with self._looking:  # so that the fifth in a row is the last that any lane parks
                    offsets = await self._one_by_one(client, arrivals, stop)
            failpoints.reach("consumer.committed")
            if offsets:
                await _commit(client, offsets)
        failpoints.reach("consumer.acknowledged")
        return True

    async def _apply(self, arrivals: Sequence[Arrival], stop: asyncio.Event) -> bool:
        """Apply all in one transaction; return False when one of them must be looked at alone."""

        async def all_at_once() -> None:
            async with self._db.transaction() as tx:
                await inbox.apply(tx, self._reactions, arrivals, service=self._service)

        try:
            await self._through_outages(all_at_once, stop)
        except TRANSIENT:  # told to stop meanwhile: whoever reads them next applies them
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the records are looked at one by one
            _log.info("batch_taken_apart", records=len(arrivals), problem=type(error).__name__)
            return False
        self._parked_lately.extend([False] * len(arrivals))
        return True

    async def _one_by_one(
        self, client: AIOKafkaConsumer, arrivals: Sequence[Arrival], stop: asyncio.Event,
    ) -> dict[TopicPartition, int]:  # fmt: skip
        """Apply or park record by record; return the offset each partition has come to."""
        reached: dict[TopicPartition, int] = {}
        waiting: set[TopicPartition] = set()
        for arrival in arrivals:
            if stop.is_set():
                break
            place = TopicPartition(self._settings.kafka_prefix + arrival.topic, arrival.partition)
            if place in waiting:
                continue
            if self.stopped is not None or not await self._apply_or_park(client, arrival, place, stop):
                waiting.add(place)
                client.seek(place, arrival.offset)
            else:
                self._retries.pop(place, None)
                reached[place] = arrival.offset + 1
        return reached

    async def _apply_or_park(
        self, client: AIOKafkaConsumer, arrival: Arrival, place: TopicPartition, stop: asyncio.Event,
    ) -> bool:  # fmt: skip
        """Return whether the record is dealt with; if not, its partition waits."""

        async def alone() -> None:
            async with self._db.transaction() as tx:
                await inbox.apply(tx, self._reactions, [arrival], service=self._service)

        try:
            await self._through_outages(alone, stop)
        except Retry as why:
            self._wait(client, place, str(why))
            return False
        except TRANSIENT:  # as above: nothing is wrong with the record
            raise
        except Exception as error:  # noqa: BLE001 - the third ending: it is parked
            await self._park(arrival, error, stop)
            return True
        self._parked_lately.append(False)
        return True

    async def _park(self, arrival: Arrival, error: Exception, stop: asyncio.Event) -> None:
        async def put() -> None:
            async with self._db.transaction() as tx:
                await parked.put(tx, arrival, error=f"{type(error).__name__}: {error}", behind=False)

        failpoints.reach("consumer.parking")
        await self._through_outages(put, stop)
        telemetry.PARKED.labels(self._service).inc()
        where = {"topic": arrival.topic, "partition": arrival.partition, "offset": arrival.offset}
        _log.error("record_parked", **where, exc_info=error)
        self._parked_lately.append(True)
        lately = list(self._parked_lately)
        if all(lately[-IN_A_ROW:]) and len(lately) >= IN_A_ROW:
            self.stopped = f"{IN_A_ROW} records in a row were parked"
        elif len(lately) == 100 and sum(lately) >= OF_LAST_100:
            self.stopped = f"{sum(lately)} of the last 100 records were parked"
        if self.stopped:
            _log.critical(
                "consumer_stopped", because=self.stopped, to_do="mend the reaction, restart, then retry what is parked"
            )

    def _wait(self, client: AIOKafkaConsumer, place: TopicPartition, why: str) -> None:
        tries, _ = self._retries.get(place, (0, 0.0))
        seconds = min(0.1 * 2**tries, SLOWEST_RETRY) * random.uniform(0.8, 1.2)
        self._retries[place] = (tries + 1, asyncio.get_running_loop().time() + seconds)
        client.pause(place)
        telemetry.RETRIED.labels(self._service).inc()
        _log.warning(
            "partition_waits", topic=place.topic, partition=place.partition, seconds=round(seconds, 2), because=why
        )

    def _resume_due(self, client: AIOKafkaConsumer) -> None:
        if self.stopped is not None:
            client.pause(*client.assignment())
            return
        now = asyncio.get_running_loop().time()
        due = [place for place in client.paused() if self._retries.get(place, (0, 0.0))[1] <= now]
        if due:
            client.resume(*due)

    async def _through_outages(self, work: Callable[[], Awaitable[None]], stop: asyncio.Event) -> None:
        """Run ``work`` again for as long as it's the database that fails; give up only when the worker stops."""
        backoff = 0.05
        while True:
            try:
                return await work()
            except TRANSIENT as error:
                if stop.is_set():
                    raise
                _log.warning("database_failed", problem=repr(error), again_in_seconds=round(backoff, 2))
                telemetry.RETRIED.labels(self._service).inc()
                await _pause(stop, backoff * random.uniform(0.5, 1.0))
                backoff = min(backoff * 2, 3.0)

    async def _measure_lag(self, client: AIOKafkaConsumer, polled: Mapping[TopicPartition, Sequence[Any]]) -> None:
        for place in client.assignment() - self._read_to.keys():
            with contextlib.suppress(IllegalStateError, TimeoutError):  # taken by another member; no answer
                self._read_to[place] = await asyncio.wait_for(client.position(place), 0.5)
        self._read_to |= {place: records[-1].offset + 1 for place, records in polled.items()}
        ends = {place: client.highwater(place) or 0 for place in client.assignment()}
        self.lag = sum(max(0, end - self._read_to.get(place, 0)) for place, end in ends.items())
        telemetry.LAG.labels(self._service).set(self.lag)


def _answered(client: AIOKafkaConsumer, places: Sequence[TopicPartition]) -> bool:
    """Whether Kafka said of late what each of these holds; one that waits isn't asked."""
    asked = client.assignment().intersection(places) - client.paused()
    since = (time.time() - ANSWERS_WITHIN) * 1000
    return all((client.last_poll_timestamp(place) or 0) > since for place in asked)


async def _commit(client: AIOKafkaConsumer, offsets: dict[TopicPartition, int]) -> None:
    """Commit; when the group moved on meanwhile, whoever reads these records again finds them in the inbox."""
    try:
        await client.commit(offsets)
    except KafkaError as error:
        _log.warning("offsets_not_committed", problem=repr(error))


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
