"""A basket of services for a case: what may be offered, what the rules say to it, amounts as an advisor types them (R13-R19)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.intake import pricing, store, zones
from services.intake.domain import Quote
from services.intake.pricing import Pricing
from services.intake.store import Case, circumstances, quotes, requests
from services.intake.store.requests import Person
from shared import programme
from shared.db import Tx
from shared.events import Money
from shared.ids import CaseId
from shared.money import plain, typed
from shared.programme import Programme, Refusal


@dataclass(frozen=True)
class Basket:
    """What the basket's page is drawn from."""

    case: Case
    people: dict[str, Person]
    rules: Programme
    history: list[Quote]
    zone: str | None

    @property
    def agreed(self) -> Quote | None:
        return pricing.agreed_in(self.history)

    @property
    def last(self) -> Quote | None:
        return self.history[0] if self.history else None

    @property
    def offered(self) -> list[str]:
        """The codes from which to choose: what is agreed already is not offered again."""
        taken = self.agreed.services if self.agreed else ()
        return [code for code in self.rules.catalogue if code not in taken]


@dataclass(frozen=True)
class Judgement:
    """What the rules say to a basket: its refusals, the single changes that would mend it, its price."""

    refusals: list[Refusal]
    mends: list[str]
    made: Pricing | None
    currency: str

    def money(self, minor: int) -> Money:
        return Money(amount_minor=abs(minor), currency=self.currency)


async def basket_of(tx: Tx, case_id: CaseId) -> Basket:
    case = await store.load_case(tx, case_id)
    history = await quotes.of_case(tx, case_id)
    people = await requests.people(tx, case_id)
    return Basket(case, people, programme.load(case.programme), history, await zone_of(tx, case_id, people))


async def zone_of(tx: Tx, case_id: CaseId, people: dict[str, Person]) -> str | None:
    """Return the zone in which a date is told: where the caller said they are, else the likely one of the patient's country."""
    said = await circumstances.of_case(tx, case_id)
    return said.call_zone or zones.proposed(people["patient"].country)


def judged(basket: Basket, chosen: Sequence[str], made: Pricing | None) -> Judgement:
    """Judge the whole that would be agreed, and look for single additions and removals after which nothing is refused."""
    agreed = basket.agreed.services if basket.agreed else ()
    whole = (*agreed, *chosen)
    found = basket.rules.check_selection(whole) if chosen else []
    mends = []
    if found:
        for code in basket.offered:
            changed = [*whole, code] if code not in whole else [one for one in whole if one != code]
            if set(changed) > set(agreed) and not basket.rules.check_selection(changed):
                verb = "add" if code not in whole else "take out"
                mends.append(f"{verb} “{basket.rules.catalogue[code].title}”")
    return Judgement(found, mends, made, basket.rules.currency)


def minor_units(text: str, currency: str) -> int:
    """Return what an advisor typed, such as 4,850.00, in minor units; ValueError says what to type."""
    try:
        amount = typed(text, currency)
    except ValueError:
        raise ValueError("Enter the price as a number, such as 4850.00") from None
    if not 0 <= amount <= 10**12:
        raise ValueError("Enter a price of zero or more")
    if amount % 1:
        raise ValueError(f"Enter a price that {currency} has coins for, such as {plain(485000, currency)}")
    return int(amount)
