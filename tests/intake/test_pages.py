"""Pages as a browser without JavaScript sees them: the form on every path, links, the patient's side, the desk."""

import re

from shared.events import CaseWithdrawn, RequestSubmitted, ServicesConfirmed, SignInRequested
from shared.ids import CaseId, new_id
from shared.web import Role
from tests.intake.asking import (
    HTML,
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
    assert "USD\xa04,500.00" in page
    assert RULES.catalogue["integrative"].title in page
    form = {name: field_of(page, name) for name in ("_once", "quote_id", "revision")}
    for _ in range(2):
        accepted = await me.post(f"/my/intake/cases/{case_id}/quote/accept", data=form, headers=HTML)
        assert accepted.headers["location"] == f"/my/cases/{case_id}"
    assert len(await intake.emitted(ServicesConfirmed)) == 1
    signed_out = await intake.http.post(f"/my/intake/cases/{case_id}/quote/accept", data=form, headers=HTML)
    assert signed_out.status_code == 401
    assert "did not reach us yet" in signed_out.text
    late = await me.post(
        f"/my/intake/cases/{case_id}/quote/accept", data={**form, "_once": str(new_id())}, headers=HTML
    )
    assert late.status_code == 409
    assert "already been answered" in late.text
    assert "You accepted this quote" in late.text, "a second tab shows what became of the quote"
    assert f'<a href="/my/cases/{case_id}">Go on with your case</a>' in late.text
    assert "Accept the quote" not in late.text
    assert "You accepted this quote" in (await me.get(f"/my/intake/cases/{case_id}/quote", headers=HTML)).text


async def test_an_answer_that_is_neither_yes_nor_no_changes_nothing(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    offered = await quote(intake, case_id)
    form = {"_once": str(new_id()), "quote_id": offered["quote_id"], "revision": "1"}
    answer = await requester(intake, case_id).post(f"/my/intake/cases/{case_id}/quote/maybe", data=form, headers=HTML)
    assert answer.status_code == 405
    assert [row["state"] for row in await intake.fetch("SELECT state FROM quotes")] == ["open"]


async def test_a_question_about_an_older_quote_is_not_lost(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    older = await quote(intake, case_id)
    await quote(intake, case_id)
    asked = {"_once": str(new_id()), "quote_id": older["quote_id"], "revision": "1", "text": "Is travel in it?"}
    page = await requester(intake, case_id).post(f"/my/intake/cases/{case_id}/quote/ask", data=asked, headers=HTML)
    assert page.status_code == 409
    assert "a newer quote" in page.text
    assert "Is travel in it?</textarea>" in page.text


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
    assert "signed the consent on" in page, "no code of a version among a patient's words"
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
    assert '<h1 class="nhsuk-heading-l">Your patient’s case</h1>' in page.text
    assert "/my/billing/" not in page.text
    assert "/withdraw" not in page.text
    assert (await doctor.get(f"/my/intake/cases/{case_id}/quote", headers=HTML)).status_code == 403


async def test_an_advisor_confirms_services_and_each_refusal_has_its_sentence(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake, a_request(surgery="yes"))
    ada, url = advisor(intake), f"/desk/intake/cases/{case_id}/quote"
    page = (await ada.get(url, headers=HTML)).text
    assert RULES.text("surgery_advice", "en") in page
    assert 'value="comprehensive" checked' in page
    assert 'value="4500.00"' in page
    once = {"_once": field_of(page, "_once")}
    refused = await ada.post(url, data={**once, "services": ["integrative"]}, headers=HTML)
    assert refused.status_code == 422
    assert "(R16)" in refused.text
    assert "add “Comprehensive remote second opinion”, or add “" in refused.text
    assert (await ada.post(url, data=once, headers=HTML)).status_code == 422
    both = {
        "services": ["written", "integrative"],
        "priced": ["written", "integrative"],
        "amounts": ["2150.50", "600.00"],
    }
    without_reason = await ada.post(url, data={"_once": str(new_id()), **both}, headers=HTML)
    assert without_reason.status_code == 422
    assert "#reason" in without_reason.text
    assert await intake.count("quotes") == 0
    data = {"_once": str(new_id()), **both, "reason": "Two short questions", "note": "As agreed"}
    assert (await ada.post(url, data=data, headers=HTML)).headers["location"] == f"/desk/cases/{case_id}#quotes"
    [row] = await intake.fetch("SELECT amount_minor, note, offered_by, price_reason FROM quotes")
    assert tuple(row) == (275_050, "As agreed", "staff-ada", "Two short questions")


async def test_a_price_finer_than_the_currency_is_refused(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    data = {
        "_once": str(new_id()),
        "services": ["written"],
        "priced": ["written"],
        "amounts": ["100.005"],
        "reason": "x",
    }
    page = await advisor(intake).post(f"/desk/intake/cases/{case_id}/quote", data=data, headers=HTML)
    assert page.status_code == 422
    assert 'href="#amount-written"' in page.text
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
    newest = (await ada.get("/desk/cases", headers=HTML)).text
    assert number in newest
    assert 'data-label="Contact due"' in newest, "on a telephone each case is a card"
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


async def test_the_desk_says_when_by_the_offices_clock_on_every_page(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    page = (await advisor(intake).get(f"/desk/cases/{case_id}", headers=HTML)).text
    assert " EST</time>" in page
    assert " UTC</time>" not in page


async def test_whoever_compares_papers_is_told_who_the_patient_is(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    path = f"/desk/intake/cases/{case_id}/patient"
    manager = intake.sign_in(Role.CASE_MANAGER, subject="staff-mara", name="Mara Lindqvist")
    page = (await manager.get(path, headers=HTML)).text
    assert a_request()["patient"]["name"] in page
    assert "Born" in page
    assert (await intake.sign_in(Role.LAB, subject="staff-lena").get(path, headers=HTML)).status_code == 403
    assert (await intake.sign_in(Role.SPECIALIST, subject="staff-imani").get(path, headers=HTML)).status_code == 403


async def test_a_patient_who_meets_a_refusal_finds_the_way_back_to_their_case(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    page = await requester(intake, case_id).get(f"/my/intake/cases/{case_id}/quote/7", headers=HTML)
    assert page.status_code == 404
    assert '<p><a href="/my">Your case</a></p>' in page.text
