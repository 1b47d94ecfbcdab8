"""A long queue: narrowed, in order, a page at a time, and taken over with a reason."""

import random
from datetime import timedelta

import httpx
import pytest

from shared import staff_queue
from shared.ids import CaseId, new_id
from shared.staff_queue import PAGE, View
from shared.web import Role
from tests.shared.web.sample.service import TO_READ
from tests.support.service import ServiceUnderTest

HERE, API = "/desk/sample/queues/to-read", "/api/sample/queues/to-read"
LANGUAGES = ("ar", "pt", "ar")


async def _fill(sample: ServiceUnderTest, many: int) -> None:
    async with sample.ctx.db.transaction() as tx:
        for n in range(many):
            due = (tx.now + timedelta(hours=n - 2), tx.now + timedelta(hours=n), None)[n % 3]
            await staff_queue.put(tx, TO_READ, CaseId(new_id()), f"{n:03}", f"Case {n:03}", due=due,
                                  data={"language": LANGUAGES[n % 3]})  # fmt: skip


def _person(sample: ServiceUnderTest, subject: str = "ada") -> httpx.AsyncClient:
    return sample.sign_in(Role.CARE_ADVISOR, subject=subject, name=subject.title())


async def _keys(sample: ServiceUnderTest, **view: object) -> list[str]:
    async with sample.ctx.db.reading() as tx:
        return [item.item_key for item in await staff_queue.shown(tx, TO_READ, View("ada", **view))]  # type: ignore[arg-type]


async def test_pages_hold_everything_once_in_the_order_asked_for(sample: ServiceUnderTest) -> None:
    await _fill(sample, 2 * PAGE + 7)
    for sort in ("due", "newest", "oldest"):
        pages = [await _keys(sample, sort=sort, page=page) for page in (1, 2, 3, 4)]
        assert [len(page) for page in pages] == [PAGE, PAGE, 7, 0]
        assert len({key for page in pages for key in page}) == 2 * PAGE + 7
    async with sample.ctx.db.reading() as tx:
        everything, _ = await staff_queue.snapshot(tx, TO_READ)
    by_due = [key for page in (1, 2, 3) for key in await _keys(sample, page=page)]
    assert by_due == [item.item_key for item in everything]


async def test_each_choice_is_counted_as_if_it_alone_were_chosen_in_its_facet(sample: ServiceUnderTest) -> None:
    chance = random.Random(4)
    values: dict[str, list[str | None]] = {
        "language": ["ar", "pt", "zh", None], "clock": ["late", "running", "none"], "who": ["mine", "nobody", "colleague"],
    }  # fmt: skip
    rows = [{name: chance.choice(some) for name, some in values.items()} for _ in range(200)]
    async with sample.ctx.db.transaction() as tx:
        for n, row in enumerate(rows):
            due = {"late": tx.now, "running": tx.now + timedelta(seconds=1), "none": None}[str(row["clock"])]
            data = {"language": row["language"]} if row["language"] else {}
            await staff_queue.put(tx, TO_READ, CaseId(new_id()), str(n), f"Case {n}", due=due, data=data)
            if row["who"] != "nobody":
                await tx.execute(
                    "UPDATE queue_items SET state = 'claimed', claimed_by = $1, claimed_name = $1 WHERE item_key = $2",
                    {"mine": "ada", "colleague": "ben"}[str(row["who"])], str(n),
                )  # fmt: skip
    for _ in range(40):
        chosen = {
            name: tuple(chance.sample([value for value in some if value], chance.randint(1, 2)))
            for name, some in values.items()
            if chance.random() < 0.5
        }
        async with sample.ctx.db.reading() as tx:
            found = await staff_queue.counted(tx, TO_READ, View("ada", chosen))

        def fits(
            row: dict[str, str | None], chosen: dict[str, tuple[str | None, ...]], besides: str | None = None
        ) -> bool:
            return all(row[name] in wanted for name, wanted in chosen.items() if name != besides)

        assert found.total == sum(fits(row, chosen) for row in rows)
        for name, some in values.items():
            for value in filter(None, some):
                alone = sum(row[name] == value and fits(row, chosen, besides=name) for row in rows)
                assert found.counts[name].get(value, 0) == alone, (chosen, name, value)


async def test_what_is_chosen_is_shown_and_counted(sample: ServiceUnderTest) -> None:
    await _fill(sample, 9)
    ada, ben = _person(sample), _person(sample, "ben")
    async with sample.ctx.db.reading() as tx:
        ids = {item.item_key: item.id for item in (await staff_queue.snapshot(tx, TO_READ))[0]}
    await ben.post(f"{API}/items/{ids['000']}/claim", headers={"Idempotency-Key": str(new_id())})
    assert await _keys(sample, chosen={"language": ("pt",)}) == ["001", "004", "007"]
    assert await _keys(sample, chosen={"clock": ("late",)}) == ["000"]
    assert await _keys(sample, chosen={"who": ("colleague",)}) == ["000"]
    counted = (await ada.get(f"{API}/counts?language=ar&clock=none")).json()
    assert counted["total"] == 3
    assert counted["counts"]["language"] == {"ar": 3, "pt": 0}
    assert counted["counts"]["clock"] == {"late": 1, "running": 2, "none": 3}
    assert (await ben.get(f"{API}/counts?who=mine")).json()["total"] == 1
    page = (await ada.get(f"{HERE}?language=pt")).text
    assert "Case 001" in page
    assert "Case 000" not in page
    assert "in 1 h 0 min" in page


async def test_a_clock_says_how_late_it_is(sample: ServiceUnderTest) -> None:
    async with sample.ctx.db.transaction() as tx:
        for n, minutes in enumerate((-3065, -65, -5, 0, 59.5)):
            await staff_queue.put(
                tx, TO_READ, CaseId(new_id()), f"{n}", f"Case {n}", due=tx.now + timedelta(minutes=minutes)
            )
    page = (await _person(sample).get(HERE)).text
    for said in ("late by 2 d 3 h", "late by 1 h 5 min", "late by 5 min", "late by under 1 min", "in 59 min"):
        assert said in page
    assert page.count('class="c-late"') == 4


async def test_a_colleagues_item_is_taken_over_with_a_reason_that_stays(sample: ServiceUnderTest) -> None:
    await _fill(sample, 1)
    ada, ben = _person(sample), _person(sample, "ben")
    async with sample.ctx.db.reading() as tx:
        [item] = (await staff_queue.snapshot(tx, TO_READ))[0]
    await ada.post(f"{HERE}/items/{item.id}/claim", data={"_once": str(new_id())})
    assert "Ada has it" in (await ben.get(f"{HERE}/items/{item.id}/take-over")).text
    without = await ben.post(f"{HERE}/items/{item.id}/take-over", data={"_once": str(new_id())})
    assert (without.status_code, "Say why you take it over" in without.text) == (422, True)
    taken = await ben.post(
        f"{HERE}/items/{item.id}/take-over", data={"_once": str(new_id()), "reason": "Ada is away"}
    )  # fmt: skip
    assert taken.status_code == 303
    async with sample.ctx.db.reading() as tx:
        [now] = (await staff_queue.snapshot(tx, TO_READ))[0]
        [kept] = await staff_queue.takeovers(tx, item.case_id)
    assert (now.claimed_by, now.claimed_name) == ("ben", "Ben")
    assert (kept.taken_by_name, kept.taken_from_name, kept.reason) == ("Ben", "Ada", "Ada is away")


@pytest.mark.parametrize("claimed", [True, False])
async def test_taking_over_what_is_mine_or_nobodys_is_claiming_it(sample: ServiceUnderTest, claimed: bool) -> None:
    await _fill(sample, 1)
    ada = _person(sample)
    async with sample.ctx.db.reading() as tx:
        [item] = (await staff_queue.snapshot(tx, TO_READ))[0]
    if claimed:
        await ada.post(f"{HERE}/items/{item.id}/claim", data={"_once": str(new_id())})
    answer = await ada.post(
        f"{API}/items/{item.id}/take-over", json={"reason": "mine"}, headers={"Idempotency-Key": str(new_id())}
    )  # fmt: skip
    assert (answer.status_code, answer.json()["claimed_by"]) == (200, "ada")
    assert await sample.count("queue_takeovers") == 0


async def test_putting_back_returns_to_the_view_one_came_from(sample: ServiceUnderTest) -> None:
    await _fill(sample, 1)
    ada = _person(sample)
    async with sample.ctx.db.reading() as tx:
        [item] = (await staff_queue.snapshot(tx, TO_READ))[0]
    for back, there in (("who=mine&page=2", "?who=mine&page=2"), ("x=//evil.example", "?all=1")):
        await ada.post(f"{HERE}/items/{item.id}/claim", data={"_once": str(new_id())})
        put_back = await ada.post(f"{HERE}/items/{item.id}/release", data={"_once": str(new_id()), "_back": back})
        assert put_back.headers["location"] == f"{HERE}{there}"
