"""The statement says what the ledger says, line by line (R21)."""

from datetime import timedelta

import httpx
import pytest
from hypothesis import settings
from hypothesis.stateful import invariant

from services.billing import domain
from services.billing.domain import Account, Movement
from shared.web import Role
from shared.web.i18n import LOCALES
from tests.billing.conftest import NUMBER, PRICE, CaseFacts, Provider, invoice_ids
from tests.billing.test_domain_states import NOW, Books
from tests.billing.test_pages import read
from tests.support.service import A_MONDAY, ServiceUnderTest


class Statement(Books):
    """The same movements as the ledger's own test, told as a statement after each of them."""

    @invariant()
    def it_equals_the_ledger_and_what_invoice_and_payments_say(self) -> None:
        movements = [Movement(one.kind, one.source, NOW, one.postings) for one in self.entries]
        lines = domain.account_lines(movements)
        postings = [posting for one in self.entries for posting in one.postings]
        for currency in {line.currency for line in lines}:
            mine = [line for line in lines if line.currency == currency]
            assert mine[-1].balance == domain.balance_of(postings, currency)
            assert mine[-1].balance == sum(line.billed - line.paid for line in mine)
            running = 0
            for line in mine:
                running += line.billed - line.paid
                assert line.balance == running
            in_, out = self.came_in[currency], self.went_out[currency]
            assert sum(line.paid for line in mine) == in_ - out
        documented = [paper for one in self.entries for paper in domain.papers(one)]
        billed = sum(
            paper.amount.amount_minor * (1 if paper.kind == "invoice" else -1)
            for paper in documented
            if paper.kind != "receipt"
        )
        written_off = sum(one.amount_minor for one in postings if one.account is Account.DISPUTE_LOSSES)
        assert billed - written_off == sum(line.billed for line in lines)
        fee = sum(one.amount_minor for one in postings if one.account in (Account.DEFERRED, Account.REVENUE))
        assert billed == -fee


Statement.TestCase.settings = settings(max_examples=200, stateful_step_count=20)
TestStatement = Statement.TestCase


@pytest.fixture
async def moved(billing: ServiceUnderTest, case: CaseFacts, provider: Provider) -> ServiceUnderTest:
    billing.peers.answers["intake", f"/cases/{case.id}/contacts"] = {"patient": {"name": "Amal Haddad"}}
    await billing.receives(case.submitted(), case.confirmed())
    [invoice] = await invoice_ids(billing)
    await provider.took(invoice, 100_000)
    await provider.took(invoice, PRICE)
    await provider.took(invoice, 7_000, currency="EUR")
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(days=3))
    return billing


@pytest.mark.parametrize("path", ["/my/billing/cases/{}/statement", "/desk/billing/cases/{}/statement"])
async def test_every_document_and_movement_stands_in_the_statement(
    moved: ServiceUnderTest, case: CaseFacts, path: str
) -> None:
    reader = moved.sign_in(Role.PATIENT if path.startswith("/my") else Role.FINANCE, cases=[case.id])
    page = await read(reader, path.format(case.id))
    for words in (
        "Opening balance",
        "INV-2027-000001",
        "RCT-2027-000001",
        "RCT-2027-000003",
        "CRN-2027-000001",
        NUMBER,
    ):
        assert words in page
    for words in (
        "USD 2,500.00",
        "-USD 1,000.00",
        "EUR 70.00",
        "Amal Haddad",
        "We hold USD 3,500.00 that is yours.",
    ):
        assert words in page


@pytest.mark.parametrize("locale", LOCALES)
async def test_the_statement_can_be_kept(moved: ServiceUnderTest, case: CaseFacts, locale: str) -> None:
    patient = moved.sign_in(Role.PATIENT, cases=[case.id])
    answer = await patient.get(f"/my/billing/cases/{case.id}/statement/pdf?lang={locale}")
    assert answer.status_code == 200
    assert answer.content.startswith(b"%PDF")


async def test_there_is_no_statement_before_the_first_invoice(billing: ServiceUnderTest, case: CaseFacts) -> None:
    patient: httpx.AsyncClient = billing.sign_in(Role.PATIENT, cases=[case.id])
    assert (await patient.get(f"/my/billing/cases/{case.id}/statement")).status_code == 404
