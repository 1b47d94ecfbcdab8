"""What can be said before anybody says who they are (M1): pure, from the programme's data and what was chosen.

Nothing is stored, nothing is invented: prices, times, rules and travel of slides are the programme's (R18, R19). A
selection that the rules refuse gets their sentences and the nearest selections that they allow, and no price.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import combinations
from urllib.parse import urlencode

from shared.events import Money
from shared.programme import Programme, Refusal, Requirement, Travel

MATERIALS_LANGUAGE = "en"
"""Everything submitted is in English (R24)."""

_CODE = re.compile(r"[a-z][a-z0-9_]{0,59}")
_MOST_SERVICES = 14
Selection = tuple[str, ...]


@dataclass(frozen=True)
class Choices:
    """What somebody wants to know about; each may be left open. Its names are those of the page's address."""

    services: Selection = ()
    cancer_type: str | None = None
    country: str | None = None
    language: str | None = None

    @classmethod
    def read(
        cls, given: Callable[[str], Sequence[str]], rules: Programme, countries: set[str], languages: set[str]
    ) -> Choices:
        """Read an address, which anybody may have written: what isn't on offer counts as open.

        A well-formed service that the programme doesn't have is kept, so that the rules can say so: an address that
        somebody shared may be older than the catalogue.
        """

        def one_of(known: set[str], name: str) -> str | None:
            return next((value for value in given(name) if value in known), None)

        asked = dict.fromkeys(code for code in given("service") if _CODE.fullmatch(code))
        unknown = [code for code in asked if code not in rules.catalogue]
        return cls(
            services=(*(code for code in rules.catalogue if code in asked), *unknown)[:_MOST_SERVICES],
            cancer_type=one_of(set(rules.cancer_types), "cancer_type"),
            country=one_of(countries, "country"),
            language=one_of(languages, "language"),
        )

    def query(self, services: Selection | None = None, **more: str | None) -> str:
        """Return the address's query that holds these choices, ``services`` instead of its own when given."""
        pairs = [("service", code) for code in (self.services if services is None else services)]
        pairs += [("cancer_type", self.cancer_type or ""), ("country", self.country or "")]
        pairs += [("language", self.language or ""), *((name, value or "") for name, value in more.items())]
        return urlencode([(name, value) for name, value in pairs if value])


@dataclass(frozen=True)
class Outlook:
    """What the programme says to these choices.

    ``refusals`` is empty where the rules allow the services (R13-R17); ``ways_out`` are the allowed selections that
    differ least from a refused one, ``addable`` the services that may be added to an allowed one. ``price`` is None
    where each price is an individual quote (R19). What isn't sold, by the rules or for this kind of cancer, has no price
    and asks for nothing.
    """

    refusals: tuple[Refusal, ...]
    ways_out: tuple[Selection, ...]
    addable: Selection
    is_offered: bool
    price: tuple[Money, Money] | None
    checklist: tuple[Requirement, ...]
    target: tuple[timedelta, timedelta]
    laboratory_extra: timedelta | None
    reviews_slides: bool
    slides: Travel | None
    needs_translation: bool | None

    @property
    def is_allowed(self) -> bool:
        """Whether these services can be asked for together, for this kind of cancer."""
        return self.is_offered and not self.refusals


def explore(rules: Programme, choices: Choices, locale: str) -> Outlook:
    """Return what can be said now; an open choice leaves open what hangs on it."""
    chosen = choices.services
    refusals = tuple(rules.check_selection(chosen, locale))
    is_offered = choices.cancer_type is None or rules.cancer_types[choices.cancer_type].offered
    sold = chosen if is_offered and not refusals else ()
    reviews_slides = rules.needs_pathology(sold)
    travel = rules.slide_travel if reviews_slides else None
    return Outlook(
        refusals=refusals,
        ways_out=ways_out(rules, chosen) if refusals and chosen else (),
        addable=tuple(code for code in rules.catalogue if sold and not rules.check_selection((*sold, code))),
        is_offered=is_offered,
        price=rules.price_range(sold) if sold else None,
        checklist=tuple(rules.checklist(sold, choices.cancer_type)),
        target=(rules.clocks.target_from, rules.clocks.target_to),
        laboratory_extra=rules.clocks.laboratory_extra if reviews_slides else None,
        reviews_slides=reviews_slides,
        slides=travel.from_country(choices.country) if travel and choices.country else None,
        needs_translation=None if choices.language is None else choices.language != MATERIALS_LANGUAGE,
    )


def ways_out(rules: Programme, chosen: Selection) -> tuple[Selection, ...]:
    """Return the allowed selections that take the fewest changes, each in the catalogue's order."""
    known = frozenset(code for code in chosen if code in rules.catalogue)
    if not rules.check_selection(known):
        return (_in_order(rules, known),)
    for changes in range(1, len(rules.catalogue) + 1):
        if near := tuple(_allowed_after(rules, known, changes)):
            return near
    return ()


def _allowed_after(rules: Programme, known: frozenset[str], changes: int) -> Iterator[Selection]:
    for changed in combinations(rules.catalogue, changes):
        other = known ^ frozenset(changed)
        if not rules.check_selection(other):
            yield _in_order(rules, other)


def _in_order(rules: Programme, codes: frozenset[str]) -> Selection:
    return tuple(code for code in rules.catalogue if code in codes)
