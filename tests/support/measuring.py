"""Where coverage isn't measured, which spares a third of the time.

What is judged there is how something looks, what survives, or what holds for any example; the code that runs is measured in
its own tests.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from coverage import Coverage

TOLD_TO_MEASURE = "COVERAGE_PROCESS_CONFIG"
"""By this variable coverage tells a new process to measure itself."""


def unmeasured(environment: Mapping[str, str]) -> dict[str, str]:
    """Return an environment whose processes don't measure themselves."""
    return {name: value for name, value in environment.items() if name != TOLD_TO_MEASURE}


@contextmanager
def not_measuring() -> Iterator[None]:
    """Measure nothing in this process during the block."""
    measuring = Coverage.current()
    if measuring is None:
        yield
        return
    measuring.stop()
    try:
        yield
    finally:
        measuring.start()
