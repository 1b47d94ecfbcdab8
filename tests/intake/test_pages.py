"""Pages as a browser without JavaScript sees them: the form on every path, links, the patient's side, the desk."""

import re
from typing import Any

import httpx
import pytest

from shared.events import CaseWithdrawn, RequestSubmitted, ServicesConfirmed, SignInRequested
from shared.ids import CaseId, new_id
from shared.web import Role
from tests.intake.asking import (
    CONSENT,
    HTML,
    NOTICE,
    RULES,
    a_request,
    advisor,
    by_patient,
    field_of,
    key,
    quote,
    requester,
    submit,
)
from tests.support.service import ServiceUnderTest

YOU = {"role": "family", "name": "Dalia Testova", "email": "dalia@example.com", "relationship": "daughter",
       "authority": "permission", "contact": "requester"}  # fmt: skip
PATIENT = {"name": "Mira Testova", "birth_date-day": "27", "birth_date-month": "3", "birth_date-year": "1958",
           "sex": "female", "country": "BR", "languages": "pt"}  # fmt: skip
ILLNESS = {"cancer_type": "breast", "surgery": "yes", "reasons": ["new_diagnosis", "rare_condition"],
           "story": "It began in May.", "questions": ["Is surgery needed?", "", "Which medicine?"]}  # fmt: skip
ANSWERS: dict[str, dict[str, Any]] = {
    "start": {"emergency_read": "yes", "emergency_notice_version": NOTICE, "path": "new_patient", "stream": "remote"},
    "you": YOU,
    "patient": PATIENT,
    "illness": ILLNESS,
    "services": {"interests": ["comprehensive"]},
    "doctor": {"name": "Dr Ana Exemplo", "email": "ana@example.org", "country": "BR"},
    "consent": {"version": CONSENT, "accepted": "yes", "signed_name": "Dalia Testova"},
}


async def fill(browser: httpx.AsyncClient, answers: dict[str, dict[str, Any]], lang: str = "en") -> None:
    """Open and answer each page in turn."""
    for name, given in answers.items():
        page = await browser.get(f"/request/{name}", params={"lang": lang}, headers=HTML)
        assert page.status_code == 200, (name, page.text)
        sent = await browser.post(f"/request/{name}", data=given, headers=HTML)
        assert sent.status_code == 303, (name, re.findall(r'error-message">.*?</', sent.text, re.DOTALL))


async def send(browser: httpx.AsyncClient) -> httpx.Response:
    page = await browser.get("/request/check", headers=HTML)
    assert page.status_code == 200, page.text
    return await browser.post("/request/check", data={"_once": field_of(page.text, "_once")}, headers=HTML)


async def browser_of(intake: ServiceUnderTest) -> httpx.AsyncClient:
    return intake.sign_in(subject="anonymous")


@pytest.mark.parametrize(("lang", "direction"), [("en", "ltr"), ("ar", "rtl"), ("zh_Hans", "ltr"), ("es", "ltr")])
async def test_a_relative_asks_page_by_page_in_each_language(
    intake: ServiceUnderTest, lang: str, direction: str
) -> None:
    browser = intake.http
    await fill(browser, ANSWERS, lang)
    check = (await browser.get("/request/check", headers=HTML)).text
    assert f'dir="{direction}"' in check
    assert "Mira Testova" in check
    assert RULES.text("surgery_advice", lang) in check
    sent = await send(browser)
    assert sent.headers["location"] == "/request/received"
    [told] = await intake.emitted()
    assert isinstance(told, RequestSubmitted)
    assert told.stream == "remote"
    assert told.requester == "family"
    receipt = await browser.get("/request/received", headers=HTML)
    assert told.case_number in receipt.text
    assert RULES.text("emergency_notice", lang) in receipt.text
    [case] = await intake.fetch("SELECT locale, surgery, story, reasons FROM cases")
    assert tuple(case)[:2] == (lang, "yes")
    assert case["reasons"] == ["new_diagnosis", "rare_condition"]
    assert [row["text"] for row in await intake.fetch("SELECT text FROM questions ORDER BY position")] == [
        "Is surgery needed?", "Which medicine?",
    ]  # fmt: skip


async def test_a_patient_asks_for_themselves_and_is_not_asked_for_their_name_twice(intake: ServiceUnderTest) -> None:
    you = {"role": "patient", "name": "Mira Testova", "email": "mira@example.com", "contact": "requester"}
    about = {name: value for name, value in PATIENT.items() if name != "name"}
    start = {name: value for name, value in ANSWERS["start"].items() if name != "stream"}
    await fill(intake.http, {**ANSWERS, "start": start, "you": you, "patient": about, "doctor": {}, "services": {}})
    assert (await send(intake.http)).status_code == 303
    [told] = await intake.emitted()
    assert (told.requester, told.stream) == ("patient", "in_person")
    people = await intake.fetch("SELECT role, name, email FROM people ORDER BY role")
    assert [tuple(row) for row in people] == [
        ("patient", "Mira Testova", "mira@example.com"), ("requester", "Mira Testova", "mira@example.com"),
    ]  # fmt: skip


async def test_a_clinician_refers_a_patient(intake: ServiceUnderTest) -> None:
    you = {"role": "clinician", "name": "Dr Ana Exemplo", "email": "ana@example.org", "contact": "requester"}
    await fill(intake.http, {**ANSWERS, "start": {**ANSWERS["start"], "path": "referral"}, "you": you})
    assert (await send(intake.http)).status_code == 303
    [told] = await intake.emitted()
    assert (told.path, told.requester) == ("referral", "clinician")


async def test_sending_twice_and_going_back_makes_one_case(intake: ServiceUnderTest) -> None:
    await fill(intake.http, ANSWERS)
    page = await intake.http.get("/request/check", headers=HTML)
    once = {"_once": field_of(page.text, "_once")}
    for data in (once, once, {"_once": str(new_id())}):
        sent = await intake.http.post("/request/check", data=data, headers=HTML)
        assert sent.headers["location"] == "/request/received"
    for path in ("/request/check", "/request/illness"):
        assert (await intake.http.get(path, headers=HTML)).headers["location"] == "/request/received"
    assert await intake.count("cases") == 1
    assert len(await intake.emitted()) == 1
    [draft] = await intake.fetch("SELECT answers FROM drafts")
    assert draft["answers"] == {}
    await fill(intake.http, {"start": ANSWERS["start"]})
    assert await intake.count("drafts") == 2


async def test_answers_are_kept_between_pages_and_shown_again(intake: ServiceUnderTest) -> None:
    await fill(intake.http, {name: ANSWERS[name] for name in ("start", "you", "patient", "illness")})
    assert (await intake.http.get("/request", headers=HTML)).headers["location"] == "/request/services"
    page = (await intake.http.get("/request/patient", headers=HTML)).text
    assert 'value="Mira Testova"' in page
    assert 'value="1958"' in page
    assert 'value="BR" selected' in page
    assert "Which medicine?" in (await intake.http.get("/request/illness", headers=HTML)).text
    changed = await intake.http.post("/request/start", data={**ANSWERS["start"], "path": "referral"}, headers=HTML)
    assert changed.headers["location"] == "/request/you"


@pytest.mark.parametrize(("name", "given", "field"), [
    ("start", {}, "emergency_read"),
    ("start", {**ANSWERS["start"], "path": "spaceship"}, "path"),
    ("you", {**YOU, "email": "nobody"}, "email"),
    ("you", {**YOU, "relationship": ""}, "relationship"),
    ("you", {**YOU, "authority": ""}, "authority"),
    ("patient", {**PATIENT, "name": ""}, "name"),
    ("patient", {**PATIENT, "birth_date-month": "13"}, "birth_date"),
    ("patient", {**PATIENT, "birth_date-year": "2058"}, "birth_date"),
    ("patient", {**PATIENT, "country": ""}, "country"),
    ("illness", {**ILLNESS, "reasons": []}, "reasons"),
    ("doctor", {"name": "Dr Ana Exemplo"}, "email"),
    ("consent", {"version": CONSENT, "signed_name": "Dalia"}, "accepted"),
])  # fmt: skip
async def test_a_page_says_what_to_mend_and_keeps_what_was_typed(
    intake: ServiceUnderTest, name: str, given: dict[str, Any], field: str
) -> None:
    await fill(intake.http, dict(list(ANSWERS.items())[: list(ANSWERS).index(name)]))
    page = await intake.http.post(f"/request/{name}", data=given, headers=HTML)
    assert page.status_code == 422
    assert f'href="#{field}"' in page.text
    assert f'id="{field}"' in page.text
    assert "<title>Error:" in page.text.replace("\n", "")
    if typed := given.get("name"):
        assert f'value="{typed}"' in page.text


async def test_contact_with_the_patient_needs_an_address_of_theirs(intake: ServiceUnderTest) -> None:
    await fill(intake.http, {"start": ANSWERS["start"], "you": {**YOU, "contact": "patient"}})
    page = await intake.http.post("/request/patient", data=PATIENT, headers=HTML)
    assert page.status_code == 422
    assert 'href="#email"' in page.text


async def test_a_change_of_who_asks_brings_back_the_page_that_no_longer_fits(intake: ServiceUnderTest) -> None:
    own = {"role": "patient", "name": "Mira Testova", "email": "mira@example.com", "contact": "requester"}
    await fill(intake.http, {**ANSWERS, "you": own, "patient": {**PATIENT, "name": ""}})
    changed = await intake.http.post("/request/you", data=YOU, headers=HTML)
    assert changed.headers["location"] == "/request/patient"
    await fill(intake.http, {"patient": PATIENT})
    assert (await send(intake.http)).headers["location"] == "/request/received"


async def test_answers_kept_by_an_older_form_are_asked_again(intake: ServiceUnderTest) -> None:
    await fill(intake.http, ANSWERS)
    async with intake.ctx.db.transaction() as tx:
        await tx.execute("UPDATE drafts SET answers = jsonb_set(answers, '{illness,mood}', '1')")
    assert (await intake.http.get("/request/check", headers=HTML)).headers["location"] == "/request/illness"
    sent = await intake.http.post("/request/check", data={"_once": str(new_id())}, headers=HTML)
    assert sent.headers["location"] == "/request/illness"
    assert await intake.count("cases") == 0


async def test_pages_out_of_turn_lead_back_to_where_the_form_is(intake: ServiceUnderTest) -> None:
    for name in ("you", "check", "received", "patient"):
        assert (await intake.http.get(f"/request/{name}", headers=HTML)).status_code == 303
    assert (await intake.http.post("/request/you", data=YOU, headers=HTML)).headers["location"] == "/request"
    assert (await intake.http.get("/request/nonsense", headers=HTML)).status_code == 404
    once = {"_once": str(new_id())}
    assert (await intake.http.post("/request/check", data=once, headers=HTML)).headers["location"] == "/request"


async def test_a_consent_text_that_changed_meanwhile_is_read_again(intake: ServiceUnderTest) -> None:
    await fill(intake.http, {**ANSWERS, "consent": {**ANSWERS["consent"], "version": "consent.v0"}})
    page = await send(intake.http)
    assert page.status_code == 422
    assert "consent text has changed" in page.text
    assert await intake.count("cases") == 0


async def link_to(intake: ServiceUnderTest, case_id: CaseId, path: str, audience: str = "requester") -> str:
    body = {"audience": audience, "path": path}
    made = await intake.as_service("notify").post(f"/api/intake/cases/{case_id}/links", json=body, headers=key())
    url: str = made.json()["url"]
    return url


async def test_a_mail_scanner_burns_no_link_and_a_person_uses_it_once(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    url = await link_to(intake, case_id, f"/my/cases/{case_id}")
    for _ in range(3):
        page = await intake.http.get(url, headers=HTML)
        assert page.status_code == 200
        assert "<form" in page.text
        assert page.headers["referrer-policy"] == "no-referrer"
    opened = await intake.http.post(url, headers=HTML)
    assert opened.status_code == 303
    assert opened.headers["location"] == f"/my/cases/{case_id}"
    mine = await intake.http.get(f"/my/cases/{case_id}", headers=HTML)
    assert mine.status_code == 200
    assert f"/my/notify/cases/{case_id}/timeline" in mine.text
    again = await intake.sign_in(subject="anonymous").post(url, headers=HTML)
    assert again.status_code == 410
    assert "set-cookie" not in again.headers
    assert (await intake.http.get(url, headers=HTML)).status_code == 410


async def test_an_old_or_made_up_link_does_not_work(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    url = await link_to(intake, case_id, "/my")
    intake.clock.advance(intake.ctx.settings.link_life)
    for address in (url, "http://consilium.test/link/made-up"):
        assert (await intake.http.get(address, headers=HTML)).status_code == 410
        assert (await intake.http.post(address, headers=HTML)).status_code == 410


async def test_the_sign_in_page_says_the_same_to_a_stranger(intake: ServiceUnderTest) -> None:
    await submit(intake)
    number = (await intake.emitted(RequestSubmitted))[0].case_number
    pages = []
    for email, typed in (("dalia@example.com", number), ("stranger@example.com", number), ("a@example.com", "junk")):
        answer = await intake.http.post("/my/sign-in", data={"email": email, "case_number": typed}, headers=HTML)
        pages.append((answer.status_code, re.sub(r'nonce="[^"]*"', "", answer.text)))
        assert await intake.emitted(SignInRequested) == [], "the page itself answers nobody"
    assert pages[0][0] == 200
    assert len(set(pages)) == 1
    await intake.run_timers()
    assert len(await intake.emitted(SignInRequested)) == 1
    assert (await intake.http.post("/sign-in/link", data={"email": "x"}, headers=HTML)).status_code == 422


async def test_the_requester_reads_and_accepts_the_quote(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    me = requester(intake, case_id)
    assert "no quote yet" in (await me.get(f"/my/intake/cases/{case_id}/quote", headers=HTML)).text
    await quote(intake, case_id, "comprehensive", "integrative")
    page = (await me.get(f"/my/intake/cases/{case_id}/quote", headers=HTML)).text
    assert "$4,500.00" in page
    assert RULES.catalogue["integrative"].title in page
    form = {name: field_of(page, name) for name in ("_once", "quote_id", "revision")}
    for _ in range(2):
        accepted = await me.post(f"/my/intake/cases/{case_id}/quote/accept", data=form, headers=HTML)
        assert accepted.headers["location"] == f"/my/cases/{case_id}"
    assert len(await intake.emitted(ServicesConfirmed)) == 1
    late = await me.post(
        f"/my/intake/cases/{case_id}/quote/accept", data={**form, "_once": str(new_id())}, headers=HTML
    )
    assert late.status_code == 409
    assert "already been answered" in late.text
    assert "You accepted this quote" in (await me.get(f"/my/intake/cases/{case_id}/quote", headers=HTML)).text


async def test_an_answer_that_is_neither_yes_nor_no_changes_nothing(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    offered = await quote(intake, case_id)
    form = {"_once": str(new_id()), "quote_id": offered["quote_id"], "revision": "1"}
    answer = await requester(intake, case_id).post(f"/my/intake/cases/{case_id}/quote/maybe", data=form, headers=HTML)
    assert answer.status_code == 422
    assert [row["state"] for row in await intake.fetch("SELECT state FROM quotes")] == ["open"]


async def test_a_refusal_is_said_in_the_readers_language(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    me = intake.sign_in(Role.REQUESTER, cases=[case_id], locale="ar")
    form = {"_once": str(new_id()), "quote_id": str(new_id()), "revision": "1"}
    answer = await me.post(f"/my/intake/cases/{case_id}/quote/accept", data=form, headers=HTML)
    assert answer.status_code == 409
    assert "لا يوجد عرض سعر" in answer.text


async def test_a_patient_withdraws(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake, by_patient())
    me = intake.sign_in(Role.PATIENT, Role.REQUESTER, cases=[case_id])
    page = (await me.get(f"/my/intake/cases/{case_id}/withdraw", headers=HTML)).text
    data = {"_once": field_of(page, "_once"), "reason": ""}
    assert (await me.post(f"/my/intake/cases/{case_id}/withdraw", data=data, headers=HTML)).status_code == 303
    assert [told.by for told in await intake.emitted(CaseWithdrawn)] == ["patient"]
    assert "withdrawn" in (await me.get(f"/my/cases/{case_id}", headers=HTML)).text


async def test_my_leads_to_the_only_case_or_lists_all(intake: ServiceUnderTest) -> None:
    one, two = await submit(intake), await submit(intake)
    alone = await requester(intake, one).get("/my", headers=HTML)
    assert alone.headers["location"] == f"/my/cases/{one}"
    both = await intake.sign_in(Role.REQUESTER, cases=[one, two]).get("/my", headers=HTML)
    assert str(one) in both.text
    assert str(two) in both.text
    assert (await requester(intake, one).get(f"/my/cases/{two}", headers=HTML)).status_code == 404


async def test_the_local_physician_sees_the_opinion_and_nothing_of_money_or_consent(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    doctor = intake.sign_in(Role.LOCAL_PHYSICIAN, cases=[case_id])
    page = await doctor.get(f"/my/cases/{case_id}", headers=HTML)
    assert "/my/matching/" in page.text
    assert "/my/billing/" not in page.text
    assert "/withdraw" not in page.text
    assert (await doctor.get(f"/my/intake/cases/{case_id}/quote", headers=HTML)).status_code == 403


async def test_an_advisor_confirms_services_and_each_refusal_has_its_sentence(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake, a_request(surgery="yes"))
    ada, url = advisor(intake), f"/desk/intake/cases/{case_id}/quote"
    page = (await ada.get(url, headers=HTML)).text
    assert RULES.text("surgery_advice", "en") in page
    assert 'value="comprehensive" checked' in page
    once = {"_once": field_of(page, "_once")}
    refused = await ada.post(url, data={**once, "services": ["integrative"], "amount": "100"}, headers=HTML)
    assert refused.status_code == 422
    assert "(R16)" in refused.text
    assert (await ada.post(url, data=once, headers=HTML)).status_code == 422
    sample = await ada.post(url, data={"_once": str(new_id()), "services": ["written", "integrative"]}, headers=HTML)
    priced = RULES.price(["written", "integrative"]).amount_minor / 100
    assert sample.status_code == 200
    assert f'value="{priced:.2f}"' in sample.text
    assert await intake.count("quotes") == 0
    data = {"_once": str(new_id()), "services": ["written", "integrative"], "amount": "2750.50", "note": "As agreed"}
    assert (await ada.post(url, data=data, headers=HTML)).headers["location"] == f"/desk/cases/{case_id}"
    [row] = await intake.fetch("SELECT amount_minor, note, offered_by FROM quotes")
    assert tuple(row) == (275_050, "As agreed", "staff-ada")


async def test_a_price_finer_than_the_currency_is_refused(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    data = {"_once": str(new_id()), "services": ["written"], "amount": "100.005"}
    page = await advisor(intake).post(f"/desk/intake/cases/{case_id}/quote", data=data, headers=HTML)
    assert page.status_code == 422
    assert 'href="#amount"' in page.text
    assert await intake.count("quotes") == 0


async def test_the_desk_shows_the_case_and_moves_it_with_a_reason(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake, a_request(stream="in_person"))
    ada = advisor(intake)
    page = (await ada.get(f"/desk/cases/{case_id}", headers=HTML)).text
    for part in ("billing", "records", "matching"):
        assert f"/desk/{part}/cases/{case_id}/summary" in page
    assert "Mira Testova" in page
    assert "Is surgery needed?" in page
    assert "daughter" in page
    form = {"_once": str(new_id()), "_version": field_of(page, "_version"), "stream": "remote"}
    empty = await ada.post(f"/desk/intake/cases/{case_id}/stream", data=form, headers=HTML)
    assert empty.status_code == 422
    assert "Say why" in empty.text
    form = {**form, "_once": str(new_id()), "reason": "forgot to choose"}
    assert (await ada.post(f"/desk/intake/cases/{case_id}/stream", data=form, headers=HTML)).status_code == 303
    stale = await ada.post(f"/desk/intake/cases/{case_id}/stream", data={**form, "_once": str(new_id())}, headers=HTML)
    assert stale.status_code == 412
    assert "forgot to choose" in (await ada.get(f"/desk/cases/{case_id}", headers=HTML)).text


async def test_reaching_the_requester_and_withdrawing_from_the_desk(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    ada = advisor(intake)
    for step, data in (("contact", {}), ("withdraw", {"reason": "daughter called"})):
        sent = await ada.post(
            f"/desk/intake/cases/{case_id}/{step}", data={"_once": str(new_id()), **data}, headers=HTML
        )
        assert sent.status_code == 303
    assert [told.by for told in await intake.emitted(CaseWithdrawn)] == ["staff"]
    page = (await ada.get(f"/desk/cases/{case_id}", headers=HTML)).text
    assert "daughter called" in page
    assert "Confirm services" not in page


async def test_the_desk_finds_a_case_by_its_number_however_typed(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    number = (await intake.emitted(RequestSubmitted))[0].case_number
    ada = advisor(intake)
    assert number in (await ada.get("/desk/cases", headers=HTML)).text
    found = await ada.get("/desk/cases", params={"number": number.lower().replace("-", "")}, headers=HTML)
    assert found.headers["location"] == f"/desk/cases/{case_id}"
    assert (await ada.get("/desk/cases", params={"number": "7K3M"}, headers=HTML)).status_code == 422
    assert (await ada.get("/desk/cases", params={"number": "0000-0000-0"}, headers=HTML)).status_code == 404
    assert (await ada.get("/desk", headers=HTML)).text.count("/desk/intake/queues/") >= 2


async def test_people_and_illness_are_for_those_who_need_them(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    money = await intake.sign_in(Role.FINANCE).get(f"/desk/cases/{case_id}", headers=HTML)
    assert money.status_code == 200
    assert "Testova" not in money.text
    assert "reast" not in money.text
    assert (
        await intake.sign_in(Role.FINANCE).get(f"/desk/intake/cases/{case_id}/quote", headers=HTML)
    ).status_code == 403


async def test_a_specialist_meets_the_patient_where_the_case_is_theirs_and_nowhere_else(
    intake: ServiceUnderTest,
) -> None:
    case_id = await submit(intake)
    await quote(intake, case_id, amount=450_000)
    page = (
        await intake.sign_in(Role.SPECIALIST, subject="staff-imani").get(f"/desk/cases/{case_id}", headers=HTML)
    ).text
    for secret in ("Testova", "example.com", "reast", "4,500"):
        assert secret not in page
    assert "4,500" in (await intake.sign_in(Role.FINANCE).get(f"/desk/cases/{case_id}", headers=HTML)).text


async def test_an_advisor_writes_down_a_request_taken_by_phone(intake: ServiceUnderTest) -> None:
    ada = advisor(intake)
    begun = await ada.post("/desk/intake/requests", data={"channel": "phone"}, headers=HTML)
    assert begun.headers["location"] == "/request/start"
    assert "Writing for a caller" in (await ada.get("/request/start", headers=HTML)).text
    await fill(ada, ANSWERS)
    sent = await send(ada)
    [told] = await intake.emitted()
    assert told.channel == "phone"
    assert sent.headers["location"] == f"/desk/cases/{told.case_id}"
    [row] = await intake.fetch("SELECT channel, entered_by FROM cases")
    assert tuple(row) == ("phone", "staff-ada")


async def test_a_callers_form_is_closed_to_who_is_not_staff(intake: ServiceUnderTest) -> None:
    ada = advisor(intake)
    await ada.post("/desk/intake/requests", data={"channel": "fax"}, headers=HTML)
    intake.http.cookies.set("consilium_draft", ada.cookies["consilium_draft"])
    assert "Writing for a caller" not in (await intake.http.get("/request/start", headers=HTML)).text
