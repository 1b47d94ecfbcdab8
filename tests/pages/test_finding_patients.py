"""The desk's pages about the same patient twice, finding a case, and what was set aside, in a browser at every size."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from shared.web import Role
from shared.web.identity import session_cookie
from tests.intake.test_aside import sent_by_a_machine
from tests.intake.test_duplicates import decide, twice
from tests.pages.browser import axe, judge, listening, signed_in
from tests.support.service import ServiceUnderTest


@pytest.fixture
async def site(intake: ServiceUnderTest) -> AsyncIterator[str]:
    async with listening(intake.app) as base:
        yield base


async def test_finding_comparing_and_setting_aside_are_accessible(
    browser: Browser, site: str, intake: ServiceUnderTest
) -> None:
    later, earlier = await twice(intake)
    _, apart = await sent_by_a_machine(intake)
    ada = intake.sign_in(Role.CARE_ADVISOR, subject="staff-ada", name="Ada Winter")
    name = session_cookie(intake.ctx.platform.public_url)
    context = await signed_in(browser, site, {name: ada.cookies[name]})
    page, source, found = await context.new_page(), axe(), []

    async def look(path: str, called: str) -> None:
        answer = await page.goto(site + path)
        assert answer is not None
        assert answer.status == 200, path
        found.extend(await judge(page, called, axe_source=source))

    pair = f"/desk/intake/duplicates/{later}/{earlier}"
    await look("/desk/cases?q=Wang+Xiaoming", "cases-found")
    await look("/desk/cases?q=nobody+at+all", "cases-not-found")
    await look(pair, "same-patient")
    await look(f"/desk/intake/set-aside/{apart}", "set-aside")
    await page.goto(site + pair)
    await page.get_by_role("button", name="Decide").click()
    assert "There is a problem" in await page.locator("[role=alert]").inner_text()
    found += await judge(page, "same-patient-mend", axe_source=source)
    await decide(intake, later, earlier, "keep_earlier")
    await look(pair, "same-patient-decided")
    assert not found, "\n".join(map(str, found))
