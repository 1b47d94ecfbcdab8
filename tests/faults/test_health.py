"""A service says that it is not well, and why, in words that tell whom to wake; and is well again once that is mended."""

import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from deploy.local import child
from shared import topics
from shared.backbone import health, outbox, parked
from shared.backbone.inbox import Arrival
from shared.ids import CaseId
from tests.support import facts, kafka_topics
from tests.support.processes import Running, eventually, running
from tests.support.service import ServiceUnderTest

pytestmark = pytest.mark.timeout(300)
NOWHERE = "127.0.0.1:9"


class Ward:
    """Billing on topics of its own, whose worker is a process with its port for machines."""

    def __init__(self, billing: ServiceUnderTest, bootstrap: str, prefix: str, folder: Path) -> None:
        self.billing, self.bootstrap, self.prefix, self.folder = billing, bootstrap, prefix, folder
        self.port = child.free_port()

    def worker(self, bootstrap: str | None = None):  # type: ignore[no-untyped-def]
        environment = {
            "BILLING_DATABASE_URL": self.billing.database_url, "BILLING_OPS_PORT": str(self.port),
            "KAFKA_BOOTSTRAP": bootstrap or self.bootstrap, "KAFKA_PREFIX": self.prefix,
        }  # fmt: skip
        return running("services.billing", "worker", log=self.folder / "worker.log", environment=environment)

    async def of_worker(self, path: str = "/healthz") -> tuple[int, dict[str, Any]]:
        """What the worker itself answers; (0, {}) while it answers nothing."""
        async with httpx.AsyncClient() as client:
            try:
                answer = await client.get(f"http://127.0.0.1:{self.port}{path}", timeout=10)
            except httpx.TransportError:
                return 0, {}
        return answer.status_code, answer.json()

    async def of_pages(self) -> tuple[int, dict[str, Any]]:
        """What the web process answers, which asks the same table."""
        self.billing.clock.at = datetime.now(UTC)
        answer = await self.billing.http.get("/api/billing/healthz")
        return answer.status_code, answer.json()

    async def both(self, status: int, *words: str) -> None:
        """Wait until worker and pages answer so, with exactly one problem for each of the words."""

        async def so() -> bool:
            seen = [await self.of_worker(), await self.of_pages()]
            return all(code == status and _named(said, words) for code, said in seen)

        await eventually(so, within=90, what=f"{status} {words}")


def _named(said: dict[str, Any], words: tuple[str, ...]) -> bool:
    problems = said.get("problems", [])
    return len(problems) == len(words) and all(any(word in problem for problem in problems) for word in words)


@pytest.fixture
async def ward(billing: ServiceUnderTest, kafka_bootstrap: str, tmp_path: Path) -> Ward:
    return Ward(billing, kafka_bootstrap, await kafka_topics.create(kafka_bootstrap), tmp_path)


async def _works(worker: Running) -> None:
    await worker.said("relay_active", within=60)
    await worker.said("consumer_started", within=60)


async def test_it_says_so_when_facts_wait_for_kafka_and_is_well_once_they_are_sent(ward: Ward) -> None:
    case = facts.a_case()
    ward.billing.clock.at = datetime.now(UTC) - timedelta(seconds=30)
    async with ward.billing.ctx.db.transaction() as tx:
        outbox.append(tx, facts.refunded(case))
    async with ward.worker(NOWHERE):
        await ward.both(503, "s for Kafka: is the broker up?")
        _, said = await ward.of_worker()
        assert said["outbox_age_seconds"] >= 30
        assert (await ward.of_worker("/livez"))[0] == 200, "it is to be kept, not to be started again"
        assert (await ward.of_worker("/readyz"))[0] == 200
    async with ward.worker() as worker:
        await _works(worker)
        await ward.both(200)
    told = await kafka_topics.records_in(ward.bootstrap, ward.prefix, topics.BILLING)
    assert [record.key for record in told] == [str(case).encode()]


async def test_a_young_fact_that_waits_is_no_alarm(ward: Ward) -> None:
    ward.billing.clock.at = datetime.now(UTC) - health.UNSENT_TOO_OLD + timedelta(seconds=20)
    async with ward.billing.ctx.db.transaction() as tx:
        outbox.append(tx, facts.refunded(facts.a_case()))
    _, said = await ward.of_pages()
    assert not any("Kafka" in problem for problem in said["problems"])


async def test_it_says_how_many_records_are_parked_until_a_person_has_looked(ward: Ward) -> None:
    bad: CaseId = facts.a_case()
    whole = ward.billing.arrival(facts.confirmed(bad))
    await kafka_topics.send(
        ward.bootstrap, ward.prefix,
        Arrival(whole.topic, 0, 0, whole.key, b'{"case_id": "broken"}', whole.headers),
        ward.billing.arrival(facts.withdrawn(bad)),
    )  # fmt: skip
    async with ward.worker() as worker:
        await _works(worker)
        await ward.both(503, "2 records are parked")
        for record in await parked.listed(ward.billing.ctx.db):
            async with ward.billing.ctx.db.transaction() as tx:
                await parked.drop(tx, record.id, by="a test")
        await ward.both(200)


async def test_it_says_so_when_its_worker_is_gone_however_it_went(
    ward: Ward, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(health, "SILENT_AFTER", timedelta(seconds=6))
    status, said = await ward.of_pages()
    assert (status, _named(said, ("no worker has reported",))) == (503, True)
    for ending in (signal.SIGKILL, signal.SIGTERM):
        async with ward.worker() as worker:
            await _works(worker)
            await ward.both(200)
            worker.signal(ending)
            await worker.ended(within=20)

            async def red() -> bool:
                status, said = await ward.of_pages()
                return status == 503 and _named(said, ("no worker has reported",)) and said["consumer_lag"] is None

            await eventually(red, within=60, what="red without a worker")
