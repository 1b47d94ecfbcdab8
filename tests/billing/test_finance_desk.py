"""Finance's desk: figures that are the sums of their lists, how late money is, and who sees what (R21)."""

import re
from collections import Counter
from datetime import timedelta
from uuid import UUID

import httpx
import pytest

from services.billing.domain import AGES
from services.billing.store import overview
from shared.ids import new_case_number, new_id
from shared.web import Role
from tests.billing.conftest import NUMBER, PRICE, CaseFacts, Provider, invoice_ids, queue, states, usd
from tests.billing.test_pages import read, send, text_of
from tests.support.service import A_MONDAY, ServiceUnderTest

MANY = 10_000
LIST = "/desk/billing/invoices"


@pytest.fixture
def felix(billing: ServiceUnderTest) -> httpx.AsyncClient:
    return billing.sign_in(Role.FINANCE, subject="staff-felix", name="Felix Grau")


async def fill(billing: ServiceUnderTest, many: int) -> None:
    """Write ``many`` invoices: one in twenty open, one in forty expired, the rest paid; due on 120 different days, in two currencies."""
    async with billing.ctx.db.transaction() as tx:
        await tx.execute(
            """INSERT INTO billing_cases (case_id, case_number)
               SELECT gen_random_uuid(), 'N' || n FROM generate_series(1, $1::integer) n""",
            many,
        )
        await tx.execute(
            """INSERT INTO invoices (id, case_id, quote_id, revision, ordinal, programme_id, programme_version, services,
                   price_minor, currency, issued_at, due_at, paid_minor, cancelled, state)
               SELECT gen_random_uuid(), case_id, gen_random_uuid(), 1, 1, 'msk_international', 1, '{written}', 1000 + n,
                   CASE WHEN n % 3 = 0 THEN 'EUR' ELSE 'USD' END, $1::timestamptz, $1::timestamptz - (n % 120 - 20) * interval '1 day',
                   CASE WHEN n % 20 = 0 OR n % 40 = 1 THEN 0 ELSE 1000 + n END,
                   CASE WHEN n % 40 = 1 THEN 'expired' END,
                   CASE WHEN n % 20 = 0 THEN 'open' WHEN n % 40 = 1 THEN 'cancelled' ELSE 'paid' END
               FROM (SELECT case_id, substr(case_number, 2)::integer AS n FROM billing_cases) numbered""",
            A_MONDAY,
        )
    async with billing.ctx.db.reading() as tx:
        await tx.execute("ANALYZE invoices, payments, billing_cases")


async def figures(billing: ServiceUnderTest) -> dict[tuple[str, str], tuple[int, int]]:
    async with billing.ctx.db.reading() as tx:
        found = await overview.figures(tx)
    return {(one.what, one.amount.currency): (one.amount.amount_minor, one.count) for one in found}


async def test_each_figure_is_the_sum_of_its_list(billing: ServiceUnderTest) -> None:
    await fill(billing, 2_000)
    found = await figures(billing)
    assert {what for what, _ in found} == {"owed", "late"}
    rows = await billing.fetch("SELECT price_minor, currency, due_at, state FROM invoices WHERE state <> 'paid'")
    by_hand: Counter[tuple[str, str]] = Counter()
    for row in rows:
        if row["due_at"] <= A_MONDAY:
            by_hand["late", row["currency"]] += row["price_minor"]
        elif row["state"] == "open":
            by_hand["owed", row["currency"]] += row["price_minor"]
    assert {key: minor for key, (minor, _) in found.items()} == dict(by_hand)
    async with billing.ctx.db.reading() as tx:
        for (what, currency), (minor, count) in found.items():
            listed = await overview.list_invoices(tx, overview.Wanted(what, currency=currency))
            assert (listed.totals[0].amount_minor, listed.count) == (minor, count)
        aged = await overview.ageing(tx)
        for currency, steps in aged.items():
            assert sum(one.amount.amount_minor for one in steps) == found["late", currency][0]
            for place, step in enumerate(steps):
                listed = await overview.list_invoices(tx, overview.Wanted("late", currency=currency, age=place))
                assert (listed.count, sum(one.amount_minor for one in listed.totals)) == (
                    step.count, step.amount.amount_minor,
                )  # fmt: skip


async def test_the_desk_reads_what_is_unfinished_and_not_all_invoices(billing: ServiceUnderTest) -> None:
    await fill(billing, MANY)
    async with billing.ctx.db.reading() as tx:
        for what in ("owed", "late", "held", "to_refund", "to_confirm", "disputed"):
            plan = await tx.fetch(f"EXPLAIN SELECT sum(amount_minor) FROM ({overview._SOURCES[what]}) s", *(
                [tx.now] if "$1" in overview._SOURCES[what] else []
            ))  # fmt: skip
            text = "\n".join(row[0] for row in plan)
            assert "Seq Scan on invoices" not in text, f"{what}:\n{text}"


async def test_the_first_page_shows_figures_and_a_chart_with_its_numbers(
    billing: ServiceUnderTest, felix: httpx.AsyncClient
) -> None:
    assert "How late" not in await read(felix, "/desk/billing"), "nothing is late"
    await fill(billing, 2_000)
    page = await read(felix, "/desk/billing")
    for title in (
        "To be paid",
        "Late",
        "Wires unmatched",
        "Held",
        "To be refunded",
        "Awaiting a second person",
        "Disputed",
    ):
        assert title in page
    assert page.count("c-ageing__chart") == 2, "a chart for each currency"
    assert "style=" not in page
    for age in AGES:
        assert page.count(age.title) >= 4, "each step is in the chart and in the table"
    [link] = set(re.findall(rf'href="({LIST}\?show=late&currency=EUR)"', page))
    assert "Late</h1>" in await read(felix, link)


async def test_a_list_is_paged_and_narrowed(
    billing: ServiceUnderTest, felix: httpx.AsyncClient, case: CaseFacts
) -> None:
    await fill(billing, 2_000)
    await billing.receives(case.submitted(), case.confirmed())
    page = await read(felix, f"{LIST}?show=all")
    assert "2001</strong> in this list, of which 1 to 50 are shown" in page
    assert "Page 1 of 41" in page
    last = await read(felix, f"{LIST}?show=all&page=41")
    assert "of which 2001 to 2001 are shown" in last
    assert 'rel="next"' not in last
    assert "paid</td>" not in await read(felix, f"{LIST}?show=all&state=open")
    assert not re.search(r"EUR \d", await read(felix, f"{LIST}?show=all&currency=usd"))
    mine = await read(felix, f"{LIST}?number={NUMBER.lower()}")
    assert (NUMBER in mine, "1</strong> in this list" in mine, "USD 2,500.00" in mine) == (True, True, True)
    assert "Read it again" in await read(felix, f"{LIST}?number=7K3M-9QXW-D")
    nonsense = await read(felix, f"{LIST}?show=x&state=y&age=z&currency=1&page=0&number=zzz")
    assert "0</strong> in this list" in nonsense
    assert "Nothing is like this" in await read(felix, f"{LIST}?show=disputed")


async def test_every_odd_payment_says_why_it_is_held_and_what_to_do(
    billing: ServiceUnderTest, felix: httpx.AsyncClient, provider: Provider
) -> None:
    surplus, foreign, late, twice = (CaseFacts() for _ in range(4))
    for one in (surplus, foreign, late, twice):
        await billing.receives(one.submitted(new_case_number()), one.confirmed())
    ids = [(await invoice_ids(billing, one.id))[0] for one in (surplus, foreign, late, twice)]
    await provider.took(ids[0], PRICE + 5)
    await provider.took(ids[1], PRICE, currency="EUR")
    await provider.took(ids[3], PRICE)
    wire = {"bank_reference": "BANK-1", "amount": usd(PRICE).model_dump(), "sender": "A", "value_on": "2027-03-01"}
    headers = {"Idempotency-Key": str(new_id())}
    entered = (await felix.post("/api/billing/receipts", json=wire, headers=headers)).json()
    assert ("unmatched", "USD") in await figures(billing)
    match = {"invoice_id": str(ids[3])}
    await felix.post(
        f"/api/billing/receipts/{entered['id']}/match", json=match, headers={"Idempotency-Key": str(new_id())}
    )
    await billing.run_timers(at=A_MONDAY + timedelta(days=15))
    felix = billing.sign_in(Role.FINANCE, subject="staff-felix", name="Felix Grau")
    await provider.took(ids[2], PRICE)
    assert sorted(title.split(":")[0] for title in await queue(billing, "payments-to-match")) == [
        "Came after the time to pay", "In another currency than the invoice", "More than the price",
        "Paid twice by card and by wire",
    ]  # fmt: skip
    for case, todo in ((surplus, "Send the surplus back"), (foreign, "can't be applied"), (late, "Open the invoice again"),
                       (twice, "Everything was paid before")):  # fmt: skip
        assert todo in await read(felix, f"/desk/billing/cases/{case.id}")
    found = await figures(billing)
    assert found["held", "USD"] == (2 * PRICE + 5, 3)
    assert found["held", "EUR"] == (PRICE, 1)
    assert ("unmatched", "USD") not in found


async def test_an_unpaid_supplement_comes_to_the_care_advisors(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    await billing.receives(case.submitted(), case.confirmed(), case.confirmed(90_000, revision=2))
    first, second = await invoice_ids(billing)
    await provider.took(first, PRICE)
    await billing.run_timers(at=A_MONDAY + timedelta(days=15))
    assert await queue(billing, "unpaid-supplements") == [
        "Added services were not paid in time (USD\xa0900.00): ask the patient"
    ]
    ada = billing.sign_in(Role.CARE_ADVISOR, subject="staff-ada", name="Ada Winter")
    here = f"/desk/billing/cases/{case.id}/invoices/{second}/unpaid"
    page = await read(ada, here)
    assert "what was agreed and paid before goes on" in page
    wrong = text_of(await send(ada, page, here))
    for sentence in ("Choose what came of it", "Say in a sentence"):
        assert sentence in wrong
    done = await send(ada, page, here, outcome="let_go", reason="She feels well without it")
    assert done.headers["location"] == here
    assert "Ada Winter let it go" in await read(ada, here)
    assert await queue(billing, "unpaid-supplements") == []
    again = await send(ada, await read(ada, here), here, outcome="open_again", reason="She called: she wants it")
    assert again.status_code == 303
    assert await states(billing) == ["paid", "open"]
    page = await read(ada, here)
    assert ("Ada Winter opened it again" in page, "Nothing is to be done" in page) == (True, True)
    await billing.run_timers(at=billing.clock.now() + timedelta(days=15))
    assert len(await queue(billing, "unpaid-supplements")) == 1
    await billing.receives(case.withdrawn(billing.clock.now()))
    assert await queue(billing, "unpaid-supplements") == []


async def test_finance_sees_no_supplement_page_and_a_first_invoice_makes_no_item(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    [invoice] = await invoice_ids(billing)
    await billing.run_timers(at=A_MONDAY + timedelta(days=15))
    felix = billing.sign_in(Role.FINANCE)
    assert await queue(billing, "unpaid-supplements") == []
    await read(felix, f"/desk/billing/cases/{case.id}/invoices/{invoice}/unpaid", status=403)


async def test_every_correction_names_who_and_why(billing: ServiceUnderTest, case: CaseFacts) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    [invoice] = await invoice_ids(billing)
    await billing.run_timers(at=A_MONDAY + timedelta(days=15))
    felix = billing.sign_in(Role.FINANCE, subject="staff-felix", name="Felix Grau")
    here = f"/desk/billing/cases/{case.id}"
    wrong = await send(felix, await read(felix, here), f"{here}/invoices/{invoice}/reinstate", reason="")
    assert (wrong.status_code, "Say why, in a sentence" in text_of(wrong)) == (422, True)
    await send(felix, await read(felix, here), f"{here}/invoices/{invoice}/reinstate", reason="The bank was slow")
    page = await read(felix, here)
    assert "Felix Grau opened an invoice again" in page
    assert "The bank was slow" in page


async def test_the_second_person_finds_what_waits_on_the_desk(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient, provider: Provider
) -> None:
    await billing.receives(case.submitted(), case.confirmed(), case.accepted(A_MONDAY))
    await provider.took((await invoice_ids(billing))[0], PRICE)
    here = f"/desk/billing/cases/{case.id}"
    page = await read(felix, here)
    assert "0 % of the fee at this stage" in page
    [payment] = {UUID(one) for one in re.findall(r'name="payment_id" value="([^"]+)"', page)}
    fields = {"payment_id": str(payment), "currency": "USD", "amount": "2000", "reason": "The review had hardly begun"}
    done = await send(felix, page, f"{here}/refunds", **fields)
    proposal = done.headers["location"].split("#refund-")[1]
    assert "until then nothing moves" in await read(felix, here)
    assert f"{here}/refunds/{proposal}/confirm" not in await read(felix, here)
    assert (await figures(billing))["to_confirm", "USD"] == (200_000, 1)
    sam = billing.sign_in(Role.SUPERVISOR, subject="staff-sam", name="Sam Ferrant")
    assert "Felix Grau wants USD 2,000.00" in await read(sam, "/desk/billing/queues/refunds-to-confirm")
    page = await read(sam, here)
    assert "A refund waits for a second person" in page
    assert (await send(sam, page, f"{here}/refunds/{proposal}/reject", reason="")).status_code == 422
    assert (await send(sam, page, f"{here}/refunds/{proposal}/confirm")).status_code == 303
    assert "Felix Grau and Sam Ferrant" in await read(felix, here)
    assert (await figures(billing))["to_refund", "USD"] == (200_000, 1)


async def test_a_rejected_refund_stays_readable(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient, provider: Provider
) -> None:
    await billing.receives(case.submitted(), case.confirmed(), case.accepted(A_MONDAY))
    await provider.took((await invoice_ids(billing))[0], PRICE)
    here = f"/desk/billing/cases/{case.id}"
    page = await read(felix, here)
    payment = re.search(r'name="payment_id" value="([^"]+)"', page)
    assert payment
    fields = {"payment_id": payment[1], "currency": "USD", "amount": "2000", "reason": "A friend of the house"}
    done = await send(felix, page, f"{here}/refunds", **fields)
    sam = billing.sign_in(Role.SUPERVISOR, subject="staff-sam", name="Sam Ferrant")
    path = f"{here}/refunds/{done.headers['location'].split('#refund-')[1]}/reject"
    assert (await send(sam, await read(sam, here), path, reason="Friendship is no reason")).status_code == 303
    page = await read(felix, here)
    for words in ("A friend of the house", "Sam Ferrant rejected it", "Friendship is no reason"):
        assert words in page


@pytest.mark.parametrize("role", [Role.CARE_ADVISOR, Role.CASE_MANAGER, Role.SPECIALIST, Role.LAB, Role.PATIENT])
async def test_only_finance_sees_the_desk_and_nobody_else_bank_data(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient, role: Role
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    wire = {
        "bank_reference": "BANK-77",
        "amount": usd(PRICE).model_dump(),
        "sender": "Secret Payer",
        "value_on": "2027-03-01",
    }
    entered = (await felix.post("/api/billing/receipts", json=wire, headers={"Idempotency-Key": str(new_id())})).json()
    client = billing.sign_in(role, subject="staff-x", cases=[case.id])
    for path in ("/desk/billing", LIST, f"/desk/billing/cases/{case.id}", f"/desk/billing/receipts/{entered['id']}"):
        refused = await client.get(path, headers={"Accept": "text/html"})
        assert refused.status_code == 403, path
        assert "Secret Payer" not in refused.text
    if role in (Role.CARE_ADVISOR, Role.CASE_MANAGER):
        seen = await read(client, f"/desk/billing/cases/{case.id}/summary")
        assert "to be paid" in seen
        for bank in ("Secret Payer", "BANK-77", "RF", "ledger"):
            assert bank not in seen


async def test_finances_pages_say_nothing_clinical(
    billing: ServiceUnderTest, case: CaseFacts, felix: httpx.AsyncClient, provider: Provider
) -> None:
    await billing.receives(case.submitted(), case.confirmed())
    await provider.took((await invoice_ids(billing))[0], PRICE)
    for path in ("/desk/billing", LIST, f"/desk/billing/cases/{case.id}", f"/desk/billing/cases/{case.id}/summary"):
        page = await read(felix, path)
        for clinical in ("omprehensive", "ideo", "athology", "cancer", "diagnos"):
            assert clinical not in page, f"{path} names a service: {clinical}"
