"""Who read what, as a page: for the patient's side, and for those answerable for privacy (M13)."""

from shared.web import Role
from tests.records.conftest import PDF, Case


async def test_a_patient_reads_who_opened_what_and_no_name_of_another_persons_file(case: Case) -> None:
    mine = await case.uploads("clinical_summary", name="summary.pdf")
    wrong = await case.uploads("pathology_report", PDF + b"2", name="Another-Person.pdf")
    assert (await case.manager.get(f"{case.api}/documents/{mine}/content")).status_code == 200
    assert (await case.manager.get(f"{case.api}/documents/{wrong}/content")).status_code == 200
    assert (await case.identifies("pathology_report", wrong, matches=False)).status_code == 200

    page = await case.patient.get(f"/my/records/cases/{case.id}/reads")

    assert page.status_code == 200
    assert "Mara Lindqvist" in page.text
    assert "summary.pdf" in page.text
    assert "case manager" in page.text
    assert "Another-Person.pdf" not in page.text
    assert "set apart because it may be another person’s" in page.text
    assert f'href="/my/records/cases/{case.id}/reads"' in (await case.patient.get(f"/my/records/cases/{case.id}")).text


async def test_the_privacy_officer_reads_all_of_it_and_others_nothing(case: Case) -> None:
    officer = case.records.sign_in(Role.PRIVACY_OFFICER, subject="staff-pia", name="Pia Moreau")
    wrong = await case.uploads("pathology_report", name="Another-Person.pdf")
    assert (await case.identifies("pathology_report", wrong, matches=False)).status_code == 200
    assert (await officer.get(f"{case.api}/documents/{wrong}/content")).status_code == 200
    at = f"/desk/records/cases/{case.id}"

    page = await officer.get(f"{at}/reads")

    assert page.status_code == 200
    assert "Another-Person.pdf" in page.text
    assert f'href="{at}/reads"' in (await officer.get(at)).text
    assert (await case.manager.get(f"{at}/reads")).status_code == 403
    assert "Who read what" not in (await case.manager.get(at)).text


async def test_a_long_list_is_read_to_its_end(case: Case) -> None:
    document = await case.uploads("clinical_summary")
    for _ in range(101):
        assert (await case.manager.get(f"{case.api}/documents/{document}/content")).status_code == 200
    at = f"/my/records/cases/{case.id}/reads"

    first, last = (await case.patient.get(at)).text, (await case.patient.get(f"{at}?part=2")).text

    assert first.count("<tr><td") == 100
    assert last.count("<tr><td") == 1
    assert f'href="{at}?part=2"' in first
    assert f'href="{at}?part=1"' in last
