"""The field that no person sees: what fills it in is told that all went well, and staff look at what it sent."""

import re
from datetime import timedelta
from uuid import UUID

import pytest

from services.intake.aside import FIELD
from shared.events import RequestSubmitted
from shared.ids import CaseId
from shared.web import Role
from tests.intake.asking import HTML, advisor, field_of
from tests.intake.filling import BY_A_DAUGHTER, START, fill, send
from tests.support.service import ServiceUnderTest


async def sent_by_a_machine(intake: ServiceUnderTest) -> tuple[str, CaseId]:
    """Fill the form in, and on one page the field that a person leaves empty; return the draft's address and case."""
    filled = BY_A_DAUGHTER["hospital"] | {FIELD: "https://cheap.example"}
    draft = await fill(intake.http, BY_A_DAUGHTER | {"hospital": filled})
    answer = await send(intake.http, draft)
    assert (answer.status_code, answer.headers["location"]) == (303, f"{draft}/received")
    return draft, CaseId(UUID(draft.rpartition("/")[2]))


async def queued(intake: ServiceUnderTest, queue: str) -> list[str]:
    rows = await intake.fetch("SELECT item_key FROM queue_items WHERE queue = $1 AND state <> 'done'", queue)
    return [row["item_key"] for row in rows]


async def decide(intake: ServiceUnderTest, case_id: CaseId, decision: str) -> int:
    ada, page = advisor(intake), f"/desk/intake/set-aside/{case_id}"
    once = field_of((await ada.get(page, headers=HTML)).text, "_once")
    return (await ada.post(page, data={"_once": once, "decision": decision}, headers=HTML)).status_code


async def test_a_machine_is_told_what_a_person_is_told_and_makes_no_case(intake: ServiceUnderTest) -> None:
    draft, case_id = await sent_by_a_machine(intake)
    receipt = await intake.http.get(f"{draft}/received", headers=HTML)
    assert receipt.status_code == 200
    number = (await intake.fetch("SELECT case_number FROM set_aside"))[0][0]
    assert number in receipt.text
    person = intake.sign_in(subject="anonymous")
    other = await fill(person, BY_A_DAUGHTER)
    await send(person, other)
    theirs = await person.get(f"{other}/received", headers=HTML)
    case_number = (await intake.emitted())[0].case_number

    def plain(text: str) -> str:
        kept = re.sub(r'nonce="[^"]*"', "", text).replace(number, "N").replace(case_number, "N")
        return kept.replace(draft, "D").replace(other, "D")

    assert plain(receipt.text) == plain(theirs.text)
    assert [fact.case_id for fact in await intake.emitted()] == [UUID(other.rpartition("/")[2])]
    assert await queued(intake, "set-aside") == [str(case_id)]
    assert str(case_id) not in await queued(intake, "requests")


async def test_sending_again_sets_nothing_aside_twice_and_keeps_no_second_copy(intake: ServiceUnderTest) -> None:
    draft, _ = await sent_by_a_machine(intake)
    again = await intake.http.get(f"{draft}/check", headers=HTML)
    assert again.headers["location"] == f"{draft}/received"
    assert await intake.count("set_aside") == 1
    assert (await intake.fetch("SELECT answers FROM drafts"))[0]["answers"] == {}


async def test_a_person_who_was_caught_is_let_in_under_the_number_that_they_were_given(
    intake: ServiceUnderTest,
) -> None:
    draft, case_id = await sent_by_a_machine(intake)
    number = (await intake.fetch("SELECT case_number FROM set_aside"))[0][0]
    assert await decide(intake, case_id, "let_in") == 303
    [told] = await intake.emitted()
    assert isinstance(told, RequestSubmitted)
    assert (told.case_id, told.case_number) == (case_id, number)
    assert number in (await intake.http.get(f"{draft}/received", headers=HTML)).text
    assert await queued(intake, "set-aside") == []
    assert await queued(intake, "requests") == [str(case_id)]
    [row] = await intake.fetch("SELECT request, state, decided_by FROM set_aside")
    assert tuple(row) == (None, "let_in", "staff-ada")
    page = (await advisor(intake).get(f"/desk/intake/set-aside/{case_id}", headers=HTML)).text
    assert f"/desk/cases/{case_id}" in page


async def test_what_nobody_sent_is_erased(intake: ServiceUnderTest) -> None:
    draft, case_id = await sent_by_a_machine(intake)
    page = (await advisor(intake).get(f"/desk/intake/set-aside/{case_id}", headers=HTML)).text
    assert "Mira Testova" in page
    assert await decide(intake, case_id, "erase") == 303
    assert await intake.emitted() == []
    assert await queued(intake, "set-aside") == []
    assert "Testova" not in str([dict(row) for row in await intake.fetch("SELECT * FROM set_aside")])
    assert (await intake.http.get(f"{draft}/received", headers=HTML)).status_code == 410
    twice = await advisor(intake).post(
        f"/desk/intake/set-aside/{case_id}", data={"_once": "once-again-1", "decision": "let_in"}, headers=HTML
    )
    assert twice.status_code == 409


async def test_what_nobody_decides_is_erased_after_the_drafts_term(intake: ServiceUnderTest) -> None:
    _, case_id = await sent_by_a_machine(intake)
    sent_at, life = intake.clock.at, intake.ctx.settings.draft_life
    await intake.run_timers(at=sent_at + life - timedelta(minutes=1))
    assert await queued(intake, "set-aside") == [str(case_id)]
    await intake.run_timers(at=sent_at + life)
    assert await queued(intake, "set-aside") == []
    [row] = await intake.fetch("SELECT request, state, decided_by FROM set_aside")
    assert tuple(row) == (None, "erased", "nobody, in time")


async def test_what_was_let_in_is_not_erased_later(intake: ServiceUnderTest) -> None:
    _, case_id = await sent_by_a_machine(intake)
    await decide(intake, case_id, "let_in")
    await intake.run_timers(at=intake.clock.at + intake.ctx.settings.draft_life)
    assert (await intake.fetch("SELECT state FROM set_aside"))[0]["state"] == "let_in"


async def test_a_member_of_staff_is_never_caught(intake: ServiceUnderTest) -> None:
    ada = advisor(intake)
    began = await ada.post("/desk/intake/requests", data={"channel": "phone"}, headers=HTML)
    draft = began.headers["location"].removesuffix("/start").removesuffix("/path")
    sent = await fill(
        ada, {"start": START} | BY_A_DAUGHTER | {"hospital": BY_A_DAUGHTER["hospital"] | {FIELD: "x"}}, draft
    )
    assert (await send(ada, sent)).headers["location"].startswith("/desk/cases/")


async def test_only_advisors_look_at_what_was_set_aside(intake: ServiceUnderTest) -> None:
    _, case_id = await sent_by_a_machine(intake)
    page = f"/desk/intake/set-aside/{case_id}"
    for role in (Role.FINANCE, Role.SPECIALIST, Role.REQUESTER):
        assert (await intake.sign_in(role).get(page, headers=HTML)).status_code == 403
    assert (await advisor(intake).post(page, data={"_once": "once-again-1"}, headers=HTML)).status_code == 422


@pytest.mark.parametrize("path", ["/request/start"])
async def test_people_and_screen_readers_meet_no_such_field(intake: ServiceUnderTest, path: str) -> None:
    page = (await intake.http.get(path, headers=HTML)).text
    field = re.search(
        rf'<div class="nhsuk-u-visually-hidden" aria-hidden="true">.*?name="{FIELD}"[^>]*>', page, re.DOTALL
    )
    assert field
    assert 'tabindex="-1"' in field[0]
    assert 'autocomplete="off"' in field[0]
