"""The JSON interface: what partner tools do, and every way of doing it wrong."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from services.records import roster
from shared.events import RecordsComplete
from shared.web import Role
from tests.records.conftest import PDF, ROSTER, Case, case_of
from tests.support.facts import a_case
from tests.support.service import ServiceUnderTest


async def test_another_language_is_accepted_with_its_tied_translation(case: Case) -> None:
    original = await case.uploads("clinical_summary", PDF)
    await case.describes("clinical_summary", original, language="ar", pages=4)
    await case.identifies("clinical_summary", original)
    alone = await case.decides("clinical_summary", "accept")
    translation = await case.uploads("clinical_summary", PDF + b" in English")
    tied = await case.describes("clinical_summary", translation, translation_of=str(original))
    await case.identifies("clinical_summary", translation)
    accepted = await case.decides("clinical_summary", "accept")

    assert alone.status_code == 409
    assert "translation" in alone.json()["detail"]
    assert (tied.status_code, accepted.status_code) == (200, 200)
    first, second = (await case.item("clinical_summary"))["documents"]
    assert (first["language"], first["pages"], second["translation_of"]) == ("ar", 4, str(original))


async def test_a_returned_item_takes_a_new_document(case: Case) -> None:
    await case.uploads("clinical_summary")
    await case.decides("clinical_summary", "return", "Page 2 is missing")
    returned = await case.item("clinical_summary")
    document = await case.uploads("clinical_summary", PDF + b"2")
    await case.describes("clinical_summary", document)
    await case.identifies("clinical_summary", document)
    accepted = await case.decides("clinical_summary", "accept")

    assert (returned["state"], returned["reason"]) == ("returned", "Page 2 is missing")
    assert accepted.status_code == 200
    history = await case.records.fetch("SELECT state, reason, decided_by_name FROM item_decisions ORDER BY id")
    assert [tuple(row) for row in history] == [
        ("returned", "Page 2 is missing", "Mara Lindqvist"), ("accepted", None, "Mara Lindqvist"),
    ]  # fmt: skip


async def test_a_waiver_carries_the_name_of_who_waives(case: Case) -> None:
    await case.decides("imaging", "waive", "No scans were ever made")

    [row] = await case.records.fetch("SELECT decided_by_name, reason FROM waivers")
    assert tuple(row) == ("Mara Lindqvist", "No scans were ever made")
    summary = await case.records.as_service("matching").get(f"{case.api}/summary")
    imaging = next(item for item in summary.json()["items"] if item["code"] == "imaging")
    assert (imaging["state"], imaging["waived_reason"]) == ("waived", "No scans were ever made")


async def test_the_claim_check_gives_matching_the_signed_summary(case: Case) -> None:
    await case.completes()
    answer = await case.records.as_service("matching").get(f"{case.api}/summary")

    told = answer.json()
    assert told["summary_html_free_text"] == "A made-up summary."
    assert told["signed_by"] == "Mara Lindqvist"
    assert told["slides"] == 12
    assert answer.headers["etag"] == '"1"'


async def test_of_two_who_decide_on_the_same_version_one_is_told_to_look_again(case: Case) -> None:
    await case.uploads("clinical_summary")
    item = await case.item("clinical_summary")
    answers = await asyncio.gather(*(
        case.post(f"/items/{item['id']}/{verb}", {"reason": "because"}, version=item["version"]) for verb in ("return", "waive")
    ))  # fmt: skip

    assert sorted(answer.status_code for answer in answers) == [200, 412]
    assert await case.records.count("item_decisions") == 1


async def test_the_same_key_gets_the_same_answer_and_decides_once(case: Case) -> None:
    item = await case.item("imaging")
    headers = {"Idempotency-Key": "the-same-key", "If-Match": f'"{item["version"]}"'}
    path = f"{case.api}/items/{item['id']}/waive"
    first = await case.manager.post(path, json={"reason": "no scans"}, headers=headers)
    again = await case.manager.post(path, json={"reason": "no scans"}, headers=headers)
    other = await case.manager.post(path, json={"reason": "other"}, headers=headers)

    assert first.json() == again.json()
    assert (first.status_code, again.status_code, other.status_code) == (200, 200, 422)
    assert await case.records.count("item_decisions") == 1


async def test_edits_need_the_version_that_was_seen(case: Case) -> None:
    document = await case.uploads("clinical_summary")
    blind = await case.manager.patch(f"{case.api}/documents/{document}", json={"language": "en"})
    stale = await case.manager.patch(
        f"{case.api}/documents/{document}", json={"language": "en"}, headers={"If-Match": '"1"'}
    )
    unsaid = await case.manager.put(f"{case.api}/summary", json={"text": "x"})

    assert (blind.status_code, stale.status_code, unsaid.status_code) == (428, 412, 428)


async def test_a_summary_is_signed_as_it_was_read_and_then_stands(case: Case) -> None:
    nothing = await case.post("/summary/signature", {}, version=0)
    first = await case.manager.put(f"{case.api}/summary", json={"text": "One"}, headers={"If-Match": '"0"'})
    lost = await case.manager.put(f"{case.api}/summary", json={"text": "Two"}, headers={"If-Match": '"0"'})
    second = await case.manager.put(f"{case.api}/summary", json={"text": "Two"}, headers={"If-Match": '"1"'})
    old = await case.post("/summary/signature", {}, version=1)
    signed = await case.post("/summary/signature", {}, version=2)
    twice = await case.post("/summary/signature", {}, version=2)

    assert [a.status_code for a in (nothing, first, lost, second, old, signed, twice)] == [
        409,
        200,
        412,
        200,
        412,
        200,
        409,
    ]
    assert "Mara Lindqvist has signed" in twice.json()["detail"]
    texts = await case.records.fetch("SELECT text, signed_by_name FROM summaries ORDER BY version")
    assert [tuple(row) for row in texts] == [("One", None), ("Two", "Mara Lindqvist")]


async def test_what_the_specialist_reads_can_not_change_after_completeness(case: Case) -> None:
    await case.completes()
    summary = await case.manager.put(f"{case.api}/summary", json={"text": "Other"}, headers={"If-Match": '"1"'})
    item = await case.decides("clinical_summary", "return", "second thoughts")

    assert (summary.status_code, item.status_code) == (409, 409)


async def test_each_end_of_a_parcels_way_counts_for_itself(case: Case) -> None:
    own_count = await case.post("/parcels", {"leg": "to_laboratory", "slides": 4}, who=case.lab)
    home = await case.post("/parcels", {"leg": "home", "slides": 1}, who=case.manager)
    parcel = (await case.post("/parcels", {"leg": "to_laboratory", "slides": 4}, who=case.patient)).json()["id"]
    by_sender = await case.post(f"/parcels/{parcel}/count", {"slides": 4}, who=case.patient)
    unknown = await case.post(f"/parcels/{uuid4()}/count", {"slides": 4}, who=case.lab)
    too_many_home = await case.post("/parcels", {"leg": "home", "slides": 1}, who=case.lab)

    statuses = [answer.status_code for answer in (own_count, home, by_sender, unknown, too_many_home)]
    assert statuses == [403, 403, 403, 404, 409]


async def test_another_number_than_was_packed_comes_to_the_case_manager_until_a_recount(case: Case) -> None:
    parcel = await case.counts_slides_in(12, counted=11)
    slides = await case.item("pathology_slides")
    [waiting] = await case.records.fetch(
        "SELECT title FROM queue_items WHERE queue = 'materials-to-review' AND state = 'open'"
    )
    assert slides["state"] == "uploaded"
    assert "another number" in waiting["title"]
    assert (await case.decides("pathology_slides", "accept")).status_code == 409

    await case.post(f"/parcels/{parcel}/count", {"slides": 12}, who=case.lab)
    assert (await case.item("pathology_slides"))["state"] == "accepted"
    assert (
        await case.records.fetch("SELECT 1 FROM queue_items WHERE queue = 'slides-to-count' AND state <> 'done'") == []
    )


async def test_a_recount_after_acceptance_that_differs_holds_completeness_back(case: Case) -> None:
    parcel = await case.counts_slides_in(12)
    await case.post(f"/parcels/{parcel}/count", {"slides": 10}, who=case.lab)

    assert "slides" in {missing["code"] for missing in (await case.checklist())["missing"]}
    assert await case.records.emitted(RecordsComplete) == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/items/{item}/return", {}),
        ("POST", "/items/{item}/return", {"reason": ""}),
        ("POST", "/items/{item}/waive", {"reason": "x", "by": "somebody else"}),
        ("POST", "/items/{item}/accept", {"force": True}),
        ("POST", "/parcels", {"leg": "sideways", "slides": 1}),
        ("POST", "/parcels", {"leg": "to_laboratory", "slides": -1}),
        ("POST", "/parcels", {"leg": "to_laboratory", "slides": 1, "blocks": "many"}),
        ("PUT", "/summary", {"text": ""}),
        ("PATCH", "/documents/{document}", {"language": "English!"}),
        ("POST", "/documents/{document}/identity", {"name_matches": "perhaps", "birth_date_matches": True}),
    ],
)
async def test_what_no_form_would_send_changes_nothing(
    case: Case, method: str, path: str, body: dict[str, Any]
) -> None:
    document = await case.uploads("clinical_summary")
    item = await case.item("clinical_summary")
    before = await case.checklist()
    path = case.api + path.format(item=item["id"], document=document)
    headers = {"If-Match": f'"{item["version"]}"', "Idempotency-Key": uuid4().hex}
    answer = await case.manager.request(method, path, json=body, headers=headers)

    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert await case.checklist() == before


async def test_an_empty_parcel_and_strangers_ids_are_refused(case: Case) -> None:
    empty = await case.post("/parcels", {"leg": "to_laboratory", "slides": 0}, who=case.patient)
    no_item = await case.post(f"/items/{uuid4()}/waive", {"reason": "x"}, version=1)
    no_document = await case.manager.patch(
        f"{case.api}/documents/{uuid4()}", json={"language": "en"}, headers={"If-Match": '"1"'}
    )
    no_content = await case.manager.get(f"{case.api}/documents/{uuid4()}/content")
    no_case = await case.manager.get(f"/api/records/cases/{uuid4()}/checklist")

    statuses = [answer.status_code for answer in (empty, no_item, no_document, no_content, no_case)]
    assert statuses == [409, 404, 404, 404, 404]


async def test_nothing_is_taken_in_before_the_payment(seeded: ServiceUnderTest) -> None:
    from tests.support.facts import confirmed

    case = case_of(seeded)
    await seeded.receives(confirmed(case.id))
    item = await case.item("clinical_summary")
    answer = await case.patient.put(
        f"{case.api}/items/{item['id']}/documents/{uuid4()}", params={"name": "x"}, content=PDF
    )

    assert answer.status_code == 409
    assert "payment" in answer.json()["detail"]
    assert await seeded.count("uploads") == 0


ROLES_THAT_MAY = {
    ("GET", "/checklist"): {
        Role.CASE_MANAGER, Role.LAB, Role.PRIVACY_OFFICER, Role.SUPERVISOR, Role.PARTNER_SYSTEM,
    },
    ("GET", "/reads"): {Role.PRIVACY_OFFICER, Role.SUPERVISOR},
    ("POST", "/items/{item}/accept"): {Role.CASE_MANAGER},
    ("POST", "/items/{item}/return"): {Role.CASE_MANAGER},
    ("POST", "/items/{item}/waive"): {Role.CASE_MANAGER},
    ("PUT", "/summary"): {Role.CASE_MANAGER},
    ("POST", "/summary/signature"): {Role.CASE_MANAGER},
    ("POST", "/parcels"): {Role.CASE_MANAGER, Role.LAB},
}  # fmt: skip


@pytest.mark.parametrize("route", ROLES_THAT_MAY, ids=" ".join)
async def test_only_those_roles_may(case: Case, route: tuple[str, str]) -> None:
    method, path = route
    item = await case.item("clinical_summary")
    for role in (
        role for role in Role if role not in (Role.PATIENT, Role.REQUESTER, Role.LOCAL_PHYSICIAN, Role.SERVICE)
    ):
        client = case.records.sign_in(role, subject=f"staff-{role}")
        answer = await client.request(method, case.api + path.format(item=item["id"]))
        refused = answer.status_code in (403, 404)
        assert refused is (role not in ROLES_THAT_MAY[route]), (role, answer.status_code, answer.text)


async def test_a_patient_reaches_their_own_case_only(case: Case) -> None:
    other = case.records.sign_in(Role.PATIENT, subject="patient-other", cases=[a_case()])

    for path in (f"{case.api}/checklist", f"/my/records/cases/{case.id}", f"/my/records/cases/{case.id}/summary"):
        assert (await other.get(path)).status_code == 404
        assert (await case.records.http.get(path)).status_code == 401


async def test_the_roster_can_be_loaded_again_and_says_what_is_wrong(seeded: ServiceUnderTest) -> None:
    changed = {"case_managers": [ROSTER["case_managers"][0] | {"name": "Mara L."}]}
    async with seeded.ctx.db.transaction() as tx:
        await roster.seed(tx, changed)
    assert await seeded.count("case_managers") == 3
    with pytest.raises(ValueError, match="languages"):
        async with seeded.ctx.db.transaction() as tx:
            await roster.seed(tx, {"case_managers": [{"subject": "x", "name": "y"}]})
