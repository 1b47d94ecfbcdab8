"""The same patient asking twice: found by the worker, shown to staff alone, merged or kept apart by a person, and back."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from services.intake import duplicates
from services.intake.contact import colleagues, tasks
from services.intake.contact.colleagues import Colleague
from services.intake.domain import Refused, Stage, check_merge
from shared.events import CaseWithdrawn, RequestSubmitted
from shared.ids import CaseId, new_id
from shared.web import Role
from tests.intake.asking import HTML, a_request, accept, advisor, field_of, key, quote, requester, submit
from tests.support.service import ServiceUnderTest

WANG: dict[str, Any] = {
    "name": "王小明", "birth_date": "1977-01-31", "sex": "male", "country": "CN", "languages": ["zh"],
}  # fmt: skip
SISTER = {
    "role": "family",
    "name": "Wang Hong",
    "email": "hong@example.com",
    "relationship": "sister",
    "authority": "permission",
}


async def twice(intake: ServiceUnderTest, **changes: Any) -> tuple[CaseId, CaseId]:
    """Have the same patient ask twice, first in Chinese, then by another relative in Latin letters; the worker compares."""
    earlier = await submit(intake, a_request(patient=WANG))
    intake.clock.at += timedelta(minutes=5)
    later = await submit(intake, a_request(patient=WANG | {"name": "Xiaoming Wang"} | changes, requester=SISTER))
    await intake.run_timers()
    return later, earlier


async def open_pairs(intake: ServiceUnderTest) -> list[tuple[CaseId, CaseId]]:
    rows = await intake.fetch("SELECT later, earlier FROM possible_duplicates WHERE state = 'open' ORDER BY found_at")
    return [(row["later"], row["earlier"]) for row in rows]


async def queued(intake: ServiceUnderTest, queue: str = "possible-duplicates") -> set[str]:
    rows = await intake.fetch("SELECT item_key FROM queue_items WHERE queue = $1 AND state <> 'done'", queue)
    return {row["item_key"] for row in rows}


async def decide(
    intake: ServiceUnderTest, later: CaseId, earlier: CaseId, decision: str, reason: str = "same passport"
) -> httpx.Response:
    page = f"/desk/intake/duplicates/{later}/{earlier}"
    ada = advisor(intake)
    shown = await ada.get(page, headers=HTML)
    assert shown.status_code == 200, shown.text
    sent = {"_once": field_of(shown.text, "_once"), "decision": decision, "reason": reason}
    return await ada.post(page, data=sent, headers=HTML)


async def stage(intake: ServiceUnderTest, case_id: CaseId) -> str:
    return str((await advisor(intake).get(f"/api/intake/cases/{case_id}")).json()["stage"])


async def test_the_same_patient_in_two_scripts_waits_on_the_queue_and_shows_on_both_cases(
    intake: ServiceUnderTest,
) -> None:
    later, earlier = await twice(intake)
    assert await open_pairs(intake) == [(later, earlier)]
    assert await queued(intake) == {f"{later}:{earlier}"}
    ada = advisor(intake)
    for case_id in (later, earlier):
        page = (await ada.get(f"/desk/cases/{case_id}", headers=HTML)).text
        assert f"/desk/intake/duplicates/{later}/{earlier}" in page
    side_by_side = (await ada.get(f"/desk/intake/duplicates/{later}/{earlier}", headers=HTML)).text
    assert "王小明" in side_by_side
    assert "Wang Xiaoming" in side_by_side
    assert "they are born on the same day" in side_by_side


async def test_comparing_again_finds_nothing_twice(intake: ServiceUnderTest) -> None:
    later, earlier = await twice(intake)
    for case_id in (earlier, later, earlier):
        async with intake.ctx.db.transaction() as tx:
            await duplicates.compare(case_id, tx)
    assert await open_pairs(intake) == [(later, earlier)]
    assert await intake.count("findable") == 6


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"birth_date": "1977-01-13"}, True),  # two digits changed round
        ({"birth_date": "1977-01-30"}, True),
        ({"birth_date": "1985-06-06"}, False),
        ({"name": "Wang Daming"}, False),
        ({"name": "Mira Testova"}, False),
    ],
)
async def test_a_slip_in_the_date_is_forgiven_and_another_person_is_not_shown(
    intake: ServiceUnderTest, changes: dict[str, str], found: bool
) -> None:
    await twice(intake, **changes)
    assert bool(await open_pairs(intake)) is found


async def test_merging_ends_one_case_and_loses_nothing(intake: ServiceUnderTest) -> None:
    later, earlier = await twice(intake)
    await quote(intake, later)
    told = len(await intake.emitted())
    assert (await decide(intake, later, earlier, "keep_earlier")).status_code == 303
    assert (await stage(intake, later), await stage(intake, earlier)) == ("continued", "requested")
    assert await queued(intake) == set()
    assert await queued(intake, "requests") == {str(earlier)}
    clocks = await intake.fetch("SELECT case_id, name FROM timers")
    assert {(row["case_id"], row["name"]) for row in clocks} == {(earlier, "contact_overdue")}
    assert len(await intake.emitted()) == told, "a merger is nobody else's business"
    assert await intake.count("questions") == 4
    assert await intake.count("consents") == 2
    [offered] = await intake.fetch("SELECT state FROM quotes")
    assert offered["state"] == "withdrawn"
    page = (await advisor(intake).get(f"/desk/cases/{later}", headers=HTML)).text
    assert f"/desk/cases/{earlier}" in page
    body = {"services": ["comprehensive"], "price": {"amount_minor": 1, "currency": "USD"}}
    refused = await advisor(intake).post(f"/api/intake/cases/{later}/quotes", json=body, headers=key())
    assert refused.status_code == 409


async def test_whoever_could_see_the_ended_case_sees_the_one_that_goes_on(intake: ServiceUnderTest) -> None:
    later, earlier = await twice(intake)
    before = intake.sign_in(Role.REQUESTER, subject="link:hong", name="Wang Hong", cases=[later])
    assert (await before.get(f"/my/cases/{earlier}", headers=HTML)).status_code == 404
    await decide(intake, later, earlier, "keep_earlier")
    # with the session from before
    led = await before.get(f"/my/cases/{later}", headers=HTML)
    assert (led.status_code, led.headers["location"]) == (303, f"/my/cases/{earlier}")
    assert (await before.get(f"/my/cases/{earlier}", headers=HTML)).status_code == 200
    # and with a new link to the old case
    body = {"audience": "requester", "path": f"/my/cases/{later}"}
    made = await intake.as_service("notify").post(f"/api/intake/cases/{later}/links", json=body, headers=key())
    anew = intake.sign_in(subject="anonymous")
    opened = await anew.post(made.json()["url"], headers=HTML)
    assert opened.status_code == 303
    assert (await anew.get(f"/my/cases/{earlier}", headers=HTML)).status_code == 200
    listed = await anew.get("/my", headers=HTML)
    assert listed.headers["location"] == f"/my/cases/{earlier}"


async def test_a_call_and_a_task_go_on_in_the_case_that_goes_on(intake: ServiceUnderTest) -> None:
    later, earlier = await twice(intake)
    ada = advisor(intake)
    wish = {"language": "zh", "phone": "+86 10 6552 9988", "zone": "Asia/Shanghai"}
    booked = (await ada.post(f"/api/intake/cases/{later}/call-backs", json=wish, headers=key())).json()
    todo = {"what": "Send the brochure", "due-day": "3", "due-month": "3", "due-year": "2027", "assignee": "staff-ada"}
    desk = f"/desk/cases/{later}"
    once = field_of((await ada.get(desk, headers=HTML)).text, "_once")
    set_ = await ada.post(f"/desk/intake/cases/{later}/tasks", data=todo | {"_once": once}, headers=HTML)
    assert set_.status_code == 303, set_.text

    assert (await decide(intake, later, earlier, "keep_earlier")).status_code == 303

    assert {row["case_id"] for row in await intake.fetch("SELECT case_id FROM tasks WHERE state = 'open'")} == {earlier}
    reached = {"reached": True, "words": "Talked.", "tries": booked["tries"]}
    tried = await ada.post(f"/api/intake/call-backs/{booked['call_back_id']}/tries", json=reached, headers=key())
    assert tried.status_code == 200, tried.text
    [talk] = await intake.fetch("SELECT case_id, reached FROM contacts")
    assert (talk["case_id"], talk["reached"]) == (earlier, True)


async def open_in(intake: ServiceUnderTest, table: str) -> list[CaseId]:
    rows = await intake.fetch(f"SELECT case_id FROM {table} WHERE state IN ('booked', 'open')")
    return [row["case_id"] for row in rows]


async def test_undoing_a_merger_brings_calls_and_tasks_back_that_are_still_open(intake: ServiceUnderTest) -> None:
    later, earlier = await twice(intake)
    ada = advisor(intake)
    soon = {"language": "zh", "phone": "+86 10 6552 9988", "zone": "Asia/Shanghai",
            "at": (intake.clock.at + timedelta(minutes=10)).isoformat()}  # fmt: skip
    assert (await ada.post(f"/api/intake/cases/{later}/call-backs", json=soon, headers=key())).status_code == 201
    async with intake.ctx.db.transaction() as tx:
        await colleagues.seed(tx, [{"subject": "staff-ada", "name": "Ada Winter"}])
        for what in ("Send the brochure", "Ring the doctor"):
            await tasks.set_task(tx, later, what, tx.now, "staff-ada", Colleague("staff-ada", "Ada Winter"))
    await intake.run_timers()
    await decide(intake, later, earlier, "keep_earlier")
    await intake.run_timers()
    assert [*await open_in(intake, "call_backs"), *await open_in(intake, "tasks")] == [earlier] * 3
    [numbers] = await intake.fetch("SELECT array_agg(case_number ORDER BY submitted_at) AS all FROM cases")
    titles = "SELECT title, case_id FROM queue_items WHERE queue IN ('call-backs', 'tasks') AND state <> 'done'"
    shown = await intake.fetch(titles)
    assert {(row["title"].partition(" ")[0], row["case_id"]) for row in shown} == {(numbers["all"][0], earlier)}
    [done, *_] = await intake.fetch("SELECT task_id FROM tasks ORDER BY what")
    async with intake.ctx.db.transaction() as tx:
        await tasks.end_task(tx, earlier, done["task_id"], "done", Colleague("staff-ada", "Ada Winter"))

    assert (await decide(intake, later, earlier, "reopen", "a cousin")).status_code == 303
    await intake.run_timers()

    assert (await open_in(intake, "call_backs"), await open_in(intake, "tasks")) == ([later], [later])
    assert await intake.fetch("SELECT case_id FROM tasks WHERE state = 'done'") == [(earlier,)]
    shown = await intake.fetch(titles)
    assert {(row["title"].partition(" ")[0], row["case_id"]) for row in shown} == {(numbers["all"][1], later)}
    assert len(shown) == 2
    assert await intake.count("handed_on") == 0


async def test_a_withdrawal_takes_a_pair_off_the_queue(intake: ServiceUnderTest) -> None:
    later, earlier = await twice(intake)
    assert await queued(intake) == {f"{later}:{earlier}"}
    asked = await requester(intake, earlier).post(f"/api/intake/cases/{earlier}/withdraw", json={}, headers=key())
    assert asked.status_code == 200
    assert await queued(intake) == set()


async def test_a_stranger_gains_nothing_by_a_merger(intake: ServiceUnderTest) -> None:
    later, earlier = await twice(intake)
    other = await submit(intake)
    await decide(intake, later, earlier, "keep_earlier")
    stranger = requester(intake, other)
    for case_id in (later, earlier):
        assert (await stranger.get(f"/my/cases/{case_id}", headers=HTML)).status_code == 404


async def test_a_merger_is_taken_back_with_clock_queue_and_history(intake: ServiceUnderTest) -> None:
    later, earlier = await twice(intake)
    due = (await intake.fetch("SELECT due FROM timers WHERE case_id = $1", later))[0]["due"]
    await decide(intake, later, earlier, "keep_earlier", "same passport")
    assert (await decide(intake, later, earlier, "reopen", "a cousin of the same name")).status_code == 303
    assert await stage(intake, later) == "requested"
    assert await queued(intake, "requests") == {str(later), str(earlier)}
    assert (await intake.fetch("SELECT due FROM timers WHERE case_id = $1", later))[0]["due"] == due
    assert await queued(intake) == {f"{later}:{earlier}"}
    history = await intake.fetch(
        "SELECT decision, reason, decided_by FROM duplicate_decisions ORDER BY decided_at, decision_id"
    )
    assert [tuple(row) for row in history] == [
        ("merged", "same passport", "staff-ada"),
        ("reopened", "a cousin of the same name", "staff-ada"),
    ]


async def test_kept_apart_stays_apart_until_somebody_takes_it_back(intake: ServiceUnderTest) -> None:
    later, earlier = await twice(intake)
    await decide(intake, later, earlier, "apart", "father and son")
    async with intake.ctx.db.transaction() as tx:
        await duplicates.compare(later, tx)
    assert await queued(intake) == set()
    page = (await advisor(intake).get(f"/desk/intake/duplicates/{later}/{earlier}", headers=HTML)).text
    assert "father and son" in page
    await decide(intake, later, earlier, "reopen", "it was one person after all")
    assert await queued(intake) == {f"{later}:{earlier}"}


async def test_a_decision_needs_a_reason_and_is_made_once(intake: ServiceUnderTest) -> None:
    later, earlier = await twice(intake)
    missing = await decide(intake, later, earlier, "apart", " ")
    assert missing.status_code == 422
    assert "Say why" in missing.text
    await decide(intake, later, earlier, "apart")
    async with intake.ctx.db.transaction() as tx:
        with pytest.raises(Refused, match="already"):
            await duplicates.merge(tx, later, earlier, earlier, "no, one", "staff-bob")


async def test_a_case_with_agreed_services_goes_on_and_never_ends_in_another(intake: ServiceUnderTest) -> None:
    later, earlier = await twice(intake)
    await accept(intake, later, await quote(intake, later))
    refused = await decide(intake, later, earlier, "keep_earlier")
    assert refused.status_code == 409
    assert (await decide(intake, later, earlier, "keep_later")).status_code == 303
    assert (await stage(intake, later), await stage(intake, earlier)) == ("confirmed", "continued")


async def test_withdrawing_the_case_that_goes_on_ends_both_consents_and_tells_it_once(intake: ServiceUnderTest) -> None:
    later, earlier = await twice(intake)
    await decide(intake, later, earlier, "keep_earlier")
    asked = await requester(intake, earlier).post(f"/api/intake/cases/{earlier}/withdraw", json={}, headers=key())
    assert asked.status_code == 200
    assert [fact.case_id for fact in await intake.emitted(CaseWithdrawn)] == [earlier]
    assert await intake.fetch("SELECT FROM consents WHERE withdrawn_at IS NULL") == []
    assert (await decide(intake, later, earlier, "reopen")).status_code == 409


async def test_three_requests_of_one_patient_end_in_one_case(intake: ServiceUnderTest) -> None:
    second, first = await twice(intake)
    intake.clock.at += timedelta(minutes=5)
    third = await submit(intake, a_request(patient=WANG | {"name": "WANG, Xiao-Ming"}))
    await intake.run_timers()
    assert await queued(intake) == {f"{second}:{first}", f"{third}:{first}", f"{third}:{second}"}
    await decide(intake, second, first, "keep_earlier")
    assert await queued(intake) == {f"{third}:{first}"}, (
        "what waited with the ended case waits with the one that goes on"
    )
    await decide(intake, third, first, "keep_later")
    assert {await stage(intake, case_id) for case_id in (first, second)} == {"continued"}
    reader = intake.sign_in(Role.REQUESTER, subject="link:hong", name="Wang Hong", cases=[second])
    led = await reader.get(f"/my/cases/{second}", headers=HTML)
    assert led.headers["location"] == f"/my/cases/{third}"


async def test_nobody_but_advisors_learns_of_it(intake: ServiceUnderTest) -> None:
    later, earlier = await twice(intake)
    page = f"/desk/intake/duplicates/{later}/{earlier}"
    for role in (Role.SPECIALIST, Role.FINANCE, Role.LAB):
        assert (await intake.sign_in(role).get(page, headers=HTML)).status_code == 403
    assert (await requester(intake, later).get(page, headers=HTML)).status_code == 403
    own = (await requester(intake, later).get(f"/my/cases/{later}", headers=HTML)).text
    assert str(earlier) not in own
    assert all(isinstance(fact, RequestSubmitted) for fact in await intake.emitted())
    unknown = await advisor(intake).get(f"/desk/intake/duplicates/{new_id()}/{earlier}", headers=HTML)
    assert unknown.status_code == 404


@pytest.mark.parametrize("ends", list(Stage))
@pytest.mark.parametrize("goes_on", list(Stage))
def test_only_a_case_without_agreed_services_ends_in_a_living_one(ends: Stage, goes_on: Stage) -> None:
    allowed = ends in (Stage.REQUESTED, Stage.QUOTED) and goes_on not in (Stage.WITHDRAWN, Stage.CONTINUED)
    if allowed:
        check_merge(ends, goes_on)
    else:
        with pytest.raises(Refused):
            check_merge(ends, goes_on)
