"""Each odd thing that happens to money is said in plain words, and nobody reads what isn't theirs (R21)."""

import re
from datetime import timedelta

import httpx
import pytest

from services.billing.domain import Oddity
from services.billing.held import WORDS
from shared.web import Role, gettext_for
from shared.web.i18n import LOCALES
from tests.billing.conftest import NUMBER, PRICE, CaseFacts, Provider, invoice_ids
from tests.billing.test_pages import LOCALES as WORDS_OF_BILLING
from tests.billing.test_pages import read
from tests.support.service import A_MONDAY, ServiceUnderTest

EXPIRED_AT = A_MONDAY + timedelta(days=15)
BANK = {"bank_reference": "BANK-77", "amount": {"amount_minor": 1_000, "currency": "USD"}, "sender": "Haddad Trading Company",
        "remittance": "treatment", "value_on": "2027-03-01"}  # fmt: skip


async def billed(billing: ServiceUnderTest, case: CaseFacts) -> httpx.AsyncClient:
    await billing.receives(case.submitted(), case.confirmed())
    return billing.sign_in(Role.PATIENT, subject="patient-1", cases=[case.id])


async def words(billing: ServiceUnderTest, case: CaseFacts, oddity: Oddity, amount: str, until: str) -> None:
    """The page says what we hold, why, what happens next, and by when."""
    reader = billing.sign_in(Role.REQUESTER, subject="requester-1", cases=[case.id])
    page = await read(reader, f"/my/billing/cases/{case.id}")
    for sentence in (f"We hold {amount} for you", *WORDS[oddity], f"Our finance office decides by: {until}"):
        assert sentence in _plain(page)


def _plain(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<time[^>]*>|</time>", "", page))


async def test_a_payment_after_the_quotes_time(billing: ServiceUnderTest, case: CaseFacts, provider: Provider) -> None:
    await billed(billing, case)
    await billing.run_timers(at=EXPIRED_AT)
    await provider.took((await invoice_ids(billing))[0], PRICE)
    await words(billing, case, Oddity.EXPIRED, "USD 2,500.00", "March 19, 2027")


async def test_a_part_of_the_price_whose_time_ended(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billed(billing, case)
    await provider.took((await invoice_ids(billing))[0], 50_000)
    await billing.run_timers(at=EXPIRED_AT)
    await words(billing, case, Oddity.PART, "USD 500.00", "March 18, 2027")


async def test_a_payment_twice_by_card_and_wire(billing: ServiceUnderTest, case: CaseFacts, provider: Provider) -> None:
    await billed(billing, case)
    [invoice] = await invoice_ids(billing)
    await provider.took(invoice, PRICE)
    finance = billing.sign_in(Role.FINANCE)
    sent = BANK | {"amount": {"amount_minor": PRICE, "currency": "USD"}}
    receipt = (await finance.post("/api/billing/receipts", json=sent, headers={"Idempotency-Key": "receipt-1"})).json()
    path = f"/api/billing/receipts/{receipt['id']}/match"
    matched = await finance.post(path, json={"invoice_id": str(invoice)}, headers={"Idempotency-Key": "match-001"})
    assert matched.status_code == 200, matched.text
    await words(billing, case, Oddity.TWICE, "USD 2,500.00", "March 4, 2027")


async def test_a_payment_after_withdrawal(billing: ServiceUnderTest, case: CaseFacts, provider: Provider) -> None:
    await billed(billing, case)
    [invoice] = await invoice_ids(billing)
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(days=3))
    await provider.took(invoice, PRICE)
    await words(billing, case, Oddity.WITHDRAWN, "USD 2,500.00", "March 7, 2027")


async def test_more_than_the_price(billing: ServiceUnderTest, case: CaseFacts, provider: Provider) -> None:
    await billed(billing, case)
    await provider.took((await invoice_ids(billing))[0], PRICE + 1_250)
    await words(billing, case, Oddity.SURPLUS, "USD 12.50", "March 4, 2027")


@pytest.mark.parametrize(
    ("currency", "amount"), [("EUR", "EUR 2,500.00"), ("JPY", "JPY 250,000"), ("KWD", "KWD 250.000")]
)
async def test_another_currency(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider, currency: str, amount: str
) -> None:
    await billed(billing, case)
    await provider.took((await invoice_ids(billing))[0], PRICE, currency=currency)
    await words(billing, case, Oddity.CURRENCY, amount, "March 4, 2027")


async def test_what_finance_is_late_with_is_said_to_be_late(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billed(billing, case)
    await provider.took((await invoice_ids(billing))[0], PRICE + 1)
    billing.clock.at = A_MONDAY + timedelta(days=4)
    reader = billing.sign_in(Role.PATIENT, cases=[case.id])
    assert "This is late" in await read(reader, f"/my/billing/cases/{case.id}")


@pytest.mark.parametrize("locale", LOCALES)
def test_every_reason_has_words_in_every_language(locale: str) -> None:
    assert set(WORDS) == set(Oddity)
    said = gettext_for(locale, WORDS_OF_BILLING)
    for sentence in (sentence for pair in WORDS.values() for sentence in pair):
        assert locale == "en" or said.gettext(sentence) != sentence


async def test_an_advisor_sees_paid_or_not_and_nothing_of_a_bank(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billed(billing, case)
    [invoice] = await invoice_ids(billing)
    finance = billing.sign_in(Role.FINANCE)
    receipt = (await finance.post("/api/billing/receipts", json=BANK, headers={"Idempotency-Key": "receipt-1"})).json()
    await finance.post(
        f"/api/billing/receipts/{receipt['id']}/match", json={"invoice_id": str(invoice)},
        headers={"Idempotency-Key": "match-001"},
    )  # fmt: skip
    await provider.took(invoice, PRICE, "pay_visible_to_finance")
    advisor = billing.sign_in(Role.CARE_ADVISOR)
    seen = [(await advisor.get(f"/api/billing/cases/{case.id}/invoices")).text]
    summary = await read(advisor, f"/desk/billing/cases/{case.id}/summary")
    assert "paid" in summary
    for text in (*seen, summary):
        for hidden in ("BANK-77", "Haddad", "treatment", "pay_visible", billing.ctx.settings.wire_account):
            assert hidden not in text
    closed = (
        f"/desk/billing/cases/{case.id}", f"/desk/billing/cases/{case.id}/statement", "/desk/billing",
        f"/desk/billing/receipts/{receipt['id']}", f"/api/billing/cases/{case.id}/ledger", "/desk/billing/books",
    )  # fmt: skip
    assert {(await advisor.get(path)).status_code for path in closed} == {403}


async def test_finance_sees_amounts_and_nothing_medical(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    """Billing asks intake for whom to write to and for nothing else: what is medical never comes here."""
    billing.peers.answers["intake", f"/cases/{case.id}/contacts"] = {"patient": {"name": "Amal Haddad"}}
    await billed(billing, case)
    await provider.took((await invoice_ids(billing))[0], PRICE)
    finance = billing.sign_in(Role.FINANCE)
    document = (await billing.fetch("SELECT id FROM documents WHERE kind = 'receipt'"))[0]["id"]
    here = f"/desk/billing/cases/{case.id}"
    for path in (here, f"{here}/statement", f"{here}/documents/{document}"):
        page = await read(finance, path)
        assert "USD 2,500.00" in page
        assert NUMBER in page
    assert {(service, path) for service, path, _ in billing.peers.asked} == {("intake", f"/cases/{case.id}/contacts")}
    columns = await billing.fetch(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name ~ "
        "'diagnos|tumou?r|cancer|story|question|birth|sex'"
    )
    assert columns == []
