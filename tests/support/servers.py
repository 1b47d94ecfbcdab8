"""The servers that tests talk to, always real: one PostgreSQL and one Kafka for a whole test run, however many workers it has.

`address(kind, environment, folder)` answers where one is: at the address in the environment; else in a container, when
a Docker engine answers and has the image; else in a local process. Whoever asks first starts a keeper process, which
stops its server when the run that owns it is over, however that run ended.
"""

import argparse
import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

from filelock import FileLock

ROOT = Path(__file__).parents[2]
POSTGRES_IMAGE = "postgres:17"
KAFKA_IMAGE = "apache/kafka:4.4.0"
PATIENCE = 180.0


def address(kind: str, environment: str, folder: Path) -> str:
    """The address of the run's server of this kind ("postgres" or "kafka"), started at first need."""
    given = os.environ.get(environment)
    if given:
        return given
    note = folder / f"{kind}.json"
    with FileLock(folder / f"{kind}.lock"):
        if not note.exists():
            _start_keeper(kind, folder, note)
    return str(json.loads(note.read_text())["address"])


def _start_keeper(kind: str, folder: Path, note: Path) -> None:
    log = folder / f"{kind}-keeper.log"
    owner = os.environ["CONSILIUM_TEST_OWNER"]
    argv = [sys.executable, "-m", "tests.support.servers", kind, "--owner", owner, "--folder", str(folder)]
    with log.open("wb") as output:
        into_log = [(os.POSIX_SPAWN_DUP2, output.fileno(), 1), (os.POSIX_SPAWN_DUP2, output.fileno(), 2)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        keeper = os.posix_spawn(sys.executable, argv, environment, file_actions=into_log, setsid=True)
    deadline = time.monotonic() + PATIENCE
    while not note.exists():
        if not _alive(keeper) or time.monotonic() > deadline:
            raise RuntimeError(f"the tests' {kind} did not start:\n{log.read_text(errors='replace')[-4000:]}")
        time.sleep(0.05)


def stop_all(folder: Path, seconds: float = 30) -> None:
    """Stop what the run's keepers keep, and wait until it is gone."""
    for note in folder.glob("*.json"):
        pid = int(json.loads(note.read_text())["pid"])
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + seconds
        while _alive(pid) and time.monotonic() < deadline:
            time.sleep(0.05)


def _alive(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        if os.waitpid(pid, os.WNOHANG)[0] == pid:  # our own child, and it has ended
            return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def image_is_here(image: str) -> bool:
    """Whether a Docker engine answers and has the image already; nothing is ever pulled."""
    if os.environ.get("TEST_SERVERS") == "local":
        return False
    try:
        import docker

        client = docker.from_env(timeout=5)
        try:
            client.images.get(image)
        finally:
            client.close()
    except Exception:  # noqa: BLE001  (no engine, no image, no right to ask: each means local processes)
        return False
    return True


@contextlib.contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """A PostgreSQL whose data is thrown away; gives the administrator's address."""
    from deploy.local.postgres import DISPOSABLE, LocalPostgres

    if not image_is_here(POSTGRES_IMAGE):
        with LocalPostgres(folder / "postgres", settings=DISPOSABLE) as server:
            yield server.url()
        return
    from testcontainers.community.postgres import PostgresContainer

    container = PostgresContainer(
        POSTGRES_IMAGE, username="postgres", password="postgres", dbname="postgres", driver=None
    )
    settings = [
        f"-c {name}={value}" for name, value in {**DISPOSABLE, "max_connections": "250", "timezone": "UTC"}.items()
    ]
    with container.with_command(" ".join(["postgres", *settings])) as running:
        yield running.get_connection_url()


@contextlib.contextmanager
def kafka(folder: Path) -> Iterator[str]:
    """A Kafka with the declared topics; gives its address."""
    from deploy.local.kafka import LocalKafka, create_topics
    from deploy.local.places import state

    if not image_is_here(KAFKA_IMAGE):
        with LocalKafka(folder / "kafka", remembered=state() / "kafka.jars") as server:
            yield server.bootstrap
        return
    import asyncio

    from tests.support.kafka_container import ApacheKafkaContainer

    with ApacheKafkaContainer(KAFKA_IMAGE) as running:
        asyncio.run(create_topics(running.bootstrap))
        yield running.bootstrap


def _keep(kind: str, owner: int, folder: Path) -> None:
    stopping = False

    def stop(_number: int, _frame: FrameType | None) -> None:
        nonlocal stopping
        stopping = True

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with {"postgres": postgres, "kafka": kafka}[kind](folder) as where:
        draft = folder / f"{kind}.draft"
        draft.write_text(json.dumps({"address": where, "pid": os.getpid()}))
        draft.replace(folder / f"{kind}.json")
        while not stopping and _alive(owner):
            time.sleep(0.2)


if __name__ == "__main__":
    os.environ.setdefault("TESTCONTAINERS_RYUK_DISABLED", "true")
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["postgres", "kafka"])
    parser.add_argument("--owner", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    chosen = parser.parse_args()
    _keep(chosen.kind, chosen.owner, chosen.folder)
