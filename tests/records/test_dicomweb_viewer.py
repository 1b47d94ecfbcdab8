"""A viewer that isn't ours (dwv, from npm) opens a case in the browser: it searches, loads and draws by DICOMweb alone (R25)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser, Route

from services.records.imaging.headers import read_header
from services.records.store import cases, imaging
from shared.settings import PlatformSettings
from shared.web.identity import session_cookie
from tests.pages.browser import launched, listening, signed_in
from tests.records import cd
from tests.records.conftest import Case

PAGE = """<!DOCTYPE html><title>A hospital's viewer</title><div id="layers" style="width:300px;height:300px"></div>
<script src="/viewer/jszip/dist/jszip.min.js"></script><script src="/viewer/magic-wand-tool/dist/magic-wand.min.js"></script>
<script type="importmap">{"imports": {"konva": "/viewer/konva/lib/index.js",
  "jszip": "data:text/javascript,export default window.JSZip", "magic-wand-tool": "data:text/javascript,export default window.MagicWand"}}
</script>
<script type="module">
import {App, AppOptions, ViewConfig} from "/viewer/dwv/dist/dwv.min.js";
const app = new App();
app.init(new AppOptions({"*": [new ViewConfig("layers")]}));
window.said = [];
for (const kind of ["error", "loadend", "renderend"]) app.addEventListener(kind, (event) => said.push(kind + (event.error ?? "")));
const at = new URL(location).searchParams.get("at");
const found = await (await fetch(`${at}/instances`, {headers: {accept: "application/dicom+json"}})).json();
app.loadURLs(found.map((one) => one["00081190"].Value[0]),
  {requestHeaders: [{name: "Accept", value: 'multipart/related; type="application/dicom"; transfer-syntax=*'}]});
</script>"""
_SHADES = """() => Math.max(0, ...[...document.querySelectorAll("#layers canvas")].map((canvas) => new Set(
  canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.filter((_, n) => n % 4 === 0)).size))"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with launched() as found:
        yield found


async def package(route: Route) -> None:
    """Answer the viewer's page, and its packages as npm installed them."""
    path = route.request.url.partition("/viewer/")[2].partition("?")[0]
    if path == "index.html":
        await route.fulfill(body=PAGE, content_type="text/html")
    else:
        await route.fulfill(path=Path(PlatformSettings().node_modules) / path, content_type="text/javascript")


async def test_a_viewer_from_npm_opens_the_case(case: Case, browser: Browser) -> None:
    file = cd.dicom_files()["test_files/CT_small.dcm"]
    document = await case.uploads("imaging", file.read_bytes(), name="IM1")
    async with case.records.ctx.db.transaction() as tx:
        await cases.hold(tx, case.id)
        await imaging.add_instances(tx, case.id, [(document, read_header(file))])
    name = session_cookie(case.records.ctx.platform.public_url)
    async with listening(case.records.app) as base:
        context = await signed_in(browser, base, {name: case.manager.cookies[name]})
        page = await context.new_page()
        await page.route("**/viewer/**", package)
        await page.goto(f"{base}/viewer/index.html?at={case.api}/dicomweb")
        await page.wait_for_function("() => window.said?.some((one) => one !== 'loadend')", timeout=30_000)
        assert "renderend" in await page.evaluate("window.said"), await page.evaluate("window.said")
        assert await page.evaluate(_SHADES) > 50
