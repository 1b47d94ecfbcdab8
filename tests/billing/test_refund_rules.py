"""What goes back when a case is withdrawn: said before and decided after by the same rule, never more than came in (R18, R21)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.billing import cashier, domain
from services.billing.domain import Invoice, InvoiceBack, Oddity, Payment, RefundStage
from shared.events import Money, ProgrammeRef
from shared.ids import CaseId
from tests.billing.conftest import PRICE, CaseFacts, Provider, invoice_ids, queue, usd
from tests.support.service import A_MONDAY, ServiceUnderTest

NOW = datetime(2027, 3, 1, 9, tzinfo=UTC)
CASE = CaseId(uuid4())
MSK = ProgrammeRef(id="msk_international", version=1)
AFTER_GRACE = timedelta(minutes=1)


def invoice(price: int, rules: ProgrammeRef = MSK, currency: str = "USD") -> Invoice:
    money = Money(amount_minor=price, currency=currency)
    return Invoice(uuid4(), CASE, uuid4(), 1, 1, rules, ("written",), money, NOW, NOW + timedelta(days=14))


def settle(billed: Invoice, *amounts: tuple[int, str]) -> tuple[Invoice, list[Payment]]:
    """Let amounts come in one after the other."""
    payments: list[Payment] = []
    for minor, currency in amounts:
        money = Money(amount_minor=minor, currency=currency)
        outcome = domain.receive(billed, Payment(uuid4(), CASE, billed.id, "card", str(uuid4()), money, NOW))
        billed, payments = outcome.invoice, [*payments, *outcome.payments]
    return billed, payments


amounts = st.lists(st.tuples(st.integers(1, 1500), st.sampled_from(["USD", "USD", "EUR"])), max_size=5)
stages = st.sampled_from(list(RefundStage))


def by_payment(back: InvoiceBack) -> dict[object, int]:
    return {one.payment.id: one.amount.amount_minor for one in back.payments if one.amount.amount_minor}


@given(st.integers(0, 2000), amounts, st.integers(0, 100), stages)
def test_never_more_goes_back_than_came_in(
    price: int, came: list[tuple[int, str]], percent: int, stage: RefundStage
) -> None:
    billed, payments = settle(invoice(price), *came)
    back = domain.back_at(stage, percent, billed, payments)
    assert all(0 <= one.amount.amount_minor <= one.payment.returnable_minor for one in back.payments)
    assert back.fee_back_minor + back.kept_minor == (billed.paid_minor if back.is_fee else 0)
    if percent == 100:
        assert by_payment(back) == {one.id: one.amount.amount_minor for one in payments}
    if percent == 0:
        applied = sum(one.applied_minor for one in payments)
        assert back.fee_back_minor == 0
        assert back.kept_minor == (applied if back.is_fee else 0)


@given(st.integers(1, 2000), st.integers(0, 100), st.integers(0, 2000), stages)
def test_the_stages_part_counts_what_went_back_before(
    price: int, percent: int, returned: int, stage: RefundStage
) -> None:
    billed, payments = settle(invoice(price), (price, "USD"))
    given_back = min(returned, price)
    if given_back:
        refund = domain.Refund(uuid4(), CASE, payments[0].id, "card", usd(given_back), "decision", "a reason", "F", NOW)
        outcome = domain.give_back(billed, payments[0], refund)
        billed, payments = outcome.invoice, list(outcome.payments)
    back = domain.back_at(stage, percent, billed, payments)
    entitled = (price * percent + 99) // 100
    assert back.fee_back_minor == max(0, entitled - given_back), "a part of a cent goes to the payer"


@given(st.integers(1, 2000), amounts, st.integers(0, 100), stages)
def test_what_is_said_before_is_what_is_decided_after(
    price: int, came: list[tuple[int, str]], percent: int, stage: RefundStage
) -> None:
    billed, payments = settle(invoice(price), *came)
    said = domain.back_at(stage, percent, billed, payments)
    if not billed.settled:  # as a withdrawal does at once
        outcome = domain.cancel(billed, payments, "withdrawn")
        billed, payments = outcome.invoice, list(outcome.payments)
    assert by_payment(domain.back_at(stage, percent, billed, payments)) == by_payment(said)


@given(st.integers(1, 2000), st.integers(0, 500), st.integers(1, 2500), st.integers(0, 100), stages)
def test_what_a_bank_still_decides_on_does_not_go_back(
    price: int, surplus: int, disputed: int, percent: int, stage: RefundStage
) -> None:
    billed, [payment] = settle(invoice(price), (price + surplus, "USD"))
    blocked = replace(payment, disputed_minor=min(disputed, price + surplus))
    free, back = (domain.back_at(stage, percent, billed, [one]) for one in (payment, blocked))
    assert back.payments[0].amount.amount_minor <= price + surplus - blocked.disputed_minor
    assert back.payments[0].amount.amount_minor <= free.payments[0].amount.amount_minor
    assert (back.entitled_minor, back.kept_minor) == (free.entitled_minor, free.kept_minor)


@given(st.integers(1, 2000), amounts, st.integers(0, 100), st.integers(0, 100))
def test_a_smaller_per_cent_never_gives_more(price: int, came: list[tuple[int, str]], one: int, other: int) -> None:
    billed, payments = settle(invoice(price), *came)
    low, high = sorted((one, other))
    less = domain.back_at(RefundStage.IN_REVIEW, low, billed, payments)
    more = domain.back_at(RefundStage.BEFORE_ACCEPTANCE, high, billed, payments)
    assert sum(by_payment(less).values()) <= sum(by_payment(more).values())


@pytest.mark.parametrize(
    ("accepted", "delivered", "stage"),
    [
        (None, None, "before_acceptance"),
        (timedelta(hours=1), None, "before_acceptance"),
        (timedelta(0), None, "in_review"),
        (-timedelta(days=1), None, "in_review"),
        (-timedelta(days=9), timedelta(seconds=1), "in_review"),
        (-timedelta(days=9), timedelta(0), "delivered"),
        (None, -timedelta(days=1), "delivered"),
    ],
)
def test_the_stage_is_how_far_the_work_had_come(
    accepted: timedelta | None, delivered: timedelta | None, stage: str
) -> None:
    at = [None if one is None else NOW + one for one in (accepted, delivered)]
    assert domain.stage_at(at[0], at[1], NOW) == stage


def test_a_case_keeps_the_rule_of_the_version_it_began_with() -> None:
    terms = [
        cashier.terms_of(invoice(1, ProgrammeRef(id="harborlight_integrative", version=version), "KWD"))
        for version in (1, 2)
    ]
    assert [one.percent[RefundStage.IN_REVIEW] for one in terms] == [0, 50]
    assert [one.alone_up_to for one in terms] == [None, Money(amount_minor=200_000, currency="KWD")]
    assert cashier.terms_of(invoice(1)).percent == {"before_acceptance": 100, "in_review": 0, "delivered": 0}


@pytest.mark.parametrize(
    ("limit", "alone", "fee", "two"),
    [
        (usd(1000), 0, usd(1000), False),
        (usd(1000), 0, usd(1001), True),
        (usd(1000), 600, usd(401), True),
        (usd(1000), 2000, usd(0), False),
        (usd(0), 0, usd(1), True),
        (None, 0, usd(10**9), False),
        (Money(amount_minor=1000, currency="EUR"), 0, usd(1), True),
    ],
)
def test_two_people_decide_above_the_limit(limit: Money | None, alone: int, fee: Money, two: bool) -> None:
    assert domain.needs_second_person(limit, alone, fee) is two


def test_each_odd_payment_has_its_name_and_what_to_do() -> None:
    billed, [first, surplus, foreign, again] = settle(
        invoice(100), (100, "USD"), (30, "USD"), (100, "EUR"), (100, "USD")
    )
    every = [first, surplus, foreign, again]
    said = [domain.oddity_of(billed, one, every) for one in every]
    assert said == [None, Oddity.SURPLUS, Oddity.CURRENCY, Oddity.TWICE]
    assert domain.twice_by(replace(again, method="wire"), every) == "by card and by wire"
    expired = domain.cancel(invoice(100), (), "expired").invoice
    late = domain.receive(expired, replace(surplus, held_minor=0, received_at=expired.due_at)).payments[0]
    early = replace(late, received_at=NOW)
    assert [domain.oddity_of(expired, one) for one in (late, early)] == [Oddity.EXPIRED, Oddity.PART]
    withdrawn = domain.cancel(invoice(100), (), "withdrawn").invoice
    assert domain.oddity_of(withdrawn, late) is Oddity.WITHDRAWN
    assert all(one.to_do for one in Oddity)


@pytest.mark.parametrize(
    ("days", "step"), [(0, "0-7"), (7, "0-7"), (8, "8-14"), (30, "15-30"), (31, "31-60"), (61, "61-")]
)
def test_ages_fall_into_steps_without_gaps(days: int, step: str) -> None:
    assert domain.age_of(days).code == step
    assert [one.title for one in domain.AGES] == [
        "0 to 7 days",
        "8 to 14 days",
        "15 to 30 days",
        "31 to 60 days",
        "Over 60 days",
    ]


async def said(billing: ServiceUnderTest, case: CaseFacts) -> dict[str, object]:
    from shared.web import Role

    patient = billing.sign_in(Role.PATIENT, cases=[case.id])
    answer = await patient.get(f"/api/billing/cases/{case.id}/refund-by-stage")
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


@pytest.mark.parametrize("accepted", [False, True])
async def test_what_the_patient_read_before_is_what_goes_back(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider, accepted: bool
) -> None:
    await billing.receives(case.submitted(), case.confirmed(), case.confirmed(90_000, revision=2))
    first, second = await invoice_ids(billing)
    await provider.took(first, PRICE + 500)
    await provider.took(second, 1_000)
    if accepted:
        await billing.receives(case.accepted(A_MONDAY))
    before = await said(billing, case)
    expected = 1_500 if accepted else PRICE + 1_500
    assert before["back"] == [{"amount_minor": expected, "currency": "USD"}]
    assert before["stage"] == ("in_review" if accepted else "before_acceptance")
    await billing.receives(case.withdrawn(billing.clock.now()))
    await billing.run_timers(at=A_MONDAY + AFTER_GRACE)
    rows = await billing.fetch("SELECT sum(amount_minor)::bigint AS n FROM refunds WHERE why = 'withdrawn'")
    assert rows[0]["n"] == expected
    assert await queue(billing, "refunds-to-settle") == (
        ["Withdrawn after a specialist accepted: rule on the fee"] if accepted else []
    )


async def test_half_of_the_fee_goes_back_where_the_programme_says_so(
    billing: ServiceUnderTest, case: CaseFacts, provider: Provider
) -> None:
    newer = case.confirmed().model_copy(
        update={
            "programme": ProgrammeRef(id="harborlight_integrative", version=2), "services": ("integrative",),
            "price": Money(amount_minor=45_001, currency="KWD"),
        }
    )  # fmt: skip
    await billing.receives(newer, case.accepted(A_MONDAY))
    await provider.took((await invoice_ids(billing))[0], 45_001, currency="KWD")
    await billing.receives(case.withdrawn())
    await billing.run_timers(at=A_MONDAY + AFTER_GRACE)
    [refund] = await billing.fetch("SELECT amount_minor, currency, of_fee_minor FROM refunds")
    assert tuple(refund) == (22_501, "KWD", 22_501)
    assert len(await queue(billing, "refunds-to-settle")) == 1, "the other half is finance's to rule on"
