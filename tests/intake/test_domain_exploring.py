"""What the explorer says never contradicts the programme's rules (M1, R13-R19), for both programmes."""

from datetime import UTC, datetime
from itertools import combinations
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.exploring import Choices, Outlook, explore, ways_out
from shared import programme
from shared.programme import Programme
from shared.web.i18n import LOCALES

MSK = programme.current("msk_international")
HARBORLIGHT = programme.current("harborlight_integrative")
PROGRAMMES = (MSK, HARBORLIGHT)
COUNTRIES, LANGUAGES = {"CN", "IR", "JO", "PE", "US"}, {"ar", "en", "es", "zh"}


@st.composite
def asked(draw: st.DrawFn) -> tuple[Programme, Choices]:
    """Any choices that an address can hold, services that nobody sells among them."""
    rules = draw(st.sampled_from(PROGRAMMES))
    services = draw(st.lists(st.sampled_from([*rules.catalogue, "surgery"]), unique=True))
    return rules, Choices(
        services=tuple(services),
        cancer_type=draw(st.sampled_from([None, *rules.cancer_types])),
        country=draw(st.sampled_from([None, *sorted(COUNTRIES)])),
        language=draw(st.sampled_from([None, *sorted(LANGUAGES)])),
    )


def seen(rules: Programme, *services: str, **choices: str) -> Outlook:
    return explore(rules, Choices(services=services, **choices), "en")


@given(asked())
def test_what_is_offered_never_contradicts_the_rules(question: tuple[Programme, Choices]) -> None:
    rules, choices = question
    outlook = explore(rules, choices, "en")
    assert list(outlook.refusals) == rules.check_selection(choices.services)
    for code in outlook.addable:
        assert rules.check_selection((*choices.services, code)) == []
    for way in outlook.ways_out:
        assert rules.check_selection(way) == []
    if outlook.refusals or not outlook.is_offered:
        assert (outlook.price, outlook.is_allowed) == (None, False)
        assert outlook.refusals == () or outlook.checklist == ()
    else:
        assert list(outlook.checklist) == rules.checklist(choices.services, choices.cancer_type)
        assert outlook.price == rules.price_range(choices.services)


@given(asked())
def test_a_refused_selection_has_a_way_out_and_none_is_nearer(question: tuple[Programme, Choices]) -> None:
    rules, choices = question
    if not choices.services or not rules.check_selection(choices.services):
        return
    known = frozenset(choices.services) & set(rules.catalogue)
    near = ways_out(rules, choices.services)
    distances = {len(known ^ frozenset(way)) for way in near}
    assert len(distances) == 1
    every = [frozenset(some) for size in range(7) for some in combinations(rules.catalogue, size)]
    allowed = [some for some in every if not rules.check_selection(sorted(some))]
    assert distances == {min(len(known ^ some) for some in allowed)}
    assert len(near) == len(set(near)) == sum(len(known ^ some) in distances for some in allowed)


@given(asked())
def test_an_address_brings_back_the_choices_that_made_it(question: tuple[Programme, Choices]) -> None:
    rules, choices = question
    fields = parse_qs(choices.query())
    back = Choices.read(lambda name: fields.get(name, []), rules, COUNTRIES, LANGUAGES)
    assert set(back.services) == set(choices.services)
    assert (back.cancer_type, back.country, back.language) == (choices.cancer_type, choices.country, choices.language)


@given(st.dictionaries(st.sampled_from(["service", "cancer_type", "country", "language"]), st.lists(st.text())))
def test_an_address_that_anybody_wrote_is_read_as_open_choices(fields: dict[str, list[str]]) -> None:
    back = Choices.read(lambda name: fields.get(name, []), MSK, COUNTRIES, LANGUAGES)
    assert back.country in {None, *COUNTRIES}
    assert back.cancer_type in {None, *MSK.cancer_types}
    assert all(code.isascii() and code.isidentifier() for code in back.services)
    assert not explore(MSK, back, "en").is_allowed or set(back.services) <= set(MSK.catalogue)


def test_the_reference_programme_names_no_price() -> None:
    assert MSK.prices_shown == "individual_quote"
    assert seen(MSK, "comprehensive", "video").price is None


def test_the_sister_programme_sells_integrative_medicine_alone_and_shows_from_what_to_what() -> None:
    outlook = seen(HARBORLIGHT, "integrative", "video", country="CN")
    assert outlook.is_allowed
    assert outlook.price is not None
    assert [(money.amount_minor, money.currency) for money in outlook.price] == [(55000, "KWD"), (80000, "KWD")]
    assert (outlook.slides, outlook.laboratory_extra, outlook.reviews_slides) == (None, None, False)
    [video] = seen(HARBORLIGHT, "video").refusals
    assert video.sentence.startswith("The video follow-up is offered only after")


def test_integrative_medicine_alone_is_refused_with_what_to_add() -> None:
    outlook = seen(MSK, "integrative")
    assert [refusal.rule for refusal in outlook.refusals] == ["R16"]
    assert ("written", "integrative") in outlook.ways_out
    assert all("integrative" in way and len(way) == 2 for way in outlook.ways_out)
    assert len(outlook.ways_out) == 3


@pytest.mark.parametrize(
    ("country", "glass", "instead"),
    [("JO", "usual", ("recut", "digital")), ("CN", "permit", ("digital",)), ("IR", "no", ("digital",))],
)
def test_slides_travel_as_the_programme_says_for_the_country(country: str, glass: str, instead: tuple[str]) -> None:
    travel = seen(MSK, "pathology", country=country).slides
    assert travel is not None
    assert (travel.glass, travel.instead) == (glass, instead)
    assert seen(MSK, "radiology", country=country).slides is None
    assert seen(MSK, "pathology").slides is None


def test_a_kind_of_cancer_that_is_a_gap_in_the_catalogue_is_not_offered() -> None:
    outlook = seen(MSK, "comprehensive", cancer_type="paediatric")
    assert (outlook.is_offered, outlook.is_allowed, outlook.checklist) == (False, False, ())
    assert seen(MSK, "comprehensive", cancer_type="not_listed").is_allowed


@pytest.mark.parametrize("rules", PROGRAMMES, ids=lambda rules: rules.id)
def test_the_time_shown_is_the_target_that_a_case_gets(rules: Programme) -> None:
    now = datetime(2027, 3, 1, tzinfo=UTC)
    for code in rules.catalogue:
        services = next(way for way in ways_out(rules, (code,)) if code in way)
        outlook = explore(rules, Choices(services=services), "en")
        start, end = outlook.target
        extra = outlook.laboratory_extra or start - start
        assert rules.targets(services, now) == (now + start, now + end + extra)


def test_records_in_another_language_need_translation_and_english_ones_do_not() -> None:
    assert [seen(MSK, "written", language=code).needs_translation for code in ("es", "en")] == [True, False]
    assert seen(MSK, "written").needs_translation is None


def test_sentences_are_in_the_readers_language() -> None:
    said = {explore(rules, Choices(), locale).refusals[0].sentence for rules in PROGRAMMES for locale in LOCALES}
    assert len(said) == len(LOCALES)
