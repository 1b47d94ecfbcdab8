"""The form on every path and in every language, as a browser without JavaScript sees it."""

from typing import Any

import pytest

from shared.events import RequestSubmitted
from shared.ids import new_id
from tests.intake.asking import CONSENT, HTML, RULES, advisor, field_of
from tests.intake.filling import BY_A_DAUGHTER, START, by_a_clinician, by_the_patient, fill, put, send
from tests.support.service import ServiceUnderTest

DIRECTIONS = {"en": "ltr", "ar": "rtl", "zh_Hans": "ltr", "es": "ltr"}


@pytest.mark.parametrize("lang", DIRECTIONS)
async def test_a_relative_asks_question_by_question_in_each_language(intake: ServiceUnderTest, lang: str) -> None:
    draft = await fill(intake.http, BY_A_DAUGHTER, lang=lang)
    assert draft.count("/") == 2
    check = (await intake.http.get(f"{draft}/check", headers=HTML)).text
    assert f'dir="{DIRECTIONS[lang]}"' in check
    assert "Mira Testova" in check
    assert RULES.text("surgery_advice", lang) in check
    assert (await send(intake.http, draft)).headers["location"] == f"{draft}/received"
    [told] = await intake.emitted()
    assert isinstance(told, RequestSubmitted)
    assert (told.stream, told.requester, f"/request/{told.case_id}") == ("remote", "family", draft)
    receipt = (await intake.http.get(f"{draft}/received", headers=HTML)).text
    for promised in (told.case_number, RULES.text("emergency_notice", lang), "dalia@example.com", RULES.contacts.email):
        assert promised in receipt
    [case] = await intake.fetch("SELECT locale, surgery, story, reasons FROM cases")
    assert tuple(case) == (lang, "yes", "It began in May.", ["new_diagnosis", "rare_condition"])


async def test_every_answer_reaches_the_case_and_the_desk_as_it_was_given(intake: ServiceUnderTest) -> None:
    await send(intake.http, await fill(intake.http, BY_A_DAUGHTER))
    [row] = await intake.fetch("SELECT * FROM circumstances")
    assert (row["in_hospital"], row["hospital"]) == ("yes", "Clinic of Tests")
    assert (row["call_zone"], row["call_times"]) == ("America/Sao_Paulo", ["morning", "evening"])
    assert (row["interpreter"], row["heard_from"]) == ("pt", "internet")
    [told] = await intake.fetch("SELECT name, relationship, may_know FROM confidants")
    assert tuple(told) == ("Vera Testova", "sister", ["appointments"])
    assert [row["text"] for row in await intake.fetch("SELECT text FROM questions")] == ["Is surgery needed?"]
    phones = {row["role"]: row["phone"] for row in await intake.fetch("SELECT role, phone FROM people")}
    assert phones == {"requester": "+55 11 91234 5678", "patient": None, "local_physician": None}
    case_id = (await intake.emitted())[0].case_id
    page = (await advisor(intake).get(f"/desk/cases/{case_id}", headers=HTML)).text
    for said in ("Clinic of Tests", "America/Sao_Paulo", "Vera Testova", "internet", "Is surgery needed?"):
        assert said in page


async def test_a_patient_asks_for_themselves_and_is_asked_nothing_twice(intake: ServiceUnderTest) -> None:
    draft = await fill(
        intake.http, by_the_patient(stream={}, doctor={"doctor": "none"}, questions={}, told={}, services={})
    )
    for question in ("patient_name", "patient_country", "relation", "contact", "declaration", "guardian", "latin_name"):
        assert (await intake.http.get(f"{draft}/{question}", headers=HTML)).headers["location"] == draft
    assert (await send(intake.http, draft)).status_code == 303
    [told] = await intake.emitted()
    assert (told.requester, told.stream) == ("patient", "in_person")
    people = await intake.fetch("SELECT role, name, email, country FROM people ORDER BY role")
    assert [tuple(row) for row in people] == [
        ("patient", "Mira Testova", "mira@example.com", "BR"), ("requester", "Mira Testova", "mira@example.com", None),
    ]  # fmt: skip


async def test_a_clinician_refers_a_patient_and_declares_authority_under_a_text_of_its_own(
    intake: ServiceUnderTest,
) -> None:
    draft = await fill(intake.http, by_a_clinician())
    assert (await intake.http.get(f"{draft}/role", headers=HTML)).headers["location"] == draft
    assert RULES.organisation_hospital in (await intake.http.get(f"{draft}/declaration", headers=HTML)).text
    assert (await send(intake.http, draft)).status_code == 303
    [told] = await intake.emitted()
    assert (told.path, told.requester) == ("referral", "clinician")
    [signed] = await intake.fetch("SELECT version, signed_name FROM declarations")
    assert tuple(signed) == (RULES.text_version("clinician_authority"), "Dr Ana Exemplo")
    [doctor] = await intake.fetch("SELECT name, email, country FROM people WHERE role = 'local_physician'")
    assert tuple(doctor) == ("Dr Ana Exemplo", "ana@example.org", "BR")


async def test_a_patient_under_18_needs_a_guardian_by_name(intake: ServiceUnderTest) -> None:
    child = {"birth_date-day": "2", "birth_date-month": "März", "birth_date-year": "2009"}
    draft = await fill(intake.http, {**BY_A_DAUGHTER, "birth_date": child})
    assert (await intake.http.get(f"{draft}/check", headers=HTML)).headers["location"] == f"{draft}/guardian?from=check"
    nameless = await put(intake.http, draft, "guardian", {"relationship": "mother"})
    assert nameless.status_code == 422
    await fill(intake.http, {"guardian": {"name": "Olga Testova", "relationship": "mother"}}, draft)
    assert "Olga Testova" in (await intake.http.get(f"{draft}/check", headers=HTML)).text
    await send(intake.http, draft)
    [row] = await intake.fetch("SELECT guardian_name, guardian_relationship FROM circumstances")
    assert tuple(row) == ("Olga Testova", "mother")


async def test_a_guardian_who_asks_is_guardian_enough(intake: ServiceUnderTest) -> None:
    child = {"birth_date-day": "2", "birth_date-month": "3", "birth_date-year": "2009"}
    draft = await fill(intake.http, {**BY_A_DAUGHTER, "ground": {"authority": "guardian"}, "birth_date": child})
    assert (await send(intake.http, draft)).headers["location"] == f"{draft}/received"


async def test_a_name_in_another_script_is_proposed_in_latin_and_kept_as_the_person_confirms_it(
    intake: ServiceUnderTest,
) -> None:
    draft = await fill(
        intake.http, {**BY_A_DAUGHTER, "patient_name": {"name": "Мира Тестова"}, "language": {"language": "ru"}}
    )
    page = (await intake.http.get(f"{draft}/latin_name", headers=HTML)).text
    assert 'value="Mira Testova"' in page
    assert "Мира Тестова" in page
    assert (await put(intake.http, draft, "latin_name", {"latin_name": "Мира"})).status_code == 422
    await put(intake.http, draft, "latin_name", {"latin_name": "Myra Testova"})
    await send(intake.http, draft)
    [row] = await intake.fetch("SELECT name, latin_name FROM people WHERE role = 'patient'")
    assert tuple(row) == ("Мира Тестова", "Myra Testova")


async def test_another_name_is_confirmed_in_latin_anew(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, {**BY_A_DAUGHTER, "patient_name": {"name": "Мира Тестова"}})
    await put(intake.http, draft, "latin_name", {"latin_name": "Mira Testova"})
    moved = await intake.http.post(f"{draft}/patient_name?from=check", data={"name": "Анна Тестова"}, headers=HTML)
    assert moved.headers["location"] == f"{draft}/latin_name?from=check"


@pytest.mark.parametrize(("keep", "kept"), [("international", "+44 20 7946 0000"), ("typed", "020 7946 0000")])
async def test_a_phone_number_is_kept_as_its_owner_says(intake: ServiceUnderTest, keep: str, kept: str) -> None:
    given = {**BY_A_DAUGHTER, "your_country": {"country": "GB"}}
    draft = await fill(intake.http, {name: given[name] for name in list(given)[: list(given).index("your_phone")]})
    asked = await put(intake.http, draft, "your_phone", {"phone": "020 7946 0000"})
    assert asked.status_code == 200
    assert "+44 20 7946 0000" in asked.text
    other = {"phone": "020 7946 0001", "phone_shown": "020 7946 0000", "keep": keep}
    assert (await put(intake.http, draft, "your_phone", other)).status_code == 200, "another number is asked about anew"
    settled = {"phone": "020 7946 0000", "phone_shown": "020 7946 0000", "keep": keep}
    assert (await put(intake.http, draft, "your_phone", settled)).status_code == 303
    [row] = await intake.fetch("SELECT answers -> 'your_phone' AS kept FROM drafts")
    assert row["kept"] == {"phone": kept}


async def test_a_number_that_no_plan_knows_is_doubted_and_kept_if_its_owner_insists(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, {"path": {"path": "new_patient"}, "your_country": {"country": "JO"}})
    doubted = await put(intake.http, draft, "your_phone", {"phone": "06 0000"})
    assert doubted.status_code == 200
    assert 'value="international"' not in doubted.text
    insists = {"phone": "06 0000", "phone_shown": "06 0000", "keep": "typed"}
    assert (await put(intake.http, draft, "your_phone", insists)).status_code == 303


async def test_the_caller_is_offered_their_own_clock(intake: ServiceUnderTest) -> None:
    phone = {"phone": "+1 415 555 0132"}
    draft = await fill(
        intake.http, {"path": {"path": "new_patient"}, "your_country": {"country": "US"}, "your_phone": phone}
    )
    page = (await intake.http.get(f"{draft}/call", headers=HTML)).text
    assert 'value="America/Los_Angeles" selected' in page


async def test_questions_are_gathered_one_by_one_and_an_entry_sent_twice_is_there_once(
    intake: ServiceUnderTest,
) -> None:
    draft = await fill(intake.http, {"path": {"path": "new_patient"}})
    page = (await intake.http.get(f"{draft}/questions", headers=HTML)).text
    first = {"_then": "add", "_item": field_of(page, "_item"), "text": "Is surgery needed?"}
    for _ in range(2):
        sent = await put(intake.http, draft, "questions", first)
        assert sent.headers["location"] == f"{draft}/questions"
    await put(intake.http, draft, "questions", {"_then": "add", "_item": "two", "text": "Which medicine?"})
    assert (await put(intake.http, draft, "questions", {"_then": "add", "_item": "3"})).status_code == 422
    await put(intake.http, draft, "questions", {"_then": f"remove:{first['_item']}"})
    await put(intake.http, draft, "questions", {"_then": f"remove:{first['_item']}"})
    done = await put(intake.http, draft, "questions", {"_then": "done", "_item": "four", "text": "And then?"})
    assert done.headers["location"] != f"{draft}/questions"
    [row] = await intake.fetch("SELECT answers -> 'questions' AS kept FROM drafts")
    assert [item["text"] for item in row["kept"]["items"]] == ["Which medicine?", "And then?"]


async def test_a_list_has_an_end(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, {"path": {"path": "new_patient"}})
    for number in range(20):
        added = await put(
            intake.http, draft, "questions", {"_then": "add", "_item": str(number), "text": f"Why {number}?"}
        )
        assert added.status_code == 303
    full = await put(intake.http, draft, "questions", {"_then": "add", "_item": "20", "text": "Why not?"})
    assert full.status_code == 422
    assert "Why not?" in full.text


async def test_the_list_of_steps_says_what_is_done_and_leads_to_what_is_open(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, {name: BY_A_DAUGHTER[name] for name in ("path", "stream", "save", "role")})
    page = (await intake.http.get(draft, headers=HTML)).text
    assert page.count("Completed") == 1
    assert page.count("In progress") == 1
    assert f'href="{draft}/relation"' in page
    assert f'href="{draft}/patient_name"' not in page, "about the patient comes after who asks"
    assert f'href="{draft}/check"' not in page
    assert (await intake.http.get("/request", headers=HTML)).headers["location"] == draft
    assert (await intake.http.get("/request?lang=ar", headers=HTML)).headers["location"] == f"{draft}?lang=ar"
    await fill(intake.http, BY_A_DAUGHTER, draft)
    done = (await intake.http.get(draft, headers=HTML)).text
    assert f'href="{draft}/check"' in done


async def test_a_change_from_the_check_page_comes_back_to_it(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, BY_A_DAUGHTER)
    check = (await intake.http.get(f"{draft}/check", headers=HTML)).text
    assert f'href="{draft}/story?from=check"' in check
    page = (await intake.http.get(f"{draft}/story?from=check", headers=HTML)).text
    assert f'action="{draft}/story?from=check"' in page
    assert "It began in May." in page
    sent = await intake.http.post(f"{draft}/story?from=check", data={"story": "It began in June."}, headers=HTML)
    assert sent.headers["location"] == f"{draft}/check"
    assert "It began in June." in (await intake.http.get(f"{draft}/check", headers=HTML)).text


async def test_a_change_of_who_asks_leads_through_what_it_makes_necessary(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, by_the_patient())
    where = (await intake.http.post(f"{draft}/role?from=check", data={"role": "family"}, headers=HTML)).headers[
        "location"
    ]
    seen = []
    while "?from=check" in where and len(seen) < 9:
        question = where.removeprefix(f"{draft}/").removesuffix("?from=check")
        seen.append(question)
        sent = await intake.http.post(where, data=BY_A_DAUGHTER[question], headers=HTML)
        where = sent.headers["location"]
    assert seen == ["relation", "ground", "contact", "patient_name", "patient_country", "patient_contact"]
    assert where == f"{draft}/check"
    assert (await send(intake.http, draft)).headers["location"] == f"{draft}/received"


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("path", {"path": "spaceship"}, "path"),
    ("save", {"email": "nobody"}, "email"),
    ("role", {"role": "clinician"}, "role"),
    ("your_email", {"email": "nobody"}, "email"),
    ("relation", {"relationship": ""}, "relationship"),
    ("ground", {"authority": "self"}, "authority"),
    ("your_phone", {"phone": "call me"}, "phone"),
    ("call", {"zone": "Mars/Olympus"}, "zone"),
    ("patient_name", {"name": ""}, "name"),
    ("birth_date", {"birth_date-day": "27", "birth_date-month": "13", "birth_date-year": "1958"}, "birth_date"),
    ("birth_date", {"birth_date-day": "27", "birth_date-month": "3", "birth_date-year": "2058"}, "birth_date"),
    ("birth_date", {"birth_date-day": "27", "birth_date-month": "3", "birth_date-year": "58"}, "birth_date"),
    ("patient_country", {"country": "ZZ"}, "country"),
    ("language", {"language": "xx"}, "language"),
    ("interpreter", {"wanted": "yes"}, "interpreter"),
    ("cancer_type", {"kind": "icd10cm:C99.99"}, "kind"),
    ("cancer_type", {}, "kind"),
    ("reasons", {"reasons": []}, "reasons"),
    ("reasons", {"reasons": ["boredom"]}, "reasons"),
    ("services", {"interests": ["massage"]}, "interests"),
    ("doctor", {"doctor": "other", "name": "Dr Ana Exemplo"}, "email"),
    ("told", {"name": "Vera"}, "may_know"),
    ("consent", {"version": CONSENT, "signed_name": "Dalia"}, "accepted"),
]


async def test_a_page_says_what_to_mend_and_keeps_what_was_typed(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, {name: BY_A_DAUGHTER[name] for name in ("path", "role", "your_country")})
    for question, given, field in BAD:
        page = await put(intake.http, draft, question, given)
        assert page.status_code == 422, (question, given)
        assert f'href="#{field}"' in page.text, (question, given)
        assert f'id="{field}"' in page.text, (question, given)
        assert "<title>Error:" in page.text.replace("\n", "")
        if typed := given.get("name"):
            assert f'value="{typed}"' in page.text


async def test_the_emergency_notice_comes_first(intake: ServiceUnderTest) -> None:
    unread = await intake.http.post("/request/start", data={}, headers=HTML)
    assert unread.status_code == 422
    assert RULES.text("emergency_notice", "en") in unread.text
    assert await intake.count("drafts") == 0


async def test_contact_with_the_patient_needs_an_address_of_theirs(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, {"path": {"path": "referral"}, "contact": {"contact": "patient"}})
    page = await put(intake.http, draft, "patient_contact", {})
    assert page.status_code == 422
    assert 'href="#email"' in page.text


async def test_an_answer_kept_by_an_older_form_is_asked_again(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, BY_A_DAUGHTER)
    async with intake.ctx.db.transaction() as tx:
        await tx.execute("UPDATE drafts SET answers = jsonb_set(answers, '{surgery,mood}', '1')")
    again = f"{draft}/surgery?from=check"
    assert (await intake.http.get(f"{draft}/check", headers=HTML)).headers["location"] == again
    sent = await intake.http.post(f"{draft}/check", data={"_once": str(new_id())}, headers=HTML)
    assert sent.headers["location"] == again
    assert await intake.count("cases") == 0


async def test_pages_out_of_turn_lead_back_to_where_the_form_is(intake: ServiceUnderTest) -> None:
    assert (await intake.http.get("/request", headers=HTML)).headers["location"] == "/request/start"
    in_arabic = await intake.http.get("/request?lang=ar", headers=HTML, follow_redirects=True)
    assert '<html lang="ar" dir="rtl"' in in_arabic.text
    assert (await intake.http.get("/request/nonsense", headers=HTML)).status_code == 404
    draft = await fill(intake.http, {"path": {"path": "new_patient"}})
    assert (await intake.http.get(f"{draft}/nonsense", headers=HTML)).status_code == 404
    assert (await intake.http.get(f"{draft}/received", headers=HTML)).headers["location"] == draft
    assert (await intake.http.get(f"{draft}/check", headers=HTML)).headers["location"] == f"{draft}/stream?from=check"
    once = {"_once": str(new_id())}
    sent = await intake.http.post(f"{draft}/check", data=once, headers=HTML)
    assert sent.headers["location"] == f"{draft}/stream?from=check"


async def test_a_consent_text_that_changed_meanwhile_is_read_again(intake: ServiceUnderTest) -> None:
    consent = {**BY_A_DAUGHTER["consent"], "version": "consent.v0"}
    draft = await fill(intake.http, {**BY_A_DAUGHTER, "consent": consent})
    page = await send(intake.http, draft)
    assert page.status_code == 422
    assert "consent text has changed" in page.text
    assert await intake.count("cases") == 0


async def test_a_kind_that_the_programme_does_not_cover_is_said_and_refused_nobody(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, {**BY_A_DAUGHTER, "cancer_type": {"kind": "paediatric"}})
    assert 'id="gap"' in (await intake.http.get(f"{draft}/check", headers=HTML)).text
    assert (await send(intake.http, draft)).headers["location"] == f"{draft}/received"


async def test_an_advisor_writes_down_a_request_taken_by_phone(intake: ServiceUnderTest) -> None:
    ada = advisor(intake)
    begun = await ada.post("/desk/intake/requests", data={"channel": "phone"}, headers=HTML)
    draft = begun.headers["location"].removesuffix("/start")
    assert "Writing for a caller" in (await ada.get(f"{draft}/start", headers=HTML)).text
    await fill(ada, {"start": START, **BY_A_DAUGHTER}, draft)
    sent = await send(ada, draft)
    [told] = await intake.emitted()
    assert told.channel == "phone"
    assert sent.headers["location"] == f"/desk/cases/{told.case_id}"
    [row] = await intake.fetch("SELECT channel, entered_by FROM cases")
    assert tuple(row) == ("phone", "staff-ada")


async def test_a_callers_form_is_closed_to_who_is_not_staff(intake: ServiceUnderTest) -> None:
    ada = advisor(intake)
    begun = await ada.post("/desk/intake/requests", data={"channel": "fax"}, headers=HTML)
    draft = begun.headers["location"].removesuffix("/start")
    for name, value in ada.cookies.items():
        if name.startswith("consilium_draft_"):
            intake.http.cookies.set(name, value)
    assert (await intake.http.get(draft, headers=HTML)).status_code == 410
    assert (await intake.http.get("/request", headers=HTML)).headers["location"] == "/request/start"
