"""HTTP on a bad day, at every service as it really runs: a problem that says what to do, and no change in any table."""

import json
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from deploy.demo.people import Person
from deploy.demo.story import ADVISOR
from shared.web.app import MAX_BODY
from tests.support.installation import Installation, until
from tests.support.journey import Journey
from tests.support.service import SERVICES

pytestmark = pytest.mark.timeout(600)

Body = dict[str, Any] | None
NOISE = "worker_reports"
"""A worker that lives says so every two seconds."""


@dataclass
class Door:
    """One address of a service with a body that it takes, by somebody who may."""

    method: str
    path: str
    person: Person
    body: Body
    wrong: Body = None
    version: Callable[[], int] | None = None

    def send(self, content: bytes | None = None, **headers: str | None) -> httpx.Response:
        """Knock: properly, but for what is said here; a header that is None stays away."""
        told: dict[str, str | None] = {"Content-Type": "application/json"}
        if self.method == "POST":
            told["Idempotency-Key"] = uuid.uuid4().hex
        if self.version is not None:
            told["If-Match"] = f'"{self.version()}"'
        told |= {name.replace("_", "-"): value for name, value in headers.items()}
        body = content if content is not None else b"" if self.body is None else json.dumps(self.body).encode()
        kept = {name: value for name, value in told.items() if value is not None}
        return self.person.client.request(self.method, self.path, content=body, headers=kept)


@dataclass
class Scene:
    """Cases at the stages in which something can go wrong, and the doors to knock at."""

    installation: Installation
    doors: dict[str, Door]
    journeys: list[Journey] = field(default_factory=list)

    def tables(self) -> dict[str, Any]:
        """Return everything in every database."""
        return {service: self.installation.everything_in(service, NOISE) for service in SERVICES}


Tables = dict[str, dict[str, list[str]]]


def difference(before: Tables, after: Tables) -> list[str]:
    """Return the rows that are new or gone, each behind its service and table."""
    return [
        f"{service}.{table} {row}"
        for service, tables in before.items()
        for table, rows in tables.items()
        for row in {*rows} ^ {*after[service][table]}
    ]


@pytest.fixture(scope="module")
def scene(installation: Installation) -> Iterator[Scene]:
    asked, paid, taken = (Journey(installation) for _ in range(3))
    with ThreadPoolExecutor(3) as pool:
        first, second, third = (
            pool.submit(asked.asks),
            pool.submit(paid.to_payment),
            pool.submit(_to_the_specialist, taken),
        )
        first.result(), second.result()
        specialist = third.result()
    until(lambda: "CollectionOpened.v1" in paid.facts() and "SpecialistAssigned.v1" in taken.facts(), "the stages")
    doors = _doors(asked, paid, taken, specialist)
    found = Scene(installation, doors)
    seen: deque[Any] = deque(maxlen=5)

    def settled() -> bool:
        """Nothing under way, and nothing new in five looks: a fact may be between two services."""
        seen.append(found.tables())
        return installation.quiet() and len(seen) == seen.maxlen and all(one == seen[0] for one in seen)

    until(settled, "nothing under way")
    yield found
    for journey in (asked, paid, taken):
        journey.close()


def _to_the_specialist(journey: Journey) -> Person:
    journey.to_payment()
    journey.collects()
    return journey.is_taken()


def _doors(asked: Journey, paid: Journey, taken: Journey, specialist: Person) -> dict[str, Door]:
    advisor, manager = asked.story.as_staff(ADVISOR), paid.story.manager()
    finance = paid.story.as_staff("Felix Grau")
    stranger = Person(asked.installation.places, "anybody")
    asked.story.people["anybody"] = stranger
    case = f"/api/intake/cases/{asked.case_id}"
    records = f"/api/records/cases/{paid.case_id}"
    matching = f"/api/matching/cases/{taken.case_id}"
    messages = advisor.get(f"/api/notify/cases/{taken.case_id}/messages")["messages"]
    summary = {"text": "A made-up summary of a made-up history."}
    receipt = {
        "bank_reference": f"bank-{uuid.uuid4().hex}", "amount": {"amount_minor": 100, "currency": "USD"},
        "sender": "A Testfall", "remittance": "", "value_on": "2027-01-04",
    }  # fmt: skip
    parcel = {"leg": "to_laboratory", "slides": 3, "courier": "Example Courier", "tracking": "EX1"}
    shortlist = {"specialist_ids": [str(uuid.uuid4())]}
    return {
        "intake request": Door("POST", "/api/intake/requests", stranger, asked.request(), {"reasons": 5}),
        "intake stream": Door(
            "PUT", f"{case}/stream", advisor, {"stream": "in_person", "reason": "Prefers to travel."}, {"stream": 5},
            lambda: int(advisor.get(case)["version"]),
        ),
        "billing receipt": Door("POST", "/api/billing/receipts", finance, receipt, {"amount": "a lot"}),
        "records parcel": Door("POST", f"{records}/parcels", manager, parcel, {"slides": "three"}),
        "records summary": Door(
            "PUT", f"{records}/summary", manager, summary, {"text": [1]},
            lambda: int(manager.get(f"{records}/summary")["version"]),
        ),
        "matching offer": Door(
            "POST", f"{matching}/offers", taken.story.as_staff("Dr Vera Stahl"), shortlist, {"specialist_ids": "all"},
        ),
        "matching opinion": Door(
            "PUT", f"{matching}/opinion", specialist, {"plan": "Rest."}, {"answers": "none"},
            lambda: int(specialist.get(f"{matching}/opinion")["revision"]),
        ),
        "notify resend": Door("POST", f"/api/notify/messages/{messages[0]['id']}/resend", advisor, None),
    }  # fmt: skip


def _unknown_field(door: Door) -> httpx.Response:
    return door.send(json.dumps({**(door.body or {}), "surprise": 1}).encode())


def _wrong_type(door: Door) -> httpx.Response:
    return door.send(json.dumps({**(door.body or {}), **(door.wrong or {})}).encode())


def _not_an_object(door: Door) -> httpx.Response:
    return door.send(b'["what", "is", "this"]')


def _huge(door: Door) -> httpx.Response:
    return door.send(json.dumps({**(door.body or {}), "surprise": "x" * MAX_BODY}).encode())


def _broken(door: Door) -> httpx.Response:
    return door.send(b'{"stream": "in_pers')


def _stale(door: Door) -> httpx.Response:
    assert door.version is not None
    return door.send(If_Match=f'"{door.version() + 7}"')


def _garbled_version(door: Door) -> httpx.Response:
    return door.send(If_Match='"yesterday"')


def _no_version(door: Door) -> httpx.Response:
    return door.send(If_Match=None)


def _no_key(door: Door) -> httpx.Response:
    return door.send(Idempotency_Key=None)


def _short_key(door: Door) -> httpx.Response:
    return door.send(Idempotency_Key="1")


BODIES = {
    "unknown field": (_unknown_field, 422, "Not what this address takes"),
    "wrong type": (_wrong_type, 422, "Not what this address takes"),
    "not an object": (_not_an_object, 422, "Not what this address takes"),
    "huge body": (_huge, 413, "Too large"),
    "broken JSON": (_broken, 400, "Not JSON"),
}
KEYS = {
    "missing key": (_no_key, 400, "Idempotency-Key is missing"),
    "short key": (_short_key, 400, "Idempotency-Key is missing"),
}
VERSIONS = {
    "stale ETag": (_stale, 412, "Changed since you saw it"),
    "garbled ETag": (_garbled_version, 412, "Changed since you saw it"),
    "missing ETag": (_no_version, 428, "Say which version you saw"),
}
PUTS = ("intake stream", "records summary", "matching opinion")
POSTS = ("intake request", "billing receipt", "records parcel", "matching offer", "notify resend")
BAD_DAYS = [
    *((door, day, *what) for door in (*POSTS[:-1], *PUTS) for day, what in BODIES.items()),
    *((door, day, *what) for door in POSTS for day, what in KEYS.items()),
    *((door, day, *what) for door in PUTS for day, what in VERSIONS.items()),
]


@pytest.mark.parametrize(
    ("door", "do", "status", "title"),
    [pytest.param(door, do, status, title, id=f"{door}, {day}") for door, day, do, status, title in BAD_DAYS],
)
def test_what_is_not_right_is_a_problem_and_changes_nothing(
    scene: Scene, door: str, do: Callable[[Door], httpx.Response], status: int, title: str,
) -> None:  # fmt: skip
    before = scene.tables()
    answer = do(scene.doors[door])
    _is_a_problem(answer, status, title)
    assert difference(before, scene.tables()) == []


def _is_a_problem(answer: httpx.Response, status: int, title: str | None = None) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json"), answer.text
    said = answer.json()
    assert said["status"] == status
    assert said["detail"], "it says what to do"
    assert title is None or said["title"] == title
    if status == 422 and title and title.startswith("Not what"):
        assert all(error["pointer"].startswith("#") and error["detail"] for error in said["errors"])
        assert said["errors"]


TAKEN = {"intake request": 201, "billing receipt": 201, "records parcel": 201, "notify resend": 200}


@pytest.mark.parametrize("name", TAKEN)
def test_a_key_stands_for_one_request_only(scene: Scene, name: str) -> None:
    door, key = scene.doors[name], uuid.uuid4().hex
    first = door.send(Idempotency_Key=key)
    assert first.status_code == TAKEN[name], first.text
    until(scene.installation.quiet, "nothing under way")
    before = scene.tables()
    again = door.send(Idempotency_Key=key)
    assert (again.status_code, again.content) == (first.status_code, first.content), "the same answer to the byte"
    other = door.send(
        json.dumps({**(door.body or {}), "surprise": 1} if door.body else {}).encode() + b" ", Idempotency_Key=key
    )
    _is_a_problem(other, 422)
    changed = {**(door.body or {}), **OTHER.get(name, {})}
    _is_a_problem(
        door.send(json.dumps(changed).encode(), Idempotency_Key=key), 422, "This key was used for something else"
    )
    assert difference(before, scene.tables()) == []


OTHER: dict[str, dict[str, Any]] = {
    "intake request": {"locale": "ar"},
    "billing receipt": {"sender": "B Testfall"},
    "records parcel": {"slides": 4},
}


@pytest.mark.parametrize("name", PUTS)
def test_of_two_edits_of_one_version_the_second_is_told_to_look_again(scene: Scene, name: str) -> None:
    door = scene.doors[name]
    assert door.version is not None
    seen = f'"{door.version()}"'
    first = door.send(If_Match=seen)
    assert first.status_code == 200, first.text
    until(scene.installation.quiet, "nothing under way")
    before = scene.tables()
    _is_a_problem(door.send(If_Match=seen), 412, "Changed since you saw it")
    assert difference(before, scene.tables()) == []
