"""What the patient's side and staff see and may do."""

from uuid import UUID, uuid4

import pytest

from deploy.mail_catcher.app import MailCatcher
from deploy.mail_catcher.mailbox import Mood
from shared.ids import CaseId, new_id
from shared.web.principals import PATIENT_SIDE, Role
from tests.notify import stories as s
from tests.support.service import ServiceUnderTest

MINE = f"/my/notify/cases/{s.CASE}/timeline"
DESK = f"/desk/notify/cases/{s.CASE}/timeline"
JSON = f"/api/notify/cases/{s.CASE}/timeline"


async def message_of(notify: ServiceUnderTest, kind: str = "request_received") -> UUID:
    rows = await notify.fetch("SELECT id FROM messages WHERE kind = $1 ORDER BY copy DESC", kind)
    return UUID(str(rows[0]["id"]))


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en", ("Records are being collected", "You", "Send the records on the list", "By when")),
        ("ar", ("يجري جمع السجلات", "أنت", "إرسال السجلات المذكورة في القائمة", "الموعد المستهدف")),
        ("zh_Hans", ("正在收集病历资料", "您", "提交清单上的病历资料", "目标时间")),
        ("es", ("Se están reuniendo los documentos", "Usted", "Enviar los documentos de la lista", "Para cuándo")),
    ],
)
async def test_the_patient_reads_where_it_stands_in_their_language(
    notify: ServiceUnderTest, locale: str, words: tuple[str, ...]
) -> None:
    await notify.receives(*s.whole_case()[:5])
    patient = notify.sign_in(Role.PATIENT, subject="p", cases=[s.CASE], locale=locale)
    for headers in ({"Accept": "text/html"}, {"HX-Request": "true"}):
        page = await patient.get(MINE, headers=headers)
        assert page.status_code == 200
        for word in words:
            assert word in page.text
        assert "<title>Consilium –" not in page.text, "opened by itself, it says in its title what it is"


async def test_a_case_just_submitted_says_so_before_any_fact_came(notify: ServiceUnderTest) -> None:
    patient = notify.sign_in(Role.REQUESTER, subject="p", cases=[s.CASE])
    assert "being registered" in (await patient.get(MINE, headers={"HX-Request": "true"})).text
    assert (await patient.get(JSON)).json()["stage"] == "announced"


async def test_somebody_elses_case_does_not_exist(notify: ServiceUnderTest) -> None:
    await notify.receives(s.submitted())
    stranger = notify.sign_in(Role.PATIENT, subject="q", cases=[uuid4()])
    assert (await stranger.get(MINE)).status_code == 404
    assert (await stranger.get(JSON)).status_code == 404
    assert (await notify.http.get(JSON)).status_code == 401
    assert (await stranger.get(DESK)).status_code == 403


async def test_the_local_physician_is_not_addressed_as_the_one_who_pays(notify: ServiceUnderTest) -> None:
    await notify.receives(*s.whole_case()[:3])
    physician = notify.sign_in(Role.LOCAL_PHYSICIAN, subject="d", cases=[s.CASE])
    text = (await physician.get(MINE, headers={"HX-Request": "true"})).text
    assert "The patient's side" in text
    assert "<strong>You</strong>" not in text


async def test_amounts_are_for_those_who_pay_and_those_who_handle_money(notify: ServiceUnderTest) -> None:
    await notify.receives(*s.whole_case()[:5])
    amount = f"{s.PRICE.amount_minor // 100:,}"
    for role in Role:
        if role in (Role.PARTNER_SYSTEM, Role.FAMILY):
            continue
        reader = notify.sign_in(role, subject=f"reader-{role}", cases=[s.CASE])
        known = role not in (Role.LOCAL_PHYSICIAN, Role.LAB, Role.SPECIALIST, Role.CLINICAL_LEAD, Role.PRIVACY_OFFICER)
        told = (await reader.get(JSON)).json()["entries"]
        assert any(entry["money"] for entry in told) is known, role
        if role is not Role.SERVICE:
            page = await reader.get(MINE if role in PATIENT_SIDE else DESK, headers={"HX-Request": "true"})
            assert (amount in page.text) is known, role


async def test_the_target_window_is_an_aim_on_every_page(notify: ServiceUnderTest) -> None:
    await notify.receives(*s.whole_case()[:8])
    patient = notify.sign_in(Role.PATIENT, subject="p", cases=[s.CASE])
    text = (await patient.get(MINE, headers={"HX-Request": "true"})).text
    assert "Typically between" in text
    assert "not a guarantee" in text


async def test_the_json_timeline_says_who_acts_next_and_by_when(notify: ServiceUnderTest) -> None:
    await notify.receives(*s.whole_case()[:2])
    for client in (
        notify.sign_in(Role.FINANCE),
        notify.as_service("intake"),
        notify.sign_in(Role.PATIENT, cases=[s.CASE]),
    ):
        story = (await client.get(JSON)).json()
        assert story["stage"] == "quoted"
        assert story["next"] == [
            {
                "actor": "requester",
                "action": "accept_quote",
                "by": "2027-03-16T15:00:00Z",
                "earliest": None,
                "overdue": False,
            }
        ]
    assert (await notify.sign_in(Role.FINANCE).get(f"/api/notify/cases/{uuid4()}/timeline")).status_code == 404


async def test_finished_cases_tell_how_long_it_takes(notify: ServiceUnderTest) -> None:
    patient = notify.sign_in(Role.PATIENT, subject="p", cases=[s.CASE])
    await notify.receives(*s.whole_case()[:5])
    for days in (10, 12, 14, 16, 40):
        assert "finished requests" not in (await patient.get(MINE, headers={"HX-Request": "true"})).text
        case = CaseId(new_id())
        await notify.receives(s.complete(case), s.delivered(case, s.START + (8 + days) * s.DAY))
    text = (await patient.get(MINE, headers={"HX-Request": "true"})).text
    assert "Of the last 5 finished requests, half had their opinion within 14 days" in text
    assert "nine in ten within 30 days" in text


async def test_staff_see_the_messages_and_send_one_again(notify: ServiceUnderTest, mails: MailCatcher) -> None:
    await notify.receives(s.submitted())
    await notify.run_errands()
    advisor = notify.sign_in(Role.CARE_ADVISOR)
    page = (await advisor.get(DESK, headers={"HX-Request": "true"})).text
    assert "Acknowledgement" in page
    assert "Send again" in page
    assert "Send again" not in (await notify.sign_in(Role.SPECIALIST).get(DESK, headers={"HX-Request": "true"})).text
    first = await message_of(notify)
    form = {"_once": "a-key-of-this-page"}
    sent = [await advisor.post(f"/desk/notify/messages/{first}/resend", data=form) for _ in range(2)]
    assert [answer.status_code for answer in sent] == [303, 303]
    assert (await advisor.get(sent[0].headers["location"])).status_code == 200
    await notify.run_errands()
    assert len(mails.mailbox.find()) == 2
    assert len({mail.message["Message-ID"] for mail in mails.mailbox.find()}) == 2


async def test_a_call_that_was_made_leaves_the_queue(notify: ServiceUnderTest, mails: MailCatcher) -> None:
    mails.mailbox.moods.append(Mood("rcpt", 550, 1))
    await notify.receives(s.submitted())
    await notify.run_errands()
    advisor = notify.sign_in(Role.CARE_ADVISOR, subject="staff-ada", name="Ada Winter")
    desk = (await advisor.get("/desk/notify", headers={"Accept": "text/html"})).text
    assert "Reached nobody (1)" in desk
    queue = (await advisor.get("/api/notify/queues/call-instead")).json()
    [item] = queue["items"]
    assert (await advisor.get(item["data"]["href"], headers={"Accept": "text/html"})).status_code == 200
    message = await message_of(notify)
    done = await advisor.post(f"/desk/notify/messages/{message}/called", data={"_once": "a-key-of-this-page"})
    assert done.headers["location"] == "/desk/notify"
    assert (await advisor.get("/api/notify/queues/call-instead")).json()["items"] == []
    again = await advisor.post(f"/desk/notify/messages/{message}/called", data={"_once": "another-key-of-it"})
    assert again.status_code == 409


async def test_the_desk_lists_what_is_still_being_tried(notify: ServiceUnderTest, mails: MailCatcher) -> None:
    mails.mailbox.moods.append(Mood("rcpt", 450, 9))
    await notify.receives(s.submitted())
    for _ in range(2):
        await notify.run_errands(may_fail=True)
        notify.clock.advance(s.DAY / 24)
    advisor = notify.sign_in(Role.SUPERVISOR)
    assert "Still being tried (1)" in (await advisor.get("/desk/notify", headers={"Accept": "text/html"})).text


async def test_the_json_interface_resends_only_what_is_settled_and_not_withdrawn(
    notify: ServiceUnderTest, mails: MailCatcher
) -> None:
    await notify.receives(s.submitted())
    advisor = notify.sign_in(Role.CARE_ADVISOR)
    message = await message_of(notify)
    path = f"/api/notify/messages/{message}/resend"
    assert (await advisor.post(path)).status_code == 400
    assert (await advisor.post(path, headers={"Idempotency-Key": "key-number-1"})).status_code == 409
    await notify.run_errands()
    answers = [await advisor.post(path, headers={"Idempotency-Key": "key-number-2"}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    assert answers[0].json()["state"] == "requested"
    assert (await advisor.post(path, headers={"Idempotency-Key": "key-number-3"})).status_code == 200
    await notify.run_errands()
    assert (
        await advisor.post(f"/api/notify/messages/{message}/called", headers={"Idempotency-Key": "key-number-4"})
    ).status_code == 409
    await notify.receives(s.withdrawn())
    assert (await advisor.post(path, headers={"Idempotency-Key": "key-number-5"})).status_code == 409
    assert (
        await advisor.post(f"/api/notify/messages/{uuid4()}/resend", headers={"Idempotency-Key": "key-number-6"})
    ).status_code == 404
    listed = (await advisor.get(f"/api/notify/cases/{s.CASE}/messages")).json()["messages"]
    assert [(m["kind"], m["copy_number"], m["state"]) for m in listed if m["kind"] == "request_received"] == [
        ("request_received", 3, "sent"), ("request_received", 2, "sent"), ("request_received", 1, "sent"),
    ]  # fmt: skip


async def test_a_failed_message_can_be_called_about_over_json(notify: ServiceUnderTest, mails: MailCatcher) -> None:
    mails.mailbox.moods.append(Mood("rcpt", 550, 1))
    await notify.receives(s.submitted())
    await notify.run_errands()
    advisor = notify.sign_in(Role.CARE_ADVISOR)
    message = await message_of(notify)
    done = await advisor.post(f"/api/notify/messages/{message}/called", headers={"Idempotency-Key": "key-number-1"})
    assert done.json() == {"message": str(message), "state": "called"}


async def test_a_message_that_never_was_is_not_found(notify: ServiceUnderTest) -> None:
    advisor = notify.sign_in(Role.CARE_ADVISOR)
    assert (await advisor.get(f"/desk/notify/messages/{uuid4()}", headers={"Accept": "text/html"})).status_code == 404
