"""A kept web server is there again at once, stops in good order, and outlives neither its parent nor its mistakes."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from deploy.local import child
from tests.support.installation import until

PORT_FREE = "nobody listens any more"


class Kept:
    """One that runs, as a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, child.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        argv = [sys.executable, "-m", "tests.support.kept", str(self.port), str(folder)]
        self.process = subprocess.Popen(argv, stderr=subprocess.DEVNULL)

    def who(self) -> int:
        return int(httpx.get(self.url, timeout=20).text)


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    one = Kept(tmp_path)
    yield one
    if one.process.poll() is None:
        one.process.kill()
        one.process.wait()
    until(lambda: not child.listens(one.port), PORT_FREE)


def listens(kept: Kept) -> None:
    until(lambda: child.listens(kept.port), "it listens")


def test_who_is_killed_has_an_heir_and_nobody_is_refused_in_between(kept: Kept) -> None:
    listens(kept)
    answered = [kept.who()]
    for _ in range(5):
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(f"{kept.url}/die", timeout=20)
        answered.append(kept.who())  # at once: no connection is refused while the heir is on its way
    assert len(set(answered)) == len(answered)
    assert kept.process.pid not in answered
    begun = {int(one.name.removeprefix("begun-")) for one in kept.folder.glob("begun-*")}
    assert begun == set(answered)


def test_one_that_is_told_to_stop_answers_what_it_was_asked(kept: Kept) -> None:
    listens(kept)
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(httpx.get, f"{kept.url}/slow", timeout=20)
        until((kept.folder / "begun").exists, "it has begun to answer")
        kept.process.send_signal(signal.SIGTERM)
        assert answer.result().text == "said in the end"
    assert kept.process.wait(20) == 0


def test_a_parent_that_is_killed_takes_its_child_with_it(kept: Kept) -> None:
    listens(kept)
    answering = kept.who()
    kept.process.kill()
    kept.process.wait()
    until(lambda: not child.listens(kept.port), PORT_FREE)
    until(
        lambda: not psutil.pid_exists(answering) or psutil.Process(answering).status() == psutil.STATUS_ZOMBIE,
        "it ended",
    )


def test_heirs_that_die_before_they_answer_are_tried_again(tmp_path: Path) -> None:
    for number in range(2):
        (tmp_path / f"die{number}").touch()
    one = Kept(tmp_path)
    try:
        listens(one)
        assert [one.who()] == [each.pid for each in psutil.Process(one.process.pid).children()]
        assert not [*tmp_path.glob("die*")]
    finally:
        os.kill(one.process.pid, signal.SIGTERM)
        assert one.process.wait(20) == 0


def test_one_that_cannot_start_ends_its_parent(tmp_path: Path) -> None:
    (tmp_path / "refuse").touch()
    assert Kept(tmp_path).process.wait(20) == 3
