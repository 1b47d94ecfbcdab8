"""A queue by hand: its page, taking an item, putting it back, and being told when somebody else was faster."""

import httpx
import pytest

from shared import staff_queue
from shared.ids import CaseId, new_id
from shared.web import Role
from tests.shared.web.sample.service import TO_READ
from tests.support.service import ServiceUnderTest

HERE = "/desk/sample/queues/to-read"
PAGE = {"Accept": "text/html"}


async def _an_item(sample: ServiceUnderTest, **data: str) -> str:
    async with sample.ctx.db.transaction() as tx:
        await staff_queue.put(tx, TO_READ, CaseId(new_id()), "one", "One <case>", due=tx.now, data=data)
        items, _ = await staff_queue.snapshot(tx, TO_READ)
    return str(items[0].id)


def _person(sample: ServiceUnderTest, subject: str) -> httpx.AsyncClient:
    return sample.sign_in(Role.CARE_ADVISOR, subject=subject, name=subject.title())


async def _press(who: httpx.AsyncClient, item: str, verb: str) -> httpx.Response:
    return await who.post(f"{HERE}/items/{item}/{verb}", data={"_once": str(new_id())}, headers=PAGE)


async def test_whoever_takes_an_item_goes_to_it_and_may_put_it_back(sample: ServiceUnderTest) -> None:
    item, ada = await _an_item(sample, href="/desk/sample"), _person(sample, "ada")
    page = (await ada.get(HERE)).text
    assert "One &lt;case&gt;" in page
    assert " EST</time>" in page, "the office's clock, as on every page of the desk"
    taken = await _press(ada, item, "claim")
    assert (taken.status_code, taken.headers["location"]) == (303, "/desk/sample")
    assert "Put back" in (await ada.get(HERE)).text
    released = await _press(ada, item, "release")
    assert (released.status_code, released.headers["location"]) == (303, HERE)
    assert "Nobody yet" in (await ada.get(HERE)).text


async def test_an_item_without_an_address_leads_back_to_its_queue(sample: ServiceUnderTest) -> None:
    item = await _an_item(sample)
    assert (await _press(_person(sample, "ada"), item, "claim")).headers["location"] == HERE


@pytest.mark.parametrize("verb", ["claim", "release"])
async def test_the_second_is_told_who_has_it(sample: ServiceUnderTest, verb: str) -> None:
    item = await _an_item(sample)
    await _press(_person(sample, "ada"), item, "claim")
    late = await _press(_person(sample, "ben"), item, verb)
    assert (late.status_code, "Ada has it" in late.text) == (409, True)


async def test_what_is_done_is_not_there_any_more(sample: ServiceUnderTest) -> None:
    item = await _an_item(sample)
    async with sample.ctx.db.transaction() as tx:
        await staff_queue.done(tx, TO_READ, "one")
    assert (await _press(_person(sample, "ada"), item, "claim")).status_code == 404
    assert "Nothing waits here" in (await _person(sample, "ada").get(HERE)).text


async def test_another_role_neither_sees_nor_takes(sample: ServiceUnderTest) -> None:
    item, felix = await _an_item(sample), sample.sign_in(Role.FINANCE)
    assert (await felix.get(HERE, headers=PAGE)).status_code == 403
    assert (await _press(felix, item, "claim")).status_code == 403
