"""A patient sends a folder from a phone, and a reload, a lost connection and a restart of the server take nothing from it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Browser, Page, expect

from deploy.local.child import free_port
from shared.web import Role
from shared.web.identity import session_cookie
from tests.pages.browser import DESK, PHONE, WIDTHS, axe, complaints, judge, launched, signed_in
from tests.records.conftest import Case
from tests.records.hostile import EXE
from tests.records.made_up import dicom, pdf, picture
from tests.support.processes import eventually

WORDS = {
    "en": ("Or choose a whole folder", "No connection", "Arrived, all right", "You were signed out"),
    "ar": ("أو اختر مجلدًا كاملًا", "لا يوجد اتصال", "وصل سليمًا", "سُجِّل خروجك"),
}
NO_SHELF = "Object.defineProperty(window, 'indexedDB', {value: undefined})"
"""As in a private window: files are chosen again after a reload."""
OLD = """async () => {
  const { shelf } = await import(document.querySelector("script[src$='/consilium.js']").src.replace("consilium.js", "shelf.js"));
  await shelf.put({ key: "old", at: Date.now() - 90000000 });
}"""
NOTHING_LEFT = """() => new Promise(done => { indexedDB.open("consilium-uploads").onsuccess = event => {
  event.target.result.transaction("files").objectStore("files").count().onsuccess = asked => done(!asked.target.result); }; })"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with launched() as found:
        yield found


@asynccontextmanager
async def serving(case: Case, port: int) -> AsyncIterator[None]:
    server = uvicorn.Server(uvicorn.Config(case.records.app, host="127.0.0.1", port=port, log_config=None, lifespan="off",
                                           interface="asgi3", timeout_graceful_shutdown=1))  # type: ignore[arg-type,unused-ignore]  # fmt: skip
    server.install_signal_handlers = lambda: None  # type: ignore[method-assign,attr-defined,unused-ignore]
    running = asyncio.create_task(server._serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
        await asyncio.sleep(0.02)
    try:
        yield
    finally:
        server.should_exit = server.force_exit = True
        await running


def a_cd(folder: Path) -> Path:
    """Write a folder as a hospital gives it away: images, a letter, a viewer that nobody needs."""
    (folder / "CD" / "DICOM").mkdir(parents=True)
    (folder / "CD" / "DICOM" / "IM1").write_bytes(dicom(1))
    (folder / "CD" / "DICOM" / "IM2").write_bytes(dicom(2))
    (folder / "CD" / "photo.bmp").write_bytes(picture("BMP", (1800, 1400)))
    (folder / "CD" / "letter.pdf").write_bytes(pdf())
    (folder / "CD" / "VIEWER.EXE").write_bytes(EXE)
    return folder / "CD"


async def slowly(page: Page, bytes_a_second: int) -> None:
    told = {"offline": False, "latency": 5, "downloadThroughput": -1, "uploadThroughput": bytes_a_second}
    session = await page.context.new_cdp_session(page)
    await session.send("Network.enable")
    await session.send("Network.emulateNetworkConditions", told)


async def nothing_left(page: Page) -> bool:
    return bool(await page.evaluate(NOTHING_LEFT))


@pytest.mark.parametrize(("locale", "keeps"), [("en", False), ("ar", True)], ids=["chosen-again", "kept"])
async def test_a_folder_from_a_phone_survives_everything(
    case: Case, browser: Browser, tmp_path: Path, locale: str, keeps: bool
) -> None:
    folder, port = a_cd(tmp_path), free_port()
    base, (choose, offline, clean, signed_out) = f"http://127.0.0.1:{port}", WORDS[locale]
    name = session_cookie(case.records.ctx.platform.public_url)
    who = case.records.sign_in(Role.PATIENT, subject="patient-phone", name="Made Up", cases=[case.id], locale=locale)
    context = await signed_in(browser, base, {name: who.cookies[name]}, locale=locale)
    page = await context.new_page()
    if not keeps:
        await page.add_init_script(NO_SHELF)
    said, item = complaints(page), (await case.item("imaging"))["id"]
    await page.set_viewport_size({"width": PHONE, "height": 640})
    at = f"{base}/my/records/cases/{case.id}"
    box = page.locator(f"#item-{item}")
    rows, total = box.locator(".c-uploads__one"), box.locator(".c-uploads__total")

    async with serving(case, port):
        await page.goto(at)
        await slowly(page, 1_500_000)
        await box.get_by_label(choose).set_input_files(folder)
        await expect(rows).to_have_count(5)
        await expect(box.locator("[data-state=here]").first).to_be_visible()
        await page.reload()
        await slowly(page, 4_000_000)
        if not keeps:
            await box.get_by_label(choose).set_input_files(folder)
            await expect(rows).to_have_count(5)
        await expect(rows.first).to_be_visible()
        await context.set_offline(True)
        await expect(total).to_contain_text(offline)
        await context.clear_cookies()
        await context.set_offline(False)
        await expect(total).to_contain_text(signed_out, timeout=15_000)
        found = await judge(page, f"signed-out-{locale}", widths=(PHONE,), axe_source=axe())
    async with serving(case, port):
        await context.add_cookies([{"name": name, "value": who.cookies[name], "url": base}])
        await page.evaluate("dispatchEvent(new Event('focus'))")
        left = box.locator("[data-state=chosen], [data-state=waits], [data-state=sending]")
        await expect(left).to_have_count(0, timeout=30_000)
        for _ in range(100):
            await case.looks()
            if await box.get_by_text(clean).count():
                break
            await asyncio.sleep(0.1)
        await expect(box.locator("[data-part^=documents]")).to_contain_text("CD")
        found += await judge(page, f"uploads-{locale}", widths=WIDTHS, axe_source=axe())
        await box.locator("[data-part^=documents] a[href$='/files']").click()
        found += await judge(page, f"files-{locale}", widths=(PHONE, DESK), axe_source=axe())
        await page.locator(".c-files a[href$='/read']").first.click()
        await page.locator(".c-viewer__files [rel=next]").click()
        await expect(page.locator("h1")).to_have_text("photo.bmp")
        if locale == "ar":  # the viewer is judged from left to right below
            found += await judge(page, f"looking-through-{locale}", widths=(PHONE, DESK), axe_source=axe())
        assert not found, "\n".join(map(str, found))
        if keeps:
            await page.goto(f"{at}/imaging")
            await page.evaluate(OLD)
            assert not await nothing_left(page)
            await page.reload()
            await eventually(lambda: nothing_left(page))
    rows_of = "SELECT path, verdict, reason FROM documents WHERE item_id = $1 AND path IS NOT NULL ORDER BY path"
    assert [tuple(row.values()) for row in await case.records.fetch(rows_of, item)] == [
        ("CD/DICOM/IM1", "clean", None), ("CD/DICOM/IM2", "clean", None), ("CD/letter.pdf", "clean", None),
        ("CD/photo.bmp", "clean", None),
    ]  # fmt: skip
    [document] = (await case.item("imaging"))["documents"]
    assert (document["name"], document["verdict"], document["arrival"], document["came"]) == ("CD", "clean", "whole", 4)
    assert [words for words in said if "Failed to load resource" not in words and "net::" not in words] == []
    await context.close()


async def test_a_document_is_read_page_by_page_and_beside_another(case: Case, browser: Browser) -> None:
    first = await case.uploads("clinical_summary", pdf(pages=3, words="first"), name="original.pdf")
    await case.uploads("clinical_summary", pdf(pages=2, words="second"), name="translation.pdf")
    port = free_port()
    base, name = f"http://127.0.0.1:{port}", session_cookie(case.records.ctx.platform.public_url)
    async with serving(case, port):
        context = await signed_in(browser, base, {name: case.manager.cookies[name]})
        page = await context.new_page()
        said = complaints(page)
        await page.goto(f"{base}/desk/records/cases/{case.id}/documents/{first}/read")
        await expect(page.get_by_text("page 1 of 3")).to_be_visible()
        await page.get_by_role("link", name="Next page").press("Enter")
        await expect(page.get_by_text("page 2 of 3")).to_be_visible()
        await page.get_by_label("Go to page").fill("3")
        await page.get_by_label("Go to page").press("Enter")
        await expect(page.get_by_text("page 3 of 3")).to_be_visible()
        await page.get_by_role("link", name="Larger").click()
        await page.get_by_role("link", name="Turn").click()
        await page.get_by_label("Show beside it").select_option("translation.pdf")
        await page.get_by_role("button", name="Show").click()
        images = page.locator(".c-viewer img")
        await expect(images).to_have_count(2)
        sizes = await images.evaluate_all(
            "all => Promise.all(all.map(i => i.decode().then(() => [i.naturalWidth, i.naturalHeight])))"
        )
        assert all(wide > high for wide, high in sizes), sizes
        found = await judge(page, "viewer", axe_source=axe())
        assert not found, "\n".join(map(str, found))
        assert said == []
        await context.close()


async def test_a_line_says_at_once_what_came_and_is_decided_without_a_reload(
    case: Case, browser: Browser, tmp_path: Path
) -> None:
    port = free_port()
    base = f"http://127.0.0.1:{port}"
    case.records.ctx.platform.public_url = base
    item = (await case.item("clinical_summary"))["id"]
    (tmp_path / "first.pdf").write_bytes(pdf(words="One"))
    (tmp_path / "second.pdf").write_bytes(pdf(words="Two"))
    name = session_cookie(base)
    async with serving(case, port):
        patient = await (await signed_in(browser, base, {name: case.patient.cookies[name]})).new_page()
        await patient.goto(f"{base}/my/records/cases/{case.id}")
        line = patient.locator(f"#item-{item}")
        await expect(line.locator(".nhsuk-tag").first).to_have_text("Needed from you")
        await line.locator("input[type=file]").first.set_input_files(tmp_path / "first.pdf")
        await expect(line.locator(".c-uploads__one[data-state=here]")).to_have_count(1)
        await case.looks()
        await expect(line.locator(".nhsuk-tag").first).to_have_text("Being checked", timeout=15_000)

        desk = await (await signed_in(browser, base, {name: case.manager.cookies[name]})).new_page()
        await desk.goto(f"{base}/desk/records/cases/{case.id}")
        line = desk.locator(f"#item-{item}")
        await line.get_by_text("Add a file, such as a translation").click()
        reason = line.get_by_label("Reason, when returning or waiving")
        await reason.fill("Page 2 is missing")
        await line.get_by_label("Or choose a whole folder").wait_for()
        await line.locator("input[type=file]").first.set_input_files(tmp_path / "second.pdf")
        await expect(line.locator(".c-uploads__one[data-state=here]")).to_have_count(1)
        await case.looks()
        await expect(line.locator("[id^=document-]")).to_have_count(2, timeout=15_000)
        await expect(line.get_by_text("Language not said yet")).to_have_count(2, timeout=15_000)
        await expect(reason).to_have_value("Page 2 is missing")
        async with desk.expect_navigation():
            await line.get_by_role("button", name="Return").click()
        await expect(line.locator(".nhsuk-tag").first).to_have_text("Returned")
