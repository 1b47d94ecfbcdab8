"""Accepted, returned in the patient's language, waived with what it means; what comes after completion (R28)."""

from typing import Any
from uuid import UUID, uuid4

import httpx

from shared import programme
from shared.events import MaterialReturned, RecordsComplete
from tests.records.conftest import PDF, Case
from tests.support.facts import delivered

REASONS = programme.current("msk_international").return_reasons


async def test_a_reason_by_template_reaches_the_patient_in_their_language(case: Case) -> None:
    await case.uploads("clinical_summary")
    item = await case.item("clinical_summary")
    returned = await case.post(f"/items/{item['id']}/return", {"code": "unreadable"}, version=item["version"])
    assert returned.status_code == 200, returned.text

    after = await case.item("clinical_summary")
    assert (after["reason_code"], after["reason"]) == ("unreadable", REASONS["unreadable"].title)
    page = (await case.patient.get(f"/my/records/cases/{case.id}", params={"lang": "ar"})).text
    assert REASONS["unreadable"].title_in("ar") in page
    assert REASONS["unreadable"].title not in page


async def test_own_words_stand_beside_the_template_and_one_of_both_must_be_there(case: Case) -> None:
    await case.uploads("clinical_summary")
    item = await case.item("clinical_summary")
    at = f"/items/{item['id']}/return"
    assert (await case.post(at, {}, version=item["version"])).status_code == 422
    assert (await case.post(at, {"code": "ugly"}, version=item["version"])).status_code == 409
    both = {"code": "pages_missing", "reason": "Page 2 of 5"}
    assert (await case.post(at, both, version=item["version"])).status_code == 200
    page = (await case.patient.get(f"/my/records/cases/{case.id}")).text
    assert REASONS["pages_missing"].title in page
    assert "Page 2 of 5" in page


async def test_a_waiver_says_what_it_means_for_the_opinion(case: Case) -> None:
    assert (await case.decides("imaging", "waive", "No scans exist")).status_code == 200
    waived = await case.item("imaging")
    assert waived["waived_meaning"].startswith("The images were not looked at again")
    item = await case.item("pathology_report")
    own = {"reason": "Lost in a fire", "meaning": "The diagnosis is taken from the letter of 2019."}
    assert (await case.post(f"/items/{item['id']}/waive", own, version=item["version"])).status_code == 200
    page = (await case.manager.get(f"/desk/records/cases/{case.id}/materials")).text
    assert "The diagnosis is taken from the letter of 2019." in page
    seen = (await case.patient.get(f"/my/records/cases/{case.id}", params={"lang": "es"})).text
    assert "Las imágenes no se volvieron a mirar" in seen


async def comes_late(case: Case, code: str = "clinical_summary") -> UUID:
    await case.completes()
    return await case.uploads(code, PDF + b"late", name="late.pdf")


async def settles(
    case: Case, code: str, document: UUID, words: str = "A newer blood test", **fields: Any
) -> httpx.Response:
    version = (await case.item(code))["version"]
    return await case.post(f"/documents/{document}/late", {"take_in": True, "words": words} | fields, version=version)


def late_in(item: dict[str, Any], document: UUID) -> str | None:
    found: str | None = next(one["late"] for one in item["documents"] if one["id"] == str(document))
    return found


async def test_what_comes_after_completion_changes_nothing_until_somebody_decides(case: Case) -> None:
    document = await comes_late(case)
    reader = await case.specialist()

    item = await case.item("clinical_summary")
    assert (item["state"], late_in(item, document)) == ("accepted", "waits")
    assert "late.pdf" not in (await reader.get(f"/desk/records/cases/{case.id}/materials")).text
    assert (await reader.get(f"{case.api}/documents/{document}/content")).status_code == 404
    assert "late.pdf" not in (await reader.get(f"{case.api}/summary")).text
    [queued] = await case.records.fetch(
        "SELECT title FROM queue_items WHERE item_key = $1 AND state = 'open'", item["id"]
    )
    assert "after everything was complete" in queued["title"]
    assert "New after completion" in (await case.manager.get("/desk/records")).text


async def test_it_is_taken_in_as_any_other_with_a_word_to_the_specialist(case: Case) -> None:
    document = await comes_late(case)
    reader = await case.specialist()
    early = await settles(case, "clinical_summary", document)
    assert early.status_code == 409
    assert "Compare the name" in early.json()["detail"]
    await case.describes("clinical_summary", document)
    await case.identifies("clinical_summary", document)
    assert (await settles(case, "clinical_summary", document)).status_code == 200

    page = (await reader.get(f"/desk/records/cases/{case.id}/materials")).text
    assert "Added after the records were complete" in page
    assert "A newer blood test" in page
    assert (await reader.get(f"{case.api}/documents/{document}/content")).content == PDF + b"late"
    assert (await settles(case, "clinical_summary", document)).status_code == 409, "once"
    assert len(await case.records.emitted(RecordsComplete)) == 1


async def test_it_is_set_aside_with_a_reason_that_its_sender_reads(case: Case) -> None:
    document = await comes_late(case)
    aside = await settles(case, "clinical_summary", document, "The opinion is nearly done", take_in=False)
    assert aside.status_code == 200
    assert "The opinion is nearly done" in (await case.patient.get(f"/my/records/cases/{case.id}")).text
    assert len(await case.records.emitted(MaterialReturned)) == 1
    assert late_in(await case.item("clinical_summary"), document) == "aside"
    await case.records.receives(delivered(case.id))
    item = (await case.item("clinical_summary"))["id"]
    answer = await case.patient.put(f"{case.api}/items/{item}/documents/{uuid4()}", params={"name": "x"}, content=PDF)
    assert answer.status_code == 409
    assert "The opinion is out" in answer.json()["detail"]


async def test_what_was_waived_and_comes_after_all_is_accepted_by_taking_it_in(case: Case) -> None:
    await case.decides("radiology_report", "waive", "Not to be had")
    await case.completes()
    document = await case.uploads("radiology_report")
    await case.describes("radiology_report", document)
    await case.identifies("radiology_report", document)
    assert (await settles(case, "radiology_report", document)).status_code == 200
    after = await case.item("radiology_report")
    assert (after["state"], after["waived_reason"], after["decided_by"]) == ("accepted", None, "Mara Lindqvist")


async def test_a_line_that_was_waived_while_its_file_was_looked_at_is_open_again(case: Case) -> None:
    item = (await case.item("radiology_report"))["id"]
    at = f"{case.api}/items/{item}/documents/{uuid4()}"
    assert (await case.patient.put(at, params={"name": "x.pdf"}, content=PDF)).status_code == 201
    assert (await case.decides("radiology_report", "waive", "Not to be had")).status_code == 200
    await case.looks()

    assert (await case.item("radiology_report"))["state"] == "uploaded"
    [queued] = await case.records.fetch("SELECT title FROM queue_items WHERE item_key = $1 AND state = 'open'", item)
    assert "which was waived: it came after all" in queued["title"]
    kinds = [row["kind"] for row in await case.records.fetch("SELECT kind FROM case_history ORDER BY id")]
    assert kinds[-2:] == ["item_waived", "sent"]


async def test_a_form_settles_it_too(case: Case) -> None:
    document = await comes_late(case)
    item = await case.item("clinical_summary")
    at = f"/desk/records/cases/{case.id}/documents/{document}/late"
    without = {"_once": uuid4().hex, "_version": str(item["version"]), "do": "aside", "words": ""}
    assert (await case.manager.post(at, data=without)).status_code == 422
    said = without | {"_once": uuid4().hex, "words": "Not about this illness"}
    assert (await case.manager.post(at, data=said)).status_code == 303
