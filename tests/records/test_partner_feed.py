"""The partner's feed misses nothing and repeats nothing, whoever commits late."""

import asyncio
from uuid import UUID

import httpx
import pytest

from services.records import partner
from shared.db import Tx
from shared.events import PartnerCollectionOpened
from shared.ids import CaseId
from shared.web import Role
from tests.records.conftest import Case
from tests.support.facts import a_case
from tests.support.service import ServiceUnderTest


async def tells(tx: Tx, case_id: CaseId) -> None:
    await partner.tell(tx, PartnerCollectionOpened(case_id=case_id, occurred_at=tx.now, needed=1))


def reader(records: ServiceUnderTest) -> httpx.AsyncClient:
    return records.sign_in(Role.PARTNER_SYSTEM, subject="partner-demo", name="partner-demo")


async def page(client: httpx.AsyncClient, cursor: str | None, limit: int = 100) -> tuple[list[str], str]:
    params = {"limit": str(limit)} | ({"cursor": cursor} if cursor else {})
    answer = await client.get("/partner/records/events", params=params)
    assert answer.status_code == 200, answer.text
    return [event["case_id"] for event in answer.json()["events"]], answer.json()["cursor"]


async def all_is_told(records: ServiceUnderTest) -> None:
    """Wait until the feed has reached what is committed so far.

    A transaction still open in any database of the server holds the feed back, and other tests have some beside us.
    """
    async with records.ctx.db.transaction() as tx:
        after = await tx.fetchval("SELECT pg_current_xact_id()::text::bigint")
    reached = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS xid"
    async with asyncio.timeout(60):
        while (await records.fetch(reached))[0]["xid"] <= after:  # noqa: ASYNC110 - others' transactions end elsewhere
            await asyncio.sleep(0.02)


async def test_a_slow_transaction_is_neither_skipped_nor_overtaken(records: ServiceUnderTest) -> None:
    slow, quick, later = a_case(), a_case(), a_case()
    client = reader(records)
    async with records.ctx.db.transaction() as open_tx:
        await open_tx.execute("SELECT pg_current_xact_id()")  # its place in the order; its row is written at the commit
        await tells(open_tx, slow)
        async with records.ctx.db.transaction() as tx:
            await tells(tx, quick)
        seen, cursor = await page(client, None)
        assert seen == []
    async with records.ctx.db.transaction() as tx:
        await tells(tx, later)

    await all_is_told(records)
    seen, cursor = await page(client, cursor)
    assert seen == [str(slow), str(quick), str(later)]
    assert (await page(client, cursor))[0] == []


async def test_an_open_transaction_that_writes_nothing_here_only_delays(records: ServiceUnderTest) -> None:
    case_id = a_case()
    async with records.ctx.db.transaction() as other:
        await other.execute("SELECT pg_current_xact_id()")
        async with records.ctx.db.transaction() as tx:
            await tells(tx, case_id)
        seen, cursor = await page(reader(records), None)
        assert seen == []
    await all_is_told(records)
    assert (await page(reader(records), cursor))[0] == [str(case_id)]


async def test_what_is_rolled_back_is_never_told(records: ServiceUnderTest) -> None:
    async def fails() -> None:
        async with records.ctx.db.transaction() as tx:
            await tells(tx, a_case())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fails()
    await all_is_told(records)
    assert await page(reader(records), None) == ([], "0-0")
    assert await records.emitted() == []


async def test_a_reader_beside_twenty_writers_sees_each_fact_once_and_each_case_in_order(
    records: ServiceUnderTest,
) -> None:
    client, writing = reader(records), True
    seen: list[tuple[str, str]] = []

    async def write(writer: int) -> None:
        for turn in range(10):
            async with records.ctx.db.transaction() as tx:
                await tells(tx, CaseId(UUID(int=writer)))
                await asyncio.sleep((writer * 7 + turn * 3) % 5 / 100)

    async def follow() -> None:
        cursor: str | None = None
        while True:
            last = not writing
            answer = await client.get(
                "/partner/records/events", params={"limit": "7"} | ({"cursor": cursor} if cursor else {})
            )
            told = answer.json()
            seen.extend((event["event_id"], event["case_id"]) for event in told["events"])
            cursor = told["cursor"]
            if last and not told["events"]:
                return
            await asyncio.sleep(0)

    following = asyncio.create_task(follow())
    await asyncio.gather(*(write(writer) for writer in range(20)))
    await all_is_told(records)
    writing = False
    await following

    assert len(seen) == len(set(seen)) == 200
    rows = await records.fetch("SELECT event_id, case_id FROM outbox ORDER BY id")
    for writer in range(20):
        case_id = str(UUID(int=writer))
        assert [event for event, case in seen if case == case_id] == [
            str(r["event_id"]) for r in rows if str(r["case_id"]) == case_id
        ]


async def test_pages_say_whether_there_is_more(records: ServiceUnderTest) -> None:
    async with records.ctx.db.transaction() as tx:
        for _ in range(3):
            await tells(tx, a_case())
    await all_is_told(records)
    first = (await reader(records).get("/partner/records/events", params={"limit": 2})).json()
    second = (
        await reader(records).get("/partner/records/events", params={"limit": 2, "cursor": first["cursor"]})
    ).json()

    assert (len(first["events"]), first["more"]) == (2, True)
    assert (len(second["events"]), second["more"]) == (1, False)


@pytest.mark.parametrize(
    "cursor", ["x", "1", "1-", "-1-2", "1-x", "1-2-3", "99999999999999999999-1", "1-" + "9" * 40, "١-٢"]
)
async def test_a_cursor_of_nobodys_is_refused(records: ServiceUnderTest, cursor: str) -> None:
    answer = await reader(records).get("/partner/records/events", params={"cursor": cursor})
    assert answer.status_code == 400
    assert "cursor" in answer.json()["detail"]


async def test_only_the_partners_systems_read_the_feed(case: Case) -> None:
    for role in Role:
        if role in (Role.PATIENT, Role.REQUESTER, Role.LOCAL_PHYSICIAN, Role.SERVICE):
            continue
        answer = await case.records.sign_in(role).get("/partner/records/events")
        assert (answer.status_code == 200) is (role is Role.PARTNER_SYSTEM)


async def test_an_event_is_ids_and_codes(case: Case) -> None:
    await case.decides("imaging", "waive", "no scans exist")
    await all_is_told(case.records)
    [_, waived] = (await reader(case.records).get("/partner/records/events")).json()["events"]

    item = await case.item("imaging")
    assert waived["type"] == "PartnerItemWaived.v1"
    assert {"case_id", "occurred_at", "item_id", "requirement"} == set(waived["data"])
    assert (waived["data"]["item_id"], waived["data"]["requirement"]) == (item["id"], "imaging")
