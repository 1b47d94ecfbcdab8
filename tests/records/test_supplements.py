"""Services that are added later (R17): what they need joins the checklist once they are paid."""

from datetime import timedelta
from typing import Any

from shared.events import CollectionOpened, RecordsComplete
from tests.records.conftest import Case
from tests.support import facts

LATER = timedelta(minutes=20)


def more(service: str) -> dict[str, Any]:
    return {"revision": 2, "supplements": 1, "services": ("comprehensive", service), "added": (service,)}


async def grows(case: Case, service: str) -> None:
    """The patient accepts and pays for one more service, a little later."""
    case.records.clock.advance(LATER)
    await case.records.receives(facts.confirmed(case.id, **more(service)), facts.paid(case.id, revision=2))
    await case.records.run_errands()


async def codes(case: Case) -> set[str]:
    return {item["code"] for item in (await case.checklist())["items"]}


async def quiet(case: Case) -> list[str]:
    rows = await case.records.fetch(
        "SELECT title FROM queue_items WHERE queue = 'quiet-collections' AND state <> 'done' AND case_id = $1", case.id
    )
    return [row["title"] for row in rows]


async def test_an_unpaid_supplement_adds_nothing_and_holds_nothing_up(case: Case) -> None:
    await case.records.receives(facts.confirmed(case.id, **more("integrative")))
    assert "medication_list" not in await codes(case)
    await case.completes()
    [told] = await case.records.emitted(RecordsComplete)
    assert told.services == ("comprehensive",)


async def test_a_paid_supplement_makes_the_checklist_grow_and_opens_nothing_twice(case: Case) -> None:
    await grows(case, "integrative")
    assert "medication_list" in await codes(case)
    assert len(await case.records.emitted(CollectionOpened)) == 1
    await case.completes()
    [told] = await case.records.emitted(RecordsComplete)
    assert told.services == ("comprehensive", "integrative")


async def test_a_complete_collection_grows_and_says_how_much_to_ask_for(case: Case) -> None:
    await case.completes()
    await grows(case, "integrative")
    assert len(await case.records.emitted(RecordsComplete)) == 1
    assert any("services were added, 1 more" in title for title in await quiet(case))
    await case.brings_in("medication_list")
    first, second = await case.records.emitted(RecordsComplete)
    assert (first.services, second.services) == (("comprehensive",), ("comprehensive", "integrative"))
    assert second.completed_at > first.completed_at
    assert second.needed == first.needed + 1
    assert await quiet(case) == []


async def test_what_the_specialist_reads_stands_while_more_is_collected(case: Case) -> None:
    await case.completes()
    settled = next(item["code"] for item in (await case.checklist())["items"] if item["state"] == "accepted")
    await grows(case, "integrative")
    assert (await case.decides(settled, "return", "Changed my mind")).status_code == 409


async def test_an_added_service_that_needs_nothing_more_is_complete_at_once(case: Case) -> None:
    await case.completes()
    await grows(case, "video")
    told = await case.records.emitted(RecordsComplete)
    assert [fact.services for fact in told] == [("comprehensive",), ("comprehensive", "video")]


async def test_a_supplement_that_is_paid_twice_over_tells_nothing_twice(case: Case) -> None:
    await case.completes()
    await grows(case, "video")
    await case.records.receives(facts.paid(case.id, revision=2))
    assert len(await case.records.emitted(RecordsComplete)) == 2
