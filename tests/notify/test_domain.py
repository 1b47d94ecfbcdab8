"""The timeline tells one story, whatever the order in which its facts arrive."""

import itertools
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.domain import Action, Actor, History, Stage, timeline
from shared.events import Fact
from tests.notify import stories as s

NOW = s.START + 2 * s.DAY
SIX = [s.submitted(), s.confirmed(), s.paid(), s.complete(), s.assigned(), s.delivered()]
EVERYTHING = [*s.whole_case(), s.offered(2, 10 * s.DAY), s.refunded(), s.withdrawn(), s.signing_in(), s.form_saved()]


def test_all_720_orders_of_the_six_facts_tell_the_same_story() -> None:
    stories = {timeline(order, NOW).model_dump_json() for order in itertools.permutations(SIX)}
    assert len(stories) == 1


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from(EVERYTHING), unique_by=id).flatmap(
        lambda some: st.tuples(st.just(some), st.permutations(some * 2))
    )
)
def test_any_order_and_any_doubles_of_any_facts_tell_the_same_story(both: tuple[list[Fact], list[Fact]]) -> None:
    some, shuffled = both
    assert timeline(shuffled, NOW) == timeline(some, NOW)


@pytest.mark.parametrize(
    ("facts", "stage", "actor", "action", "by"),
    [
        ([], Stage.ANNOUNCED, Actor.CARE_ADVISOR, Action.REGISTER, None),
        ([s.submitted()], Stage.REQUESTED, Actor.CARE_ADVISOR, Action.CONTACT, s.START + s.DAY),
        ([s.submitted(), s.offered()], Stage.QUOTED, Actor.REQUESTER, Action.ACCEPT_QUOTE, s.START + 15 * s.DAY),
        (s.whole_case()[:3], Stage.CONFIRMED, Actor.REQUESTER, Action.PAY, s.START + 15 * s.DAY),
        ([s.confirmed()], Stage.CONFIRMED, Actor.REQUESTER, Action.PAY, None),
        (s.whole_case()[:4], Stage.PAID, Actor.CASE_MANAGER, Action.ASSIGN_CASE_MANAGER, None),
        (s.whole_case()[:5], Stage.COLLECTING, Actor.REQUESTER, Action.SEND_MATERIALS, s.START + 10 * s.DAY),
        ([s.returned()], Stage.COLLECTING, Actor.REQUESTER, Action.SEND_MATERIALS, None),
        (s.whole_case()[:7], Stage.COMPLETE, Actor.CLINICAL_TEAM, Action.FIND_SPECIALIST, s.START + 36 * s.DAY),
        (s.whole_case()[:8], Stage.ASSIGNED, Actor.SPECIALIST, Action.WRITE_OPINION, s.START + 36 * s.DAY),
        ([s.assigned()], Stage.ASSIGNED, Actor.SPECIALIST, Action.WRITE_OPINION, None),
        (s.whole_case(), Stage.DELIVERED, Actor.LOCAL_PHYSICIAN, Action.DISCUSS_OPINION, None),
    ],
)
def test_the_furthest_fact_says_where_it_stands_and_whose_move_it_is(
    facts: list[Fact], stage: Stage, actor: Actor, action: Action, by: object
) -> None:
    story = timeline(facts, s.START)
    assert (story.stage, story.next[0].actor, story.next[0].action, story.next[0].by) == (stage, actor, action, by)


def test_the_target_window_has_a_near_end_and_promises_nothing_before_the_records_are_complete() -> None:
    step = timeline(s.whole_case()[:8], NOW).next[0]
    assert (step.earliest, step.by) == (s.START + 22 * s.DAY, s.START + 36 * s.DAY)
    assert timeline([s.submitted(), s.assigned()], NOW).next[0].earliest is None


def test_a_clock_that_has_run_out_is_called_overdue() -> None:
    assert not timeline([s.submitted()], s.START + s.DAY).next[0].overdue
    assert timeline([s.submitted()], s.START + s.DAY + timedelta(seconds=1)).next[0].overdue


def test_a_quote_that_ran_out_is_the_advisors_move() -> None:
    story = timeline([s.submitted(), s.offered()], s.START + 16 * s.DAY)
    assert (story.next[0].actor, story.next[0].action) == (Actor.CARE_ADVISOR, Action.RENEW_QUOTE)


def test_a_later_quote_waits_beside_the_main_move() -> None:
    story = timeline([*s.whole_case()[:5], s.offered(2, 4 * s.DAY)], s.START + 5 * s.DAY)
    assert [step.action for step in story.next] == [Action.SEND_MATERIALS, Action.ACCEPT_QUOTE]
    paid_too = [*s.whole_case()[:5], s.offered(2, 4 * s.DAY), s.confirmed(2, 5 * s.DAY)]
    assert [step.action for step in timeline(paid_too, NOW).next] == [Action.SEND_MATERIALS, Action.PAY]
    assert len(timeline([*paid_too, s.paid(2, 6 * s.DAY)], NOW).next) == 1


def test_withdrawal_ends_every_clock_and_leaves_money_that_is_owed() -> None:
    assert timeline([s.submitted(), s.withdrawn()], NOW).next == ()
    owed = [*s.whole_case()[:5], s.withdrawn()]
    assert [step.actor for step in timeline(owed, NOW).next] == [Actor.FINANCE]
    assert timeline([*owed, s.refunded()], NOW).next == ()
    assert timeline([*owed, s.assigned()], NOW).next == ()


def test_the_history_shows_money_and_clocks_and_hides_sign_ins() -> None:
    story = timeline([*s.whole_case(), s.signing_in()], NOW)
    assert [entry.fact for entry in story.entries] == [type(fact).__name__ for fact in s.whole_case()]
    assert story.entries[0].due == s.START + s.DAY
    assert story.entries[3].money == s.PRICE
    assert story.case_number == s.NUMBER


def test_the_programme_is_known_from_whichever_fact_came() -> None:
    assert History([s.paid()]).programme is None
    for fact in (s.submitted(), s.confirmed(), s.complete()):
        assert History([s.paid(), fact]).programme == s.PROGRAMME
