"""Forms in the making: two side by side, sent twice, left and come back to, erased."""

import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest

from shared.events import FormSaved
from shared.ids import new_id
from tests.intake.asking import HTML, field_of, key
from tests.intake.filling import BY_A_DAUGHTER, begin, by_the_patient, fill, put, send
from tests.support.service import A_MONDAY, ServiceUnderTest

DAY = timedelta(days=1)


def another_browser(intake: ServiceUnderTest) -> httpx.AsyncClient:
    return intake.sign_in(subject="anonymous")


async def link_of(intake: ServiceUnderTest, draft: str) -> str:
    """Return the address that notify would write into the letter."""
    body = {"audience": "requester", "path": draft}
    made = await intake.as_service("notify").post(
        f"/api/intake/cases/{draft.removeprefix('/request/')}/links", json=body, headers=key()
    )
    assert made.status_code == 201, made.text
    return str(made.json()["url"])


async def test_sending_twice_and_going_back_makes_one_case(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, BY_A_DAUGHTER)
    page = await intake.http.get(f"{draft}/check", headers=HTML)
    once = {"_once": field_of(page.text, "_once")}
    at_once = [intake.http.post(f"{draft}/check", data=once, headers=HTML) for _ in range(2)]
    for sent in (
        *await asyncio.gather(*at_once),
        await intake.http.post(f"{draft}/check", data={"_once": str(new_id())}, headers=HTML),
    ):
        assert sent.headers["location"] == f"{draft}/received"
    for path in ("", "/check", "/story"):
        assert (await intake.http.get(draft + path, headers=HTML)).headers["location"] == f"{draft}/received"
    late = await put(intake.http, draft, "story", {"story": "From a tab that stayed open."})
    assert late.headers["location"] == f"{draft}/received"
    assert await intake.count("cases") == 1
    assert len(await intake.emitted()) == 1
    [kept] = await intake.fetch("SELECT answers, email FROM drafts")
    assert tuple(kept) == ({}, None), "nothing personal stays in the draft"


async def test_two_forms_side_by_side_in_one_browser_never_mix(intake: ServiceUnderTest) -> None:
    mother, aunt = await fill(intake.http, BY_A_DAUGHTER), await begin(intake.http)
    await fill(intake.http, {**BY_A_DAUGHTER, "patient_name": {"name": "Olga Testova"}}, aunt)
    await put(intake.http, mother, "story", {"story": "Mother's story."})
    both = (await intake.http.get("/request", headers=HTML)).text
    assert "Olga Testova" in both
    assert "Mira Testova" in both
    await send(intake.http, aunt)
    assert (await intake.http.get("/request", headers=HTML)).headers["location"] == mother
    await send(intake.http, mother)
    rows = await intake.fetch(
        "SELECT p.name, c.story FROM cases c JOIN people p USING (case_id) WHERE p.role = 'patient'"
    )
    assert {tuple(row) for row in rows} == {("Mira Testova", "Mother's story."), ("Olga Testova", "It began in May.")}


async def test_two_tabs_answering_different_questions_at_once_lose_neither(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, {"path": {"path": "new_patient"}})
    entries = [{"_then": "add", "_item": str(number), "text": f"Question {number}?"} for number in range(4)]
    await asyncio.gather(
        put(intake.http, draft, "story", {"story": "One tab."}),
        put(intake.http, draft, "sex", {"sex": "female"}),
        *(put(intake.http, draft, "questions", entry) for entry in entries),
    )
    [row] = await intake.fetch("SELECT answers FROM drafts")
    assert row["answers"]["story"] == {"story": "One tab."}
    assert row["answers"]["sex"] == {"sex": "female"}
    assert {item["id"] for item in row["answers"]["questions"]["items"]} == {"0", "1", "2", "3"}


async def test_what_was_typed_into_a_form_that_is_gone_is_shown_to_be_copied(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, {"path": {"path": "new_patient"}})
    await intake.run_timers(at=A_MONDAY + 31 * DAY)
    lost = await put(intake.http, draft, "story", {"story": "A long story, typed slowly."})
    assert lost.status_code == 410
    assert "A long story, typed slowly." in lost.text
    assert "/request/link" in lost.text
    stranger = await another_browser(intake).get(draft, headers=HTML)
    assert stranger.status_code == 410


async def test_a_draft_is_kept_for_30_days_after_its_last_change_and_then_erased_whole(
    intake: ServiceUnderTest,
) -> None:
    draft = await fill(intake.http, {"path": {"path": "new_patient"}, "save": {"email": "dalia@example.com"}})
    await link_of(intake, draft)
    await intake.run_timers(at=A_MONDAY + 20 * DAY)
    await put(intake.http, draft, "story", {"story": "Twenty days later."})
    await intake.run_timers(at=A_MONDAY + 49 * DAY)
    assert await intake.count("drafts") == 1
    await intake.run_timers(at=A_MONDAY + 51 * DAY)
    for table in ("drafts", "draft_links", "draft_browsers"):
        assert await intake.count(table) == 0


async def test_a_link_brings_back_to_the_form_on_another_device_once(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, by_the_patient(save={"email": "mira@example.com"}), lang="es")
    [saved] = await intake.emitted(FormSaved)
    assert f"/request/{saved.case_id}" == draft
    reached = (await intake.as_service("notify").get(f"/api/intake/cases/{saved.case_id}/contacts")).json()
    assert (reached["requester"]["email"], reached["locale"]) == ("mira@example.com", "es")
    url, phone = await link_of(intake, draft), another_browser(intake)
    for _ in range(2):
        assert (await phone.get(url, headers=HTML)).status_code == 200, "a mail scanner burns nothing"
    opened = await phone.post(url, headers=HTML)
    assert opened.headers["location"] == draft
    assert (await another_browser(intake).post(url, headers=HTML)).status_code == 410
    assert "It began in May." in (await phone.get(f"{draft}/story", headers=HTML)).text
    assert (await send(phone, draft)).headers["location"] == f"{draft}/received"
    assert (await intake.http.get(f"{draft}/received", headers=HTML)).status_code == 200, (
        "the first browser goes on too"
    )


async def test_an_old_link_does_not_work(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, {"save": {"email": "mira@example.com"}})
    url = await link_of(intake, draft)
    intake.clock.advance(intake.ctx.settings.draft_link_life)
    assert (await intake.http.get(url, headers=HTML)).status_code == 410
    assert (await intake.http.post(url, headers=HTML)).status_code == 410


@pytest.mark.parametrize(("typed", "links"), [("Mira@example.com", 1), ("stranger@example.com", 0)])
async def test_asking_for_a_link_says_the_same_to_a_stranger(intake: ServiceUnderTest, typed: str, links: int) -> None:
    await fill(intake.http, {"save": {"email": "mira@example.com"}})
    asked = await another_browser(intake).post("/request/link", data={"email": typed}, headers=HTML)
    assert "If a form was saved" in asked.text
    before = len(await intake.emitted(FormSaved))
    await intake.run_timers()
    assert len(await intake.emitted(FormSaved)) == before + links
    assert await intake.count("sign_in_attempts") == 0


async def test_no_mail_box_is_flooded_with_links(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, {"save": {"email": "mira@example.com"}})
    for _ in range(5):
        await link_of(intake, draft)
    before = len(await intake.emitted(FormSaved))
    await intake.http.post("/request/link", data={"email": "mira@example.com"}, headers=HTML)
    await intake.run_timers()
    assert len(await intake.emitted(FormSaved)) == before


async def test_an_address_given_again_sends_no_second_letter(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, {"save": {"email": "mira@example.com"}})
    await put(intake.http, draft, "save", {"email": "mira@example.com"})
    assert len(await intake.emitted(FormSaved)) == 1


async def test_what_the_explorer_was_told_is_shown_to_be_confirmed(intake: ServiceUnderTest) -> None:
    told: dict[str, Any] = {"service": "written", "cancer_type": "lung", "country": "JO", "language": "ar"}
    page = await intake.http.get("/request/start", params=told, headers=HTML)
    assert "cancer_type=lung" in page.text
    start = {"emergency_read": "yes", "emergency_notice_version": field_of(page.text, "emergency_notice_version")}
    begun = await intake.http.post("/request/start", params=told, data=start, headers=HTML)
    draft = begun.headers["location"].removesuffix("/path")
    shown = {name: (await intake.http.get(f"{draft}/{name}", headers=HTML)).text
             for name in ("services", "cancer_type", "patient_country", "language")}  # fmt: skip
    assert 'value="written" checked' in shown["services"]
    assert 'value="lung" checked' in shown["cancer_type"]
    assert 'value="JO" selected' in shown["patient_country"]
    assert 'value="ar" selected' in shown["language"]
