"""Differences with the provider are found by themselves each day, and worked off one by one (R21)."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest

from services.billing import cashier
from services.billing.domain import Line, Record, identity_of
from services.billing.domain.reconciling import Difference, DifferenceKind
from services.billing.reconciling import CHECK, check_by_itself, next_check_at
from services.billing.settings import BillingSettings
from shared.backbone import Errand, runner
from shared.backbone.timers import NOBODY
from shared.events import PaymentReceived
from shared.ids import new_id
from shared.web import Role
from tests.billing.conftest import Sandbox, balances, eventually, on_the_machines_clock, queue, states
from tests.billing.test_provider_report import DIFFERENCES, felix, matters, paid
from tests.support.service import A_MONDAY, ServiceUnderTest

PROVIDER = "provider-differences"


async def checks_by_itself(billing: ServiceUnderTest, *, may_fail: bool = False) -> None:
    """Let the timer strike now, and whoever it sends do their errand. Nobody asks about a single payment meanwhile."""
    async with billing.ctx.db.transaction() as tx:
        await tx.execute("DELETE FROM timers WHERE name = ANY($1)", [CHECK, cashier.ASK_TIMER])
        await tx.execute("INSERT INTO timers (case_id, name, due) VALUES ($1, $2, $3)", NOBODY, CHECK, tx.now)
    await billing.run_timers()
    await billing.run_errands(may_fail=may_fail)


async def tomorrow(billing: ServiceUnderTest) -> None:
    billing.clock.at = datetime.now(UTC) + timedelta(days=1)


async def steps(billing: ServiceUnderTest, matter: UUID) -> list[tuple[str, str, str]]:
    rows = await billing.fetch(
        "SELECT step, by, reason FROM provider_matter_steps WHERE matter_id = $1 ORDER BY id", matter
    )
    return [(row["step"], row["by"], row["reason"]) for row in rows]


async def settles(finance: httpx.AsyncClient, matter: UUID, act: str, **form: Any) -> httpx.Response:
    return await finance.post(f"{DIFFERENCES}/{matter}/{act}", data=form)


async def test_a_lost_message_is_found_by_itself_taken_in_and_agreed_on_the_day_after(
    billing: ServiceUnderTest, sandbox: Sandbox
) -> None:
    on_the_machines_clock(billing)
    await sandbox.behaves(silent=True)
    case = await paid(billing, sandbox)
    await tomorrow(billing)
    await checks_by_itself(billing)
    [waits] = await queue(billing, PROVIDER)
    assert waits.startswith("Missing here: charge pay_")
    [matter] = await matters(billing)
    finance = felix(billing)
    assert "Missing here: charge" in (await finance.get("/desk/billing/provider")).text
    page = (await finance.get(f"{DIFFERENCES}/{matter}")).text
    assert "Its message never came: take it in." in page
    assert (await settles(finance, matter, "take-in")).status_code == 303
    assert await states(billing, case.id) == ["paid"]
    assert len(await billing.emitted(PaymentReceived)) == 1
    assert await queue(billing, PROVIDER) == []
    assert [step for step, _, _ in await steps(billing, matter)] == ["found", "taken_in"]
    billing.clock.at += timedelta(days=1)
    await checks_by_itself(billing)
    assert await matters(billing) == []
    assert "Felix Grau: taken in" in (await felix(billing).get(f"{DIFFERENCES}/{matter}")).text


async def test_a_difference_that_disappears_closes_itself_and_is_open_again_when_it_comes_back(
    billing: ServiceUnderTest, sandbox: Sandbox
) -> None:
    on_the_machines_clock(billing)
    await paid(billing, sandbox)
    await eventually(sandbox.all_delivered)
    began, db = billing.clock.at.date(), sandbox.app.state.book._db
    db.execute("UPDATE movements SET amount_minor = amount_minor + 1 WHERE kind = 'charge'")
    await tomorrow(billing)
    await checks_by_itself(billing)
    [matter] = await matters(billing)
    billing.clock.at += timedelta(days=1)
    await checks_by_itself(billing)
    assert await matters(billing) == [matter], "the same matter, found in a span that is over"
    db.execute("UPDATE movements SET amount_minor = amount_minor - 1 WHERE kind = 'charge'")
    billing.clock.at += timedelta(days=40)
    await checks_by_itself(billing)
    assert await matters(billing) == []
    assert await queue(billing, PROVIDER) == []
    db.execute("UPDATE movements SET amount_minor = amount_minor + 1 WHERE kind = 'charge'")
    days = {"first": began, "last": datetime.now(UTC).date()}
    await felix(billing).post("/desk/billing/provider", data=days)
    assert await matters(billing) == [matter]
    assert [step for step, _, _ in await steps(billing, matter)] == ["found", "gone", "found_again"]


async def test_what_a_person_settles_stays_settled_until_the_sides_differ_otherwise(
    billing: ServiceUnderTest, sandbox: Sandbox
) -> None:
    on_the_machines_clock(billing)
    await paid(billing, sandbox)
    await eventually(sandbox.all_delivered)
    began, db = billing.clock.at.date(), sandbox.app.state.book._db
    db.execute("UPDATE movements SET amount_minor = 1 WHERE kind = 'charge'")
    await tomorrow(billing)
    await checks_by_itself(billing)
    [matter] = await matters(billing)
    finance = felix(billing)
    silent = await settles(finance, matter, "settle", reason="")
    assert silent.status_code == 422
    assert "an auditor reads it later" in silent.text
    assert (await settles(finance, matter, "take-in")).status_code == 409
    assert (await settles(finance, matter, "settle", reason="They mend it by the 5th")).status_code == 303
    again = await finance.post(
        f"{DIFFERENCES}/{matter}/settle", data={"reason": "Once more"}, headers={"Accept": "application/json"}
    )
    assert (again.status_code, "worked off already: Felix Grau, settled" in again.text) == (409, True)
    days = {"first": began, "last": datetime.now(UTC).date()}
    await felix(billing).post("/desk/billing/provider", data=days)
    billing.clock.at += timedelta(days=1)
    await checks_by_itself(billing)
    assert await matters(billing) == [], "found once more, and settled still"
    assert (await settles(felix(billing), matter, "open-again", reason="They did not")).status_code == 303
    assert await matters(billing) == [matter]
    assert await steps(billing, matter) == [
        ("found", "system", ""), ("settled", "Felix Grau", "They mend it by the 5th"),
        ("opened_again", "Felix Grau", "They did not"),
    ]  # fmt: skip
    db.execute("UPDATE movements SET amount_minor = 2 WHERE kind = 'charge'")
    billing.clock.at += timedelta(days=1)
    await checks_by_itself(billing)
    [other] = await matters(billing)
    assert other != matter
    assert (await steps(billing, matter))[-1][0] == "gone"


async def test_a_provider_that_does_not_answer_is_asked_again_and_no_day_is_missed(
    billing: ServiceUnderTest, sandbox: Sandbox
) -> None:
    on_the_machines_clock(billing)
    await sandbox.behaves(silent=True)
    await paid(billing, sandbox)
    there = billing.ctx.settings
    billing.ctx.settings = there.model_copy(update={"gateway_url": "http://127.0.0.1:9"})
    await tomorrow(billing)
    await checks_by_itself(billing, may_fail=True)
    assert await queue(billing, PROVIDER) == ["The card provider's report can't be had: it is tried again by itself"]
    assert "The provider has not answered since" in (await felix(billing).get("/desk/billing/provider")).text
    assert await billing.count("provider_checks") == 0
    billing.ctx.settings = there
    billing.clock.at += timedelta(days=3)
    await billing.run_timers()
    await billing.run_errands()
    [waits] = await queue(billing, PROVIDER)
    assert waits.startswith("Missing here: charge")
    assert "has not answered" not in (await felix(billing).get("/desk/billing/provider")).text
    days = await billing.fetch("SELECT ends_at - starts_at AS n FROM provider_checks")
    assert sum((row["n"] for row in days), timedelta()) >= timedelta(days=1)
    until = max(row["ends_at"] for row in await billing.fetch("SELECT ends_at FROM provider_checks"))
    assert until.date() == billing.clock.at.date()


async def test_several_workers_check_a_day_once(billing: ServiceUnderTest, sandbox: Sandbox) -> None:
    on_the_machines_clock(billing)
    await paid(billing, sandbox)
    await eventually(sandbox.all_delivered)
    await tomorrow(billing)
    await asyncio.gather(*(runner.keep_running(billing.ctx) for _ in range(4)))
    [clock] = await billing.fetch("SELECT due FROM timers WHERE name = $1", CHECK)
    assert clock["due"] == next_check_at(billing.ctx.settings, billing.clock.at)
    billing.clock.at = clock["due"]
    await asyncio.gather(*(billing.run_timers() for _ in range(4)))
    [asked] = await billing.fetch("SELECT count(*) AS n FROM errands WHERE kind = $1", CHECK)
    assert asked["n"] == 1
    errand = Errand(new_id(), CHECK, "another", NOBODY, {}, 1, None)
    twice = [check_by_itself(errand, billing.ctx) for _ in range(2)]
    await asyncio.gather(*twice, *(billing.run_errands() for _ in range(4)))
    assert await billing.count("provider_checks") == 1
    assert (await balances(billing))["provider_fees"] == 7_280
    [clock] = await billing.fetch("SELECT due FROM timers WHERE name = $1", CHECK)
    assert clock["due"] == next_check_at(billing.ctx.settings, billing.clock.at)


@pytest.mark.parametrize(
    ("zone", "now", "due"),
    [
        ("UTC", A_MONDAY.replace(hour=5), A_MONDAY.replace(hour=6, minute=0)),
        ("UTC", A_MONDAY.replace(hour=6), A_MONDAY.replace(hour=6) + timedelta(days=1)),
        ("America/New_York", datetime(2027, 3, 13, 12, tzinfo=UTC), datetime(2027, 3, 14, 10, tzinfo=UTC)),
    ],
)
def test_the_hour_is_that_of_the_books(
    monkeypatch: pytest.MonkeyPatch, zone: str, now: datetime, due: datetime
) -> None:
    monkeypatch.setenv("BILLING_DATABASE_URL", "postgresql://x")
    monkeypatch.setenv("BILLING_BOOKS_ZONE", zone)
    assert next_check_at(BillingSettings(), now) == due


def test_a_difference_is_another_when_one_side_says_something_else() -> None:
    line = Line("txn", "charge", "pay", 500, "USD", A_MONDAY)
    record = Record("charge", "pay", 499, "USD", "paid", A_MONDAY, NOBODY)
    one = Difference(DifferenceKind.AMOUNT, "charge", "pay", "txn", record)
    known = identity_of(one, line)
    assert known == identity_of(one, line)
    other = Line("txn", "charge", "pay", 501, "USD", A_MONDAY)
    assert len({known, identity_of(one, other), identity_of(one, None)}) == 3


async def test_only_finance_sees_the_differences(billing: ServiceUnderTest) -> None:
    advisor, finance = billing.sign_in(Role.CARE_ADVISOR), felix(billing)
    nothing = f"{DIFFERENCES}/{new_id()}"
    assert (await advisor.get(nothing)).status_code == 403
    assert (await finance.get(nothing)).status_code == 404
    assert (await finance.post(f"{nothing}/settle", data={"reason": "It is nothing"})).status_code == 404
