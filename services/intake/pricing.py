"""How a quote's price comes about, and what changed between two revisions. Pure: no I/O, no clock, no framework.

The programme's sample prices are where an advisor starts (R19). Any of them may be changed, the sum may be lowered by a
discount or set outright; whatever isn't the sample's price has a reason, and the parts always add up to the total.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from services.intake.domain import PriceLine, Quote, QuoteState, Unacceptable
from shared.events import Money
from shared.ids import new_id
from shared.programme import Programme

REASON_MISSING = "Say why the price is not the sample price. Only staff read it."
TWO_WAYS = "Give a discount or a total, not both: one follows from the other."
NOT_CHOSEN = "There is a price for {service}, which is not chosen. Choose it, or take its price away."
BELOW_ZERO = "The discount is more than the price. Lower it."
NOTHING_ADDED = "Choose at least one service to add."
AGREED_ALREADY = "{service} is agreed already. Leave it out: only what is added is quoted."


@dataclass(frozen=True)
class Asked:
    """What an advisor asks for services, in minor units: changed prices by service, then a discount or a total."""

    amounts: Mapping[str, int] = field(default_factory=dict)
    discount_minor: int = 0
    total_minor: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Pricing:
    """Lines and what their sum was changed by: `total_minor` is what is offered, never below zero."""

    lines: tuple[PriceLine, ...]
    adjustment_minor: int
    reason: str

    @property
    def sum_minor(self) -> int:
        return sum(line.amount_minor for line in self.lines)

    @property
    def total_minor(self) -> int:
        return self.sum_minor + self.adjustment_minor

    @property
    def individual(self) -> bool:
        """Whether anything differs from the sample prices."""
        return self.adjustment_minor != 0 or any(line.amount_minor != line.sample_minor for line in self.lines)


def price(rules: Programme, services: Sequence[str], asked: Asked) -> Pricing:
    """Return the price of these services; Unacceptable with a sentence for each thing that is wrong with it."""
    known = [code for code in services if code in rules.catalogue]
    sample = {code: rules.catalogue[code].price_minor for code in known}
    lines = tuple(PriceLine(code, sample[code], asked.amounts.get(code, sample[code])) for code in dict.fromkeys(known))
    added_up = sum(line.amount_minor for line in lines)
    adjustment = -asked.discount_minor if asked.total_minor is None else asked.total_minor - added_up
    made = Pricing(lines, adjustment, asked.reason.strip())
    wrong = [NOT_CHOSEN.format(service=_title(rules, code)) for code in asked.amounts if code not in services]
    if asked.discount_minor and asked.total_minor is not None:
        wrong.append(TWO_WAYS)
    if made.total_minor < 0 or any(line.amount_minor < 0 for line in lines):
        wrong.append(BELOW_ZERO)
    if made.individual and not made.reason:
        wrong.append(REASON_MISSING)
    if wrong:
        raise Unacceptable(wrong)
    return made


def whole_of(rules: Programme, agreed: Sequence[str], added: Sequence[str]) -> tuple[str, ...]:
    """Return everything that is agreed once `added` is (R17); Unacceptable when nothing is added, or something twice."""
    if agreed and not added:
        raise Unacceptable([NOTHING_ADDED])
    if twice := [code for code in added if code in agreed]:
        raise Unacceptable([AGREED_ALREADY.format(service=_title(rules, code)) for code in twice])
    return (*agreed, *added)


def _title(rules: Programme, code: str) -> str:
    return rules.catalogue[code].title if code in rules.catalogue else code


def next_revision(
    rules: Programme,
    history: Sequence[Quote],
    codes: Sequence[str],
    made: Pricing,
    *,
    note: str,
    by: str,
    now: datetime,
    surgery_advice: bool,
) -> Quote:
    """Return the quote that would follow `history`, newest first, if `codes` were offered now: what is previewed is what is offered."""
    agreed, last = agreed_in(history), history[0] if history else None
    return Quote(
        quote_id=last.quote_id if last else new_id(),
        revision=last.revision + 1 if last else 1,
        services=(*(agreed.services if agreed else ()), *codes),
        price=Money(amount_minor=made.total_minor, currency=rules.currency),
        valid_until=now + rules.clocks.quote_valid,
        offered_at=now,
        offered_by=by,
        note=note,
        state=QuoteState.OPEN,
        lines=made.lines,
        adjustment_minor=made.adjustment_minor,
        price_reason=made.reason if made.individual else "",
        supplements=agreed.revision if agreed else None,
        surgery_advice=surgery_advice,
    )


@dataclass(frozen=True)
class Repriced:
    service: str
    before: Money
    after: Money


@dataclass(frozen=True)
class Changes:
    """What a reader of the revision before must know about the one after."""

    since: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    repriced: tuple[Repriced, ...]
    total: tuple[Money, Money] | None
    discount: tuple[Money, Money] | None
    valid_until: datetime


def changes(before: Quote, after: Quote) -> Changes:
    """Return the differences between two revisions of a quote."""
    was, now = ({line.service: line.amount_minor for line in quote.lines} for quote in (before, after))
    currency = after.price.currency

    def money(minor: int) -> Money:
        return Money(amount_minor=minor, currency=currency)

    discounts = tuple(max(0, -quote.adjustment_minor) for quote in (before, after))
    return Changes(
        since=before.revision,
        added=tuple(code for code in after.services if code not in before.services),
        removed=tuple(code for code in before.services if code not in after.services),
        repriced=tuple(
            Repriced(code, money(was[code]), money(now[code])) for code in now if code in was and was[code] != now[code]
        ),
        total=(before.price, after.price) if before.price != after.price else None,
        discount=(money(discounts[0]), money(discounts[1])) if discounts[0] != discounts[1] else None,
        valid_until=after.valid_until,
    )


def compared_with(quote: Quote, history: Sequence[Quote]) -> Quote | None:
    """Return the revision with which a reader compares `quote`: the last one before it that was offered for the same.

    A supplement is compared with earlier offers of a supplement to the same agreement, never with the agreement itself.
    """
    earlier = (one for one in history if one.revision < quote.revision and one.supplements == quote.supplements)
    return max(earlier, key=lambda one: one.revision, default=None)


def agreed_in(history: Sequence[Quote]) -> Quote | None:
    """Return the newest accepted revision: what is agreed now."""
    accepted = (one for one in history if one.state is QuoteState.ACCEPTED)
    return max(accepted, key=lambda one: one.revision, default=None)
