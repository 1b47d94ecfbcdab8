"""What exists, which hospital has it, and the letter that asks for it (R22, R23)."""

from typing import Any
from uuid import uuid4

import httpx
import pypdfium2
import pytest

from shared import programme
from shared.web import Role
from tests.records.conftest import Case

HOSPITAL = {"name": "مستشفى الأمل", "country": "EG", "contact": "records@hospital.example", "language": "ar"}


async def adds(case: Case, **fields: Any) -> str:
    answer = await case.post("/providers", HOSPITAL | fields, who=case.patient)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


async def codes(case: Case) -> dict[str, bool]:
    return {item["code"]: item["needed"] for item in (await case.checklist())["items"]}


async def says(case: Case, **answers: bool) -> httpx.Response:
    return await case.post("/questions", {"answers": answers}, who=case.patient)


async def test_each_line_says_why_how_and_how_fresh(case: Case) -> None:
    imaging = await case.item("imaging")
    assert imaging["asked"] == "provider"
    assert imaging["max_age_days"] == 180
    assert "radiology department" in imaging["how"]
    page = await case.patient.get(f"/my/records/cases/{case.id}", params={"lang": "ar"})
    assert programme.current("msk_international").ways["radiology"].wording["ar"] in page.text


async def test_the_list_follows_what_the_patient_says_exists(case: Case) -> None:
    assert (await codes(case))["operation_report"] is False, "unsaid: it may exist, and only helps"

    assert (await says(case, surgery=True, radiotherapy=False)).status_code == 200
    after = await codes(case)
    assert after["operation_report"] is True
    assert "radiotherapy_plan" not in after
    assert (await says(case, radiotherapy=True)).status_code == 200
    assert (await codes(case))["radiotherapy_plan"] is True
    await case.records.run_errands()
    assert "tumour_report" in await codes(case)


async def test_what_came_stays_on_the_list_whatever_is_said_afterwards(case: Case) -> None:
    await says(case, surgery=True)
    await case.uploads("operation_report")
    await says(case, surgery=False)
    assert "operation_report" in await codes(case)


async def test_an_unknown_question_changes_nothing(case: Case) -> None:
    assert (await says(case, astrology=True)).status_code == 409


async def test_a_form_answers_several_questions_at_once(case: Case) -> None:
    at = f"/my/records/cases/{case.id}"
    answer = await case.patient.post(
        f"{at}/questions", data={"_once": uuid4().hex, "q-surgery": "yes", "q-medicines": "no"}
    )
    assert answer.headers["location"] == f"{at}#questions"
    after = await codes(case)
    assert after["operation_report"] is True
    assert "medicines_given" not in after


async def test_something_that_was_never_made_comes_to_the_case_manager(case: Case) -> None:
    item = await case.item("imaging")
    answer = await case.post(f"/items/{item['id']}/source", {"never_made": True}, who=case.patient)
    assert answer.status_code == 200
    assert (await case.item("imaging"))["never_made"] is True
    [queued] = await case.records.fetch(
        "SELECT title FROM queue_items WHERE state = 'open' AND item_key = $1", item["id"]
    )
    assert "doesn't exist" in queued["title"]
    hospital = await adds(case)
    assert (
        await case.post(f"/items/{item['id']}/source", {"providers": [hospital]}, who=case.patient)
    ).status_code == 200
    assert (await case.item("imaging"))["never_made"] is False
    assert await case.records.fetch("SELECT FROM queue_items WHERE state = 'open' AND item_key = $1", item["id"]) == []


@pytest.mark.parametrize(
    ("language", "title", "words"),
    [
        ("ar", "طلب نسخ من السجلات الطبية", "DICOM"),
        ("zh", "索取病历副本的申请", "DICOM"),
        ("de", "Request for copies", "DICOM"),
    ],
)
async def test_the_letter_speaks_the_hospitals_language_and_names_the_patient(
    case: Case, language: str, title: str, words: str
) -> None:
    hospital = await adds(case, language=language)
    answer = await case.patient.get(f"{case.api}/providers/{hospital}/letter")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert answer.headers["cache-control"] == "private, no-store"
    text = pypdfium2.PdfDocument(answer.content)[0].get_textpage().get_text_bounded()
    assert words in text
    if language != "ar":  # a PDF's Arabic is in shapes and their order, not in letters
        assert title in text
        assert "Made Up" in text
    assert b"/StructTreeRoot" in answer.content or b"ObjStm" in answer.content


async def test_a_letter_asks_for_what_that_hospital_has_and_for_nothing_settled(case: Case) -> None:
    first, second = await adds(case, language="en"), await adds(case, language="en", name="Second Hospital")
    item = await case.item("imaging")
    await case.post(f"/items/{item['id']}/source", {"providers": [second]}, who=case.patient)
    page = (await case.patient.get(f"/my/records/cases/{case.id}/providers")).text
    one, other = page.split("Second Hospital")[0], page.split("Second Hospital</bdi></h2>")[1]
    assert "Scans as DICOM files" not in one
    assert "Scans as DICOM files" in other.split("</ul>")[0]
    await case.decides("imaging", "waive", "No scans exist")
    answer = await case.patient.get(f"/my/records/cases/{case.id}/providers/{second}/letter.pdf")
    assert answer.status_code == 200, "names nobody now, so it asks for what nobody is named for"
    assert first


async def test_a_hospital_is_corrected_and_removed_and_its_lines_are_free_again(case: Case) -> None:
    hospital = await adds(case)
    item = await case.item("imaging")
    await case.post(f"/items/{item['id']}/source", {"providers": [hospital]}, who=case.patient)
    put = {"json": HOSPITAL | {"name": "Hope Hospital"}, "headers": {"If-Match": '"1"'}}
    assert (await case.patient.put(f"{case.api}/providers/{hospital}", **put)).status_code == 200
    assert (await case.patient.put(f"{case.api}/providers/{hospital}", **put)).status_code == 412
    assert (await case.post(f"/providers/{hospital}/removal", {}, who=case.patient)).status_code == 200
    assert (await case.item("imaging"))["providers"] == []
    assert (await case.patient.get(f"{case.api}/providers/{hospital}/letter")).status_code == 404


async def test_a_form_without_a_name_or_with_no_country_says_what_to_do(case: Case) -> None:
    at = f"/my/records/cases/{case.id}/providers"
    answer = await case.patient.post(at, data={"_once": uuid4().hex, "name": "", "country": "XX", "language": "en"})
    assert answer.status_code == 422
    assert "Write the name of the hospital or practice" in answer.text
    assert "Choose the country from the list" in answer.text


async def test_another_cases_hospital_is_nobodys(case: Case) -> None:
    item = await case.item("imaging")
    strange = await case.post(f"/items/{item['id']}/source", {"providers": [str(uuid4())]}, who=case.patient)
    assert strange.status_code == 404
    stranger = case.records.sign_in(Role.PATIENT, subject="patient-x", cases=[uuid4()])
    assert (await stranger.get(f"{case.api}/providers")).status_code == 404
