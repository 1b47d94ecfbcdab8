"""The pages: what a patient reads and pays, what finance does at its desk, without JavaScript."""

import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from babel.messages.pofile import read_po

from shared.events import PaymentReceived, RefundIssued
from shared.web import Role
from shared.web.catalogues import TRANSLATED
from tests.billing.conftest import (
    NUMBER,
    PRICE,
    CaseFacts,
    Provider,
    Sandbox,
    eventually,
    invoice_ids,
    on_the_machines_clock,
    states,
)
from tests.support.service import A_MONDAY, ServiceUnderTest

ONCE = re.compile(r'name="_once" value="([^"]+)"')
LOCALES = Path(__file__).parents[2] / "services" / "billing" / "locale"


async def read(client: httpx.AsyncClient, path: str, status: int = 200) -> str:
    answer = await client.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text
    return text_of(answer)


def text_of(answer: httpx.Response) -> str:
    return unescape(answer.text).replace("\u00a0", " ")


async def send(client: httpx.AsyncClient, page: str, action: str, **fields: str) -> httpx.Response:
    """Send a page's form as a browser does."""
    once = ONCE.search(page)
    assert once, "the page has a form"
    assert f'action="{action}"' in page
    return await client.post(action, data={"_once": once[1], **fields}, headers={"Accept": "text/html"})


@pytest.fixture
def patient(billing: ServiceUnderTest, case: CaseFacts) -> httpx.AsyncClient:
    return billing.sign_in(Role.PATIENT, subject="patient-1", cases=[case.id])


@pytest.fixture
def felix(billing: ServiceUnderTest) -> httpx.AsyncClient:
    return billing.sign_in(Role.FINANCE, subject="staff-felix", name="Felix Grau")


async def test_the_case_page_says_where_it_stands_who_acts_and_by_when(
    billing: ServiceUnderTest, case: CaseFacts, patient: httpx.AsyncClient, provider: Provider
) -> None:
    here = f"/my/billing/cases/{case.id}"
    assert "There is no invoice yet" in await read(patient, f"{here}/summary")
    await billing.receives(case.submitted(), case.confirmed())
    [invoice] = await invoice_ids(billing)
    page = await read(patient, here)
    for words in ("USD 2,500.00 is to be paid", "You: pay by card or bank transfer", "March 15, 2027", NUMBER, "RF"):
        assert words in page
    await provider.took(invoice, PRICE - 5_000)
    assert "USD 50.00 is still missing" in await read(patient, f"{here}/summary")
    await provider.took(invoice, 5_000)
    page = await read(patient, here)
    assert "Everything is paid" in page
    assert "Pay by card" not in page


async def test_an_expired_and_a_withdrawn_case_say_so(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    await billing.run_timers(at=A_MONDAY + timedelta(days=15))
    patient = billing.sign_in(Role.REQUESTER, cases=[case.id])
    assert "The time to pay has ended" in await read(patient, f"/my/billing/cases/{case.id}")
    await billing.receives(case.withdrawn())
    assert "The case was withdrawn" in await read(patient, f"/my/billing/cases/{case.id}")


async def test_the_invoice_can_be_printed(
    billing: ServiceUnderTest, case: CaseFacts, patient: httpx.AsyncClient
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    [invoice] = await invoice_ids(billing)
    page = await read(patient, f"/my/billing/cases/{case.id}/invoices/{invoice}")
    assert "Comprehensive" in page
    assert "Paid to" in page
    await read(patient, f"/my/billing/cases/{case.id}/invoices/{UUID(int=1)}", status=404)


@pytest.mark.parametrize(
    ("locale", "words"), [("ar", "الدفع"), ("zh-Hans", "银行汇款"), ("es", "transferencia bancaria")]
)
async def test_pages_speak_the_patients_language(
    billing: ServiceUnderTest, case: CaseFacts, patient: httpx.AsyncClient, locale: str, words: str
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    page = await read(patient, f"/my/billing/cases/{case.id}?lang={locale}")
    assert words in page
    assert f'lang="{locale}"' in page
    for english in ("Pay by card", "Where it stands", "Still to pay", "If you withdraw"):
        assert english not in page


@pytest.mark.parametrize("locale", TRANSLATED)
def test_every_sentence_is_translated(locale: str) -> None:
    with (LOCALES / locale / "LC_MESSAGES" / "messages.po").open("rb") as file:
        messages = [message for message in read_po(file, locale=locale) if message.id]
    assert len(messages) > 50
    for message in messages:
        assert message.string
        assert set(re.findall(r"%\(\w+\)s", str(message.id))) == set(re.findall(r"%\(\w+\)s", str(message.string)))
    known = {message.id for message in messages}
    for template in (LOCALES.parent / "templates" / "billing").glob("*.html"):
        if not template.name.startswith("desk"):
            assert set(re.findall(r'_\("((?:[^"\\]|\\.)+)"', template.read_text(encoding="utf-8"))) <= known


async def test_paying_by_card_waits_for_the_providers_word(
    billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts
) -> None:
    on_the_machines_clock(billing, case)
    await billing.receives(case.submitted(), case.confirmed())
    patient = billing.sign_in(Role.PATIENT, cases=[case.id])
    [invoice] = await invoice_ids(billing)
    here = f"/my/billing/cases/{case.id}"
    answer = await patient.get(here)
    assert f"form-action 'self' {sandbox.url}" in answer.headers["content-security-policy"]
    in_a_second_tab = await read(patient, here)
    gone = await send(patient, text_of(answer), f"{here}/invoices/{invoice}/pay")
    assert gone.status_code == 303
    await sandbox.behaves(delay_seconds=0.6)
    back = await sandbox.pays(gone.headers["location"])
    returned = back.headers["location"].removeprefix("http://consilium.test")
    assert "We are waiting for the card provider" in await read(patient, returned)
    await eventually(sandbox.all_delivered)
    assert "Your payment is confirmed" in await read(patient, returned)
    polled = await patient.get(returned.replace("/paid", "/confirmation"), headers={"HX-Request": "true"})
    assert "<html" not in polled.text
    assert "hx-trigger" not in polled.text
    again = await send(patient, in_a_second_tab, f"{here}/invoices/{invoice}/pay")
    assert (again.status_code, again.headers["location"]) == (303, here), "it says that all is paid"


async def test_a_declined_card_is_said_plainly(billing: ServiceUnderTest, sandbox: Sandbox, case: CaseFacts) -> None:
    on_the_machines_clock(billing, case)
    await billing.receives(case.submitted(), case.confirmed())
    patient = billing.sign_in(Role.PATIENT, cases=[case.id])
    [invoice] = await invoice_ids(billing)
    here = f"/my/billing/cases/{case.id}"
    gone = await send(patient, await read(patient, here), f"{here}/invoices/{invoice}/pay")
    await sandbox.pays(gone.headers["location"], "4000000000000002")
    await eventually(sandbox.all_delivered)
    [attempt] = await billing.fetch("SELECT provider_id FROM card_attempts")
    assert "Nothing was taken" in await read(
        patient, f"{here}/invoices/{invoice}/paid?payment={attempt['provider_id']}"
    )
    await sandbox.pays(gone.headers["location"])
    assert "We are waiting" in await read(patient, f"{here}/invoices/{invoice}/confirmation?payment=pay_unheard")
    back = await patient.get(f"{here}/invoices/{invoice}/paid")
    assert (back.status_code, back.headers["location"]) == (303, here), "went back without paying"
    assert "did not go through" in await read(patient, here)


async def test_finance_enters_and_matches_a_wire(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    [invoice] = await invoice_ids(billing)
    desk = await read(felix, "/desk/billing")
    wrong = await send(
        felix, desk, "/desk/billing/receipts", bank_reference="B1", amount="a lot", currency="USD", sender=""
    )
    assert wrong.status_code == 422
    for sentence in ("at least 3 characters", "amount in figures", "who sent the money", "the day on which"):
        assert sentence in text_of(wrong)
    fields = {
        "bank_reference": "BANK-1",
        "amount": "2,500.00",
        "currency": "USD",
        "sender": "A",
        "value_on": "2027-03-01",
    }
    entered = await send(felix, desk, "/desk/billing/receipts", **fields)
    assert entered.status_code == 303
    receipt = entered.headers["location"]
    assert "BANK-1" in await read(felix, "/desk/billing")
    page = await read(felix, receipt)
    assert NUMBER in page
    assert "Choose the invoice" in text_of(await send(felix, page, f"{receipt}/match"))
    assert "Read it again" in await read(felix, f"{receipt}?number=7K3M-9QXW-D")
    assert NUMBER in await read(felix, f"{receipt}?number={NUMBER.lower()}")
    matched = await send(felix, page, f"{receipt}/match", invoice_id=str(invoice))
    assert matched.headers["location"].startswith(f"/desk/billing/cases/{case.id}#payment-")
    assert len(await billing.emitted(PaymentReceived)) == 1
    assert "This wire is matched" in await read(felix, receipt)
    await read(felix, f"/desk/billing/receipts/{UUID(int=1)}", status=404)


async def test_finance_sends_a_surplus_back(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient, provider: Provider
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    await provider.took((await invoice_ids(billing))[0], PRICE + 100)
    here = f"/desk/billing/cases/{case.id}"
    page = await read(felix, here)
    assert "USD 1.00 held" in page
    payment = re.search(r'name="payment_id" value="([^"]+)"', page)
    assert payment
    fields = {"payment_id": payment[1], "currency": "USD"}
    wrong = await send(felix, page, f"{here}/refunds", **fields, amount="x", reason="")
    assert wrong.status_code == 422
    assert "Say why the money goes back" in text_of(wrong)
    done = await send(felix, page, f"{here}/refunds", **fields, amount="1", reason="Paid too much")
    assert done.status_code == 303
    assert "The card provider is sending it" in await read(felix, here)
    assert await states(billing) == ["paid"]


async def test_finance_rules_on_the_fee_of_a_withdrawn_case(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient, provider: Provider
) -> None:
    await billing.receives(case.submitted(), case.confirmed(), case.accepted(A_MONDAY))
    await provider.took((await invoice_ids(billing))[0], PRICE)
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(minutes=1))
    here = f"/desk/billing/cases/{case.id}"
    page = await read(felix, here)
    assert (await send(felix, page, f"{here}/fee/keep", reason="")).status_code == 422
    assert (await send(felix, page, f"{here}/fee/keep", reason="Records were read")).status_code == 303
    page = await read(felix, here)
    assert "Felix Grau ruled" in page
    assert "fee earned" in page
    assert await billing.emitted(RefundIssued) == []


async def test_finance_opens_an_expired_invoice_and_pays_a_wire_back(
    billing: ServiceUnderTest, case: CaseFacts
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    [invoice] = await invoice_ids(billing)
    await billing.run_timers(at=A_MONDAY + timedelta(days=15))
    felix = billing.sign_in(Role.FINANCE, subject="staff-felix", name="Felix Grau")
    here = f"/desk/billing/cases/{case.id}"
    opened = await send(
        felix, await read(felix, here), f"{here}/invoices/{invoice}/reinstate", reason="They still want it"
    )
    assert opened.status_code == 303
    assert await states(billing) == ["open"]
    wire = {"bank_reference": "BANK-9", "amount": "2501", "currency": "USD", "sender": "A", "value_on": "2027-03-16"}
    entered = await send(felix, await read(felix, "/desk/billing"), "/desk/billing/receipts", **wire)
    number = f"{entered.headers['location']}?number={NUMBER}"
    await send(felix, await read(felix, number), f"{entered.headers['location']}/match", invoice_id=str(invoice))
    page = await read(felix, here)
    payment = re.search(r'name="payment_id" value="([^"]+)"', page)
    assert payment
    fields = {"payment_id": payment[1], "currency": "USD", "amount": "1.00", "reason": "Paid too much"}
    await send(felix, page, f"{here}/refunds", **fields)
    [refund] = await billing.fetch("SELECT id FROM refunds")
    paid = f"{here}/refunds/{refund['id']}/paid"
    page = await read(felix, here)
    assert "reference of the transfer" in text_of(await send(felix, page, paid, bank_reference=""))
    assert (await send(felix, page, paid, bank_reference="OUT-77")).status_code == 303
    assert len(await billing.emitted(RefundIssued)) == 1


async def test_other_staff_see_how_a_cases_money_stands(billing: ServiceUnderTest, case: CaseFacts) -> None:
    advisor = billing.sign_in(Role.CARE_ADVISOR)
    here = f"/desk/billing/cases/{case.id}"
    assert "No invoice yet" in await read(advisor, f"{here}/summary")
    await billing.receives(case.submitted(), case.confirmed())
    assert "USD 2,500.00 to be paid" in await read(advisor, f"{here}/summary")
    await read(advisor, here, status=403)
    await read(advisor, "/desk/billing", status=403)


async def test_the_queues_have_their_pages(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient, provider: Provider
) -> None:
    await billing.receives(case.confirmed(), case.withdrawn())
    await provider.took((await invoice_ids(billing))[0], PRICE)
    assert "USD 2,500.00 to send back or apply" in await read(felix, "/desk/billing/queues/payments-to-match")
    await read(felix, "/desk/billing/queues/refunds-to-settle")
    await read(felix, f"/desk/billing/cases/{UUID(int=1)}", status=404)
