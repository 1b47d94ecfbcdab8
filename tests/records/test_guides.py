"""One named case manager for each case: chosen by language, clock and load; absences and hand-overs (R22)."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.records import roster
from services.records.domain import (
    Absence,
    CaseManager,
    HandOver,
    HandOverKind,
    Refused,
    choose_manager,
    goes_back,
    refuse_absence,
)
from services.records.domain.guides import hours_apart
from services.records.opening import zones_of
from shared.ids import new_id
from shared.web import Role
from tests.records.conftest import ROSTER, Case, brief, case_of
from tests.support.facts import confirmed, delivered, paid, submitted
from tests.support.service import A_MONDAY, ServiceUnderTest

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)


def manager(subject: str, load: int = 0, zone: str = "UTC", *, speaks: str = "en", away: bool = False) -> CaseManager:
    return CaseManager(subject, subject, frozenset(speaks.split()), load, zone, away)


def test_hours_between_clocks_are_counted_the_short_way_round() -> None:
    assert hours_apart("Africa/Cairo", ["Africa/Cairo"], NOW) == 0
    assert hours_apart("America/New_York", ["Asia/Shanghai"], NOW) == 11
    assert hours_apart("Pacific/Auckland", ["America/Los_Angeles"], NOW) == 3
    assert hours_apart("America/New_York", ["America/Los_Angeles", "America/Chicago"], NOW) == 1, "the nearest counts"
    assert hours_apart("America/New_York", [], NOW) == 0


def test_language_goes_before_the_clock_and_the_clock_weighs_as_cases_do() -> None:
    cairo = zones_of("EG")
    near, far = manager("near", 2, "Africa/Cairo"), manager("far", 1, "America/New_York")
    assert choose_manager([near, far], ["en"], cairo, NOW) == near, "seven hours weigh more than one case"
    assert choose_manager([manager("near", 4, "Africa/Cairo"), far], ["en"], cairo, NOW) == far
    assert choose_manager([near, manager("speaks", 9, "America/New_York", speaks="ar")], ["ar"], cairo, NOW) != near


def test_who_is_away_is_chosen_only_when_nobody_else_is_there() -> None:
    away = manager("away", speaks="ar", away=True)
    assert choose_manager([away, manager("here", 99)], ["ar"], (), NOW) == manager("here", 99)
    assert choose_manager([away], ["ar"], (), NOW) == away, "nobody's case is left without"


def absence(who: str, deputy: str | None, first: int, last: int) -> Absence:
    at = NOW.replace(hour=0)
    return Absence(new_id(), who, who, deputy, deputy, at + timedelta(days=first), at + timedelta(days=last))


REFUSED = [
    (absence("a", "a", 1, 2), "somebody else"),
    (absence("a", "b", -3, -1), "not in the past"),
    (absence("x", "b", 1, 3), "is away at that time already"),
    (absence("a", "x", 1, 3), "is away at that time too"),
    (absence("d", "a", 1, 3), "stands in for"),
]


@pytest.mark.parametrize(("new", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_an_absence_that_would_leave_cases_with_nobody_is_refused(new: Absence, words: str) -> None:
    with pytest.raises(Refused, match=words):
        refuse_absence(new, [absence("x", "d", 2, 5)], NOW)


def test_absences_one_after_the_other_are_fine() -> None:
    refuse_absence(absence("d", "a", 5, 7), [absence("x", "d", 2, 5)], NOW)


def step(kind: str, absence_id: UUID | None) -> HandOver:
    return HandOver(new_id(), HandOverKind(kind), "a", "a", "b", "b", absence_id, "", None, NOW)


A, B = UUID(int=1), UUID(int=2)
STORIES: list[tuple[list[HandOver], bool, bool]] = [
    ([step("absence", A)], True, False),
    ([step("absence", A), step("handed_over", None)], False, False),
    ([step("absence", A), step("absence", B)], True, True),
    ([step("absence", A), step("absence", B), step("given_back", B)], True, False),
    ([step("absence", A), step("absence", B), step("given_back", A)], False, False),
    ([step("absence", A), step("given_back", A), step("absence", B)], False, True),
    ([step("absence", A), step("left", None)], False, False),
]


@pytest.mark.parametrize(("history", "to_a", "to_b"), STORIES)
def test_a_case_goes_back_to_who_was_away_unless_somebody_decided_otherwise(
    history: list[HandOver], to_a: bool, to_b: bool
) -> None:
    assert (goes_back(history, A), goes_back(history, B)) == (to_a, to_b)


@given(st.lists(st.sampled_from(["absence", "handed_over", "given_back", "left"]), max_size=6))
def test_nothing_goes_back_twice(kinds: list[str]) -> None:
    history = [step(kind, A if kind in ("absence", "given_back") else None) for kind in kinds]
    if goes_back(history, A):
        assert not goes_back([*history, step("given_back", A)], A)


async def opens(records: ServiceUnderTest, **patient: Any) -> Case:
    case = case_of(records)
    about = brief()
    records.peers.answers["intake", f"/cases/{case.id}/brief"] = about | {"patient": about["patient"] | patient}
    await records.receives(submitted(case.id), confirmed(case.id))
    await records.run_errands()
    await records.receives(paid(case.id))
    return case


async def guide_of(case: Case) -> str:
    [row] = await case.records.fetch("SELECT manager FROM collections WHERE case_id = $1", case.id)
    return str(row["manager"])


async def is_away(case: Case, who: str, deputy: str | None, first: datetime, last: datetime) -> httpx.Response:
    body = {
        "manager": who,
        "first_day": first.date().isoformat(),
        "last_day": last.date().isoformat(),
        "deputy": deputy,
    }
    return await case.manager.post("/api/records/absences", json=body, headers={"Idempotency-Key": uuid4().hex})


async def test_an_absence_takes_every_open_case_and_gives_back_what_is_still_owed(seeded: ServiceUnderTest) -> None:
    cases = [await opens(seeded) for _ in range(3)]
    one, handed, done = cases
    assert [await guide_of(case) for case in cases] == ["staff-mara"] * 3
    entered = await is_away(
        one, "staff-mara", "staff-tomas", A_MONDAY + timedelta(days=1), A_MONDAY + timedelta(days=3)
    )
    assert entered.status_code == 201, entered.text

    await seeded.run_timers(at=A_MONDAY + timedelta(days=1))
    assert [await guide_of(case) for case in cases] == ["staff-tomas"] * 3
    mara = seeded.sign_in(Role.CASE_MANAGER, subject="staff-mara", name="Mara Lindqvist")
    for_good = await handed.post("/hand-overs", {"to": "staff-mara", "words": "Mara is here for this one"}, who=mara)
    assert for_good.status_code == 201
    assert await guide_of(handed) == "staff-mara"
    await seeded.receives(delivered(done.id))
    await seeded.run_timers(at=A_MONDAY + timedelta(days=4))

    assert [await guide_of(case) for case in cases] == ["staff-mara", "staff-mara", "staff-tomas"]
    kinds = await seeded.fetch("SELECT kind, by_name FROM hand_overs WHERE case_id = $1 ORDER BY id", one.id)
    assert [tuple(row) for row in kinds] == [("absence", None), ("given_back", None)]


async def test_without_a_deputy_each_case_goes_to_whom_the_rule_chooses_and_a_new_one_to_who_is_here(
    seeded: ServiceUnderTest,
) -> None:
    first = await opens(seeded)
    assert (await is_away(first, "staff-mara", None, A_MONDAY, A_MONDAY + timedelta(days=2))).status_code == 201
    await seeded.run_timers()
    assert await guide_of(first) == "staff-tomas"
    assert await guide_of(await opens(seeded)) == "staff-tomas"
    page = (await first.manager.get("/desk/records/managers")).text
    assert "Chosen case by case" in page
    [ends] = await seeded.fetch("SELECT id FROM manager_absences")
    ended = await first.manager.post(f"/desk/records/absences/{ends['id']}/end", data={"_once": uuid4().hex})
    assert ended.status_code == 303
    assert await guide_of(first) == "staff-mara"


async def test_who_leaves_the_roster_leaves_no_case_behind(seeded: ServiceUnderTest) -> None:
    case = await opens(seeded)
    gone = {"case_managers": [ROSTER["case_managers"][0] | {"active": False}]}
    async with seeded.ctx.db.transaction() as tx:
        await roster.seed(tx, gone)
    assert await guide_of(case) == "staff-tomas"
    with pytest.raises(ValueError, match="no time zone"):
        async with seeded.ctx.db.transaction() as tx:
            await roster.seed(tx, {"case_managers": [ROSTER["case_managers"][0] | {"zone": "Mars/Olympus"}]})


async def test_a_case_is_handed_over_by_a_form_with_words_that_stand_in_its_history(case: Case) -> None:
    at = f"/desk/records/cases/{case.id}"
    nobody = await case.manager.post(f"{at}/hand-over", data={"_once": uuid4().hex, "to": "staff-nobody"})
    nothing = await case.manager.post(f"{at}/hand-over", data={"_once": uuid4().hex})
    given = await case.manager.post(
        f"{at}/hand-over", data={"_once": uuid4().hex, "to": "staff-tomas", "words": "Speaks Spanish"}
    )
    assert (nobody.status_code, nothing.status_code, given.status_code) == (409, 422, 303)
    assert "Speaks Spanish" in (await case.manager.get(at)).text
    assert "Speaks Spanish" in (await case.manager.get(f"{at}/history")).text
    assert "Tomas Oyelaran" in (await case.patient.get(f"/my/records/cases/{case.id}")).text
    listed = (await case.manager.get(f"{case.api}/hand-overs")).json()["hand_overs"]
    assert [(one["giver"], one["receiver"], one["by"]) for one in listed] == [
        ("Mara Lindqvist", "Tomas Oyelaran", "Mara Lindqvist")
    ]


async def test_others_see_who_guides_and_change_nothing(case: Case) -> None:
    privacy = case.records.sign_in(Role.PRIVACY_OFFICER, subject="staff-p")
    assert (await privacy.get("/api/records/managers")).status_code == 200
    assert (await privacy.post("/api/records/absences", json={})).status_code == 403
    assert (await case.patient.get("/api/records/managers")).status_code == 403


async def test_cases_that_are_paid_at_one_moment_are_given_out_evenly(seeded: ServiceUnderTest) -> None:
    ids = [case_of(seeded).id for _ in range(12)]
    await seeded.receives(*(confirmed(one) for one in ids))
    before, together = ids[:3], ids[3:]
    for one in before:
        await seeded.receives(paid(one))
    assert await seeded.applies(*(seeded.arrival(paid(one)) for one in together)) == 9
    rows = await seeded.fetch("SELECT manager, count(*)::int AS many FROM collections GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in rows] == [("staff-mara", 6), ("staff-tomas", 6)]
