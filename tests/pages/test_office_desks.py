"""Desks of those who answer for the work: every page they can reach."""

import pytest
from playwright.async_api import Browser

from shared.web.auth import Role
from tests.pages.stages import judge_desk
from tests.pages.world import World

STAFF = {
    Role.FINANCE: ("staff-felix", "Felix Grau"),
    Role.CLINICAL_LEAD: ("staff-vera", "Dr Vera Stahl"),
    Role.SUPERVISOR: ("staff-sam", "Sam Ferrant"),
    Role.PRIVACY_OFFICER: ("staff-pia", "Pia Moreau"),
}


@pytest.mark.parametrize("role", STAFF)
async def test_the_desk(browser: Browser, world: World, role: Role) -> None:
    await judge_desk(browser, world, role, *STAFF[role])
