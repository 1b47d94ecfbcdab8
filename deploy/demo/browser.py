"""The steps that a person takes in a browser: the request form, the link in the mail, the quote, the desks."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Error, Page, sync_playwright

from deploy.demo.askers import Answers
from deploy.demo.people import Person, WentWrong, link_in
from deploy.demo.places import Places
from deploy.local.places import chromium_path

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
WAIT_MS = 30_000


@contextmanager
def chromium() -> Iterator[Browser]:
    """Lend a headless browser. Raises ``WentWrong`` saying how to get one."""
    with sync_playwright() as driver:
        try:
            browser = driver.chromium.launch(executable_path=chromium_path(), args=FLAGS)
        except Error as missing:
            raise WentWrong(
                "no Chromium here: install one (Debian: apt-get install chromium; elsewhere: playwright install chromium)"
            ) from missing
        try:
            yield browser
        finally:
            browser.close()


class Window:
    """One person's browser window."""

    def __init__(self, browser: Browser, places: Places, person: Person | None = None) -> None:
        self._places = places
        context = browser.new_context(base_url=places.pages)
        context.set_default_timeout(WAIT_MS)
        if person is not None:
            context.add_cookies(person.cookies())  # type: ignore[arg-type]
        self.page: Page = context.new_page()

    def open(self, path: str) -> None:
        """Go to a page."""
        self.page.goto(path, wait_until="domcontentloaded")

    def fill(self, **answers: str | list[str]) -> None:
        """Answer the questions of the form in sight, by field name (``__`` stands for ``-``)."""
        for name, answer in answers.items():
            for one in [answer] if isinstance(answer, str) else answer:
                self._answer(name.replace("__", "-"), one)

    def press(self, words: str | None = None) -> None:
        """Press the form's button, or the one that says ``words``, and wait for the next page."""
        buttons = self.page.locator("main button")
        button = buttons.filter(has_text=words) if words else buttons.last
        with self.page.expect_navigation(wait_until="domcontentloaded"):
            button.first.click()
        if self.page.locator(".nhsuk-error-summary").count():
            raise WentWrong(f"{self.page.url}: {self.page.locator('.nhsuk-error-summary').inner_text()}")

    def _answer(self, name: str, value: str) -> None:
        fields = self.page.locator(f'main [name="{name}"]')
        kind = fields.first.evaluate("e => e.tagName === 'SELECT' ? 'select' : e.type")
        if kind == "select":
            fields.first.select_option(value)
        elif kind in ("radio", "checkbox"):
            self.page.locator(f'main [name="{name}"][value="{value}"]').check(force=True)
        else:
            fields.first.fill(value)


def begin_request(window: Window) -> None:
    """Open the form and read the emergency notice."""
    window.open("/request/start")
    _past_the_notice(window)


def begin_for_caller(desk: Window) -> None:
    """Open the form at the desk for somebody on the telephone, and read the emergency notice to them."""
    desk.open("/desk/requests/new?channel=phone")
    desk.press("Start the form")
    _past_the_notice(desk)


def _past_the_notice(window: Window) -> None:
    window.fill(emergency_read="yes")
    window.press()


def fill_and_send(window: Window, answers: Answers, **at_the_end: str) -> None:
    """Answer the form that was begun, a question a page, then what is asked ``at_the_end``, and send it."""
    draft = window.page.url.rsplit("/", 1)[0]
    for question, given in answers.items():
        if not window.page.url.endswith(f"/{question}"):
            window.open(f"{draft}/{question}")
        window.fill(**given)
        window.press()
    window.open(f"{draft}/check")
    window.fill(**at_the_end)
    window.press()


def send_files(window: Window, case_id: str, files: dict[str, tuple[str, str, bytes]]) -> None:
    """Choose files on the checklist's page, each for an item by its id; they begin to go at once. (name, media type, bytes)"""
    window.open(f"/my/records/cases/{case_id}")
    for item_id, (name, kind, content) in files.items():
        form = window.page.locator(f'form[data-item="{item_id}"]')
        form.locator(".c-uploads__box").wait_for(state="attached")
        form.locator("input[type=file]").first.set_input_files({"name": name, "mimeType": kind, "buffer": content})
        form.locator(".c-uploads__one").first.wait_for()


def open_link(window: Window, message: dict[str, object]) -> None:
    """Follow a mail's link and press its button."""
    window.open(link_in(message))
    window.press()


def claim_first_request(window: Window, number: str) -> None:
    """Take the case from the advisor's queue, as one does at the desk."""
    window.open("/desk/intake/queues/requests")
    row = window.page.locator("tr", has_text=number)
    with window.page.expect_response(lambda answer: "/claim" in answer.url):
        row.locator("button").first.click()
