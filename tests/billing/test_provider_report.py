"""The provider's report, from the real sandbox provider: fees booked, differences found, lost messages taken in (R21)."""

import asyncio
import csv
import io
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx

from services.billing.settings import SANDBOX_API_KEY
from shared.events import PaymentReceived
from shared.web import Role
from tests.billing.conftest import (
    PRICE,
    CaseFacts,
    Sandbox,
    balances,
    eventually,
    invoice_ids,
    on_the_machines_clock,
    states,
)
from tests.support.service import ServiceUnderTest

SHOWN_KEY = {"Authorization": f"Bearer {SANDBOX_API_KEY}"}
DIFFERENCES = "/desk/billing/provider/differences"
FEE = 7_280
"""2.9 % of the price and 0.30."""


async def paid(billing: ServiceUnderTest, sandbox: Sandbox, card: str = "4242 4242 4242 4242") -> CaseFacts:
    """A case of its own, paid by card on the provider's page."""
    case = CaseFacts(at=billing.clock.now())
    await billing.receives(case.confirmed())
    patient = billing.sign_in(Role.PATIENT, subject="patient-1", cases=[case.id])
    [invoice] = await invoice_ids(billing, case.id)
    asked = await patient.post(
        f"/api/billing/cases/{case.id}/invoices/{invoice}/checkout", headers={"Idempotency-Key": f"pay {case.id}"}
    )
    assert asked.status_code == 200, asked.text
    await sandbox.pays(asked.json()["url"], card)
    return case


def felix(billing: ServiceUnderTest) -> httpx.AsyncClient:
    """Finance's browser, each of whose forms is a new one."""
    client = billing.sign_in(Role.FINANCE, name="Felix Grau")
    client.event_hooks["request"] = [_new_form]
    return client


async def _new_form(request: httpx.Request) -> None:
    if "idempotency-key" not in request.headers:
        request.headers["Idempotency-Key"] = f"form {uuid4()}"


async def checked(billing: ServiceUnderTest, finance: httpx.AsyncClient) -> httpx.Response:
    """Finance fetches and compares the report since the test's day began, for midnight may pass meanwhile."""
    days = {"first": billing.clock.now().date(), "last": datetime.now(UTC).date()}
    page = await finance.post("/desk/billing/provider", data=days, follow_redirects=True)
    assert page.status_code == 200, page.text
    return page


async def differences(billing: ServiceUnderTest) -> list[tuple[str, str]]:
    rows = await billing.fetch(
        """SELECT kind, movement FROM provider_differences
           WHERE check_id = (SELECT id FROM provider_checks ORDER BY checked_at DESC, id DESC LIMIT 1) ORDER BY ordinal"""
    )
    return [(row["kind"], row["movement"]) for row in rows]


async def matters(billing: ServiceUnderTest) -> list[UUID]:
    """Return what finance has to work off, as it was found."""
    rows = await billing.fetch("SELECT id FROM provider_matters WHERE state = 'open' ORDER BY found_at, id")
    return [row["id"] for row in rows]


async def test_the_provider_reports_every_movement_as_json_and_csv(billing: ServiceUnderTest, sandbox: Sandbox) -> None:
    on_the_machines_clock(billing)
    await paid(billing, sandbox, "4000 0000 0000 0259")
    await eventually(sandbox.all_delivered)
    [dispute] = sandbox.app.state.book.disputes_of()
    await sandbox.http.post(f"/sandbox/disputes/{dispute['dispute_id']}/decide", data={"status": "won"})
    now = datetime.now(UTC)
    asked: dict[str, Any] = {
        "from": (now - timedelta(hours=1)).isoformat(),
        "to": (now + timedelta(hours=1)).isoformat(),
    }
    lines = (await sandbox.http.get("/v1/report", params=asked, headers=SHOWN_KEY)).json()["lines"]
    assert [(line["kind"], line["amount_minor"]) for line in lines] == [
        ("charge", PRICE), ("fee", -FEE), ("dispute", -PRICE), ("dispute_fee", -1500), ("dispute_reversal", PRICE),
        ("dispute_fee_reversal", 1500),
    ]  # fmt: skip
    table = await sandbox.http.get("/v1/report", params=asked | {"format": "csv"}, headers=SHOWN_KEY)
    assert table.headers["content-type"].startswith("text/csv")
    assert [{**line, "amount_minor": str(line["amount_minor"])} for line in lines] == list(
        csv.DictReader(io.StringIO(table.text))
    )
    assert (await sandbox.http.get("/v1/report", params=asked)).status_code == 401
    earlier = {"from": asked["from"], "to": (now - timedelta(minutes=30)).isoformat()}
    assert (await sandbox.http.get("/v1/report", params=earlier, headers=SHOWN_KEY)).json() == {"lines": []}


async def test_books_that_agree_show_no_difference_and_each_fee_is_booked_once(
    billing: ServiceUnderTest, sandbox: Sandbox
) -> None:
    on_the_machines_clock(billing)
    case = await paid(billing, sandbox)
    await paid(billing, sandbox, "4000 0000 0000 0259")
    await eventually(sandbox.all_delivered)
    finance = felix(billing)
    assert "The provider and our books agree" in (await checked(billing, finance)).text
    found = await balances(billing)
    assert found["provider_fees"] == 2 * FEE + 1500
    assert found["card_clearing"] == PRICE - 2 * FEE - 1500, "just what the provider says is ours"
    await checked(billing, finance)
    assert await balances(billing) == found
    assert (await balances(billing, case.id))["provider_fees"] == FEE
    patient = billing.sign_in(Role.PATIENT, subject="patient-1", cases=[case.id])
    statement = (await patient.get(f"/my/billing/cases/{case.id}/statement")).text
    assert "72.80" not in statement, "what the provider keeps is not the payer's"
    assert 'data-label="Balance"' in statement, "on a telephone each line is a card"
    assert statement.count("USD\xa02,500.00") == 5, "billed, paid, the balance between, and both together"


async def test_a_payment_of_which_no_message_came_is_taken_in_exactly_once(
    billing: ServiceUnderTest, sandbox: Sandbox
) -> None:
    on_the_machines_clock(billing)
    await sandbox.behaves(silent=True)
    case = await paid(billing, sandbox, "4000 0000 0000 0259")
    finance = felix(billing)
    page = await checked(billing, finance)
    assert await differences(billing) == [("missing_here", "charge"), ("missing_here", "dispute")]
    assert "Its message never came: take it in." in page.text
    charge, dispute = [f"{DIFFERENCES}/{one}/take-in" for one in await matters(billing)]
    early = await finance.post(dispute, headers={"Accept": "application/json"})
    assert early.status_code == 409
    answers = await asyncio.gather(
        *(finance.post(charge, headers={"Idempotency-Key": f"take it in {n}"}) for n in range(4))
    )
    assert sorted(answer.status_code for answer in answers) == [303, 409, 409, 409]
    assert await states(billing, case.id) == ["paid"]
    assert len(await billing.emitted(PaymentReceived)) == 1
    assert (await finance.post(dispute)).status_code == 303
    assert (await balances(billing, case.id))["disputed"] == PRICE
    assert "agree" in (await checked(billing, finance)).text
    sandbox.app.state.messenger.behaviour.silent = False
    sandbox.app.state.messenger.say("payment.succeeded", sandbox.app.state.book.payments()[0] | {"status": "succeeded"})
    await eventually(sandbox.all_delivered)
    assert await billing.count("payments") == 1, "the late message tells nothing new"


async def test_money_that_moved_otherwise_at_the_provider_is_named_with_what_to_do(
    billing: ServiceUnderTest, sandbox: Sandbox
) -> None:
    on_the_machines_clock(billing)
    cases = [await paid(billing, sandbox) for _ in range(4)]
    await eventually(sandbox.all_delivered)
    [first, second, third, _] = await billing.fetch("SELECT provider_id FROM payments ORDER BY received_at, id")
    db = sandbox.app.state.book._db
    db.execute("UPDATE movements SET amount_minor = 1 WHERE kind = 'charge' AND object_id = ?", (first[0],))
    db.execute("UPDATE movements SET currency = 'EUR' WHERE kind = 'charge' AND object_id = ?", (second[0],))
    db.execute("DELETE FROM movements WHERE kind = 'charge' AND object_id = ?", (third[0],))
    sandbox.app.state.book.balance.add_movement("txn_odd", "charge", "pay_odd", "pay_odd", None, 5, "USD")
    page = await checked(billing, felix(billing))
    assert sorted(await differences(billing)) == [
        ("amount_differs", "charge"), ("currency_differs", "charge"), ("missing_here", "charge"),
        ("missing_there", "charge"),
    ]  # fmt: skip
    for sentence in ("ask the provider, with both", "has no such movement", "names no invoice of ours"):
        assert sentence in page.text
    assert page.text.count("Take it in") == 0
    assert len(cases) == 4


async def test_a_refund_whose_answer_was_lost_is_asked_about(billing: ServiceUnderTest, sandbox: Sandbox) -> None:
    on_the_machines_clock(billing)
    case = await paid(billing, sandbox)
    await eventually(sandbox.all_delivered)
    finance = felix(billing)
    [payment] = await billing.fetch("SELECT id, provider_id FROM payments")
    decided = await finance.post(
        f"/api/billing/cases/{case.id}/refunds",
        json={
            "payment_id": str(payment["id"]),
            "amount": {"amount_minor": 100, "currency": "USD"},
            "reason": "A kindness",
        },
        headers={"Idempotency-Key": "a kindness"},
    )
    await sandbox.behaves(silent=True)
    sandbox.app.state.ledger.refund(payment["provider_id"], 100, "USD", decided.json()["id"])
    await checked(billing, finance)
    assert await differences(billing) == [("state_differs", "refund")]
    [difference] = await matters(billing)
    await finance.post(f"{DIFFERENCES}/{difference}/take-in")
    await billing.run_timers(at=billing.clock.at + timedelta(minutes=2))
    await billing.fetch("SELECT 1")
    async with billing.ctx.db.transaction() as tx:
        await tx.execute("UPDATE errands SET done_at = now() WHERE kind = 'refund_card'")
    await billing.run_errands()
    assert (await billing.fetch("SELECT state FROM refunds"))[0]["state"] == "issued"


async def test_the_command_lists_differences_and_says_so_by_its_exit_code(
    billing: ServiceUnderTest, sandbox: Sandbox, monkeypatch: Any
) -> None:
    monkeypatch.setenv("BILLING_GATEWAY_URL", sandbox.url)
    on_the_machines_clock(billing)
    await paid(billing, sandbox)
    await eventually(sandbox.all_delivered)
    today = billing.clock.at.date().isoformat()
    days = ("--from", today, "--to", datetime.now(UTC).date().isoformat())

    async def run(*options: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "services.billing", "reconcile-provider", *options,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        said, told = await process.communicate()
        return process.returncode or 0, said.decode(), told.decode()

    code, said, told = await run(*days)
    assert (code, said) == (0, ""), told
    assert "2 lines, 1 fees and 0 payouts booked, 0 differences" in told
    sandbox.app.state.book.balance.add_movement("txn_odd", "charge", "pay_odd", "pay_odd", None, 5, "USD")
    code, said, told = await run(*days)
    assert code == 1
    assert said.startswith("missing_here: charge pay_odd: USD\xa00.05 there, nothing here.")
    monkeypatch.setenv("BILLING_GATEWAY_URL", "http://127.0.0.1:9")
    code, _, told = await run("--from", today)
    assert code == 2
    assert "can't be reached" in told


async def test_the_page_says_what_to_correct_and_when_the_provider_is_away(
    billing: ServiceUnderTest, sandbox: Sandbox
) -> None:
    finance = felix(billing)
    assert "None yet." in (await finance.get("/desk/billing/provider")).text
    wrong = await finance.post("/desk/billing/provider", data={"first": "", "last": "soon"})
    assert wrong.status_code == 422
    assert "Enter the first day" in wrong.text
    back = await finance.post("/desk/billing/provider", data={"first": "2027-03-02", "last": "2027-03-01"})
    assert back.status_code == 409
    assert (await finance.get("/desk/billing/provider/0198f0a0-0000-7000-8000-000000000001")).status_code == 404
    billing.ctx.settings = billing.ctx.settings.model_copy(update={"gateway_url": "http://127.0.0.1:9"})
    away = await finance.post("/desk/billing/provider", data={"first": "2027-03-01", "last": "2027-03-01"})
    assert away.status_code == 503
    advisor = billing.sign_in(Role.CARE_ADVISOR)
    assert (await advisor.get("/desk/billing/provider")).status_code == 403
