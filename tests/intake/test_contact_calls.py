"""Call-backs and interpreters: booked, brought to the desk, tried by rule, told, forgotten; on a real database."""

import asyncio
import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from deploy.local.prepare import read_toml
from services.intake import casework, seed
from services.intake.contact import call_backs, interpreting
from services.intake.contact.call_backs import Wish
from services.intake.contact.log import Talk
from services.intake.domain import Refused
from shared.db import Tx
from shared.events import CallBackBooked, CallBackMissed
from shared.ids import CaseId, new_id
from tests.intake.asking import RULES, advisor, key, submit
from tests.intake.test_contact import ADA, BEN, DAY, HOUR, do, kinds, on
from tests.support.service import A_MONDAY, ServiceUnderTest

ROSTER = Path("deploy/local/seed/intake.toml")
WISH = Wish("pt", "+55 11 5550 0123", "America/Sao_Paulo", A_MONDAY + 2 * HOUR, interpreter=True)
NO, YES = Talk(reached=False), Talk(reached=True)


@pytest.fixture
async def desk(intake: ServiceUnderTest) -> ServiceUnderTest:
    """Intake with the roster of development."""
    await do(intake, seed.load_roster, read_toml(ROSTER))
    return intake


async def book(desk: ServiceUnderTest, case_id: CaseId | None, wish: Wish = WISH) -> UUID:
    call_back_id = new_id()
    asked: Any = {"asked_by": "staff", "by": ADA} if case_id else {"asked_by": "public"}
    await do(desk, call_backs.book, call_back_id, wish, rules_of=RULES, case_id=case_id, **asked)
    return call_back_id


async def call(desk: ServiceUnderTest, call_back_id: UUID) -> Any:
    [row] = await desk.fetch("SELECT * FROM call_backs WHERE call_back_id = $1", call_back_id)
    return row


async def test_a_call_is_told_comes_to_the_desk_before_its_time_and_is_over_when_they_are_reached(
    desk: ServiceUnderTest,
) -> None:
    case_id = await submit(desk)
    booked = await book(desk, case_id)
    assert await desk.emitted(CallBackBooked) == [
        CallBackBooked(case_id=case_id, call_back_id=booked, at=A_MONDAY + 2 * HOUR, booked_at=A_MONDAY)
    ]
    assert await on(desk, "call-backs") == []
    await desk.run_timers(at=A_MONDAY + 2 * HOUR - timedelta(minutes=15))
    [item] = await on(desk, "call-backs")
    assert (item["due"], item["data"]["soon"]) == (A_MONDAY + 2 * HOUR, True)
    assert item["data"]["href"] == f"/desk/call-backs/{booked}"
    await do(desk, call_backs.note_try, booked, YES, ADA, 0)
    assert await on(desk, "call-backs") == []
    assert (await call(desk, booked))["state"] == "reached"
    assert (await desk.fetch("SELECT contacted_at FROM cases"))[0]["contacted_at"] is not None
    assert {"call_back", "call_back_reached", "talk_out", "clock_stopped"} <= set(await kinds(desk, case_id))


async def test_nobody_answers_and_it_is_tried_by_rule_each_try_logged_and_then_told(desk: ServiceUnderTest) -> None:
    case_id = await submit(desk)
    booked = await book(desk, case_id)
    times = []
    for tries in range(RULES.call_backs.tries):
        now = (await call(desk, booked))["next_at"]
        await desk.run_timers(at=now)
        [item] = await on(desk, "call-backs")
        assert item["due"] == now
        times.append(now)
        await do(desk, call_backs.note_try, booked, NO, ADA, tries)
    assert await on(desk, "call-backs") == []
    assert all(RULES.calendar.is_open(at) for at in times)
    assert all(b - a >= RULES.call_backs.spacing for a, b in itertools.pairwise(times))
    [missed] = await desk.emitted(CallBackMissed)
    assert (missed.call_back_id, missed.tries) == (booked, 3)
    assert (await call(desk, booked))["state"] == "missed"
    assert (await kinds(desk, case_id)).count("not_reached") == 3
    with pytest.raises(Refused, match="over already: missed"):
        await do(desk, call_backs.note_try, booked, YES, ADA, 3)


async def test_nothing_personal_is_told_of_a_call(desk: ServiceUnderTest) -> None:
    await book(desk, await submit(desk))
    told = " ".join(row["payload"] for row in await desk.fetch("SELECT payload::text FROM outbox"))
    for canary in ("5550", "Sao_Paulo", "staff-ada", '"pt"'):
        assert canary not in told


async def test_two_advisors_who_log_the_same_try_at_once_count_it_once(desk: ServiceUnderTest) -> None:
    booked = await book(desk, await submit(desk))
    outcomes = await asyncio.gather(
        *(do(desk, call_backs.note_try, booked, NO, who, 0) for who in (ADA, BEN)), return_exceptions=True
    )
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 1
    assert (await call(desk, booked))["tries"] == 1
    assert await desk.count("contacts") == 1


async def test_somebody_without_a_case_stands_on_the_queue_at_once_and_is_forgotten_afterwards(
    desk: ServiceUnderTest,
) -> None:
    booked = await book(desk, None)
    assert await desk.emitted() == []
    [item] = await on(desk, "call-backs")
    assert "no case yet" in item["title"]
    assert "5550" not in item["title"] + str(item["data"])
    await do(desk, call_backs.note_try, booked, YES, ADA, 0)
    await desk.run_timers(at=A_MONDAY + 29 * DAY)
    assert await desk.count("call_backs") == 1
    await desk.run_timers(at=A_MONDAY + 31 * DAY)
    assert await desk.count("call_backs") == await desk.count("contacts") == 0


async def test_a_call_that_is_still_to_come_is_never_erased(desk: ServiceUnderTest) -> None:
    booked = await book(desk, None)
    await do(desk, lambda tx: call_backs.erase(CaseId(booked), tx))
    assert await desk.count("call_backs") == 1


async def test_as_soon_as_possible_is_when_the_office_and_the_callers_day_meet(desk: ServiceUnderTest) -> None:
    desk.clock.at = A_MONDAY - 5 * HOUR
    booked = await book(desk, None, Wish("es", "+34 91 555 0123", "Europe/Madrid"))
    assert (await call(desk, booked))["next_at"] == A_MONDAY - HOUR, "the office opens at 9:00 in New York"


async def test_a_time_that_is_over_is_refused(desk: ServiceUnderTest) -> None:
    with pytest.raises(Refused, match="over"):
        await book(desk, None, Wish("pt", "+55 11 5550 0123", "America/Sao_Paulo", A_MONDAY - HOUR))


async def test_withdrawal_cancels_calls_and_gives_interpreters_back(desk: ServiceUnderTest) -> None:
    case_id = await submit(desk)
    booked = await book(desk, case_id)
    await do(desk, interpreter_for, booked, "Inés Barragán")
    await desk.run_timers(at=A_MONDAY + 2 * HOUR)
    await do(desk, casework.withdraw, case_id, "patient", "")
    assert await on(desk, "call-backs") == []
    assert (await call(desk, booked))["state"] == "cancelled"
    assert not await desk.fetch("SELECT 1 FROM timers WHERE name = 'call_back_due'")
    assert not await desk.fetch("SELECT 1 FROM interpreter_bookings WHERE cancelled_at IS NULL")


async def interpreter_for(tx: Tx, call_back_id: UUID, name: str, who: Any = ADA) -> UUID:
    interpreter_id = await tx.fetchval("SELECT interpreter_id FROM interpreters WHERE name = $1", name)
    starts = await tx.fetchval("SELECT next_at FROM call_backs WHERE call_back_id = $1", call_back_id)
    return await interpreting.book(
        tx, interpreter_id, starts, RULES.call_backs.interpreted_call, who, call_back_id=call_back_id
    )


async def test_two_advisors_who_book_the_same_interpreter_and_one_is_told(desk: ServiceUnderTest) -> None:
    one, other = await book(desk, await submit(desk)), await book(desk, await submit(desk))
    outcomes = await asyncio.gather(
        do(desk, interpreter_for, one, "Inés Barragán", ADA),
        do(desk, interpreter_for, other, "Inés Barragán", BEN),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, Refused) for outcome in outcomes) == 1
    assert await desk.count("interpreter_bookings") == 1


async def test_an_unanswered_try_gives_the_interpreters_time_back(desk: ServiceUnderTest) -> None:
    booked = await book(desk, await submit(desk))
    await do(desk, interpreter_for, booked, "Inés Barragán")
    await do(desk, call_backs.note_try, booked, NO, ADA, 0)
    assert not await desk.fetch("SELECT 1 FROM interpreter_bookings WHERE cancelled_at IS NULL")


async def test_who_speaks_it_now_is_sorted_by_how_long_they_are_free(desk: ServiceUnderTest) -> None:
    """10:00 in New York: London is at its desk until 21:00 there, Leila until 14:00 here."""
    async with desk.ctx.db.reading() as tx:
        found = await interpreting.speaking(tx, "ar")
        nobody = await interpreting.speaking(tx, "fi")
    assert [one.interpreter.name for one in found] == ["Youssef Kandil", "Leila Marwan"]
    assert [one.until for one in found] == [A_MONDAY + 6 * HOUR, A_MONDAY + 4 * HOUR]
    assert nobody == []


async def test_the_roster_loads_twice_and_changes_nothing(desk: ServiceUnderTest) -> None:
    before = await desk.fetch("SELECT interpreter_id, name, languages FROM interpreters ORDER BY name")
    await do(desk, seed.load_roster, read_toml(ROSTER))
    assert await desk.fetch("SELECT interpreter_id, name, languages FROM interpreters ORDER BY name") == before
    with pytest.raises(ValueError, match="no nurses"):
        await do(desk, seed.load_roster, {"nurses": []})


async def test_the_log_and_calls_as_json(desk: ServiceUnderTest) -> None:
    case_id, ada = await submit(desk), advisor(desk)
    here = f"/api/intake/cases/{case_id}"
    said = await ada.post(f"{here}/contact-log", json={"reached": True, "words": "Spoke."}, headers=key())
    assert said.status_code == 201, said.text
    assert [one["words"] for one in (await ada.get(f"{here}/contact-log")).json()] == ["Spoke."]
    wish = {"language": "pt", "phone": "+55 11 5550 0123", "zone": "America/Sao_Paulo"}
    booked = await ada.post(f"{here}/call-backs", json=wish, headers=key())
    assert booked.status_code == 201, booked.text
    call_back_id = booked.json()["call_back_id"]
    tried = await ada.post(
        f"/api/intake/call-backs/{call_back_id}/tries", json={"reached": False, "tries": 0}, headers=key()
    )
    assert tried.json()["tries"] == 1
    again = await ada.post(
        f"/api/intake/call-backs/{call_back_id}/tries", json={"reached": False, "tries": 0}, headers=key()
    )
    assert again.status_code == 409
    assert [one["state"] for one in (await ada.get(f"{here}/call-backs")).json()] == ["booked"]
    speakers = (await ada.get("/api/intake/interpreters", params={"language": "pt"})).json()
    assert {one["name"] for one in speakers} == {"Inés Barragán", "Rui Falcão"}
    times = await desk.as_service("notify").get(f"{here}/call-backs/{call_back_id}")
    assert set(times.json()) == {"zone", "wished_at", "next_at", "state"}
    assert (await ada.get(f"{here}/call-backs/{call_back_id}")).status_code == 403
    wrong = await ada.post(f"{here}/call-backs", json=wish | {"zone": "Mars/Olympus"}, headers=key())
    assert wrong.status_code == 422
