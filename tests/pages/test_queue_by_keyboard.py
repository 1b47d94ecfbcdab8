"""A live queue in the hands of somebody without a mouse: keys, where the focus goes, filters, and what is read aloud."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from playwright.async_api import Browser, Page

from shared import staff_queue
from shared.ids import CaseId, new_id
from shared.web.principals import Role
from tests.pages.browser import complaints, listening, signed_in
from tests.pages.test_layouts import cookies_of
from tests.shared.web.conftest import TO_READ
from tests.support.service import ServiceUnderTest

QUEUE = "/desk/sample/queues/to-read"


@pytest.fixture
async def page(browser: Browser, sample: ServiceUnderTest) -> AsyncIterator[Page]:
    """The queue with three cases on it, live."""
    for n in range(3):
        await _put(sample, n, "ar" if n == 1 else "pt")
    feed = asyncio.create_task(sample.app.state.queue_feed.run())
    async with listening(sample.app) as base:
        opened = await (await signed_in(browser, base, cookies_of(sample, Role.CARE_ADVISOR))).new_page()
        said = complaints(opened)
        await opened.goto(f"{base}{QUEUE}")
        await opened.wait_for_selector("[data-live]:not([hidden])")
        yield opened
        assert said == []
    feed.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await feed


async def _put(sample: ServiceUnderTest, n: int, language: str) -> None:
    async with sample.ctx.db.transaction() as tx:
        await staff_queue.put(tx, TO_READ, CaseId(new_id()), str(n), f"Case {n}", due=tx.now + timedelta(hours=n + 1),
                              data={"href": "/desk/sample", "language": language})  # fmt: skip


async def _focused(page: Page) -> str:
    return str(
        await page.evaluate("document.activeElement === document.body ? '' : document.activeElement.textContent")
    )


async def _rows(page: Page) -> list[str]:
    return [
        text.split("\n")[0]
        for text in await page.locator("[data-rows] tr a").all_inner_texts()
        if text.startswith("Case")
    ]


async def test_keys_go_through_the_cases_and_the_focus_stays_when_rows_change(
    page: Page, sample: ServiceUnderTest
) -> None:
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    assert await _focused(page) == "Case 1"
    await page.keyboard.press("k")
    assert await _focused(page) == "Case 0"
    await page.keyboard.press("j")
    async with sample.ctx.db.transaction() as tx:
        items = {item.item_key: item for item in (await staff_queue.snapshot(tx, TO_READ))[0]}
        await staff_queue.claim(tx, TO_READ, items["1"].id, by="ben", name="Ben Castellan")
    await page.wait_for_selector("text=Ben Castellan")
    assert await _focused(page) == "Case 1"
    async with sample.ctx.db.transaction() as tx:
        await staff_queue.done(tx, TO_READ, "1")
    await page.wait_for_function("() => document.querySelectorAll('[data-rows] tr').length === 2")
    assert await _focused(page) == "Case 2"
    await page.wait_for_function(
        "() => document.querySelector('[data-news]').textContent.includes('Case 1')", timeout=15_000
    )


async def test_single_keys_can_be_switched_off_and_stay_off(page: Page) -> None:
    await page.keyboard.press("?")
    switch = page.locator("[data-single-keys]")
    await switch.uncheck()
    await page.keyboard.press("Escape")
    await page.keyboard.press("j")
    assert "Case" not in await _focused(page)
    await page.reload()
    await page.wait_for_selector("[data-live]:not([hidden])")
    await page.keyboard.press("?")
    assert not await page.locator("dialog[open]").count()
    await page.get_by_role("button", name="Keyboard shortcuts").press("Enter")
    await switch.check()
    await page.get_by_role("button", name="Close").press("Enter")
    await page.keyboard.press("j")
    assert await _focused(page) == "Case 0"


async def test_a_filter_narrows_the_list_where_it_stands_and_its_address_spells_it(
    page: Page, sample: ServiceUnderTest
) -> None:
    await page.get_by_label("Portuguese").check()
    await page.wait_for_function("() => document.querySelectorAll('[data-rows] tr').length === 2")
    assert "language=pt" in page.url
    assert await _rows(page) == ["Case 0", "Case 2"]
    await _put(sample, 3, "ar")
    await _put(sample, 4, "pt")
    await page.wait_for_selector("text=Case 4")
    assert await _rows(page) == ["Case 0", "Case 2", "Case 4"]
    await page.wait_for_function("() => document.querySelector('[data-total]').textContent === '3'", timeout=15_000)
    assert await page.locator("[data-facet=language] [data-count=ar]").inner_text() == "2"
