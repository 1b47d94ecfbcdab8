"""Who may send, and what each sees: the patient, somebody of the family, the local physician (R9, R22, M13)."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from shared.ids import new_id
from shared.web import Role
from shared.web.app import routes_of
from shared.web.auth import rule_of
from tests.records.conftest import PDF, Case
from tests.support.facts import withdrawn


def physician(case: Case) -> httpx.AsyncClient:
    return case.records.sign_in(Role.LOCAL_PHYSICIAN, subject=f"link:{case.id}", name="Dr Local", cases=[case.id])


def family(case: Case, helper: UUID) -> httpx.AsyncClient:
    return case.records.sign_in(Role.FAMILY, subject=f"helper:{helper}", name="Noura Madeup", cases=[case.id])


async def invites(case: Case, authority: str = "sends") -> UUID:
    body = {"name": "Noura Madeup", "relation": "child", "authority": authority}
    answer = await case.post("/helpers", body, who=case.patient)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["id"])


async def sends(case: Case, who: httpx.AsyncClient, code: str, body: bytes = PDF) -> httpx.Response:
    item = (await case.item(code))["id"]
    return await who.put(f"{case.api}/items/{item}/documents/{new_id()}", params={"name": "x.pdf"}, content=body)


async def seen_by(case: Case, who: httpx.AsyncClient) -> dict[str, list[str]]:
    items = (await who.get(f"{case.api}/checklist")).json()["items"]
    return {item["code"]: [one["id"] for one in item["documents"]] for item in items}


OTHERS = ("theirs.pdf", "Hope Clinic", "A question of the patient's", "Page 2 of theirs is missing")


async def whats_others(case: Case) -> dict[str, object]:
    """Let the patient send, ask and name things that are no helper's to see; return the ids of all that."""
    document = await case.uploads("clinical_summary", name="theirs.pdf")
    item = (await case.item("clinical_summary"))["id"]
    hospital = {"name": "Hope Clinic", "country": "EG", "language": "en"}
    provider = (await case.post("/providers", hospital, who=case.patient)).json()["id"]
    await case.post(f"/items/{item}/messages", {"text": "A question of the patient's"}, who=case.patient)
    assert (await case.decides("clinical_summary", "return", "Page 2 of theirs is missing")).status_code == 200
    return {"case_id": case.id, "document_id": document, "item_id": item, "provider_id": provider, "helper_id": uuid4()}


def reached_by(case: Case, ids: dict[str, object], role: Role | None = None) -> Iterator[tuple[str, str]]:
    """Yield method and path of each route that lets a role in, or (None) of each below the desk."""
    for route in routes_of(case.records.app):
        rule = rule_of(route)
        if route.path.startswith("/desk/records/cases/") if role is None else rule is not None and role in rule.roles:
            path = re.sub(r"{(\w+)[^}]*}", lambda found: str(ids.get(found[1], 1)), route.path)
            yield from ((method, path) for method in sorted(route.methods - {"OPTIONS"}))


async def asks(who: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    headers = {"Idempotency-Key": uuid4().hex, "If-Match": '"1"', "Tus-Resumable": "1.0.0"}
    return await who.request(method, path, headers=headers, json={} if method in ("POST", "PUT", "PATCH") else None)


async def test_nobody_but_staff_reaches_anything_on_the_desk(case: Case) -> None:
    ids = await whats_others(case)
    helper = family(case, await invites(case))
    answers = {place: (await asks(helper, *place)).status_code for place in reached_by(case, ids)}
    assert len(answers) > 30
    assert {place: status for place, status in answers.items() if status != 403} == {}


async def test_whatever_a_helper_or_a_physician_asks_for_tells_nothing_of_what_others_sent(case: Case) -> None:
    ids = await whats_others(case)
    helper = family(case, await invites(case))
    for who, role in ((helper, Role.FAMILY), (physician(case), Role.LOCAL_PHYSICIAN)):
        paths = [path for method, path in reached_by(case, ids, role) if method == "GET"]
        assert len(paths) > 10
        told = {path: (await who.get(path)).text for path in paths}
        assert {path: words for path, text in told.items() if (words := [one for one in OTHERS if one in text])} == {}


async def test_wherever_a_helper_came_in_nothing_opens_once_the_invitation_is_taken_back(case: Case) -> None:
    ids = await whats_others(case)
    helper_id = await invites(case, "acts")
    helper = family(case, helper_id)
    assert (await helper.get(f"/my/records/cases/{case.id}/providers")).status_code == 200
    assert (await case.post(f"/helpers/{helper_id}/revocation", {}, who=case.patient)).status_code == 200

    answers = {place: (await asks(helper, *place)).status_code for place in reached_by(case, ids, Role.FAMILY)}
    assert len(answers) > 40
    opened = {place: status for place, status in answers.items() if status not in (403, 404)}
    assert {
        place: status for place, status in opened.items() if place[0] == "GET" or status not in (400, 415, 422)
    } == {}


async def test_a_local_physician_sees_the_lines_that_are_asked_of_them_and_what_they_sent(case: Case) -> None:
    theirs = await case.uploads("clinical_summary")
    other = await case.uploads("pathology_report")
    doctor = physician(case)

    assert (await sends(case, doctor, "clinical_summary", PDF + b"2")).status_code == 201
    found = await seen_by(case, doctor)
    assert set(found) == {"clinical_summary", "laboratory_results"}
    assert len(found["clinical_summary"]) == 1
    assert str(theirs) not in found["clinical_summary"]
    for document in (theirs, other):
        assert (await doctor.get(f"{case.api}/documents/{document}/content")).status_code == 404
        assert (await doctor.get(f"/my/records/cases/{case.id}/documents/{document}")).status_code == 404
    assert (await doctor.get(f"{case.api}/documents/{found['clinical_summary'][0]}/content")).content == PDF + b"2"
    assert (await sends(case, doctor, "pathology_report")).status_code == 404


@pytest.mark.parametrize("path", ["/providers", "/helpers", "/questions"])
async def test_what_belongs_to_the_patient_alone_does_not_exist_for_others(case: Case, path: str) -> None:
    helper = family(case, await invites(case))
    for who, here in ((physician(case), {403, 404}), (helper, {403, 404})):
        assert (await who.get(case.api + path)).status_code in here
    packed = await case.post("/parcels", {"leg": "to_laboratory", "slides": 2}, who=helper)
    assert packed.status_code == 404


async def test_a_relative_who_sends_sees_the_list_and_only_what_they_sent(case: Case) -> None:
    theirs = await case.uploads("clinical_summary")
    helper = family(case, await invites(case))

    assert (await sends(case, helper, "pathology_report")).status_code == 201
    found = await seen_by(case, helper)
    assert len(found) == len((await case.checklist())["items"])
    assert found["clinical_summary"] == []
    assert len(found["pathology_report"]) == 1
    assert (await helper.get(f"{case.api}/documents/{theirs}/content")).status_code == 404
    page = await helper.get(f"/my/records/cases/{case.id}")
    assert page.status_code == 200
    assert "People who help" not in page.text
    assert "letter.pdf" not in page.text
    assert "/my/cases/" not in page.text


async def test_who_acts_for_the_patient_sees_everything_but_invites_nobody(case: Case) -> None:
    theirs = await case.uploads("clinical_summary")
    acting = family(case, await invites(case, "acts"))

    assert (await acting.get(f"{case.api}/documents/{theirs}/content")).content == PDF
    assert (await acting.get(f"{case.api}/providers")).status_code == 200
    assert (
        await case.post("/helpers", {"name": "X", "relation": "friend", "authority": "acts"}, who=acting)
    ).status_code == 403


async def test_an_invitation_that_is_taken_back_ends_at_once_in_open_sessions_too(case: Case) -> None:
    helper_id = await invites(case)
    helper = family(case, helper_id)
    assert (await helper.get(f"/my/records/cases/{case.id}")).status_code == 200

    assert (await case.post(f"/helpers/{helper_id}/revocation", {}, who=case.patient)).status_code == 200
    for path in (f"/my/records/cases/{case.id}", f"{case.api}/checklist", f"/my/records/cases/{case.id}/summary"):
        assert (await helper.get(path)).status_code == 404
    assert (await sends(case, helper, "clinical_summary")).status_code == 404
    kinds = [row["kind"] for row in await case.records.fetch("SELECT kind FROM case_history ORDER BY id")]
    assert kinds[-2:] == ["invited", "invitation_taken_back"]


async def test_a_link_lets_the_helper_in_and_no_other_link_does(case: Case) -> None:
    helper_id = await invites(case)
    page = (await case.patient.get(f"/my/records/cases/{case.id}/helpers")).text
    [link] = re.findall(r"/my/records/invitations/[0-9a-f]+", page)
    case.records.peers.answers["intake", f"/cases/{case.id}/guest-links"] = {"path": "/link/abc"}

    assert "Noura Madeup" in (await case.records.http.get(link)).text
    entered = await case.records.http.post(link)
    assert (entered.status_code, entered.headers["location"]) == (307, "/link/abc")
    [(_, _, sent)] = [asked for asked in case.records.peers.asked if "guest-links" in asked[1]]
    assert sent == {"guest_id": str(helper_id), "name": "Noura Madeup", "path": f"/my/records/cases/{case.id}"}
    forged = link[:-1] + ("0" if link[-1] != "0" else "1")
    assert (await case.records.http.get(forged)).status_code == 410
    assert (await case.records.http.post(forged)).status_code == 410
    assert (await case.records.http.get("/my/records/invitations/nonsense")).status_code == 410


async def test_staff_see_who_helps_and_not_the_link(case: Case) -> None:
    await invites(case)
    page = (await case.manager.get(f"/desk/records/cases/{case.id}/helpers")).text
    assert "Noura Madeup" in page
    assert "/invitations/" not in page


async def test_after_withdrawal_nobody_comes_in(case: Case) -> None:
    helper_id = await invites(case)
    page = (await case.patient.get(f"/my/records/cases/{case.id}/helpers")).text
    [link] = re.findall(r"/my/records/invitations/[0-9a-f]+", page)
    await case.records.receives(withdrawn(case.id))

    assert (await case.records.http.post(link)).status_code == 410
    assert (await family(case, helper_id).get(f"/my/records/cases/{case.id}")).status_code == 403


async def test_a_form_that_invites_nobody_says_what_to_do(case: Case) -> None:
    answer: Any = await case.patient.post(f"/my/records/cases/{case.id}/helpers", data={"_once": uuid4().hex})
    assert answer.status_code == 422
    assert "Choose what they may do" in answer.text


async def test_that_a_helper_sends_what_somebody_else_sent_tells_them_nothing(case: Case) -> None:
    await case.uploads("clinical_summary", PDF)
    helper = family(case, await invites(case))
    for _ in range(2):
        assert (await sends(case, helper, "clinical_summary", PDF)).status_code == 201
    await case.looks()
    told = (await helper.get(f"{case.api}/uploads")).json()["sent"]
    assert sorted(one["verdict"] for one in told) == ["clean", "skipped"], "their own twice is known"


async def test_a_specialist_reads_what_was_compared_and_accepted_and_opens_nothing_else(case: Case) -> None:
    uncompared = await case.uploads("laboratory_results", name="uncompared.pdf")
    sent_back = await case.uploads("clinical_summary", name="sent-back.pdf")
    assert (await case.decides("clinical_summary", "return", "Page 2 is missing")).status_code == 200
    good = await case.brings_in("clinical_summary", PDF + b"2")
    imani = await case.specialist()

    assert {id_ for documents in (await seen_by(case, imani)).values() for id_ in documents} == {str(good)}
    for page in (f"/desk/records/cases/{case.id}/materials", f"{case.api}/summary"):
        told = (await imani.get(page)).text
        assert str(good) in told
        assert not any(str(one) in told for one in (uncompared, sent_back))
    for document, status in ((uncompared, 404), (sent_back, 404), (good, 200)):
        for path in (
            f"{case.api}/documents/{document}/content",
            f"/desk/records/cases/{case.id}/documents/{document}/read",
        ):
            assert (await imani.get(path)).status_code == status
    assert str(uncompared) not in (await case.manager.get(f"/desk/records/cases/{case.id}/materials")).text
