"""Kafka's official image for testcontainers, whose own class is for another one."""

import io
import tarfile
from typing import Any, Self

from testcontainers.core.container import DockerContainer
from testcontainers.core.wait_strategies import LogMessageWaitStrategy

from deploy.local.kafka import SETTINGS

SCRIPT = "/tmp/start.sh"
PORT = 9092


class ApacheKafkaContainer(DockerContainer):
    """One KRaft node. The advertised port is known only once the container runs, so its command waits for a script."""

    def __init__(self, image: str, **options: Any) -> None:
        super().__init__(image, **options)
        self.with_exposed_ports(PORT)
        self.with_command(["sh", "-c", f"until [ -s {SCRIPT} ]; do sleep 0.1; done; exec sh {SCRIPT}"])
        here = {
            "controller.quorum.voters": "1@localhost:9094",
            "listeners": f"PLAINTEXT://:{PORT},BROKER://:9093,CONTROLLER://:9094",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "inter.broker.listener.name": "BROKER",
            "heap.opts": "-Xms64m -Xmx384m",
        }
        named = {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in {**SETTINGS, **here}.items()}
        self.with_envs(**named)

    @property
    def bootstrap(self) -> str:
        """The broker's address, seen from the host."""
        return f"{self.get_container_host_ip()}:{self.get_exposed_port(PORT)}"

    def start(self) -> Self:
        """Start, and wait until the broker says that it has."""
        super().start()
        listeners = f"PLAINTEXT://{self.bootstrap},BROKER://localhost:9093"
        writable = (
            "chmod -f u+w /etc/kafka/docker/*.yaml /opt/kafka/config/*.yaml || true"  # an image may hold them read-only
        )
        script = f"export KAFKA_ADVERTISED_LISTENERS={listeners}\n{writable}\nexec /etc/kafka/docker/run\n".encode()
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            entry = tarfile.TarInfo(SCRIPT.lstrip("/"))
            entry.size = len(script)
            entry.mode = 0o644
            tar.addfile(entry, io.BytesIO(script))
        self.get_wrapped_container().put_archive("/", archive.getvalue())
        LogMessageWaitStrategy("Kafka Server started").with_startup_timeout(60).wait_until_ready(self)
        return self
