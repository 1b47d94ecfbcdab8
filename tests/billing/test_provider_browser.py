"""Finance works off a difference by keyboard alone, and a patient reads of a recalled wire: nothing for axe to find (R21)."""

from datetime import UTC, datetime, timedelta

from playwright.async_api import expect

from shared.ids import new_case_number
from shared.web import Role
from tests.billing.conftest import PRICE, CaseFacts, Sandbox, eventually, invoice_ids
from tests.billing.test_browser import at_its_own_address, cookies_of, press, reach
from tests.billing.test_payouts import paid_out
from tests.billing.test_provider_desk import checks_by_itself
from tests.billing.test_recalls import recalled
from tests.billing.test_taken_back import wired
from tests.pages.browser import Finding, axe, judge, launched, signed_in
from tests.support.service import ServiceUnderTest


async def test_a_difference_is_worked_off_by_keyboard_alone(billing: ServiceUnderTest, sandbox: Sandbox) -> None:
    at_its_own_address(billing, sandbox)
    await paid_out(billing, sandbox)
    [payment] = sandbox.app.state.book.payments()
    sandbox.app.state.book.balance.add_movement("txn_odd", "charge", "pay_odd", "pay_odd", None, 5, "USD")
    sandbox.app.state.ledger.refund(payment["payment_id"], 1_000, "USD", None)
    await eventually(sandbox.all_delivered)
    await checks_by_itself(billing)
    there = billing.ctx.settings
    billing.ctx.settings = there.model_copy(update={"gateway_url": "http://127.0.0.1:9"})
    billing.clock.at += timedelta(days=1)
    await checks_by_itself(billing, may_fail=True)
    billing.ctx.settings, billing.clock.at = there, datetime.now(UTC)
    source, found = axe(), list[Finding]()
    cookies = cookies_of(billing, Role.FINANCE, subject="staff-felix", name="Felix Grau")
    async with launched() as browser:
        page = await (await signed_in(browser, sandbox.site, cookies)).new_page()
        await page.goto(f"{sandbox.site}/desk/billing")
        await press(page, "a[href='/desk/billing/provider']")
        await expect(page.get_by_text("has not answered since")).to_be_visible()
        found += await judge(page, "desk billing provider", axe_source=source)
        await press(page, "main a:has-text('refund re_')")
        await expect(page.get_by_role("button", name="Book this refund")).to_be_visible()
        found += await judge(page, "desk billing difference", axe_source=source)
        await press(page, "button:has-text('Book this refund')")
        await expect(page.get_by_role("alert")).to_be_visible()
        found += await judge(page, "desk billing difference errors", axe_source=source)
        await reach(page, "[name=reason]")
        await page.keyboard.type("Tom, for another case by mistake")
        await page.keyboard.press("Enter")
        await expect(page.get_by_text("Felix Grau: taken in. Tom, for another case by mistake")).to_be_visible()
        found += await judge(page, "desk billing difference taken in", axe_source=source)
        await press(page, "a.nhsuk-back-link")
        await press(page, "a:has-text('pay_odd')")
        await reach(page, "#reason-settle")
        await page.keyboard.type("A test of theirs, they take it back")
        await page.keyboard.press("Enter")
        await expect(page.get_by_role("button", name="Open it again")).to_be_visible()
    assert await billing.count("refunds") == 1
    assert not found, "\n".join(map(str, found))


async def test_a_recall_is_read_in_four_languages(billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts) -> None:
    at_its_own_address(billing, sandbox, case)
    await billing.receives(case.submitted(new_case_number()), case.confirmed(), case.accepted())
    wire = await wired(billing, (await invoice_ids(billing, case.id))[0], PRICE)
    await billing.receives(case.delivered())
    await recalled(billing, wire)
    source, found = axe(), list[Finding]()
    async with launched() as browser:
        for locale in ("en", "ar", "es", "zh_Hans"):
            cookies = cookies_of(billing, Role.PATIENT, cases=[case.id], locale=locale)
            page = await (await signed_in(browser, sandbox.site, cookies)).new_page()
            await page.goto(f"{sandbox.site}/my/billing/cases/{case.id}")
            await expect(page.locator("#recall-1")).to_be_visible()
            if locale in ("en", "ar"):
                found += await judge(page, f"my billing recall {locale}", axe_source=source)
        finance = cookies_of(billing, Role.FINANCE, subject="staff-felix", name="Felix Grau")
        page = await (await signed_in(browser, sandbox.site, finance)).new_page()
        await page.goto(f"{sandbox.site}/desk/billing/cases/{case.id}")
        await press(page, "button:has-text('Bear the loss')")
        await expect(page.get_by_role("alert")).to_be_visible()
        found += await judge(page, "desk billing loss errors", axe_source=source)
    assert not found, "\n".join(map(str, found))
