"""From a bare Python to one that has what the locks name. Runs on the standard library alone.

`python -m deploy.local.bootstrap COMMAND …` makes the environment the command needs, then becomes `python -m deploy.local COMMAND …`.
What is there is kept: a marker in the environment holds the hash of the lock it was filled from.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.indexes import certificates, uv_settings
from deploy.local.places import ROOT, state
from deploy.local.trouble import Trouble

NOTHING, LOCAL, DEV, BENCH = "", "local", "dev", "bench"
NEEDS = {
    "help": NOTHING,
    "down": NOTHING,
    "doctor": NOTHING,
    "logs": NOTHING,
    "test": DEV,
    "check": DEV,
    "bench": BENCH,
    "demo": DEV,
}
"""Which lock a command needs; LOCAL when it isn't named here."""

ROOM_FIRST, ROOM_LATER = 1500, 200
"""Megabytes that must be free for a first start, and for each later one."""


def main(arguments: list[str]) -> None:
    """Prepare, then hand over. Trouble ends as one message and status 1."""
    command = {"-h": "help", "--help": "help"}.get(arguments[0], arguments[0]) if arguments else "help"
    try:
        level = NEEDS.get(command, LOCAL)
        python = environment(level) if level else Path(sys.executable)
        settings = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": str(state() / "pycache")}
        settings.pop("PYTHONDONTWRITEBYTECODE", None)  # nothing lies beside the sources, and no start compiles all anew
        if level and not all((state() / fetched).exists() for fetched in ("kafka.jars", "node/installed")):
            settings |= certificates()
        if (bin_folder := python.parent) != Path(sys.executable).parent:
            settings["PATH"] = f"{bin_folder}{os.pathsep}{settings.get('PATH', os.defpath)}"
        os.execve(python, [str(python), "-P", "-m", "deploy.local", command, *arguments[1:]], settings)
    except Trouble as trouble:
        sys.exit(f"consilium: {trouble}")
    except KeyboardInterrupt:
        sys.exit(130)


def environment(level: str) -> Path:
    """The Python of the environment that holds at least the packages of `requirements/<level>.txt`, made if it is missing."""
    folder = state()
    writable(folder)
    python = folder / "venv" / "bin" / "python"
    lock = ROOT / "requirements" / f"{level}.txt"
    with alone(folder / "prepare.lock"):
        if not filled(python, lock):
            room(folder, ROOM_FIRST if not python.exists() else ROOM_LATER)
            fill(python, lock)
    return python


def writable(folder: Path) -> None:
    """Make the state folder, or say why that can't be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as problem:
        raise Trouble(
            f"The folder {folder} can't be written ({problem.strerror}). Make it writable for {user()}, "
            "or choose another: CONSILIUM_STATE=/some/folder ./consilium up"
        ) from problem


def user() -> str:
    """Who we are, for a sentence."""
    return os.environ.get("USER") or f"user {os.getuid()}"


def room(folder: Path, megabytes: int) -> None:
    """Raise Trouble when the disk has less than this left."""
    try:
        free = shutil.disk_usage(folder).free // 1_000_000
    except OSError as problem:
        raise Trouble(f"The disk of {folder} can't be looked at ({problem.strerror}).") from problem
    if free < megabytes:
        raise Trouble(
            f"The disk of {folder} has {free} MB left, and {megabytes} MB are needed. Free some, "
            "or choose a folder on another disk: CONSILIUM_STATE=/some/folder ./consilium up"
        )


@contextmanager
def alone(lock: Path) -> Iterator[None]:
    """Two starts at once prepare one after the other."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def stamp(lock: Path) -> str:
    """What an environment filled from this lock is marked with."""
    return f"{hashlib.sha256(lock.read_bytes()).hexdigest()} {sys.version_info.major}.{sys.version_info.minor}\n"


def filled(python: Path, lock: Path) -> bool:
    """Whether the environment holds this lock's packages; each larger lock holds the smaller ones' as well."""
    larger = [LOCAL, DEV, BENCH]
    enough = larger[larger.index(lock.stem) :] if lock.stem in larger else [lock.stem]
    for candidate in [lock.with_name(f"{name}.txt") for name in enough]:
        marker = python.parents[1] / f"{candidate.stem}.lock"
        if python.exists() and marker.exists() and marker.read_text() == stamp(candidate):
            return True
    return False


def fill(python: Path, lock: Path) -> None:
    """Make the environment and install the lock's packages, checking each hash. A half-made one is made anew."""
    home = python.parents[1]
    began = time.monotonic()
    say(f"Python packages of requirements/{lock.name} …")
    settings = {**os.environ, **uv_settings()}
    if not (home / "made").exists() or not runs(python):
        shutil.rmtree(home, ignore_errors=True)
        make(home, settings)
        (home / "made").touch()
    for marker in home.glob("*.lock"):
        marker.unlink()
    uv = shutil.which("uv") or str(home / "bin" / "uv")
    install = [uv, "pip", "install", "--quiet", "--python", str(python), "--require-hashes", "--requirement", str(lock)]
    if subprocess.run(install, env=settings, cwd=ROOT, check=False).returncode != 0:
        raise Trouble(
            "The Python packages could not be installed; the lines above say why. Check the network and this machine's package index "
            "(`pip config list`), then try again: what was fetched is kept."
        )
    (home / f"{lock.stem}.lock").write_text(stamp(lock))
    say(f"Python packages are ready ({time.monotonic() - began:.0f} s)")


def make(home: Path, settings: dict[str, str]) -> None:
    """An empty environment with uv in reach: uv's own, else the standard library's with pip from wherever there is one."""
    if uv := shutil.which("uv"):
        subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(home)], env=settings, check=True)
        return
    wanted = ["install", "--quiet", "--require-hashes", "--requirement", str(ROOT / "requirements" / "uv.txt")]
    bundled = (
        subprocess.run([sys.executable, "-m", "venv", str(home)], capture_output=True, check=False).returncode == 0
    )
    if bundled:
        attempt = [str(home / "bin" / "python"), "-m", "pip", *wanted]
    else:
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(home)], capture_output=True, check=False)
        attempt = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), *wanted]
    tried = subprocess.run(attempt, capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        reason = (tried.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise Trouble(
            f"A Python environment could not be made ({reason}). It needs one of: uv, Python's own ensurepip "
            "(Debian: apt install python3-venv), or pip, and a package index in reach."
        )


def runs(python: Path) -> bool:
    """Whether an environment's Python still works (its base may have been removed)."""
    try:
        return subprocess.run([str(python), "-c", ""], check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def say(line: str) -> None:
    """A line of progress; standard output is left to commands."""
    print(f"  {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
