"""The request form in a real browser: by keyboard alone, without JavaScript, on a narrow screen, and when things go wrong."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Page

from shared.events import RequestSubmitted
from tests.intake.filling import BY_A_DAUGHTER, Answers, by_a_clinician, by_the_patient
from tests.pages.browser import PHONE, axe, judge, listening
from tests.support.service import ServiceUnderTest

FIELDS = "form[data-keep]"
HIDDEN = {"version", "emergency_notice_version"}
ALIKE = {"stream", "role", "ground", "contact", "sex", "surgery", "services", "relation", "your_name", "patient_name",
         "your_email", "patient_country", "language", "declaration"}  # fmt: skip
"""Pages built of the same parts as another that is judged."""


@pytest.fixture
async def site(intake: ServiceUnderTest) -> AsyncIterator[str]:
    async with listening(intake.app) as base:
        yield base


async def reach(page: Page, selector: str) -> None:
    """Press Tab until something that the selector names has the focus."""
    for _ in range(90):
        await page.keyboard.press("Tab")
        if await page.evaluate("s => document.activeElement?.matches(s)", selector):
            return
    raise AssertionError(f"no Tab leads to {selector} on {page.url}")


async def kind_of(page: Page, name: str) -> str:
    script = "e => e.tagName === 'SELECT' ? 'select' : e.type"
    return str(await page.locator(f'{FIELDS} [name="{name}"]').first.evaluate(script))


async def type_answer(page: Page, name: str, value: str) -> None:
    """Answer one field without touching a mouse."""
    field = f'{FIELDS} [name="{name}"]'
    match await kind_of(page, name):
        case "radio":
            await reach(page, field)
            await page.keyboard.press("Space")
            for _ in range(30):
                if await page.evaluate("() => document.activeElement.value") == value:
                    return
                await page.keyboard.press("ArrowDown")
            raise AssertionError(f"no arrow leads to {name}={value}")
        case "checkbox":
            await reach(page, f'{field}[value="{value}"]')
            await page.keyboard.press("Space")
        case "select":
            await reach(page, field)
            label = await page.locator(f'{field} option[value="{value}"]').first.inner_text()
            await page.keyboard.type(label)
        case _:
            await reach(page, field)
            await page.keyboard.type(value)


async def by_keyboard(page: Page, base: str, answers: Answers) -> None:
    """Go from the first page to the receipt by keys alone, from question to question as the form itself leads."""
    await page.goto(f"{base}/request/start")
    await type_answer(page, "emergency_read", "yes")
    await press_on(page)
    for _ in range(60):
        question = page.url.partition("?")[0].rsplit("/", 1)[1]
        if question == "received":
            return
        if question == "check":
            await reach(page, "main form button")
        elif question in answers:
            for name, value in answers[question].items():
                for one in value if isinstance(value, list) else [value] if name not in HIDDEN else []:
                    await type_answer(page, name, one)
            await reach(
                page, f"{FIELDS} button.nhsuk-button" + ("[value=done]" if question in ("questions", "told") else "")
            )
        else:
            await reach(page, ".nhsuk-task-list__item:has(.nhsuk-tag) a.nhsuk-task-list__link")
        async with page.expect_navigation():
            await page.keyboard.press("Enter")
    raise AssertionError(f"the form never ended; last at {page.url}")


async def press_on(page: Page) -> None:
    await reach(page, f"{FIELDS} button.nhsuk-button")
    async with page.expect_navigation():
        await page.keyboard.press("Enter")


async def answer(page: Page, given: dict[str, Any]) -> None:
    """Answer a page with whatever is at hand, and leave it unsent."""
    for name, value in given.items():
        for one in value if isinstance(value, list) else [value]:
            field = page.locator(f'{FIELDS} [name="{name}"]')
            match await kind_of(page, name):
                case "hidden":
                    continue
                case "radio" | "checkbox":
                    await page.locator(f'{FIELDS} [name="{name}"][value="{one}"]').check()
                case "select":
                    await field.select_option(one)
                case _:
                    await field.fill(one)


async def press(page: Page) -> None:
    async with page.expect_navigation():
        await page.locator(f"{FIELDS} button.nhsuk-button").last.click()


async def begin(page: Page, base: str, lang: str = "en") -> str:
    await page.goto(f"{base}/request/start?lang={lang}")
    await answer(page, {"emergency_read": "yes"})
    await press(page)
    return page.url.rsplit("/", 1)[0]


async def test_a_patient_asks_by_keyboard_alone_without_javascript(
    browser: Browser, site: str, intake: ServiceUnderTest
) -> None:
    context = await browser.new_context(java_script_enabled=False, locale="en-GB")
    await by_keyboard(await context.new_page(), site, by_the_patient())
    [told] = await intake.emitted(RequestSubmitted)
    assert (told.path, told.requester) == ("new_patient", "patient")


async def test_a_clinician_refers_by_keyboard_alone(browser: Browser, site: str, intake: ServiceUnderTest) -> None:
    context = await browser.new_context(locale="en-GB")
    await by_keyboard(await context.new_page(), site, by_a_clinician())
    [told] = await intake.emitted(RequestSubmitted)
    assert (told.path, told.requester) == ("referral", "clinician")


async def test_every_page_of_the_form_reads_right_to_left_on_a_narrow_phone(browser: Browser, site: str) -> None:
    page = await (await browser.new_context(viewport={"width": PHONE, "height": 800})).new_page()
    found, source = [], axe()
    draft = await begin(page, site, "ar")
    child = {"birth_date-day": "2", "birth_date-month": "مارس", "birth_date-year": "2020"}
    guardian = {"guardian": {"name": "Olga Testova", "relationship": "mother"}}
    latin = {"latin_name": {}}
    answers = {**BY_A_DAUGHTER, "birth_date": child, "patient_name": {"name": "سليم الصالح"}, **guardian, **latin}
    for question, given in answers.items():
        await page.goto(f"{draft}/{question}")
        if question not in ALIKE:
            found += await judge(page, f"form-{question}-ar", widths=(PHONE,), axe_source=source)
        await answer(page, given)
        await press(page)
        assert not await page.locator(".nhsuk-error-summary").count(), (
            question,
            await page.locator("main").inner_text(),
        )
    for name, path in (("tasks", draft), ("check", f"{draft}/check"), ("link", f"{site}/request/link")):
        await page.goto(path)
        found += await judge(page, f"form-{name}-ar", widths=(PHONE,), axe_source=source)
    assert not found, "\n".join(map(str, found))


async def filled(context: BrowserContext, site: str, answers: Answers) -> tuple[Page, str]:
    """Fill in the form without looking at the pages, by requests of the same browser; return a page of it, and its draft."""
    page = await context.new_page()
    draft = await begin(page, site)
    headers = {"Origin": site, "Content-Type": "application/x-www-form-urlencoded"}
    for question, given in answers.items():
        pairs = [(n, v) for n, value in given.items() for v in (value if isinstance(value, list) else [value])]
        pairs += [("_then", "done")] if question in ("questions", "told") else []
        body = "&".join(f"{n}={v.replace('+', '%2B')}" for n, v in pairs)
        sent = await context.request.post(f"{draft}/{question}", data=body, headers=headers, max_redirects=0)
        assert sent.status == 303, (question, await sent.text())
    return page, draft


async def test_a_double_click_and_the_back_button_make_one_case(
    browser: Browser, site: str, intake: ServiceUnderTest
) -> None:
    page, draft = await filled(await browser.new_context(), site, BY_A_DAUGHTER)
    await page.goto(f"{draft}/story")
    await page.goto(f"{draft}/check")
    await page.locator("main form button").dblclick()
    await page.wait_for_url("**/received")
    await page.go_back()
    await page.wait_for_url("**/received")
    assert await intake.count("cases") == 1
    assert len(await intake.emitted(RequestSubmitted)) == 1


async def test_going_back_shows_what_was_answered(browser: Browser, site: str) -> None:
    page, draft = await filled(await browser.new_context(), site, {"path": {"path": "new_patient"}})
    await page.goto(f"{draft}/story")
    await answer(page, {"story": "It began in May."})
    await press(page)
    await page.go_back()
    assert await page.locator("[name=story]").input_value() == "It began in May."


async def test_an_older_tabs_answer_changes_its_own_question_alone(
    browser: Browser, site: str, intake: ServiceUnderTest
) -> None:
    context = await browser.new_context()
    old, draft = await filled(context, site, {"path": {"path": "new_patient"}})
    await old.goto(f"{draft}/story")
    new = await context.new_page()
    await new.goto(f"{draft}/surgery")
    await answer(new, {"surgery": "no"})
    await press(new)
    await answer(old, {"story": "From the older tab."})
    await press(old)
    [row] = await intake.fetch("SELECT answers FROM drafts")
    assert (row["answers"]["surgery"], row["answers"]["story"]) == ({"surgery": "no"}, {"story": "From the older tab."})


async def test_offline_nothing_typed_is_lost_and_nothing_stays_behind_once_it_is_sent(
    browser: Browser, site: str, intake: ServiceUnderTest
) -> None:
    context = await browser.new_context()
    page, draft = await filled(context, site, {"path": {"path": "new_patient"}})
    await page.goto(f"{draft}/questions")
    await answer(page, {"text": "Is surgery needed?"})
    await context.set_offline(True)
    await page.get_by_role("button", name="Add this question").click()
    await page.get_by_role("alert").filter(has_text="not connected").wait_for()
    assert await page.locator("[name=text]").input_value() == "Is surgery needed?"
    assert "surgery" in await page.evaluate("() => JSON.stringify(Object.entries(sessionStorage))")
    await context.set_offline(False)
    await page.reload()
    assert await page.locator("[name=text]").input_value() == "Is surgery needed?", "kept through a reload"
    await page.get_by_role("button", name="Add this question").click()
    await page.get_by_role("button", name="Remove").wait_for()
    assert await page.locator("[name=text]").input_value() == ""
    await page.goto(draft)
    stored = "() => JSON.stringify([...Object.entries(sessionStorage), ...Object.entries(localStorage)])"
    assert "surgery" not in await page.evaluate(stored)
    [row] = await intake.fetch("SELECT answers -> 'questions' -> 'items' AS items FROM drafts")
    assert [item["text"] for item in row["items"]] == ["Is surgery needed?"]


async def test_a_browser_killed_in_the_middle_finds_its_form_again(browser: Browser, site: str) -> None:
    context = await browser.new_context()
    page, draft = await filled(context, site, {"path": {"path": "new_patient"}})
    await page.goto(f"{draft}/story")
    await answer(page, {"story": "It began in May."})
    await press(page)
    kept = await context.storage_state()
    await context.close()
    again = await (await browser.new_context(storage_state=kept)).new_page()
    await again.goto(f"{site}/request")
    assert again.url == draft
    await again.goto(f"{draft}/story")
    assert await again.locator("[name=story]").input_value() == "It began in May."


async def test_kinds_of_cancer_are_found_while_typing(browser: Browser, site: str) -> None:
    page, draft = await filled(await browser.new_context(), site, {"path": {"path": "new_patient"}})
    await page.goto(f"{draft}/cancer_type", wait_until="load")
    await page.locator("#q").press_sequentially("lymph")
    await page.locator("#found [role=status]").filter(has_text=re.compile("match")).wait_for()
    assert await page.locator("[name=kind][value=breast]").count() == 0
    await page.locator("[name=kind][value=lymphoma]").check()
    await press(page)
    assert page.url == f"{draft}/reasons"
