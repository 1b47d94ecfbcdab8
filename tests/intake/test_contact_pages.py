"""The desk's work as a browser without scripts does it: the case's page, callers, call-backs, interpreters, colleagues."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from deploy.local.prepare import read_toml
from services.intake import seed
from services.intake.aside import FIELD
from shared.events import CallBackBooked, RequestSubmitted
from shared.ids import CaseId
from shared.web import Role
from tests.intake.asking import HTML, RULES, a_request, advisor, field_of, key, requester, submit
from tests.intake.filling import BY_A_DAUGHTER, START, fill, put, send
from tests.intake.test_contact import DAY, HOUR, do, kinds, on
from tests.intake.test_contact_calls import ROSTER
from tests.support.service import A_MONDAY, ServiceUnderTest

PDF = b"%PDF-1.7\n" + b"made up " * 100
WISH = {"language": "pt", "phone": "+55 11 5550 0123", "zone": "America/Sao_Paulo", "moment": "soonest"}


@pytest.fixture
async def desk(intake: ServiceUnderTest) -> ServiceUnderTest:
    await do(intake, seed.load_roster, read_toml(ROSTER))
    return intake


async def post(browser: httpx.AsyncClient, path: str, status: int = 303, **data: Any) -> httpx.Response:
    answer = await browser.post(path, data={"_once": key()["Idempotency-Key"]} | data, headers=HTML)
    assert answer.status_code == status, answer.text
    return answer


async def see(browser: httpx.AsyncClient, path: str, status: int = 200) -> str:
    answer = await browser.get(path, headers=HTML)
    assert answer.status_code == status, answer.text
    return answer.text


async def test_an_advisor_works_on_a_case_and_its_page_tells_it_in_order(desk: ServiceUnderTest) -> None:
    case_id, ada = await submit(desk), advisor(desk)
    case, here = f"/desk/cases/{case_id}", f"/desk/intake/cases/{case_id}"
    assert "Whom to reach" in await see(ada, case)
    await post(
        ada, f"{here}/log", channel="phone", direction="out", with_whom="requester", reached="no", words="Rang out"
    )
    await post(ada, f"{here}/notes", note="Prefers mornings")
    await post(ada, f"{here}/take")
    await post(ada, f"{here}/tasks", what="Ring again", assignee="staff-ben",
               **{"due-day": "3", "due-month": "3", "due-year": "2027"})  # fmt: skip
    await post(ada, f"{here}/hand-over", to="staff-ben", hand_over_words="Yours now")
    page = await see(ada, case)
    for words in (
        "Rang out",
        "Prefers mornings",
        "Ring again",
        "Yours now",
        "Ben Castellan",
        "Task set",
        "Handed over",
    ):
        assert words in page
    [task] = await desk.fetch("SELECT task_id, due FROM tasks")
    assert task["due"] == RULES.calendar.closing(task["due"].date())
    await post(ada, f"{here}/tasks/{task['task_id']}/done")
    await post(
        ada, f"{here}/log", channel="phone", direction="out", with_whom="requester", reached="yes", words="Spoke"
    )
    page = await see(ada, case)
    assert "Task done" in page
    assert "EST</time> by Ada Winter" in page, "who reached them, by name"
    assert "Ring again" not in await see(desk.sign_in(Role.CARE_ADVISOR, subject="staff-ben"), "/desk/colleagues")


@pytest.mark.parametrize(
    ("part", "data", "sentence"),
    [
        ("log", {"channel": "phone", "direction": "out", "with_whom": "requester"}, "Say whether you reached them"),
        ("log", {"channel": "phone", "direction": "out", "with_whom": "requester", "reached": "yes", "on-day": "1",
                 "on-month": "1", "on-year": "2030"}, "after it happened"),
        ("notes", {}, "Write the note"),
        ("tasks", {"what": "Ring", "assignee": "staff-ada"}, "Enter the day"),
        ("hand-over", {"to": "staff-zoe", "hand_over_words": "Yours"}, "Nobody of that name"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_said_on_the_page_and_what_was_typed_stays(
    desk: ServiceUnderTest, part: str, data: dict[str, str], sentence: str
) -> None:
    case_id = await submit(desk)
    answer = await post(advisor(desk), f"/desk/intake/cases/{case_id}/{part}", 422, **data)
    assert sentence in answer.text
    assert "nhsuk-error-summary" in answer.text
    for typed in (value for name, value in data.items() if name != "to"):
        assert typed in answer.text


async def test_others_see_the_case_and_nothing_of_what_advisors_say_among_themselves(desk: ServiceUnderTest) -> None:
    case_id = await submit(desk)
    await post(advisor(desk), f"/desk/intake/cases/{case_id}/notes", note="Only for us")
    for role in (Role.FINANCE, Role.CASE_MANAGER, Role.LAB, Role.PRIVACY_OFFICER, Role.SPECIALIST):
        page = await see(desk.sign_in(role), f"/desk/cases/{case_id}")
        assert "Only for us" not in page
        assert "Contact log" not in page
        refused = await desk.sign_in(role).post(
            f"/desk/intake/cases/{case_id}/notes", data={"note": "x", "_once": "k" * 12}, headers=HTML
        )
        assert refused.status_code == 403
    assert "Only for us" in await see(desk.sign_in(Role.SUPERVISOR), f"/desk/cases/{case_id}")


async def start_for_caller(desk: ServiceUnderTest, files: Any = None, **data: str) -> tuple[httpx.AsyncClient, str]:
    """Begin a caller's form, read the emergency notice with them, and return the browser and the draft's address."""
    ada = advisor(desk)
    answer = await ada.post("/desk/intake/requests", data={"channel": "phone"} | data, files=files, headers=HTML)
    assert answer.status_code == 303, answer.text
    draft = answer.headers["location"].removesuffix("/start")
    assert (await put(ada, draft, "start", START)).status_code == 303
    return ada, draft


async def test_a_fax_is_typed_in_its_clock_runs_from_its_arrival_and_it_is_kept(desk: ServiceUnderTest) -> None:
    friday = {"channel": "fax", "on-day": "26", "on-month": "2", "on-year": "2027", "at": "16:00"}
    ada, draft = await start_for_caller(desk, {"original": ("../fax ünique.pdf", PDF, "text/html")}, **friday)
    await fill(ada, BY_A_DAUGHTER | {"language": {"language": "ar"}}, draft)
    await send(ada, draft)
    [told] = await desk.emitted(RequestSubmitted)
    assert [row["locale"] for row in await desk.fetch("SELECT locale FROM cases")] == ["ar"], (
        "the caller's, not the desk's"
    )
    assert told.contact_due_at == RULES.calendar.contact_due(A_MONDAY - timedelta(days=2, hours=18))
    assert told.submitted_at == A_MONDAY
    page = await see(ada, f"/desk/cases/{told.case_id}")
    assert "fax ünique.pdf" in page
    assert "In writing" in page
    [original] = await desk.fetch("SELECT original_id FROM originals")
    path = f"/desk/intake/cases/{told.case_id}/originals/{original['original_id']}/download"
    got = await ada.get(path)
    assert got.content == PDF
    assert got.headers["content-type"] == "application/pdf"
    assert got.headers["content-disposition"].startswith("attachment;")
    assert got.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert (await desk.sign_in(Role.CASE_MANAGER).get(path)).status_code == 403
    assert (await requester(desk, told.case_id).get(path)).status_code == 403
    assert {"arrived", "original", "original_read", "consent_in_writing"} <= set(await kinds(desk, told.case_id))
    await post(ada, f"/desk/intake/cases/{told.case_id}/withdraw", reason="By letter")
    assert (await ada.get(path)).status_code == 403
    assert (await desk.sign_in(Role.SUPERVISOR).get(path)).status_code == 200


async def test_consent_by_voice_is_recorded_with_its_version_and_a_signature_is_asked_for(
    desk: ServiceUnderTest,
) -> None:
    ada, draft = await start_for_caller(desk)
    for question, given in BY_A_DAUGHTER.items():
        page = await see(ada, f"{draft}/{question}")
        assert "Is this an emergency?" in page
        assert RULES.contacts.toll_free["GB"] in page
        await put(ada, draft, question, given)
    page = await see(ada, f"{draft}/consent")
    assert "Full name of whoever agrees" in page
    assert RULES.text("consent", "ar") in page, "it is read out in the caller's language"
    assert '<option value="en" selected>' in await see(ada, f"{draft}/check"), "nothing is written in Portuguese"
    for page in (draft, f"{draft}/check"):
        assert "Is this an emergency?" in await see(ada, page)
    await send(ada, draft, letters="es")
    [told] = await desk.emitted(RequestSubmitted)
    page = await see(ada, f"/desk/cases/{told.case_id}")
    assert "Español" in page
    assert "written down by Ada Winter" in page
    [act] = await desk.fetch("SELECT version, how, taken_by FROM consent_acts")
    assert tuple(act) == (told.consent_version, "voice", "staff-ada")
    [task] = await desk.fetch("SELECT what, due, assignee FROM tasks")
    assert task["due"] == A_MONDAY + RULES.call_backs.signature_within
    await post(ada, f"/desk/intake/cases/{told.case_id}/signature")
    assert "consent_signature" in await kinds(desk, told.case_id)
    await post(ada, f"/desk/intake/cases/{told.case_id}/signature", 409)


@pytest.mark.parametrize("content", [b"", b"<html><script>alert(1)</script>", b"MZ\x90"])
async def test_what_is_no_picture_and_no_pdf_is_refused_and_leaves_nothing(
    desk: ServiceUnderTest, content: bytes
) -> None:
    sent = {"original": ("fax.pdf", content, "application/pdf")}
    answer = await advisor(desk).post("/desk/intake/requests", data={"channel": "fax"}, files=sent, headers=HTML)
    assert answer.status_code == 422
    assert "PDF, JPEG, PNG or TIFF" in answer.text
    assert await desk.count("drafts") == await desk.count("originals") == 0
    await desk.run_timers(at=A_MONDAY + timedelta(days=2))
    await desk.run_errands()
    assert await desk.count("original_uploads") == 0


async def test_an_original_that_is_too_large_is_refused(desk: ServiceUnderTest) -> None:
    desk.ctx.settings.max_original_bytes = 1024
    case_id = await submit(desk)
    answer = await advisor(desk).post(
        f"/desk/intake/cases/{case_id}/originals", data={"_once": "k" * 12},
        files={"original": ("scan.pdf", PDF * 10, "application/pdf")}, headers=HTML,
    )  # fmt: skip
    assert answer.status_code == 413


async def test_a_draft_that_nobody_sends_is_forgotten_with_what_it_came_on(
    desk: ServiceUnderTest, tmp_path: Any
) -> None:
    await start_for_caller(desk, {"original": ("fax.pdf", PDF, "application/pdf")}, channel="fax")
    stored = [path for path in (tmp_path / "files").rglob("*") if path.is_file()]
    assert len(stored) == 1
    await desk.run_timers(at=A_MONDAY + timedelta(days=31))
    await desk.run_errands()
    assert await desk.count("originals") == await desk.count("arrivals") == await desk.count("drafts") == 0
    assert not stored[0].exists()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"on-day": "1", "on-month": "1", "on-year": "2031"}, "in the future"),
        ({"on-day": "1", "on-month": "1", "on-year": "2020"}, "more than a year ago"),
        ({"channel": "pigeon"}, "Say how it reached us"),
    ],
)
async def test_an_impossible_arrival_is_refused(desk: ServiceUnderTest, data: dict[str, str], sentence: str) -> None:
    answer = await advisor(desk).post("/desk/intake/requests", data={"channel": "post"} | data, headers=HTML)
    assert answer.status_code == 422
    assert sentence in answer.text


@pytest.mark.parametrize("lang", ["en", "ar", "zh_Hans", "es"])
async def test_anybody_asks_to_be_called_and_only_number_language_and_time_are_kept(
    desk: ServiceUnderTest, lang: str
) -> None:
    browser = desk.http
    await see(browser, f"/call-back?lang={lang}")
    answer = await post(browser, "/call-back", **WISH)
    booked = await see(browser, answer.headers["location"])
    assert "5550" not in booked
    assert RULES.text("emergency_notice", lang) in booked
    [item] = await on(desk, "call-backs")
    assert "no case yet" in item["title"]
    page = await see(advisor(desk), item["data"]["href"])
    assert "+55 11 5550 0123" in page
    assert "Inés Barragán" in page
    assert "5550" not in await see(advisor(desk), "/desk/call-backs")


async def test_a_call_that_a_machine_asks_for_waits_apart_until_a_person_has_tried_it(desk: ServiceUnderTest) -> None:
    answer = await post(desk.http, "/call-back", **WISH, **{FIELD: "https://cheap.example"})
    assert await see(desk.http, answer.headers["location"])
    [item] = await on(desk, "set-aside")
    assert await on(desk, "call-backs") == []
    call_id, ada = answer.headers["location"].rpartition("/")[2], advisor(desk)
    assert call_id not in await see(ada, "/desk/call-backs")
    assert "a machine may have asked" in await see(ada, item["data"]["href"])
    await post(ada, f"{item['data']['href']}/tries", reached="no", words="", tries="0")
    assert await on(desk, "set-aside") == []
    assert len(await on(desk, "call-backs")) == 1
    await desk.run_timers(at=desk.clock.at + 60 * DAY)
    assert await desk.count("call_backs") == 1, "it is a call like others now"


async def test_a_machines_call_that_nobody_looks_at_is_erased(desk: ServiceUnderTest) -> None:
    await post(desk.http, "/call-back", **WISH, **{FIELD: "https://cheap.example"})
    await desk.run_timers(at=desk.clock.at + 60 * DAY)
    assert await desk.count("call_backs") == 0
    assert await on(desk, "set-aside") == []


async def test_a_time_at_which_nobody_is_there_is_refused_and_the_next_one_offered(desk: ServiceUnderTest) -> None:
    sunday = WISH | {"moment": "at", "on-day": "7", "on-month": "3", "on-year": "2027", "at": "11:00"}
    answer = await post(desk.http, "/call-back", 422, **sunday)
    assert "Nobody is in the office at that time" in answer.text
    assert 'id="suggested"' in answer.text
    assert await desk.count("call_backs") == 0


async def test_a_time_in_the_callers_night_is_doubted_once(desk: ServiceUnderTest) -> None:
    night = WISH | {
        "zone": "Asia/Tokyo",
        "moment": "at",
        "on-day": "3",
        "on-month": "3",
        "on-year": "2027",
        "at": "01:00",
    }
    answer = await post(desk.http, "/call-back", 422, **night)
    assert "It is night at that time" in answer.text
    await post(desk.http, "/call-back", **night, confirmed="yes")
    assert await desk.count("call_backs") == 1


async def test_as_soon_as_possible_is_doubted_where_it_would_be_night(desk: ServiceUnderTest) -> None:
    answer = await post(desk.http, "/call-back", 422, **WISH | {"zone": "Asia/Tokyo"})
    assert "It is night at that time" in answer.text
    assert 'name="confirmed"' in answer.text


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"phone": ""}, "Enter a phone number"),
        ({"zone": "Mars/Olympus"}, "Choose the place"),
        ({"moment": "at"}, "Enter the day"),
        ({"moment": "at", "on-day": "1", "on-month": "1", "on-year": "2020", "at": "10:00"}, "still to come"),
        ({"moment": "at", "on-day": "14", "on-month": "3", "on-year": "2027", "at": "02:30", "zone": "America/New_York"},
         "skip this time"),
        ({"moment": "at", "on-day": "1", "on-month": "1", "on-year": "9999", "at": "23:59"}, "still to come"),
    ],
)  # fmt: skip
async def test_a_wish_that_can_t_be_is_said_to_be_so(
    desk: ServiceUnderTest, change: dict[str, str], sentence: str
) -> None:
    answer = await post(desk.http, "/call-back", 422, **WISH | change)
    assert sentence in answer.text


async def test_a_patient_asks_for_a_call_changes_the_time_and_cancels(desk: ServiceUnderTest) -> None:
    case_id = await submit(desk)
    mine, here = requester(desk, case_id), f"/my/intake/cases/{case_id}/call-back"
    assert here in await see(mine, f"/my/cases/{case_id}")
    await post(mine, here, **WISH)
    later = {"moment": "at", "on-day": "3", "on-month": "3", "on-year": "2027", "at": "12:00"}
    await post(mine, here, **WISH | later)
    assert [row["state"] for row in await desk.fetch("SELECT state FROM call_backs ORDER BY booked_at, state")] == [
        "booked", "cancelled",
    ]  # fmt: skip
    assert len(await desk.emitted(CallBackBooked)) == 2
    [booked] = await desk.fetch("SELECT call_back_id FROM call_backs WHERE state = 'booked'")
    other = await submit(desk)
    strange = f"/my/intake/cases/{other}/call-backs/{booked['call_back_id']}/cancel"
    await post(requester(desk, other), strange, 404)
    await post(mine, f"/my/intake/cases/{case_id}/call-backs/{booked['call_back_id']}/cancel")
    assert not await desk.fetch("SELECT 1 FROM call_backs WHERE state = 'booked'")


async def test_an_advisor_books_a_call_with_an_interpreter_and_logs_it(desk: ServiceUnderTest) -> None:
    case_id, ada = await submit(desk), advisor(desk)
    assert 'value="pt" selected' in await see(ada, f"/desk/intake/cases/{case_id}/call-back")
    answer = await post(ada, f"/desk/intake/cases/{case_id}/call-back", **WISH)
    call = answer.headers["location"]
    page = await see(ada, call)
    [free] = await desk.fetch("SELECT interpreter_id FROM interpreters WHERE name = 'Inés Barragán'")
    await post(ada, f"{call}/interpreters/{free['interpreter_id']}")
    assert "+1 305 555 0155" in await see(ada, call)
    await post(ada, f"{call}/tries", reached="no", tries=field_of(page, "tries"))
    await post(ada, f"{call}/tries", 422, reached="no", tries="0")
    await post(ada, f"{call}/tries", 422, tries="1")
    await post(ada, f"{call}/tries", reached="yes", tries="1", words="Spoke")
    assert "reached" in await see(ada, call)
    await post(ada, f"{call}/cancel", 409)
    await see(ada, "/desk/call-backs/01890000-0000-7000-8000-000000000000", 404)


async def test_a_request_typed_from_a_call_carries_the_call_into_its_case(desk: ServiceUnderTest) -> None:
    await post(desk.http, "/call-back", **WISH)
    [call] = await desk.fetch("SELECT call_back_id FROM call_backs")
    ada = advisor(desk)
    await post(ada, f"/desk/call-backs/{call['call_back_id']}/tries", reached="yes", tries="0", words="Wants to ask")
    ada, draft = await start_for_caller(desk, call_back=str(call["call_back_id"]))
    await fill(ada, BY_A_DAUGHTER, draft)
    await send(ada, draft)
    [told] = await desk.emitted(RequestSubmitted)
    assert "Wants to ask" in await see(ada, f"/desk/cases/{told.case_id}")
    await desk.run_timers(at=A_MONDAY + timedelta(days=60))
    assert await desk.count("call_backs") == 1, "it belongs to a case now"


async def test_the_interpreter_for_the_caller_on_the_line_is_booked_once(desk: ServiceUnderTest) -> None:
    case_id, ada = await submit(desk), advisor(desk)
    page = await see(ada, f"/desk/interpreters?language=ar&case_id={case_id}")
    assert page.index("Youssef Kandil") < page.index("Leila Marwan"), "whoever is free longest stands on top"
    [leila] = await desk.fetch("SELECT interpreter_id FROM interpreters WHERE name = 'Leila Marwan'")
    book = f"/desk/interpreters/{leila['interpreter_id']}/book"
    await post(ada, book, language="ar", case_id=str(case_id))
    await post(ada, book, 409, language="ar")
    assert "Leila Marwan" in await see(ada, f"/desk/cases/{case_id}")
    assert "Nobody on the roster interprets" in await see(ada, "/desk/interpreters?language=fi")


async def test_the_roster_is_kept_by_hand_and_nobodys_change_is_overwritten(desk: ServiceUnderTest) -> None:
    ada = advisor(desk)
    entry = {"name": "Aino Halla", "phone": "+358 9 5550 0123", "zone": "Europe/Helsinki", "languages": ["fi", "sv", ""],
             "days1": ["mon", "tue"], "starts1": "09:00", "ends1": "17:00", "active": "yes"}  # fmt: skip
    await see(ada, "/desk/interpreters/new")
    await post(ada, "/desk/interpreters/new", **entry)
    [aino] = await desk.fetch("SELECT interpreter_id, languages, version FROM interpreters WHERE name = 'Aino Halla'")
    assert aino["languages"] == ["fi", "sv"]
    here = f"/desk/interpreters/{aino['interpreter_id']}"
    assert 'value="09:00"' in await see(ada, here)
    weekend = {"days2": ["sat"], "starts2": "22:00", "ends2": "02:00"}
    await post(ada, here, **entry | weekend | {"version": "1"})
    assert "Somebody else changed" in (await post(ada, here, 422, **entry | {"version": "1"})).text
    assert "on the roster already" in (await post(ada, "/desk/interpreters/new", 422, **entry)).text
    half = entry | {"days2": ["sat"], "version": "2"}
    assert "Give days, beginning and end" in (await post(ada, here, 422, **half)).text
    assert "Choose at least one language" in (await post(ada, here, 422, **entry | {"languages": ["", ""]})).text
    await see(ada, "/desk/interpreters/01890000-0000-7000-8000-000000000000", 404)


async def test_an_absence_is_entered_and_called_off_by_hand(desk: ServiceUnderTest) -> None:
    sam = desk.sign_in(Role.SUPERVISOR, subject="staff-sam", name="Sam Ferrant")
    away = {"advisor": "staff-ada", "deputy": "staff-ben", "first-day": "2", "first-month": "3", "first-year": "2027",
            "last-day": "5", "last-month": "3", "last-year": "2027"}  # fmt: skip
    await post(sam, "/desk/colleagues", **away)
    assert "away at that time already" in (await post(sam, "/desk/colleagues", 422, **away)).text
    await desk.run_timers(at=A_MONDAY + 24 * HOUR)
    sam = desk.sign_in(Role.SUPERVISOR, subject="staff-sam", name="Sam Ferrant")
    page = await see(sam, "/desk/colleagues")
    assert "Back now" in page
    [absence] = await desk.fetch("SELECT absence_id FROM absences")
    await post(sam, f"/desk/colleagues/absences/{absence['absence_id']}/end")
    assert "Nobody is away" in await see(sam, "/desk/colleagues")


async def test_each_page_of_this_desk_is_for_advisors_and_supervisors_alone(desk: ServiceUnderTest) -> None:
    case_id: CaseId = await submit(desk, a_request())
    pages = ["/desk/requests/new", "/desk/call-backs", "/desk/interpreters", "/desk/interpreters/new", "/desk/colleagues",
             f"/desk/intake/cases/{case_id}/call-back"]  # fmt: skip
    for role in set(Role) - {Role.CARE_ADVISOR, Role.SUPERVISOR}:
        browser = desk.sign_in(role, cases=[case_id])
        assert {(await browser.get(path, headers=HTML)).status_code for path in pages} == {403}, role
    for path in pages:
        await see(advisor(desk), path)
