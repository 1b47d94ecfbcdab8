"""The composition rules of the reference programme against a second reading of R13-R17, over all 64 selections."""

from datetime import UTC, datetime, timedelta
from itertools import chain, combinations

import pytest

from shared import programme
from shared.events import Money, ProgrammeRef
from shared.web.i18n import LOCALES

SERVICES = ("comprehensive", "video", "written", "pathology", "radiology", "integrative")
ALL_SELECTIONS = [frozenset(chosen) for chosen in chain.from_iterable(combinations(SERVICES, n) for n in range(7))]
MSK = programme.current("msk_international")
HARBORLIGHT = programme.current("harborlight_integrative")


def refused_by_reading(chosen: frozenset[str]) -> set[tuple[str, str]]:
    """R13-R17 read once more, without data: which service is refused, by which rule."""
    if not chosen:
        return {("", "R17")}
    refused = set()
    if "comprehensive" in chosen:
        refused |= {(code, "R13") for code in ("pathology", "radiology", "written") if code in chosen}
    if "integrative" in chosen and not ({"comprehensive", "written", "video"} & chosen):
        refused.add(("integrative", "R16"))
    return refused


def test_there_are_64_selections() -> None:
    assert len(set(ALL_SELECTIONS)) == 64
    assert set(MSK.catalogue) == set(SERVICES)


@pytest.mark.parametrize("chosen", ALL_SELECTIONS, ids=lambda chosen: "+".join(sorted(chosen)) or "nothing")
def test_every_selection_is_judged_as_the_rules_read(chosen: frozenset[str]) -> None:
    refusals = MSK.check_selection(sorted(chosen))
    assert {(refusal.code, refusal.rule) for refusal in refusals} == refused_by_reading(chosen)
    assert len(refusals) == len(refused_by_reading(chosen))


def test_half_of_the_selections_are_not_allowed_so_the_rules_bite() -> None:
    allowed = [chosen for chosen in ALL_SELECTIONS if not MSK.check_selection(chosen)]
    assert len(allowed) == 31


def test_a_refusal_is_a_sentence_in_each_language() -> None:
    sentences = {MSK.check_selection(["comprehensive", "pathology"], locale)[0].sentence for locale in LOCALES}
    assert len(sentences) == len(LOCALES)
    assert MSK.check_selection(["comprehensive", "pathology"])[0].sentence.startswith(
        "Pathology consultation is already"
    )
    assert "病理会诊" in MSK.check_selection(["comprehensive", "pathology"], "zh-Hans")[0].sentence


def test_a_service_that_nobody_sells_is_refused_by_its_name() -> None:
    [refusal] = MSK.check_selection(["written", "surgery"])
    assert (refusal.code, refusal.rule) == ("surgery", "R18")
    assert "surgery" in refusal.sentence


def test_a_service_chosen_twice_is_refused_once() -> None:
    assert [refusal.code for refusal in MSK.check_selection(["written", "written", "written"])] == ["written"]


def test_the_sister_programme_sells_integrative_medicine_alone() -> None:
    assert MSK.check_selection(["integrative"]) != []
    assert HARBORLIGHT.check_selection(["integrative"]) == []
    assert [refusal.code for refusal in HARBORLIGHT.check_selection(["video"])] == ["video"]
    assert HARBORLIGHT.check_selection(["video", "integrative"]) == []


def test_prices_add_up_in_the_programmes_own_currency() -> None:
    assert MSK.price(["comprehensive", "video"]) == Money(amount_minor=600_000, currency="USD")
    assert HARBORLIGHT.price(["integrative"]) == Money(amount_minor=45_000, currency="KWD")
    assert MSK.catalogue["video"].currency == "USD"
    assert HARBORLIGHT.catalogue["video"].currency == "KWD"
    assert MSK.sample_prices
    assert HARBORLIGHT.sample_prices


def test_a_price_of_something_unknown_is_an_error_not_zero() -> None:
    with pytest.raises(KeyError):
        MSK.price(["surgery"])


def test_video_comes_after_the_comprehensive_opinion_or_stands_alone() -> None:
    assert MSK.follows("video", ["comprehensive", "video"]) == ("comprehensive",)
    assert MSK.follows("video", ["video"]) == ()
    assert MSK.follows("comprehensive", ["comprehensive", "video"]) == ()


def test_a_written_report_is_owed_after_video_and_after_nothing_else() -> None:
    assert [(owed.code, owed.within) for owed in MSK.owed_after("video")] == [("visit_report", timedelta(days=14))]
    assert all(MSK.owed_after(code) == () for code in SERVICES if code != "video")
    assert MSK.owed_after("video")[0].title_in("ar") == "تقرير مكتوب عن زيارة الفيديو"


def test_the_catalogue_shows_its_rules_on_each_service() -> None:
    assert MSK.catalogue["integrative"].requires == (("comprehensive", "written", "video"),)
    assert MSK.catalogue["comprehensive"].includes == ("pathology", "radiology", "written")
    assert MSK.catalogue["video"].requires == ()


def test_original_materials_are_needed_where_they_are_reviewed() -> None:
    assert {code for code in SERVICES if MSK.needs_pathology([code])} == {"comprehensive", "pathology"}
    assert {code for code in SERVICES if MSK.needs_radiology([code])} == {"comprehensive", "radiology"}


def test_specialties_come_in_the_catalogues_order_each_once() -> None:
    expected = ("oncology", "pathology", "radiology", "integrative")
    assert MSK.specialties(["integrative", "video", "comprehensive"]) == expected
    assert MSK.specialties(["radiology"]) == ("radiology",)


@pytest.mark.parametrize(("codes", "weeks_and_days"), [(["written"], (2, 28)), (["pathology"], (2, 33))])
def test_the_target_is_two_to_four_weeks_and_longer_with_pathology(
    codes: list[str], weeks_and_days: tuple[int, int]
) -> None:
    complete = datetime(2026, 5, 4, 15, tzinfo=UTC)
    weeks, days = weeks_and_days
    assert MSK.targets(codes, complete) == (complete + timedelta(weeks=weeks), complete + timedelta(days=days))


def test_the_sister_programme_aims_at_one_to_three_weeks() -> None:
    complete = datetime(2026, 5, 4, 15, tzinfo=UTC)
    target = HARBORLIGHT.targets(["integrative"], complete)
    assert target == (complete + timedelta(weeks=1), complete + timedelta(weeks=3))


def test_the_checklist_follows_services_and_tumour() -> None:
    codes = {item.code for item in MSK.checklist(["pathology"])}
    assert codes == {"pathology_report", "pathology_slides"}
    breast = MSK.checklist(["written"], "breast")
    assert [item.title for item in breast if item.code == "tumour_report"] == ["Receptor status (ER, PR, HER2)"]
    assert not any(item.code == "tumour_report" for item in MSK.checklist(["written"], "sarcoma"))
    assert not any(item.code == "tumour_report" for item in MSK.checklist(["written"]))


def test_what_may_exist_only_helps_until_somebody_says_that_it_does() -> None:
    def needed(**said: bool) -> dict[str, bool]:
        return {item.code: item.needed for item in MSK.checklist(["written"], None, said)}

    assert needed()["operation_report"] is False
    assert needed(surgery=True)["operation_report"] is True
    assert "operation_report" not in needed(surgery=False)
    assert needed(earlier_opinion=True)["earlier_opinion"] is False, "it only helps, whoever says so"
    assert MSK.depending_on_history() == {"operation_report", "radiotherapy_plan", "medicines_given", "earlier_opinion"}


def test_each_line_says_why_how_and_what_its_absence_means_in_every_language() -> None:
    for rules in (MSK, HARBORLIGHT):
        for item in rules.checklist(rules.catalogue, "breast"):
            for said in (item.whys, item.ways, item.withouts):
                assert len({said[locale] for locale in LOCALES}) == len(LOCALES), item.code
            assert item.asked == "patient" or item.requests is not None


def test_a_checklist_asks_for_nothing_twice_and_needed_things_first() -> None:
    for chosen in ALL_SELECTIONS:
        for cancer_type in MSK.cancer_types:
            items = MSK.checklist(chosen, cancer_type)
            assert len({item.code for item in items}) == len(items)
            assert [item.needed for item in items] == sorted((item.needed for item in items), reverse=True)


def test_slides_are_asked_for_exactly_when_pathology_is_bought() -> None:
    for chosen in ALL_SELECTIONS:
        assert any(item.kind == "slides" for item in MSK.checklist(chosen)) == MSK.needs_pathology(chosen)


def test_no_checklist_code_names_a_diagnosis_since_codes_travel_on_the_wire() -> None:
    words = {word for code in MSK.cancer_types for word in code.split("_")}
    for item in MSK.items:
        assert not words & set(item.code.split("_"))


def test_there_are_eight_reasons_each_in_every_language() -> None:
    assert len(MSK.reasons) == 8
    for reason in MSK.reasons.values():
        assert len({reason.title_in(locale) for locale in LOCALES}) == len(LOCALES)


def test_texts_name_both_organisations_and_carry_a_version() -> None:
    for locale in LOCALES:
        consent = MSK.text("consent", locale)
        assert MSK.organisation_hospital in consent
        assert MSK.organisation_partner in consent
        assert "{" not in consent
    assert MSK.text_version("consent") == "consent.v1"
    assert MSK.text("emergency_notice", "fr") == MSK.text("emergency_notice", "en")
    assert MSK.text("emergency_notice", "zh-Hans") == MSK.text("emergency_notice", "zh_Hans")


def test_every_number_and_address_is_marked_as_made_up() -> None:
    for rules in (MSK, HARBORLIGHT):
        assert rules.contacts.made_up
        assert rules.contacts.email.endswith(".example")
        assert ".example/" in rules.contacts.in_person_url
    assert MSK.contacts.phone_in("gb") == "0808 157 0142"
    assert MSK.contacts.phone_in("FR") == MSK.contacts.phone


def test_a_case_keeps_the_version_that_it_began_with() -> None:
    assert programme.load(ProgrammeRef(id="msk_international", version=1)) is MSK
    assert MSK.ref == ProgrammeRef(id="msk_international", version=1)
    with pytest.raises(programme.UnknownProgramme, match="msk_international version 7"):
        programme.load(ProgrammeRef(id="msk_international", version=7))
    with pytest.raises(programme.UnknownProgramme, match="nowhere"):
        programme.current("nowhere")


def test_nothing_in_a_programme_can_be_changed() -> None:
    with pytest.raises(TypeError):
        MSK.catalogue["video"] = MSK.catalogue["written"]  # type: ignore[index]
    with pytest.raises(TypeError):
        MSK.texts["consent"].wording["en"] = "changed"  # type: ignore[index]
    with pytest.raises(ValueError, match="frozen"):
        MSK.catalogue["video"].price_minor = 1  # type: ignore[misc]


def test_a_programme_speaks_every_language_that_a_patient_may_choose() -> None:
    for rules in (MSK, HARBORLIGHT):
        assert set(rules.locales) == set(LOCALES)


def test_names_descriptions_and_hints_are_said_in_each_language() -> None:
    assert (MSK.name, MSK.name_in("zh-Hans")) == (
        "Remote second opinion for international patients",
        "国际患者远程第二诊疗意见",
    )
    for rules in (MSK, HARBORLIGHT):
        for service in rules.catalogue.values():
            assert service.description == service.description_in("en")
            assert len({service.description_in(locale) for locale in LOCALES}) == len(LOCALES)
        for item in rules.checklist(rules.catalogue):
            assert item.hint == item.hint_in("en")
            assert len({item.hint_in(locale) for locale in LOCALES}) == len(LOCALES)
