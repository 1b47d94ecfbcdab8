"""A programme: its data, checked as a whole, and the pure functions that answer from it."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import cached_property
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from shared.events import Money, ProgrammeRef
from shared.programme.calendar import OfficeCalendar
from shared.programme.imaging import Imaging
from shared.programme.model import (
    CallBacks,
    CancerType,
    ChecklistItem,
    Clocks,
    Contacts,
    Includes,
    Owed,
    PricesShown,
    Reason,
    Refunds,
    Refusal,
    Requirement,
    RequiresAny,
    Service,
    SlideTravel,
    Text,
    Titled,
    Way,
)
from shared.programme.values import Code, ReadOnly, Texts, Value, in_locale


class Programme(Value):
    """One version of one programme. A case keeps the version that it began with (R18)."""

    id: Code
    version: Annotated[int, Field(ge=1)]
    names: Annotated[Texts, Field(alias="name")]
    organisation_hospital: str
    organisation_partner: str
    currency: str
    sample_prices: bool
    prices_shown: PricesShown
    locales: Annotated[tuple[str, ...], Field(min_length=1)]
    calendar: OfficeCalendar
    clocks: Clocks
    call_backs: CallBacks
    contacts: Contacts
    catalogue: ReadOnly[str, Service]
    requirements: tuple[RequiresAny, ...] = ()
    inclusions: tuple[Includes, ...] = ()
    sentences: ReadOnly[str, Texts]
    owed: ReadOnly[str, Owed]
    reasons: ReadOnly[str, Reason]
    cancer_types: ReadOnly[str, CancerType]
    items: Annotated[tuple[ChecklistItem, ...], Field(min_length=1)]
    ways: ReadOnly[str, Way]
    history: Annotated[ReadOnly[str, Titled], Field(default_factory=dict)]
    return_reasons: Annotated[ReadOnly[str, Titled], Field(min_length=1)]
    texts: ReadOnly[str, Text]
    slide_travel: SlideTravel | None = None
    refunds: Refunds = Refunds()
    imaging: Annotated[Imaging, Field(default_factory=Imaging)]

    @cached_property
    def ref(self) -> ProgrammeRef:
        """What a case stores, and a fact carries."""
        return ProgrammeRef(id=self.id, version=self.version)

    @property
    def name(self) -> str:
        """The English name."""
        return self.name_in("en")

    def name_in(self, locale: str) -> str:
        """Return the name in ``locale``, or in English where there is none."""
        return in_locale(self.names, locale)

    def check_selection(self, codes: Iterable[str], locale: str = "en") -> list[Refusal]:
        """Return why these services can't be bought together (R13-R16); an empty list means that they can."""
        listed = list(codes)
        if not listed:
            return [self._refusal("", "R17", "nothing_chosen", locale)]
        unknown = [code for code in dict.fromkeys(listed) if code not in self.catalogue]
        refusals = [self._refusal(code, "R18", "unknown_service", locale) for code in unknown]
        twice = [code for code in dict.fromkeys(listed) if listed.count(code) > 1]
        refusals += [self._refusal(code, "R17", "chosen_twice", locale) for code in twice]
        return refusals + self._composition(frozenset(listed), locale)

    def price(self, codes: Iterable[str]) -> Money:
        """Return the sum of the sample prices: where an individual quote starts (R19). ``KeyError``: unknown."""
        return Money(amount_minor=sum(self.catalogue[code].price_minor for code in codes), currency=self.currency)

    def price_range(self, codes: Iterable[str]) -> tuple[Money, Money] | None:
        """Return from what to what quotes for these services went; None where each price is an individual quote (R19)."""
        ranges = [self.catalogue[code].range_minor for code in codes]
        if self.prices_shown != "range":
            return None
        known = [span for span in ranges if span is not None]
        low, high = (Money(amount_minor=sum(span[end] for span in known), currency=self.currency) for end in (0, 1))
        return low, high

    def checklist(
        self, codes: Collection[str], cancer_type: str | None = None, said: Mapping[str, bool] = MappingProxyType({})
    ) -> list[Requirement]:
        """Return what to send for these services, this cancer type and what was ``said`` to exist (R23).

        Needed things first, each once. ``said`` answers the questions of ``history``; what isn't answered may exist.
        """
        chosen = frozenset(codes)
        asked = [
            self._to_ask_for[place, item.is_needed(said)]
            for place, item in enumerate(self.items)
            if item.applies_to(chosen, cancer_type, said)
        ]
        return sorted(asked, key=lambda requirement: not requirement.needed)

    def depending_on_history(self) -> frozenset[str]:
        """Return the codes of what is asked for only where it exists."""
        return frozenset(item.code for item in self.items if item.exists)

    def needs_pathology(self, codes: Iterable[str]) -> bool:
        """Return whether slides or blocks are reviewed, so that they must be counted in (R26)."""
        return any(self.catalogue[code].needs_pathology for code in codes)

    def needs_radiology(self, codes: Iterable[str]) -> bool:
        """Return whether original images are reviewed (R25)."""
        return any(self.catalogue[code].needs_radiology for code in codes)

    def specialties(self, codes: Iterable[str]) -> tuple[str, ...]:
        """Return which kinds of specialist these services call for, the leading one first (R30)."""
        chosen = frozenset(codes)
        in_order = (service for code, service in self.catalogue.items() if code in chosen)
        return tuple(dict.fromkeys(specialty for service in in_order for specialty in service.specialties))

    def follows(self, code: str, codes: Collection[str]) -> tuple[str, ...]:
        """Return after which of ``codes`` this service comes: video after the comprehensive opinion (R14)."""
        return tuple(other for other in self.catalogue[code].supplements if other in codes)

    def owed_after(self, code: str) -> tuple[Owed, ...]:
        """Return what is owed once the service was given: after video, a written report (R14)."""
        return tuple(self.owed[owed] for owed in self.catalogue[code].owes)

    def targets(self, codes: Iterable[str], completed_at: datetime) -> tuple[datetime, datetime]:
        """Return from when to when we aim at the opinion, once all materials are in (R32): a target, no promise."""
        latest = completed_at + self.clocks.target_to
        if self.needs_pathology(codes):
            latest += self.clocks.laboratory_extra
        return completed_at + self.clocks.target_from, latest

    def text(self, key: str, locale: str) -> str:
        """Return the wording in ``locale``, or in English where there is none. ``KeyError``: no such text."""
        wording = in_locale(self.texts[key].wording, locale)
        return wording.replace("{hospital}", self.organisation_hospital).replace("{partner}", self.organisation_partner)

    def text_version(self, key: str) -> str:
        """Return which wording of the text people saw, such as ``consent.v1``; in any language it is the same."""
        return f"{key}.v{self.texts[key].version}"

    @cached_property
    def _to_ask_for(self) -> Mapping[tuple[int, bool], Requirement]:
        return {
            (place, needed): self._requirement(item, needed)
            for place, item in enumerate(self.items)
            for needed in (True, False)
        }

    def _requirement(self, item: ChecklistItem, needed: bool) -> Requirement:
        return Requirement(
            code=item.code, titles=item.titles, kind=item.kind, needed=needed, hints=item.hints,
            asked=item.asked, max_age=item.max_age, whys=item.whys, ways=self.ways[item.way].wording,
            withouts=item.withouts, requests=item.requests,
        )  # fmt: skip

    def _composition(self, chosen: frozenset[str], locale: str) -> list[Refusal]:
        refused = [
            Refusal(code=need.service, rule=need.rule, sentence=in_locale(need.sentences, locale))
            for need in self.requirements
            if need.service in chosen and chosen.isdisjoint(need.requires_any)
        ]
        for holds in self.inclusions:
            if holds.service in chosen:
                refused += [
                    Refusal(code=code, rule=holds.rule, sentence=self._naming(code, holds.sentences, locale))
                    for code in holds.includes
                    if code in chosen
                ]
        return refused

    def _naming(self, code: str, sentences: Mapping[str, str], locale: str) -> str:
        return in_locale(sentences, locale).replace("{service}", self.catalogue[code].title_in(locale))

    def _refusal(self, code: str, rule: str, key: str, locale: str) -> Refusal:
        sentence = in_locale(self.sentences[key], locale)
        return Refusal(code=code, rule=rule, sentence=sentence.replace("{service}", code))
