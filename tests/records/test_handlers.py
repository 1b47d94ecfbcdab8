"""What facts do to a case, in any order, once."""

from datetime import timedelta
from itertools import permutations

import pytest

from services.records.opening import NobodyToGuide
from shared.backbone.errands import run_due
from shared.events import (
    CollectionOpened,
    Fact,
    PartnerCaseClosed,
    PartnerCollectionOpened,
    PartnerFact,
    PartnerItemAccepted,
    PartnerItemReturned,
    PartnerItemWaived,
    PartnerRecordsComplete,
    ProgrammeRef,
    RecordsComplete,
)
from shared.ids import new_id
from tests.records.conftest import PDF, Case, brief, case_of
from tests.support.facts import SPECIALIST, a_case, assigned, confirmed, delivered, paid, submitted, withdrawn
from tests.support.service import A_MONDAY, ServiceUnderTest


async def test_a_paid_case_gets_its_case_manager_and_a_checklist_for_its_services(case: Case) -> None:
    checklist = await case.checklist()

    assert checklist["case_manager"] == "Mara Lindqvist"
    assert {item["state"] for item in checklist["items"]} == {"needed"}
    assert {"pathology_slides", "imaging", "clinical_summary"} <= {item["code"] for item in checklist["items"]}
    [told] = await case.records.emitted(CollectionOpened)
    assert told.nudge_due_at > told.opened_at
    [partner] = await case.records.emitted(PartnerCollectionOpened)
    assert partner.needed == sum(item["needed"] for item in checklist["items"])


async def test_unpaid_or_unconfirmed_cases_are_not_opened(seeded: ServiceUnderTest) -> None:
    unpaid, unconfirmed, other_quote = case_of(seeded), case_of(seeded), case_of(seeded)
    await seeded.receives(confirmed(unpaid.id), paid(unconfirmed.id))
    await seeded.receives(confirmed(other_quote.id), paid(other_quote.id, quote_id=new_id()))

    assert await seeded.emitted() == []


async def test_a_second_payment_fact_opens_nothing_twice(seeded: ServiceUnderTest) -> None:
    case = case_of(seeded)
    payment = paid(case.id)
    await seeded.receives(confirmed(case.id), payment, payment, paid(case.id))

    assert [type(fact) for fact in await seeded.emitted()] == [CollectionOpened, PartnerCollectionOpened]
    assert await seeded.count("collections") == 1


async def test_all_orders_of_the_facts_heard_here_end_in_the_same_state(seeded: ServiceUnderTest) -> None:
    async with seeded.ctx.db.transaction() as tx:  # whom a case gets depends on who is busy: leave one to choose from
        await tx.execute("UPDATE case_managers SET active = subject = 'staff-mara'")
    orders = list(permutations(range(5)))
    for start in range(0, len(orders), 60):
        arrivals = []
        for order in orders[start : start + 60]:
            case_id = a_case()
            facts: list[Fact] = [
                submitted(case_id, case_number="7K3M-9QXW-C"), confirmed(case_id), paid(case_id), assigned(case_id),
                delivered(case_id),
            ]  # fmt: skip
            in_turn = [facts[place] for place in order]
            arrivals += [seeded.arrival(fact) for fact in in_turn]
        await seeded.applies(*arrivals)

    rows = await seeded.fetch(
        "SELECT case_number, services, manager, opened_at, delivered_at,"
        " (SELECT array_agg(code ORDER BY position, code) FROM items i WHERE i.case_id = c.case_id) AS codes,"
        " (SELECT array_agg(type ORDER BY type) FROM outbox o WHERE o.case_id = c.case_id) AS told,"
        " (SELECT count(*) FROM reader_grants g WHERE g.case_id = c.case_id AND revoked_at IS NULL) AS readers,"
        " (SELECT array_agg(kind ORDER BY kind) FROM errands e WHERE e.case_id = c.case_id) AS errands,"
        " (SELECT count(*) FROM timers t WHERE t.case_id = c.case_id) AS timers"
        " FROM collections c"
    )
    assert len(rows) == 120
    ends = {repr(dict(row)) for row in rows}
    assert len(ends) == 1, "\n".join(ends)


async def test_the_case_goes_to_a_case_manager_who_speaks_with_the_patient(seeded: ServiceUnderTest) -> None:
    case = case_of(seeded)
    chinese = brief()["patient"] | {"languages": ["zh"]}
    seeded.peers.answers["intake", f"/cases/{case.id}/brief"] = brief(patient=chinese)
    await seeded.receives(submitted(case.id), confirmed(case.id))
    await seeded.run_errands()
    await seeded.receives(paid(case.id))

    assert (await case.checklist())["case_manager"] == "Tomas Oyelaran"


async def test_languages_that_are_learnt_late_hand_the_case_over_before_anything_is_decided(
    seeded: ServiceUnderTest,
) -> None:
    case = case_of(seeded)
    await seeded.receives(confirmed(case.id), paid(case.id))
    assert (await case.checklist())["case_manager"] == "Mara Lindqvist"
    assert "request" in {missing["code"] for missing in (await case.checklist())["missing"]}

    chinese = brief()["patient"] | {"languages": ["zh"]}
    seeded.peers.answers["intake", f"/cases/{case.id}/brief"] = brief(patient=chinese)
    await seeded.run_errands()

    checklist = await case.checklist()
    assert checklist["case_manager"] == "Tomas Oyelaran"
    assert "request" not in {missing["code"] for missing in checklist["missing"]}


async def test_new_cases_go_to_whoever_carries_fewest(seeded: ServiceUnderTest) -> None:
    for _ in range(4):
        case = case_of(seeded)
        await seeded.receives(confirmed(case.id), paid(case.id))

    rows = await seeded.fetch("SELECT manager, count(*) AS n FROM collections GROUP BY manager ORDER BY manager")
    assert [(row["manager"], row["n"]) for row in rows] == [("staff-mara", 2), ("staff-tomas", 2)]


async def test_a_tumour_adds_its_own_items(seeded: ServiceUnderTest) -> None:
    case = case_of(seeded)
    seeded.peers.answers["intake", f"/cases/{case.id}/brief"] = brief(cancer_type="breast")
    await seeded.receives(confirmed(case.id))
    before = await seeded.count("items")
    await seeded.run_errands()

    rows = await seeded.fetch("SELECT titles FROM items WHERE code = 'tumour_report'")
    assert await seeded.count("items") == before + 1
    assert "HER2" in rows[0]["titles"]["en"]


async def test_a_later_revision_only_adds_and_must_be_paid_before_completeness(seeded: ServiceUnderTest) -> None:
    case = case_of(seeded)
    seeded.peers.answers["intake", f"/cases/{case.id}/brief"] = brief(cancer_type=None)
    await seeded.receives(confirmed(case.id, services=("written",)), paid(case.id))
    await seeded.run_errands()
    first = {item["code"] for item in (await case.checklist())["items"]}
    quote = new_id()
    await seeded.receives(confirmed(case.id, services=("pathology",), revision=2, quote_id=quote))
    await seeded.run_errands()
    await case.completes()

    assert first < {item["code"] for item in (await case.checklist())["items"]}
    assert {missing["code"] for missing in (await case.checklist())["missing"]} == {"payment"}
    await seeded.receives(paid(case.id, revision=2, quote_id=quote))
    [complete] = await seeded.emitted(RecordsComplete)
    assert complete.services == ("written", "pathology")
    assert len(await seeded.emitted(CollectionOpened)) == 1


async def test_records_are_complete_only_once(case: Case) -> None:
    await case.completes()
    quote = new_id()
    await case.records.receives(confirmed(case.id, services=("video",), revision=2, quote_id=quote))
    await case.records.receives(paid(case.id, revision=2, quote_id=quote))

    assert len(await case.records.emitted(RecordsComplete)) == 1


async def test_the_programmes_own_clock_sets_the_target(seeded: ServiceUnderTest) -> None:
    case = case_of(seeded)
    seeded.peers.answers["intake", f"/cases/{case.id}/brief"] = brief(cancer_type=None)
    harbor = ProgrammeRef(id="harborlight_integrative", version=1)
    await seeded.receives(confirmed(case.id, services=("integrative",), programme=harbor), paid(case.id))
    await seeded.run_errands()
    await case.completes()

    [complete] = await seeded.emitted(RecordsComplete)
    assert complete.programme == harbor
    assert complete.target_from - complete.completed_at == timedelta(weeks=1)
    assert complete.target_to - complete.completed_at == timedelta(weeks=3)


async def test_without_a_case_manager_the_fact_waits_for_a_person(records: ServiceUnderTest) -> None:
    case = case_of(records)
    await records.receives(confirmed(case.id))
    with pytest.raises(NobodyToGuide):
        await records.receives(paid(case.id))
    assert await records.emitted() == []


async def test_a_quiet_collection_comes_to_the_case_manager_again_and_again(case: Case) -> None:
    [told] = await case.records.emitted(CollectionOpened)
    for _ in range(2):
        [timer] = await case.records.fetch("SELECT due FROM timers WHERE name = 'nudge'")
        assert await case.records.run_timers(at=timer["due"]) == 1
        [item] = await case.records.fetch("SELECT title, state FROM queue_items WHERE queue = 'quiet-collections'")
        assert item["state"] == "open"
    assert told.nudge_due_at < case.records.clock.now()


async def test_a_complete_collection_is_left_in_peace(case: Case) -> None:
    await case.completes()

    assert await case.records.fetch("SELECT 1 FROM timers WHERE name = 'nudge'") == []
    assert await case.records.fetch("SELECT 1 FROM queue_items WHERE state <> 'done'") == []


async def test_slides_are_owed_home_once_the_opinion_is_out(case: Case) -> None:
    await case.completes()
    await case.records.receives(delivered(case.id))

    [owed] = await case.records.fetch(
        "SELECT title FROM queue_items WHERE queue = 'slides-to-return' AND state = 'open'"
    )
    assert "12 slides" in owed["title"]
    answer = await case.post("/parcels", {"leg": "home", "slides": 12, "courier": "X", "tracking": "1"}, who=case.lab)
    assert answer.status_code == 201
    assert await case.records.fetch("SELECT 1 FROM queue_items WHERE state <> 'done'") == []
    assert [fact.reason for fact in await case.records.emitted(PartnerCaseClosed)] == ["delivered"]


async def test_withdrawal_ends_clocks_queues_and_access_but_slides_still_go_home(case: Case) -> None:
    await case.counts_slides_in(8)
    await case.uploads("clinical_summary")
    await case.records.receives(assigned(case.id), withdrawn(case.id), delivered(case.id))

    open_items = await case.records.fetch("SELECT queue FROM queue_items WHERE state <> 'done'")
    assert [row["queue"] for row in open_items] == ["slides-to-return"]
    assert await case.records.fetch("SELECT 1 FROM timers WHERE name = 'nudge'") == []
    assert await case.records.fetch("SELECT 1 FROM reader_grants WHERE revoked_at IS NULL") == []
    assert [fact.reason for fact in await case.records.emitted(PartnerCaseClosed)] == ["withdrawn"]
    assert (await case.manager.get(f"{case.api}/checklist")).status_code == 403


async def test_a_specialist_assigned_after_withdrawal_never_gets_in(case: Case) -> None:
    await case.records.receives(withdrawn(case.id), assigned(case.id))

    assert await case.records.fetch("SELECT 1 FROM reader_grants WHERE revoked_at IS NULL") == []


async def test_a_withdrawn_case_never_opens(seeded: ServiceUnderTest) -> None:
    case = case_of(seeded)
    await seeded.receives(withdrawn(case.id), confirmed(case.id), paid(case.id))

    assert await seeded.emitted(CollectionOpened) == []
    assert await seeded.count("items") == 0


async def test_the_partner_is_told_each_step_in_order_under_the_same_ids_as_on_kafka(case: Case) -> None:
    await case.uploads("clinical_summary")
    assert (await case.decides("clinical_summary", "return", "blurred")).status_code == 200
    assert (await case.decides("imaging", "waive", "no scans exist")).status_code == 200
    await case.completes()

    told = [type(fact) for fact in await case.records.emitted() if isinstance(fact, PartnerFact)]
    assert told[:3] == [PartnerCollectionOpened, PartnerItemReturned, PartnerItemWaived]
    assert told[-1] is PartnerRecordsComplete
    assert set(told[3:-1]) == {PartnerItemAccepted}
    feed = await case.records.fetch("SELECT event_id FROM partner_feed ORDER BY xid, id")
    kafka = await case.records.fetch("SELECT event_id FROM outbox WHERE topic = 'partner.records.v1' ORDER BY id")
    assert [row["event_id"] for row in feed] == [row["event_id"] for row in kafka]


async def test_the_specialist_of_a_grant_is_named_by_matching(case: Case) -> None:
    await case.records.receives(assigned(case.id))
    await case.records.run_errands(may_fail=True)
    assert (await case.records.fetch("SELECT subject FROM reader_grants"))[0]["subject"] is None

    case.records.peers.answers["matching", f"/cases/{case.id}/specialist"] = {
        "specialist_id": str(SPECIALIST), "subject": "staff-imani",
    }  # fmt: skip
    case.records.clock.advance(timedelta(minutes=1))
    await case.records.run_errands()
    assert (await case.records.fetch("SELECT subject FROM reader_grants"))[0]["subject"] == "staff-imani"


async def test_another_specialist_than_the_assigned_one_is_not_let_in(case: Case) -> None:
    case.records.peers.answers["matching", f"/cases/{case.id}/specialist"] = {
        "specialist_id": str(new_id()), "subject": "staff-yusuf",
    }  # fmt: skip
    await case.records.receives(assigned(case.id))
    await run_due(case.records.ctx, case.records.ctx.service.errands)

    [errand] = await case.records.fetch("SELECT error FROM errands WHERE kind = 'name_reader'")
    assert "wasn't assigned" in errand["error"]


async def test_nothing_personal_is_told(case: Case) -> None:
    await case.uploads("clinical_summary", PDF, name="Canary Surname.pdf")
    await case.decides("clinical_summary", "return", "Canary reason")
    await case.completes()

    told = await case.records.fetch(
        "SELECT payload::text AS said FROM outbox UNION ALL SELECT data::text FROM partner_feed"
    )
    assert told
    assert not [row for row in told if "canary" in row["said"].lower() or "mara" in row["said"].lower()]
    assert case.records.clock.now() >= A_MONDAY
