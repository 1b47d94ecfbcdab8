"""What must hold across a whole programme file; each problem comes with the path of the value to put right."""

import re
from collections.abc import Iterator, Mapping
from itertools import combinations

import pycountry

from shared.programme.model import SlideTravel, Travel
from shared.programme.positions import Path
from shared.programme.rules import Programme

TEXTS = (
    "headline",
    "for_whom",
    "who_advises",
    "emergency_notice",
    "consent",
    "clinician_authority",
    "release_authority",
    "surgery_advice",
    "opinion_depends",
    "opinion_no_care",
    "opinion_questions",
    "sample_prices",
    "targets",
    "not_affiliated",
)
SENTENCES = ("nothing_chosen", "unknown_service", "chosen_twice")
_PLACEHOLDER = re.compile(r"\{([^}]*)\}")
_LARGEST_CATALOGUE = 14
Found = tuple[Path, str]


def problems_of(programme: Programme) -> list[Found]:
    """Return every problem as (path in the file, reason); an empty list means that the programme may be used."""
    found = [
        *_basics(programme),
        *_prices_shown(programme),
        *_slide_travel(programme),
        *_refunds(programme),
        *_imaging(programme),
        *_unknown_codes(programme),
        *_texts(programme),
        *_languages(programme),
        *_checklists(programme),
    ]
    return found or [*_collecting(programme), *_never_sold(programme)]


def _basics(programme: Programme) -> Iterator[Found]:
    if pycountry.currencies.get(alpha_3=programme.currency) is None:
        yield ("currency",), f"{programme.currency!r} is no currency of ISO 4217"
    if programme.clocks.target_from > programme.clocks.target_to:
        yield ("clocks", "target_to"), "the target must not end before it begins"
    if programme.call_backs.sensible_from >= programme.call_backs.sensible_to:
        yield ("call_backs", "sensible_to"), "the hours in which one may ring must not end before they begin"
    if "en" not in programme.locales:
        yield ("locales",), "English must be among the languages"
    if len(programme.catalogue) > _LARGEST_CATALOGUE:
        yield ("catalogue",), f"a catalogue holds at most {_LARGEST_CATALOGUE} services"
    for country in programme.contacts.toll_free:
        if pycountry.countries.get(alpha_2=country) is None:
            yield ("contacts", "toll_free", country), f"{country!r} is no country of ISO 3166"


def _prices_shown(programme: Programme) -> Iterator[Found]:
    for code, service in programme.catalogue.items():
        path: Path = ("catalogue", code, "range_minor")
        match programme.prices_shown, service.range_minor:
            case "range", None:
                yield ("catalogue", code), f"prices are shown as a range, and {code} has no range_minor"
            case "individual_quote", (_, _):
                yield path, f"each price is an individual quote, so {code} must name no range (R19)"
            case "range", (low, high) if not 0 <= low <= service.price_minor <= high:
                yield path, f"the sample price of {code} lies outside its range"


def _slide_travel(programme: Programme) -> Iterator[Found]:
    travel = programme.slide_travel
    reviewed = any(service.needs_pathology for service in programme.catalogue.values())
    if reviewed and not programme.contacts.laboratory:
        yield ("contacts",), "slides are reviewed, and no laboratory says where they are sent (R26)"
    if travel is None:
        if reviewed:
            yield ("catalogue",), "slides are reviewed, and slide_travel doesn't say from where they may be sent"
        return
    for country in travel.countries:
        if pycountry.countries.get(alpha_2=country) is None:
            yield ("slide_travel", "countries", country), f"{country!r} is no country of ISO 3166"
    for path, way in _ways_to_travel(travel):
        if way.glass == "no" and "recut" in way.instead:
            yield (*path, "instead"), "recut slides are glass too: where none may leave, they can't stand in"


def _ways_to_travel(travel: SlideTravel) -> Iterator[tuple[Path, Travel]]:
    yield ("slide_travel", "elsewhere"), travel.elsewhere
    yield from ((("slide_travel", "countries", country), way) for country, way in travel.countries.items())


def _refunds(programme: Programme) -> Iterator[Found]:
    back = programme.refunds
    if not back.before_acceptance >= back.in_review >= back.delivered:
        yield ("refunds",), "a later stage must not give back more than an earlier one (R21)"


def _imaging(programme: Programme) -> Iterator[Found]:
    asked = programme.imaging
    for cancer_type, regions in asked.wanted.items():
        yield from _strangers(programme.cancer_types, (cancer_type,), ("imaging", "wanted"), "cancer type")
        yield from _strangers(asked.regions, regions, ("imaging", "wanted", cancer_type), "region")
    for place, need in enumerate(asked.contrast):
        path: Path = ("imaging", "contrast", place)
        yield from _strangers(programme.cancer_types, need.cancer_types, (*path, "cancer_types"), "cancer type")
        yield from _strangers(asked.regions, need.regions, (*path, "regions"), "region")
        yield from _strangers(asked.phases, need.phases, (*path, "phases"), "contrast phase")


def _unknown_codes(programme: Programme) -> Iterator[Found]:
    for place, need in enumerate(programme.requirements):
        yield from _strangers(programme.catalogue, (need.service,), ("requirements", place, "service"))
        yield from _strangers(programme.catalogue, need.requires_any, ("requirements", place, "requires_any"))
    for place, holds in enumerate(programme.inclusions):
        yield from _strangers(programme.catalogue, (holds.service,), ("inclusions", place, "service"))
        yield from _strangers(programme.catalogue, holds.includes, ("inclusions", place, "includes"))
        if holds.service in holds.includes:
            yield ("inclusions", place, "includes"), f"{holds.service} can't include itself"
    for code, service in programme.catalogue.items():
        yield from _strangers(programme.catalogue, service.supplements, ("catalogue", code, "supplements"))
        yield from _strangers(programme.owed, service.owes, ("catalogue", code, "owes"), "owed thing")
    for place, item in enumerate(programme.items):
        yield from _strangers(programme.catalogue, item.services, ("items", place, "services"))
        yield from _strangers(
            programme.cancer_types, item.cancer_types, ("items", place, "cancer_types"), "cancer type"
        )
        yield from _strangers(programme.history, item.exists, ("items", place, "exists"), "question of its history")
        yield from _strangers(programme.ways, (item.way,), ("items", place, "way"), "way")


def _strangers(
    known: Mapping[str, object], codes: tuple[str, ...], path: Path, what: str = "service"
) -> Iterator[Found]:
    for code in codes:
        if code not in known:
            yield path, f"{code!r} is no {what} of this programme; it has {', '.join(known)}"


def _texts(programme: Programme) -> Iterator[Found]:
    for key in TEXTS:
        if key not in programme.texts:
            yield ("texts",), f"the text {key} is missing"
    for key in SENTENCES:
        if key not in programme.sentences:
            yield ("sentences",), f"the sentence {key} is missing"
    for key, text in programme.texts.items():
        for locale, wording in text.wording.items():
            path: Path = ("texts", key, "wording", locale)
            named = set(_PLACEHOLDER.findall(wording))
            if strange := named - {"hospital", "partner"}:
                yield path, f"{{{min(strange)}}} stands for nothing; a text may name {{hospital}} and {{partner}}"
            if key in ("consent", "release_authority") and named != {"hospital", "partner"}:
                yield path, f"{key} covers two organisations, so it must name {{hospital}} and {{partner}} (R29)"


def _languages(programme: Programme) -> Iterator[Found]:
    for path, texts in _spoken(programme):
        for locale in programme.locales:
            if locale not in texts:
                yield path, f"{'.'.join(map(str, path))} is missing in {locale}"
        for locale in texts:
            if locale not in programme.locales:
                yield (*path, locale), f"{locale} is none of this programme's languages: {', '.join(programme.locales)}"


def _spoken(programme: Programme) -> Iterator[tuple[Path, Mapping[str, str]]]:
    yield ("name",), programme.names
    for code, service in programme.catalogue.items():
        yield ("catalogue", code, "title"), service.titles
        yield ("catalogue", code, "description"), service.descriptions
    for section in ("owed", "reasons", "cancer_types", "history", "return_reasons"):
        yield from ((((section, code, "title")), entry.titles) for code, entry in getattr(programme, section).items())
    for place, need in enumerate(programme.requirements):
        yield ("requirements", place, "sentence"), need.sentences
    for place, holds in enumerate(programme.inclusions):
        yield ("inclusions", place, "sentence"), holds.sentences
    for place, item in enumerate(programme.items):
        yield ("items", place, "title"), item.titles
        yield ("items", place, "hint"), item.hints
        yield ("items", place, "why"), item.whys
        yield ("items", place, "without"), item.withouts
        if item.requests is not None:
            yield ("items", place, "request"), item.requests
    yield from ((("ways", code, "wording"), way.wording) for code, way in programme.ways.items())
    if travel := programme.slide_travel:
        yield ("slide_travel", "note"), travel.notes
        yield from (((*path, "source"), way.sources) for path, way in _ways_to_travel(travel))
    for section in ("regions", "phases"):
        called = getattr(programme.imaging, section)
        yield from ((("imaging", section, code, "title"), one.titles) for code, one in called.items())
    yield from ((("sentences", key), sentence) for key, sentence in programme.sentences.items())
    yield from ((("texts", key, "wording"), text.wording) for key, text in programme.texts.items())


def _checklists(programme: Programme) -> Iterator[Found]:
    if any(item.way not in programme.ways for item in programme.items):
        return  # said already, and no list can be made
    for code, service in programme.catalogue.items():
        asked = programme.checklist([code])
        if not asked:
            yield ("catalogue", code), f"no checklist item is for {code}"
        elif service.needs_pathology and not any(item.kind == "slides" for item in asked):
            yield (
                ("catalogue", code, "needs_pathology"),
                f"{code} reviews pathology, and its checklist asks for no slides",
            )
        elif service.needs_radiology and not any(item.kind == "imaging" for item in asked):
            yield (
                ("catalogue", code, "needs_radiology"),
                f"{code} reviews radiology, and its checklist asks for no imaging",
            )
    for (_, first), (place, second) in combinations(enumerate(programme.items), 2):
        if first.code == second.code and (
            not first.cancer_types or not second.cancer_types or set(first.cancer_types) & set(second.cancer_types)
        ):
            yield ("items", place), f"two checklist items named {second.code} would be asked for in the same case"


def _collecting(programme: Programme) -> Iterator[Found]:
    """What a letter to a hospital couldn't name, and what is said in a programme and used by nothing."""
    for place, item in enumerate(programme.items):
        if item.asked != "patient" and item.requests is None:
            yield ("items", place), f"somebody else is asked for {item.code}, and no request says how a letter names it"
    used = {code for item in programme.items for code in item.exists}
    for code in programme.history:
        if code not in used:
            yield ("history", code), f"nothing on the checklist depends on {code}, so nobody should be asked"
    for code in programme.ways:
        if code not in {item.way for item in programme.items}:
            yield ("ways", code), f"nothing on the checklist is got by {code}"


def _never_sold(programme: Programme) -> Iterator[Found]:
    """Services that need each other in a circle, and services that no selection may hold."""
    reachable: set[str] = set()
    while more := {
        code for code in programme.catalogue if code not in reachable and _is_reachable(programme, code, reachable)
    }:
        reachable |= more
    for place, need in enumerate(programme.requirements):
        if need.service not in reachable:
            yield (
                ("requirements", place),
                f"{need.service} requires, in a circle, what requires it: nobody could ever choose it",
            )
    codes = list(programme.catalogue)
    for code in codes:
        if code in reachable and not any(
            not programme.check_selection((code, *others))
            for size in range(len(codes))
            for others in combinations([other for other in codes if other != code], size)
        ):
            yield ("catalogue", code), f"the rules leave no selection with {code} in it"


def _is_reachable(programme: Programme, code: str, reachable: set[str]) -> bool:
    return all(not reachable.isdisjoint(group) for group in programme.catalogue[code].requires)
