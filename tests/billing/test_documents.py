"""Invoices, receipts and credit notes: numbered without gaps, written once, readable in every language (R21)."""

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from io import BytesIO
from uuid import UUID, uuid4

import asyncpg
import httpx
import pypdfium2
import pytest

from services.billing import cashier, store
from shared.db import Row
from shared.web import Role
from shared.web.i18n import LOCALES
from tests.billing.conftest import NUMBER, PRICE, CaseFacts, Provider, invoice_ids
from tests.billing.test_pages import read, send
from tests.support.service import A_MONDAY, ServiceUnderTest

BROKEN = asyncpg.IntegrityConstraintViolationError
KINDS = ("invoice", "receipt", "credit_note")


async def documents(billing: ServiceUnderTest, kind: str | None = None) -> list[Row]:
    sql = "SELECT * FROM documents WHERE kind = $1 OR $1 IS NULL ORDER BY kind, seller, year, number"
    return await billing.fetch(sql, kind)


async def numbers(billing: ServiceUnderTest, kind: str) -> list[int]:
    return [row["number"] for row in await documents(billing, kind)]


async def document_id(billing: ServiceUnderTest, kind: str) -> UUID:
    found: UUID = (await documents(billing, kind))[0]["id"]
    return found


@pytest.fixture
def patient(billing: ServiceUnderTest, case: CaseFacts) -> httpx.AsyncClient:
    billing.peers.answers["intake", f"/cases/{case.id}/contacts"] = {"patient": {"name": "Amal Haddad", "email": None}}
    return billing.sign_in(Role.PATIENT, subject="patient-1", cases=[case.id])


async def test_each_movement_leaves_its_document_behind(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    [invoice] = await invoice_ids(billing)
    await provider.took(invoice, 100_000)
    await provider.took(invoice, PRICE)
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(days=3))
    found = [(row["kind"], row["number"], row["amount_minor"]) for row in await documents(billing)]
    assert found == [
        ("credit_note", 1, PRICE), ("invoice", 1, PRICE), ("receipt", 1, 100_000), ("receipt", 2, PRICE),
    ]  # fmt: skip


async def test_a_fee_taken_back_by_finance_gets_a_credit_note_of_that_part_alone(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    [invoice] = await invoice_ids(billing)
    await provider.took(invoice, PRICE + 500)
    async with billing.ctx.db.transaction() as tx:
        held = await store.lock_case(tx, case.id)
        [payment] = await store.payments_of_case(tx, case.id)
        money = payment.amount.model_copy(update={"amount_minor": 1_500})
        await cashier.decide_refund(tx, held, payment.id, money, "decision", "Agreed by phone", "Felix Grau")
    assert [row["amount_minor"] for row in await documents(billing, "credit_note")] == [1_000]


async def test_an_expired_invoice_is_credited_and_one_opened_again_is_invoiced_anew(
    billing: ServiceUnderTest, case: CaseFacts
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    await billing.run_timers(at=A_MONDAY + timedelta(days=15))
    async with billing.ctx.db.transaction() as tx:
        held = await store.lock_case(tx, case.id)
        await cashier.reinstate(tx, held, (await store.invoices_of_case(tx, case.id))[0].id, "Felix Grau", "Asked")
    assert await numbers(billing, "invoice") == [1, 2]
    assert [row["content"]["why"] for row in await documents(billing, "credit_note")] == ["expired"]


async def bill(billing: ServiceUnderTest, case: CaseFacts, *, fails: bool = False) -> None:
    """Bill a case; when it ``fails``, then behind everything else, the numbers included."""
    with contextlib.suppress(ZeroDivisionError):
        async with billing.ctx.db.transaction() as tx:
            await billing.ctx.service.reactions[type(case.confirmed())](case.confirmed(), tx)
            if fails:
                for finish in tx.before_commit:
                    await finish(tx)
                assert await tx.fetchval("SELECT count(*) FROM documents WHERE case_id = $1", case.id) == 1
                raise ZeroDivisionError


async def test_many_writers_with_rollbacks_among_them_leave_no_gap_and_no_number_twice(
    billing: ServiceUnderTest,
) -> None:
    await asyncio.gather(*(bill(billing, CaseFacts(), fails=at % 3 == 0) for at in range(60)))
    assert await numbers(billing, "invoice") == list(range(1, 41))
    counted = await billing.fetch("SELECT last FROM document_counters WHERE kind = 'invoice'")
    assert [row["last"] for row in counted] == [40]


async def test_two_who_write_the_documents_of_two_cases_each_do_not_block_each_other(billing: ServiceUnderTest) -> None:
    both = [CaseFacts(), CaseFacts()]

    async def write(order: list[CaseFacts]) -> None:
        for case in order:
            await billing.receives(case.submitted(str(uuid4())[:9]), case.confirmed(), case.withdrawn())

    await asyncio.gather(*(write([CaseFacts(), CaseFacts()]) for _ in both for _ in range(4)))
    assert await numbers(billing, "credit_note") == list(range(1, 17))


async def test_each_year_and_each_seller_has_its_own_series(billing: ServiceUnderTest) -> None:
    await billing.receives(CaseFacts().confirmed())
    billing.clock.at = datetime(2028, 1, 1, 3, tzinfo=UTC)  # still 2027 in New York
    await billing.receives(CaseFacts().confirmed())
    billing.clock.at = datetime(2028, 1, 1, 6, tzinfo=UTC)
    await billing.receives(CaseFacts().confirmed())
    other = CaseFacts().confirmed()
    rules = other.programme.model_copy(update={"id": "harborlight_integrative"})
    await billing.receives(other.model_copy(update={"programme": rules, "services": ("integrative",)}))
    series = [(row["seller"], row["year"], row["number"]) for row in await documents(billing, "invoice")]
    assert series == [
        ("harborlight_integrative", 2028, 1),
        ("msk_international", 2027, 1),
        ("msk_international", 2027, 2),
        ("msk_international", 2028, 1),
    ]


@pytest.mark.parametrize(
    "change",
    ["UPDATE documents SET amount_minor = 1", "DELETE FROM documents", "TRUNCATE documents CASCADE"],
)
async def test_the_database_refuses_to_change_a_document(
    billing: ServiceUnderTest, case: CaseFacts, change: str
) -> None:
    await billing.receives(case.confirmed())
    with pytest.raises(BROKEN, match="never changed"):
        async with billing.ctx.db.transaction() as tx:
            await tx.execute(change)


@pytest.mark.parametrize(("number", "amount", "says"), [(3, PRICE, "gap"), (2, 1, "another sum"), (1, PRICE, "unique")])
async def test_the_database_refuses_a_gap_another_sum_and_a_number_twice(
    billing: ServiceUnderTest, case: CaseFacts, number: int, amount: int, says: str
) -> None:
    await billing.receives(case.confirmed())
    with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=says):
        async with billing.ctx.db.transaction() as tx:
            await tx.execute(
                """WITH other AS (INSERT INTO ledger_transactions (id, case_id, kind, source, entered_at, entered_by)
                       SELECT gen_random_uuid(), case_id, 'test', 'test', now(), 'test' FROM documents RETURNING id),
                   posted AS (INSERT INTO ledger_postings SELECT id, 1, 'receivable'::ledger_account, 'USD', 250000 FROM other
                       UNION ALL SELECT id, 2, 'deferred_revenue'::ledger_account, 'USD', -250000 FROM other)
                   INSERT INTO documents SELECT gen_random_uuid(), kind, seller, year, $1, case_id, invoice_id, 'test',
                       $2, currency, issued_at, content FROM documents""",
                number, amount,
            )  # fmt: skip


async def test_the_ledger_refuses_an_invoice_without_its_document(billing: ServiceUnderTest, case: CaseFacts) -> None:
    with pytest.raises(BROKEN, match="has no document"):  # noqa: PT012 - the commit is what is refused
        async with billing.ctx.db.transaction() as tx:
            await billing.ctx.service.reactions[type(case.confirmed())](case.confirmed(), tx)
            tx.before_commit.clear()


async def test_what_is_frozen_names_no_person_and_stays_when_names_change(
    billing: ServiceUnderTest, case: CaseFacts, patient: httpx.AsyncClient
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    [row] = await documents(billing)
    assert "Amal" not in str(row["content"])
    assert {one["code"] for one in row["content"]["services"]} == {"comprehensive", "video"}
    here = f"/my/billing/cases/{case.id}/documents/{row['id']}"
    assert "Amal Haddad" in await read(patient, here)
    billing.peers.answers.clear()
    page = await read(patient, here)
    assert "Amal" not in page
    assert f"The patient of case {NUMBER}" in page
    assert "INV-2027-000001" in page


async def test_a_receipt_names_whoever_paid(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider, patient: httpx.AsyncClient
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    await provider.took((await invoice_ids(billing))[0], PRICE)
    here = f"/my/billing/cases/{case.id}/documents/{await document_id(billing, 'receipt')}"
    page = await read(patient, here)
    assert (await send(patient, page, f"{here}/payer", name=" ")).status_code == 422
    answer = await send(patient, page, f"{here}/payer", name="=Haddad & Sons <b>")
    assert answer.headers["location"] == here
    page = await read(patient, here)
    assert "=Haddad & Sons <b>" in page
    assert "Paid by" in page
    assert await billing.count("receipt_payers") == 1


async def test_nobody_else_sees_a_document(
    billing: ServiceUnderTest, case: CaseFacts, patient: httpx.AsyncClient
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    one = await document_id(billing, "invoice")
    mine, desk = f"/my/billing/cases/{case.id}/documents/{one}", f"/desk/billing/cases/{case.id}/documents/{one}"
    stranger = CaseFacts()
    other = billing.sign_in(Role.PATIENT, subject="patient-2", cases=[stranger.id])
    assert (await other.get(mine)).status_code == 404
    assert (await other.get(mine.replace(str(case.id), str(stranger.id)))).status_code == 404
    for role in (Role.CARE_ADVISOR, Role.CASE_MANAGER, Role.SPECIALIST):
        client = billing.sign_in(role)
        assert [(await client.get(path)).status_code for path in (mine, desk, f"{desk}/pdf")] == [403, 403, 403]
    assert (await billing.sign_in(Role.FINANCE).get(desk)).status_code == 200
    assert (await patient.get(f"{mine}/pdf")).headers["content-type"] == "application/pdf"


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", KINDS)
async def test_a_document_is_a_tagged_pdf_in_the_readers_language(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider, locale: str, kind: str
) -> None:
    billing.peers.answers["intake", f"/cases/{case.id}/contacts"] = {"patient": {"name": "Amal Haddad", "email": None}}
    await billing.receives(case.submitted(), case.confirmed())
    await provider.took((await invoice_ids(billing))[0], PRICE)
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + timedelta(days=3))
    path = f"/my/billing/cases/{case.id}/documents/{await document_id(billing, kind)}/pdf?lang={locale}"
    patient = billing.sign_in(Role.PATIENT, subject="patient-1", cases=[case.id])
    first, again = (await patient.get(path)).content, (await patient.get(path)).content
    assert first == again
    pdf = pypdfium2.PdfDocument(BytesIO(first))
    assert b"/MarkInfo" in first
    assert pypdfium2.raw.FPDFCatalog_IsTagged(pdf)
    text = "".join(page.get_textpage().get_text_bounded() for page in pdf)
    label = {"invoice": "INV", "receipt": "RCT", "credit_note": "CRN"}[kind] + "-2027-000001"
    assert (label if locale != "ar" else "2027-000001") in text, "right to left, a reader takes the label in parts"
    assert "500" in text
    assert "Haddad" in text
    assert locale == "ar" or NUMBER in text
    headings = {"en": "Patient", "es": "Paciente", "zh_Hans": "患者"}
    assert headings.get(locale, "") in text
