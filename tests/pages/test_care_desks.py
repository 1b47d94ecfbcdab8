"""Desks of those who work on a case: every page they can reach."""

import pytest
from playwright.async_api import Browser

from shared.web.auth import Role
from tests.pages.stages import judge_desk
from tests.pages.world import World

STAFF = {
    Role.CARE_ADVISOR: ("staff-ada", "Ada Winter"),
    Role.CASE_MANAGER: ("staff-mara", "Mara Lindqvist"),
    Role.LAB: ("staff-lena", "Lena Brook"),
    Role.SPECIALIST: ("staff-imani", "Dr Imani Okafor"),
}


@pytest.mark.parametrize("role", STAFF)
async def test_the_desk(browser: Browser, world: World, role: Role) -> None:
    await judge_desk(browser, world, role, *STAFF[role])
