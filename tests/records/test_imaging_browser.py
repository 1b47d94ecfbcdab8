"""A case's scans in a real browser: by keys, wheel, slider and window, on a phone and from right to left, with nothing for axe."""

from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import pydicom
import pytest
from playwright.async_api import Browser, Page, expect

from services.records.imaging.headers import read_header
from services.records.store import cases, imaging
from shared.web.identity import session_cookie
from tests.pages.browser import axe, complaints, judge, launched, listening, signed_in
from tests.records import cd
from tests.records.conftest import Case

COUNT = 12
SERIES = "1.2.3.4"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with launched() as found:
        yield found


@pytest.fixture
async def scan(case: Case, tmp_path: Path) -> list[UUID]:
    """A CT of twelve slices, thick ones, so that a defect is shown too."""
    documents = []
    for n in range(COUNT):
        made = pydicom.dcmread(cd.dicom_files()["test_files/CT_small.dcm"])
        made.SeriesInstanceUID, made.SOPInstanceUID, made.InstanceNumber = SERIES, f"1.2.3.4.{n + 1}", n + 1
        made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
        made.ImagePositionPatient, made.SliceThickness, made.SeriesDescription = [0, 0, 8.0 * n], 8, "Thorax"
        made.save_as(tmp_path / f"IM{n}")
        documents.append(await case.uploads("imaging", (tmp_path / f"IM{n}").read_bytes(), name=f"IM{n}"))
    headers = [read_header(tmp_path / f"IM{n}") for n in range(COUNT)]
    async with case.records.ctx.db.transaction() as tx:
        await cases.hold(tx, case.id)
        await imaging.add_instances(tx, case.id, list(zip(documents, headers, strict=True)))
    return documents


async def shows(page: Page, number: int) -> None:
    await expect(page.locator("[data-stack]")).to_have_attribute("data-shown", str(number), timeout=30_000)
    width = await page.locator(".c-stack__picture img").evaluate("image => image.naturalWidth")
    assert width == 128


async def test_the_desk_moves_through_a_series(case: Case, scan: list[UUID], browser: Browser) -> None:
    name = session_cookie(case.records.ctx.platform.public_url)
    async with listening(case.records.app) as base:
        context = await signed_in(browser, base, {name: case.manager.cookies[name]})
        page = await context.new_page()
        said = complaints(page)
        await page.goto(f"{base}/desk/records/cases/{case.id}/imaging")
        assert not await judge(page, "desk-scans", axe_source=axe())
        await page.get_by_role("link", name="CT Thorax").click()
        await shows(page, 1)
        picture = page.locator(".c-stack__picture")
        await picture.focus()
        await page.keyboard.press("ArrowDown")
        await shows(page, 2)
        await page.keyboard.press("End")
        await shows(page, COUNT)
        await page.keyboard.press("ArrowLeft")
        await shows(page, COUNT - 1)
        await picture.hover()
        await page.mouse.wheel(0, -100)
        await shows(page, COUNT - 2)
        await page.get_by_label("Image", exact=True).fill("3")
        await shows(page, 3)
        async with page.expect_response(lambda answer: "window=lung" in answer.url):
            await page.get_by_label("Brightness and contrast").select_option("lung")
        await expect(page.locator("output")).to_have_text("Image 3 of 12")
        assert not await judge(page, "desk-series", axe_source=axe())
        assert said == []


async def test_the_patient_looks_from_right_to_left_on_a_phone_and_without_script(
    case: Case, scan: list[UUID], browser: Browser
) -> None:
    name = session_cookie(case.records.ctx.platform.public_url)
    async with listening(case.records.app) as base:
        context = await signed_in(browser, base, {name: case.patient.cookies[name]})
        page = await context.new_page()
        await page.goto(f"{base}/my/records/cases/{case.id}/imaging?lang=ar")
        await expect(page.get_by_text("سماكة شرائح هذا الفحص 8.0 مم")).to_be_visible()
        assert not await judge(page, "my-scans-ar", axe_source=axe())
        await page.goto(f"{base}/my/records/cases/{case.id}/imaging/series/{SERIES}?lang=ar")
        await shows(page, 1)
        await page.locator(".c-stack__picture").focus()
        await page.keyboard.press("ArrowLeft")  # onwards, where one reads from the right
        await shows(page, 2)
        assert not await judge(page, "my-series-ar", axe_source=axe())

        plain = await signed_in(browser, base, {name: case.patient.cookies[name]}, scripts=False)
        page = await plain.new_page()
        await page.goto(f"{base}/my/records/cases/{case.id}/imaging/series/{SERIES}")
        await page.get_by_role("link", name="Next image").click()
        await expect(page.get_by_role("img")).to_have_attribute("alt", "Image 2 of 12")
        assert (
            await page.locator(".c-stack__picture img").evaluate("image => image.complete && image.naturalWidth") == 128
        )
