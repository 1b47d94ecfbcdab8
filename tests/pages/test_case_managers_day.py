"""A case manager's day on the desk, by keyboard and mouse in a real browser: from the worklist to a complete case (R22, R28)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Page

from shared.events import CaseManagerWrote, MaterialsChased, RecordsComplete
from shared.ids import CaseId
from shared.web.principals import Role
from tests.pages.browser import axe, complaints, judge, listening, signed_in
from tests.pages.world import MARA, World
from tests.records.conftest import Case, case_of
from tests.records.made_up import pdf


@dataclass
class Day:
    """The browser of Mara, the case on her list, and what axe found on the way."""

    page: Page
    base: str
    case: Case
    world: World
    found: list[object]

    @property
    def desk(self) -> str:
        return f"{self.base}/desk/records/cases/{self.case.id}"

    async def look(self, name: str) -> None:
        """Judge the page as it stands on a phone and on a desk."""
        self.found += await judge(self.page, f"day-{name}", widths=(320, 1280), axe_source=axe())

    async def item(self, code: str) -> str:
        return str((await self.case.item(code))["id"])


@pytest.fixture
async def day(browser: Browser, world: World) -> AsyncIterator[Day]:
    case_id = await world.a_paid_case()
    records = world.services["records"]
    cookies = world.cookies(Role.CASE_MANAGER, subject=MARA[0], name=MARA[1])
    async with listening(world.app) as base:
        page = await (await signed_in(browser, base, cookies)).new_page()
        said = complaints(page)
        yield Day(page, base, case_of(records, case_id), world, [])
        assert said == []


async def test_a_case_managers_whole_day(day: Day) -> None:
    page, case = day.page, day.case
    await case.uploads("clinical_summary")
    asked = await case.item("imaging")
    await case.post(f"/items/{asked['id']}/messages", {"text": "Is a USB stick fine?"}, who=case.patient)

    # The morning: what waits, narrowed to questions, opened by the keyboard.
    await page.goto(f"{day.base}/desk/records")
    await day.look("worklist")
    await page.get_by_label("A question to answer").check()
    await page.get_by_role("button", name="Show these").click()
    await page.locator("td a.c-number").first.focus()
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/desk/records/cases/*")
    await day.look("case")

    # A question is answered.
    imaging = page.locator(f"#item-{asked['id']}")
    await imaging.get_by_label("Answer", exact=True).fill("Yes. Or upload the folder here.")
    await imaging.get_by_role("button", name="Answer", exact=False).first.click()
    await imaging.get_by_text("not read yet").wait_for()
    assert len(await case.records.emitted(CaseManagerWrote)) == 1

    # What came is unreadable: returned in the patient's language.
    summary = page.locator(f"#item-{await day.item('clinical_summary')}")
    await summary.get_by_label("Reason of a return").select_option("unreadable")
    await summary.get_by_role("button", name="Return").click()
    await summary.get_by_text("Returned", exact=True).wait_for()

    # A reminder, and a hospital whose letter the patient can sign.
    await page.get_by_label("Which words").select_option("how_to_get")
    await page.get_by_role("button", name="Send the reminder").click()
    await page.get_by_text("Last:").wait_for()
    assert len(await case.records.emitted(MaterialsChased)) == 1
    await page.get_by_role("link", name="Hospitals and letters").click()
    await page.get_by_label("Name of the hospital or practice").last.fill("مستشفى الأمل")
    await page.get_by_label("Country").last.select_option("EG")
    await page.get_by_label("Language of the letter").last.select_option("ar")
    await page.get_by_role("button", name="Add it").click()
    await page.get_by_role("heading", name="مستشفى الأمل").wait_for()
    await day.look("hospitals")

    # It comes again, is compared with the patient and accepted; what can't be had is waived by name.
    await case.uploads("clinical_summary", pdf(words="A better one"))
    await page.goto(f"{day.desk}#item-{await day.item('clinical_summary')}")
    newest = summary.locator("[id^=document-]").last
    await newest.get_by_label("Language code").fill("en")
    await newest.get_by_label("Day of the examination").fill("2027-02-20")
    await newest.get_by_role("group", name="Is the name").get_by_label("Yes").check(force=True)
    await newest.get_by_role("group", name="Is the birth date").get_by_label("Yes").check(force=True)
    await newest.get_by_role("button", name="Save").click()
    await summary.get_by_role("button", name="Accept").click()
    await summary.get_by_text("Accepted", exact=True).wait_for()
    imaging = page.locator(f"#item-{asked['id']}")
    await imaging.get_by_text("Go without it").click()
    await imaging.get_by_label("Reason, when returning or waiving").fill("The hospital deleted them")
    await imaging.get_by_role("button", name="Waive as").click()
    await imaging.get_by_text("What it means").first.wait_for()

    # The afternoon: the rest is in, the summary is written and signed, and something comes after all.
    for item in (await case.checklist())["items"]:
        if item["kind"] == "slides":
            await case.counts_slides_in()
        elif item["needed"] and item["state"] not in ("accepted", "waived"):
            await case.brings_in(item["code"])
    await page.goto(f"{day.desk}#summary")
    await page.get_by_label("Summary for the specialists").fill("Made up: diagnosed in May, treated twice.")
    await page.get_by_role("button", name="Save as version 1").click()
    await page.get_by_role("button", name="Sign version 1").click()
    await page.get_by_text("Complete since").first.wait_for()
    assert len(await case.records.emitted(RecordsComplete)) == 1
    late = await case.uploads("clinical_summary", pdf(words="A newer one"), name="newer.pdf")
    await page.reload()
    await page.locator(f"#late-{late}").fill("A duplicate of what is here")
    await page.locator(f"#document-{late}").get_by_role("button", name="Set it aside").click()
    await page.get_by_text("Set aside after completion").wait_for()
    await day.look("complete")

    # The evening: an absence from tomorrow, and the case's history.
    await page.goto(f"{day.base}/desk/records/managers")
    today = case.records.clock.now().date()
    await page.get_by_label("First day").fill(today.isoformat())
    await page.get_by_label("Last day").fill(today.isoformat())
    await page.get_by_label("Who stands in").select_option("staff-tomas")
    await page.get_by_role("button", name="Write it down").click()
    await page.get_by_role("button", name="End it now").wait_for()
    await day.look("managers")
    await case.records.run_timers()
    await page.goto(f"{day.desk}/history")
    await page.get_by_text("Handed on during an absence").wait_for()
    await day.look("history")
    assert not day.found, "\n".join(map(str, day.found))


async def test_the_patients_pages_in_arabic_and_a_relatives_own_part(browser: Browser, world: World) -> None:
    case_id = await world.a_paid_case()
    case = case_of(world.services["records"], case_id)
    cookies = world.cookies(Role.PATIENT, subject="patient-p", name="Made Up", cases=(CaseId(case_id),), locale="ar")
    found = []
    async with listening(world.app) as base:
        page = await (await signed_in(browser, base, cookies)).new_page()
        at = f"{base}/my/records/cases/{case.id}"
        await page.goto(f"{at}/helpers?lang=ar")
        await page.locator("#name").fill("Noura Madeup")
        await page.locator("#relation").select_option("child")
        await page.locator("#authority-sends").check(force=True)
        await page.locator("main form button[type=submit], main form button").last.click()
        link = await page.locator(".c-copy").inner_text()
        found += await judge(page, "helpers-ar", widths=(320, 1280), axe_source=axe())
        for path, name in (("", "list"), ("/providers", "hospitals")):
            await page.goto(f"{at}{path}?lang=ar")
            found += await judge(page, f"{name}-ar", widths=(320, 1280), axe_source=axe())
        stranger = await (await browser.new_context()).new_page()
        await stranger.goto(base + "/my/records/invitations/" + link.rsplit("/", 1)[1])
        found += await judge(stranger, "invitation", widths=(320, 1280), axe_source=axe())
        await stranger.locator("main form button").click()
        await stranger.wait_for_url(f"**/my/records/cases/{case.id}")
        assert await stranger.locator("section.nhsuk-card").count() > 5
        assert await stranger.get_by_role("link", name="People who help").count() == 0
        found += await judge(stranger, "relative", widths=(320, 1280), axe_source=axe())
    assert not found, "\n".join(map(str, found))
