"""Pages are judged in a real browser, on the made-up service and on all real ones."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from tests.pages.browser import launched
from tests.pages.world import World, opened
from tests.shared.web.conftest import sample

__all__ = ["sample"]


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with launched() as found:
        yield found


@pytest.fixture
async def world(postgres_url: str, platform_environment: pytest.MonkeyPatch, keys_folder: Path) -> AsyncIterator[World]:
    async with opened(postgres_url, platform_environment, keys_folder) as found:
        yield found
