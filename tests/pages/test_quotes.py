"""The pages of a quote that no link from a case's first pages leads to: a preview, a question, an older revision, a refused form."""

from playwright.async_api import Browser

from shared.web.principals import Role
from tests.intake.asking import a_request, key, quote, requester, submit
from tests.pages.browser import PHONE, axe, judge, listening, signed_in
from tests.pages.world import World

_SHARE_OF_WORDS = """() => {
  const table = document.querySelector(".c-quote");
  const cell = [...table.querySelectorAll("tbody td")].sort((a, b) => b.textContent.length - a.textContent.length)[0];
  return cell.getBoundingClientRect().width / table.getBoundingClientRect().width;
}"""
"""Which share of a quote's width the longest description may fill."""


async def test_the_pages_of_a_quote_on_both_sides(browser: Browser, world: World) -> None:
    intake = world.services["intake"]
    case_id = await submit(intake, a_request(locale="ar", surgery="yes"))
    await quote(intake, case_id, "comprehensive")
    offered = await quote(intake, case_id, "comprehensive", "video")
    body = {"quote_id": offered["quote_id"], "revision": 2, "text": "Is travel in it?"}
    path = f"/api/intake/cases/{case_id}/quote-questions"
    asked = await requester(intake, case_id).post(path, json=body, headers=key())
    question = asked.json()["questions"][0]["question_id"]
    source, found = axe(), []
    ada = world.cookies(Role.CARE_ADVISOR, subject="staff-ada", name="Ada Winter")
    mine = world.cookies(Role.REQUESTER, subject="link", name="Dalia Testova", cases=(case_id,), locale="ar")
    desk, my = f"/desk/intake/cases/{case_id}", f"/my/intake/cases/{case_id}"
    async with listening(world.app) as base:
        for name, cookies, paths in (
            ("desk", ada, [f"{desk}/quote", f"{desk}/questions/{question}", f"{desk}/quotes/1"]),
            ("patient", mine, [f"{my}/quote", f"{my}/quote/1", f"{my}/quote/decline", f"{my}/withdraw"]),
        ):
            page = await (await signed_in(browser, base, cookies)).new_page()
            for one in paths:
                await page.goto(base + one)
                found += await judge(page, f"{name}-{one.rsplit('/', 1)[1]}", axe_source=source)
                if one == f"{my}/quote":
                    await page.set_viewport_size({"width": PHONE, "height": 900})
                    assert await page.evaluate(_SHARE_OF_WORDS) > 0.9, (
                        "beside the prices, words stood in a narrow column"
                    )
            if name == "desk":
                await page.goto(f"{base}{desk}/quote")
                await page.check("#service-pathology", force=True)
                await page.locator(".c-basket__refused").wait_for()
                found += await judge(page, "desk-basket-refused", widths=(PHONE,), axe_source=source)
                await page.uncheck("#service-pathology", force=True)
                await page.locator(".c-basket__refused").wait_for(state="detached")
                await page.context.clear_cookies()
                await page.check("#service-pathology", force=True)
                await page.locator("#judgement", has_text="You are signed out").wait_for()
                await page.context.add_cookies(
                    [{"name": name, "value": value, "url": base} for name, value in ada.items()]
                )
                await page.uncheck("#service-pathology", force=True)
                await page.locator("#judgement", has_text="allows this selection").wait_for()
                await page.get_by_role("button", name="See it as the requester will").click()
                await page.get_by_role("heading", name="Preview of the quote").wait_for()
                found += await judge(page, "desk-preview", axe_source=source)
    assert not found, "\n".join(map(str, found))
