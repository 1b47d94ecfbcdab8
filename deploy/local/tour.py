"""``python -m deploy.local.tour``: walk one made-up case through a running Consilium and photograph it for the README.

Needs ``./consilium up`` and a browser (Chromium, or playwright's). Everybody in it is made up. The pictures go to
``docs/tour``; whoever changes a page takes them again.
"""

import asyncio
import json
import re
import tomllib
import urllib.request
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typst
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from deploy.local.places import ROOT, chromium_path
from deploy.local.plan import Plan
from deploy.local.tour_words import ANSWERS, DOCUMENT, OPINION, REQUESTER
from deploy.local.trouble import Trouble

PICTURES = ROOT / "docs" / "tour"
DESK, PHONE = {"width": 1180, "height": 820}, {"width": 390, "height": 820}
PATIENCE = 30_000


class Tour:
    """One walk. ``people`` holds a browser session per person, as each would have on their own machine."""

    def __init__(self, browser: Browser, plan: Plan) -> None:
        self.browser = browser
        self.url = plan.public_url
        self.mail = plan.mail_url
        self.people: dict[str, Page] = {}
        self.case = ""
        people = tomllib.loads((Path(__file__).parent / "people.toml").read_text(encoding="utf-8"))["people"]
        self.signing_in = {person["name"] for person in people}
        self.began = datetime.now(UTC).isoformat()

    async def patient(self) -> Page:
        """Return the requester's page, on a telephone."""
        if "requester" not in self.people:
            self.people["requester"] = await (await self._session(PHONE)).new_page()
        return self.people["requester"]

    async def staff(self, name: str) -> Page:
        """Return a member of staff's page, signed in by the development issuer."""
        if name not in self.people:
            page = await (await self._session(DESK)).new_page()
            await page.goto(f"{self.url}/desk")
            await page.get_by_role("button", name=name).click()
            await page.wait_for_url(f"{self.url}/desk**")
            self.people[name] = page
        return self.people[name]

    async def letter(self, to: str, subject: str) -> dict[str, Any]:
        """Wait for the newest letter to this person whose subject matches."""
        for _ in range(60):
            letters = await asyncio.to_thread(self._letters, to)
            if found := [mail for mail in letters if re.search(subject, mail["subject"])]:
                return max(found, key=lambda mail: mail["received_at"])
            await asyncio.sleep(0.5)
        raise Trouble(f"No letter about {subject!r} came to {to}. See what was sent at {self.mail}.")

    async def shot(self, page: Page, name: str) -> None:
        """Photograph a page once its parts have come."""
        await page.wait_for_load_state("networkidle")
        await page.evaluate("() => document.fonts.ready")
        await page.screenshot(path=PICTURES / f"{name}.png", animations="disabled")
        print(f"  docs/tour/{name}.png")

    def _letters(self, to: str) -> list[dict[str, Any]]:
        with urllib.request.urlopen(f"{self.mail}/api/messages?to={to}", timeout=10) as answer:
            found: list[dict[str, Any]] = json.load(answer)["messages"]
        return [mail for mail in found if mail["received_at"] > self.began]

    async def _session(self, size: dict[str, int]) -> BrowserContext:
        context = await self.browser.new_context(viewport=size, locale="en-GB", timezone_id="Europe/London")  # type: ignore[arg-type]
        context.set_default_timeout(PATIENCE)
        return context


async def send(page: Page, button: str | re.Pattern[str]) -> None:
    """Press a button and wait for where it leads."""
    async with page.expect_navigation():
        await page.get_by_role("button", name=button).first.click()


async def ask(tour: Tour) -> None:
    """The requester fills in the form, page by page."""
    page = await tour.patient()
    await page.goto(tour.url)
    await tour.shot(page, "front-page")
    await page.goto(f"{tour.url}/explore?service=comprehensive&cancer_type=sarcoma&country=CN&language=zh#answer")
    await tour.shot(page, "explore")
    await page.goto(f"{tour.url}/request/start")
    await page.check("[name=emergency_read]")
    await tour.shot(page, "form-before-you-start")
    await send(page, "Continue")
    draft = page.url.rsplit("/", 1)[0]
    for question, given in ANSWERS.items():
        if not page.url.endswith(f"/{question}"):
            await page.goto(f"{draft}/{question}")
        await answer(page, given)
        async with page.expect_navigation():
            await page.locator("form[data-keep] button.nhsuk-button").last.click()
    await page.goto(draft)
    await tour.shot(page, "form-steps")
    await page.goto(f"{draft}/check")
    await send(page, "Send the request")


async def answer(page: Page, given: dict[str, str]) -> None:
    """Answer a page's fields: choose, tick or type, as each field wants it."""
    for name, value in given.items():
        field = page.locator(f"form[data-keep] [name={name}]").first
        kind = await field.evaluate("e => e.tagName === 'SELECT' ? 'select' : e.type")
        if kind == "select":
            await field.select_option(value)
        elif kind in ("radio", "checkbox"):
            await page.check(f"form[data-keep] [name={name}][value={value}]")
        else:
            await field.fill(value)


async def fill(page: Page, **values: str) -> None:
    """Fill in fields by their names."""
    for name, value in values.items():
        await page.fill(f"[name={name}]", value)


async def unfold(page: Page) -> None:
    """Open what is folded on a page."""
    await page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")


async def agree(tour: Tour) -> None:
    """An advisor takes the case from the queue and quotes; the requester accepts by the link in the letter."""
    desk = await tour.staff("Ada Winter")
    await desk.goto(f"{tour.url}/desk/intake/queues/requests")
    await tour.shot(desk, "desk-queue")
    await desk.locator("[data-rows] a").last.click()
    await desk.wait_for_url("**/desk/cases/*")
    tour.case = desk.url.rsplit("/", 1)[1]
    await desk.goto(f"{tour.url}/desk/intake/cases/{tour.case}/quote")
    await desk.check("[name=services][value=comprehensive]")
    await desk.check("[name=services][value=pathology]")
    await desk.locator(".c-basket__refused").wait_for()
    await desk.wait_for_load_state("networkidle")  # the last click's answer replaces what the one before it brought
    await desk.locator(".c-basket__refused").scroll_into_view_if_needed()
    await tour.shot(desk, "desk-basket-refused")
    for service in ("comprehensive", "pathology"):
        await desk.uncheck(f"[name=services][value={service}]")
    await desk.check("[name=services][value=written]")
    await fill(
        desk, total="1850.00", reason="One question only",
        note="We spoke by telephone today. The written consultation suits your question.",
    )  # fmt: skip
    await tour.shot(desk, "desk-quote")
    await send(desk, "Offer this quote")
    page = await open_letter(tour, REQUESTER, "quote", picture="letter")
    await page.goto(f"{tour.url}/my/intake/cases/{tour.case}/quote")
    await tour.shot(page, "quote")
    await send(page, "Accept the quote")


async def open_letter(tour: Tour, to: str, subject: str, picture: str | None = None) -> Page:
    """Open the newest link that was sent about ``subject``, as the requester; photograph the letter when asked to."""
    page = await tour.patient()
    mail = await tour.letter(to, subject)
    if picture:
        await page.goto(f"{tour.mail}/messages/{mail['id']}/html")
        await tour.shot(page, picture)
    await page.goto(next(link for link in mail["links"] if "/link/" in link))
    await send(page, "Open my case")
    return page


async def pay(tour: Tour) -> None:
    """The requester pays by card at the sandbox provider."""
    page = await tour.patient()
    await appears(page, f"{tour.url}/my/billing/cases/{tour.case}", "by card")
    await tour.shot(page, "payment")
    await send(page, re.compile("by card"))
    card = (await page.locator("table td").first.inner_text()).strip()
    await fill(page, card=card, expiry="12/34", code="123")
    await send(page, re.compile("^Pay"))
    await appears(page, f"{tour.url}/my/records/cases/{tour.case}", "Your case manager is")


async def appears(page: Page, url: str, text: str) -> None:
    """Load a page again until it shows ``text``: facts take a moment to arrive."""
    for _ in range(60):
        await page.goto(url)
        if await page.get_by_text(text).first.is_visible():
            return
        await asyncio.sleep(0.5)
    raise Trouble(f"{url} never showed {text!r}.")


async def collect(tour: Tour) -> None:
    """The requester uploads one document; the case manager accepts it, waives the rest by name, and signs a summary."""
    page = await tour.patient()
    await page.goto(f"{tour.url}/my/records/cases/{tour.case}")
    await tour.shot(page, "checklist")
    document = {"name": "summary.pdf", "mimeType": "application/pdf", "buffer": typst.compile(DOCUMENT.encode())}
    await page.locator("input[type=file]").first.set_input_files(document)  # type: ignore[arg-type]
    await page.locator(".c-uploads__one", has_text="Arrived").first.wait_for()  # it began to go when it was chosen
    await page.goto(f"{tour.url}/my/records/cases/{tour.case}")
    said = await page.get_by_text("Your case manager is").first.inner_text()
    desk = await tour.staff(said.split("manager is ")[1].split(".")[0])
    await desk.goto(f"{tour.url}/desk/records/cases/{tour.case}")
    await unfold(desk)
    await desk.locator("[name=language]").first.fill("en")
    for question in ("name_matches", "birth_date_matches"):
        await desk.locator(f"[name={question}][value=yes]").first.check()
    await desk.locator("[type=date]").first.fill(tour.began[:10])
    await send(desk, re.compile("^Save.*summary.pdf"))
    await send(desk, re.compile("^Accept"))
    await tour.shot(desk, "desk-materials")
    while await (
        waive := desk.locator("section:has(.nhsuk-tag) form:has(button[value=waive]):not(:has(button[value=return]))")
    ).count():
        await unfold(desk)
        await waive.first.locator("[name=reason]").fill("The first hospital has closed; its records can't be had.")
        async with desk.expect_navigation():
            await waive.first.locator("button[value=waive]").click()
    summary = "A made-up patient of 68 with a made-up tumour. What came is listed; the rest is waived by name."
    await desk.locator("[name=text]").last.fill(summary)  # the others are answers to questions
    await send(desk, re.compile("^Save as version"))
    await send(desk, re.compile("^Sign version"))


async def match(tour: Tour) -> None:
    """The clinical lead asks the best candidate who can sign in here; they declare no conflict and take the case."""
    lead = await tour.staff("Dr Vera Stahl")
    await appears(lead, f"{tour.url}/desk/matching/cases/{tour.case}", "Candidates, best first")
    await lead.get_by_role("heading", name="Candidates, best first").scroll_into_view_if_needed()
    await lead.mouse.wheel(0, 500)
    await tour.shot(lead, "desk-candidates")
    labels = lead.locator("label[for^=chosen-]")
    names = [name.strip() for name in await labels.locator("strong").all_inner_texts()]
    chosen = next(place for place, name in enumerate(names) if name in tour.signing_in)
    for place in range(len(names)):
        await lead.locator("[name=chosen]").nth(place).set_checked(place == chosen)
    await send(lead, "Ask them in this order")
    tour.people["specialist"] = await tour.staff(names[chosen])
    desk = tour.people["specialist"]
    await desk.goto(f"{tour.url}/desk/matching")
    await desk.locator("main a[href*='/desk/matching/offers/']").first.click()
    await desk.check("#no_conflict")
    await send(desk, "Take this case")


async def advise(tour: Tour) -> None:
    """The specialist writes, answers the patient's question, and signs; the requester reads the opinion."""
    desk = tour.people["specialist"]
    await desk.goto(f"{tour.url}/desk/matching/cases/{tour.case}/opinion")
    for section, text in OPINION.items():
        await desk.fill(f"[name={section}]", text)
    await desk.select_option("[name=outcome]", "answered")
    await desk.fill("[name=answer]", "Yes. The plan above names it, and why I put it first.")
    await tour.shot(desk, "desk-opinion")
    await send(desk, re.compile("check and sign"))
    await fill(desk, name=await desk.locator(".c-header__who strong").inner_text())
    await desk.check("#confirm")
    await send(desk, "Sign the opinion")
    page = await open_letter(tour, REQUESTER, "report is ready")
    await page.goto(f"{tour.url}/my/matching/cases/{tour.case}/opinion")
    await tour.shot(page, "opinion")
    await page.goto(f"{tour.url}/my/cases/{tour.case}?lang=ar")
    await tour.shot(page, "case-in-arabic")
    advisor = await tour.staff("Ada Winter")
    await advisor.goto(f"{tour.url}/desk")
    await tour.shot(advisor, "desk-home")


async def walk(tour: Tour) -> None:
    """Take the whole way, from the front page to the delivered opinion."""
    for part in (ask, agree, pay, collect, match, advise):
        await part(tour)


async def main() -> None:
    """Take every picture anew. Raises ``Trouble`` when nothing runs, or when mail goes elsewhere."""
    plan = Plan.read()
    if plan.mail_url is None:
        raise Trouble("The tour reads letters from the built-in mail catcher; unset SMTP_URL.")
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium_path(), args=["--no-sandbox"])
        try:
            await walk(Tour(browser, plan))
        finally:
            await browser.close()


if __name__ == "__main__":
    asyncio.run(main())
