"""`up` for real: everything starts, one instance alone runs, what dies comes back, and a restart finds what was there."""

import json
import os
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.child import listens
from deploy.local.places import ROOT, state
from deploy.local.plan import SERVICES, Plan, python
from deploy.local.postgres import binary
from deploy.local.running import Running
from deploy.local.supervise import answers
from tests.support.eventually import eventually
from tests.support.measuring import unmeasured

pytestmark = pytest.mark.timeout(300)
BASE = "23100"


class Machine:
    """A state folder of its own, on ports of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {
            **unmeasured(os.environ),
            "CONSILIUM_STATE": str(folder),
            "CONSILIUM_PORT": BASE,
            "PYTHONPATH": str(ROOT),
        }
        self.plan = Plan.read({"CONSILIUM_PORT": BASE})

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the launcher, as `./consilium` does once the environment is made."""
        return subprocess.run(
            python("deploy.local", *arguments),
            env=self.environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )

    def worker(self, service: str) -> int:
        """The process id of a worker."""
        listed = subprocess.run(
            ["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True
        ).stdout.splitlines()
        mine = [int(line.split()[0]) for line in listed if f"services.{service} worker" in line and self._is_mine(line)]
        assert len(mine) == 1
        return mine[0]

    def _is_mine(self, line: str) -> bool:
        try:
            environment = Path(f"/proc/{line.split(maxsplit=1)[0]}/environ").read_bytes()
        except OSError:
            return False
        return f"CONSILIUM_STATE={self.folder}\0".encode() in environment

    def healthy(self, service: str) -> bool:
        """Whether a worker says that all is well."""
        return answers(f"http://127.0.0.1:{self.plan.ports[service]}/healthz")

    def listening(self) -> set[str]:
        """Which of our ports are listened on, by name."""
        return {name for name, port in self.plan.used_ports.items() if listens(port)}


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    folder = tmp_path_factory.mktemp("state")  # which nobody else may enter: for root, PostgreSQL's harder case
    if (state() / "node" / "installed").exists():
        (folder / "node").symlink_to(state() / "node")
    machine = Machine(folder)
    first = machine.run("up", "--detach")
    assert first.returncode == 0, first.stderr
    assert "Consilium is ready" in first.stderr
    yield machine
    machine.run("down")


def test_the_end_of_up_says_where_and_as_whom(machine: Machine) -> None:
    said = (machine.folder / "logs" / "up.log").read_text()
    assert f"http://127.0.0.1:{BASE}" in said
    assert "Mara Lindqvist" in said
    assert "case manager" in said


def test_the_first_page_is_served(machine: Machine) -> None:
    with urllib.request.urlopen(f"http://127.0.0.1:{BASE}/") as page:
        assert page.headers.get_content_type() == "text/html"


async def test_every_worker_is_well(machine: Machine) -> None:
    for service in SERVICES:
        await eventually(lambda service=service: machine.healthy(service))  # type: ignore[misc]


def test_a_second_up_is_refused(machine: Machine) -> None:
    second = machine.run("up")
    assert second.returncode == 1
    assert f"Consilium runs already at http://127.0.0.1:{BASE}" in second.stderr


async def test_a_killed_worker_comes_back(machine: Machine) -> None:
    before = machine.worker("billing")
    os.kill(before, signal.SIGKILL)
    await eventually(lambda: not machine.healthy("billing"))
    await eventually(lambda: machine.healthy("billing"), within=60)
    assert machine.worker("billing") != before


def test_the_tools_speak_with_what_runs(machine: Machine) -> None:
    assert machine.run("reconcile").returncode == 0
    assert machine.run("parked", "notify", "list").returncode == 0
    asked = machine.run("psql", "notify", "-Atc", "SELECT current_user || ' ' || current_database()")
    assert asked.stdout == "consilium_notify consilium_notify\n"
    assert "billing.log" in machine.run("logs", "billing", "notify").stdout
    assert machine.run("logs", "nobody").returncode == 1


def test_a_role_sees_no_other_services_database(machine: Machine) -> None:
    own = Plan(machine.folder, machine.plan.ports, {}).database_url("billing")
    url = own.removesuffix("/consilium_billing") + "/consilium_records"
    asked = subprocess.run([binary("psql"), url, "-c", "SELECT 1"], capture_output=True, text=True, check=False)
    assert "permission denied for database" in asked.stderr


def test_fausts_role_writes_views_and_nothing_else(machine: Machine) -> None:
    plan = Plan(machine.folder, machine.plan.ports, {})
    url = plan.database_url("intake", "consilium_intake_views")

    def ask(sql: str) -> str:
        return subprocess.run([binary("psql"), url, "-Atc", sql], capture_output=True, text=True, check=False).stderr

    tables = machine.run(
        "psql", "intake", "-Atc", "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    ).stdout.split()
    views = [table for table in tables if table.startswith("view_")]
    assert views
    assert not any(ask(f"DELETE FROM {table} WHERE false") for table in views)
    assert all("permission denied" in ask(f"SELECT FROM {table}") for table in tables if table not in views)


def test_a_restart_finds_what_was_there(machine: Machine) -> None:
    machine.run("psql", "notify", "-c", "CREATE TABLE kept AS SELECT 41 AS answer")
    assert machine.run("down").stdout == "Stopped.\n"
    assert machine.listening() == set()
    assert Running.find(machine.folder) is None

    again = machine.run("up", "--detach")

    assert again.returncode == 0, again.stderr
    assert machine.run("psql", "notify", "-Atc", "SELECT answer FROM kept").stdout == "41\n"


async def test_what_a_killed_launcher_started_ends_with_it_and_up_works_again(machine: Machine) -> None:
    supervisor = json.loads((machine.folder / "run.json").read_text())["pid"]
    os.kill(supervisor, signal.SIGKILL)
    await eventually(lambda: not machine.listening(), within=60)

    again = machine.run("up", "--detach")

    assert again.returncode == 0, again.stderr
    assert machine.healthy("notify")
