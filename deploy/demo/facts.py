"""Watching the facts land in Kafka, from beside."""

import asyncio
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from deploy.demo.people import PATIENCE, WentWrong
from deploy.demo.places import Places
from shared import topics


@dataclass(frozen=True)
class Landed:
    """A record as it stands in its topic."""

    topic: str
    partition: int
    offset: int
    type: str
    case_id: str
    sequence: int


class FactTail:
    """Reads every topic from its present end on, in a thread of its own; use as a context manager."""

    def __init__(self, places: Places, tell: Callable[[Landed], None]) -> None:
        self._places = places
        self._tell = tell
        self._ready = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._read()), daemon=True)
        self.landed: list[Landed] = []

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(20):
            raise WentWrong(f"Kafka does not answer at {self._places.kafka}")
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join(5)

    def wait_for(self, type_name: str, case_id: str) -> Landed:
        """Return the first fact of this type and case, once it has landed."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            for one in list(self.landed):
                if (one.type, one.case_id) == (type_name, case_id):
                    return one
            time.sleep(0.02)
        raise WentWrong(f"{type_name} of case {case_id} did not land within {PATIENCE:.0f} s")

    async def _read(self) -> None:
        places = self._places
        secured = {
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": "PLAIN",
            "sasl_plain_username": places.kafka_username,
            "sasl_plain_password": places.kafka_password,
        }
        client = AIOKafkaConsumer(
            bootstrap_servers=places.kafka, enable_auto_commit=False, **(secured if places.kafka_username else {}),
        )  # fmt: skip
        await client.start()
        try:
            names = (*topics.FACTS, topics.PARTNER_RECORDS)
            client.assign([
                TopicPartition(places.kafka_prefix + name, n) for name in names for n in range(topics.PARTITIONS)
            ])  # fmt: skip
            await client.seek_to_end()
            self._ready.set()
            while not self._over.is_set():
                for records in (await client.getmany(timeout_ms=100)).values():
                    for record in records:
                        self._note(record)
        finally:
            await client.stop()

    def _note(self, record: object) -> None:
        headers = {name: value.decode() for name, value in record.headers}  # type: ignore[attr-defined]
        one = Landed(
            record.topic, record.partition, record.offset,  # type: ignore[attr-defined]
            headers["ce_type"], headers["ce_subject"], int(headers["ce_sequence"]),
        )  # fmt: skip
        self.landed.append(one)
        self._tell(one)
