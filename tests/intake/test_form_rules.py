"""What the form rests on: numbers, zones, ages, dates as people type them."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.intake import phones, zones
from services.intake.circumstances import GUARDIAN_NEEDED, CallTimes, is_minor
from services.intake.domain import Request, Unacceptable, check_request
from services.intake.form import route
from services.intake.values import is_latin
from shared.web.dates import iso_date
from tests.intake.asking import RULES, a_request, by_clinician

NOW = datetime(2027, 3, 1, 15, 0, tzinfo=UTC)
DAYS = st.dates(date(1990, 1, 1), date(2060, 12, 31))


@pytest.mark.parametrize(("typed", "country", "international", "valid"), [
    ("020 7946 0000", "GB", "+44 20 7946 0000", True),
    ("+44 20 7946 0000", "BR", None, True),
    ("0044 20 7946 0000", "GB", "+44 20 7946 0000", True),
    ("06 0000", "JO", None, False),
    ("020 7946 0000", None, None, False),
])  # fmt: skip
def test_a_number_is_judged_by_its_countrys_plan(
    typed: str, country: str | None, international: str | None, valid: bool
) -> None:
    assert phones.check(typed, country) == phones.PhoneCheck(international, valid)


def test_the_number_tells_the_zone_where_a_country_has_many() -> None:
    assert zones.proposed("US") == "America/New_York"
    assert zones.proposed("US", phones.zones_of("+1 415 555 0132", "US")) == "America/Los_Angeles"
    assert zones.proposed("JO", phones.zones_of("+44 20 7946 0000", "JO")) == "Asia/Amman", (
        "a foreign number says nothing"
    )
    assert zones.proposed(None) is None


@pytest.mark.parametrize("country", ["BR", "CN", "JO", "US", None])
def test_every_zone_that_is_offered_can_be_kept_and_stands_there_once(country: str | None) -> None:
    offered = [zone for zone, _ in zones.choices(country, "ar", NOW)]
    assert len(offered) == len(set(offered)) > 300
    for zone in offered:
        CallTimes(zone=zone)
    assert offered[: len(zones.of_country(country))] == [*zones.of_country(country)]
    assert sorted(offered) == sorted(zone for zone, _ in zones.by_country("ar")), "both lists are of the same places"


def test_a_place_is_offered_and_no_offset_whose_sign_reads_the_wrong_way_round() -> None:
    offered = [zone for zone, _ in zones.choices("PK", "en", NOW)]
    assert [zone for zone in offered if zone.startswith("Etc/")] == [], "GMT+5 there is five hours behind"


def test_a_zone_that_does_not_exist_is_no_time_to_call() -> None:
    with pytest.raises(ValidationError):
        CallTimes(zone="Mars/Olympus")


@given(DAYS, DAYS)
def test_who_turns_18_is_a_minor_until_the_day_before(born: date, today: date) -> None:
    try:
        of_age = born.replace(year=born.year + 18)
    except ValueError:  # 29 February
        of_age = date(born.year + 18, 3, 1)
    assert is_minor(born, today) == (today < of_age)


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.sampled_from(["%B", "%b", "%m", "%-m"]))
def test_a_month_is_read_as_a_number_or_a_word(day: date, written: str) -> None:
    assert iso_date(str(day.year), day.strftime(written), str(day.day)) == day.isoformat()


@pytest.mark.parametrize("month", ["marzo", "مارس", "آذار", "三月", "3月", "março", "März", "٣", "Mar."])
def test_a_month_is_read_in_the_words_of_many_languages(month: str) -> None:
    assert iso_date("١٩٧٨", month, "٢٧") == "1978-03-27"


@pytest.mark.parametrize("month", ["Ma", "Smarch", "", "13th"])
def test_what_is_no_month_makes_no_date(month: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|month"):
        date.fromisoformat(iso_date("1978", month, "27"))


def test_a_child_without_a_guardian_is_no_request() -> None:
    child = {**a_request()["patient"], "birth_date": "2015-05-05"}
    with pytest.raises(Unacceptable, match=GUARDIAN_NEEDED):
        check_request(Request.model_validate(a_request(patient=child)), RULES, NOW.date())
    named = a_request(patient=child, guardian={"name": "Olga Testova", "relationship": "mother"})
    check_request(Request.model_validate(named), RULES, NOW.date())


def test_a_declaration_of_another_wording_is_read_again() -> None:
    old = {"version": "clinician_authority.v0", "signed_name": "Dr Ana Exemplo", "accepted": True}
    with pytest.raises(Unacceptable, match="declaration"):
        check_request(Request.model_validate(by_clinician(declaration=old)), RULES, NOW.date())


@pytest.mark.parametrize(("name", "latin"), [("Mira Testova", True), ("José Ñuñez-Ø", True), ("Мира", False), ("سليم", False),
                                             ("测试", False), ("Mira Тестова", False)])  # fmt: skip
def test_a_name_is_latin_when_every_letter_is(name: str, latin: bool) -> None:
    assert is_latin(name) is latin


@given(st.dictionaries(st.sampled_from(["path", "role", "ground", "birth_date", "contact"]), st.just({})))
def test_whatever_is_answered_the_form_leads_on_and_comes_to_an_end(answered: dict[str, dict[str, str]]) -> None:
    answers = {"path": {"path": "new_patient"}, "role": {"role": "family"}, **answered}
    seen: list[str] = []
    while question := route.unanswered(answers, NOW.date()):
        assert question not in seen
        seen.append(question)
        answers[question] = {"done": True}
    for section in route.SECTIONS:
        assert route.state_of(section, answers, NOW.date()) == "done"


def test_the_link_of_an_unsent_form_is_younger_than_the_form() -> None:
    from services.intake.settings import Settings

    assert (
        Settings.model_fields["draft_link_life"].default < Settings.model_fields["draft_life"].default == timedelta(30)
    )
