"""A quote as its reader sees it, in their language: the same words on the page, in the advisor's preview and in the PDF.

Everything here is text that is ready to be shown; who shows it adds no words of their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from services.intake.domain import Quote, QuoteState
from services.intake.pricing import changes
from services.intake.store import Case
from shared import programme
from shared.programme import Programme
from shared.typesetting import printed
from shared.web.i18n import N_
from shared.web.speech import Speech

TEMPLATE = Path(__file__).parent / "templates" / "quote.typ"
WORDS = Path(__file__).parent / "locale"
_DISCLAIMERS = ("targets", "opinion_depends", "opinion_no_care", "emergency_notice")

STATES = {
    QuoteState.OPEN: N_("This quote waits for an answer."),
    QuoteState.ACCEPTED: N_("You accepted this quote."),
    QuoteState.DECLINED: N_("You declined this quote."),
    QuoteState.SUPERSEDED: N_("A newer version replaced this quote."),
    QuoteState.EXPIRED: N_("This quote is no longer valid. Your care advisor will send you a new one."),
    QuoteState.WITHDRAWN: N_("This request was withdrawn."),
}


@dataclass(frozen=True)
class ServiceLine:
    """A service in the reader's words; `price` is empty for a quote that was made as one sum."""

    title: str
    description: str
    details: tuple[str, ...]
    price: str


@dataclass(frozen=True)
class Sheet:
    """All that a quote says. `sums` are the rows below the services, the total last."""

    lang: str
    rtl: bool
    title: str
    hospital: str
    partner: str
    facts: tuple[tuple[str, str], ...]
    state: str
    headings: dict[str, str]
    services: tuple[ServiceLine, ...]
    sums: tuple[tuple[str, str], ...]
    changed: tuple[str, ...]
    note: str
    included: str
    excluded: str
    tax: str
    surgery: str
    surgery_url: str
    notices: tuple[str, ...]
    small_print: tuple[str, ...]


def sheet_of(case: Case, quote: Quote, patient: str, zone: str | None, before: Quote | None, locale: str) -> Sheet:
    """Return the quote in the reader's language, its date in their `zone` and the office's.

    `before` is the revision with which it is compared, if any.
    """
    rules = programme.load(case.programme)
    _ = Speech(locale, WORDS, rules.calendar.zone)
    text = _texts(rules, _.code)
    return Sheet(
        lang=_.lang,
        rtl=_.rtl,
        title=_("Quote for added services") if quote.supplements is not None else _("Quote"),
        hospital=rules.organisation_hospital,
        partner=rules.organisation_partner,
        facts=_facts(_, case, quote, patient, zone, rules),
        state=_(STATES[quote.state]),
        headings={
            "service": _("Service"),
            "price": _("Price"),
            "changed": _("What changed since version %(number)s", number=before.revision if before else 0),
            "note": _("A note from your care advisor"),
            "included": _("What the price includes"),
            "excluded": _("What it does not include"),
            "tax": _("Taxes"),
            "surgery": _("If surgery may be an option"),
            "notices": _("Please read"),
            "case": _("Case %(number)s", number=_.own(case.case_number)),
            "page": _("Page"),
        },
        services=_services(_, quote, rules),
        sums=_sums(_, quote),
        changed=_changed(_, before, quote, rules) if before else (),
        note=quote.note,
        included=text("quote_includes"),
        excluded=text("quote_excludes"),
        tax=text("quote_tax"),
        surgery=text("surgery_advice") if quote.surgery_advice else "",
        surgery_url=rules.contacts.in_person_url if quote.surgery_advice else "",
        notices=tuple(filter(None, map(text, _DISCLAIMERS))),
        small_print=tuple(filter(None, (text("sample_prices") if rules.sample_prices else "", text("not_affiliated")))),
    )


def _texts(rules: Programme, locale: str) -> Callable[[str], str]:
    return lambda key: rules.text(key, locale) if key in rules.texts else ""


def _facts(
    _: Speech, case: Case, quote: Quote, patient: str, zone: str | None, rules: Programme
) -> tuple[tuple[str, str], ...]:
    office, theirs = rules.calendar.zone, zone or "UTC"
    until = [(_("Valid until"), _.instant(quote.valid_until, theirs))]
    offsets = {quote.valid_until.astimezone(ZoneInfo(one)).utcoffset() for one in (theirs, office)}
    if len(offsets) > 1:
        until.append((_("In the office’s time"), _.instant(quote.valid_until, office)))
    return (
        (_("Case number"), _.own(case.case_number)),
        (_("Patient"), patient),
        (_("Version"), str(quote.revision)),
        (_("Offered on"), _.day(quote.offered_at)),
        *until,
    )


def _services(_: Speech, quote: Quote, rules: Programme) -> tuple[ServiceLine, ...]:
    prices = {line.service: _.amount(line.amount_minor, quote.price.currency) for line in quote.lines}
    return tuple(
        ServiceLine(
            title=rules.catalogue[code].title_in(_.code),
            description=rules.catalogue[code].description_in(_.code),
            details=tuple(_("Afterwards: %(owed)s", owed=owed.title_in(_.code)) for owed in rules.owed_after(code)),
            price=prices.get(code, ""),
        )
        for code in quote.added
    )


def _sums(_: Speech, quote: Quote) -> tuple[tuple[str, str], ...]:
    rows: list[tuple[str, str]] = []
    currency = quote.price.currency
    if quote.lines and quote.adjustment_minor:
        rows.append((_("Together"), _.amount(sum(line.amount_minor for line in quote.lines), currency)))
        label = _("Discount") if quote.adjustment_minor < 0 else _("Individual supplement")
        rows.append((label, _.amount(quote.adjustment_minor, currency)))
    rows.append((_("Total to pay"), _.money(quote.price)))
    return tuple(rows)


def _changed(_: Speech, before: Quote, quote: Quote, rules: Programme) -> tuple[str, ...]:
    found = changes(before, quote)

    def title(code: str) -> str:
        return rules.catalogue[code].title_in(_.code)

    lines = [_("Added: %(service)s", service=title(code)) for code in found.added]
    lines += [_("Left out: %(service)s", service=title(code)) for code in found.removed]
    lines += [
        _("%(service)s: %(after)s instead of %(before)s", service=title(one.service), before=_.money(one.before),
            after=_.money(one.after))
        for one in found.repriced
    ]  # fmt: skip
    if found.discount:
        was, now = map(_.money, found.discount)
        lines.append(_("Discount: %(after)s instead of %(before)s", before=was, after=now))
    if found.total:
        was, now = map(_.money, found.total)
        lines.append(_("Total: %(after)s instead of %(before)s", before=was, after=now))
    return tuple(lines) or (_("Services and price are the same; the date is new."),)


def render(sheet: Sheet, at: datetime, node_modules: Path) -> bytes:
    """Return the quote as a tagged PDF. What is written in a script without a font is spelled in Latin letters."""
    return printed(TEMPLATE, "quote", asdict(sheet), at, node_modules)


async def render_beside(sheet: Sheet, at: datetime, node_modules: Path) -> bytes:
    """Render without holding up whoever else is served."""
    return await asyncio.to_thread(render, sheet, at, node_modules)
