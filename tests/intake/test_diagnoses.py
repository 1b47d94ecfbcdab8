"""Kinds of cancer by words or code: the programme's table, ICD-10-CM, an imported OncoTree."""

import json

import pytest

from services.intake.__main__ import take_oncotree
from services.intake.diagnoses import icd10, oncotree
from services.intake.diagnoses.search import Kinds
from services.intake.diagnoses.words import matches, words_of
from tests.intake.asking import HTML, RULES, a_request, submit
from tests.intake.filling import BY_A_DAUGHTER, fill, put, send
from tests.support.service import ServiceUnderTest

TREE = {"TISSUE": {"code": "TISSUE", "name": "Tissue", "children": {
    "BREAST": {"code": "BREAST", "name": "Breast", "tissue": "Breast", "children": {
        "ZZTEST": {"code": "ZZTEST", "name": "Made-up Breast Tumour", "children": {}}}},
    "PENIS": {"code": "PENIS", "name": "Penis", "tissue": "Penis", "children": {}}}}}  # fmt: skip


@pytest.mark.parametrize(("query", "first"), [
    ("breast", "breast"), ("BREAST cancer", "breast"), ("mama", "breast"), ("ثدي", "breast"), ("乳腺", "breast"),
    ("leukemia", "leukaemia"), ("leukaemia", "leukaemia"), ("leucemia", "leukaemia"), ("esophagus", "stomach_oesophagus"),
    ("glioblastoma", "brain"), ("C50.911", "icd10cm:C50.911"), ("c509", "icd10cm:C50.9"), ("C91.1", "icd10cm:C91.1"),
])  # fmt: skip
async def test_a_search_finds_it_first_in_any_language_spelling_or_code(
    intake: ServiceUnderTest, query: str, first: str
) -> None:
    async with intake.ctx.db.reading() as tx:
        found = await Kinds(RULES).search(tx, query, "en")
    assert found[0].value == first


@pytest.mark.parametrize(("code", "kind"), [
    ("C50.911", "breast"), ("C90.0", "myeloma"), ("D47.2", "myeloma"), ("D47.1", "leukaemia"), ("D57.1", "leukaemia"),
    ("C81.90", "lymphoma"), ("C75.1", "brain"), ("C75.0", "not_listed"), ("C4A.9", "melanoma"), ("C49.9", "sarcoma"),
])  # fmt: skip
async def test_a_code_belongs_to_the_programmes_narrowest_range(intake: ServiceUnderTest, code: str, kind: str) -> None:
    async with intake.ctx.db.reading() as tx:
        chosen = await Kinds(RULES).chosen(tx, f"icd10cm:{code}")
    assert chosen
    assert chosen.diagnosis
    assert (chosen.cancer_type, chosen.diagnosis.code) == (kind, code)


def test_icd_holds_neoplasms_and_blood_disorders_alone_each_once() -> None:
    codes = [entry.code for entry in icd10.entries()]
    assert len(codes) == len(set(codes)) > 2000
    assert min(codes) == "C00"
    assert max(codes) < "D90"


async def test_a_code_is_kept_with_the_case_beside_the_programmes_type(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, {**BY_A_DAUGHTER, "cancer_type": {"kind": "icd10cm:C50.911"}})
    assert "C50.911" in (await intake.http.get(f"{draft}/check", headers=HTML)).text
    await send(intake.http, draft)
    [case] = await intake.fetch("SELECT case_id, cancer_type FROM cases")
    [said] = await intake.fetch("SELECT diagnosis_system, diagnosis_code, diagnosis_title FROM circumstances")
    title = "Malignant neoplasm of unspecified site of right female breast"
    assert (case["cancer_type"], *said) == ("breast", "icd10cm", "C50.911", title)
    brief = (await intake.as_service("matching").get(f"/api/intake/cases/{case['case_id']}/brief")).json()
    assert brief["diagnosis"]["code"] == "C50.911"


async def test_the_search_works_as_a_page_and_not_being_sure_is_always_an_answer(intake: ServiceUnderTest) -> None:
    draft = await fill(intake.http, {"path": {"path": "new_patient"}})
    found = (await intake.http.get(f"{draft}/cancer_type", params={"q": "thyroid"}, headers=HTML)).text
    assert 'value="thyroid"' in found
    assert "(C73)" in found
    nothing = (await intake.http.get(f"{draft}/cancer_type", params={"q": "xyzzy"}, headers=HTML)).text
    assert 'value="not_listed"' in nothing
    assert "Try another word" in nothing
    assert (await put(intake.http, draft, "cancer_type", {"kind": "not_listed"})).status_code == 303


async def test_an_imported_oncotree_can_be_searched_and_an_import_replaces_the_one_before(
    intake: ServiceUnderTest,
) -> None:
    flat = [{"code": "OLD", "name": "Old Made-up Tumour", "tissue": "Lung"}]
    for content in (flat, TREE):
        async with intake.ctx.db.transaction() as tx:
            said = await take_oncotree(tx, json.dumps(content).encode())
    assert said.startswith("3 ")
    async with intake.ctx.db.reading() as tx:
        kinds = Kinds(RULES)
        assert [one.value for one in await kinds.search(tx, "made-up", "en")] == ["oncotree:ZZTEST"]
        assert [one.value for one in await kinds.search(tx, "zztest", "en")] == ["oncotree:ZZTEST"]
        chosen = await kinds.chosen(tx, "oncotree:ZZTEST")
        assert await kinds.chosen(tx, "oncotree:OLD") is None
    assert chosen
    assert chosen.cancer_type == "breast"


@pytest.mark.parametrize("content", [[], {}, "tree", [{"name": "No code"}], {"A": {"code": "A"}}])
def test_a_file_that_is_no_oncotree_is_refused(content: object) -> None:
    with pytest.raises(oncotree.NotOncoTree):
        oncotree.read(content)


def test_words_are_compared_whole_from_their_beginning() -> None:
    assert matches(words_of("hodg lymph"), "Hodgkin lymphoma")
    assert not matches(words_of("phoma"), "Hodgkin lymphoma")
    assert matches(words_of("tumor"), "A tumour")


async def test_the_json_interface_takes_what_the_form_takes_and_still_takes_what_it_took(
    intake: ServiceUnderTest,
) -> None:
    whole = a_request(
        in_hospital="no", interpreter="pt", heard_from="doctor", call={"zone": "Asia/Amman", "times": ["morning"]},
        may_be_told=[{"name": "Vera Testova", "may_know": ["medical", "costs"]}],
        diagnosis={"system": "icd10cm", "code": "C50.9", "title": "Breast"},
    )  # fmt: skip
    await submit(intake, whole)
    await submit(intake)
    assert await intake.count("circumstances") == 1
    assert await intake.count("confidants") == 1
