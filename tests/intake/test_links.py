"""What a spent link opens: the cases of that mail box in which its reader is what they are in the link's own case."""

from tests.intake.asking import HTML, a_request, by_patient, key, quote, requester, submit
from tests.intake.test_pages import link_to
from tests.support.service import ServiceUnderTest


async def test_a_doctors_link_closes_with_the_case(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    url = await link_to(intake, case_id, "/my", "local_physician")
    gone = await requester(intake, case_id).post(f"/api/intake/cases/{case_id}/withdraw", json={}, headers=key())
    assert gone.status_code == 200, gone.text
    opened = await intake.http.post(url, headers=HTML)
    assert opened.status_code == 410
    assert "set-cookie" not in opened.headers


async def test_a_doctors_link_opens_no_withdrawn_case_beside_its_own(intake: ServiceUnderTest) -> None:
    going_on, withdrawn = await submit(intake), await submit(intake)
    url = await link_to(intake, going_on, "/my", "local_physician")
    await requester(intake, withdrawn).post(f"/api/intake/cases/{withdrawn}/withdraw", json={}, headers=key())
    assert (await intake.http.post(url, headers=HTML)).status_code == 303
    assert (await intake.http.get(f"/my/cases/{going_on}", headers=HTML)).status_code == 200
    assert (await intake.http.get(f"/my/cases/{withdrawn}", headers=HTML)).status_code == 404


async def test_asking_for_oneself_in_one_case_answers_no_quote_in_another(intake: ServiceUnderTest) -> None:
    own = await submit(intake, by_patient())
    patient = a_request()["patient"] | {"email": "mira@example.com"}
    daughters = await submit(intake, a_request(patient=patient))
    offered = await quote(intake, daughters)
    url = await link_to(intake, own, "/my", "patient")
    assert (await intake.http.post(url, headers=HTML)).status_code == 303
    assert (await intake.http.get(f"/my/intake/cases/{own}/quote", headers=HTML)).status_code == 200
    sent = {"quote_id": offered["quote_id"], "revision": offered["revision"]}
    answer = await intake.http.post(f"/api/intake/cases/{daughters}/accept", json=sent, headers=key())
    assert answer.status_code == 404


async def test_a_mail_box_that_asked_twice_opens_both_with_one_link(intake: ServiceUnderTest) -> None:
    one, two = await submit(intake), await submit(intake)
    await intake.http.post(await link_to(intake, one, "/my", "requester"), headers=HTML)
    assert str(two) in (await intake.http.get("/my", headers=HTML)).text
