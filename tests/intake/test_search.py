"""Finding a case by what a caller says: a name in any script, a number with a slip in it, a phone number, a mail box."""

import re
from typing import Any

import pytest

from shared.ids import CaseId, case_numbers_near, new_case_number, parse_case_number
from shared.web import Role
from tests.intake.asking import HTML, a_request, advisor, submit
from tests.support.service import ServiceUnderTest

PEOPLE = [
    ("محمد عبد الرحمن السعيد", "mohammed@example.com", "+20 100 123 4567"),
    ("Юлия Соловьёва", "yulia@example.org", "+7 (495) 987-65-43"),
    ("欧阳丽华", "lihua@example.net", "010 8888 7777"),
    ("Mira Testova", "mira@example.com", None),
]


async def with_people(intake: ServiceUnderTest) -> dict[str, CaseId]:
    cases = {}
    for name, email, phone in PEOPLE:
        patient: dict[str, Any] = {"name": name, "birth_date": "1961-03-27", "sex": "unknown", "country": "US",
                                   "languages": ["en"], "email": email, "phone": phone}  # fmt: skip
        cases[name] = await submit(intake, a_request(patient=patient))
    await intake.run_timers()
    return cases


async def found(intake: ServiceUnderTest, text: str) -> list[str]:
    """Return the names found, best first."""
    answer = await advisor(intake).get("/api/intake/cases", params={"q": text})
    assert answer.status_code == 200, answer.text
    return [hit["name"] for hit in answer.json()]


async def test_people_are_found_by_name_phone_and_mail_box_however_written(intake: ServiceUnderTest) -> None:
    await with_people(intake)
    arab, russian, chinese, _ = (name for name, *_ in PEOPLE)
    for text, name in [
        ("Mohamed Elsaid", arab), ("محمد السعيد", arab), ("abdurrahman", arab),
        ("Yulia Solovyova", russian), ("соловьева", russian), ("solovi", russian), ("Julia", russian),
        ("Ou Yang Li Hua", chinese), ("歐陽", chinese), ("lihua ouyang", chinese),
        ("0020100 1234567", arab), ("123-4567", arab), ("9876543", russian), ("+86 10 8888 7777", chinese),
        ("YULIA@example.org", russian), ("yulia@exmaple.org", russian),
    ]:  # fmt: skip
        names = await found(intake, text)
        assert names[:1] == [name], (text, names)


@pytest.mark.parametrize(
    "text", ["Zygmunt Kowalczyk", "555 0199 7766", "nobody@nowhere.example", "%", "'; --", "\u0301", "١٢", "\0@"]
)
async def test_what_fits_nobody_finds_nobody(intake: ServiceUnderTest, text: str) -> None:
    await with_people(intake)
    assert await found(intake, text) == []


async def test_a_number_leads_to_its_case_and_a_slip_in_it_proposes_the_case_meant(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    ada = advisor(intake)
    number = (await ada.get(f"/api/intake/cases/{case_id}")).json()["case_number"]
    exact = await ada.get("/desk/cases", params={"q": number.lower().replace("-", " ")}, headers=HTML)
    assert (exact.status_code, exact.headers["location"]) == (303, f"/desk/cases/{case_id}")
    wrong = number.replace(number[0], "7" if number[0] != "7" else "8", 1)
    page = await ada.get("/desk/cases", params={"q": wrong}, headers=HTML)
    assert page.status_code == 200
    assert f"/desk/cases/{case_id}" in page.text
    assert "with a slip" in page.text


async def test_who_knows_no_people_finds_cases_by_number_alone(intake: ServiceUnderTest) -> None:
    cases = await with_people(intake)
    finance = intake.sign_in(Role.FINANCE)
    assert (await finance.get("/api/intake/cases", params={"q": "Mira"})).status_code == 403
    page = (await finance.get("/desk/cases", params={"q": "Mira Testova"}, headers=HTML)).text
    assert str(cases["Mira Testova"]) not in page
    number = (await intake.fetch("SELECT case_number FROM cases WHERE case_id = $1", cases["Mira Testova"]))[0][0]
    assert (await finance.get("/desk/cases", params={"q": number}, headers=HTML)).status_code == 303


async def test_a_patient_is_found_by_the_name_in_the_passport_that_they_confirmed(intake: ServiceUnderTest) -> None:
    patient = {"name": "渡辺 久雄", "latin_name": "Hisao Watanabe", "birth_date": "1961-03-27", "sex": "male", "country": "JP",
               "languages": ["ja"]}  # fmt: skip
    await submit(intake, a_request(patient=patient))
    await intake.run_timers()
    assert await found(intake, "watanabe hisao") == ["渡辺 久雄"]


async def test_each_case_is_found_once_by_its_patient_rather_than_its_requester(intake: ServiceUnderTest) -> None:
    await submit(intake)
    await intake.run_timers()
    hits = (await advisor(intake).get("/api/intake/cases", params={"q": "Testova"})).json()
    assert [(hit["name"], hit["role"]) for hit in hits] == [("Mira Testova", "patient")]


def test_a_new_number_is_of_letters_and_figures_alone() -> None:
    assert all(re.fullmatch(r"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]", new_case_number()) for _ in range(500))


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("7k3m9qxws", "7K3M-9QXW-S"), ("7K3M 9QXW S", "7K3M-9QXW-S"), (" 7K3M\u20119QXW–S.", "7K3M-9QXW-S"),
        ("７Ｋ３Ｍ－９ＱＸＷ－Ｓ", "7K3M-9QXW-S"), ("ooil-oooo-g", "0011-0000-G"), ("0000 0001 l", "0000-0001-1"),
        ("0000-0010-*", "0000-0010-*"), ("0000 001l ~", "0000-0011-~"), ("0000.0012.$", "0000-0012-$"), ("ooooool3=", "0000-0013-="),
    ],
)  # fmt: skip
def test_a_number_is_read_however_it_is_read_out_and_those_with_a_symbol_from_before_are_too(
    said: str, meant: str
) -> None:
    assert parse_case_number(said) == meant


def test_every_slip_of_the_pen_in_a_number_leads_back_to_it() -> None:
    for _ in range(20):
        number = new_case_number()
        plain = number.replace("-", "")
        for at in range(9):
            for wrong in (plain[:at] + plain[at + 1 :], plain[:at] + "Z" + plain[at:], plain[:at] + "Z" + plain[at + 1 :],
                          plain[:at] + plain[at : at + 2][::-1] + plain[at + 2 :]):  # fmt: skip
                assert number in case_numbers_near(wrong), (number, wrong)
        near = case_numbers_near(plain[:-1] + "Z")
        assert all(parse_case_number(one) == one for one in near)
        assert len(near) < 40


@pytest.mark.parametrize("text", ["", "Mira", "Mira Testova", "12345", "7K3M-9QXW-S-7K3M", "ÄÖÜäöüßßß"])
def test_what_is_no_case_number_is_near_none(text: str) -> None:
    assert case_numbers_near(text) == set()
