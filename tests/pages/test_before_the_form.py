"""What comes before anything personal, in a browser: the explorer with and without scripts, and how much the first view weighs."""

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, Response

from tests.pages.browser import PHONE, axe, complaints, judge, listening
from tests.support.service import ServiceUnderTest

FIRST_VIEW = 100 * 1024
"""Bytes over the wire, headers left out: more keeps somebody with a weak signal waiting."""
ASKED = {
    "nothing": "",
    "whole": "?service=comprehensive&service=video&cancer_type=breast&country=CN&language=zh",
    "refused": "?service=integrative&country=PE",
    "gap": "?service=written&cancer_type=paediatric",
}


@pytest.fixture
async def site(intake: ServiceUnderTest) -> AsyncIterator[str]:
    async with listening(intake.app) as base:
        yield base


@pytest.mark.parametrize("lang", ["en", "ar"])
async def test_every_answer_of_the_explorer_is_accessible(browser: Browser, site: str, lang: str) -> None:
    page = await (await browser.new_context()).new_page()
    said, source, found = complaints(page), axe(), []
    for name, query in ASKED.items():
        await page.goto(f"{site}/explore{query}{'&' if query else '?'}lang={lang}", wait_until="networkidle")
        found += await judge(page, f"explore-{name}-{lang}", axe_source=source)
    assert not found, "\n".join(map(str, found))
    assert said == []


async def test_each_choice_changes_the_answer_the_address_and_nothing_else(browser: Browser, site: str) -> None:
    context = await browser.new_context(viewport={"width": PHONE, "height": 720})
    page = await context.new_page()
    said = complaints(page)
    await page.goto(f"{site}/explore?lang=es")
    await page.check("[value=pathology]")
    await page.get_by_role("heading", name="Láminas de vidrio").wait_for()
    await page.focus("[name=country]")
    await page.select_option("[name=country]", "CN")
    await page.get_by_text("un permiso para salir").wait_for()
    assert page.url == f"{site}/explore?service=pathology&country=CN&lang=es"
    assert "ha cambiado" in await page.locator("#answered").inner_text()
    assert await page.evaluate("() => document.activeElement.name") == "country"
    await page.reload()
    assert await page.is_checked("[value=pathology]")
    assert await page.locator("#answer").get_by_text("un permiso para salir del país").is_visible()
    onward = page.locator("#answer a[role=button]")
    assert await onward.get_attribute("href") == "/request/start?service=pathology&country=CN&lang=es"
    assert await context.cookies() == []
    assert said == []


async def test_without_scripts_the_button_leads_to_the_answer(browser: Browser, site: str) -> None:
    page = await (await browser.new_context(java_script_enabled=False)).new_page()
    await page.goto(f"{site}/explore")
    await page.check("[value=integrative]")
    await page.select_option("[name=language]", "es")
    await page.get_by_role("button", name="Show what to expect").click()
    assert page.url.endswith("#answer")
    await page.get_by_text("Integrative medicine is offered only beside").wait_for()
    assert await page.is_checked("[value=integrative]")
    await page.get_by_role("link", name="Written oncology consultation + Integrative medicine").click()
    assert await page.is_checked("[value=written]")
    assert await page.get_by_text("An individual quote").is_visible()


@pytest.mark.parametrize("path", ["/", "/explore", "/request/start"])
async def test_the_first_view_is_light(browser: Browser, site: str, path: str) -> None:
    page = await (await browser.new_context(locale="ar")).new_page()
    loaded = await weighed(page, f"{site}{path}")
    assert any(name.endswith(".css") for name in loaded)
    assert sum(loaded.values()) <= FIRST_VIEW, loaded


async def weighed(page: Page, address: str) -> dict[str, int]:
    """Open a page with nothing in the browser's cache, and return what each of its files weighs on the wire."""
    answers: list[Response] = []
    page.on("response", lambda answer: answers.append(answer))  # noqa: PLW0108 - playwright marks what it is given
    await page.goto(address, wait_until="networkidle")
    sizes = {answer.url: (await answer.request.sizes())["responseBodySize"] for answer in answers}
    assert all(answer.ok for answer in answers)
    return {name.removeprefix(address.rpartition("/")[0]): size for name, size in sizes.items()}


@pytest.mark.parametrize("width", [PHONE, 1280])
async def test_an_address_stays_whole_in_arabic(browser: Browser, site: str, width: int) -> None:
    page = await (await browser.new_context(viewport={"width": width, "height": 800})).new_page()
    await page.goto(f"{site}/explore{ASKED['whole']}&lang=ar")
    lines = "links => links.map(link => new Set([...link.getClientRects()].map(one => one.top)).size)"
    address = page.locator("main a[href^='mailto:'], main a[href^='tel:']")
    assert await address.count() > 1
    assert set(await address.evaluate_all(lines)) == {1}
