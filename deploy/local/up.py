"""`./consilium up`: from a prepared Python to a running Consilium, and back when told to stop."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from types import FrameType

from deploy.local import child, node, running, steps
from deploy.local.bootstrap import ROOM_LATER, room, writable
from deploy.local.kafka import LocalKafka
from deploy.local.plan import DATABASES_READY, HOST, SERVICES, Plan, port_variable, python
from deploy.local.postgres import LocalPostgres
from deploy.local.steps import Finished, Step, in_thread
from deploy.local.supervise import Program, Supervisor, answers
from deploy.local.trouble import Trouble

LOG_LIMIT = 8_000_000
PEOPLE = Path(__file__).with_name("people.toml")


class Up:
    """One run of everything. Only the main thread starts processes: they end with the thread that started them."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.logs = plan.folder / "logs"
        self.supervisor = Supervisor()
        self.began = time.monotonic()
        self.stopping = False
        self._servers_since = 0.0
        self._making: subprocess.Popen[bytes] | None = None
        self.postgres = (
            LocalPostgres(plan.folder / "postgres", port=plan.ports["postgres"]) if plan.here("postgres") else None
        )
        self.kafka = self._kafka() if plan.here("kafka") else None

    def _kafka(self) -> LocalKafka:
        ports = self.plan.ports
        return LocalKafka(
            self.plan.folder / "kafka", port=ports["kafka"], controller_port=ports["kafka_controller"],
            remembered=self.plan.folder / "kafka.jars", topics=None,
        )  # fmt: skip

    def run(self) -> None:
        """Start all, say where it is, keep it running until a signal, stop all."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop_soon)
        writable(self.plan.folder)
        with running.claim(self.plan.folder):
            running.Running(os.getpid(), self.plan.public_url, ready=False).note(self.plan.folder)
            try:
                self._start()
                if not self.stopping:
                    running.Running(os.getpid(), self.plan.public_url, ready=True).note(self.plan.folder)
                    self._say_where()
                    self._keep()
            finally:
                self._stop()

    def _stop_soon(self, _number: int, _frame: FrameType | None) -> None:
        self.stopping = True

    def _start(self) -> None:
        room(self.plan.folder, ROOM_LATER)
        ports_are_free(self.plan)
        self.plan.passwords  # noqa: B018  (made up before processes that need them run at the same time)
        tidy_logs(self.logs)
        with ThreadPoolExecutor(4) as pool:
            steps.take([*self._server_steps(pool), *self._program_steps()], self.tell, self._meanwhile)

    def _meanwhile(self) -> bool:
        for line in self.supervisor.look():
            self.tell(line)
        self.supervisor.refuse_broken()
        return self.stopping

    def _server_steps(self, pool: ThreadPoolExecutor) -> list[Step]:
        def start(server: LocalPostgres | LocalKafka) -> Finished:
            server.spawn()
            return in_thread(pool, server.wait_ready)

        servers = {"Kafka": self.kafka, "PostgreSQL": self.postgres}
        here = {name: server for name, server in servers.items() if server is not None}
        return [
            *(
                Step(f"{name}'s folder", (), partial(in_thread, pool, server.prepare), shown=False)
                for name, server in here.items()
            ),
            *(Step(name, (f"{name}'s folder",), partial(start, server)) for name, server in here.items()),
            Step("npm packages: styles, scripts, fonts", (), partial(in_thread, pool, node.install)),
            Step("databases, keys, rosters", ("PostgreSQL",) if self.postgres else (), self._make_databases),
            Step("topics", ("databases, keys, rosters", *(["Kafka"] if self.kafka else [])), self._end_of_making),
        ]

    def _make_databases(self) -> Finished:
        marker = self.plan.folder / DATABASES_READY
        marker.unlink(missing_ok=True)
        self._making = child.spawn(
            python("deploy.local.prepare"), log=self.logs / "prepare.log", env=self.plan.unchanged()
        )
        ended = self._end_of_making()
        return lambda: marker.exists() or ended()

    def _end_of_making(self) -> Finished:
        def ended() -> bool:
            status = self._making.poll() if self._making else None
            if status:
                raise Trouble(f"The databases could not be prepared. {child.tail(self.logs / 'prepare.log', 15)}")
            return status == 0

        return ended

    def _program_steps(self) -> list[Step]:
        plan = self.plan

        def step(
            name: str, needs: Sequence[str], argv: list[str], told: dict[str, str], ready: Callable[[], bool]
        ) -> Step:
            program = Program(name, argv, told, self.logs / f"{name}.log", ready)
            return Step(name, needs, partial(self.supervisor.start, program))

        pages = ("databases, keys, rosters", "npm packages: styles, scripts, fonts")
        taken = [
            step(
                "web",
                pages,
                python("deploy.local.web"),
                plan.told(*SERVICES),
                partial(child.listens, plan.ports["pages"]),
            )
        ]
        for service in SERVICES:
            ready = partial(answers, f"http://{HOST}:{plan.ports[service]}/readyz")
            taken.append(step(service, ("topics",), python(f"services.{service}", "worker"), plan.told(service), ready))
        taken.append(
            step("streams", ("topics",), python("services.intake", "streams"), plan.told("intake"), lambda: True)
        )
        if stand_ins := [name for name in ("mail", "issuer", "gateway") if plan.here(name)]:
            ports = [plan.ports[name] for name in stand_ins]
            argv = python("deploy.local.devtools", *stand_ins)
            taken.insert(0, step("devtools", (), argv, plan.common(), lambda: all(map(child.listens, ports))))
        return taken

    def _say_where(self) -> None:
        plan = self.plan
        lines = [f"Consilium is ready ({self.elapsed():.0f} s).", ""]
        lines += [f"  Pages      {plan.public_url}", f"  Desk       {plan.public_url}/desk"]
        if plan.mail_url:
            lines.append(f"  Mail       {plan.mail_url}   (everything the services send ends here)")
        lines += [f"  Payments   {plan.gateway_url}   (sandbox)", f"  Kafka      {plan.kafka}"]
        if plan.here("issuer"):
            people = tomllib.loads(PEOPLE.read_text(encoding="utf-8"))["people"]
            lines += ["", "  Made-up staff to sign in as, by a click at the desk:"]
            lines += [f"    {person['name']:<20} {', '.join(person['roles']).replace('_', ' ')}" for person in people]
        lines += [
            "",
            "  Patients sign in by the links in their mail. Logs: ./consilium logs. Stop: Ctrl-C, or ./consilium down.",
            "",
        ]
        print("\n".join(lines), flush=True)

    def _keep(self) -> None:
        while not self.stopping:
            for line in self.supervisor.look():
                self.tell(line)
            self._keep_servers()
            time.sleep(0.2)

    def _keep_servers(self) -> None:
        if time.monotonic() - self._servers_since < 2:
            return
        for server, name in ((self.postgres, "PostgreSQL"), (self.kafka, "Kafka")):
            if server is not None and server.ended:
                self.tell(f"{name} ended; it is started again. Its log: {server.log}")
                server.spawn()
                self._servers_since = time.monotonic()

    def _stop(self) -> None:
        self.tell("Stopping …")
        self.supervisor.stop()
        if self._making is not None:
            child.stop(self._making)
        with ThreadPoolExecutor(2) as pool:
            list(
                pool.map(
                    lambda server: server.stop(),
                    [server for server in (self.kafka, self.postgres) if server is not None],
                )
            )

    def tell(self, line: str) -> None:
        """A line of progress."""
        print(f"  {line}", file=sys.stderr, flush=True)

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self.began


def ports_are_free(plan: Plan, patience: float = 6) -> None:
    """Raise Trouble for a port in use; a short wait first, as a killed run's processes may be on their way out."""
    deadline = time.monotonic() + patience
    while taken := next(((name, port) for name, port in plan.used_ports.items() if not is_free(port)), None):
        if time.monotonic() > deadline:
            name, port = taken
            raise Trouble(
                f"Port {port} ({name.replace('_', ' ')}) is in use by another program. Stop that program, "
                f"or choose another port: {port_variable(name)}={port + 100} ./consilium up"
            )
        time.sleep(0.2)


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return not child.listens(port)


def tidy_logs(logs: Path) -> None:
    """Put large logs of earlier runs aside."""
    logs.mkdir(parents=True, exist_ok=True)
    for log in [*logs.glob("*.log"), *logs.parent.glob("*.log")]:
        if log.stat().st_size > LOG_LIMIT:
            shutil.move(log, log.with_suffix(".old"))


def detach(plan: Plan) -> None:
    """Start a run that outlives us; return when it is ready. Raises Trouble when it isn't."""
    writable(plan.folder)
    (plan.folder / "logs").mkdir(exist_ok=True)
    log = plan.folder / "logs" / "up.log"
    with log.open("wb") as output:
        started = subprocess.Popen(
            python("deploy.local", "up"),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    shown = 0
    while True:
        status = started.poll()
        shown += _show(log, shown)
        if status is not None:
            sys.exit(status or 1)
        found = running.Running.find(plan.folder)
        if found is not None and found.pid == started.pid and found.ready:
            time.sleep(0.2)
            _show(log, shown)
            return
        time.sleep(0.1)


def _show(log: Path, since: int) -> int:
    with log.open("rb") as file:
        file.seek(since)
        text = file.read()
    sys.stderr.write(text.decode(errors="replace"))
    sys.stderr.flush()
    return len(text)
