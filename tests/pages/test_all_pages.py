"""Every page of every service, as every kind of person meets it: nothing for axe to find, nothing wider than the screen.

Pages are found by following links, so a new page is judged once it is linked. With CONSILIUM_SCREENS=1 the pages are
left in ``.consilium/screens`` to look at. The desks are in files of their own, so that they run side by side.
"""

import pytest
from playwright.async_api import Browser

from shared.web.auth import Role
from shared.web.i18n import LOCALES
from tests.pages.browser import listening
from tests.pages.crawl import Person, crawl
from tests.pages.stages import STAGES
from tests.pages.world import World

SET_LIKE_ENGLISH = {"es": ("quoted", "paid"), "zh_Hans": ("quoted", "paid")}
"""Only the words' lengths and their breaks differ: the stages with the most words show whether they fit."""


@pytest.mark.parametrize("lang", LOCALES)
async def test_public_and_patients_pages(browser: Browser, world: World, lang: str) -> None:
    done: set[str] = set()
    visited: set[str] = set()
    nobody = Person("public", {}, ["/"], lang)
    async with listening(world.app) as base:
        found = await crawl(browser, base, nobody, done=done)
        for stage in SET_LIKE_ENGLISH.get(lang, STAGES):
            case_id = await STAGES[stage](world)
            cookies = world.cookies(
                Role.PATIENT, Role.REQUESTER, subject="link", name="Dalia Testova", cases=(case_id,), locale=lang
            )
            person = Person(f"patient-{stage}", cookies, [f"/my/cases/{case_id}"], lang, visited=visited)
            found += await crawl(browser, base, person, done=done)
            assert len(person.seen) > 1, (stage, person.seen)
    assert not found, "\n".join(map(str, found))
    assert len(nobody.seen) > 3, nobody.seen
