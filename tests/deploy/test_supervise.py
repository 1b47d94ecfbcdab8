"""The supervisor starts again what ends, gives up on what never starts, and stops all."""

import os
import sys
import time
from pathlib import Path

import pytest

from deploy.local.steps import Finished, Step, take
from deploy.local.supervise import Program, Supervisor
from deploy.local.trouble import Trouble
from tests.support.eventually import eventually


def program(tmp_path: Path, name: str, code: str) -> Program:
    return Program(name, [sys.executable, "-c", code], dict(os.environ), tmp_path / f"{name}.log")


async def test_a_process_that_ends_is_started_again_later_and_later(tmp_path: Path) -> None:
    supervisor = Supervisor()
    supervisor.start(program(tmp_path, "short", "raise SystemExit(7)"))
    said: list[str] = []

    def looked() -> bool:
        said.extend(supervisor.look())
        return sum("ended" in line for line in said) == 2

    await eventually(looked)
    supervisor.stop()
    assert [line.split(". Its log")[0] for line in said] == [
        "short ended (status 7); again in 0.5 s",
        "short is started again",
        "short ended (status 7); again in 1.0 s",
    ]


async def test_what_never_starts_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    supervisor = Supervisor()
    broken = program(tmp_path, "broken", "print('no such table'); raise SystemExit(1)")
    broken.ready = lambda: False
    supervisor.start(broken)

    def looked() -> bool:
        supervisor.look()
        supervisor.refuse_broken()
        return False

    with pytest.raises(Trouble, match=r"broken does not start(.|\n)*no such table"):
        await eventually(looked)
    supervisor.stop()


def test_what_is_never_ready_is_named_when_the_time_is_over(tmp_path: Path) -> None:
    supervisor = Supervisor()
    slow = program(tmp_path, "slow", "import time; time.sleep(60)")
    slow.ready = lambda: False
    serves = supervisor.start(slow, patience=0)
    with pytest.raises(Trouble, match="slow is not ready after 0 s"):
        serves()
    supervisor.stop()


async def test_stop_ends_even_what_will_not_listen(tmp_path: Path) -> None:
    supervisor = Supervisor()
    code = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    )
    deaf = program(tmp_path, "deaf", code)
    deaf.ready = lambda: "deaf" in deaf.log.read_text()
    await eventually(supervisor.start(deaf))
    process = deaf.process
    assert process is not None
    began = time.monotonic()
    supervisor.stop(patience=0.2)
    assert time.monotonic() - began < 5
    assert process.poll() is not None


def test_steps_wait_for_what_they_need_and_for_nothing_else() -> None:
    taken: list[str] = []
    open_gates = {"first"}

    def step(name: str, *needs: str) -> Step:
        def begin() -> Finished:
            taken.append(name)
            return lambda: name in open_gates

        return Step(name, needs, begin)

    def meanwhile() -> bool:
        if taken == ["first", "apart", "second"]:
            open_gates.update(["apart", "second"])
        return False

    told: list[str] = []
    take([step("second", "first"), step("first"), step("apart")], told.append, meanwhile)
    assert taken == ["first", "apart", "second"]
    assert told[0].startswith("first (")


def test_steps_are_left_when_told_to_stop() -> None:
    take([Step("never", (), lambda: lambda: False)], lambda _line: None, lambda: True)
