"""The whole product as it runs for real: web, five workers, card provider, mail catcher and issuer, each a process.

Its databases, topics, ports, keys and files are its own, on the test run's PostgreSQL and Kafka. ``installation`` lends
one per pytest process; ``started`` makes another for a test that breaks things.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import httpx
import pytest

from deploy.demo import people
from deploy.demo.people import TLS
from deploy.demo.places import Places
from deploy.local import child
from deploy.local.places import ROOT
from shared import topics
from shared.backbone.inbox import Arrival
from shared.clock import Clock
from shared.db import Database
from shared.peers import service_token
from shared.settings import PlatformSettings
from shared.web.tokens import read_key
from tests.support import kafka_topics
from tests.support.measuring import unmeasured
from tests.support.service import SERVICES, fresh_database, service_named

T = TypeVar("T")
HOST = "127.0.0.1"
PORTS = ("pages", "smtp", "mail", "issuer", "gateway", *SERVICES)
STAND_INS = ("gateway", "mail", "issuer")
SEEDS = ROOT / "deploy" / "local" / "seed"
PATIENCE = 120.0
"""Seconds that anything may take on a machine that does much else."""


def until(ask: Callable[[], T | None], what: str, *, within: float = PATIENCE) -> T:
    """Return the first true answer of ``ask``; fail when none came in time."""
    deadline = time.monotonic() + within
    while not (answer := ask()):
        assert time.monotonic() < deadline, f"{what}: not within {within:.0f} s; last answer: {answer!r}"
        time.sleep(0.1)
    return answer


class Installation:
    """What runs, where it answers, and what stands in its databases, topics, logs and traces."""

    def __init__(self, folder: Path, keys: Path, bootstrap: str, runner: "asyncio.Runner") -> None:
        self.folder, self._keys, self._runner = folder, keys, runner
        self.ports = _free_ports()
        self.databases: dict[str, str] = {}
        self.prefix = self.run(kafka_topics.create(bootstrap))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._connections: dict[str, Any] = {}
        pages = f"http://{HOST}:{self.ports['pages']}"
        self.places = Places(pages, f"http://{HOST}:{self.ports['mail']}", bootstrap, self.prefix)
        self.gateway = f"http://{HOST}:{self.ports['gateway']}"

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something that waits, from the main thread of a test that doesn't."""
        return self._runner.run(work)

    # --- processes

    def start(self, name: str, module: str, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start ``python -m module arguments…`` as one of the product's processes."""
        told = {**self.environment(name), **environment}
        argv = [sys.executable, "-P", "-m", module, *arguments]
        self.processes[name] = child.spawn(argv, log=self.log(name), env=told, cwd=ROOT)
        return self.processes[name]

    def start_worker(self, service: str, **environment: str) -> subprocess.Popen[bytes]:
        """Start a service's worker, with for instance a fail-point."""
        return self.start(service, f"services.{service}", "worker", **environment)

    def start_all(self) -> None:
        """Start everything, and wait until all of it answers."""
        self.start("devtools", "deploy.local.devtools", *STAND_INS)
        self.start("web", "deploy.local.web")
        for service in SERVICES:
            self.start_worker(service)
        for name in ("web", "devtools", *SERVICES):
            self.ready(name)

    def ready(self, name: str) -> None:
        """Wait until a process answers; fail with the end of its log when it doesn't."""
        ports = [self.ports[port] for port in {"web": ["pages"], "devtools": STAND_INS}.get(name, [name])]

        def answers() -> bool:
            assert self.processes[name].poll() is None, f"{name} ended: {child.tail(self.log(name), 20)}"
            return all(map(child.listens, ports))

        until(answers, f"{name} ready")

    def stop_all(self) -> None:
        """End everything, in good order if it can. Again, it does nothing."""
        for connection in self._connections.values():
            self.run(connection.close())
        self._connections.clear()
        for process in self.processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for process in self.processes.values():
            child.stop(process, patience=5)
        self.processes.clear()

    def log(self, name: str) -> Path:
        """Where a process writes."""
        return self.folder / "logs" / f"{name}.log"

    def environment(self, name: str) -> dict[str, str]:
        """What a process is told."""
        told = {
            "CONSILIUM_STATE": str(self.folder),
            "PUBLIC_URL": self.places.pages,
            "KAFKA_BOOTSTRAP": self.places.kafka,
            "KAFKA_PREFIX": self.prefix,
            "OIDC_ISSUER": f"http://{HOST}:{self.ports['issuer']}",
            "SMTP_URL": f"smtp://{HOST}:{self.ports['smtp']}",
            "FILES_URL": f"file://{self.folder}/files",
            "NODE_MODULES": str(PlatformSettings().node_modules.absolute()),
            "JWKS_FILE": str(self._keys / "jwks.json"),
            "OTEL_TRACES_FILE": str(self.folder / "traces" / f"{name}.jsonl"),
            "LOG_LEVEL": "debug",
            "BILLING_GATEWAY_URL": self.gateway,
            "INTAKE_SESSION_KEY_FILE": str(self._keys / "sessions.pem"),
            "RECORDS_FILES_KEY_FILE": str(self._keys / "files.key"),
            "INTAKE_VIEWS_DATABASE_URL": self.databases["intake"],
            "CONSILIUM_PORT": str(self.ports["pages"]),
            "PYTHONPATH": str(ROOT),
        }
        told |= {f"CONSILIUM_{port.upper()}_PORT": str(number) for port, number in self.ports.items()}
        for service in SERVICES:
            prefix = service.upper()
            told[f"{prefix}_DATABASE_URL"] = self.databases[service]
            told[f"{prefix}_SIGNING_KEY_FILE"] = str(self._keys / f"{service}.pem")
            told[f"{prefix}_OPS_PORT"] = str(self.ports[service])
        kept = {name: value for name, value in os.environ.items() if name not in {"CONSILIUM_FAILPOINT", "MAIL_URL"}}
        return {**unmeasured(kept), **told}

    def command(self, service: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``python -m services.<service> arguments…`` to its end."""
        argv = [sys.executable, "-P", "-m", f"services.{service}", *arguments]
        return subprocess.run(
            argv,
            env=self.environment("command"),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    # --- what can be seen from outside

    def as_service(self, me: str, service: str) -> httpx.Client:
        """Return a client that speaks to ``service`` as the service ``me``."""
        token = service_token(me, service, read_key(self._keys / f"{me}.pem", me), Clock())
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=f"{self.places.pages}/api/{service}", headers=headers, timeout=30, verify=TLS)

    def told(self, service: str, case_id: str) -> list[dict[str, Any]]:
        """Return the facts of a case that a service told, oldest first."""
        with self.as_service("notify", service) as client:
            answer = client.get(f"/cases/{case_id}/facts")
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()
        return found

    def health(self, service: str) -> tuple[int, dict[str, Any]]:
        """Return status and words of a service's ``/healthz``."""
        answer = httpx.get(f"{self.places.pages}/api/{service}/healthz", timeout=30, verify=TLS)
        return answer.status_code, answer.json()

    def quiet(self) -> bool:
        """Whether every fact is sent and heard, and every errand done, just now."""
        for service in SERVICES:
            undone = (
                "SELECT 1 FROM outbox WHERE published_at IS NULL UNION ALL SELECT 1 FROM errands WHERE done_at IS NULL"
            )
            if self.rows(service, undone) or self.health(service)[1]["consumer_lag"] != 0:
                return False
        return True

    def mails(self, to: str) -> list[dict[str, Any]]:
        """Return what was mailed to an address."""
        answer = httpx.get(f"{self.places.mail}/api/messages", params={"to": to}, timeout=30, verify=TLS)
        found: list[dict[str, Any]] = answer.json()["messages"]
        return found

    def rows(self, service: str, sql: str, *args: Any) -> list[Mapping[str, Any]]:
        """Return rows of a service's database."""

        async def fetch() -> list[Mapping[str, Any]]:
            if service not in self._connections:
                self._connections[service] = await asyncpg.connect(self.databases[service])
            return [dict(row) for row in await self._connections[service].fetch(sql, *args)]

        return self.run(fetch())

    def everything_in(self, service: str, *besides: str) -> dict[str, list[str]]:
        """Return every row of every table of a service, except those tables, as JSON text."""
        names = self.rows(service, "SELECT tablename AS t FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
        tables = [row["t"] for row in names if row["t"] not in besides]
        each = [
            f"SELECT '{table}' AS t, array_agg(to_jsonb(r)::text ORDER BY to_jsonb(r)::text) AS rows FROM \"{table}\" r"
            for table in tables
        ]
        return {row["t"]: row["rows"] or [] for row in self.rows(service, " UNION ALL ".join(each))}

    def records(self, *names: str) -> list[Arrival]:
        """Return every record of these topics; of all when none is named."""

        async def read() -> list[Arrival]:
            wanted = names or kafka_topics.ALL
            at = (self.places.kafka, self.prefix)
            found = await asyncio.gather(*(kafka_topics.records_in(*at, topic) for topic in wanted))
            return [record for some in found for record in some]

        return self.run(read())

    def facts(self, case_id: str) -> list[Arrival]:
        """Return the records of a case in the owners' topics."""
        return [record for record in self.records(*topics.FACTS) if record.key == case_id.encode()]

    def spans(self) -> list[dict[str, Any]]:
        """Return every span that any process finished so far."""
        files = sorted((self.folder / "traces").glob("*.jsonl"))
        return [json.loads(line) for file in files for line in file.read_text().splitlines() if line.endswith("}")]

    async def _seed(self, name: str) -> None:
        service, roster = service_named(name), SEEDS / f"{name}.toml"
        if service.seed is None or not roster.exists():
            return
        db = await Database.connect(self.databases[name], Clock(), size=1)
        async with db.transaction() as tx:
            await service.seed(tx, tomllib.loads(roster.read_text(encoding="utf-8")))
        await db.close()

    async def make_databases(self, postgres_url: str, stack: AsyncExitStack) -> None:
        """Make one database per service, with its roster."""
        for name in SERVICES:
            self.databases[name] = await stack.enter_async_context(fresh_database(service_named(name), postgres_url))
            await self._seed(name)


def _free_ports() -> dict[str, int]:
    """Return ports that nobody listens on, outside the range from which outgoing connections take theirs."""
    found: set[int] = set()
    while len(found) < len(PORTS):
        port = random.randrange(18_000, 32_000)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((HOST, port))
            found.add(port)
    return dict(zip(PORTS, found, strict=True))


@contextmanager
def started(folder: Path, keys: Path, postgres_url: str, bootstrap: str) -> Iterator[Installation]:
    """Lend a running installation; everything of it is gone afterwards."""
    for part in ("logs", "traces", "files"):
        (folder / part).mkdir(parents=True)
    patient = pytest.MonkeyPatch()
    patient.setattr(people, "PATIENCE", PATIENCE)
    with asyncio.Runner(loop_factory=asyncio.new_event_loop) as runner:
        stack = AsyncExitStack()
        installation = Installation(folder, keys, bootstrap, runner)
        try:
            runner.run(installation.make_databases(postgres_url, stack))
            installation.start_all()
            yield installation
        finally:
            installation.stop_all()
            runner.run(stack.aclose())
            patient.undo()


@pytest.fixture(scope="session")
def installation(
    tmp_path_factory: pytest.TempPathFactory, keys_folder: Path, postgres_url: str, kafka_bootstrap: str,
) -> Iterator[Installation]:  # fmt: skip
    """A running installation that tests share: each brings its own cases, and leaves all processes running."""
    with started(tmp_path_factory.mktemp("installation"), keys_folder, postgres_url, kafka_bootstrap) as lent:
        _lent.append(lent)
        yield lent


_lent: list[Installation] = []


def stop_early() -> None:
    """Stop the shared installation when nobody else will ask for it: its twelve processes are never quite idle."""
    while _lent:
        _lent.pop().stop_all()
