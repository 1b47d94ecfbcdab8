"""Pages: templates of a service and of this package, rendered in the reader's language and direction.

``page: Page`` in a route gives ``page("invoice.html", status=200, **context)``; ``invoice.html`` is looked for in the
service's own folder ``templates/<service>/`` first.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import jinja2
from babel.dates import format_timedelta
from babel.support import NullTranslations
from fastapi import Depends, Request
from markupsafe import Markup
from starlette.responses import HTMLResponse

from shared.web.amounts import spoken
from shared.web.auth import identify
from shared.web.i18n import COOKIE, LOCALES, N_, direction, html_lang, known_locale, locale_of, translator_for
from shared.web.principals import NOBODY
from shared.web.problem import Problem
from shared.web.sections import sections_for
from shared.web.times import spoken_day, spoken_instant

_TEMPLATES = Path(__file__).parent / "templates"


class _Components(jinja2.PackageLoader):
    """nhsuk-frontend-jinja names its files ``.jinja``; ours are ``.html``: either name finds them."""

    def get_source(self, environment: jinja2.Environment, template: str) -> Any:
        return super().get_source(
            environment, template.removesuffix(".html") + ".jinja" if template.endswith(".html") else template
        )


@cache
def environment(*folders: Path) -> jinja2.Environment:
    """Return the templates of ``folders``, then ours, then nhsuk-frontend's: the same ones, compiled once, for all who ask.

    Escapes everything; unknown names chain to nothing.
    """
    ours = [jinja2.FileSystemLoader(folder) for folder in (*folders, _TEMPLATES)]
    env = jinja2.Environment(
        loader=jinja2.ChoiceLoader([*ours, _Components("nhsuk_frontend_jinja")]), autoescape=True, undefined=jinja2.ChainableUndefined,
        extensions=["jinja2.ext.i18n"], trim_blocks=True, lstrip_blocks=True, enable_async=False,
    )  # fmt: skip
    env.globals.update(
        desk_sections=sections_for,
        once_field=once_field,
        version_field=version_field,
        languages=LOCALES,
        html_lang=html_lang,
        direction=direction,
    )
    env.filters.update(money=money, when=when, day=day, ago=ago, clock=clock)
    env.install_gettext_callables(translated, _ngettext, newstyle=True)  # type: ignore[attr-defined]
    return env


def once_field() -> Markup:
    """Return the hidden field that makes a form's sending happen once (``Once``)."""
    return Markup('<input type="hidden" name="_once" value="{}">').format(secrets.token_urlsafe(18))


def version_field(version: int) -> Markup:
    """Return the hidden field by which ``Expected`` sees the version a form was drawn from."""
    return Markup('<input type="hidden" name="_version" value="{}">').format(version)


@dataclass(frozen=True, slots=True)
class Reader:
    """Whose page is being drawn: macros that were imported without the page's context look here."""

    locale: str = "en"
    translations: NullTranslations = field(default_factory=NullTranslations)
    now: datetime | None = None
    zone: str = "UTC"


_ENGLISH = Reader()
_reader: ContextVar[Reader] = ContextVar("reader", default=_ENGLISH)


@contextmanager
def reading(reader: Reader) -> Iterator[None]:
    """Draw what is drawn in the block for this reader."""
    mark = _reader.set(reader)
    try:
        yield
    finally:
        _reader.reset(mark)


class PageOf:
    """Renders templates for one request."""

    def __init__(self, request: Request) -> None:
        self._request = request

    @property
    def now(self) -> datetime:
        """The instant at which this page is drawn."""
        now: datetime = self._request.app.state.clock.now()
        return now

    def __call__(
        self,
        name: str,
        *,
        status: int = 200,
        headers: dict[str, str] | None = None,
        form_action: Sequence[str] = (),
        keeps_language: bool = True,
        **context: Any,
    ) -> HTMLResponse:
        """Return the page. ``form_action`` names other origins that its forms may lead to (a payment page).

        A language that ``?lang=`` chose is kept in a cookie, unless the page promises to keep nothing.
        """
        if form_action:
            self._request.state.form_action = tuple(form_action)
        response = HTMLResponse(self.text(name, **context), status, headers=headers)
        if keeps_language and (chosen := known_locale(self._request.query_params.get("lang"))):
            secure = self._request.app.state.secure
            response.set_cookie(COOKIE, chosen, max_age=31536000, httponly=True, samesite="lax", secure=secure)
        return response

    def text(self, name: str, **context: Any) -> str:
        """Return the rendered template."""
        state = self._request.app.state
        env: jinja2.Environment = state.templates
        service = state.service_name
        template = env.select_template([f"{service}/{name}", name])
        locale = locale_of(self._request)
        common = {
            "request": self._request, "who": getattr(self._request.state, "principal", NOBODY), "locale": locale, "dir": direction(locale),
            "nonce": getattr(self._request.state, "nonce", ""), "static": state.assets.url, "service": service,
            "translations": translator_for(self._request), "language_link": _language_link(self._request), "now": state.clock.now(),
            "development": state.development,
        }  # fmt: skip
        with reading(Reader(locale, common["translations"], common["now"], state.office_zone)):
            return template.render({**common, **context})


async def page_of(request: Request) -> PageOf:
    """Return the renderer for this request, once it is known who reads."""
    await identify(request)
    return PageOf(request)


Page = Annotated[PageOf, Depends(page_of)]


def error_page(request: Request, problem: Problem) -> HTMLResponse:
    """Return a problem as a page in plain words (a fragment of it for htmx)."""
    headers = dict(problem.headers or {})
    name = "error_fragment.html" if "hx-request" in request.headers else "error.html"
    return PageOf(request)(name, status=problem.status_code, headers=headers, problem=problem)


def translated(message: str) -> str:
    """Return a sentence in the words of whoever the page is being drawn for."""
    return str(_reader.get().translations.ugettext(message))


def _ngettext(one: str, many: str, count: int) -> str:
    return str(_reader.get().translations.ungettext(one, many, count))


def money(amount: Any, currency: str | None = None) -> str:
    """Return an exact amount in the reader's notation: ``{{ price|money }}`` or ``{{ minor|money("USD") }}``."""
    minor, code = (amount, currency) if currency else (amount.amount_minor, amount.currency)
    return spoken(int(minor), str(code), _reader.get().locale)


def when(at: datetime | None, zone: str = "") -> Markup:
    """Return an instant with its zone, the office's unless another is given, in words, as ``<time>``."""
    reader = _reader.get()
    return Markup("–") if at is None else _when(at, zone or reader.zone, reader.locale)


@lru_cache(maxsize=4096)  # fifty desks look at the same rows, and a date in words is most of what a row costs
def _when(at: datetime, zone: str, locale: str) -> Markup:
    return _time(at, spoken_instant(at, ZoneInfo(zone), locale))


def day(at: date | datetime | None) -> Markup:
    """Return a date, or an instant's date by the office's clock, in words, as ``<time>``."""
    if at is None:
        return Markup("–")
    reader = _reader.get()
    on = at.astimezone(ZoneInfo(reader.zone)) if isinstance(at, datetime) else at
    return _time(at, spoken_day(on, reader.locale))


def ago(at: datetime | None) -> Markup:
    """Return how far an instant is from now: ``in 2 days``, ``3 hours ago``, ``just now`` within a minute."""
    if at is None:
        return Markup("–")
    reader = _reader.get()
    away = at - (reader.now or at)
    if abs(away) < timedelta(minutes=1):
        return _time(at, translated(N_("just now")))
    return _time(at, format_timedelta(away, add_direction=True, locale=reader.locale))


def clock(due: datetime) -> str:
    """Return how much time is left, or how late it is, in the desk's English: ``in 3 h 10 min``, ``late by 2 d 4 h``."""
    left = due - (_reader.get().now or due)
    minutes = abs(left) // timedelta(minutes=1)
    hours = minutes // 60
    many = f"{hours // 24} d {hours % 24} h" if hours >= 48 else f"{hours} h {minutes % 60} min" if hours else ""
    few = f"{minutes} min" if minutes else "under 1 min"
    return f"{'in' if left > timedelta(0) else 'late by'} {many or few}"


def _time(at: date | datetime, text: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), text)


def _language_link(request: Request) -> Callable[[str], str]:
    return lambda locale: f"?{request.url.include_query_params(lang=locale).query}"
