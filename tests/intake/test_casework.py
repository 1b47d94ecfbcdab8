"""The steps of a case, its clocks and the facts of others, on a real database."""

import asyncio
from datetime import timedelta
from itertools import permutations

import pytest

from services.intake import casework, links
from services.intake.queues import REQUESTS
from shared import staff_queue
from shared.events import CaseWithdrawn, QuoteOffered, RequestSubmitted, ServicesConfirmed, SignInRequested
from shared.ids import CaseId, new_id
from tests.intake.asking import (
    CONSENT,
    NOTICE,
    RULES,
    a_request,
    accept,
    advisor,
    by_clinician,
    by_patient,
    key,
    quote,
    requester,
    submit,
)
from tests.intake.filling import begin
from tests.support import facts
from tests.support.service import A_MONDAY, ServiceUnderTest


async def queue(intake: ServiceUnderTest, name: str = "requests") -> list[dict[str, object]]:
    rows = await intake.fetch(
        "SELECT case_id, state, due, data FROM queue_items WHERE queue = $1 AND state <> 'done'", name
    )
    return [dict(row) for row in rows]


async def timer_names(intake: ServiceUnderTest, case_id: CaseId) -> set[str]:
    """Return which clocks of a case run; its comparison with other patients, due at once, is none."""
    sql = "SELECT name FROM timers WHERE case_id = $1 AND name <> 'compare_patient'"
    return {row["name"] for row in await intake.fetch(sql, case_id)}


async def stage(intake: ServiceUnderTest, case_id: CaseId) -> str:
    return str((await advisor(intake).get(f"/api/intake/cases/{case_id}")).json()["stage"])


async def test_a_request_starts_the_contact_clock_and_proves_what_was_seen_and_signed(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    [told] = await intake.emitted()
    assert isinstance(told, RequestSubmitted)
    assert (told.case_id, told.path, told.requester, told.stream) == (case_id, "new_patient", "family", "remote")
    assert (told.consent_version, told.emergency_notice_version) == (CONSENT, NOTICE)
    assert told.contact_due_at == RULES.calendar.contact_due(A_MONDAY) > A_MONDAY
    [item] = await queue(intake)
    assert item["case_id"] == case_id
    assert item["due"] == told.contact_due_at
    assert await timer_names(intake, case_id) == {"contact_overdue"}
    [consent] = await intake.fetch("SELECT signed_name, organisations FROM consents")
    assert consent["signed_name"] == "Dalia Testova"
    assert consent["organisations"] == [RULES.organisation_hospital, RULES.organisation_partner]


async def test_nothing_personal_or_clinical_is_told(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    await accept(intake, case_id, await quote(intake, case_id))
    told = " ".join(row["payload"] for row in await intake.fetch("SELECT payload::text FROM outbox"))
    for canary in ("Testova", "example.com", "1958", "breast", "surgery needed", "daughter", "staff-ada"):
        assert canary not in told


async def test_a_request_sent_twice_at_once_is_one_case_and_gets_one_answer(intake: ServiceUnderTest) -> None:
    sent, other = key(), a_request(story="Something else.")
    answers = await asyncio.gather(
        *(intake.http.post("/api/intake/requests", json=a_request(), headers=sent) for _ in range(5))
    )
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1
    assert len(await intake.emitted()) == 1
    assert await intake.count("cases") == 1
    assert (await intake.http.post("/api/intake/requests", json=other, headers=sent)).status_code == 422
    assert await intake.count("cases") == 1


async def waits_for(intake: ServiceUnderTest) -> list[object]:
    return [item["data"]["waiting"] for item in await queue(intake)]  # type: ignore[index]


async def test_the_queue_shows_of_a_request_what_advisors_choose_by(intake: ServiceUnderTest) -> None:
    await submit(intake, a_request(stream="in_person"))
    [item] = await queue(intake)
    shown = {name: item["data"][name] for name in ("waiting", "stream", "channel", "language", "country", "zone")}  # type: ignore[index]
    assert shown == {
        "waiting": "to_contact", "stream": "in_person", "channel": "web", "language": "pt", "country": "BR",
        "zone": "America/New_York",
    }  # fmt: skip


async def test_a_request_nobody_answers_turns_late_and_stays(intake: ServiceUnderTest) -> None:
    await submit(intake)
    [told] = await intake.emitted()
    await intake.run_timers(at=told.contact_due_at - timedelta(seconds=1))
    [before] = await intake.fetch("SELECT change FROM queue_items")
    await intake.run_timers(at=told.contact_due_at)
    [after] = await intake.fetch("SELECT change FROM queue_items")
    assert after["change"] > before["change"], "desks are told when it turns late"
    assert (await queue(intake))[0]["due"] == told.contact_due_at


async def test_reaching_the_requester_stops_the_clock(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    async with intake.ctx.db.transaction() as tx:
        await casework.record_contact(tx, case_id, "staff-ada")
    assert await timer_names(intake, case_id) == set()
    [item] = await queue(intake)
    assert item["due"] is None
    assert await waits_for(intake) == ["to_quote"]


async def test_a_quote_is_offered_accepted_and_told_with_its_revision(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    offered = await quote(intake, case_id, "comprehensive", "video", amount=610_000)
    assert await waits_for(intake) == ["quote_open"]
    assert await stage(intake, case_id) == "quoted"
    assert (await accept(intake, case_id, offered)).status_code == 200
    [_, told, confirmed] = await intake.emitted()
    assert isinstance(told, QuoteOffered)
    assert isinstance(confirmed, ServicesConfirmed)
    assert confirmed.services == ("comprehensive", "video")
    assert confirmed.price.amount_minor == 610_000
    assert (confirmed.quote_id, confirmed.revision) == (told.quote_id, told.revision)
    assert confirmed.programme == RULES.ref
    assert await timer_names(intake, case_id) == set()


async def test_a_new_revision_supersedes_the_one_before_and_history_stays(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    first, second = await quote(intake, case_id), await quote(intake, case_id, "written")
    assert (first["quote_id"], second["revision"]) == (second["quote_id"], 2)
    late = await accept(intake, case_id, first)
    assert late.status_code == 409
    assert "newer quote" in late.json()["detail"]
    assert (await accept(intake, case_id, second)).status_code == 200
    states = await intake.fetch("SELECT revision, state FROM quotes ORDER BY revision")
    assert [tuple(row) for row in states] == [(1, "superseded"), (2, "accepted")]


async def test_an_expired_quote_goes_back_to_the_desk_and_can_not_be_accepted(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    offered = await quote(intake, case_id)
    await intake.run_timers(at=A_MONDAY + RULES.clocks.quote_valid)
    assert await stage(intake, case_id) == "requested"
    assert await waits_for(intake) == ["quote_expired"]
    assert (await accept(intake, case_id, offered)).status_code == 409
    assert (await quote(intake, case_id))["revision"] == 2


async def test_a_quote_past_its_date_is_refused_even_before_the_timer_ran(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    offered = await quote(intake, case_id)
    intake.clock.advance(RULES.clocks.quote_valid)
    assert (await accept(intake, case_id, offered)).status_code == 409
    assert await intake.emitted(ServicesConfirmed) == []


async def test_a_declined_quote_brings_the_case_back_to_the_advisor(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    offered = await quote(intake, case_id)
    form = {
        "_once": str(new_id()),
        "quote_id": offered["quote_id"],
        "revision": str(offered["revision"]),
        "reason": "price",
    }
    answer = await requester(intake, case_id).post(f"/my/intake/cases/{case_id}/quote/decline", data=form)
    assert answer.status_code == 303
    assert await waits_for(intake) == ["quote_declined"]
    assert await intake.emitted(ServicesConfirmed) == []


async def test_two_who_accept_at_once_confirm_once(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    offered = await quote(intake, case_id)
    answers = await asyncio.gather(*(accept(intake, case_id, offered) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409]
    assert len(await intake.emitted(ServicesConfirmed)) == 1


@pytest.mark.parametrize("by", ["patient", "staff"])
async def test_withdrawal_ends_clocks_queue_quote_and_consent(intake: ServiceUnderTest, by: str) -> None:
    case_id = await submit(intake)
    offered = await quote(intake, case_id)
    who = requester(intake, case_id) if by == "patient" else advisor(intake)
    answer = await who.post(f"/api/intake/cases/{case_id}/withdraw", json={"reason": "asked for it"}, headers=key())
    assert answer.json()["stage"] == "withdrawn"
    [told] = await intake.emitted(CaseWithdrawn)
    assert told.by == by
    assert await timer_names(intake, case_id) == set()
    assert await queue(intake) == []
    assert await intake.fetch("SELECT 1 FROM consents WHERE withdrawn_at IS NULL") == []
    again = await who.post(f"/api/intake/cases/{case_id}/withdraw", json={"reason": ""}, headers=key())
    assert again.status_code == 409
    assert (await accept(intake, case_id, offered)).status_code == 409
    body = {"services": ["written"], "price": {"amount_minor": 1, "currency": "USD"}}
    assert (
        await advisor(intake).post(f"/api/intake/cases/{case_id}/quotes", json=body, headers=key())
    ).status_code == 409


async def test_payment_and_delivery_in_any_order_and_twice_end_in_the_same_state(intake: ServiceUnderTest) -> None:
    seen = set()
    for order in permutations(range(2)):
        case_id = await submit(intake)
        await accept(intake, case_id, await quote(intake, case_id))
        told = [facts.paid(case_id), facts.delivered(case_id)]
        await intake.receives(*(told[n] for n in order), told[order[0]])
        [row] = await intake.fetch("SELECT paid_at, delivered_at FROM progress WHERE case_id = $1", case_id)
        seen.add((tuple(row), await stage(intake, case_id)))
    assert {end for _, end in seen} == {"delivered"}
    assert len(seen) == 1


async def test_a_fact_of_a_case_we_do_not_know_yet_is_kept(intake: ServiceUnderTest) -> None:
    await intake.receives(facts.paid(facts.a_case()))
    assert await intake.count("progress") == 1
    assert await intake.count("parked") == 0


async def test_payment_after_withdrawal_leaves_the_case_withdrawn(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    await requester(intake, case_id).post(f"/api/intake/cases/{case_id}/withdraw", json={"reason": ""}, headers=key())
    await intake.receives(facts.paid(case_id))
    assert await stage(intake, case_id) == "withdrawn"


async def ask(intake: ServiceUnderTest, email: str, number: str) -> list[SignInRequested]:
    async with intake.ctx.db.transaction() as tx:
        await links.ask(tx, email, number)
    await intake.run_timers()
    return await intake.emitted(SignInRequested)


async def test_a_link_is_asked_for_only_when_mail_box_and_number_belong_together(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    number = (await intake.emitted(RequestSubmitted))[0].case_number
    assert await ask(intake, "stranger@example.com", number) == []
    assert await ask(intake, "dalia@example.com", "0000-0000-0") == []
    assert await ask(intake, "dalia@example.com", "nonsense") == []
    [told] = await ask(intake, " Dalia@Example.com ", number.lower().replace("-", " "))
    assert (told.case_id, told.audience) == (case_id, "requester")
    assert await intake.count("sign_in_attempts") == 0


async def test_links_are_not_sent_without_end(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    number = (await intake.emitted(RequestSubmitted))[0].case_number
    async with intake.ctx.db.transaction() as tx:
        for n in range(links.LINKS_AN_HOUR):
            await links.make(tx, f"t{n}", case_id, "requester", "/my", timedelta(hours=1))
    assert await ask(intake, "dalia@example.com", number) == []
    intake.clock.advance(links.HOUR)
    assert len(await ask(intake, "dalia@example.com", number)) == 1


async def test_the_local_physician_is_let_in_until_the_request_is_withdrawn(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    number = (await intake.emitted(RequestSubmitted))[0].case_number
    assert [told.audience for told in await ask(intake, "ana@example.org", number)] == ["local_physician"]
    await requester(intake, case_id).post(f"/api/intake/cases/{case_id}/withdraw", json={"reason": ""}, headers=key())
    assert len(await ask(intake, "ana@example.org", number)) == 1


async def test_a_link_opens_every_case_in_which_the_mail_box_has_the_same_part(intake: ServiceUnderTest) -> None:
    mine, other, referral = (
        await submit(intake, by_patient()),
        await submit(intake, by_patient()),
        await submit(intake, by_clinician()),
    )
    async with intake.ctx.db.transaction() as tx:
        await links.make(tx, "t1", mine, "requester", "/my", timedelta(hours=1))
        await links.make(tx, "t2", referral, "local_physician", "/my", timedelta(hours=1))
        patient, doctor = await links.spend(tx, "t1"), await links.spend(tx, "t2")
        assert await links.spend(tx, "t1") is None
    assert patient
    assert patient.cases == {mine, other}
    assert patient.roles == {"patient", "requester"}
    assert doctor
    assert doctor.roles == {"local_physician"}
    assert referral in doctor.cases


async def test_a_draft_nobody_sends_is_erased(intake: ServiceUnderTest) -> None:
    await begin(intake.http)
    assert await intake.count("drafts") == 1
    await intake.run_timers(at=A_MONDAY + timedelta(days=31))
    assert await intake.count("drafts") == 0


async def test_who_took_a_case_over_and_why_stands_on_its_page(intake: ServiceUnderTest) -> None:
    case_id = await submit(intake)
    [item] = await intake.fetch("SELECT id FROM queue_items WHERE queue = 'requests'")
    async with intake.ctx.db.transaction() as tx:
        await staff_queue.claim(tx, REQUESTS, item["id"], by="staff-ben", name="Ben Castellan")
    ada = advisor(intake)
    taken = await ada.post(
        f"/api/intake/queues/requests/items/{item['id']}/take-over", json={"reason": "Ben is away"}, headers=key()
    )
    assert taken.json()["claimed_name"] == "Ada Winter"
    page = (await ada.get(f"/desk/cases/{case_id}")).text
    assert "<bdi>Ada Winter</bdi> from <bdi>Ben Castellan</bdi>. <bdi>Ben is away</bdi>" in page
