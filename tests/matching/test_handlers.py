"""Facts in any order, clocks that run out, people who act at the same moment, and what is told."""

import asyncio
import itertools
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from services.matching import publishing
from services.matching.store import opinions
from shared.backbone.errands import Errand
from shared.events import Fact, OpinionDelivered, SpecialistAssigned
from shared.ids import CaseId, new_id
from shared.web.principals import Role
from tests.matching.conftest import Clinic, finished, post
from tests.support.facts import assigned, complete, confirmed, delivered, paid, submitted, withdrawn
from tests.support.service import ServiceUnderTest

STATE = (
    "SELECT case_number, services, complete_at, withdrawn_at FROM cases_in_matching",
    "SELECT queue, item_key, title, due, data, state FROM queue_items WHERE state <> 'done'",
    "SELECT case_id, name, due FROM timers",
    "SELECT state FROM offers",
    "SELECT type FROM outbox",
)


async def state_of(service: ServiceUnderTest) -> list[Any]:
    return [[tuple(row.values()) for row in await service.fetch(sql)] for sql in STATE]


async def test_every_order_of_a_cases_facts_ends_the_same(matching: ServiceUnderTest) -> None:
    ends = []
    for with_withdrawal in (False, True):
        seen = []
        for order in itertools.permutations(range(3 if with_withdrawal else 2)):
            case_id = CaseId(new_id())
            facts: list[Fact] = [submitted(case_id, case_number="7K3M-9QXW-C"), complete(case_id), withdrawn(case_id)]
            rest = [confirmed(case_id), paid(case_id), assigned(case_id), delivered(case_id)]
            chosen = [facts[index] for index in order]
            await matching.receives(*chosen, *chosen, *rest)
            seen.append(str(await state_of(matching)).replace(str(case_id), "the case"))
            async with matching.ctx.db.transaction() as tx:
                for table in ("cases_in_matching", "queue_items", "timers"):
                    await tx.execute(f"DELETE FROM {table}")
        assert len(set(seen)) == 1
        ends.append(seen[0])
    assert "'open'" in ends[0]
    assert "Case 7K3M-9QXW-C" in ends[0]
    assert "'open'" not in ends[1]


async def test_an_offer_that_nobody_answers_goes_to_the_next_and_then_back_to_the_desk(clinic: Clinic) -> None:
    case_id = await clinic.a_complete_case()
    await clinic.offer(case_id, "Dr Imani Okafor", "Dr Yusuf Demir")
    start = clinic.service.clock.now()

    assert await clinic.service.run_timers(at=start + timedelta(hours=47)) == 0
    assert await clinic.service.run_timers(at=start + timedelta(hours=48)) == 1
    yusuf = clinic.service.sign_in(Role.SPECIALIST, subject="staff-yusuf")
    assert await clinic.offer_of(yusuf)
    assert [row["state"] for row in await clinic.service.fetch("SELECT state FROM offers ORDER BY rank")] == [
        "expired",
        "offered",
    ]

    await clinic.service.run_timers(at=start + timedelta(hours=97))
    items = await clinic.service.fetch("SELECT queue, title FROM queue_items WHERE state <> 'done'")
    assert [(row["queue"], row["title"]) for row in items] == [
        ("to-match", "Case 7K3M-9QXW-C: nobody on the list accepted, choose again")
    ]
    assert await clinic.service.emitted() == []


async def test_an_offer_shows_on_the_queue_as_the_specialists_own(clinic: Clinic) -> None:
    case_id = await clinic.a_complete_case()
    await clinic.offer(case_id, "Dr Imani Okafor")
    item = (await clinic.yusuf.get("/api/matching/queues/my-offers")).json()["items"][0]
    assert (item["state"], item["claimed_by"]) == ("claimed", "staff-imani")
    taken = await post(clinic.yusuf, f"/api/matching/queues/my-offers/items/{item['id']}/claim", {})
    assert taken.status_code == 409
    answer = await post(clinic.yusuf, f"/api/matching/offers/{item['item_key']}/accept", {"no_conflict": True})
    assert answer.status_code == 404


async def test_who_has_no_room_by_then_is_passed_by(clinic: Clinic) -> None:
    case_id = await clinic.a_complete_case()
    await clinic.offer(case_id, "Dr Imani Okafor", "Dr Annika Solberg", "Dr Yusuf Demir")
    async with clinic.service.ctx.db.transaction() as tx:
        await tx.execute("UPDATE specialists SET other_work = capacity WHERE subject = 'roster-annika'")
    offer_id = await clinic.offer_of(clinic.imani)
    await post(clinic.imani, f"/api/matching/offers/{offer_id}/decline", {"reason": "On leave"})
    states = {row["subject"]: row["state"] for row in await clinic.service.fetch(
        "SELECT subject, state FROM offers JOIN specialists s ON s.id = specialist_id")}  # fmt: skip
    assert states == {"staff-imani": "declined", "roster-annika": "cancelled", "staff-yusuf": "offered"}


async def test_two_accepts_at_once_make_one_assignment(clinic: Clinic) -> None:
    case_id = await clinic.a_complete_case()
    await clinic.offer(case_id, "Dr Imani Okafor")
    offer_id = await clinic.offer_of(clinic.imani)
    path = f"/api/matching/offers/{offer_id}/accept"
    answers = await asyncio.gather(*(post(clinic.imani, path, {"no_conflict": True}) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]
    assert await clinic.service.count("assignments") == 1
    assert await clinic.service.count("opinions") == 1
    assert len(await clinic.service.emitted(SpecialistAssigned)) == 1


async def test_accepting_against_withdrawal_ends_in_one_of_two_whole_states(clinic: Clinic) -> None:
    for _ in range(5):
        case_id = await clinic.a_complete_case()
        await clinic.offer(case_id, "Dr Imani Okafor")
        path = f"/api/matching/offers/{await clinic.offer_of(clinic.imani)}/accept"
        accepting = post(clinic.imani, path, {"no_conflict": True})
        answer, _ = await asyncio.gather(accepting, clinic.service.receives(withdrawn(case_id)))
        assert answer.status_code in (200, 409)
        states = [
            row["state"] for row in await clinic.service.fetch("SELECT state FROM opinions WHERE case_id = $1", case_id)
        ]
        assert states == (["closed"] if answer.status_code == 200 else [])
        left = await clinic.service.fetch("SELECT 1 FROM queue_items WHERE case_id = $1 AND state <> 'done'", case_id)
        assert left == []


async def test_two_choices_at_once_ask_one_specialist(clinic: Clinic) -> None:
    case_id = await clinic.a_complete_case()
    answers = await asyncio.gather(clinic.offer(case_id, "Dr Imani Okafor"), clinic.offer(case_id, "Dr Yusuf Demir"))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert len(await clinic.service.fetch("SELECT 1 FROM offers WHERE state = 'offered'")) == 1


@pytest.mark.parametrize("stage", ["complete", "offered", "writing", "signed", "delivered"])
async def test_a_withdrawal_stops_whatever_is_under_way(clinic: Clinic, stage: str) -> None:
    case_id = await clinic.a_complete_case()
    if stage != "complete":
        await clinic.offer(case_id, "Dr Imani Okafor", "Dr Yusuf Demir")
    if stage in ("writing", "signed", "delivered"):
        await clinic.accept(clinic.imani)
    if stage in ("signed", "delivered"):
        await clinic.write(case_id)
        assert (await clinic.sign(case_id)).status_code == 200
    if stage == "delivered":
        await clinic.service.run_errands()
    await clinic.service.receives(withdrawn(case_id))
    await clinic.service.run_errands()

    assert await clinic.service.count("timers") == 0
    assert await clinic.service.fetch("SELECT 1 FROM queue_items WHERE state <> 'done'") == []
    assert await clinic.service.fetch("SELECT 1 FROM offers WHERE state IN ('waiting', 'offered')") == []
    assert await clinic.service.fetch("SELECT 1 FROM opinions WHERE state = 'draft'") == []
    assert await clinic.service.count("deliveries") == (2 if stage == "delivered" else 0)
    assert len(await clinic.service.emitted(OpinionDelivered)) == (1 if stage == "delivered" else 0)
    assert (await clinic.offer(case_id)).status_code in (409, 422)
    assert (await clinic.imani.put(
        f"/api/matching/cases/{case_id}/opinion", json=finished(), headers={"If-Match": '"1"'},
    )).status_code in (404, 409)  # fmt: skip


async def test_the_document_is_delivered_once_however_often_the_errand_runs(clinic: Clinic) -> None:
    case_id = await clinic.a_case_with_imani()
    await clinic.write(case_id)
    opinion_id = (await clinic.sign(case_id)).json()["opinion_id"]
    errand = Errand(new_id(), publishing.PUBLISH, "again", case_id, {"opinion_id": opinion_id}, 1, None)
    await asyncio.gather(*(publishing.publish_opinion(errand, clinic.service.ctx) for _ in range(4)))
    await clinic.service.run_errands()
    assert len(await clinic.service.emitted(OpinionDelivered)) == 1
    assert await clinic.service.count("deliveries") == 2


async def test_nothing_is_delivered_while_intake_is_away_and_it_is_afterwards(clinic: Clinic) -> None:
    case_id = await clinic.a_case_with_imani()
    await clinic.write(case_id)
    await clinic.sign(case_id)
    clinic.service.peers.answers.clear()
    await clinic.service.run_errands(may_fail=True)
    assert await clinic.service.count("deliveries") == 0
    clinic.knows(case_id)
    clinic.service.clock.advance(timedelta(minutes=1))
    await clinic.service.run_errands(may_fail=True)
    assert len(await clinic.service.emitted(OpinionDelivered)) == 1


async def test_a_withdrawal_that_intake_knows_of_first_stops_the_delivery(clinic: Clinic) -> None:
    case_id = await clinic.a_case_with_imani()
    await clinic.write(case_id)
    await clinic.sign(case_id)
    clinic.knows(case_id, withdrawn=True)
    await clinic.service.run_errands()
    assert await clinic.service.count("deliveries") == 0


async def test_without_a_local_physician_nothing_is_told_until_one_is_named(clinic: Clinic) -> None:
    case_id = await clinic.a_delivered_case(local_physician=None)
    assert await clinic.service.emitted(OpinionDelivered) == []
    assert [row["audience"] for row in await clinic.service.fetch("SELECT audience FROM deliveries")] == ["patient"]
    items = (await clinic.lead.get("/api/matching/queues/to-deliver")).json()["items"]
    assert items[0]["title"] == "Case 7K3M-9QXW-C: no local physician is named"
    clinic.knows(case_id)
    assert (await post(clinic.lead, f"/api/matching/cases/{case_id}/deliveries", {})).status_code == 200
    await clinic.service.run_errands()
    assert len(await clinic.service.emitted(OpinionDelivered)) == 1
    assert (await clinic.lead.get("/api/matching/queues/to-deliver")).json()["items"] == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE opinions SET plan = 'Other'",
        "UPDATE opinions SET signed_at = now()",
        "UPDATE opinions SET state = 'closed', signed_at = NULL, signed_name = NULL",
        "UPDATE opinions SET sha256 = repeat('0', 64)",
        "UPDATE opinions SET delivered_at = NULL",
        "DELETE FROM opinions",
        "UPDATE answers SET text = 'Other'",
        "DELETE FROM answers",
        "INSERT INTO answers (opinion_id, question_id, position, text) SELECT id, 'q9', 9, 'New' FROM opinions",
    ],
)
async def test_the_database_itself_keeps_a_signed_opinion(clinic: Clinic, statement: str) -> None:
    await clinic.a_delivered_case()
    with pytest.raises(asyncpg.RaiseError, match="never"):
        async with clinic.service.ctx.db.transaction() as tx:
            await tx.execute(statement)


async def test_a_correction_is_delivered_as_a_version_of_its_own(clinic: Clinic) -> None:
    case_id = await clinic.a_delivered_case()
    path = f"/api/matching/cases/{case_id}/opinion"
    began = await post(clinic.imani, f"{path}/corrections", {"reason": "The grade is 3."})
    assert (began.json()["version"], began.json()["state"]) == (2, "draft")
    assert (await post(clinic.imani, f"{path}/corrections", {"reason": "Again"})).status_code == 409
    old = (await clinic.lead.get(f"{path}.pdf")).content
    assert (await clinic.write(case_id, finished(assessment="Grade 3."))).status_code == 200
    assert (await clinic.sign(case_id)).status_code == 200
    await clinic.service.run_errands()
    assert (await clinic.lead.get(f"{path}.pdf")).content != old
    first, second = await clinic.service.emitted(OpinionDelivered)
    assert first.opinion_id != second.opinion_id
    async with clinic.service.ctx.db.reading() as tx:
        kept = await opinions.opinion(tx, first.opinion_id)
    assert kept.text.assessment == "Invasive ductal carcinoma, grade 2."


async def test_accepting_takes_a_place_and_signing_frees_it(clinic: Clinic) -> None:
    async def load() -> str:
        other = await clinic.a_complete_case()
        ranking = (await clinic.lead.get(f"/api/matching/cases/{other}/candidates")).json()
        imani = next(one for one in ranking["candidates"] if one["name"] == "Dr Imani Okafor")
        return next(reason["sentence"] for reason in imani["reasons"] if reason["code"] == "load")

    assert await load() == "12 of 12 places are free."
    case_id = await clinic.a_case_with_imani()
    assert await load() == "11 of 12 places are free."
    await clinic.write(case_id)
    await clinic.sign(case_id)
    assert await load() == "12 of 12 places are free."


async def test_seeding_twice_changes_nothing(clinic: Clinic) -> None:
    before = [tuple(row.values()) for row in await clinic.service.fetch("SELECT * FROM specialists ORDER BY subject")]
    await clinic.seed()
    after = [tuple(row.values()) for row in await clinic.service.fetch("SELECT * FROM specialists ORDER BY subject")]
    assert before == after
    assert len(after) == 14


async def test_nothing_personal_or_clinical_is_told(clinic: Clinic) -> None:
    await clinic.a_delivered_case()
    told = " ".join(row["payload"] for row in await clinic.service.fetch("SELECT payload::text AS payload FROM outbox"))
    told += " ".join(row["t"] for row in await clinic.service.fetch("SELECT title || data::text AS t FROM queue_items"))
    for secret in ("فاطمة", "breast", "Mansour", "Okafor", "carcinoma", "chemotherapy"):
        assert secret not in told


def test_the_roster_names_who_can_sign_in() -> None:
    roster = Path("deploy/local/seed/matching.toml").read_text()
    assert all(f'"staff-{name}"' in roster for name in ("imani", "yusuf", "clara", "noor"))
