"""Chromium for tests: pages at the widths people have, judged by axe, with a screenshot of each to look at."""

import asyncio
import contextlib
import os
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import uvicorn
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from deploy.local.places import chromium_path
from shared.settings import PlatformSettings

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
PHONE, TABLET, DESK = WIDTHS = 320, 768, 1280
SCREENS = Path(".consilium") / "screens"
_MEASURED = ("color-contrast", "target-size")
AXE_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]

_AXE_AT_HAND = "() => { if (!window.axe && window.bringAxe) window.bringAxe(); return !!window.axe; }"
_AUDIT = """async ([tags, spared]) => {
  const rules = Object.fromEntries(spared.map(rule => [rule, {enabled: false}]));
  const found = await axe.run(document, {runOnly: {type: "tag", values: tags}, rules, resultTypes: ["violations"]});
  return found.violations.map(v => `${v.id} (${v.impact}): ${v.help}: ${v.nodes.map(n => n.target.join(" ")).slice(0, 4).join(" | ")}`);
}"""
_SETTLED = """async () => {
  const busy = () => document.querySelector('.htmx-request, .htmx-swapping, .htmx-settling, .htmx-added')
    || document.getAnimations().some(a => a.playState === "running");
  const until = performance.now() + 30000;
  await document.fonts.ready;
  while (busy()) {
    if (performance.now() > until) return ["never comes to rest"];
    await new Promise(then => setTimeout(then, 20));
  }
  const wide = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= wide) return [];
  const scrolls = e => { for (let p = e.parentElement; p; p = p.parentElement)
    if (["auto", "scroll", "hidden", "clip"].includes(getComputedStyle(p).overflowX) && p.matches("body *")) return true; return false; };
  const out = [...document.querySelectorAll("body *")].filter(e => { const r = e.getBoundingClientRect();
    return r.width && (r.right > wide + 1 || r.left < -1) && !scrolls(e) && getComputedStyle(e).position !== "absolute"; });
  return out.slice(0, 4).map(e => `${e.tagName.toLowerCase()}.${e.className}: wider than the ${wide} px screen`);
}"""
"""What is wider than the screen, once the page is at rest: half faded in, a text has half its contrast."""


def axe() -> str:
    """Return axe-core's source."""
    return (PlatformSettings().node_modules / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


def axe_at_hand() -> str:
    """Return a script for every page of a context that spares sending axe to each; it is read when it is needed."""
    return f"window.bringAxe = () => {{ {axe()}\n}}"


@asynccontextmanager
async def launched() -> AsyncIterator[Browser]:
    """Lend a browser."""
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def listening(app: Any, *, lifespan: str = "off") -> AsyncIterator[str]:
    """Serve an ASGI application on a free port of this machine, in this event loop, and yield its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(
        uvicorn.Config(
            app,
            host="127.0.0.1",
            port=port,
            log_config=None,
            lifespan=lifespan,
            interface="asgi3",
            timeout_graceful_shutdown=1,
        )  # type: ignore[arg-type,unused-ignore]
    )
    server.install_signal_handlers = lambda: None  # type: ignore[method-assign,attr-defined,unused-ignore]
    running = asyncio.create_task(server._serve())
    while not server.started:
        assert not running.done(), "the server did not start"
        await asyncio.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await running


@dataclass
class Finding:
    """What is wrong with one page at one width."""

    where: str
    what: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.where}\n    " + "\n    ".join(self.what)


async def judge(
    page: Page, name: str, *, widths: Sequence[int] = WIDTHS, audited: Sequence[int] = (PHONE, DESK), axe_source: str,
    only_other_words: bool = False,
) -> list[Finding]:  # fmt: skip
    """Return what axe finds at the ``audited`` widths, and what is wider than any screen of ``widths``.

    A page that has ``only_other_words`` than one that was judged needn't have its colours and targets measured again on
    a desk: that is most of axe's time. With CONSILIUM_SCREENS set, leaves a screenshot per width.
    """
    findings = []
    if not await page.evaluate(_AXE_AT_HAND):
        await page.evaluate(axe_source)
    shown = (page.viewport_size or {}).get("width")
    for width in sorted(widths, reverse=shown == max(widths)):
        if width != shown:
            await page.set_viewport_size({"width": width, "height": 900})
        what = list(await page.evaluate(_SETTLED))
        if width in audited:  # a tablet's page is built as one of the others
            spared = _MEASURED if only_other_words and width == DESK else ()
            what += await page.evaluate(_AUDIT, [AXE_RULES, spared])
        if "CONSILIUM_SCREENS" in os.environ:
            SCREENS.mkdir(parents=True, exist_ok=True)
            file = re.sub(r"[^\w-]+", "-", name).strip("-")[:120]
            await page.screenshot(path=SCREENS / f"{file}-{width}.png", full_page=True)
        if what:
            findings.append(Finding(f"{name} at {width} px ({urlsplit(page.url).path})", what))
    return findings


async def signed_in(
    browser: Browser, base: str, cookies: dict[str, str], *, locale: str = "en-GB", scripts: bool = True
) -> BrowserContext:
    """Return a browser context that carries cookies; whatever the content policy refuses ends in ``context.refused``."""
    context = await browser.new_context(locale=locale, java_script_enabled=scripts)
    await context.add_cookies([{"name": name, "value": value, "url": base} for name, value in cookies.items()])
    return context


def complaints(page: Page) -> list[str]:
    """Return a list that fills with what the page's console says is wrong (scripts, refused content, failed requests)."""
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    return said
