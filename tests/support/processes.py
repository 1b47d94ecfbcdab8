"""Processes under test: started for real, killed for real, and never left behind."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from tests.support.measuring import unmeasured

ROOT = Path(__file__).parents[2]
T = TypeVar("T")


async def eventually(
    ask: Callable[[], Awaitable[T]], *, within: float = 20.0, every: float = 0.05, what: str = "it",
) -> T:  # fmt: skip
    """Return the first true answer of ``ask``; fail when none came in time."""
    until = time.monotonic() + within
    while not (answer := await ask()):
        assert time.monotonic() < until, f"{what} did not happen within {within} s; last answer: {answer!r}"
        await asyncio.sleep(every)
    return answer


class Running:
    """A process that a test started."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self.process = process
        self.log = log

    @property
    def alive(self) -> bool:
        """Whether it runs (or is stopped), rather than being over."""
        return self.process.returncode is None

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self.process.send_signal(number)

    async def ended(self, *, within: float = 20.0) -> int:
        """Wait for its end and return its exit code (negative: the signal that ended it)."""
        return await asyncio.wait_for(self.process.wait(), within)

    async def said(self, text: str, *, within: float = 30.0) -> None:
        """Wait until its log holds ``text``."""

        async def found() -> bool:
            assert self.alive or text in self.text, f"it ended with {self.process.returncode}:\n{self.text[-3000:]}"
            return text in self.text

        await eventually(found, within=within, what=f"log line {text!r}")

    @property
    def text(self) -> str:
        """Its log so far."""
        return self.log.read_text(errors="replace")


@asynccontextmanager
async def running(
    *argv: str, log: Path, environment: Mapping[str, str | None] | None = None,
) -> AsyncIterator[Running]:  # fmt: skip
    """Lend a Python process ``python -m argv…``; it is killed at the end if it still runs."""
    env = {**unmeasured(os.environ), "PYTHONPATH": str(ROOT)}
    for name, value in (environment or {}).items():
        env.pop(name, None) if value is None else env.update({name: value})
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *argv, stdout=output, stderr=output, env=env, cwd=ROOT,
        )  # fmt: skip
    try:
        yield Running(process, log)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGCONT)
            process.kill()
        await process.wait()
