"""The front door: the first page, and the explorer that answers before anybody says who they are (M1)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from babel.dates import format_time, get_day_names, get_timezone_name
from babel.lists import format_list
from fastapi import APIRouter, Request
from fastapi.responses import Response

from services.intake.exploring import Choices, explore
from services.intake.pages.choices import countries, languages
from shared import programme
from shared.programme import OfficeCalendar
from shared.web import Ctx, Form, Page, anyone, locale_of
from shared.web.i18n import known_locale

router = APIRouter(include_in_schema=False, dependencies=[anyone()])
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@router.get("/")
async def first_page(request: Request, page: Page, ctx: Ctx) -> Response:
    rules = programme.current(ctx.settings.programme)
    locale = locale_of(request)
    return page(
        "start.html", rules=rules, countries=dict(countries(locale)), hours=office_hours(locale, rules.calendar)
    )


@router.get("/explore")
async def explorer(request: Request, page: Page, ctx: Ctx) -> Response:
    """Answer from the address alone: nothing is stored, no cookie is set, and no log or trace names the choices.

    htmx gets the answer without the form, and the address that shares it.
    """
    locale, asked = locale_of(request), request.query_params
    rules = programme.current(ctx.settings.programme)
    spoken, named = dict(languages(locale)), dict(countries(locale))
    choices = Choices.read(asked.getlist, rules, set(named), set(spoken))
    lang = known_locale(asked.get("lang"))
    context: dict[str, Any] = {
        "rules": rules,
        "choices": choices,
        "outlook": explore(rules, choices, locale),
        "countries": named,
        "languages_offered": spoken,
        "lang": lang,
        "hours": office_hours(locale, rules.calendar),
    }
    if "hx-request" in request.headers:
        here = f"/explore?{choices.query(lang=lang)}"
        headers = {"HX-Replace-Url": here, "Vary": "HX-Request"}
        return page("explore_answer.html", headers=headers, keeps_language=False, **context)
    picked = {name: getattr(choices, name) or "" for name in ("cancer_type", "country", "language")}
    shown = Form[Any].blank(service=choices.services, **picked)
    return page("explore.html", headers={"Vary": "HX-Request"}, keeps_language=False, form=shown, **context)


@lru_cache(maxsize=32)
def office_hours(locale: str, calendar: OfficeCalendar) -> str:
    """Return when the office answers, such as "Mon, Tue, Wed, Thu, and Fri · 9:00 AM – 5:00 PM · Eastern Time" (R10)."""
    names = get_day_names("abbreviated", locale=locale)
    days = format_list([names[_WEEKDAYS.index(day)] for day in calendar.days], locale=locale)
    opens, closes = (format_time(hour, "short", locale=locale) for hour in (calendar.opens, calendar.closes))
    return f"{days} · {opens} – {closes} · {get_timezone_name(ZoneInfo(calendar.zone), locale=locale)}"
