"""The sandbox's pay page, as its patient meets it: four languages, both directions, keyboard alone, nothing for axe to find (R21)."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect

from deploy.sandbox_gateway.app import SandboxSettings, create_app
from deploy.sandbox_gateway.words import _WORDS, LANGUAGES
from services.billing.settings import SANDBOX_API_KEY, SANDBOX_WEBHOOK_SECRET
from shared.web.i18n import LOCALES
from tests.billing.conftest import free_socket, served
from tests.billing.test_browser import press
from tests.pages.browser import Finding, axe, judge, launched

HEADINGS = {
    "en": "Pay USD\xa02,500.00 by card",
    "es": "Pagar USD\xa02.500,00 con tarjeta",
    "ar": "ادفع \u2066USD\xa02,500.00\u2069 بالبطاقة",
    "zh_Hans": "用银行卡支付 USD\xa02,500.00",
}


@pytest.fixture
async def provider_url() -> AsyncIterator[str]:
    """The sandbox provider alone; nobody hears its messages."""
    sock, url = free_socket()
    settings = SandboxSettings(url, "http://127.0.0.1:9/", SANDBOX_API_KEY, SANDBOX_WEBHOOK_SECRET)
    async with served(create_app(settings), sock):
        yield url


async def pay_page(url: str, locale: str, **wanted: Any) -> str:
    body = {
        "amount_minor": 250_000,
        "currency": "USD",
        "reference": "r",
        "return_url": f"{url}/livez",
        "locale": locale,
    }
    headers = {"Authorization": f"Bearer {SANDBOX_API_KEY}", "Idempotency-Key": f"{locale} {wanted}"}
    async with httpx.AsyncClient() as merchant:
        made = await merchant.post(f"{url}/v1/checkouts", json=body | wanted, headers=headers)
    return str(made.json()["url"])


def test_every_sentence_is_in_every_language() -> None:
    assert set(LANGUAGES) == set(LOCALES)
    for text, others in _WORDS.items():
        assert all(one.strip() and one.count("{") == text.count("{") for one in others), text


async def test_everybody_can_pay_in_their_language_by_keyboard_alone(provider_url: str) -> None:
    source, found = axe(), list[Finding]()
    async with launched() as browser:
        page = await browser.new_page()
        for locale, heading in HEADINGS.items():
            await page.goto(await pay_page(provider_url, locale))
            await expect(page.get_by_role("heading", level=1)).to_have_text(heading)
            found += await judge(page, f"sandbox pay {locale}", axe_source=source)
            await press(page, "button")
            await expect(page.get_by_role("alert")).to_be_visible()
            found += await judge(page, f"sandbox pay errors {locale}", axe_source=source)
            await press(page, "[role=alert] a")
            assert await page.evaluate("document.activeElement.id") == "card"
            await _types_card(page)
            await expect(page.locator("button")).to_have_count(2)
            found += await judge(page, f"sandbox pay second step {locale}", axe_source=source)
            await press(page, "button")
            await page.wait_for_url(f"{provider_url}/livez?payment=*")
        for name, address in (
            ("closed ar", await pay_page(provider_url, "ar", lives_seconds=1e-9)),
            ("tester", f"{provider_url}/sandbox"),
        ):
            await page.goto(address)
            found += await judge(page, f"sandbox {name}", axe_source=source)
        await press(page, "button[name=currency]")
        await expect(page.get_by_role("status")).to_contain_text("CARD PAYOUT po_")
        found += await judge(page, "sandbox tester paid out", axe_source=source)
    assert not found, "\n".join(map(str, found))


async def _types_card(page: Page) -> None:
    """Fill in the card that the bank asks about once more, from the first field on."""
    await page.keyboard.type("4000002500003155")
    for text in ("12/34", "123"):
        await page.keyboard.press("Tab")
        await page.keyboard.type(text)
    await page.keyboard.press("Enter")
    await page.wait_for_load_state("load")


@pytest.mark.parametrize(("locale", "direction"), [("en", "ltr"), ("ar", "rtl"), ("auto", "ltr")])
async def test_the_page_runs_as_its_language_does(provider_url: str, locale: str, direction: str) -> None:
    async with httpx.AsyncClient() as visitor:
        assert f'dir="{direction}"' in (await visitor.get(await pay_page(provider_url, locale))).text
