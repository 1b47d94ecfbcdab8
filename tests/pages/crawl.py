"""Every page there is: found by following links from the first pages of each kind of person, so that later pages are included."""

import re
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

from playwright.async_api import Browser, Error

from tests.pages.browser import DESK, PHONE, Finding, axe, complaints, judge, signed_in

IDS = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=/)\d+(?=/|$)|(?<=/)[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z*~$=]")
NOT_PAGES = re.compile(
    r"^/sign-in$|^/(api|static|sign-in/callback|sign-out|link|partner)(/|$)|\.(pdf|ics|csv|zip)$|/(download|file|files|pdf|receipt)$"
)

_BUILD = "() => [...document.querySelectorAll('body *')].map(e => e.tagName + '.' + e.getAttribute('class')).join(' ')"
"""What a page is built of, whatever its words: two stages of a case often differ in words alone."""


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

    A page built of the same parts as one in ``done`` (in the same language) is visited and not judged again.
    """
    context = await signed_in(browser, base, person.cookies)
    page = await context.new_page()
    said = complaints(page)
    source, found, todo = axe(), [], list(person.start)
    done = set() if done is None else done
    while todo and len(person.seen) < at_most:
        path = todo.pop(0)
        if shape(path) in person.seen:
            continue
        person.seen[shape(path)] = path
        if path in person.visited:
            continue
        person.visited.add(path)
        said.clear()
        try:
            answer = await page.goto(_address(base, path, person.lang), wait_until="load")
        except Error as refused:
            if "Download is starting" in refused.message:
                continue
            raise
        await page.wait_for_function("() => !document.querySelector('.htmx-request')")
        where = f"{person.name}{shape(path)}"
        if answer is None or answer.status >= 400:
            found.append(Finding(where, [f"answers {answer.status if answer else 'nothing'} to {path}"]))
            continue
        build = f"{person.lang} {shape(path)} {hash(await page.evaluate(_BUILD))}"
        if build not in done:
            done.add(build)
            audited = (
                (PHONE, DESK) if person.lang == "en" else (PHONE,)
            )  # another language is the same page in other words
            found += await judge(page, f"{where}-{person.lang}", audited=audited, axe_source=source)
        if said:
            found.append(Finding(where, sorted(set(said))))
        links = await page.eval_on_selector_all("a[href]", "all => all.map(a => a.getAttribute('href'))")
        todo += [urlsplit(link).path for link in links if _is_page(base, link)]
    await context.close()
    return found


def _address(base: str, path: str, lang: str) -> str:
    return urljoin(base, path) + ("" if lang == "en" else f"?lang={lang}")


def _is_page(base: str, link: str) -> bool:
    whole = urlsplit(urljoin(base + "/", link))
    return link.startswith("/") and whole.netloc == urlsplit(base).netloc and not NOT_PAGES.search(whole.path)
