"""A service added later (R17): every order that topics allow ends in the same state, and in one payment for each revision."""

import itertools
from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared.events import Fact, PaymentReceived, ServicesConfirmed
from shared.ids import CaseId
from tests.journeys.test_every_order import _links, _seed, _state
from tests.support import facts
from tests.support.service import A_MONDAY, ServiceUnderTest, service_named, under_test

LATER = A_MONDAY + timedelta(days=9)


def _told(case: CaseId) -> tuple[list[Fact], ...]:
    """What each owner tells, in its own order: between owners nothing is promised."""
    added = {"revision": 2, "supplements": 1}
    price = facts.PRICE.model_copy(update={"amount_minor": 90_000})
    return (
        [facts.submitted(case), facts.confirmed(case, services=("written",)),
         facts.confirmed(case, services=("written", "pathology"), added=("pathology",), price=price, confirmed_at=LATER,
                         **added)],
        [facts.paid(case), facts.paid(case, revision=2, price=price, received_at=LATER)],
        [facts.complete(case, services=("written",)),
         facts.complete(case, services=("written", "pathology"), completed_at=LATER, target_to=LATER + timedelta(weeks=4))],
        [facts.assigned(case)],
    )  # fmt: skip


def _merges(lengths: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Yield every way to merge sequences of these lengths: at each place, whose turn it is."""
    turns = [owner for owner, length in enumerate(lengths) for _ in range(length)]
    yield from sorted(set(itertools.permutations(turns)))


@pytest.mark.parametrize("name", ["intake", "billing", "records", "matching", "notify"])
async def test_every_order_that_topics_allow_ends_in_the_same_state(
    name: str, postgres_url: str, platform_environment: pytest.MonkeyPatch, keys_folder: object
) -> None:
    """1,680 orders, of which every seventh is played: all pairs of facts of two owners come in both orders."""
    orders = list(_merges((3, 2, 2, 1)))[::7]
    async with under_test(service_named(name), postgres_url, platform_environment, keys_folder) as service:  # type: ignore[arg-type]
        await _seed(service)
        cases = [facts.a_case() for _ in orders]
        left = [[iter(owner) for owner in _told(case)] for case in cases]
        for place in range(8):
            batch = [next(left[n][order[place]]) for n, order in enumerate(orders)]
            await service.applies(*map(service.arrival, batch))
        links = await _links(service)
        states = [await _state(service, case, links) for case in cases]
        for order, state in zip(orders, states, strict=True):
            other = {table: (rows, states[0][table]) for table, rows in state.items() if rows != states[0][table]}
            assert not other, f"the order {order} ends differently: {other}"
        assert await service.count("parked") == 0


async def test_a_supplement_is_billed_for_what_it_adds_and_paid_by_itself(billing: ServiceUnderTest) -> None:
    case = facts.a_case()
    await billing.receives(*_told(case)[0])
    rows = await billing.fetch("SELECT ordinal, services, price_minor FROM invoices ORDER BY ordinal")
    assert [tuple(row.values()) for row in rows] == [
        (1, ["written"], facts.PRICE.amount_minor),
        (2, ["pathology"], 90_000),
    ]


def test_the_facts_of_a_supplement_name_what_is_added_and_carry_everything() -> None:
    told = [fact for fact in _told(facts.a_case())[0] if isinstance(fact, ServicesConfirmed)]
    assert [(one.supplements, one.added) for one in told] == [(None, ()), (1, ("pathology",))]
    assert set(told[0].services) < set(told[1].services)
    assert PaymentReceived in {type(fact) for fact in _told(facts.a_case())[1]}
