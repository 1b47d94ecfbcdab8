"""``python -m deploy.local.guide``: photograph the advisors' queue, finance's and the case manager's desk for the staff guide.

Needs ``./consilium up``, a ``./consilium demo`` after it (finance's pages show its cases), and a browser. The pictures
go to ``docs/guide``; whoever changes the page takes them again.
"""

import asyncio
import json
import urllib.request
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from playwright.async_api import Page, async_playwright

from deploy.local.guide_collecting import photographs
from deploy.local.places import ROOT, chromium_path
from deploy.local.plan import Plan
from deploy.local.tour import DESK, PHONE, Tour
from deploy.local.trouble import Trouble
from shared import programme

PICTURES = ROOT / "docs" / "guide"
PEOPLE = (
    ("Salim Al-Saleh", "JO", "ar", "remote"), ("Mira Testova", "BR", "pt", "remote"), ("林美麗", "CN", "zh", "in_person"),
    ("Ravi Fictício", "IN", "hi", "remote"), ("Ana Exemplo", "MX", "es", "remote"), ("Emre Uydurma", "TR", "tr", "in_person"),
)  # fmt: skip


def request_for(name: str, country: str, language: str, stream: str) -> dict[str, Any]:
    """Return a made-up request by a relative of this made-up patient."""
    rules = programme.current("msk_international")
    return {
        "path": "new_patient",
        "stream": stream,
        "requester": {"role": "family", "name": "Noura Madeup", "email": f"asks-{uuid4().hex[:8]}@family.example",
                      "relationship": "daughter", "authority": "permission"},
        "patient": {"name": name, "birth_date": "1958-03-27", "sex": "unknown", "country": country, "languages": [language]},
        "cancer_type": "sarcoma",
        "reasons": ["other_options"],
        "emergency_notice_version": rules.text_version("emergency_notice"),
        "consent": {"version": rules.text_version("consent"), "signed_name": "Noura Madeup", "accepted": True},
    }  # fmt: skip


def submit(url: str, body: dict[str, Any]) -> None:
    """Send a request as anybody's own system would."""
    headers = {"Content-Type": "application/json", "Idempotency-Key": uuid4().hex}
    asked = urllib.request.Request(f"{url}/api/intake/requests", json.dumps(body).encode(), headers)
    urllib.request.urlopen(asked, timeout=30).close()


async def photograph(page: Page, name: str) -> None:
    """Photograph a page once it is live."""
    await page.wait_for_selector("[data-live]:not([hidden])")
    await page.evaluate("() => document.fonts.ready")
    await page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")
    print(f"  docs/guide/{name}.png")


async def finance(tour: Tour) -> None:
    """Photograph finance's first page, and a refund above the limit as the second person sees it."""
    felix, sam = await tour.staff("Felix Grau"), await tour.staff("Sam Ferrant")
    await felix.goto(f"{tour.url}/desk/billing/invoices?show=all&state=paid")
    if await felix.locator("a.c-number").count() == 0:
        raise Trouble("No invoice is paid yet: run ./consilium demo first.")
    await felix.locator("a.c-number").first.click()
    await felix.get_by_label("Send back, in USD").first.fill("2000")
    await felix.get_by_label("Because").first.fill("The review had hardly begun when the patient fell ill.")
    await felix.get_by_role("button", name="Send money back").first.click()
    await felix.get_by_text("until then nothing moves").first.wait_for()
    await sam.goto(felix.url)
    await sam.get_by_role("button", name="Confirm: send").last.scroll_into_view_if_needed()
    await sam.screenshot(path=PICTURES / "second-person.png", animations="disabled")
    print("  docs/guide/second-person.png")
    await felix.goto(f"{tour.url}/desk/billing")
    await felix.screenshot(path=PICTURES / "finance.png", animations="disabled")
    print("  docs/guide/finance.png")
    await sam.get_by_label("Reject it, because").last.fill("Only for the guide's picture.")
    await sam.get_by_role("button", name="Reject", exact=True).last.click()
    await provider(felix, tour)


async def provider(felix: Page, tour: Tour) -> None:
    """Photograph the card provider's report, after somebody sent money back there."""
    await felix.goto(f"{Plan.read().gateway_url}/sandbox")
    await felix.get_by_role("button", name="Send what is left back").first.click()
    await felix.goto(f"{tour.url}/desk/billing/provider")
    today = datetime.now(UTC).date().isoformat()
    for day in ("First day", "Last day"):
        await felix.get_by_label(day).fill(today)
    await felix.get_by_role("button", name="Fetch and compare").click()
    await felix.goto(f"{tour.url}/desk/billing/provider")
    await felix.screenshot(path=PICTURES / "provider.png", animations="disabled")
    print("  docs/guide/provider.png")


async def main() -> None:
    """Take every picture anew."""
    plan = Plan.read()
    PICTURES.mkdir(parents=True, exist_ok=True)
    for person in PEOPLE:
        await asyncio.to_thread(submit, plan.public_url, request_for(*person))
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        try:
            tour = Tour(browser, plan)
            queue = f"{plan.public_url}/desk/intake/queues/requests"
            colleague, ada = await tour.staff("Ben Castellan"), await tour.staff("Ada Winter")
            for page in (colleague, ada):
                await page.goto(queue)
                await page.locator("[data-act]", has_text="Take it").first.click()
                await page.wait_for_url("**/desk/cases/*")
            await ada.goto(queue)
            await photograph(ada, "queue")
            await ada.keyboard.press("?")
            await photograph(ada, "queue-keys")
            await ada.keyboard.press("Escape")
            await ada.set_viewport_size(PHONE)  # type: ignore[arg-type]
            await ada.goto(queue)
            await photograph(ada, "queue-phone")
            await ada.set_viewport_size(DESK)  # type: ignore[arg-type]
            await ada.locator("[data-over]").first.click()
            await ada.get_by_label("Why you take it over").fill("Ben is away today; the requester asked to be called.")
            await ada.screenshot(path=PICTURES / "take-over.png", animations="disabled")
            print("  docs/guide/take-over.png")
            await finance(tour)
            await photographs(tour, plan, PICTURES)
        finally:
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
