"""Every service's worker dies, again and again, while cases go through: each case ends well, nothing is lost or doubled."""

import collections
import random
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from deploy.local import child
from shared import topics
from tests.support.installation import HOST, Installation, started, until
from tests.support.journey import SIX, Journey
from tests.support.service import SERVICES

pytestmark = pytest.mark.timeout(900)

CASES = 3
DEATHS = {
    "intake": ["relay.acknowledged", "consumer.committed"],
    "billing": ["consumer.committed", "relay.acknowledged", "consumer.flushed", "errands.run"],
    "records": ["consumer.committed", "consumer.flushed", "errands.run", "relay.acknowledged"],
    "matching": ["consumer.committed", "relay.acknowledged", "consumer.flushed", "errands.run"],
    "notify": ["errands.run", "consumer.committed"],
}
"""Where each worker dies, one after the other; notify tells no fact. At each step of the loop the toy's dies (test_worker);
with each clock and each errand of a service in hand, its own does (test_every_timer, test_other_timers and their like)."""

KINDS = (
    "received",
    "quote",
    "confirmed",
    "payment",
    "send your documents",
    "have what we need",
    "specialist",
    "report",
)


@pytest.fixture(scope="module")
def doomed(
    tmp_path_factory: pytest.TempPathFactory, keys_folder: Path, postgres_url: str, kafka_bootstrap: str,
) -> Iterator[Installation]:  # fmt: skip
    """An installation whose processes this module may kill."""
    with started(tmp_path_factory.mktemp("doomed"), keys_folder, postgres_url, kafka_bootstrap) as lent:
        yield lent


class Fates:
    """Kills workers at their fail-points and each once at random; starts whoever is dead. Only the main thread may."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation
        self._left = {service: list(points) for service, points in DEATHS.items()}
        self._at_random = {service: time.monotonic() + random.uniform(3, 25) for service in SERVICES}
        self.died: list[tuple[str, str]] = []
        for service in SERVICES:
            child.stop(installation.processes[service])
            self._start(service)

    @property
    def fulfilled(self) -> bool:
        """Whether everybody died as often as they should."""
        return not self._at_random and not any(self._left.values())

    def wait_for_cases(self) -> bool:
        """Let what is under way come to rest, and say whether somebody's death still waits for something to happen."""

        def at_rest() -> bool:
            self.go_on()
            return not any(self._left.values()) or self._installation.quiet()

        until(at_rest, f"rest; died so far: {self.died}")
        return any(self._left.values())

    def go_on(self) -> None:
        """Kill whose moment has come, and replace the dead."""
        now = time.monotonic()
        for service, moment in list(self._at_random.items()):
            if now > moment:
                del self._at_random[service]
                self._installation.processes[service].kill()
                self._installation.processes[service].wait()
                self.died.append((service, "at random"))
                self._start(service)
        for service in SERVICES:
            if (status := self._installation.processes[service].poll()) is not None:
                end = child.tail(self._installation.log(service), 20)
                assert status == -signal.SIGKILL, f"{service} ended by itself with {status}: {end}"
                self.died.append((service, self._left[service].pop(0)))
                self._start(service)

    def _start(self, service: str) -> None:
        points = self._left[service]
        self._installation.start_worker(service, **({"CONSILIUM_FAILPOINT": points[0]} if points else {}))


def test_cases_go_through_while_every_worker_is_killed_again_and_again(doomed: Installation) -> None:
    fates = Fates(doomed)
    journeys = [Journey(doomed) for _ in range(CASES)]
    leaving = [Journey(doomed)]
    try:
        with ThreadPoolExecutor(CASES + 1) as pool:
            running: list[Future[object]] = [pool.submit(journey.to_the_end) for journey in journeys]
            running.append(pool.submit(_pays_and_leaves, leaving[0]))
            _see_through(fates, running)
            while fates.wait_for_cases():
                journeys.append(Journey(doomed))
                leaving.append(Journey(doomed))  # billing's worker tells facts of money that goes back alone
                both = pool.submit(journeys[-1].to_the_end), pool.submit(_pays_and_leaves, leaving[-1])
                _see_through(fates, list(both))
        _settles(doomed, fates)
        for journey in journeys:
            _is_whole(doomed, journey)
        for journey in leaving:
            _is_refunded_once(journey)
    finally:
        for journey in [*journeys, *leaving]:
            journey.close()
    for service in SERVICES:
        asked = doomed.command(service, "reconcile")
        assert asked.returncode == 0, asked.stdout + asked.stderr


def _pays_and_leaves(journey: Journey) -> None:
    journey.to_payment()
    paid = until(lambda: journey.patient and _paid(journey), "the payment has arrived")
    assert paid
    journey.withdraws()


def _paid(journey: Journey) -> bool:
    told = journey.installation.told("billing", journey.case_id)
    return "PaymentReceived.v1" in [fact["type"] for fact in told]


def _see_through(fates: Fates, running: list[Future[object]]) -> None:
    """Let fates have their way until every case is through; raises what went wrong in one."""
    while not all(one.done() for one in running):
        fates.go_on()
        time.sleep(0.05)
    for one in running:
        one.result()


def _settles(installation: Installation, fates: Fates) -> None:
    """Wait until everybody has died as they should, all is told, heard and done, and nobody need look."""

    def still() -> bool:
        fates.go_on()
        return fates.fulfilled and installation.quiet()

    until(still, f"all quiet; died so far: {fates.died}")
    assert sorted(fates.died) == sorted(
        [(service, point) for service, points in DEATHS.items() for point in [*points, "at random"]]
    )
    for service in SERVICES:
        until(lambda service=service: installation.health(service)[0] == 200, f"{service} is well")  # type: ignore[misc]
        assert installation.health(service)[1]["problems"] == []


def _is_whole(installation: Installation, journey: Journey) -> None:
    """Six facts, each told once and in order whatever was sent again; each mail once, a repeat under the same id."""
    facts = journey.facts()
    assert sorted(fact for fact in facts if fact in SIX) == sorted(SIX)
    records = installation.facts(journey.case_id)
    for topic in topics.FACTS:
        numbers = [
            int(dict(record.headers)["ce_sequence"])
            for record in records if record.topic == topic
        ]  # fmt: skip
        assert list(dict.fromkeys(numbers)) == list(range(1, max(numbers) + 1)), f"{topic}: {numbers}"
    mails = installation.mails(journey.story.patient_mail)
    copies = collections.Counter(mail["message_id"] for mail in mails)
    deaths = len([*DEATHS["notify"], "at random"])  # each may repeat what was under way
    assert all(count <= 1 + deaths for count in copies.values()), copies
    subjects = {mail["message_id"]: mail["subject"] for mail in mails}
    for kind in KINDS:
        of_kind = [subject for subject in subjects.values() if kind in subject.lower()]
        assert len(of_kind) == 1, f"mails about {kind!r}: {of_kind}"
    assert len(subjects) == len(KINDS)
    to_doctor = {mail["message_id"] for mail in installation.mails(journey.story.doctor_mail)}
    assert len(to_doctor) == 1


def _is_refunded_once(journey: Journey) -> None:
    finance = journey.story.as_staff("Felix Grau")
    at = f"/api/billing/cases/{journey.case_id}/ledger"
    until(lambda: [one["state"] for one in finance.get(at)["refunds"]] == ["issued"], "the refund")
    assert journey.facts().count("RefundIssued.v1") == 1
    assert journey.facts().count("PaymentReceived.v1") == 1
    ledger = finance.get(at)
    assert [one["amount"]["amount_minor"] for one in ledger["refunds"]] == [420_000]
    said = httpx.get(f"{journey.installation.gateway}/sandbox/deliveries").json()
    mine = [one for one in said if one["body"]["data"].get("reference") == ledger["refunds"][0]["id"]]
    assert len({one["body"]["data"]["refund_id"] for one in mine}) <= 1


def test_a_request_whose_server_dies_before_it_answers_is_sent_again_and_counts_once(doomed: Installation) -> None:
    journey = Journey(doomed)
    port = child.free_port()
    doomed.start(
        "fragile", "services.intake", "api", "--alone", "--port", str(port), CONSILIUM_FAILPOINT="consumer.flushed"
    )
    until(lambda: child.listens(port), "the fragile server listens")
    before = doomed.rows("intake", "SELECT count(*) AS n FROM cases")[0]["n"]
    path, body, headers = "/api/intake/requests", journey.request(), {"Idempotency-Key": uuid4().hex}
    with pytest.raises(httpx.TransportError):
        httpx.post(f"http://{HOST}:{port}{path}", json=body, headers=headers, timeout=30)
    assert doomed.processes.pop("fragile").wait(20) == -signal.SIGKILL
    assert doomed.rows("intake", "SELECT count(*) AS n FROM cases")[0]["n"] == before
    answers = [httpx.post(f"{doomed.places.pages}{path}", json=body, headers=headers, timeout=30) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    journey.story.case_id = answers[0].json()["case_id"]
    until(lambda: journey.facts() == ["RequestSubmitted.v1"], "one fact")
    assert doomed.rows("intake", "SELECT count(*) AS n FROM cases")[0]["n"] == before + 1
    journey.close()


def test_every_worker_ends_in_good_order_when_told_to_and_its_heir_goes_on(doomed: Installation) -> None:
    journey = Journey(doomed)
    journey.asks()
    old = [doomed.processes[service] for service in SERVICES]
    for worker in old:
        worker.send_signal(signal.SIGTERM)
    assert [worker.wait(30) for worker in old] == [0] * len(old)
    for service in SERVICES:
        doomed.start_worker(service)
    assert journey.is_written_to("received")
    until(doomed.quiet, "nothing left behind")
    journey.close()
