"""The JSON interface: what it refuses, with which problem, and that nothing changes then."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.ids import CaseId, new_id
from shared.web.principals import Role
from tests.matching.conftest import Clinic, finished, post
from tests.support.facts import submitted, withdrawn


async def test_the_ranking_gives_reasons_and_says_who_is_left_out(clinic: Clinic) -> None:
    case_id = await clinic.a_complete_case(
        local_physician={"name": "Dr Peter Marlowe", "institution": "Any", "country": "JO"}
    )
    ranking = (await clinic.lead.get(f"/api/matching/cases/{case_id}/candidates")).json()
    assert ranking["discipline"] == "oncology"
    assert ranking["candidates"][0]["name"] == "Dr Imani Okafor"
    assert {reason["code"] for reason in ranking["candidates"][0]["reasons"]} == {
        "expertise",
        "load",
        "fairness",
        "language",
    }
    left_out = {one["name"]: one["reason"] for one in ranking["excluded"]}
    assert left_out == {"Dr Edith Marlowe": "Conflict of interest: declared a tie to the treating physician."}


async def test_who_is_ruled_out_cannot_be_asked(clinic: Clinic) -> None:
    case_id = await clinic.a_complete_case()
    edith = (await clinic.ids(case_id))["Dr Edith Marlowe"]
    clinic.knows(case_id, local_physician={"name": "Dr Peter Marlowe", "institution": "Any", "country": "JO"})
    refused = await post(clinic.lead, f"/api/matching/cases/{case_id}/offers", {"specialist_ids": [edith]})
    assert refused.status_code == 409
    assert await clinic.service.count("offers") == 0


async def test_nothing_is_ranked_before_the_materials_are_complete_or_without_intake(clinic: Clinic) -> None:
    assert (await clinic.lead.get(f"/api/matching/cases/{new_id()}/candidates")).status_code == 404
    early = CaseId(new_id())
    await clinic.service.receives(submitted(early))
    assert (await clinic.lead.get(f"/api/matching/cases/{early}/candidates")).status_code == 404
    case_id = await clinic.a_complete_case()
    clinic.service.peers.answers.clear()
    away = await clinic.lead.get(f"/api/matching/cases/{case_id}/candidates")
    assert (away.status_code, away.headers["content-type"]) == (503, "application/problem+json")


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"no_conflict": False}, 409),
        ({}, 422),
        ({"no_conflict": True, "more": 1}, 422),
        ({"no_conflict": "perhaps"}, 422),
    ],
)
async def test_without_the_declaration_nobody_gets_the_case(clinic: Clinic, body: Any, status: int) -> None:
    case_id = await clinic.a_complete_case()
    await clinic.offer(case_id, "Dr Imani Okafor")
    offer_id = await clinic.offer_of(clinic.imani)
    assert (await post(clinic.imani, f"/api/matching/offers/{offer_id}/accept", body)).status_code == status
    assert await clinic.service.count("assignments") == 0


async def test_the_same_key_gives_the_same_answer_and_another_body_is_refused(clinic: Clinic) -> None:
    case_id = await clinic.a_complete_case()
    await clinic.offer(case_id, "Dr Imani Okafor")
    path, key = (
        f"/api/matching/offers/{await clinic.offer_of(clinic.imani)}/accept",
        {"Idempotency-Key": "a-key-of-mine"},
    )
    first = await clinic.imani.post(path, json={"no_conflict": True}, headers=key)
    again = await clinic.imani.post(path, json={"no_conflict": True}, headers=key)
    assert (first.status_code, first.json()) == (again.status_code, again.json()) == (200, first.json())
    assert (await clinic.imani.post(path, json={"no_conflict": False}, headers=key)).status_code == 422
    assert (await clinic.imani.post(path, json={"no_conflict": True})).status_code == 400


async def test_an_edit_names_the_revision_it_was_made_from(clinic: Clinic) -> None:
    case_id = await clinic.a_case_with_imani()
    path = f"/api/matching/cases/{case_id}/opinion"
    assert (await clinic.imani.put(path, json=finished())).status_code == 428
    saved = await clinic.imani.put(path, json=finished(), headers={"If-Match": '"1"'})
    assert saved.headers["ETag"] == '"2"'
    assert (await clinic.imani.put(path, json=finished(plan="X"), headers={"If-Match": '"1"'})).status_code == 412
    read = await clinic.imani.get(path)
    assert read.headers["ETag"] == '"2"'
    assert read.json()["text"]["plan"] == "Surgery first, then radiotherapy."
    assert read.json()["questions"][1]["text"] == "هل يمكنني الانتظار؟"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"plan": ""}, "#/plan"),
        ({"answers": finished()["answers"][:1]}, "#/answer-q2"),
        (
            {"answers": [{"question_id": "q1", "outcome": "answered", "text": ""}, finished()["answers"][1]]},
            "#/answer-q1",
        ),
        ({"answers": [{"question_id": "other", "outcome": "answered", "text": "x"}]}, "#/answer-q1"),
    ],
)
async def test_nothing_incomplete_is_signed(clinic: Clinic, changes: Any, field: str) -> None:
    case_id = await clinic.a_case_with_imani()
    await clinic.write(case_id, finished(**changes))
    refused = await clinic.sign(case_id)
    assert refused.status_code == 422
    assert field in [error["pointer"] for error in refused.json()["errors"]]
    assert (await clinic.service.fetch("SELECT state FROM opinions"))[0]["state"] == "draft"
    assert await clinic.service.count("errands") == 0


async def test_a_question_that_comes_in_while_writing_must_be_answered_too(clinic: Clinic) -> None:
    case_id = await clinic.a_case_with_imani()
    await clinic.write(case_id)
    clinic.knows(case_id, questions=[{"id": "q3", "text": "What about my sister?"}])
    refused = await clinic.sign(case_id)
    assert "Question 1 is open" in refused.json()["detail"]


async def test_only_the_authors_name_and_a_yes_sign(clinic: Clinic) -> None:
    case_id = await clinic.a_case_with_imani()
    await clinic.write(case_id)
    assert (await clinic.sign(case_id, "Dr Yusuf Demir")).status_code == 422
    assert (await clinic.sign(case_id, confirm=False)).status_code == 422
    signed = await clinic.sign(case_id, "okafor imani")
    assert signed.json()["text"]["answers"][0]["question_id"] == "q1"
    edited = await clinic.imani.put(
        f"/api/matching/cases/{case_id}/opinion",
        json=finished(),
        headers={"If-Match": f'"{signed.json()["revision"]}"'},
    )
    assert edited.status_code == 409
    assert "never changes" in edited.json()["detail"]


async def test_what_can_not_be_printed_is_not_signed(clinic: Clinic) -> None:
    case_id = await clinic.a_case_with_imani()
    await clinic.write(case_id, finished(plan="All good 😀"))
    refused = await clinic.sign(case_id)
    assert refused.status_code == 422
    assert "😀" in refused.json()["detail"]


async def test_a_draft_is_nobody_elses(clinic: Clinic) -> None:
    case_id = await clinic.a_case_with_imani()
    for path in ("opinion", "opinion.pdf", "opinion/preview.pdf"):
        assert (await clinic.yusuf.get(f"/api/matching/cases/{case_id}/{path}")).status_code == 404
    for role in (Role.PATIENT, Role.REQUESTER, Role.LOCAL_PHYSICIAN):
        reader = clinic.reader(role, case_id)
        assert (await reader.get(f"/api/matching/cases/{case_id}/opinion.pdf")).status_code == 404
        assert (await reader.get(f"/api/matching/cases/{case_id}/opinion")).status_code == 403
    assert (await clinic.lead.get(f"/api/matching/cases/{case_id}/opinion.pdf")).status_code == 404
    assert (await clinic.imani.get(f"/api/matching/cases/{case_id}/opinion/preview.pdf")).content.startswith(b"%PDF-")


async def test_after_a_withdrawal_the_local_physicians_access_ends(clinic: Clinic) -> None:
    case_id = await clinic.a_delivered_case()
    await clinic.service.receives(withdrawn(case_id))
    path = f"/api/matching/cases/{case_id}/opinion.pdf"
    assert (await clinic.reader(Role.LOCAL_PHYSICIAN, case_id).get(path)).status_code == 404
    assert (await clinic.reader(Role.PATIENT, case_id).get(path)).status_code == 200


async def test_the_receipt_is_the_first_opening_by_each_person(clinic: Clinic) -> None:
    case_id = await clinic.a_delivered_case()
    doctor = clinic.reader(Role.LOCAL_PHYSICIAN, case_id)
    first = clinic.service.clock.now()
    await doctor.get(f"/api/matching/cases/{case_id}/opinion.pdf")
    clinic.service.clock.advance(timedelta(minutes=5))
    await doctor.get(f"/api/matching/cases/{case_id}/opinion.pdf")
    await clinic.lead.get(f"/api/matching/cases/{case_id}/opinion.pdf")
    rows = await clinic.service.fetch("SELECT audience, opened_at FROM receipts")
    assert [tuple(row) for row in rows] == [("local_physician", first)]


async def test_other_services_may_ask_who_the_specialist_is(clinic: Clinic) -> None:
    case_id = await clinic.a_complete_case()
    records = clinic.service.as_service("records")
    path = f"/api/matching/cases/{case_id}/specialist"
    assert (await records.get(path)).status_code == 404
    await clinic.offer(case_id, "Dr Imani Okafor")
    await clinic.accept(clinic.imani)
    assert (await records.get(path)).json()["subject"] == "staff-imani"
    assert (await clinic.reader(Role.PATIENT, CaseId(case_id)).get(path)).status_code == 403


async def test_everybody_who_was_asked_is_listed(clinic: Clinic) -> None:
    case_id = await clinic.a_complete_case()
    await clinic.offer(case_id, "Dr Imani Okafor")
    offer_id = await clinic.offer_of(clinic.imani)
    assert (
        await post(clinic.imani, f"/api/matching/offers/{offer_id}/decline", {"reason": "On leave"})
    ).status_code == 200
    ranking = (await clinic.lead.get(f"/api/matching/cases/{case_id}/candidates")).json()
    assert "Was asked before and declined it." in [one["reason"] for one in ranking["excluded"]]
    await clinic.offer(case_id, "Dr Annika Solberg")
    listed = (await clinic.lead.get(f"/api/matching/cases/{case_id}/offers")).json()["offers"]
    assert [(one["rank"], one["state"], one["reason"]) for one in listed] == [
        (1, "declined", "On leave"),
        (2, "offered", ""),
    ]
    asked_again = await clinic.offer(case_id, "Dr Yusuf Demir")
    assert asked_again.status_code == 409


async def test_who_sends_again_gets_the_same_answer_also_when_intake_is_away(clinic: Clinic) -> None:
    case_id = await clinic.a_complete_case()
    base, ids = f"/api/matching/cases/{case_id}", await clinic.ids(case_id)

    async def twice(who: httpx.AsyncClient, path: str, body: Any, other: Any, **headers: str) -> None:
        headers |= {"Idempotency-Key": str(new_id())}
        first = await who.post(base + path, json=body, headers=headers)
        assert first.status_code == 200, first.text
        answers = clinic.service.peers.answers.copy()
        clinic.service.peers.answers.clear()
        again = await who.post(base + path, json=body, headers=headers)
        assert (again.status_code, again.text) == (200, first.text)
        changed = await who.post(base + path, json=other, headers=headers)
        assert (changed.status_code, changed.json()["title"]) == (422, "This key was used for something else")
        clinic.service.peers.answers |= answers

    await twice(
        clinic.lead, "/offers", {"specialist_ids": [ids["Dr Imani Okafor"]]}, {"specialist_ids": [*ids.values()]}
    )
    await clinic.accept(clinic.imani)
    written = await clinic.write(case_id)
    signature = {"name": "Dr Imani Okafor", "confirm": True}
    await twice(
        clinic.imani, "/opinion/sign", signature, signature | {"name": "Imani"}, **{"If-Match": written.headers["ETag"]}
    )
