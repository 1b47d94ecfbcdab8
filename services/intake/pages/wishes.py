"""The form by which a call back is asked for: by staff, on a case's page, or by somebody who has asked for nothing yet (R11)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from typing import ClassVar, Literal

from services.intake.contact import rules
from services.intake.contact.call_backs import Wish
from services.intake.domain import Refused
from services.intake.values import Language, Phone
from services.intake.zones import Zone
from shared.programme import Programme
from shared.web import N_, Form, Incoming

Translate = Callable[[str], str]
LATEST = timedelta(days=62)


class Wishing(Incoming):
    """Language, number, the place whose clock counts, and when. `confirmed`: the doubts about the time were read."""

    sentences: ClassVar[dict[str, str]] = {
        "language": N_("Choose the language in which we are to call"),
        "phone": N_("Enter a phone number with its country code, like +44 20 7946 0000"),
        "zone": N_("Choose the place whose clock you go by"),
        "moment": N_("Say when we are to call"),
        "on": N_("Enter a real date, such as 27 3 1978"),
        "at": N_("Enter the time, such as 14:30"),
    }
    language: Language
    phone: Phone
    zone: Zone
    moment: Literal["soonest", "at"]
    on: date | None = None
    at: time | None = None
    interpreter: Literal["yes"] | None = None
    confirmed: Literal["yes"] | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked for: a wish to book, or doubts to read first, or neither (the form says what to mend).

    `suggested` is the next time at which a call could be made instead.
    """

    wish: Wish | None = None
    doubts: tuple[str, ...] = ()
    suggested: datetime | None = None


def read_wish(form: Form[Wishing], rules_of: Programme, now: datetime, _: Translate, *, strict: bool) -> Asked:
    """Return what was asked for. `strict`: only staff may choose a time at which the office is closed."""
    if not form.valid:
        return Asked()
    asked = form.model
    wish = Wish(asked.language, asked.phone, asked.zone, None, asked.interpreter == "yes")
    if asked.moment == "soonest":
        soonest = rules.soonest(rules_of.calendar, rules_of.call_backs, asked.zone, now)
        night = [] if asked.confirmed else rules.doubts(rules_of.calendar, rules_of.call_backs, asked.zone, soonest)
        return Asked(wish, tuple(map(_, night)), soonest)
    at = _wished(form, asked, now, _)
    if at is None:
        return Asked(suggested=rules.soonest(rules_of.calendar, rules_of.call_backs, asked.zone, now))
    better = rules.soonest(rules_of.calendar, rules_of.call_backs, asked.zone, at)
    if strict and not rules.office_answers(rules_of.calendar, at):
        form.refuse("at", _(N_("Nobody is in the office at that time. Choose another time.")))
        return Asked(suggested=better)
    doubts = [] if asked.confirmed else rules.doubts(rules_of.calendar, rules_of.call_backs, asked.zone, at)
    return Asked(replace(wish, at=at), tuple(map(_, doubts)), better)


def _wished(form: Form[Wishing], asked: Wishing, now: datetime, _: Translate) -> datetime | None:
    if asked.on is None:
        form.refuse("on", _(N_("Enter the day, such as 27 3 2027")))
    if asked.at is None:
        form.refuse("at", _(N_("Enter the time, such as 14:30")))
    if asked.on is None or asked.at is None:
        return None
    try:
        at = rules.instant_of(asked.on, asked.at, asked.zone)
    except Refused as refused:
        form.refuse("at", _(str(refused)))
        return None
    if not now < at < now + LATEST:
        form.refuse("on", _(N_("Choose a time that is still to come, within the next two months.")))
        return None
    return at
