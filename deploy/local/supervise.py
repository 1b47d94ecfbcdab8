"""Keeps processes running, and none longer than itself.

A library would do (honcho was tried), but honcho ends everything when one process ends, and those that restart bring a server of their own.
Here: a process that ends is started again, later and later while it keeps ending; all of them stop in reverse order of their start, and
on Linux they stop even when this process is killed.
"""

import contextlib
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import child
from deploy.local.places import ROOT
from deploy.local.trouble import Trouble

FIRST_WAIT, LONGEST_WAIT, LONG_LIFE = 0.5, 30.0, 60.0
"""Seconds: before the first restart, at most, and the life after which a process counts as healthy again."""


@dataclass
class Program:
    """One process that is kept running. `ready` says whether it serves yet."""

    name: str
    argv: Sequence[str]
    environment: Mapping[str, str]
    log: Path
    ready: Callable[[], bool] = lambda: True
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    served: bool = False
    _started: float = 0.0
    _due: float = 0.0

    def start(self) -> None:
        """Start it now."""
        self.process = child.spawn(self.argv, log=self.log, env=self.environment, cwd=ROOT)
        self._started = time.monotonic()

    def look(self) -> str | None:
        """Start it again when it has ended and its wait is over. Gives a line to show when something happened."""
        now = time.monotonic()
        if self.process is None:
            if now < self._due:
                return None
            self.start()
            return f"{self.name} is started again"
        status = self.process.poll()
        if status is None:
            return None
        self.restarts = 0 if now - self._started > LONG_LIFE else self.restarts + 1
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (self.restarts - 1)) if self.restarts else FIRST_WAIT
        self.process, self._due = None, now + wait
        return f"{self.name} ended (status {status}); again in {wait:.1f} s. Its log: {self.log}"


@dataclass
class Supervisor:
    """The programs, in the order in which they were started."""

    programs: list[Program] = field(default_factory=list)

    def start(self, program: Program, patience: float = 180) -> Callable[[], bool]:
        """Start a program and keep it running from now on. Gives a question: whether it serves yet."""
        program.start()
        self.programs.append(program)
        deadline = time.monotonic() + patience

        def serves() -> bool:
            program.served = program.served or (program.process is not None and program.ready())
            if not program.served and time.monotonic() > deadline:
                raise Trouble(f"{program.name} is not ready after {patience:.0f} s. {child.tail(program.log, 15)}")
            return program.served

        return serves

    def refuse_broken(self) -> None:
        """Raise Trouble when a program that never served has ended three times."""
        for program in self.programs:
            if not program.served and program.restarts >= 3:
                raise Trouble(f"{program.name} does not start. {child.tail(program.log, 15)}")

    def look(self) -> list[str]:
        """What happened since the last look."""
        return [line for program in self.programs if (line := program.look()) is not None]

    def stop(self, patience: float = 8) -> None:
        """Ask all to end at once; after `patience` seconds, make them."""
        running = [program.process for program in self.programs if program.process is not None]
        for process in running:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        deadline = time.monotonic() + patience
        for process in running:
            try:
                process.wait(max(0.05, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                child.kill_group(process)
        self.programs.clear()


def answers(url: str) -> bool:
    """Whether an address answers with success."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return bool(200 <= answer.status < 400)
    except (urllib.error.URLError, OSError):
        return False
