"""The books for an accountant: any span of days, the same bytes once it is over, nothing a spreadsheet would run (R21)."""

import asyncio
import csv
import io
import json
from collections import defaultdict
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing import cashier
from services.billing.exports import Span, safe
from services.billing.store import WireReceipt
from shared.ids import new_id
from shared.web import Role
from tests.billing.conftest import PRICE, CaseFacts, Provider, invoice_ids, usd
from tests.billing.test_pages import read
from tests.support.service import A_MONDAY, ServiceUnderTest

FILES = "/api/billing/books"
MARCH = "since=2027-03-01&until=2027-03-31"


def rows_of(answer: httpx.Response) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


@pytest.fixture
async def moved(billing: ServiceUnderTest, case: CaseFacts, provider: Provider) -> ServiceUnderTest:
    """A paid and withdrawn case in March, an invoice in April."""
    await billing.receives(case.submitted(), case.confirmed())
    await provider.took((await invoice_ids(billing))[0], PRICE)
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(days=3))
    billing.clock.at = datetime.fromisoformat("2027-04-02T12:00:00Z")
    await billing.receives(CaseFacts().confirmed())
    return billing


@pytest.fixture
def felix(moved: ServiceUnderTest) -> httpx.AsyncClient:
    return moved.sign_in(Role.FINANCE, subject="staff-felix", name="Felix Grau")


async def test_the_trial_balance_of_a_span_opens_where_the_one_before_it_closed(felix: httpx.AsyncClient) -> None:
    march = (await felix.get(f"{FILES}/trial-balance?{MARCH}")).json()
    april = (await felix.get(f"{FILES}/trial-balance?since=2027-04-01&until=2027-04-30")).json()
    closed = {one["account"]: one["closing"] for one in march["accounts"]}
    assert closed == {one["account"]: one["opening"] for one in april["accounts"]}
    for one in (*march["accounts"], *april["accounts"]):
        assert one["opening"] + one["debit"] - one["credit"] == one["closing"]
    for book in (march, april):
        assert sum(one["closing"] for one in book["accounts"]) == 0
        assert sum(one["debit"] - one["credit"] for one in book["accounts"]) == 0
    assert (march["closed"], april["closed"]) == (True, False)
    assert {one["account"]: one["debit"] for one in april["accounts"]}["receivable"] == PRICE


async def test_the_page_shows_the_span_and_leads_to_its_files(felix: httpx.AsyncClient) -> None:
    page = await read(felix, f"/desk/billing/books?{MARCH}")
    for words in ("March 1, 2027", "USD 2,500.00", "This span is over", f"{FILES}/ledger.csv?{MARCH}"):
        assert words in page
    page = await read(felix, "/desk/billing/books?since=2027-04-02&until=2027-04-01", status=422)
    assert "Enter two real days" in page
    assert "Enter two real days" in await read(felix, "/desk/billing/books?since=yesterday", status=422)
    assert "This span is not over" in await read(felix, "/desk/billing/books")


async def test_the_ledger_written_out_is_the_ledger(felix: httpx.AsyncClient, moved: ServiceUnderTest) -> None:
    rows = rows_of(await felix.get(f"{FILES}/ledger.csv?since=2027-01-01&until=2027-12-31"))
    assert len(rows) == await moved.count("ledger_postings")
    sums: defaultdict[str, Decimal] = defaultdict(Decimal)
    for row in rows:
        sums[row["transaction"]] += Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
    assert set(sums.values()) == {0}
    told = (await felix.get(f"{FILES}/ledger.json?since=2027-01-01&until=2027-12-31")).json()
    assert [{name: str(cell) for name, cell in line.items()} for line in told["lines"]] == rows


async def test_each_document_of_the_span_is_listed_once_in_order(felix: httpx.AsyncClient) -> None:
    rows = rows_of(await felix.get(f"{FILES}/documents.csv?{MARCH}"))
    assert [(row["document"], row["amount"], row["currency"]) for row in rows] == [
        ("INV-2027-000001", "2500.00", "USD"),
        ("RCT-2027-000001", "2500.00", "USD"),
        ("CRN-2027-000001", "2500.00", "USD"),
    ]
    told = (await felix.get(f"{FILES}/documents.json?{MARCH}")).json()
    assert [one["document"] for one in told["documents"]] == [row["document"] for row in rows]


@pytest.mark.parametrize("file", ["ledger.csv", "ledger.json", "documents.csv", "documents.json"])
async def test_a_span_that_is_over_is_written_out_the_same_each_time(
    felix: httpx.AsyncClient, moved: ServiceUnderTest, case: CaseFacts, file: str
) -> None:
    first = await felix.get(f"{FILES}/{file}?{MARCH}")
    assert first.headers["x-books-closed"] == "yes"
    await moved.receives(CaseFacts().confirmed(), case.accepted(), case.delivered())
    again = await felix.get(f"{FILES}/{file}?{MARCH}")
    assert again.content == first.content
    assert (await felix.get(f"{FILES}/{file}")).headers["x-books-closed"] == "no"


async def test_pages_of_the_ledger_neither_lose_nor_repeat_a_line(
    felix: httpx.AsyncClient, moved: ServiceUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    await asyncio.gather(*(moved.receives(CaseFacts().confirmed()) for _ in range(10)))
    whole = (await felix.get(f"{FILES}/ledger.csv?until=2027-12-31&since=2027-01-01")).content
    monkeypatch.setattr("services.billing.store.books.PAGE", 3)
    assert (await felix.get(f"{FILES}/ledger.csv?until=2027-12-31&since=2027-01-01")).content == whole


async def test_a_name_that_is_a_formula_arrives_as_text(billing: ServiceUnderTest) -> None:
    async with billing.ctx.db.transaction() as tx:
        name = '=HYPERLINK("http://evil.example","Felix, Grau")'
        receipt = WireReceipt(new_id(), "B-1", usd(500), "Sender", "", date(2027, 3, 1), name, tx.now)

        await cashier.enter_receipt(tx, receipt)
    felix = billing.sign_in(Role.FINANCE)
    rows = rows_of(await felix.get(f"{FILES}/ledger.csv?{MARCH}"))
    assert {row["entered_by"] for row in rows} == {"'" + name}
    assert "Sender" not in str(rows)


@given(st.text())
def test_no_text_starts_as_a_formula_does(text: str) -> None:
    assert not safe(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
    assert safe(text).removeprefix("'") == text.removeprefix("'")


@pytest.mark.parametrize(("zone", "begins"), [("UTC", "2027-03-14T00:00Z"), ("America/New_York", "2027-03-14T05:00Z")])
def test_a_day_of_the_books_is_one_of_their_zone(zone: str, begins: str) -> None:
    span = Span(date(2027, 3, 14), date(2027, 3, 14), zone)
    assert span.begins == datetime.fromisoformat(begins)
    assert span.ends - span.begins == timedelta(hours=24 if zone == "UTC" else 23)
    assert not span.closed(span.ends)
    assert span.closed(span.ends + timedelta(minutes=15))


@pytest.mark.parametrize(
    "role", [Role.PATIENT, Role.CARE_ADVISOR, Role.CASE_MANAGER, Role.SPECIALIST, Role.PARTNER_SYSTEM]
)
async def test_nobody_but_finance_reads_the_books(billing: ServiceUnderTest, role: Role) -> None:
    client = billing.sign_in(role)
    paths = [f"{FILES}/{one}" for one in ("trial-balance", "ledger.csv", "ledger.json", "documents.csv")]
    assert {(await client.get(path)).status_code for path in (*paths, "/desk/billing/books")} == {403}


async def test_asking_for_no_span_is_a_problem(billing: ServiceUnderTest) -> None:
    felix = billing.sign_in(Role.FINANCE)
    answers: list[Any] = [
        await felix.get(f"{FILES}/ledger.csv?{asked}")
        for asked in ("since=2027-03-02&until=2027-03-01", "since=1066-10-14", "until=soon")
    ]
    assert [answer.status_code for answer in answers] == [422, 422, 422]
    empty = await felix.get(f"{FILES}/ledger.json?{MARCH}")
    assert json.loads(empty.content)["lines"] == []
