"""The JSON interface: answers, problems, idempotency, versions, and who may call."""

from datetime import timedelta
from typing import Any

import pytest

from shared.ids import new_id, parse_case_number
from shared.web import Role
from tests.intake.asking import a_request, accept, advisor, key, quote, requester, submit
from tests.support.service import ServiceUnderTest


async def test_a_request_is_answered_with_its_number_and_the_same_key_gives_the_same_case(
    intake: ServiceUnderTest,
) -> None:
    same = key()
    first = await intake.http.post("/api/intake/requests", json=a_request(), headers=same)
    again = await intake.http.post("/api/intake/requests", json=a_request(), headers=same)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert parse_case_number(first.json()["case_number"])
    assert await intake.count("cases") == 1
    other = await intake.http.post("/api/intake/requests", json=a_request(surgery="yes"), headers=same)
    assert other.status_code == 422
    assert await intake.count("cases") == 1


@pytest.mark.parametrize(("body", "status"), [
    (a_request(reasons=["curious"]), 422),
    (a_request(extra=1), 422),
    (a_request(reasons="all"), 422),
    (a_request(programme="unheard_of"), 422),
    (a_request(consent={**a_request()["consent"], "version": "consent.v0"}), 422),
    ([], 422),
])  # fmt: skip
async def test_what_is_no_request_is_refused_as_a_problem_and_changes_nothing(
    intake: ServiceUnderTest, body: Any, status: int
) -> None:
    answer = await intake.http.post("/api/intake/requests", json=body, headers=key())
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"]
    assert await intake.count("cases") == 0
    assert await intake.emitted() == []


async def test_broken_json_and_a_missing_key_are_400(intake: ServiceUnderTest) -> None:
    broken = await intake.http.post(
        "/api/intake/requests", content=b"{", headers={**key(), "Content-Type": "application/json"}
    )
    keyless = await intake.http.post("/api/intake/requests", json=a_request())
    assert (broken.status_code, keyless.status_code) == (400, 400)
    assert await intake.count("cases") == 0


async def test_another_programme_may_be_named(intake: ServiceUnderTest) -> None:
    from shared import programme

    rules = programme.current("harborlight_integrative")
    body = a_request(
        programme=rules.id, emergency_notice_version=rules.text_version("emergency_notice"), interests=["integrative"],
        consent={**a_request()["consent"], "version": rules.text_version("consent")},
        reasons=[next(iter(rules.reasons))], cancer_type=next(iter(rules.cancer_types)),
    )  # fmt: skip
    case_id = await submit(intake, body)
    assert (await quote_of(intake, case_id, ["integrative"], rules.currency)).status_code == 201


async def quote_of(intake: ServiceUnderTest, case_id: object, services: list[str], currency: str = "USD") -> Any:
    body = {"services": services, "price": {"amount_minor": 100, "currency": currency}}
    return await advisor(intake).post(f"/api/intake/cases/{case_id}/quotes", json=body, headers=key())


async def test_each_broken_rule_of_a_selection_is_named_in_a_sentence(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    refused = await quote_of(intake, case_id, ["integrative", "pathology", "massage"])
    assert refused.status_code == 422
    sentences = [error["detail"] for error in refused.json()["errors"]]
    assert len(sentences) == 2
    assert any("ntegrative" in sentence for sentence in sentences)
    assert (await quote_of(intake, case_id, ["written"], "EUR")).status_code == 422
    assert await intake.count("quotes") == 0


async def test_a_request_is_moved_with_its_version_and_back(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake, a_request(stream="in_person"))
    ada, url = advisor(intake), f"/api/intake/cases/{case_id}/stream"
    seen = (await ada.get(f"/api/intake/cases/{case_id}")).headers["etag"]
    there = {"stream": "remote", "reason": "asked by phone"}
    assert (await ada.put(url, json=there)).status_code == 428
    moved = await ada.put(url, json=there, headers={"If-Match": seen})
    assert moved.status_code == 200
    assert moved.json()["stream"] == "remote"
    assert moved.headers["etag"] != seen
    stale = await ada.put(url, json={"stream": "in_person", "reason": "no"}, headers={"If-Match": seen})
    assert stale.status_code == 412
    assert stale.headers["content-type"] == "application/problem+json"
    same = await ada.put(url, json=there, headers={"If-Match": moved.headers["etag"]})
    assert same.status_code == 409
    intake.clock.advance(timedelta(minutes=1))
    back = await ada.put(
        url, json={"stream": "in_person", "reason": "wants to travel"}, headers={"If-Match": moved.headers["etag"]}
    )
    assert back.status_code == 200
    kept = await intake.fetch("SELECT moved_to, reason, moved_by FROM stream_moves ORDER BY moved_at")
    assert [tuple(row) for row in kept] == [
        ("remote", "asked by phone", "staff-ada"), ("in_person", "wants to travel", "staff-ada"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name", ["Dalia\n\nYour account is locked: call +1 555 0100", "Dalia\rX", "Dalia\u2028X", "Da\x1blia"]
)
async def test_a_name_is_one_line_and_can_add_none_to_a_letter(intake: ServiceUnderTest, name: str) -> None:
    asks = a_request()["requester"] | {"name": name}
    answer = await intake.http.post("/api/intake/requests", json=a_request(requester=asks), headers=key())
    assert answer.status_code == 422, answer.text


async def test_services_look_up_whom_to_write_to_and_what_is_asked(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    peer = intake.as_service("notify")
    contacts = (await peer.get(f"/api/intake/cases/{case_id}/contacts")).json()
    assert contacts["requester"] == {"name": "Dalia Testova", "email": "dalia@example.com", "role": "family"}
    assert contacts["patient"] == {"name": "Mira Testova", "email": None}
    assert contacts["local_physician"] == {"name": "Dr Ana Exemplo", "email": "ana@example.org"}
    assert contacts["withdrawn"] is False
    assert contacts["locale"] == "en"
    brief = (await peer.get(f"/api/intake/cases/{case_id}/brief")).json()
    assert brief["patient"]["birth_date"] == "1958-03-27"
    assert brief["reasons"] == ["new_diagnosis", "peace_of_mind"]
    assert brief["story"] is None
    assert [question["text"] for question in brief["questions"]] == ["Is surgery needed?", "Which medicine first?"]
    assert (await peer.get(f"/api/intake/cases/{new_id()}/brief")).status_code == 404


async def test_a_link_is_the_same_for_the_same_key_and_is_stored_nowhere(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    peer, same = intake.as_service("notify"), key()
    body = {"audience": "requester", "path": f"/my/cases/{case_id}"}
    first = await peer.post(f"/api/intake/cases/{case_id}/links", json=body, headers=same)
    again = await peer.post(f"/api/intake/cases/{case_id}/links", json=body, headers=same)
    assert first.status_code == 201
    assert first.json() == again.json()
    assert await intake.count("links") == 1
    token = first.json()["url"].rpartition("/")[2]
    stored = await intake.fetch("SELECT answer::text AS answer FROM idempotency")
    assert all(token not in row["answer"] for row in stored)
    other = await peer.post(f"/api/intake/cases/{case_id}/links", json=body, headers=key())
    assert other.json()["url"] != first.json()["url"]
    elsewhere = {"audience": "requester", "path": "//evil.example"}
    assert (await peer.post(f"/api/intake/cases/{case_id}/links", json=elsewhere, headers=key())).status_code == 409
    nobody = {"audience": "patient", "path": "/my"}
    assert (await peer.post(f"/api/intake/cases/{case_id}/links", json=nobody, headers=key())).status_code == 409


async def test_everybody_reaches_only_what_is_theirs(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    offered = await quote(intake, case_id)
    stranger = intake.sign_in(Role.REQUESTER, cases=[new_id()])
    assert (await stranger.get(f"/api/intake/cases/{case_id}")).status_code == 404
    assert (await intake.http.get(f"/api/intake/cases/{case_id}")).status_code == 401
    assert (await requester(intake, case_id).get(f"/api/intake/cases/{case_id}")).status_code == 200
    answer = {"quote_id": offered["quote_id"], "revision": 1}
    for role in (Role.PATIENT, Role.CARE_ADVISOR):
        who = intake.sign_in(role, cases=[case_id])
        refused = await who.post(f"/api/intake/cases/{case_id}/accept", json=answer, headers=key())
        assert refused.status_code == 403
    for client in (requester(intake, case_id), advisor(intake)):
        assert (await client.get(f"/api/intake/cases/{case_id}/contacts")).status_code == 403
    assert (await accept(intake, case_id, offered)).status_code == 200


async def test_text_that_the_database_can_not_keep_and_sums_beyond_reason_are_refused(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    for change in ({"story": "a\0b"}, {"questions": ["\0"]}, {"requester": {**a_request()["requester"], "name": "\0"}}):
        answer = await intake.http.post("/api/intake/requests", json=a_request(**change), headers=key())
        assert answer.status_code == 422
    body = {"services": ["written"], "price": {"amount_minor": 10**30, "currency": "USD"}}
    assert (
        await advisor(intake).post(f"/api/intake/cases/{case_id}/quotes", json=body, headers=key())
    ).status_code == 422
