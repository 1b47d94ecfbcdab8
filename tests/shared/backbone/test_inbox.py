"""Facts are applied once, in their case's order, whatever comes twice, broken or unknown."""

import asyncio
import contextlib
from datetime import timedelta

import pytest

from shared.backbone import errands, inbox, parked, timers
from shared.backbone.inbox import Arrival
from shared.db import Tx
from shared.envelope import Unreadable
from shared.events import CaseWithdrawn, Fact, PaymentReceived
from shared.ids import CaseId
from tests.shared.backbone.toy import FAILS
from tests.support.facts import a_case, confirmed, paid, sign_in_requested, withdrawn
from tests.support.service import A_MONDAY, ServiceUnderTest


async def heard(toy: ServiceUnderTest, case_id: CaseId) -> list[str]:
    rows = await toy.fetch("SELECT what FROM heard WHERE case_id = $1 ORDER BY id", case_id)
    return [row["what"] for row in rows]


async def test_a_fact_that_comes_twice_is_applied_once(toy: ServiceUnderTest) -> None:
    fact = toy.arrival(confirmed(case := a_case()))
    await toy.applies(fact)
    await toy.applies(fact)
    await toy.applies(fact, fact)
    assert await heard(toy, case) == ["confirmed"]
    assert len(await toy.emitted()) == 1


async def test_the_same_fact_twice_in_one_batch_is_applied_once(toy: ServiceUnderTest) -> None:
    fact = toy.arrival(confirmed(case := a_case()))
    assert await toy.applies(fact, fact) == 1
    assert await heard(toy, case) == ["confirmed"]


async def test_a_case_keeps_its_order_among_others_in_a_batch(toy: ServiceUnderTest) -> None:
    cases = [a_case() for _ in range(20)]
    batch = [toy.arrival(paid(case, revision=revision)) for revision in (1, 2, 3) for case in reversed(cases)]
    await toy.applies(*batch)
    for case in cases:
        assert await heard(toy, case) == ["paid 1", "paid 2", "paid 3"]


async def test_a_hot_reaction_takes_many_at_once_and_still_in_order(toy: ServiceUnderTest) -> None:
    cases = [a_case() for _ in range(10)]
    await toy.applies(*(toy.arrival(fact(case)) for case in cases for fact in (sign_in_requested, withdrawn)))
    for case in cases:
        assert await heard(toy, case) == ["many", "withdrawn"]


async def test_two_batches_that_lock_the_same_cases_in_opposite_orders_never_wait_for_each_other(
    toy: ServiceUnderTest,
) -> None:
    one, other = a_case(), a_case()
    await toy.applies(toy.arrival(confirmed(one)), toy.arrival(confirmed(other)))
    locked: list[CaseId] = []
    both = asyncio.Event()

    async def lock(fact: Fact, tx: Tx) -> None:
        await tx.fetch("SELECT 1 FROM heard WHERE case_id = $1 FOR UPDATE", fact.case_id)
        locked.append(fact.case_id)
        if len(locked) == 2:
            both.set()

    async def lock_later(fact: Fact, tx: Tx) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(both.wait(), 0.5)
        await lock(fact, tx)

    async def take(*arrivals: Arrival) -> int:
        async with toy.ctx.db.transaction() as tx:
            return await inbox.apply(tx, {PaymentReceived: lock, CaseWithdrawn: lock_later}, arrivals, service="toy")

    straight = take(toy.arrival(paid(one)), toy.arrival(withdrawn(other)))
    crossed = take(toy.arrival(withdrawn(one)), toy.arrival(paid(other)))
    assert await asyncio.gather(straight, crossed) == [2, 2]


async def test_a_reaction_that_fails_leaves_no_trace_of_its_batch(toy: ServiceUnderTest) -> None:
    good, bad = confirmed(a_case()), confirmed(a_case(), services=(FAILS,))
    with pytest.raises(RuntimeError):
        await toy.applies(toy.arrival(good), toy.arrival(bad))
    for table in ("heard", "inbox", "outbox", "timers", "errands"):
        assert await toy.count(table) == 0


async def test_an_unknown_type_is_remembered_and_changes_nothing(toy: ServiceUnderTest) -> None:
    known = toy.arrival(confirmed(a_case()))
    headers = [(n, b"SomethingNew.v9" if n == "ce_type" else v) for n, v in known.headers]
    assert await toy.applies(known._replace(headers=headers, value=b"\xff\xfe")) == 0
    assert await toy.count("inbox") == 1
    assert await toy.count("heard") == 0


def _without(arrival: Arrival, header: str) -> Arrival:
    return arrival._replace(headers=[(n, v) for n, v in arrival.headers if n != header])


@pytest.mark.parametrize("header", ["ce_id", "ce_type", "ce_source", "ce_time", "ce_subject", "ce_sequence"])
async def test_a_record_without_a_header_is_unreadable_and_named(toy: ServiceUnderTest, header: str) -> None:
    with pytest.raises(Unreadable, match=header):
        await toy.applies(_without(toy.arrival(confirmed(a_case())), header))


@pytest.mark.parametrize("value", [b"", b"\x00\xff", b"{", b"[]", b'{"case_id": 1}', None])
async def test_a_known_type_with_a_broken_value_is_unreadable(toy: ServiceUnderTest, value: bytes | None) -> None:
    with pytest.raises(Unreadable):
        await toy.applies(toy.arrival(confirmed(a_case()))._replace(value=value))


async def test_a_record_filed_under_another_case_is_unreadable(toy: ServiceUnderTest) -> None:
    with pytest.raises(Unreadable, match="key"):
        await toy.applies(toy.arrival(confirmed(a_case()))._replace(key=str(a_case()).encode()))


async def test_an_added_field_disturbs_no_reader(toy: ServiceUnderTest) -> None:
    arrival = toy.arrival(confirmed(case := a_case()))
    value = (arrival.value or b"").replace(b"{", b'{"added_in_2031": {"x": 1}, ', 1)
    await toy.applies(arrival._replace(value=value))
    assert await heard(toy, case) == ["confirmed"]


async def test_later_records_of_a_parked_case_wait_behind_it_and_other_cases_flow(toy: ServiceUnderTest) -> None:
    stuck, free = a_case(), a_case()
    first = toy.arrival(confirmed(stuck, services=(FAILS,)))
    async with toy.ctx.db.transaction() as tx:
        await parked.put(tx, first, error="RuntimeError: it failed", behind=False)
    await toy.applies(toy.arrival(paid(stuck)), toy.arrival(withdrawn(stuck)), toy.arrival(paid(free)))
    assert await heard(toy, stuck) == []
    assert await heard(toy, free) == ["paid 1"]
    assert [(p.behind, p.type) for p in await parked.listed(toy.ctx.db)] == [
        (False, "ServicesConfirmed.v1"), (True, "PaymentReceived.v1"), (True, "CaseWithdrawn.v1"),
    ]  # fmt: skip


async def test_a_timer_set_by_a_fact_runs_once_when_it_is_due(toy: ServiceUnderTest) -> None:
    await toy.receives(confirmed(case := a_case()))
    assert await toy.run_timers() == 0
    assert await toy.run_timers(at=A_MONDAY + timedelta(seconds=2)) == 1
    assert await toy.run_timers(at=A_MONDAY + timedelta(days=2)) == 0
    assert await heard(toy, case) == ["confirmed", "remembered"]


async def test_a_cancelled_timer_never_runs(toy: ServiceUnderTest) -> None:
    await toy.receives(confirmed(case := a_case()), withdrawn(case))
    assert await toy.run_timers(at=A_MONDAY + timedelta(days=2)) == 0


async def test_an_errand_runs_once_and_after_its_transaction(toy: ServiceUnderTest) -> None:
    await toy.receives(confirmed(case := a_case()))
    assert await heard(toy, case) == ["confirmed"]
    assert await toy.run_errands() == 1
    assert await toy.run_errands() == 0
    assert await heard(toy, case) == ["confirmed", "wrote done"]


async def test_the_last_word_on_a_clock_counts_within_a_transaction(toy: ServiceUnderTest) -> None:
    stopped, moved, wound_again = a_case(), a_case(), a_case()
    later = A_MONDAY + timedelta(hours=1)
    async with toy.ctx.db.transaction() as tx:
        await timers.set(tx, stopped, "remember", A_MONDAY)
        await timers.cancel(tx, stopped, "remember")
        await timers.set(tx, moved, "remember", A_MONDAY)
        await timers.set(tx, moved, "remember", later)
        await timers.set(tx, wound_again, "forget", A_MONDAY)
        await timers.cancel_all(tx, wound_again)
        await timers.set(tx, wound_again, "remember", A_MONDAY)
    kept = {(row["case_id"], row["name"]): row["due"] for row in await toy.fetch("SELECT * FROM timers")}
    assert kept == {(moved, "remember"): later, (wound_again, "remember"): A_MONDAY}


async def test_a_clock_set_before_is_stopped_or_moved(toy: ServiceUnderTest) -> None:
    first, second = a_case(), a_case()
    async with toy.ctx.db.transaction() as tx:
        for case in (first, second):
            await timers.set(tx, case, "remember", A_MONDAY)
    later = A_MONDAY + timedelta(hours=1)
    async with toy.ctx.db.transaction() as tx:
        await timers.cancel(tx, first, "remember")
        await timers.set(tx, second, "remember", later)
    assert [(row["case_id"], row["due"]) for row in await toy.fetch("SELECT * FROM timers")] == [(second, later)]


async def test_an_errand_asked_for_twice_under_one_key_is_one(toy: ServiceUnderTest) -> None:
    async with toy.ctx.db.transaction() as tx:
        for key in ("a", "b", "a"):
            await errands.request(tx, "write", CaseId(a_case()), key, {"words": [key]})
    async with toy.ctx.db.transaction() as tx:
        await errands.request(tx, "write", CaseId(a_case()), "b", {"words": ["again"]})
    kept = await toy.fetch("SELECT key, payload FROM errands ORDER BY key")
    assert [(row["key"], row["payload"]) for row in kept] == [("a", {"words": ["a"]}), ("b", {"words": ["b"]})]


async def test_what_was_gathered_for_the_commit_is_gone_when_the_transaction_fails(toy: ServiceUnderTest) -> None:
    async def fail() -> None:
        async with toy.ctx.db.transaction() as tx:
            await errands.request(tx, "write", CaseId(a_case()), "a", {})
            await timers.set(tx, a_case(), "remember", A_MONDAY)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await toy.count("errands") == await toy.count("timers") == 0


async def test_what_was_applied_before_its_case_had_a_parked_record_is_not_parked_when_it_is_read_again(
    toy: ServiceUnderTest,
) -> None:
    case = a_case()
    applied, failed, missed = (toy.arrival(withdrawn(case)) for _ in range(3))
    await toy.applies(applied)
    async with toy.ctx.db.transaction() as tx:
        await parked.put(tx, failed, error="RuntimeError: it failed", behind=False)
    await toy.applies(applied, missed)
    assert [(one.offset, one.behind) for one in await parked.listed(toy.ctx.db)] == [
        (failed.offset, False),
        (missed.offset, True),
    ]
