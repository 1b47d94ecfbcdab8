"""Pages as people use them, without JavaScript: forms, what comes back, and in which language."""

import re
from uuid import uuid4

import httpx
import pytest

from shared.events import MaterialReturned, RecordsComplete
from shared.web import Role
from tests.records.conftest import PDF, Case
from tests.support.facts import delivered


def token(html: str) -> str:
    """Return a fresh once-token of a page."""
    found = re.search(r'name="_once" value="([^"]+)"', html)
    assert found
    return found[1]


async def patient_sends(case: Case, code: str, *files: tuple[str, bytes], once: str | None = None) -> httpx.Response:
    item = await case.item(code)
    page = await case.patient.get(f"/my/records/cases/{case.id}")
    answer = await case.patient.post(
        f"/my/records/cases/{case.id}/items/{item['id']}/documents",
        data={"_once": once or token(page.text)},
        files=[("file", (name, body, "application/octet-stream")) for name, body in files],
        headers={"Accept": "text/html"},
    )
    await case.looks()
    return answer


async def desk_posts(
    case: Case, path: str, *, who: httpx.AsyncClient | None = None, **fields: object
) -> httpx.Response:
    data = {"_once": uuid4().hex} | {name: str(value) for name, value in fields.items()}
    return await (who or case.manager).post(
        f"/desk/records/cases/{case.id}{path}", data=data, headers={"Accept": "text/html"}
    )


async def test_a_patient_sends_two_files_for_one_item_in_one_form(case: Case) -> None:
    answer = await patient_sends(case, "clinical_summary", ("one.pdf", PDF), ("two.pdf", PDF + b"2"))

    item = await case.item("clinical_summary")
    assert answer.status_code == 303
    assert answer.headers["location"] == f"/my/records/cases/{case.id}#item-{item['id']}"
    assert {document["name"] for document in item["documents"]} == {"one.pdf", "two.pdf"}
    assert item["state"] == "uploaded"


async def test_a_form_sent_twice_is_one_upload(case: Case) -> None:
    once = uuid4().hex
    first = await patient_sends(case, "clinical_summary", ("one.pdf", PDF), once=once)
    second = await patient_sends(case, "clinical_summary", ("one.pdf", PDF), once=once)

    assert (first.status_code, second.status_code) == (303, 303)
    assert await case.records.count("documents") == 1


async def test_a_form_without_a_file_or_with_the_wrong_one_says_what_to_do(case: Case) -> None:
    without = await patient_sends(case, "clinical_summary", ("", b""))
    wrong = await patient_sends(case, "clinical_summary", ("page.html", b"<html>" + b" " * 600))

    assert without.status_code == 422
    assert "Choose a file first." in without.text
    assert wrong.status_code == 422
    assert "Send it as PDF, JPEG, PNG, TIFF, Office document or ZIP." in wrong.text
    assert await case.records.count("documents") == 0


@pytest.mark.parametrize(
    ("lang", "words"), [("ar", "سجلاتك وصورك"), ("zh-Hans", "您的病历和影像"), ("es", "Sus documentos e imágenes")]
)
async def test_the_checklist_speaks_the_patients_language(case: Case, lang: str, words: str) -> None:
    page = await case.patient.get(f"/my/records/cases/{case.id}", params={"lang": lang})

    assert page.status_code == 200
    assert words in page.text
    assert f'lang="{lang}"' in page.text
    assert "Needed from you" not in page.text


async def test_the_reason_of_a_return_stands_at_the_item(case: Case) -> None:
    await patient_sends(case, "clinical_summary", ("one.pdf", PDF))
    item = await case.item("clinical_summary")
    answer = await desk_posts(
        case, f"/items/{item['id']}/decision", verdict="return", reason="Page 2 is missing", _version=item["version"]
    )

    page = await case.patient.get(f"/my/records/cases/{case.id}")
    assert answer.status_code == 303
    assert "Page 2 is missing" in page.text
    assert "Please send again" in page.text
    assert [fact.item_id for fact in await case.records.emitted(MaterialReturned)] == [
        fact.item_id for fact in await case.records.emitted(MaterialReturned) if str(fact.item_id) == item["id"]
    ]


async def test_the_desk_says_why_it_refuses_and_keeps_everything_as_it_was(case: Case) -> None:
    await patient_sends(case, "clinical_summary", ("one.pdf", PDF))
    item = await case.item("clinical_summary")

    too_early = await desk_posts(case, f"/items/{item['id']}/decision", verdict="accept", _version=item["version"])
    no_reason = await desk_posts(case, f"/items/{item['id']}/decision", verdict="waive", _version=item["version"])
    stale = await desk_posts(case, f"/items/{item['id']}/decision", verdict="waive", reason="x", _version=1)
    nothing = await desk_posts(case, f"/items/{item['id']}/decision", verdict="burn", _version=item["version"])

    assert too_early.status_code == no_reason.status_code == stale.status_code == 409
    assert "Compare the name and birth date" in too_early.text
    assert "Give the reason" in no_reason.text
    assert "Somebody changed this in the meantime" in stale.text
    assert nothing.status_code == 422
    assert (await case.item("clinical_summary"))["version"] == item["version"]


async def test_a_case_travels_from_upload_to_completeness_by_pages_alone(case: Case) -> None:
    for item in (await case.checklist())["items"]:
        if item["kind"] == "slides":
            page = f"/my/records/cases/{case.id}/parcels"
            form = {"_once": uuid4().hex, "leg": "to_laboratory", "slides": "7", "blocks": "1"}
            assert (await case.patient.post(page, data=form)).status_code == 303
            parcel = (await case.checklist())["parcels"][0]
            assert (
                await desk_posts(case, f"/parcels/{parcel['id']}/count", who=case.lab, slides=7, blocks=1)
            ).status_code == 303
        elif item["code"] == "imaging":
            answer = await desk_posts(
                case,
                f"/items/{item['id']}/decision",
                verdict="waive",
                reason="No scans exist",
                _version=item["version"],
            )
            assert answer.status_code == 303
        elif item["needed"]:
            await patient_sends(case, item["code"], ("one.pdf", PDF))
            sent = await case.item(item["code"])
            document = sent["documents"][0]["id"]
            said = {"language": "en", "pages": 3, "name_matches": "yes", "birth_date_matches": "yes"}
            today = case.records.ctx.clock.now().date()
            answer = await desk_posts(case, f"/documents/{document}", _version=sent["version"], dated_on=today, **said)
            assert answer.status_code == 303, answer.text
            version = (await case.item(item["code"]))["version"]
            answer = await desk_posts(case, f"/items/{item['id']}/decision", verdict="accept", _version=version)
            assert answer.status_code == 303, answer.text
    assert (await desk_posts(case, "/summary", do="save", text="Made up.", _version=0)).status_code == 303
    assert (await desk_posts(case, "/summary", do="sign", _version=1)).status_code == 303

    [complete] = await case.records.emitted(RecordsComplete)
    assert (complete.waived, complete.slides) == (1, 7)
    for path in (f"/my/records/cases/{case.id}", f"/my/records/cases/{case.id}/summary"):
        assert "Everything we need is here" in (await case.patient.get(path)).text
    assert "Complete since" in (await case.manager.get(f"/desk/records/cases/{case.id}")).text


async def test_a_summary_with_nothing_in_it_is_not_kept(case: Case) -> None:
    answer = await desk_posts(case, "/summary", do="save", text="  ", _version=0)

    assert answer.status_code == 422
    assert await case.records.count("summaries") == 0


async def test_forms_with_impossible_numbers_come_back_with_a_sentence(case: Case) -> None:
    packed = await desk_posts(case, "/parcels", leg="to_laboratory", slides="many")
    parcel = await case.counts_slides_in(5, counted=4)
    counted = await desk_posts(case, f"/parcels/{parcel}/count", who=case.lab, slides=-1)
    document = await case.uploads("clinical_summary")
    described = await desk_posts(case, f"/documents/{document}", language="English", _version=2)

    assert packed.status_code == counted.status_code == described.status_code == 422
    assert "There is a problem" in packed.text
    assert "There is a problem" in counted.text
    assert "Give the language as a code" in described.text


async def test_the_way_home_is_packed_by_the_laboratory_and_counted_by_the_patient(case: Case) -> None:
    await case.completes()
    await case.records.receives(delivered(case.id))

    assert (await desk_posts(case, "/parcels", leg="home", slides=12)).status_code == 403
    assert (await desk_posts(case, "/parcels", who=case.lab, leg="home", slides=13)).status_code == 409
    assert (await desk_posts(case, "/parcels", who=case.lab, leg="home", slides=12)).status_code == 303
    page = await case.patient.get(f"/my/records/cases/{case.id}")
    assert "This is what came back" in page.text
    parcel = (await case.checklist())["parcels"][-1]
    form = {"_once": uuid4().hex, "slides": "12", "blocks": "0"}
    answer = await case.patient.post(f"/my/records/cases/{case.id}/parcels/{parcel['id']}/count", data=form)
    assert answer.status_code == 303
    assert all(parcel["agrees"] for parcel in (await case.checklist())["parcels"])


async def test_the_desk_lists_cases_and_each_roles_queues(case: Case) -> None:
    manager = await case.manager.get("/desk/records")
    lab = await case.lab.get("/desk/records")

    assert f"/desk/records/cases/{case.id}" in manager.text
    assert "materials-to-review" in manager.text
    assert "materials-to-review" not in lab.text.split("<main")[1]
    assert "slides-to-count" in lab.text


async def test_a_new_case_has_pages_too(case: Case) -> None:
    unknown = uuid4()
    stranger = case.records.sign_in(Role.PATIENT, subject="patient-x", cases=[unknown])
    advisor = case.records.sign_in(Role.CARE_ADVISOR)

    for answer in (
        await stranger.get(f"/my/records/cases/{unknown}/summary"),
        await advisor.get(f"/desk/records/cases/{unknown}/summary"),
    ):
        assert answer.status_code == 200
    assert (await stranger.get(f"/my/records/cases/{unknown}", headers={"Accept": "text/html"})).status_code == 404
    assert "Case manager" in (await advisor.get(f"/desk/records/cases/{case.id}/summary")).text


async def test_the_laboratory_reads_no_summary_and_no_documents(case: Case) -> None:
    await case.signs_summary("Stage II, treated twice.")
    assert "treated twice" in (await case.manager.get(f"/desk/records/cases/{case.id}/materials")).text
    lab = await case.lab.get(f"/desk/records/cases/{case.id}/materials")
    assert lab.status_code == 403
    assert "treated twice" not in lab.text


async def test_what_is_true_of_several_files_of_a_line_is_said_once(case: Case) -> None:
    first, *_ = [await case.uploads("clinical_summary", PDF + bytes([n]), name=f"photo-{n}.pdf") for n in range(3)]
    page, item = await case.manager.get(f"/desk/records/cases/{case.id}"), await case.item("clinical_summary")
    day = case.records.clock.now().date().isoformat()
    assert "the other 2 files of this line" in page.text
    answer = await desk_posts(
        case, f"/documents/{first}", _version=item["version"], language="en", dated_on=day, name_matches="yes",
        birth_date_matches="yes", others="alike",
    )  # fmt: skip
    assert answer.status_code == 303
    documents = (await case.item("clinical_summary"))["documents"]
    assert {(one["language"], one["identity"], one["dated_on"]) for one in documents} == {("en", "matches", day)}
    assert (await case.decides("clinical_summary", "accept")).status_code == 200


async def test_who_sends_slides_reads_first_where_to_and_that_nothing_leaves_unasked(case: Case) -> None:
    answer = await case.post(
        "/providers",
        {"name": "Peking Hospital", "country": "CN", "contact": "", "language": "zh_Hans"},
        who=case.patient,
    )
    assert answer.status_code in (200, 201), answer.text

    page = (await case.patient.get(f"/my/records/cases/{case.id}")).text

    assert "Send nothing before your case manager has spoken with you." in page
    assert "Pathology Laboratory, Slides Received (made up)" in page
    assert "The original slides usually need a permit before they leave the country." in page


async def test_papers_are_compared_with_the_patient_on_the_same_page(case: Case) -> None:
    page = (await case.manager.get(f"/desk/records/cases/{case.id}")).text

    assert f'hx-get="/desk/intake/cases/{case.id}/patient"' in page
    assert (
        f'hx-get="/desk/intake/cases/{case.id}/patient"'
        not in (await case.lab.get(f"/desk/records/cases/{case.id}")).text
    )
