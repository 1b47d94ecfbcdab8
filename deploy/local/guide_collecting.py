"""The case manager's pictures of the staff guide: a case whose records are being collected, made up for them."""

import asyncio
from pathlib import Path
from uuid import uuid4

from deploy.demo import money
from deploy.demo.askers import PAYER
from deploy.demo.files import letter
from deploy.demo.places import Places
from deploy.demo.story import ADVISOR, MANAGER, Story
from deploy.local.plan import Plan
from deploy.local.tour import Tour

QUESTION = "The hospital gave me a USB stick. Is that fine, or must it be a CD?"


def collect(plan: Plan) -> str:
    """Have a made-up patient ask, pay, send something and ask about something else; return the case's id."""
    story = Story(Places(plan.public_url, plan.mail_url or "", ""), PAYER.name, PAYER.mail)
    money.ask(story)
    at = f"/api/intake/cases/{story.case_id}"
    price = {"amount_minor": money.PRICE, "currency": "USD"}
    quote = story.as_staff(ADVISOR).send("POST", f"{at}/quotes", {"services": ["comprehensive"], "price": price})
    patient = story.enter_by_mail("quote")
    patient.send("POST", f"{at}/accept", {"quote_id": quote["quote_id"], "revision": quote["revision"]})
    money.wire(story, patient, money.PRICE)
    items = {item["code"]: item["id"] for item in story._whole_checklist(patient)}
    records = f"/api/records/cases/{story.case_id}"
    there = f"{records}/items/{items['clinical_summary']}/documents/{uuid4()}"
    patient.send("PUT", there, params={"name": "Summary May.pdf"}, content=letter("A made-up summary of May"))
    patient.send("POST", f"{records}/items/{items['imaging']}/messages", {"text": QUESTION})
    manager = story.manager()
    manager.send("POST", f"{records}/reminders", {"template": "how_to_get"})
    story.close()
    return story.case_id


async def photographs(tour: Tour, plan: Plan, folder: Path) -> None:
    """Take the worklist, two lines of a case, and who is away."""
    case_id = await asyncio.to_thread(collect, plan)
    page = await tour.staff(MANAGER)

    async def shot(name: str, *, of: str | None = None) -> None:
        await page.wait_for_load_state("networkidle")
        await page.evaluate("() => document.fonts.ready")
        target = folder / f"{name}.png"
        await (page.locator(of).screenshot(path=target) if of else page.screenshot(path=target, animations="disabled"))
        print(f"  docs/guide/{name}.png")

    await page.goto(f"{tour.url}/desk/records?sort=waiting")
    await shot("collecting")
    await page.goto(f"{tour.url}/desk/records/cases/{case_id}")
    summary = page.locator(
        "section.nhsuk-card", has=page.get_by_role("heading", name="Summary by your treating physician")
    )
    line = str(await summary.get_attribute("id"))
    await page.get_by_label("Reason of a return").first.select_option("pages_missing")
    await shot("line", of=f"#{line}")
    await page.goto(f"{tour.url}/desk/records/managers")
    await page.get_by_label("First day").fill("2027-07-05")
    await page.get_by_label("Last day").fill("2027-07-16")
    await shot("managers")
