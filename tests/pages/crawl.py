"""Every page there is: found by following links from the first pages of each kind of person, so that later pages are included."""

import html
import re
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from playwright.async_api import APIRequestContext, Browser, Page

from tests.pages.browser import PHONE, Finding, axe, axe_at_hand, complaints, judge, signed_in

IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)\d+(?=/|$)|(?<=/)[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z*~$=]")
NOT_PAGES = re.compile(
    r"^/sign-in$|^/(api|static|sign-in/callback|sign-out|link|partner)(/|$)|\.(pdf|ics|csv|zip)$|/(download|file|files|pdf|receipt)$"
)

_PARTS_COME_LATER = 'hx-trigger="load'
_TAGS = re.compile(r'<([a-z][a-z0-9-]*)(?:\s[^>]*?\bclass="([^"]*)")?')
_LINKS = re.compile(r'<a\s[^>]*?\bhref="([^"]*)"')
_LOADED = """async () => {
  for (const until = performance.now() + 30000; document.querySelector('.htmx-request') && performance.now() < until;)
    await new Promise(then => setTimeout(then, 20));
  return document.documentElement.outerHTML;
}"""


@dataclass
class Person:
    """Somebody who looks at pages: their cookies, and where they begin.

    ``visited`` is for crawls of the same person to share while nothing changes: what they have seen is not opened again.
    """

    name: str
    cookies: dict[str, str]
    start: list[str]
    lang: str = "en"
    seen: dict[str, str] = field(default_factory=dict)
    visited: set[str] = field(default_factory=set)


def shape(path: str) -> str:
    """Return a page's address without its ids: two cases' pages are one page."""
    return IDS.sub("{id}", urlsplit(path).path)


async def crawl(
    browser: Browser,
    base: str,
    person: Person,
    *,
    done: set[str] | None = None,
    at_most: int = 60,
) -> list[Finding]:
    """Visit every page that ``person`` can reach by links and return what is wrong; ``person.seen`` tells shapes and addresses.

    A page built of the same parts as one in ``done`` (in the same language) is read and not judged again.
    """
    context = await signed_in(browser, base, person.cookies)
    await context.add_init_script(axe_at_hand())
    page = await context.new_page()
    await page.set_viewport_size({"width": PHONE, "height": 900})
    said = complaints(page)
    found, todo = [], list(person.start)
    done = set() if done is None else done
    while todo and len(person.seen) < at_most:
        path = todo.pop(0)
        if shape(path) in person.seen:
            continue
        person.seen[shape(path)] = path
        if path in person.visited:
            continue
        person.visited.add(path)
        where = f"{person.name}{shape(path)}"
        address = _address(base, path, person.lang)
        status, text = await _read(context.request, address)
        if status >= 400:
            found.append(Finding(where, [f"answers {status} to {path}"]))
            continue
        if not text:
            continue
        if _PARTS_COME_LATER in text:
            text = await _opened(page, address)
        build = f"{person.lang} {shape(path)} {hash(tuple(_TAGS.findall(text)))}"
        if build not in done:
            done.add(build)
            if page.url != address:
                await _opened(page, address)
            translated = person.lang != "en"
            found += await judge(page, f"{where}-{person.lang}", axe_source=axe(), only_other_words=translated)
        if said:
            found.append(Finding(where, sorted(set(said))))
            said.clear()
        todo += [urlsplit(link).path for link in map(html.unescape, _LINKS.findall(text)) if _is_page(base, link)]
    await context.close()
    return [*found, *_left(person, todo)]


def _left(person: Person, todo: list[str]) -> list[Finding]:
    """Return a finding when there were more pages than were to be visited."""
    left = sorted({shape(path) for path in todo} - person.seen.keys())
    return [Finding(person.name, [f"too many pages: nobody looked at {', '.join(left)}"])] if left else []


async def _read(request: APIRequestContext, address: str) -> tuple[int, str]:
    """Return a page's status and text; nothing of a download."""
    answer = await request.get(address)
    is_page = answer.headers.get("content-type", "").startswith("text/html")
    return answer.status, await answer.text() if is_page and "content-disposition" not in answer.headers else ""


async def _opened(page: Page, address: str) -> str:
    """Open a page, wait for its parts, and return what it is built of by then."""
    await page.goto(address, wait_until="load")
    text: str = await page.evaluate(_LOADED)
    return text


def _address(base: str, path: str, lang: str) -> str:
    return urljoin(base, path) + ("" if lang == "en" else f"?lang={lang}")


def _is_page(base: str, link: str) -> bool:
    whole = urlsplit(urljoin(base + "/", link))
    return link.startswith("/") and whole.netloc == urlsplit(base).netloc and not NOT_PAGES.search(whole.path)
