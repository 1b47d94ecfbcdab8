"""The made-up service ``sample`` on a real database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.shared.web.sample.service import SAMPLE, TO_READ
from tests.support.service import ServiceUnderTest, under_test

__all__ = ["SAMPLE", "TO_READ", "sample"]


@pytest.fixture
async def sample(
    postgres_url: str, platform_environment: pytest.MonkeyPatch, keys_folder: Path,
) -> AsyncIterator[ServiceUnderTest]:  # fmt: skip
    platform_environment.setenv("SAMPLE_DATABASE_URL", postgres_url)
    async with under_test(SAMPLE, postgres_url, platform_environment, keys_folder) as lent:
        yield lent
