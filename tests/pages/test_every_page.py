"""Every page of every service, as every kind of person meets it: nothing for axe to find, nothing wider than the screen.

Pages are found by following links, so a new page is judged once it is linked. All look at the same cases, one at each
stage, which nobody changes. With CONSILIUM_SCREENS=1 the pages are left in ``.consilium/screens`` to look at.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from shared.ids import CaseId
from shared.web.i18n import LOCALES
from shared.web.principals import Role
from tests.pages.browser import launched, listening
from tests.pages.crawl import Person, crawl
from tests.pages.world import World, opened
from tests.support.service import settings_of_the_platform

pytestmark = pytest.mark.asyncio(loop_scope="module")

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
    Role.CASE_MANAGER: ("staff-mara", "Mara Lindqvist"),
    Role.LAB: ("staff-lena", "Lena Brook"),
    Role.SPECIALIST: ("staff-imani", "Dr Imani Okafor"),
    Role.FINANCE: ("staff-felix", "Felix Grau"),
    Role.CLINICAL_LEAD: ("staff-vera", "Dr Vera Stahl"),
    Role.SUPERVISOR: ("staff-sam", "Sam Ferrant"),
    Role.PRIVACY_OFFICER: ("staff-pia", "Pia Moreau"),
}


@dataclass
class Gallery:
    """A case at each stage, where they are shown, and what has been judged so far, in the words of ``crawl``."""

    world: World
    base: str
    browser: Browser
    cases: dict[str, CaseId]
    done: set[str] = field(default_factory=set)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gallery(
    postgres_url: str, keys_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Gallery]:
    with pytest.MonkeyPatch.context() as environment:
        settings_of_the_platform(environment, keys_folder, tmp_path_factory.mktemp("gallery"), postgres_url)
        async with opened(postgres_url, environment, keys_folder) as world, launched() as browser:
            cases = {stage: await reach(world) for stage, reach in STAGES.items()}
            async with listening(world.app) as base:
                yield Gallery(world, base, browser, cases)


@pytest.mark.parametrize("lang", LOCALES)
async def test_public_and_patients_pages(gallery: Gallery, lang: str) -> None:
    visited: set[str] = set()
    nobody = Person("public", {}, ["/"], lang)
    found = await crawl(gallery.browser, gallery.base, nobody, done=gallery.done)
    for stage, case_id in gallery.cases.items():
        cookies = gallery.world.cookies(
            Role.PATIENT, Role.REQUESTER, subject="link", name="Dalia Testova", cases=(case_id,), locale=lang
        )
        person = Person(f"patient-{stage}", cookies, [f"/my/cases/{case_id}"], lang, visited=visited)
        found += await crawl(gallery.browser, gallery.base, person, done=gallery.done)
        assert len(person.seen) > 1, (stage, person.seen)
    assert not found, "\n".join(map(str, found))
    assert len(nobody.seen) > 3, nobody.seen


@pytest.mark.parametrize("role", STAFF)
async def test_the_desk(gallery: Gallery, role: Role) -> None:
    subject, name = STAFF[role]
    cookies = gallery.world.cookies(role, subject=subject, name=name)
    visited: set[str] = set()
    found = []
    for stage, case_id in gallery.cases.items():
        person = Person(f"desk-{role}-{stage}", cookies, [f"/desk/cases/{case_id}", "/desk"], visited=visited)
        found += await crawl(gallery.browser, gallery.base, person, done=gallery.done)
        assert person.seen
    assert not found, "\n".join(map(str, found))
