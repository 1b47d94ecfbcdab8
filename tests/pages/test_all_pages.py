"""Every page of every service, as every kind of person meets it: nothing for axe to find, nothing wider than the screen.

Pages are found by following links, so a new page is judged once it is linked. With CONSILIUM_SCREENS=1 the pages are
left in ``.consilium/screens`` to look at.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from playwright.async_api import Browser

from shared.ids import CaseId
from shared.web.auth import Role
from tests.pages.browser import launched, listening
from tests.pages.crawl import Person, crawl
from tests.pages.world import World, opened

STAGES: dict[str, Callable[[World], Awaitable[CaseId]]] = {
    "requested": World.a_request,
    "quoted": World.a_quoted_case,
    "accepted": World.an_accepted_case,
    "paid": World.a_paid_case,
    "complete": World.a_complete_case,
    "offered": World.an_offered_case,
    "assigned": World.an_assigned_case,
    "delivered": World.a_delivered_case,
}
STAFF = {
    Role.CARE_ADVISOR: ("staff-ada", "Ada Winter"),
    Role.FINANCE: ("staff-felix", "Felix Grau"),
    Role.CASE_MANAGER: ("staff-mara", "Mara Lindqvist"),
    Role.LAB: ("staff-lena", "Lena Brook"),
    Role.SPECIALIST: ("staff-imani", "Dr Imani Okafor"),
    Role.CLINICAL_LEAD: ("staff-vera", "Dr Vera Stahl"),
    Role.SUPERVISOR: ("staff-sam", "Sam Ferrant"),
    Role.PRIVACY_OFFICER: ("staff-pia", "Pia Moreau"),
}


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with launched() as found:
        yield found


@pytest.fixture
async def world(postgres_url: str, platform_environment: pytest.MonkeyPatch, keys_folder: Path) -> AsyncIterator[World]:
    async with opened(postgres_url, platform_environment, keys_folder) as found:
        yield found


@pytest.mark.parametrize("lang", ["en", "ar", "zh_Hans"])
async def test_public_and_patients_pages(browser: Browser, world: World, lang: str) -> None:
    done: set[str] = set()
    nobody = Person("public", {}, ["/"], lang)
    async with listening(world.app) as base:
        found = await crawl(browser, base, nobody, done=done)
        for stage, reach in STAGES.items():
            case_id = await reach(world)
            cookies = world.cookies(
                Role.PATIENT, Role.REQUESTER, subject="link", name="Dalia Testova", cases=(case_id,), locale=lang
            )
            person = Person(f"patient-{stage}", cookies, [f"/my/cases/{case_id}"], lang)
            found += await crawl(browser, base, person, done=done)
            assert len(person.seen) > 1, (stage, person.seen)
    assert not found, "\n".join(map(str, found))
    assert len(nobody.seen) > 3, nobody.seen


@pytest.mark.parametrize("role", STAFF)
async def test_the_desk(browser: Browser, world: World, role: Role) -> None:
    cases = {stage: await reach(world) for stage, reach in STAGES.items()}
    subject, name = STAFF[role]
    cookies = world.cookies(role, subject=subject, name=name)
    done: set[str] = set()
    found = []
    async with listening(world.app) as base:
        for stage, case_id in cases.items():
            person = Person(f"desk-{role}-{stage}", cookies, [f"/desk/cases/{case_id}", "/desk"])
            found += await crawl(browser, base, person, done=done)
            assert person.seen
    assert not found, "\n".join(map(str, found))
