"""A supervisor looks at what is parked, tries it again once its cause is mended, or gives it up with a reason."""

import re
from uuid import uuid4

import httpx
import pytest

from shared.backbone import parked
from shared.ids import CaseId
from shared.web import Role
from tests.shared.backbone.toy import FAILS
from tests.support.facts import a_case, confirmed, paid
from tests.support.service import ServiceUnderTest

HERE = "/desk/toy/parked"
HTML = {"Accept": "text/html"}


@pytest.fixture
def supervisor(toy: ServiceUnderTest) -> httpx.AsyncClient:
    return toy.sign_in(Role.SUPERVISOR, name="Sam Ferrant")


async def _park(toy: ServiceUnderTest, case: CaseId, *services: str) -> list[int]:
    """Park a fact of a case, and another behind it; return what they are parked under."""
    async with toy.ctx.db.transaction() as tx:
        await parked.put(tx, toy.arrival(confirmed(case, services=services)), error="it failed", behind=False)
    await toy.applies(toy.arrival(paid(case)))
    return [record.id for record in await parked.listed(toy.ctx.db)][-2:]


async def _press(who: httpx.AsyncClient, path: str, once: str = "", **fields: str) -> httpx.Response:
    return await who.post(HERE + path, data={"_once": once or uuid4().hex, **fields}, headers=HTML)


async def test_the_list_says_what_waits_and_why_and_nothing_of_what_it_says(
    toy: ServiceUnderTest, supervisor: httpx.AsyncClient
) -> None:
    assert "Nothing is parked" in (await supervisor.get(HERE, headers=HTML)).text
    first, second = await _park(toy, case := a_case(), "comprehensive")
    text = (await supervisor.get(HERE, headers=HTML)).text
    for said in ("ServicesConfirmed.v1", "it failed", "Waits behind an earlier record", f"/desk/cases/{case}"):
        assert said in text
    assert "comprehensive" not in text
    assert f'href="{HERE}/{first}"' in text
    text = (await supervisor.get(f"{HERE}/{second}", headers=HTML)).text
    assert f"record {first}" in text
    assert "comprehensive" not in text
    for other in (Role.CARE_ADVISOR, Role.CASE_MANAGER, Role.PATIENT):
        assert (await toy.sign_in(other).get(HERE)).status_code == 403


async def test_what_is_tried_again_is_applied_with_those_behind_it_once(
    toy: ServiceUnderTest, supervisor: httpx.AsyncClient
) -> None:
    first, second = await _park(toy, a_case(), "comprehensive")
    refused = await _press(supervisor, f"/{second}/retry")
    assert refused.status_code == 409
    assert "retry that one first" in refused.text
    once = uuid4().hex
    answers = [await _press(supervisor, f"/{first}/retry", once) for _ in range(2)]
    assert [(answer.status_code, answer.headers["location"]) for answer in answers] == 2 * [(303, f"{HERE}/{first}")]
    heard = await toy.fetch("SELECT what FROM heard ORDER BY id")
    assert [row["what"] for row in heard] == ["confirmed", "paid 1"]
    assert "Sam Ferrant" in (await supervisor.get(f"{HERE}/{first}", headers=HTML)).text
    assert (await _press(supervisor, f"/{first}/retry")).status_code == 409


async def test_what_fails_again_stays_and_says_so(toy: ServiceUnderTest, supervisor: httpx.AsyncClient) -> None:
    first, _ = await _park(toy, a_case(), FAILS)
    answer = await _press(supervisor, f"/{first}/retry")
    assert answer.headers["location"] == f"{HERE}/{first}?failed=1"
    text = (await supervisor.get(answer.headers["location"], headers=HTML)).text
    assert "still parked" in text
    assert "Error: this one always fails" in text, "in the words in which it was parked"
    assert (await parked.one(toy.ctx.db, first)).attempts == 2
    assert await toy.count("heard") == 0


async def test_what_is_given_up_takes_a_reason_and_keeps_it(
    toy: ServiceUnderTest, supervisor: httpx.AsyncClient
) -> None:
    first, second = await _park(toy, a_case(), FAILS)
    asked = await _press(supervisor, f"/{first}/drop")
    assert asked.status_code == 422
    assert re.search(r'href="#why">\s*Say why the case does without it', asked.text)
    assert (await _press(supervisor, f"/{first}/drop", why="Sent again by hand")).status_code == 303
    text = (await supervisor.get(f"{HERE}/{first}", headers=HTML)).text
    assert "Sent again by hand" in text
    assert "Try it again" not in text
    assert (await _press(supervisor, f"/{first}/drop", why="Twice")).status_code == 409
    assert (await _press(supervisor, f"/{second}/retry")).status_code == 303
    assert [row["what"] for row in await toy.fetch("SELECT what FROM heard")] == ["paid 1"]
    assert (await supervisor.get(f"{HERE}/999999", headers=HTML)).status_code == 404
