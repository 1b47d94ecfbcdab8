"""Hearing facts: from Kafka through the inbox into a service's reactions, each once and in its case's order.

What was polled is one transaction, then its offsets are committed. When that transaction fails, its records are taken
one by one, so that a bad one can't hold up the rest: it is parked, or its partition waits when the reaction said
``Retry``. Too many parked ones in a row stop the consumer instead: a bad deploy must not drain a topic into a table.

Polling goes on in lanes side by side, so that one reads while the database works for another. A lane has the partitions
of certain numbers; a case's key gives it the same number in every topic, so a case is always in one lane.
"""

import asyncio
import contextlib
import itertools
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from shared import log, telemetry
from shared.backbone import failpoints, inbox, kafka, pace, parked
from shared.backbone.inbox import Arrival, Reactions, Retry
from shared.db import TRANSIENT, Database, Tx
from shared.settings import PlatformSettings

LANES = 2
MAX_RECORDS = 500
IN_A_ROW = 5
OF_LAST_100 = 10
SLOWEST_RETRY = 30.0
ANSWERS_WITHIN = 5.0
OUTAGES = (KafkaError, OSError, TimeoutError, *TRANSIENT)

_log = log.get(__name__)


class Consumer:
    """One member of a service's consumer group."""

    _client: AIOKafkaConsumer
    """The connection that holds now."""
    _stop: asyncio.Event
    """What ends the run that goes on."""

    def __init__(self, service: str, reactions: Reactions, db: Database, settings: PlatformSettings) -> None:
        self._service = service
        self._reactions = reactions
        self._db = db
        self._settings = settings
        self._retries: dict[TopicPartition, tuple[int, float]] = {}
        """How often each partition's next record was tried in vain, and when it is due again."""
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
        self._stop = stop
        if self.topics:
            await pace.go_on(self._hear, stop, through=OUTAGES, event="consumer_interrupted")

    async def _hear(self) -> None:
        self._client = kafka.consumer(self._settings, self._service, *self.topics)
        try:
            await self._client.start()
            _log.info("consumer_started", topics=self.topics)
            async with asyncio.TaskGroup() as lanes:
                for lane in range(LANES):
                    lanes.create_task(self._follow(lane))
        finally:
            await kafka.let_go(self._client, self._stop)

    async def _follow(self, lane: int) -> None:
        while not self._stop.is_set():
            places = [place for place in self._client.assignment() if place.partition % LANES == lane]
            if not places:
                await pace.pause(0.1, self._stop)
            if not places or await self._round(places) or self._answered(places):
                self._went_on[lane] = time.monotonic()

    async def _round(self, places: Sequence[TopicPartition]) -> bool:
        """Poll a lane's partitions once and take care of all that came; return whether anything did."""
        self._resume_due()
        polled = await self._client.getmany(*places, timeout_ms=400, max_records=MAX_RECORDS)
        await self._measure_lag()
        if not polled:
            return False
        failpoints.reach("consumer.polled")
        with telemetry.BATCH_SECONDS.labels(self._service).time():
            reached = await self._take(polled)
            failpoints.reach("consumer.committed")
            if reached:
                await self._acknowledge(reached)
        failpoints.reach("consumer.acknowledged")
        return True

    async def _take(self, polled: Mapping[TopicPartition, Sequence[Any]]) -> dict[TopicPartition, int]:
        """Apply all in one transaction, else one by one; return the offset that each partition has come to."""
        arrivals = [kafka.arrival(self._settings, record) for records in polled.values() for record in records]
        try:
            await self._apply(arrivals)
        except TRANSIENT:  # told to stop meanwhile: whoever reads them next applies them
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the records are looked at one by one
            _log.info("batch_taken_apart", records=len(arrivals), problem=type(error).__name__)
            async with self._looking:  # so that the fifth in a row is the last that any lane parks
                return await self._one_by_one(arrivals)
        for place in polled:
            self._retries.pop(place, None)
        return {place: records[-1].offset + 1 for place, records in polled.items()}

    async def _one_by_one(self, arrivals: Sequence[Arrival]) -> dict[TopicPartition, int]:
        """Apply or park record by record; a partition stops at the first that has to wait."""
        reached: dict[TopicPartition, int] = {}
        waiting: set[TopicPartition] = set()
        for arrival in arrivals:
            place = TopicPartition(self._settings.kafka_prefix + arrival.topic, arrival.partition)
            if self._stop.is_set():
                break
            if place in waiting:
                continue
            if self.stopped is None and await self._apply_or_park(arrival, place):
                self._retries.pop(place, None)
                reached[place] = arrival.offset + 1
            else:
                waiting.add(place)
                self._client.seek(place, arrival.offset)
        return reached

    async def _apply_or_park(self, arrival: Arrival, place: TopicPartition) -> bool:
        """Return whether the record is dealt with; if not, its partition waits."""
        try:
            await self._apply([arrival])
        except Retry as why:
            self._wait(place, str(why))
            return False
        except TRANSIENT:  # as above: nothing is wrong with the record
            raise
        except Exception as error:  # noqa: BLE001 - the third ending: it is parked
            await self._park(arrival, error)
        return True

    async def _apply(self, arrivals: Sequence[Arrival]) -> None:
        """Apply all in one transaction, or raise what kept one of them from it: then nothing happened."""
        await self._transact(lambda tx: inbox.apply(tx, self._reactions, arrivals, service=self._service))
        self._parked_lately.extend([False] * len(arrivals))

    async def _transact(self, work: Callable[[Tx], Awaitable[object]]) -> None:
        """Do ``work`` in a transaction, again for as long as it's the database that fails; give up only at the stop."""
        for tries in itertools.count():
            try:
                async with self._db.transaction() as tx:
                    await work(tx)
            except TRANSIENT as error:
                if self._stop.is_set():
                    raise
                seconds = pace.backoff(tries, 0.05, 3.0)
                _log.warning("database_failed", problem=repr(error), again_in_seconds=round(seconds, 2))
                telemetry.RETRIED.labels(self._service).inc()
                await pace.pause(seconds, self._stop)
            else:
                return

    async def _park(self, arrival: Arrival, error: Exception) -> None:
        failpoints.reach("consumer.parking")
        why = f"{type(error).__name__}: {error}"
        await self._transact(lambda tx: parked.put(tx, arrival, error=why, behind=False))
        telemetry.PARKED.labels(self._service).inc()
        _log.error(
            "record_parked", topic=arrival.topic, partition=arrival.partition, offset=arrival.offset, exc_info=error
        )
        self._parked_lately.append(True)
        self.stopped = _too_many(list(self._parked_lately))
        if self.stopped:
            _log.critical(
                "consumer_stopped", because=self.stopped, to_do="mend the reaction, restart, then retry what is parked"
            )

    def _wait(self, place: TopicPartition, why: str) -> None:
        tries, _ = self._retries.get(place, (0, 0.0))
        seconds = pace.backoff(tries, 0.1, SLOWEST_RETRY)
        self._retries[place] = (tries + 1, time.monotonic() + seconds)
        self._client.pause(place)
        telemetry.RETRIED.labels(self._service).inc()
        _log.warning(
            "partition_waits", topic=place.topic, partition=place.partition, seconds=round(seconds, 2), because=why
        )

    def _resume_due(self) -> None:
        if self.stopped is not None:
            self._client.pause(*self._client.assignment())
            return
        now = time.monotonic()
        self._client.resume(*(p for p in self._client.paused() if self._retries.get(p, (0, 0.0))[1] <= now))

    async def _acknowledge(self, reached: dict[TopicPartition, int]) -> None:
        """Commit offsets; when the group moved on meanwhile, whoever reads these records again finds them in the inbox."""
        try:
            await self._client.commit(reached)
        except KafkaError as error:
            _log.warning("offsets_not_committed", problem=repr(error))

    async def _measure_lag(self) -> None:
        """Count what our partitions hold beyond the place to which we have read; Kafka said how far they go at the poll."""
        with contextlib.suppress(IllegalStateError, TimeoutError):  # taken by another member; no answer
            async with asyncio.timeout(0.5):
                lag = 0
                for place in self._client.assignment():
                    read_to = await self._client.position(place)
                    lag += max(0, (self._client.highwater(place) or 0) - read_to)
            self.lag = lag
            telemetry.LAG.labels(self._service).set(lag)

    def _answered(self, places: Sequence[TopicPartition]) -> bool:
        """Whether Kafka said of late what each of these holds; one that waits isn't asked."""
        asked = self._client.assignment().intersection(places) - self._client.paused()
        since = (time.time() - ANSWERS_WITHIN) * 1000
        return all((self._client.last_poll_timestamp(place) or 0) > since for place in asked)


def _too_many(lately: Sequence[bool]) -> str | None:
    """Return why to stop after what was parked (True) lately, or None."""
    if len(lately) >= IN_A_ROW and all(lately[-IN_A_ROW:]):
        return f"{IN_A_ROW} records in a row were parked"
    if len(lately) == 100 and sum(lately) >= OF_LAST_100:
        return f"{sum(lately)} of the last 100 records were parked"
    return None
