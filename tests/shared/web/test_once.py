"""Once: the same request sent twice is done once, and a crash in between leaves nothing half done."""

import asyncio

import httpx
import pytest

from shared.web import Role
from tests.support.service import ServiceUnderTest

KEY = "0123456789abcdef"


@pytest.fixture
def advisor(sample: ServiceUnderTest) -> httpx.AsyncClient:
    return sample.sign_in(Role.CARE_ADVISOR)


async def _send(client: httpx.AsyncClient, text: str = "hello", key: str | None = KEY) -> httpx.Response:
    return await client.post("/api/sample/notes", json={"text": text}, headers={"Idempotency-Key": key} if key else {})


async def test_the_same_request_twice_is_one_note_and_one_answer(
    sample: ServiceUnderTest, advisor: httpx.AsyncClient
) -> None:
    first, second = await _send(advisor), await _send(advisor)
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json() == {"number": 1, "text": "hello"}
    assert await sample.count("notes") == 1


async def test_twenty_at_once_are_one_note_and_twenty_equal_answers(
    sample: ServiceUnderTest, advisor: httpx.AsyncClient
) -> None:
    answers = await asyncio.gather(*(_send(advisor, "slow") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert await sample.count("notes") == 1


async def test_the_same_key_for_something_else_is_refused(sample: ServiceUnderTest, advisor: httpx.AsyncClient) -> None:
    await _send(advisor)
    answer = await _send(advisor, "other")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert await sample.count("notes") == 1


async def test_two_people_may_use_the_same_key(sample: ServiceUnderTest, advisor: httpx.AsyncClient) -> None:
    await _send(advisor)
    assert (await _send(sample.sign_in(Role.CARE_ADVISOR, subject="staff-ben"))).status_code == 201
    assert await sample.count("notes") == 2


async def test_work_that_fails_leaves_nothing_and_may_be_tried_again(
    sample: ServiceUnderTest, advisor: httpx.AsyncClient
) -> None:
    assert (await _send(advisor, "fail")).status_code == 409
    assert await sample.count("notes") == 0
    assert await sample.count("idempotency") == 0
    assert (await _send(advisor, "hello")).status_code == 201


@pytest.mark.parametrize("key", [None, "short", "x" * 256, "tabs\tare not"])
async def test_without_a_proper_key_nothing_happens(
    sample: ServiceUnderTest, advisor: httpx.AsyncClient, key: str | None
) -> None:
    answer = await _send(advisor, key=key)
    assert (answer.status_code, answer.json()["title"]) == (400, "Idempotency-Key is missing")
    assert await sample.count("notes") == 0


async def test_a_form_sent_twice_leads_to_the_same_place(sample: ServiceUnderTest) -> None:
    sent = {
        "_once": KEY,
        "full_name": "Ana Example",
        "birth_date-day": "27",
        "birth_date-month": "3",
        "birth_date-year": "1978",
        "kind": "video",
        "wishes": ["time"],
    }
    first = await sample.http.post("/visit", data=sent)
    second = await sample.http.post("/visit", data=sent)
    assert (first.status_code, first.headers["location"]) == (303, "/visit?sent=1")
    assert second.headers["location"] == first.headers["location"]
    assert await sample.count("notes") == 1


async def test_uploads_count_by_their_content(sample: ServiceUnderTest) -> None:
    fields = {"_once": KEY, "full_name": "Ana", "birth_date": "1978-03-27", "kind": "video", "wishes": "time"}
    sent = [
        await sample.http.post("/visit", data=fields, files={"scan": ("a.txt", content)})
        for content in (b"one", b"one", b"two")
    ]
    assert [answer.status_code for answer in sent] == [303, 303, 422]
