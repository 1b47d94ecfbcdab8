"""The desk's first page with cases on its board, which a streams process draws: the world of other tests has none."""

from datetime import timedelta

from playwright.async_api import Browser

from shared.web.principals import Role
from tests.pages.browser import PHONE, axe, judge, listening, signed_in
from tests.support.facts import a_case
from tests.support.service import ServiceUnderTest


async def test_where_the_cases_stand_fits_a_telephone(browser: Browser, intake: ServiceUnderTest) -> None:
    async with intake.ctx.db.transaction() as tx:
        for stage in ("awaiting payment", "collecting"):
            since = tx.now - timedelta(minutes=29)
            await tx.execute("INSERT INTO view_funnel VALUES ($1, $2, 3, $3, $4)", a_case(), stage, since, tx.now)
    advisor = intake.sign_in(Role.CARE_ADVISOR, subject="staff-ada", name="Ada Winter")
    async with listening(intake.app) as site:
        page = await (await signed_in(browser, site, dict(advisor.cookies))).new_page()
        await page.goto(f"{site}/desk", wait_until="networkidle")
        await page.get_by_text("Oldest since").first.wait_for()
        found = await judge(page, "desk-home", widths=(PHONE,), axe_source=axe())
        wider = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wider == 0
    assert not found, "\n".join(map(str, found))
