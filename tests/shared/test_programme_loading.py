"""A programme file that breaks a rule is refused with its name, the line and the reason."""

import re
from pathlib import Path

import pytest

from shared.programme import ProgrammeRefused, all_programmes, read_folder
from shared.programme.loading import FOLDER
from shared.service import Context, Service
from shared.settings import ServiceSettings

MSK = (FOLDER / "msk_international.toml").read_text(encoding="utf-8")

INTEGRATIVE_NEEDS = 'requires_any = ["comprehensive", "written", "video"]'
VIDEO_NEEDS_INTEGRATIVE = """
[[requirements]]
rule = "R14"
service = "video"
requires_any = ["integrative"]
sentence.en = "x"
sentence.ar = "x"
sentence.zh_Hans = "x"
sentence.es = "x"
"""


def problems_after(
    tmp_path: Path, old: str, new: str, text: str = MSK, name: str = "msk_international.toml"
) -> list[str]:
    assert text.count(old) >= 1, f"the test changes something that isn't there: {old}"
    (tmp_path / name).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ProgrammeRefused) as refused:
        read_folder(tmp_path)
    return str(refused.value).splitlines()


def line_of(text: str, mark: str) -> int:
    return text[: text.index(mark)].count("\n") + 1


BROKEN = {
    "a later stage that gives back more": (
        "delivered = 0",
        "delivered = 1",
        "[refunds]",
        "a later stage must not give back more",
    ),
    "more than all of the fee": (
        "before_acceptance = 100",
        "before_acceptance = 101",
        "before_acceptance = 101",
        "less than or equal to 100",
    ),
    # name: (what stood there, what stands there now, a mark on the line that must be named, the reason)
    "slides that are reviewed and have no address": (
        'laboratory = "Pathology',
        '# laboratory = "Pathology',
        "[contacts]",
        "slides are reviewed, and no laboratory says where they are sent",
    ),
    "a way to get something that nobody described": (
        'way = "radiology"',
        'way = "telepathy"',
        'way = "telepathy"',
        "'telepathy' is no way of this programme",
    ),
    "a line that hangs on a question nobody asks": (
        'exists = ["surgery"]',
        'exists = ["astrology"]',
        'exists = ["astrology"]',
        "'astrology' is no question of its history",
    ),
    "an age that is no duration": (
        'max_age = "P90D"',
        'max_age = "three months"',
        'max_age = "three months"',
        "a duration is written as P7D",
    ),
    "a reason that a language lacks": (
        'why.es = "Por él empieza',
        'why.fr = "Por él empieza',
        'why.fr = "Por él empieza',
        "fr is none of this programme's languages",
    ),
    "something that a hospital is asked for and no letter can name": (
        'request.en = "The written report of each scan"',
        'requests.en = "The written report of each scan"',
        'requests.en = "The written report of each scan"',
        "is no key that a programme has",
    ),
    "who is asked and isn't there": (
        'asked = "local_physician"',
        'asked = "neighbour"',
        'asked = "neighbour"',
        "asked",
    ),
    "an authorisation that doesn't say who collects": (
        "or to {partner}, who collects them for {hospital} for",
        "or to those who collect them for",
        "or to those who collect them for",
        "release_authority covers two organisations",
    ),
    "an unknown service in a rule": (
        INTEGRATIVE_NEEDS,
        'requires_any = ["written", "surgery"]',
        'requires_any = ["written", "surgery"]',
        "'surgery' is no service of this programme",
    ),
    "a rule about an unknown service": (
        'service = "integrative"',
        'service = "integrated"',
        'service = "integrated"',
        "'integrated' is no service",
    ),
    "an inclusion of an unknown service": (
        'includes = ["pathology"',
        'includes = ["pathologist"',
        'includes = ["pathologist"',
        "'pathologist' is no service",
    ),
    "a service that includes itself": (
        'includes = ["pathology"',
        'includes = ["comprehensive"',
        'includes = ["comprehensive"',
        "can't include itself",
    ),
    "a price with a fraction": (
        "price_minor = 90000",
        "price_minor = 900.5",
        "price_minor = 900.5",
        "must be a whole number",
    ),
    "a price in quotes": (
        "price_minor = 90000",
        'price_minor = "90000"',
        'price_minor = "90000"',
        "must be a whole number",
    ),
    "a price below nothing": (
        "price_minor = 90000",
        "price_minor = -1",
        "price_minor = -1",
        "greater than or equal to 0",
    ),
    "a price that is missing": (
        "price_minor = 90000\n",
        "",
        "[catalogue.pathology]",
        "catalogue.pathology.price_minor is missing",
    ),
    "a zone nobody knows": (
        'zone = "America/New_York"',
        'zone = "America/Gotham"',
        'zone = "America/Gotham"',
        "no time zone",
    ),
    "a zone that is a path": ('zone = "America/New_York"', 'zone = "../etc/passwd"', 'zone = "../etc', "no time zone"),
    "a country without holidays": (
        'country = "US"',
        'country = "XX"',
        "[calendar]",
        "no public holidays are known for XX",
    ),
    "an office that closes first": ("opens = 09:00:00", "opens = 18:00:00", "[calendar]", "must open before it closes"),
    "a weekday nobody knows": ('days = ["mon"', 'days = ["moon"', 'days = ["moon"', "'mon'"),
    "a version below one": ("version = 1\nname", "version = 0\nname", "version = 0", "greater than or equal to 1"),
    "a version in words": ("version = 1\nname", 'version = "one"\nname', 'version = "one"', "must be a whole number"),
    "a currency nobody has": ('currency = "USD"', 'currency = "USX"', 'currency = "USX"', "no currency of ISO 4217"),
    "a title missing in one language": (
        'title.ar = "رأي ثانٍ شامل عن بُعد"\n',
        "",
        'title.en = "Comprehensive',
        "catalogue.comprehensive.title is missing in ar",
    ),
    "a text missing in one language": (
        'ar = "اختر خدمة واحدة على الأقل."\n',
        "",
        "[sentences.nothing_chosen]",
        "sentences.nothing_chosen is missing in ar",
    ),
    "a title that is empty": (
        'title.ar = "راحة البال"',
        'title.ar = " "',
        'title.en = "Peace of mind"',
        "the text is empty in ar",
    ),
    "no English": ('title.en = "Peace of mind"\n', "", 'title.ar = "راحة البال"', "the English text is missing"),
    "a language that the programme doesn't have": (
        'title.en = "Peace of mind"',
        'title.fr = "Sérénité"\ntitle.en = "Peace of mind"',
        "title.fr",
        "fr is none of this programme's languages",
    ),
    "a text that is missing altogether": (
        "[texts.surgery_advice]",
        "[texts.surgical_advice]",
        "[texts.headline]",
        "the text surgery_advice is missing",
    ),
    "a sentence that is missing": (
        "[sentences.chosen_twice]",
        "[sentences.chosen_often]",
        "[sentences.nothing_chosen]",
        "the sentence chosen_twice is missing",
    ),
    "no English at all": (
        'locales = ["en", "ar", "zh_Hans", "es"]',
        'locales = ["ar", "zh_Hans", "es"]',
        'locales = ["ar"',
        "English must be among the languages",
    ),
    "a consent that names one organisation": (
        "I agree that {hospital} and {partner} share",
        "I agree that {hospital} may share",
        "I agree that {hospital} may",
        "must name {hospital} and {partner} (R29)",
    ),
    "a placeholder for nothing": (
        "care of {hospital} or of its",
        "care of {clinic} or of its",
        "care of {clinic}",
        "{clinic} stands for nothing",
    ),
    "a range where each price is an individual quote": (
        "price_minor = 450000",
        "price_minor = 450000\nrange_minor = [400000, 500000]",
        "range_minor = [400000, 500000]",
        "each price is an individual quote",
    ),
    "prices that are shown as a range and have none": (
        'prices_shown = "individual_quote"',
        'prices_shown = "range"',
        "[catalogue.comprehensive]",
        "comprehensive has no range_minor",
    ),
    "slides that nobody knows how to send": (
        MSK[MSK.index("[slide_travel]") : MSK.index("# -----", MSK.index("[slide_travel]"))],
        "",
        "",
        "slide_travel doesn't say from where",
    ),
    "slides from nowhere": (
        "[slide_travel.countries.CN]",
        "[slide_travel.countries.XQ]",
        "[slide_travel.countries.XQ]",
        "'XQ' is no country of ISO 3166",
    ),
    "recut slides from where no glass may leave": (
        'glass = "no"\ninstead = ["digital"]',
        'glass = "no"\ninstead = ["recut"]',
        'instead = ["recut"]',
        "recut slides are glass too",
    ),
    "a source that is missing in a language": (
        'source.es = "La Unión',
        'source.fr = "La Unión',
        'source.en = "The Eurasian',
        "source is missing in es",
    ),
    "a key that is misspelt": (
        "needs_pathology = false",
        "need_pathology = false",
        "need_pathology",
        "is it misspelt?",
    ),
    "a duration in words": ('nudge_after = "P7D"', 'nudge_after = "a week"', "nudge_after", "written as P7D"),
    "a duration that is a number": ('nudge_after = "P7D"', "nudge_after = 7", "nudge_after = 7", "written as P7D"),
    "a duration of nothing": ('nudge_after = "P7D"', 'nudge_after = "P0D"', "nudge_after", "greater than"),
    "a target that ends before it begins": (
        'target_to = "P4W"',
        'target_to = "P1W"',
        'target_to = "P1W"',
        "must not end before it begins",
    ),
    "a service that reviews slides nobody asks for": (
        'kind = "slides"',
        'kind = "document"',
        "needs_pathology = true",
        "asks for no slides",
    ),
    "a service that reads scans nobody asks for": (
        'kind = "imaging"',
        'kind = "document"',
        "needs_radiology = true",
        "asks for no imaging",
    ),
    "an unknown cancer type in a checklist": (
        'cancer_types = ["breast"]',
        'cancer_types = ["heart"]',
        'cancer_types = ["heart"]',
        "'heart' is no cancer type",
    ),
    "the same thing asked for twice": (
        'cancer_types = ["prostate"]',
        'cancer_types = ["breast"]',
        "",
        "would be asked for in the same case",
    ),
    "a checklist for an unknown service": (
        'services = ["integrative"]',
        'services = ["integrated"]',
        'services = ["integrated"]',
        "'integrated' is no service",
    ),
    "something owed that isn't described": (
        'owes = ["visit_report"]',
        'owes = ["visit_film"]',
        'owes = ["visit_film"]',
        "'visit_film' is no owed thing",
    ),
    "a free number in no country": ("AU = ", "ZZ = ", "ZZ = ", "'ZZ' is no country"),
    "a code with a space": (
        'code = "clinical_summary"',
        'code = "clinical summary"',
        'code = "clinical summary"',
        "pattern",
    ),
    "no TOML": ("[clocks]", "[clocks", "[clocks", "this is no TOML"),
    "a file cut off": (
        'wording.zh_Hans = "本演示依据公开说明制作，并非由 {hospital} 运营、附属或认可。"',
        "wording.zh_Hans = ",
        "wording.zh_Hans = \n",
        "this is no TOML",
    ),
}


@pytest.mark.parametrize(("old", "new", "mark", "reason"), BROKEN.values(), ids=BROKEN)
def test_a_broken_file_is_refused_with_line_and_reason(
    tmp_path: Path, old: str, new: str, mark: str, reason: str
) -> None:
    problems = problems_after(tmp_path, old, new)
    broken = MSK.replace(old, new, 1)
    found = [problem for problem in problems if reason in problem]
    assert found, problems
    if mark:
        assert found[0].startswith(f"msk_international.toml:{line_of(broken, mark)}: "), found


def test_a_file_with_three_mistakes_names_all_three(tmp_path: Path) -> None:
    text = MSK.replace('country = "US"', 'country = "XX"').replace("price_minor = 90000", "price_minor = 1.5")
    problems = problems_after(tmp_path, 'nudge_after = "P7D"', "nudge_after = 7", text)
    assert len(problems) == 3


def test_services_that_need_each_other_in_a_circle_are_refused(tmp_path: Path) -> None:
    only_video = MSK.replace(INTEGRATIVE_NEEDS, 'requires_any = ["video"]')
    circle = VIDEO_NEEDS_INTEGRATIVE + "\n[[inclusions]]"
    problems = problems_after(tmp_path, "[[inclusions]]", circle, only_video)
    broken = only_video.replace("[[inclusions]]", circle)
    lines = [place.start() for place in re.finditer(re.escape("[[requirements]]"), broken)]
    assert [problem.split(": ")[0] for problem in problems] == [
        f"msk_international.toml:{broken[:place].count(chr(10)) + 1}" for place in lines
    ]
    assert all("in a circle" in problem for problem in problems)


def test_a_service_that_no_selection_may_hold_is_refused(tmp_path: Path) -> None:
    only_comprehensive = MSK.replace(INTEGRATIVE_NEEDS, 'requires_any = ["comprehensive"]')
    problems = problems_after(
        tmp_path, 'includes = ["pathology"', 'includes = ["integrative", "pathology"', only_comprehensive
    )
    assert any("leave no selection with integrative in it" in problem for problem in problems)


def test_a_file_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    content = MSK.encode().replace("رأي ثانٍ شامل عن بُعد".encode(), b"\xff\xfe")
    (tmp_path / "msk_international.toml").write_bytes(content)
    line = line_of(MSK, "رأي ثانٍ شامل عن بُعد")
    with pytest.raises(ProgrammeRefused, match=rf"msk_international.toml:{line}: this is no UTF-8"):
        read_folder(tmp_path)


def test_a_service_that_nothing_has_to_be_sent_for_is_refused(tmp_path: Path) -> None:
    asked = MSK.replace('services = ["integrative"]', 'services = ["written"]').replace(
        ', "integrative"]\ntitle', "]\ntitle"
    )
    problems = problems_after(tmp_path, "version = 1\nname", "version = 1\nname", asked)
    assert problems == [
        f"msk_international.toml:{line_of(asked, '[catalogue.integrative]')}: no checklist item is for integrative"
    ]


def test_a_catalogue_that_could_not_be_checked_in_time_is_refused(tmp_path: Path) -> None:
    written = MSK[MSK.index("[catalogue.written]") : MSK.index("[catalogue.pathology]")]
    many = "".join(written.replace("[catalogue.written]", f"[catalogue.extra_{number}]") for number in range(9))
    problems = problems_after(tmp_path, "[catalogue.pathology]", many + "[catalogue.pathology]")
    assert any("at most 14 services" in problem for problem in problems)


def test_a_section_that_is_no_table_is_refused(tmp_path: Path) -> None:
    start, end = (
        MSK.index("[reasons.new_diagnosis]"),
        MSK.index("# ---------------------------------------------------------------- cancer"),
    )
    problems = problems_after(tmp_path, "version = 1\nname", "version = 1\nreasons = 8\nname", MSK[:start] + MSK[end:])
    assert any(problem.startswith("msk_international.toml:8: reasons") for problem in problems), problems


def test_a_file_is_named_after_its_programme(tmp_path: Path) -> None:
    [problem] = problems_after(tmp_path, "version", "version", name="other.toml")
    assert "is named msk_international.toml or msk_international.v1.toml" in problem


def test_the_same_version_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "msk_international.toml").write_text(MSK, encoding="utf-8")
    (tmp_path / "msk_international.v1.toml").write_text(MSK, encoding="utf-8")
    with pytest.raises(ProgrammeRefused, match=r"msk_international.v1.toml:\d+: another file holds"):
        read_folder(tmp_path)


def test_two_versions_live_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "msk_international.toml").write_text(MSK, encoding="utf-8")
    newer = MSK.replace("version = 1\nname", "version = 2\nname").replace("price_minor = 90000", "price_minor = 95000")
    (tmp_path / "msk_international.v2.toml").write_text(newer, encoding="utf-8")
    found = read_folder(tmp_path)
    assert {key: rules.catalogue["pathology"].price_minor for key, rules in found.items()} == {
        ("msk_international", 1): 90_000,
        ("msk_international", 2): 95_000,
    }


def test_both_programmes_of_the_product_are_read() -> None:
    both = {("msk_international", 1), ("harborlight_integrative", 1), ("harborlight_integrative", 2)}
    assert set(all_programmes()) == both


def test_a_version_that_says_nothing_of_refunds_gives_back_as_r21_has_it(tmp_path: Path) -> None:
    section = MSK[MSK.index("[refunds]") : MSK.index("[contacts]")]
    (tmp_path / "msk_international.toml").write_text(MSK.replace(section, ""), encoding="utf-8")
    back = read_folder(tmp_path)["msk_international", 1].refunds
    assert (back.before_acceptance, back.in_review, back.delivered, back.two_people_above_minor) == (100, 0, 0, None)
    halves = [all_programmes()["harborlight_integrative", version].refunds.in_review for version in (1, 2)]
    assert halves == [0, 50], "a case keeps the version it began with (R18)"


async def test_a_service_does_not_start_on_a_broken_programme(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "msk_international.toml").write_text(MSK.replace("price_minor = 90000", "price_minor = 1.5"))
    monkeypatch.setattr("shared.service.all_programmes", lambda: read_folder(tmp_path))
    with pytest.raises(ProgrammeRefused, match=r"msk_international.toml:\d+: catalogue.pathology.price_minor must be"):
        await Context.open(Service("toy", tmp_path, lambda: ServiceSettings(database_url="postgresql://nowhere")))


def test_a_sample_price_outside_its_range_is_refused(tmp_path: Path) -> None:
    text = (FOLDER / "harborlight_integrative.toml").read_text(encoding="utf-8")
    [problem] = problems_after(tmp_path, "[40000, 55000]", "[46000, 55000]", text, "harborlight_integrative.toml")
    assert "the sample price of integrative lies outside its range" in problem
