"""Questions and answers on lines, with unread marks; reminders by template; nothing of it on the wire (R22)."""

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

from shared.events import CaseManagerWrote, MaterialsChased
from tests.records.conftest import Case
from tests.records.test_parts import family, invites, physician


async def writes(
    case: Case, code: str, text: str, who: httpx.AsyncClient | None = None, party: str = "patient"
) -> httpx.Response:
    item = await case.item(code)
    return await case.post(f"/items/{item['id']}/messages", {"text": text, "party": party}, who=who)


async def threads(case: Case, who: httpx.AsyncClient | None = None) -> list[dict[str, Any]]:
    answer = await (who or case.manager).get(f"{case.api}/threads")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["threads"]
    return found


async def waiting(case: Case) -> list[str]:
    rows = await case.records.fetch(
        "SELECT title FROM queue_items WHERE queue = 'questions-to-answer' AND state <> 'done' ORDER BY title"
    )
    return [row["title"] for row in rows]


async def test_a_question_waits_until_it_is_answered_and_the_answer_until_it_is_read(case: Case) -> None:
    asked = await writes(case, "imaging", "Is a USB stick fine?", case.patient)
    assert asked.status_code == 201, asked.text
    [title] = await waiting(case)
    assert "a question about Scans as DICOM files" in title
    assert (await writes(case, "imaging", "Yes, or upload it here.")).status_code == 201

    assert await waiting(case) == []
    [thread] = await threads(case, case.patient)
    assert [(one["side"], one["read_at"] is None) for one in thread["messages"]] == [("sender", False), ("desk", True)]
    page = (await case.patient.get(f"/my/records/cases/{case.id}")).text
    assert "Yes, or upload it here." in page
    item = await case.item("imaging")
    at = f"/my/records/cases/{case.id}/items/{item['id']}/messages"
    assert (await case.patient.post(f"{at}/read", data={"_once": uuid4().hex})).status_code == 303
    assert (await threads(case))[0]["messages"][1]["read_at"]
    asked = await case.patient.post(at, data={"_once": uuid4().hex, "text": "And the older one?"})
    sent = (await case.patient.get(asked.headers["location"])).text
    assert sent.count('c-thread" open') == 1, "who sent a message sees it"
    blank = await case.patient.post(at, data={"_once": uuid4().hex, "text": " "})
    assert blank.status_code == 422
    assert "Write your question or answer first." in blank.text


async def test_each_sender_has_a_thread_of_their_own(case: Case) -> None:
    doctor, helper_id = physician(case), await invites(case)
    helper = family(case, helper_id)
    await writes(case, "clinical_summary", "From the patient", case.patient)
    await writes(case, "clinical_summary", "From the doctor", doctor)
    await writes(case, "clinical_summary", "From the family", helper)

    assert len(await threads(case)) == 3
    for who, words in ((case.patient, "patient"), (doctor, "doctor"), (helper, "family")):
        [thread] = await threads(case, who)
        assert [one["text"] for one in thread["messages"]] == [f"From the {words}"]
    assert (await writes(case, "imaging", "x", doctor)).status_code == 404
    answered = await writes(case, "clinical_summary", "Thank you", party=f"helper:{helper_id}")
    assert answered.status_code == 201
    assert (await writes(case, "imaging", "x", party=f"helper:{uuid4()}")).status_code == 409


async def test_a_letter_tells_of_the_first_unread_message_and_carries_ids_alone(case: Case) -> None:
    await writes(case, "imaging", "Which hospital made the scan?")
    await writes(case, "imaging", "And when?")
    [told] = await case.records.emitted(CaseManagerWrote)
    assert told.audience == "requester"
    assert set(told.model_dump()) == {"case_id", "message_id", "audience", "wrote_at"}
    await writes(case, "imaging", "St Mary, in May", case.patient)
    await writes(case, "imaging", "Thanks")
    await writes(case, "clinical_summary", "Please send the summary", party="local_physician")
    assert [one.audience for one in await case.records.emitted(CaseManagerWrote)] == [
        "requester", "requester", "local_physician"
    ]  # fmt: skip


async def test_a_reminder_goes_out_once_a_day_and_starts_the_clock_anew(case: Case) -> None:
    body = {"template": "how_to_get"}
    assert (await case.post("/reminders", body)).status_code == 201
    again = await case.post("/reminders", body)
    assert again.status_code == 409
    assert "within the last day" in again.json()["detail"]
    assert (await case.post("/reminders", body | {"audience": "local_physician"})).status_code == 201
    sent = await case.records.emitted(MaterialsChased)
    assert [(one.template, one.audience) for one in sent] == [
        ("how_to_get", "requester"), ("how_to_get", "local_physician")
    ]  # fmt: skip
    [nudge] = await case.records.fetch("SELECT due FROM timers WHERE name = 'nudge'")
    assert nudge["due"] == case.records.clock.at + timedelta(days=7)


async def test_nobody_is_reminded_of_a_complete_case(case: Case) -> None:
    await case.completes()
    assert (await case.post("/reminders", {"template": "gentle"})).status_code == 409
    form = {"_once": uuid4().hex, "template": "shouting", "audience": "requester"}
    wrong = await case.manager.post(f"/desk/records/cases/{case.id}/reminders", data=form)
    assert wrong.status_code == 422


async def test_a_message_that_needs_no_answer_is_marked_so_from_the_desk(case: Case) -> None:
    await writes(case, "imaging", "Thank you!", case.patient)
    item = UUID((await case.item("imaging"))["id"])
    page = (await case.manager.get(f"/desk/records/cases/{case.id}")).text
    assert "Thank you!" in page
    assert "Unread" in page
    at = f"/desk/records/cases/{case.id}/items/{item}/messages/read"
    assert (await case.manager.post(at, data={"_once": uuid4().hex, "party": "patient", "text": ""})).status_code == 303
    assert await waiting(case) == []
