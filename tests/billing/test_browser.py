"""A patient pays in a real browser: across two origins, with what the content policy allows, and nothing for axe to find."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from shared.ids import new_case_number
from shared.web import Role
from shared.web.identity import session_cookie
from tests.billing.conftest import (
    PRICE,
    CaseFacts,
    Provider,
    Sandbox,
    eventually,
    invoice_ids,
    on_the_machines_clock,
    states,
)
from tests.pages.browser import axe, complaints, judge, launched, signed_in
from tests.support.service import ServiceUnderTest


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with launched() as found:
        yield found


def cookies_of(billing: ServiceUnderTest, *roles: Role, **who: Any) -> dict[str, str]:
    name = session_cookie(billing.ctx.platform.public_url)
    return {name: billing.sign_in(*roles, **who).cookies[name]}


def at_its_own_address(billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts | None = None) -> None:
    """Let billing stand where the browser reaches it, on the machine's clock."""
    billing.ctx.platform = billing.ctx.platform.model_copy(update={"public_url": sandbox.site})
    on_the_machines_clock(billing, case)


async def fill_in(page: Page, card: str) -> None:
    await page.get_by_label("Card number").fill(card)
    await page.get_by_label("Expiry date").fill("12/34")
    await page.get_by_label("Security code").fill("123")
    await page.get_by_role("button", name="Pay").click()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
async def test_a_patient_pays_by_card(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts, browser: Browser, scripts: bool
) -> None:
    at_its_own_address(billing, sandbox, case)
    await billing.receives(case.submitted(), case.confirmed())
    cookies = cookies_of(billing, Role.PATIENT, cases=[case.id])
    context = await signed_in(browser, sandbox.site, cookies, scripts=scripts)
    page = await context.new_page()
    said = complaints(page)
    await page.goto(f"{sandbox.site}/my/billing/cases/{case.id}")
    await page.get_by_role("button", name="Pay USD\xa02,500.00 by card").click()
    await fill_in(page, "4000 0000 0000 0002")
    await expect(page.get_by_role("alert")).to_contain_text("declined this card")
    await sandbox.behaves(delay_seconds=1.5)
    await fill_in(page, "4000 0025 0000 3155")
    await page.get_by_role("button", name="Yes, pay").click()
    await expect(page.get_by_text("We are waiting for the card provider")).to_be_visible()
    await eventually(sandbox.all_delivered)
    if not scripts:
        await page.get_by_role("link", name="Check again").click()
    await expect(page.get_by_text("Your payment is confirmed")).to_be_visible()
    assert await states(billing) == ["paid"]
    assert [words for words in said if "402" not in words] == []
    await context.close()


async def test_who_waits_for_the_provider_can_read_it(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts, browser: Browser
) -> None:
    at_its_own_address(billing, sandbox, case)
    await billing.receives(case.confirmed())
    context = await signed_in(browser, sandbox.site, cookies_of(billing, Role.PATIENT, cases=[case.id]))
    page, source = await context.new_page(), axe()
    await page.goto(f"{sandbox.site}/my/billing/cases/{case.id}")
    await page.get_by_role("button", name="by card").click()
    await sandbox.behaves(delay_seconds=3)
    await fill_in(page, "4242 4242 4242 4242")
    await expect(page.get_by_text("We are waiting")).to_be_visible()
    found = await judge(page, "billing waiting", axe_source=source)
    await page.goto(page.url.replace("/paid", "/confirmation"))
    found += await judge(page, "billing confirmation", axe_source=source)
    await context.close()
    assert not found, "\n".join(map(str, found))


async def test_finances_pages_can_be_used_by_everybody(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts, provider: Provider, browser: Browser
) -> None:
    at_its_own_address(billing, sandbox, case)
    await billing.receives(case.submitted(new_case_number()), case.confirmed(), case.accepted(billing.clock.now()))
    await provider.took((await invoice_ids(billing))[0], PRICE + 100)
    await billing.receives(case.withdrawn(billing.clock.now()))
    cookies = cookies_of(billing, Role.FINANCE, subject="staff-felix", name="Felix Grau")
    context = await signed_in(browser, sandbox.site, cookies)
    page, source = await context.new_page(), axe()
    await page.goto(f"{sandbox.site}/desk/billing")
    await page.get_by_role("button", name="Enter").click()
    await expect(page.get_by_role("alert")).to_be_visible()
    found = await judge(page, "desk billing errors", axe_source=source)
    await page.get_by_label("The bank's reference").fill("BANK-1")
    await page.get_by_label("Amount", exact=True).fill("2,500.00")
    await page.get_by_label("Value date").fill("2027-03-01")
    await page.get_by_label("Sender", exact=True).fill("A N Other")
    await page.get_by_role("button", name="Enter").click()
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Wire BANK-1")
    found += await judge(page, "desk billing wire", axe_source=source)
    for button, name in (("Keep the fee", "keep"), ("Send money back", "refund")):
        await page.goto(f"{sandbox.site}/desk/billing/cases/{case.id}")
        found += await judge(page, f"desk billing case {name}", axe_source=source)
        await page.get_by_role("button", name=button).click()
        await page.get_by_role("alert").get_by_role("link").last.click()
        assert await page.evaluate("document.activeElement.tagName") == "INPUT", "the summary leads to the field"
        found += await judge(page, f"desk billing {name} errors", axe_source=source)
    await context.close()
    assert not found, "\n".join(map(str, found))


async def test_two_people_refund_by_keyboard_alone(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts, provider: Provider, browser: Browser
) -> None:
    at_its_own_address(billing, sandbox, case)
    await billing.receives(case.submitted(new_case_number()), case.confirmed(), case.accepted(billing.clock.now()))
    await provider.took((await invoice_ids(billing))[0], PRICE)
    source, found = axe(), []
    here = f"{sandbox.site}/desk/billing/cases/{case.id}"

    async def sits_down(subject: str, name: str) -> Page:
        cookies = cookies_of(billing, Role.FINANCE, subject=subject, name=name)
        page = await (await signed_in(browser, sandbox.site, cookies)).new_page()
        await page.goto(f"{sandbox.site}/desk/billing/invoices?show=all")
        await press(page, "a.c-number")
        await page.wait_for_url(here)
        return page

    felix = await sits_down("staff-felix", "Felix Grau")
    await reach(felix, "[name=amount]")
    await felix.keyboard.type("2000")
    await felix.keyboard.press("Tab")
    await felix.keyboard.type("The review had hardly begun")
    await felix.keyboard.press("Enter")
    await expect(felix.get_by_text("until then nothing moves")).to_be_visible()
    found += await judge(felix, "desk billing proposed", axe_source=source)
    assert await billing.count("refunds") == 0
    sam = await sits_down("staff-sam", "Sam Ferrant")
    found += await judge(sam, "desk billing to confirm", axe_source=source)
    await press(sam, "button:has-text('Confirm: send')")
    await expect(sam.get_by_text("Felix Grau and Sam Ferrant on")).to_be_visible()
    assert await billing.count("refunds") == 1
    await sam.goto(f"{sandbox.site}/desk/billing")
    await press(sam, "a[href*='show=to_refund']")
    await expect(sam.get_by_role("heading", level=1)).to_contain_text("To be refunded")
    found += await judge(sam, "desk billing list", axe_source=source)
    assert not found, "\n".join(map(str, found))


async def test_the_chart_and_its_numbers_can_be_read_by_everybody(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts, browser: Browser
) -> None:
    at_its_own_address(billing, sandbox, case)
    await billing.receives(case.submitted(new_case_number()), case.confirmed())
    await billing.run_timers(at=case.at + timedelta(days=15))
    cookies = cookies_of(billing, Role.FINANCE, subject="staff-felix", name="Felix Grau")
    page = await (await signed_in(browser, sandbox.site, cookies)).new_page()
    await page.goto(f"{sandbox.site}/desk/billing")
    await expect(page.get_by_role("img", name="Bars: how much of USD is late")).to_be_visible()
    found = await judge(page, "desk billing figures", axe_source=axe())
    await press(page, "a[href*='show=late'][href*='age=']")
    await expect(page.get_by_role("heading", level=1)).to_contain_text("Late")
    assert not found, "\n".join(map(str, found))


async def reach(page: Page, selector: str) -> None:
    """Move the focus by the Tab key until it is on what the selector names."""
    target = page.locator(selector).first
    for _ in range(120):
        await page.keyboard.press("Tab")
        if await target.evaluate("e => e === document.activeElement"):
            return
    raise AssertionError(f"the Tab key never comes to {selector}")


async def press(page: Page, selector: str) -> None:
    """Go to a link or button by the Tab key and press Enter."""
    await reach(page, selector)
    await page.keyboard.press("Enter")
    await page.wait_for_load_state("load")
