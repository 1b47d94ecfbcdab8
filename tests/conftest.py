"""What every test may ask for: the addresses of a real PostgreSQL and a real Kafka."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import structlog

from shared.collector import spare_the_collector
from tests.support import servers
from tests.support.installation import installation, stop_early  # noqa: F401 - the fixture of the whole product
from tests.support.measuring import not_measuring
from tests.support.service import (  # noqa: F401 - the fixtures that every test may ask for
    billing,
    intake,
    keys_folder,
    matching,
    notify,
    platform_environment,
    records,
)

hypothesis.settings.register_profile("consilium", deadline=None)  # how quick something is, benchmarks say
hypothesis.settings.load_profile("consilium")

FOLDER = "CONSILIUM_TEST_FOLDER"
OWNER = "CONSILIUM_TEST_OWNER"
PLENTY = 4 << 30


def pytest_configure() -> None:
    """The first process of a run owns its servers; workers and runs inside of tests inherit them."""
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])  # a drawn one takes seconds
    if OWNER not in os.environ:
        folder = Path(tempfile.mkdtemp(prefix="consilium-tests-", dir=_quick_place()))
        folder.chmod(0o711)  # PostgreSQL's user passes through when we are root
        os.environ[FOLDER] = str(folder)
        os.environ[OWNER] = str(os.getpid())


def _quick_place() -> str | None:
    """Memory where there is plenty: a database is made and dropped for nearly every test."""
    memory = Path("/dev/shm")
    return str(memory) if memory.is_dir() and shutil.disk_usage(memory).free > PLENTY else None


def pytest_unconfigure() -> None:
    """The owner stops what was started."""
    if os.environ.get(OWNER) == str(os.getpid()):
        folder = Path(os.environ.pop(FOLDER))
        del os.environ[OWNER]
        servers.stop_all(folder)
        shutil.rmtree(folder, ignore_errors=True)


def pytest_collection_finish() -> None:
    """A process that runs thousands of tests keeps much alive: looking through it took a seventh of its time."""
    spare_the_collector()


SIDE_BY_SIDE = "PYTEST_XDIST_WORKER" in os.environ
TOGETHER = {
    "tests/deploy/test_up.py": "up",
    "tests/pages/test_every_page.py": "gallery",
    "tests/faults/test_http.py": "installation",
    "tests/faults/test_whole_system.py": "installation",
    "tests/journeys/test_card_provider.py": "installation",
    "tests/journeys/test_one_trace.py": "installation",
    "tests/journeys/test_whole_case.py": "installation",
    "tests/journeys/test_withdrawals.py": "installation",
}
"""Files whose tests share what takes long to start, or fixed ports: one worker has all of them.

(``xdist_group`` says it in vain to pytest 9.2.)
"""


UNMEASURED = {"faults", "journeys", "pages"}
"""Folders whose tests judge how something looks or what survives (``tests/support/measuring.py``)."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests go one by one to whoever is free, in the order below, but for those that belong together."""
    from xdist.scheduler import LoadScopeScheduling

    class Together(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return TOGETHER.get(nodeid.partition("::")[0], nodeid)

    return Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side, the longest begin first, so that none is left over; then those that share the whole product."""
    if SIDE_BY_SIDE:
        items.sort(key=lambda item: [not _asks_for(item, shared) for shared in ("gallery", "world", "installation")])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Hundreds of made-up examples, pages in a browser, deaths and orders run code that tests of single cases measure."""
    of_examples = getattr(getattr(item, "obj", None), "is_hypothesis_test", False)
    unmeasured = of_examples or item.path.parent.name in UNMEASURED or _asks_for(item, "browser")
    with not_measuring() if unmeasured else nullcontext():
        yield


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """The last of a worker that needs the whole product stops it."""
    if SIDE_BY_SIDE and _asks_for(item, "installation") and not _asks_for(nextitem, "installation"):
        stop_early()


def _asks_for(item: pytest.Item | None, fixture: str) -> bool:
    return fixture in getattr(item, "fixturenames", ())


@pytest.fixture(scope="session")
def postgres_url() -> str:
    """The administrator's address of a PostgreSQL server; the same one for all workers of a run."""
    return servers.address("postgres", "TEST_DATABASE_URL", Path(os.environ[FOLDER]))


@pytest.fixture(scope="session")
def kafka_bootstrap() -> str:
    """The address of a Kafka broker that has the declared topics; the same one for all workers of a run."""
    return servers.address("kafka", "TEST_KAFKA_BOOTSTRAP", Path(os.environ[FOLDER]))
