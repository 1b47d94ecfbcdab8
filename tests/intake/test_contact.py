"""The contact log, notes, tasks, hand-over and absence: each step, two people at once, and the clocks, on a real database."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from services.intake import casework
from services.intake.contact import colleagues, log, tasks
from services.intake.contact.colleagues import Colleague
from services.intake.contact.log import Talk
from services.intake.domain import Refused
from services.intake.store import colleagues as kept
from services.intake.store import history
from shared.ids import CaseId
from tests.intake.asking import advisor, key, submit
from tests.support.service import A_MONDAY, ServiceUnderTest

ADA, BEN, SAM = (
    Colleague("staff-ada", "Ada Winter"),
    Colleague("staff-ben", "Ben Castellan"),
    Colleague("staff-sam", "Sam Ferrant"),
)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
async def desk(intake: ServiceUnderTest) -> ServiceUnderTest:
    """Intake with three colleagues on its roster."""
    async with intake.ctx.db.transaction() as tx:
        await colleagues.seed(tx, [{"subject": who.subject, "name": who.name} for who in (ADA, BEN, SAM)])
    return intake


async def do(intake: ServiceUnderTest, step: Any, *args: Any, **kwargs: Any) -> Any:
    async with intake.ctx.db.transaction() as tx:
        return await step(tx, *args, **kwargs)


async def on(intake: ServiceUnderTest, queue: str) -> list[dict[str, Any]]:
    rows = await intake.fetch(
        "SELECT item_key, title, due, state, claimed_by, data FROM queue_items WHERE queue = $1 AND state <> 'done'",
        queue,
    )
    return [dict(row) for row in rows]


async def kinds(intake: ServiceUnderTest, case_id: CaseId) -> list[str]:
    """What happened to the case, the oldest first."""
    async with intake.ctx.db.reading() as tx:
        return [one.kind for one in reversed(await history.of_case(tx, case_id))]


async def holder(intake: ServiceUnderTest, case_id: CaseId) -> tuple[str, str | None]:
    [row] = await intake.fetch("SELECT advisor, acting FROM case_advisors WHERE case_id = $1", case_id)
    return row["advisor"], row["acting"]


async def test_the_first_real_contact_stops_the_clock_at_the_time_of_the_talk(desk: ServiceUnderTest) -> None:
    case_id = await submit(desk)
    await do(desk, log.write, case_id, Talk(reached=False, words="Rang out."), ADA)
    assert (await desk.fetch("SELECT contacted_at FROM cases"))[0]["contacted_at"] is None
    desk.clock.advance(3 * HOUR)
    await do(desk, log.write, case_id, Talk(reached=True, at=A_MONDAY + HOUR, words="Spoke of slides."), BEN)
    await do(desk, log.write, case_id, Talk(reached=True), ADA)
    [case] = await desk.fetch("SELECT contacted_at, contacted_by FROM cases")
    assert (case["contacted_at"], case["contacted_by"]) == (A_MONDAY + HOUR, "staff-ben")
    assert not await desk.fetch("SELECT 1 FROM timers WHERE name = 'contact_overdue'")
    assert await kinds(desk, case_id) == ["submitted", "not_reached", "talk_out", "clock_stopped", "talk_out"]


async def test_a_letter_that_came_and_a_talk_with_the_doctor_stop_no_clock(desk: ServiceUnderTest) -> None:
    case_id = await submit(desk)
    for talk in (Talk(channel="email", direction="in", reached=True), Talk(with_whom="local_physician", reached=True)):
        await do(desk, log.write, case_id, talk, ADA)
    assert (await desk.fetch("SELECT contacted_at FROM cases"))[0]["contacted_at"] is None


async def test_a_contact_of_the_future_is_refused_and_a_withdrawn_case_takes_no_line(desk: ServiceUnderTest) -> None:
    case_id = await submit(desk)
    with pytest.raises(Refused, match="after it happened"):
        await do(desk, log.write, case_id, Talk(reached=True, at=A_MONDAY + HOUR), ADA)
    await do(desk, casework.withdraw, case_id, "patient", "")
    for step in (
        lambda tx: log.write(tx, case_id, Talk(reached=True), ADA),
        lambda tx: log.note(tx, case_id, "A note.", ADA),
        lambda tx: tasks.set_task(tx, case_id, "Ring", A_MONDAY, "staff-ada", ADA),
        lambda tx: colleagues.take(tx, case_id, ADA),
        lambda tx: colleagues.hand_over(tx, case_id, "staff-ben", "", ADA),
    ):
        with pytest.raises(Refused, match="was withdrawn"):
            await do(desk, step)


async def test_a_task_comes_to_the_desk_when_it_is_due_and_leaves_when_done(desk: ServiceUnderTest) -> None:
    case_id = await submit(desk)
    task_id = await do(desk, tasks.set_task, case_id, "Ask the clinic for the CD", A_MONDAY + DAY, "staff-ben", ADA)
    assert await on(desk, "tasks") == []
    await desk.run_timers(at=A_MONDAY + DAY)
    [item] = await on(desk, "tasks")
    assert item["title"].endswith("Ask the clinic for the CD (Ben Castellan)")
    assert item["data"]["for"] == "staff-ben"
    await do(desk, tasks.end_task, case_id, task_id, "done", BEN)
    assert await on(desk, "tasks") == []
    with pytest.raises(Refused, match="done already"):
        await do(desk, tasks.end_task, case_id, task_id, "done", ADA)


async def test_two_advisors_who_take_a_case_at_once_and_one_gets_it(desk: ServiceUnderTest) -> None:
    case_id = await submit(desk)
    outcomes = await asyncio.gather(
        *(do(desk, colleagues.take, case_id, who) for who in (ADA, BEN)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 1
    assert (await kinds(desk, case_id)).count("taken") == 1


async def test_two_advisors_who_end_a_task_at_once_end_it_once(desk: ServiceUnderTest) -> None:
    case_id = await submit(desk)
    task_id = await do(desk, tasks.set_task, case_id, "Ring", A_MONDAY + DAY, "staff-ben", ADA)
    outcomes = await asyncio.gather(
        *(do(desk, tasks.end_task, case_id, task_id, "done", who) for who in (ADA, BEN)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 1
    assert (await kinds(desk, case_id)).count("task_done") == 1


async def test_a_case_is_handed_over_with_words_and_its_place_on_the_queue_goes_with_it(desk: ServiceUnderTest) -> None:
    case_id = await submit(desk)
    await do(desk, colleagues.take, case_id, ADA)
    desk.clock.advance(HOUR)
    await do(desk, colleagues.hand_over, case_id, "staff-ben", "Speaks Portuguese, as you do.", ADA)
    assert await holder(desk, case_id) == ("staff-ben", None)
    [item] = await on(desk, "requests")
    assert (item["state"], item["claimed_by"]) == ("claimed", "staff-ben")
    with pytest.raises(Refused, match="Ben Castellan has this case already"):
        await do(desk, colleagues.hand_over, case_id, "staff-ben", "", ADA)
    with pytest.raises(Refused, match="Nobody of that name"):
        await do(desk, colleagues.hand_over, case_id, "staff-zoe", "", ADA)
    assert [kind for kind in await kinds(desk, case_id) if kind != "submitted"] == ["taken", "handed_over"]


async def test_who_takes_a_case_over_on_the_queue_has_it_on_its_page_too(desk: ServiceUnderTest) -> None:
    case_id = await submit(desk)
    await do(desk, colleagues.take, case_id, BEN)
    [item] = await desk.fetch("SELECT id FROM queue_items WHERE queue = 'requests'")
    ada, why = advisor(desk), {"reason": "Ben is ill"}
    taken = await ada.post(f"/api/intake/queues/requests/items/{item['id']}/take-over", json=why, headers=key())
    assert taken.json()["claimed_name"] == "Ada Winter"
    assert await holder(desk, case_id) == (ADA.subject, None)
    assert (await kinds(desk, case_id))[-1] == "taken"
    assert "Ben is ill" in (await ada.get(f"/desk/cases/{case_id}")).text
    assert [row["claimed_by"] for row in await on(desk, "requests")] == [ADA.subject]


async def test_while_somebody_is_away_a_deputy_acts_and_what_is_theirs_comes_back(desk: ServiceUnderTest) -> None:
    mine, passed_on, claimed = [await submit(desk) for _ in range(3)]
    for case_id in (mine, passed_on):
        await do(desk, colleagues.take, case_id, ADA)
    [item] = await desk.fetch("SELECT id FROM queue_items WHERE item_key = $1", str(claimed))
    await advisor(desk).post(
        f"/api/intake/queues/requests/items/{item['id']}/claim", headers={"Idempotency-Key": "k" * 9}
    )
    due = await do(desk, tasks.set_task, mine, "Ring", A_MONDAY, "staff-ada", ADA)
    await desk.run_timers()
    await do(desk, colleagues.enter_absence, "staff-ada", "staff-ben", A_MONDAY + HOUR, A_MONDAY + 9 * DAY, SAM)
    assert await holder(desk, mine) == ("staff-ada", None), "not away yet"

    await desk.run_timers(at=A_MONDAY + HOUR)
    for case_id in (mine, passed_on, claimed):
        assert await holder(desk, case_id) == ("staff-ada", "staff-ben")
    assert {one["claimed_by"] for one in await on(desk, "requests")} == {"staff-ben"}
    [task] = await on(desk, "tasks")
    assert (task["item_key"], task["data"]["for"]) == (str(due), "staff-ben")
    new = await submit(desk)
    await do(desk, colleagues.hand_over, new, "staff-ada", "", SAM)
    assert await holder(desk, new) == ("staff-ada", "staff-ben"), "given to somebody who is away"
    await do(desk, colleagues.hand_over, passed_on, "staff-sam", "Needs somebody today.", BEN)

    await desk.run_timers(at=A_MONDAY + 9 * DAY)
    for case_id in (mine, claimed, new):
        assert await holder(desk, case_id) == ("staff-ada", None)
    assert await holder(desk, passed_on) == ("staff-sam", None), "what was handed on stays where it went"
    assert (await on(desk, "tasks"))[0]["data"]["for"] == "staff-ada"
    assert {"fell_to_deputy", "given_back"} <= set(await kinds(desk, mine))
    assert not await desk.fetch("SELECT 1 FROM timers WHERE name LIKE 'absence%'")


async def test_coming_back_early_gives_back_at_once_and_the_clock_then_changes_nothing(desk: ServiceUnderTest) -> None:
    case_id = await submit(desk)
    await do(desk, colleagues.take, case_id, ADA)
    absence = await do(desk, colleagues.enter_absence, "staff-ada", "staff-ben", A_MONDAY, A_MONDAY + 9 * DAY, ADA)
    await desk.run_timers()
    await do(desk, colleagues.come_back, absence, ADA)
    before = await kinds(desk, case_id)
    await desk.run_timers(at=A_MONDAY + 10 * DAY)
    for _ in range(2):
        await do(desk, lambda tx: colleagues.begin_absence(CaseId(absence), tx))
        await do(desk, lambda tx: colleagues.end_absence(CaseId(absence), tx))
    assert await holder(desk, case_id) == ("staff-ada", None)
    assert await kinds(desk, case_id) == before


@pytest.mark.parametrize(
    ("away", "deputy", "begins", "ends", "sentence"),
    [
        ("staff-ada", "staff-ada", 0, 5, "somebody else"),
        ("staff-ada", "staff-sam", 2, 2, "must end after it begins"),
        ("staff-ada", "staff-sam", -5, -1, "not in the past"),
        ("staff-ben", "staff-sam", 3, 5, "away at that time already"),
        ("staff-ada", "staff-ben", 3, 5, "away at that time too"),
        ("staff-sam", "staff-ada", 3, 5, "is deputy for Ben Castellan"),
    ],
)
async def test_an_absence_that_would_leave_cases_with_nobody_is_refused(
    desk: ServiceUnderTest, away: str, deputy: str, begins: int, ends: int, sentence: str
) -> None:
    await do(desk, colleagues.enter_absence, "staff-ben", "staff-sam", A_MONDAY + DAY, A_MONDAY + 4 * DAY, SAM)
    with pytest.raises(Refused, match=sentence):
        await do(desk, colleagues.enter_absence, away, deputy, A_MONDAY + begins * DAY, A_MONDAY + ends * DAY, SAM)
    assert await desk.count("absences") == 1


async def test_two_who_would_stand_in_for_each_other_at_once_and_one_is_refused(desk: ServiceUnderTest) -> None:
    outcomes = await asyncio.gather(
        do(desk, colleagues.enter_absence, "staff-ada", "staff-ben", A_MONDAY, A_MONDAY + DAY, SAM),
        do(desk, colleagues.enter_absence, "staff-ben", "staff-ada", A_MONDAY, A_MONDAY + DAY, SAM),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, UUID) for outcome in outcomes) == 1


async def test_withdrawal_ends_tasks_and_takes_them_off_the_desk(desk: ServiceUnderTest) -> None:
    case_id = await submit(desk)
    await do(desk, tasks.set_task, case_id, "Ring", A_MONDAY, "staff-ben", ADA)
    await do(desk, tasks.set_task, case_id, "Write", A_MONDAY + DAY, "staff-ben", ADA)
    await desk.run_timers()
    await do(desk, casework.withdraw, case_id, "patient", "")
    assert await on(desk, "tasks") == []
    assert not await desk.fetch("SELECT 1 FROM timers WHERE name = 'task_due'")
    assert {row["state"] for row in await desk.fetch("SELECT state FROM tasks")} == {"dropped"}


async def test_the_roster_names_whoever_acts(desk: ServiceUnderTest) -> None:
    await do(desk, log.note, await submit(desk), "A note.", Colleague("staff-new", "Nia Newcomer"))
    async with desk.ctx.db.reading() as tx:
        assert (await kept.names(tx))["staff-new"] == "Nia Newcomer"
