"""Who may send, and what each sees: the patient, somebody of the family, the local physician (R9, R22, M13)."""

import re
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from shared.ids import new_id
from shared.web import Role
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
