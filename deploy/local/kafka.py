"""Apache Kafka on this machine: one KRaft node, the real broker, on whatever Java there is.

Facts survive a restart and a SIGKILL. Topics come from `deploy/kafka/topics.yaml`; a topic that nobody declared is never created.
"""

import asyncio
import os
import shutil
import signal
import subprocess
import uuid
from asyncio import to_thread
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from deploy.local import child
from deploy.local.java import find_java, jars
from deploy.local.trouble import Trouble

VERSION = "4.4.0"
COORDINATES = (f"org.apache.kafka:kafka_2.13:{VERSION}",)
TOPICS = Path(__file__).parents[1] / "kafka" / "topics.yaml"
JAVA_OPTIONS = (
    "-Xms64m",
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",  # the second compiler takes 5 s of a start's 13 s of processor time
    "-XX:MaxDirectMemorySize=96m",
    "-XX:ReservedCodeCacheSize=48m",
    "-XX:MaxMetaspaceSize=128m",
    "-Xss512k",
    "-Djava.awt.headless=true",
)
SETTINGS: Mapping[str, str] = {
    "process.roles": "broker,controller",
    "node.id": "1",
    "inter.broker.listener.name": "PLAINTEXT",
    "controller.listener.names": "CONTROLLER",
    "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
    "auto.create.topics.enable": "false",
    "num.partitions": "6",
    "default.replication.factor": "1",
    "offsets.topic.replication.factor": "1",
    "offsets.topic.num.partitions": "5",
    "transaction.state.log.replication.factor": "1",
    "transaction.state.log.min.isr": "1",
    "transaction.state.log.num.partitions": "3",
    "share.coordinator.state.topic.replication.factor": "1",
    "share.coordinator.state.topic.min.isr": "1",
    "share.coordinator.state.topic.num.partitions": "1",
    "group.initial.rebalance.delay.ms": "0",
    "group.min.session.timeout.ms": "1000",
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "log.retention.ms": "-1",
    "log.cleaner.dedupe.buffer.size": "4194304",
    "log.cleaner.io.buffer.size": "65536",
    "log.index.size.max.bytes": "1048576",
    "num.network.threads": "2",
    "num.io.threads": "4",
    "background.threads": "2",
    "controlled.shutdown.enable": "true",
}
LOGGING = """Configuration:
  status: WARN
  Appenders:
    Console:
      name: out
      PatternLayout:
        pattern: "[%d] %p %m (%c)%n"
  Loggers:
    Root:
      level: WARN
      AppenderRef:
        - ref: out
"""


class LocalKafka:
    """One broker on `data`, used again when it exists. `port` 0 takes a free one, kept over restarts of this object.

    Also a context manager, plain and async. `bootstrap` is its address. `topics` None leaves the topics to the caller.
    """

    def __init__(
        self,
        data: Path,
        *,
        port: int = 0,
        controller_port: int = 0,
        remembered: Path | None = None,
        settings: Mapping[str, str] | None = None,
        topics: Path | None = TOPICS,
    ) -> None:
        self.data = data
        self.port = port
        self.log = data.parent / f"{data.name}.log"
        self.topics = topics
        self._controller = controller_port
        self._remembered = remembered or data.parent / f"kafka-{VERSION}.jars"
        self._settings = {**SETTINGS, **(settings or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The broker's process id."""
        if self._process is None:
            raise RuntimeError("Kafka is not running")
        return self._process.pid

    @property
    def ended(self) -> bool:
        """Whether it was started and has ended without being told to."""
        return self._process is not None and self._process.poll() is not None

    @property
    def bootstrap(self) -> str:
        """The broker's address."""
        return f"127.0.0.1:{self.port}"

    def prepare(self) -> None:
        """Fetch the jars and format the data folder when that was not done; a half-formatted one is made anew."""
        self._java = find_java()
        self._class_path = os.pathsep.join(str(jar) for jar in jars(COORDINATES, self._remembered))
        self.port = self.port or child.free_port()
        self._controller = self._controller or child.free_port()
        ready = self.data / "consilium.ready"
        if not ready.exists():
            shutil.rmtree(self.data, ignore_errors=True)
            self.data.mkdir(parents=True)
            self._write_settings()
            self._format()
            ready.touch()
        self._write_settings()

    def _write_settings(self) -> None:
        listeners = {
            "listeners": f"PLAINTEXT://127.0.0.1:{self.port},CONTROLLER://127.0.0.1:{self._controller}",
            "advertised.listeners": f"PLAINTEXT://127.0.0.1:{self.port}",
            "controller.quorum.voters": f"1@127.0.0.1:{self._controller}",
            "log.dirs": str(self.data / "log"),
        }
        lines = [f"{name}={value}" for name, value in {**self._settings, **listeners}.items()]
        (self.data / "server.properties").write_text("\n".join(lines) + "\n")
        (self.data / "log4j2.yaml").write_text(LOGGING)

    def _command(self, main: str, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self.data / 'log4j2.yaml'}"
        return [str(self._java), *JAVA_OPTIONS, logging, "-cp", self._class_path, main, *arguments]

    def _format(self) -> None:
        argv = self._command(
            "kafka.tools.StorageTool", "format", "-t", new_cluster_id(), "-c", str(self.data / "server.properties")
        )
        made = subprocess.run(argv, capture_output=True, text=True, check=False)
        if made.returncode != 0:
            raise Trouble(f"Kafka could not format its data folder {self.data}: {(made.stderr or made.stdout).strip()}")

    def spawn(self) -> None:
        """Start the broker without waiting for it. Call `wait_ready` after."""
        self._process = child.spawn(self._command("kafka.Kafka", str(self.data / "server.properties")), log=self.log)

    def wait_ready(self, seconds: float = 180) -> None:
        """Wait until the broker answers and its topics are there."""
        assert self._process is not None
        child.wait_until(
            lambda: child.listens(self.port), process=self._process, log=self.log, what="Kafka", seconds=seconds
        )
        if self.topics is not None:
            asyncio.run(create_topics(self.bootstrap, self.topics))

    def start(self) -> Self:
        """Make what is missing, start, and wait until it serves."""
        self.prepare()
        self.spawn()
        self.wait_ready()
        return self

    async def start_async(self) -> Self:
        """`start` for an event loop."""
        await to_thread(self.prepare)
        self.spawn()
        await to_thread(self.wait_ready)
        return self

    def stop(self) -> None:
        """End the broker in order."""
        if self._process is not None:
            child.stop(self._process, signal.SIGTERM)
            self._process = None

    def kill(self) -> None:
        """SIGKILL the broker; what it acknowledged stays."""
        assert self._process is not None
        child.kill_group(self._process)
        self._process = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await self.start_async()

    async def __aexit__(self, *_: object) -> None:
        await to_thread(self.stop)


def new_cluster_id() -> str:
    """A random id in the form that Kafka writes. One that begins with "-" would be read as an option; Kafka makes none either."""
    while (made := urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return made


def declared_topics(file: Path = TOPICS) -> list[dict[str, Any]]:
    """The topics as declared: name, partitions, config."""
    import yaml

    topics: list[dict[str, Any]] = yaml.safe_load(file.read_text())["topics"]
    return topics


async def create_topics(bootstrap: str, file: Path = TOPICS, seconds: float = 180) -> None:
    """Create the declared topics that are missing; wait for a broker that is still starting."""
    from aiokafka.admin import AIOKafkaAdminClient, NewTopic
    from aiokafka.errors import KafkaError

    deadline = asyncio.get_running_loop().time() + seconds
    while True:
        admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=10_000)
        try:
            await admin.start()
            there = set(await admin.list_topics())
            missing = [topic for topic in declared_topics(file) if topic["name"] not in there]
            replicas = min(3, len((await admin.describe_cluster())["brokers"]))
            await admin.create_topics(
                [
                    NewTopic(
                        name=topic["name"],
                        num_partitions=topic["partitions"],
                        replication_factor=replicas,
                        topic_configs={key: str(value) for key, value in topic.get("config", {}).items()},
                    )
                    for topic in missing
                ]
            )
        except KafkaError as problem:
            if asyncio.get_running_loop().time() > deadline:
                raise Trouble(
                    f"No Kafka answers at {bootstrap} ({problem}). Start it, or correct KAFKA_BOOTSTRAP."
                ) from problem
            await asyncio.sleep(0.2)
        else:
            return
        finally:
            await admin.close()
