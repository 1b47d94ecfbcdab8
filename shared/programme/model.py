"""The shapes that a programme file is read into. Titles are English; ``title_in`` gives another language."""

from collections.abc import Mapping
from datetime import time, timedelta
from typing import Annotated, Literal

from pydantic import Field

from shared.programme.values import Code, Duration, ReadOnly, Texts, Value, in_locale

Specialty = Literal["oncology", "surgery", "pathology", "radiology", "molecular_diagnostics", "integrative"]
Kind = Literal["document", "imaging", "slides", "form"]
PricesShown = Literal["individual_quote", "range"]
GlassTravels = Literal["usual", "permit", "no"]
InsteadOfGlass = Literal["recut", "digital"]
Asked = Literal["patient", "local_physician", "provider"]
Percent = Annotated[int, Field(ge=0, le=100)]


class Titled(Value):
    """Something with a code and a name in every language of the programme."""

    code: Code
    titles: Annotated[Texts, Field(alias="title")]

    @property
    def title(self) -> str:
        """The English name."""
        return self.title_in("en")

    def title_in(self, locale: str) -> str:
        """Return the name in ``locale``, or in English where there is none."""
        return in_locale(self.titles, locale)


class Reason(Titled):
    """Why somebody asks (R3)."""


class CancerType(Titled):
    """A group of diagnoses; the catalogue may have gaps (R6), and then ``offered`` is false.

    ``synonyms`` are what people may type to find it, in any language; ``icd10`` the beginnings of the ICD-10-CM codes
    that belong to it; ``oncotree`` the tissues whose OncoTree types do.
    """

    offered: bool = True
    synonyms: tuple[str, ...] = ()
    icd10: tuple[str, ...] = ()
    oncotree: tuple[str, ...] = ()


class Owed(Titled):
    """What is due after a service was given, such as the written report of a video visit (R14)."""

    within: Duration


class Service(Titled):
    """One thing that can be bought (R13-R16). ``price_minor``: a sample in minor units, no quote (R19).

    ``range_minor``: from what to what quotes went, where the programme shows that before anybody asks (M1).
    """

    descriptions: Annotated[Texts, Field(alias="description")]
    price_minor: Annotated[int, Field(ge=0)]
    range_minor: tuple[int, int] | None = None
    currency: str
    needs_pathology: bool
    needs_radiology: bool
    specialties: Annotated[tuple[Specialty, ...], Field(min_length=1)]
    supplements: tuple[Code, ...] = ()
    owes: tuple[Code, ...] = ()
    requires: tuple[tuple[Code, ...], ...] = ()
    includes: tuple[Code, ...] = ()

    @property
    def description(self) -> str:
        """The English description."""
        return self.description_in("en")

    def description_in(self, locale: str) -> str:
        """Return the description in ``locale``, or in English where there is none."""
        return in_locale(self.descriptions, locale)


class RequiresAny(Value):
    """``service`` is sold only beside at least one of ``requires_any``."""

    rule: str
    service: Code
    requires_any: Annotated[tuple[Code, ...], Field(min_length=1)]
    sentences: Annotated[Texts, Field(alias="sentence")]


class Includes(Value):
    """``service`` holds each of ``includes`` already: beside it, they would be paid for twice."""

    rule: str
    service: Code
    includes: Annotated[tuple[Code, ...], Field(min_length=1)]
    sentences: Annotated[Texts, Field(alias="sentence")]


class Refusal(Value):
    """Why ``code`` can't be part of this selection: the rule, and a sentence for the person who chose."""

    code: str
    rule: str
    sentence: str


class Clocks(Value):
    """How long things may take. ``target_from`` to ``target_to`` is tracked, never promised (R32).

    ``quote_reminder``: how long before its last day an unanswered quote is brought to mind.
    """

    nudge_after: Duration
    quote_valid: Duration
    quote_reminder: Duration = timedelta(days=3)
    offer_expires: Duration
    target_from: Duration
    target_to: Duration
    laboratory_extra: Duration


class CallBacks(Value):
    """How people are called back (R11): how often and how far apart when nobody answers, and at which hours of theirs.

    Durations. ``remind_before``: the desk is reminded so long before a call; ``interpreted_call``: for how long an
    interpreter is booked; ``erase_after``: the number of somebody who asked for nothing else is then forgotten;
    ``signature_within``: by when a consent that was given by voice is to be signed (R29).
    """

    tries: Annotated[int, Field(ge=1, le=10)]
    spacing: Duration
    sensible_from: time
    sensible_to: time
    remind_before: Duration
    interpreted_call: Duration
    erase_after: Duration
    signature_within: Duration


class Refunds(Value):
    """What goes back when a case is withdrawn, by stage, in whole per cent of the fee; unsaid, as R21 has it.

    ``two_people_above_minor``: above how much, in minor units of the programme's currency, what staff decide otherwise
    needs a second person; unsaid, nothing does.
    """

    before_acceptance: Percent = 100
    in_review: Percent = 0
    delivered: Percent = 0
    two_people_above_minor: Annotated[int, Field(ge=0)] | None = None


class Contacts(Value):
    """How to reach the office (R10). ``toll_free``: a number for each country (ISO 3166 alpha-2) that has one. ``laboratory``: where
    slides and blocks are sent (R26); a programme that sells pathology names it.
    """

    made_up: bool
    email: str
    phone: str
    fax: str
    post: str
    in_person_url: str
    toll_free: ReadOnly[str, str]
    laboratory: str | None = None

    def phone_in(self, country: str) -> str:
        """Return the free number in ``country``, or the office's own."""
        return self.toll_free.get(country.upper(), self.phone)


class Travel(Value):
    """Whether glass slides leave a country (``usual``: by courier, without a permit), and what can be done instead."""

    glass: GlassTravels
    instead: Annotated[tuple[InsteadOfGlass, ...], Field(min_length=1)]
    sources: Annotated[Texts, Field(alias="source")]

    def source_in(self, locale: str) -> str:
        """Return what this rests on, in ``locale`` or in English."""
        return in_locale(self.sources, locale)


class SlideTravel(Value):
    """From which country glass slides may be sent (M6): planning data of ours, and it says so."""

    notes: Annotated[Texts, Field(alias="note")]
    elsewhere: Travel
    countries: ReadOnly[str, Travel]

    def from_country(self, country: str) -> Travel:
        """Return what is planned with for this country (ISO 3166 alpha-2)."""
        return self.countries.get(country.upper(), self.elsewhere)

    def note_in(self, locale: str) -> str:
        """Return, in ``locale`` or in English, what kind of data this is."""
        return in_locale(self.notes, locale)


class Text(Value):
    """A text that people must have seen, in every language. A new wording gets a new version (R5, R29, R33)."""

    version: Annotated[int, Field(ge=1)]
    rule: str
    wording: Texts


class Way(Value):
    """How something is got from a hospital, said to the patient (R22)."""

    wording: Texts


class ChecklistItem(Titled):
    """One line of a checklist: for which services, cancer types (none named: all) and, where named, what exists (R23).

    ``way`` is how it is got, ``asked`` who is asked first. ``max_age``: older than that when the specialist starts, it
    is asked for again. ``without`` says what its absence means for the opinion (R28), ``request`` how a letter to a
    hospital names it.
    """

    kind: Kind
    needed: bool = True
    services: Annotated[tuple[Code, ...], Field(min_length=1)]
    cancer_types: tuple[Code, ...] = ()
    exists: tuple[Code, ...] = ()
    hints: Annotated[Texts, Field(alias="hint")]
    asked: Asked
    way: Code
    max_age: Duration | None = None
    whys: Annotated[Texts, Field(alias="why")]
    withouts: Annotated[Texts, Field(alias="without")]
    requests: Annotated[Texts | None, Field(alias="request")] = None

    def applies_to(self, services: frozenset[str], cancer_type: str | None, said: Mapping[str, bool]) -> bool:
        """Return whether a case with these services, this cancer type and these answers needs it; unsaid may exist."""
        may_exist = not self.exists or any(said.get(code, True) for code in self.exists)
        return (
            may_exist
            and not services.isdisjoint(self.services)
            and (not self.cancer_types or cancer_type in self.cancer_types)
        )

    def is_needed(self, said: Mapping[str, bool]) -> bool:
        """Return whether a case can't go on without it; what may not even exist only helps until somebody says it does."""
        return self.needed and (not self.exists or any(said.get(code, False) for code in self.exists))


class Requirement(Titled):
    """What a case needs (R23); ``needed`` is false for what only helps. No code names a diagnosis: codes travel."""

    kind: Kind
    needed: bool
    hints: Mapping[str, str]
    asked: Asked
    max_age: timedelta | None
    whys: Mapping[str, str]
    ways: Mapping[str, str]
    withouts: Mapping[str, str]
    requests: Mapping[str, str] | None

    @property
    def hint(self) -> str:
        """What belongs to it, in English."""
        return self.hint_in("en")

    def hint_in(self, locale: str) -> str:
        """Return what belongs to it in ``locale``, or in English where there is none."""
        return in_locale(self.hints, locale)
