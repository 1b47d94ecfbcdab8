"""Pages: templates of a service and of this package, rendered in the reader's language and direction.

``page: Page`` in a route gives ``page("invoice.html", status=200, **context)``; ``invoice.html`` is looked for in the
service's own folder ``templates/<service>/`` first.
"""

import secrets
from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import jinja2
from babel.dates import format_date, format_datetime, format_time, format_timedelta, get_timezone_name
from babel.numbers import format_currency, get_currency_precision
from fastapi import Depends, Request
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse

from shared.web.auth import NOBODY, identify
from shared.web.i18n import COOKIE, LOCALES, direction, html_lang, known_locale, locale_of, translator_for
from shared.web.problem import Problem
from shared.web.sections import sections_for

_TEMPLATES = Path(__file__).parent / "templates"
_CODE_FIRST = "¤¤\u00a0#,##0.00"


class _Components(jinja2.PackageLoader):
    """nhsuk-frontend-jinja names its files ``.jinja``; ours are ``.html``: either name finds them."""

    def get_source(self, environment: jinja2.Environment, template: str) -> Any:
        return super().get_source(
            environment, template.removesuffix(".html") + ".jinja" if template.endswith(".html") else template
        )


def environment(*folders: Path) -> jinja2.Environment:
    """Return the templates of ``folders``, then ours, then nhsuk-frontend's. Escapes everything; unknown names chain to nothing."""
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
    env.filters.update(money=money, when=when, day=day, ago=ago)
    env.install_gettext_callables(_gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]
    return env


def once_field() -> Markup:
    """Return the hidden field that makes a form's sending happen once (``Once``)."""
    return Markup('<input type="hidden" name="_once" value="{}">').format(secrets.token_urlsafe(18))


def version_field(version: int) -> Markup:
    """Return the hidden field by which ``Expected`` sees the version a form was drawn from."""
    return Markup('<input type="hidden" name="_version" value="{}">').format(version)


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
        **context: Any,
    ) -> HTMLResponse:
        """Return the page. ``form_action`` names other origins that its forms may lead to (a payment page)."""
        if form_action:
            self._request.state.form_action = tuple(form_action)
        response = HTMLResponse(self.text(name, **context), status, headers=headers)
        if chosen := known_locale(self._request.query_params.get("lang")):
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


@jinja2.pass_context
def _gettext(context: jinja2.runtime.Context, message: str) -> str:
    translations = context.get("translations")
    return str(translations.ugettext(message)) if translations else message


@jinja2.pass_context
def _ngettext(context: jinja2.runtime.Context, one: str, many: str, count: int) -> str:
    translations = context.get("translations")
    return str(translations.ungettext(one, many, count)) if translations else (one if count == 1 else many)


@jinja2.pass_context
def money(context: jinja2.runtime.Context, amount: Any, currency: str | None = None) -> str:
    """Return an exact amount in the reader's notation: ``{{ price|money }}`` or ``{{ minor|money("USD") }}``."""
    minor, code = (amount, currency) if currency else (amount.amount_minor, amount.currency)
    precision = get_currency_precision(str(code))
    locale = context.get("locale") or "en"
    if direction(locale) == "rtl":  # a symbol beside digits would be drawn mirrored: the code, and left to right
        return f"\u2066{format_currency(_scaled(int(minor), precision), str(code), _CODE_FIRST, locale=locale)}\u2069"
    return format_currency(_scaled(int(minor), precision), str(code), locale=locale)


def _scaled(minor: int, precision: int) -> Any:
    return Decimal(minor).scaleb(-precision)


@jinja2.pass_context
def when(context: jinja2.runtime.Context, at: datetime | None, zone: str = "UTC") -> Markup:
    """Return an instant with its zone, as ``<time>``."""
    if at is None:
        return Markup("–")
    local, locale = at.astimezone(ZoneInfo(zone)), context.get("locale") or "en"
    if locale == "en":
        return _time(at, format_datetime(local, "d MMM y, HH:mm zzz", locale=locale))
    clock = format_time(local, "short", locale=locale, tzinfo=local.tzinfo)
    return _time(at, f"{format_date(local, 'long', locale)} {clock} {_zone(local, locale)}")


def _zone(local: datetime, locale: str) -> str:
    """Return the zone's short name, or its long one where the language has no short one but an offset."""
    short = get_timezone_name(local, "short", locale=locale)
    return get_timezone_name(local, "long", locale=locale) if short.startswith(("+", "-")) else short


@jinja2.pass_context
def day(context: jinja2.runtime.Context, at: Any) -> Markup:
    """Return a date, or the date of an instant, in words, as ``<time>``."""
    if at is None:
        return Markup("–")
    return _time(at, format_date(at, "long", locale=context.get("locale") or "en"))


@jinja2.pass_context
def ago(context: jinja2.runtime.Context, at: datetime | None) -> Markup:
    """Return how far an instant is from now: ``in 2 days``, ``3 hours ago``."""
    if at is None:
        return Markup("–")
    now: datetime = context["now"]
    return _time(at, format_timedelta(at - now, add_direction=True, locale=context.get("locale") or "en"))


def _time(at: Any, text: str) -> Markup:
    return Markup('<time datetime="{}">{}</time>').format(at.isoformat(), escape(text))


def _language_link(request: Request) -> Callable[[str], str]:
    return lambda locale: f"?{request.url.include_query_params(lang=locale).query}"
