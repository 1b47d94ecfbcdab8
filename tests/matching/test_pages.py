"""The pages: each step by plain forms, what the patient's side reads, and who may not."""

import re
from html import unescape
from pathlib import Path

import httpx
import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from shared.ids import CaseId, new_id
from shared.web.catalogues import TRANSLATED
from shared.web.principals import Role
from tests.matching.conftest import Clinic, finished
from tests.support.facts import complete, withdrawn

HTML = {"Accept": "text/html"}


async def see(who: httpx.AsyncClient, path: str, status: int = 200) -> str:
    """Return the words of a page."""
    answer = await who.get(path, headers=HTML)
    assert answer.status_code == status, answer.text
    return unescape(re.sub(r"\s+", " ", answer.text))


async def send(who: httpx.AsyncClient, path: str, **fields: object) -> httpx.Response:
    return await who.post(path, data={"_once": str(new_id()), **fields}, headers=HTML)


async def test_a_case_goes_all_the_way_by_forms_alone(clinic: Clinic) -> None:
    case_id = await clinic.a_complete_case()
    # the clinical lead chooses
    page = await see(clinic.lead, f"/desk/matching/cases/{case_id}")
    assert "Subspecialty is this very tumour. (60)" in page.replace('<span class="c-quiet">', "").replace("</span>", "")
    assert "Nobody is asked yet" in page
    ids = await clinic.ids(case_id)
    chosen = [ids["Dr Imani Okafor"], ids["Dr Annika Solberg"]]
    assert (await send(clinic.lead, f"/desk/matching/cases/{case_id}/offers", chosen=chosen)).status_code == 303
    assert "A specialist was asked" in await see(clinic.lead, f"/desk/matching/cases/{case_id}")

    # the specialist sees the offer, and takes it
    assert "Case 7K3M-9QXW-C" in await see(clinic.imani, "/desk/matching")
    offer = f"/desk/matching/offers/{await clinic.offer_of(clinic.imani)}"
    assert "Dr Layla Mansour, Amman Clinic" in await see(clinic.imani, offer)
    refused = await send(clinic.imani, f"{offer}/accept")
    assert refused.status_code == 422
    assert "Confirm the declaration" in refused.text
    assert (await send(clinic.imani, f"{offer}/accept", no_conflict="yes")).status_code == 303
    assert "You took this case" in await see(clinic.imani, offer)

    # writes, is told what is missing, mends it
    path = f"/desk/matching/cases/{case_id}/opinion"
    page = await see(clinic.imani, path)
    assert "هل يمكنني الانتظار؟" in page
    assert f"/desk/records/cases/{case_id}/materials" in page
    link = f'<a href="/desk/records/cases/{case_id}/materials">'
    assert link + "The materials on a page of their own" in page
    assert link + "Read them" in await see(clinic.imani, "/desk/matching")
    words = {key: value for key, value in finished().items() if isinstance(value, str)}
    asked = {"question": ["q1", "q2"], "outcome": ["answered", ""], "answer": ["Probably not.", ""]}
    assert (await send(clinic.imani, path, _version="1", **words, **asked, then="sign")).status_code == 303
    page = await see(clinic.imani, f"{path}/sign")
    assert "Question 2 is open" in page
    assert 'name="name"' not in page
    asked |= {"outcome": ["answered", "redirected"], "answer": ["Probably not.", "Your surgeon knows."]}
    again = await send(clinic.imani, path, _version="2", **words, **asked, then="save")
    assert again.headers["location"] == f"{path}?saved=1"
    assert "Saved" in await see(clinic.imani, again.headers["location"])
    page = await see(clinic.imani, f"{path}/sign")
    assert "فاطمة الزهراء" in page, "she sees for whom she signs"
    assert "May 4, 1980" in page

    # signs under her own name
    assert (await clinic.imani.get(f"{path}/preview.pdf")).content.startswith(b"%PDF-")
    for fields, sentence in (
        ({}, "Type your name"),
        ({"name": "Yusuf Demir", "confirm": "yes"}, "as it stands on the roster"),
    ):
        wrong = await send(clinic.imani, f"{path}/sign", _version="3", **fields)
        assert wrong.status_code == 422
        assert sentence in wrong.text
    assert (
        await send(clinic.imani, f"{path}/sign", _version="3", name="Imani Okafor", confirm="yes")
    ).status_code == 303
    await clinic.service.run_errands()
    page = await see(clinic.imani, path)
    assert "Opinion signed" in page
    assert "فاطمة الزهراء" in page
    assert "not opened yet" in page
    assert (await see(clinic.imani, "/desk/matching")).count("Delivered") == 1
    assert (await clinic.imani.get(f"{path}/sign", headers=HTML)).status_code == 303
    assert (await clinic.imani.get(f"{path}.pdf")).headers["content-type"] == "application/pdf"


async def test_the_author_is_told_which_characters_cannot_be_printed(clinic: Clinic) -> None:
    case_id = await clinic.a_case_with_imani()
    await clinic.write(case_id, finished(plan="All good 😀"))
    page = await see(clinic.imani, f"/desk/matching/cases/{case_id}/opinion/sign")
    assert "These characters can't be printed: 😀." in page


async def test_a_form_with_nobody_ticked_says_what_to_do(clinic: Clinic) -> None:
    case_id = await clinic.a_complete_case()
    answer = await send(clinic.lead, f"/desk/matching/cases/{case_id}/offers")
    assert answer.status_code == 422
    assert "Choose at least one specialist" in answer.text


async def test_declining_by_form_takes_a_reason_and_asks_the_next(clinic: Clinic) -> None:
    case_id = await clinic.a_complete_case(cancer_type="lung")
    await clinic.offer(case_id, "Dr Yusuf Demir", "Dr Imani Okafor")
    offer = f"/desk/matching/offers/{await clinic.offer_of(clinic.yusuf)}"
    assert (await send(clinic.yusuf, f"{offer}/decline")).status_code == 422
    assert (await send(clinic.yusuf, f"{offer}/decline", reason="On leave")).headers["location"] == "/desk/matching"
    assert "closed" in await see(clinic.yusuf, offer)
    assert await clinic.offer_of(clinic.imani)
    assert "On leave" in await see(clinic.lead, f"/desk/matching/cases/{case_id}")


async def test_a_stale_form_changes_nothing(clinic: Clinic) -> None:
    case_id = await clinic.a_case_with_imani()
    path = f"/desk/matching/cases/{case_id}/opinion"
    assert (await send(clinic.imani, path, _version="1", plan="First")).status_code == 303
    stale = await send(clinic.imani, path, _version="1", plan="Second")
    assert stale.status_code == 412
    assert "keep a copy" in stale.text
    assert (await clinic.service.fetch("SELECT plan FROM opinions"))[0]["plan"] == "First"


async def test_the_patient_reads_the_opinion_and_what_it_is_not(clinic: Clinic) -> None:
    case_id = await clinic.a_delivered_case()
    patient = clinic.reader(Role.PATIENT, case_id)
    page = await see(patient, f"/my/matching/cases/{case_id}/opinion")
    for said in (
        "Surgery first, then radiotherapy.", "<li>Core biopsy</li>", "Do I need chemotherapy?", "Someone else can answer this question:",
        "depends on the extent, quality and quantity", "does not place the patient under the care",
        "take questions about this opinion to your local physician first", "Dr Imani Okafor",
    ):  # fmt: skip
        assert said in page, said
    assert f'<a href="/my/records/cases/{case_id}">Write to your case manager</a>' in page
    assert "Your opinion is ready" in await see(patient, f"/my/matching/cases/{case_id}/summary")


async def test_the_local_physician_reads_words_meant_for_a_doctor(clinic: Clinic) -> None:
    case_id = await clinic.a_delivered_case()
    doctor = clinic.reader(Role.LOCAL_PHYSICIAN, case_id)
    for page in (
        await see(doctor, f"/my/matching/cases/{case_id}/opinion"),
        await see(doctor, f"/my/matching/cases/{case_id}/summary"),
    ):
        assert "The second opinion on your patient" in page
        assert "You: speak with the patient about it first" in page
        assert "talk about it with your local physician" not in page
        assert "Write to your case manager" not in page


@pytest.mark.parametrize(
    ("locale", "said"), [("ar", "رأيك الطبي الثاني"), ("zh_Hans", "您的第二诊疗意见"), ("es", "Su segunda opinión")]
)
async def test_the_patients_page_speaks_the_patients_language(clinic: Clinic, locale: str, said: str) -> None:
    case_id = await clinic.a_delivered_case()
    patient = clinic.reader(Role.PATIENT, case_id, locale)
    page = await see(patient, f"/my/matching/cases/{case_id}/opinion")
    assert said in page
    assert '<div lang="en" dir="ltr">' in page
    assert "Please note" not in page
    summary = await see(patient, f"/my/matching/cases/{case_id}/summary")
    assert "Your opinion" not in summary


async def test_the_summary_says_who_acts_next_once_there_is_a_case_to_match(clinic: Clinic) -> None:
    case_id = CaseId(new_id())
    clinic.knows(case_id)
    patient, path = clinic.reader(Role.PATIENT, case_id), f"/my/matching/cases/{case_id}/summary"
    desk = f"/desk/matching/cases/{case_id}/summary"
    page = await see(patient, path)
    assert "once all your records are in</strong>" in page
    assert "Who acts next" not in page, "before payment nobody collects: the case's own page says who acts"
    assert "Not yet" in await see(clinic.lead, desk)
    await clinic.service.receives(complete(case_id))
    assert "We are choosing a specialist" in await see(patient, path)
    assert "To match" in await see(clinic.lead, desk)
    await clinic.offer(case_id, "Dr Imani Okafor")
    assert "A specialist was asked" in await see(patient, path)
    assert "Offered" in await see(clinic.lead, desk)
    await clinic.accept(clinic.imani)
    assert "Dr Imani Okafor" in await see(patient, path)
    assert "Being written" in await see(clinic.imani, desk)
    await clinic.write(case_id)
    await clinic.sign(case_id)
    assert "being prepared for you" in await see(patient, path)
    assert "Delivery is under way" in await see(clinic.lead, desk)
    await see(patient, f"/my/matching/cases/{case_id}/opinion", status=404)
    await clinic.service.run_errands()
    assert "Read the opinion" in await see(patient, path)
    assert "Delivered" in await see(clinic.lead, desk)


async def test_a_withdrawn_case_says_so_everywhere(clinic: Clinic) -> None:
    case_id = await clinic.a_case_with_imani()
    await clinic.service.receives(withdrawn(case_id))
    assert "withdrawn" in await see(clinic.reader(Role.PATIENT, case_id), f"/my/matching/cases/{case_id}/summary")
    for who, path in ((clinic.lead, "/summary"), (clinic.lead, ""), (clinic.imani, "/opinion")):
        assert "Withdrawn" in await see(who, f"/desk/matching/cases/{case_id}{path}")


async def test_who_writes_reads_why_the_patient_asks_in_their_own_words(clinic: Clinic) -> None:
    case_id = await clinic.a_case_with_imani()
    clinic.knows(case_id, story="It began in <May>.")
    assert "It began in <May>." in await see(clinic.imani, f"/desk/matching/cases/{case_id}/opinion")


async def test_a_correction_by_form_is_a_new_version(clinic: Clinic) -> None:
    case_id = await clinic.a_delivered_case()
    path = f"/desk/matching/cases/{case_id}/opinion"
    assert (await send(clinic.imani, f"{path}/correct", reason="The grade is 3.")).status_code == 303
    assert "Corrected opinion, version 2" in await see(clinic.imani, path)
    assert (
        await send(clinic.imani, f"{path}/sign", _version="1", name="Imani Okafor", confirm="yes")
    ).status_code == 303
    await clinic.service.run_errands()
    page = await see(clinic.reader(Role.PATIENT, case_id), f"/my/matching/cases/{case_id}/opinion")
    assert "What was corrected" in page
    assert "The grade is 3." in page


async def test_a_missing_physician_waits_on_the_desk_until_named(clinic: Clinic) -> None:
    case_id = await clinic.a_delivered_case(local_physician=None)
    page = await see(clinic.lead, f"/desk/matching/cases/{case_id}")
    assert "Deliver again" in page
    assert "Not available yet" in page
    clinic.knows(case_id)
    assert (await send(clinic.lead, f"/desk/matching/cases/{case_id}/deliver")).status_code == 303
    await clinic.service.run_errands()
    assert "Deliver again" not in await see(clinic.lead, f"/desk/matching/cases/{case_id}")
    assert (await send(clinic.lead, f"/desk/matching/cases/{case_id}/deliver")).status_code == 409


async def test_pages_keep_out_who_has_no_business_there(clinic: Clinic) -> None:
    case_id = await clinic.a_delivered_case()
    other = clinic.reader(Role.PATIENT, CaseId(new_id()))
    for part in ("opinion", "opinion.pdf", "summary"):
        await see(other, f"/my/matching/cases/{case_id}/{part}", status=404)
        await see(clinic.imani, f"/my/matching/cases/{case_id}/{part}", status=403)
    await see(clinic.yusuf, f"/desk/matching/cases/{case_id}/opinion", status=404)
    await see(clinic.yusuf, f"/desk/matching/cases/{case_id}/opinion.pdf", status=404)
    await see(clinic.yusuf, f"/desk/matching/cases/{case_id}", status=403)
    stranger = clinic.service.sign_in(Role.SPECIALIST, subject="staff-nobody")
    assert "Not on the roster" in await see(stranger, "/desk/matching", status=403)
    await see(clinic.lead, f"/desk/matching/cases/{new_id()}", status=404)
    await see(clinic.imani, f"/desk/matching/offers/{new_id()}", status=404)


@pytest.mark.parametrize("locale", TRANSLATED)
def test_every_sentence_that_patients_see_is_translated(locale: str) -> None:
    home = Path("services/matching")
    with (home / "locale" / locale / "LC_MESSAGES" / "messages.po").open("rb") as file:
        catalogue = read_po(file, locale=locale)
    methods = [("**.py", "python"), ("templates/matching/my_*.html", "jinja2")]
    options = {"templates/matching/my_*.html": {"extensions": "jinja2.ext.i18n"}}
    found = {
        message for _, _, message, _, _ in extract_from_dir(home, methods, options, keywords={"_": None, "N_": None})
    }
    assert len(found) > 30
    for message in found:
        translated = catalogue.get(message)
        assert translated is not None, message
        assert translated.string, message
