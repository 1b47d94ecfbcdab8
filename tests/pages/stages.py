"""The stages at which a case is looked at, and the desks that look."""

from collections.abc import Awaitable, Callable

from playwright.async_api import Browser

from shared.ids import CaseId
from shared.web.auth import Role
from tests.pages.browser import listening
from tests.pages.crawl import Person, crawl
from tests.pages.world import World

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


async def judge_desk(browser: Browser, world: World, role: Role, subject: str, name: str) -> None:
    """Fail when axe finds anything on a page that this member of staff can reach, or one is wider than the screen."""
    cases = {stage: await reach(world) for stage, reach in STAGES.items()}
    cookies = world.cookies(role, subject=subject, name=name)
    done: set[str] = set()
    visited: set[str] = set()
    found = []
    async with listening(world.app) as base:
        for stage, case_id in cases.items():
            person = Person(f"desk-{role}-{stage}", cookies, [f"/desk/cases/{case_id}", "/desk"], visited=visited)
            found += await crawl(browser, base, person, done=done)
            assert person.seen
    assert not found, "\n".join(map(str, found))
