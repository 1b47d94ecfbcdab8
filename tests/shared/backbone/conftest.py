"""The toy service, and a topic-clean Kafka for it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.shared.backbone import toy as toy_module
from tests.shared.backbone.stage import Stage
from tests.support import kafka_topics
from tests.support.service import ServiceUnderTest, under_test


@pytest.fixture
async def toy(
    postgres_url: str, platform_environment: pytest.MonkeyPatch, keys_folder: Path,
) -> AsyncIterator[ServiceUnderTest]:  # fmt: skip
    async with under_test(toy_module.SERVICE, postgres_url, platform_environment, keys_folder) as lent:
        yield lent


@pytest.fixture
async def stage(toy: ServiceUnderTest, kafka_bootstrap: str, tmp_path: Path) -> Stage:
    return Stage(toy, kafka_bootstrap, await kafka_topics.create(kafka_bootstrap), tmp_path)
