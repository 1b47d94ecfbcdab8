"""The layouts that every page extends, seen at each width, left to right and right to left."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest
from playwright.async_api import Browser

from shared import staff_queue
from shared.backbone import parked
from shared.ids import CaseId, new_id
from shared.web.i18n import LOCALES
from shared.web.identity import session_cookie
from shared.web.principals import Principal, Role
from shared.web.tokens import SESSIONS, mint_session, read_key
from tests.pages.browser import axe, complaints, judge, listening, signed_in
from tests.shared.web.conftest import TO_READ
from tests.support.facts import a_case, paid
from tests.support.service import ServiceUnderTest

CASE = CaseId(UUID("0190f000-0000-7000-8000-000000000001"))


@pytest.fixture
async def site(sample: ServiceUnderTest) -> AsyncIterator[str]:
    async with listening(sample.app) as base:
        yield base


def cookies_of(tested: ServiceUnderTest, *roles: Role, locale: str = "en") -> dict[str, str]:
    who = Principal("staff-ada", "Ada Winter", frozenset(roles), frozenset({CASE}), locale)
    token = mint_session(read_key(tested._keys / "sessions.pem", SESSIONS), who, now=tested.clock.now())
    return {session_cookie(tested.ctx.platform.public_url): token}


@pytest.mark.parametrize("lang", LOCALES)
async def test_public_and_patient_pages_are_accessible(
    browser: Browser, site: str, sample: ServiceUnderTest, lang: str
) -> None:
    context = await signed_in(browser, site, cookies_of(sample, Role.PATIENT, locale=lang))
    page = await context.new_page()
    said = complaints(page)
    source, found = axe(), []
    for name, path in {
        "front": "/",
        "case": f"/my/sample/cases/{CASE}/summary",
        "form": "/visit",
        "missing": "/nowhere",
    }.items():
        await page.goto(f"{site}{path}?lang={lang}", wait_until="networkidle")
        assert await page.locator("html").get_attribute("dir") == ("rtl" if lang == "ar" else "ltr")
        found += await judge(page, f"layout-{name}-{lang}", axe_source=source)
    await page.goto(f"{site}/visit?lang={lang}")
    await page.locator("main form button").click()
    await page.wait_for_selector(".nhsuk-error-summary")
    found += await judge(page, f"layout-form-errors-{lang}", axe_source=source)
    assert not found, "\n".join(map(str, found))
    assert [line for line in said if "404" not in line and "422" not in line] == []


async def test_a_queue_is_accessible_and_live(browser: Browser, site: str, sample: ServiceUnderTest) -> None:
    now = sample.clock.now()
    async with sample.ctx.db.transaction() as tx:
        for n, due in enumerate((now - timedelta(hours=2), now + timedelta(days=1), None)):
            await staff_queue.put(
                tx, TO_READ, CaseId(new_id()), f"item-{n}", f"Case {n} to read", due=due, data={"href": "/desk/sample"}
            )
    context = await signed_in(browser, site, cookies_of(sample, Role.CARE_ADVISOR))
    page = await context.new_page()
    said = complaints(page)
    await page.goto(f"{site}/desk/sample/queues/to-read")
    found = await judge(page, "layout-queue", axe_source=axe())
    await page.wait_for_selector("[data-live]:not([hidden])")
    feed = asyncio.create_task(sample.app.state.queue_feed.run())
    try:
        async with sample.ctx.db.transaction() as tx:
            await staff_queue.put(tx, TO_READ, CaseId(new_id()), "late", "A new case", due=now, data={})
        await page.wait_for_selector("text=A new case", timeout=5000)
        items = {i.item_key: i for i in await _snapshot(sample)}
        async with sample.ctx.db.transaction() as tx:
            await staff_queue.claim(tx, TO_READ, items["item-0"].id, by="staff-ben", name="Ben Castellan")
        await page.wait_for_selector("text=Ben Castellan", timeout=5000)
        await page.locator("tr", has_text="A new case").locator("button").press("Enter")
        await page.wait_for_url("**/desk/**")
    finally:
        feed.cancel()
    assert {i.item_key: i.claimed_by for i in await _snapshot(sample)}["late"] == "staff-ada"
    assert not found, "\n".join(map(str, found))
    assert said == []


async def test_a_queue_works_without_scripts(browser: Browser, site: str, sample: ServiceUnderTest) -> None:
    async with sample.ctx.db.transaction() as tx:
        await staff_queue.put(tx, TO_READ, CaseId(new_id()), "one", "One case", data={"href": "/desk/sample"})
    context = await signed_in(browser, site, cookies_of(sample, Role.SUPERVISOR, Role.CARE_ADVISOR), scripts=False)
    page = await context.new_page()
    await page.goto(f"{site}/desk/sample/queues/to-read")
    await page.locator("button", has_text="Take it").click()
    await page.wait_for_url("**/desk/sample")
    await page.goto(f"{site}/desk/sample/queues/to-read")
    assert await page.locator("button", has_text="Put back").count() == 1


async def test_what_is_parked_is_accessible_and_can_be_given_up(
    browser: Browser, site: str, sample: ServiceUnderTest
) -> None:
    async with sample.ctx.db.transaction() as tx:
        await parked.put(tx, sample.arrival(paid(a_case())), error="RuntimeError('it failed')", behind=False)
    [record] = await parked.listed(sample.ctx.db)
    context = await signed_in(browser, site, cookies_of(sample, Role.SUPERVISOR))
    page = await context.new_page()
    await page.goto(f"{site}/desk/sample/parked")
    found = await judge(page, "parked", axe_source=axe())
    await page.locator("a", has_text="PaymentReceived.v1").click()
    found += await judge(page, "parked-record", axe_source=axe())
    await page.locator("button", has_text="Give it up").click()
    found += await judge(page, "parked-record-errors", axe_source=axe())
    await page.fill("#why", "Told again by hand")
    await page.locator("button", has_text="Give it up").click()
    await page.wait_for_selector("text=Told again by hand")
    assert (await parked.one(sample.ctx.db, record.id)).ended == "dropped"
    assert not found, "\n".join(map(str, found))


async def _snapshot(tested: ServiceUnderTest) -> list[staff_queue.Item]:
    async with tested.ctx.db.reading() as tx:
        return (await staff_queue.snapshot(tx, TO_READ))[0]
